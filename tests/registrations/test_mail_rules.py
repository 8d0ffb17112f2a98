"""Every message as a mail server takes it: the parts that mail and calendar programs look for, and nothing else."""

import re
from datetime import timedelta
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime

import pytest

from events import lifecycle
from outbox import delivery
from outbox.models import Message
from registrations import reminders, seats
from tests.delivering import deliver
from tests.events.calendar_rules import broken
from tests.factories import EventFactory, OrganisationFactory, VenueFactory, registered, verified
from tests.telling import settle

pytestmark = pytest.mark.django_db

SITE = "https://events.plenary.test"


@pytest.fixture(autouse=True)
def _at_home(settings):
    settings.SITE_URL = SITE


@pytest.fixture
def event():
    return EventFactory(
        title="Prison, probation: what next?",
        capacity_in_person=1,
        organiser=OrganisationFactory(name="Confederation", short_name="CEP, Utrecht"),
        venue=VenueFactory(name="Centre d'Estudis (CEJFE)"),
    )


def tells(event, moment) -> None:
    """Bring about the moment of one message to the first person, or to the second where there is a queue."""
    first = registered(event, 1) if moment in {"verify", "standing"} else verified(event, 1)
    if moment == "standing":
        event.registrations.update(created_at=event.created_at.replace(year=2020))
        registered(event, 1)
    elif moment == "reminder":
        event.registrations.update(confirmed_at=event.starts_at - timedelta(days=8))
        reminders.post_due(event.starts_at - timedelta(days=7))
    elif moment == "cancelled":
        seats.cancel(first)
    elif moment in {"waiting", "offered", "lapsed"}:
        second = verified(event, 2)
        if moment != "waiting":
            seats.cancel(first)
        if moment == "lapsed":
            second.refresh_from_db()
            seats.expire_lapsed(second.expires_at)
    elif moment == "changed":
        event.venue = VenueFactory(name="Elsewhere")
        lifecycle.apply_changes(event, by=None)
    elif moment == "postponed":
        lifecycle.postpone(event, by=None)
    elif moment == "event-cancelled":
        lifecycle.cancel(event, by=None)
    settle()


#: Each message with the METHOD of its calendar part, where it has one.
MOMENTS = {
    "verify": "",
    "standing": "",
    "confirmed": "REQUEST",
    "waiting": "",
    "offered": "",
    "lapsed": "",
    "reminder": "",
    "changed": "REQUEST",
    "postponed": "REQUEST",
    "cancelled": "CANCEL",
    "event-cancelled": "CANCEL",
}


def sent(event, moment, smtp_server) -> tuple[Message, EmailMessage, bytes]:
    """The message of a moment: its row, as read by a mail program, and its bytes."""
    tells(event, moment)
    [message] = Message.objects.filter(key__regex=rf"^registration/\d+/{moment}(/|$)")
    assert deliver(message.pk)
    return message, smtp_server.messages[-1], smtp_server.taken[-1]


@pytest.mark.parametrize(("moment", "method"), MOMENTS.items())
def test_message_has_the_parts_and_headers_that_programs_look_for(
    event, moment, method, smtp_server
):
    message, mail, content = sent(event, moment, smtp_server)

    # M1, M15, M20: the headers
    assert mail["From"].addresses[0].addr_spec == "events@plenary.test"
    assert mail["From"].addresses[0].display_name == "CEP, Utrecht"
    assert [one.addr_spec for one in mail["To"].addresses] == [message.recipient]
    assert mail["To"].addresses[0].display_name == message.recipient_name
    assert mail["Reply-To"] == "contact@organiser.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "en"
    assert mail["MIME-Version"] == "1.0"
    assert mail["Message-ID"] == message.message_id
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    assert str(mail["Subject"]).strip().startswith("Prison, probation: what next?")
    for name in ("Cc", "Bcc", "Sender"):
        assert mail[name] is None
    for name in ("From", "To", "Date", "Message-ID", "Subject", "MIME-Version"):
        assert len(mail.get_all(name)) == 1
    assert smtp_server.envelopes[-1] == ("events@plenary.test", [message.recipient])
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", content) is None
    assert max(len(line) for line in content.split(b"\r\n")) <= 998

    # M2 to M9: the alternatives in their order, and the file
    alternatives = mail if not method else next(mail.iter_parts())
    assert alternatives.get_content_type() == "multipart/alternative"
    parts = list(alternatives.iter_parts())
    kinds = ["text/plain", "text/html"] + ["text/calendar"] * bool(method)
    assert [part.get_content_type() for part in parts] == kinds
    if not method:
        return
    inline, attached = parts[-1], list(mail.iter_attachments())
    assert inline.get_content_charset() == "utf-8"
    assert inline.get_param("method") == method
    assert inline["Content-Transfer-Encoding"] == "base64"
    assert inline.get_content_disposition() in {None, "inline"}
    ics = inline.get_payload(decode=True)
    assert [(one.get_filename(), one.get_payload(decode=True)) for one in attached] == [
        ("event.ics", ics)
    ]
    # M10 to M17: what the calendar says
    assert broken(ics, channel="mail") == []
    unfolded = ics.decode().replace("\r\n ", "")
    assert f"METHOD:{method}\r\n" in unfolded
    assert f"mailto:{message.recipient}\r\n" in unfolded
    assert 'ORGANIZER;CN="CEP, Utrecht":mailto:events@plenary.test\r\n' in unfolded
    assert "/r/" not in unfolded


@pytest.mark.parametrize("moment", MOMENTS)
def test_text_and_html_say_the_same_facts(event, moment, smtp_server):
    message, mail, _content = sent(event, moment, smtp_server)
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    registration = event.registrations.get(email=message.recipient)

    for fact in (
        str(event.local_start.day),
        "Madrid time (UTC+",
        f"{SITE}{event.get_absolute_url()}",
        f"{SITE}/r/{registration.reference}-",
        registration.reference,
        "contact@organiser.example",
        "Ana Müller",
    ):
        assert fact in text
        assert fact in html
    assert event.venue.name in text
    assert not re.search(r"<[a-z/]|&\w+;|\{[{%]|None", text)
    assert not re.search(r"(src|srcset|background)=|url\(|@import|\{[{%]|>None<", html)


@pytest.mark.parametrize("moment", ["confirmed", "changed", "cancelled"])
def test_a_secret_link_is_the_persons_own(event, moment, smtp_server, client, settings):
    message, mail, _content = sent(event, moment, smtp_server)

    links = set(re.findall(rf"{SITE}(/r/\S+)", mail.get_body(("plain",)).get_content()))

    assert len(links) == 1
    assert client.get(links.pop()).context["registration"].email == message.recipient


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller-Lüdenscheidt", "Müller-Lüdenscheidt"),
        ("O'Neil, PhD", "O'Neil, PhD"),
        ('"Ana" <x@evil.example>', '"Ana" <x@evil.example>'),
        ("Ana\r\nBcc: x@evil.example", "Ana Bcc: x@evil.example"),
        ("אנה", "אנה"),
        ("a" * 100, "a" * 100),
    ],
)
def test_whatever_people_call_themselves_the_mail_goes_to_one_address(
    event, name, shown, smtp_server
):
    verified(event, 1, given_name=name, family_name="B")

    assert delivery.deliver_due() == 1

    [mail], [(_sender, recipients)] = smtp_server.messages, smtp_server.envelopes
    assert recipients == ["person1@example.org"]
    assert mail["Bcc"] is None
    [to] = mail["To"].addresses
    assert (to.display_name, to.addr_spec) == (f"{shown} B", "person1@example.org")
    assert parseaddr(str(to))[1] == "person1@example.org"
    [ics] = [part for part in mail.walk() if part.get_param("method") and not part.get_filename()]
    assert broken(ics.get_payload(decode=True), channel="mail") == []
