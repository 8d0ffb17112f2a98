"""What a mail says of itself, as a real server takes it and Python's own parser reads it."""

import re

import pytest
from django.core.exceptions import ImproperlyConfigured

from events_site.mail_environment import bare_address
from outbox import lists
from outbox.addresses import RefusedAddress, clean_address
from outbox.models import Message
from tests.delivering import deliver

pytestmark = pytest.mark.django_db


def sent(smtp_server, **fields):
    """The mail as the server has it, with its bytes."""
    message = Message.objects.create(
        **{"key": "a", "recipient": "ana@example.org", "subject": "S", "text": "Good day\n"}
        | fields
    )
    assert deliver(message.pk), Message.objects.get(pk=message.pk).last_error
    return message, smtp_server.messages[-1], smtp_server.taken[-1]


def test_every_mail_says_who_writes_to_whom_in_which_language(smtp_server):
    message, mail, _raw = sent(
        smtp_server,
        recipient_name="Ana Lima",
        sender_name="Confederation of European Probation",
        reply_to="desk@cep.example",
        language="fr",
    )
    assert str(mail["To"]) == "Ana Lima <ana@example.org>"
    assert str(mail["From"]) == "Confederation of European Probation <events@plenary.test>"
    assert str(mail["Reply-To"]) == "desk@cep.example"
    assert mail["Message-ID"] == message.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "fr"
    assert mail["Date"].datetime.tzinfo is not None
    assert (mail["Cc"], mail["Bcc"]) == (None, None)
    assert smtp_server.envelopes == [("events@plenary.test", ["ana@example.org"])]


def test_mail_on_no_list_names_none(smtp_server):
    _message, mail, _raw = sent(smtp_server)
    assert [name for name in mail if name.lower().startswith("list-")] == []


def test_a_repeat_is_the_same_to_the_byte_but_for_its_date(smtp_server):
    """The receiver may fold the two, and whoever compares them finds no difference (RFC 5322 3.6.4)."""
    words = {
        "html": "<p>Zoë</p>",
        "calendar": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
        "calendar_method": "REQUEST",
    }
    message, _mail, first = sent(smtp_server, recipient_name="Zoë", **words)
    Message.objects.update(state="waiting", sent_at=None)
    assert deliver(message.pk)
    first, second = (
        re.sub(rb"\r\nDate: [^\r]*", b"", raw) for raw in (first, smtp_server.taken[-1])
    )
    assert first == second


def test_words_that_look_like_a_boundary_stay_words(smtp_server):
    _message, _mail, raw = sent(smtp_server, text="one\n", html="<p>one</p>")
    boundary = re.search(rb'boundary="([^"]+)"', raw)[1].decode()
    text = f"--{boundary}\nContent-Type: text/html\n\nforged\n--{boundary}--\n"
    Message.objects.all().delete()
    _message, mail, _raw = sent(smtp_server, text=text, html="<p>one</p>")
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == text
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("list_name", "list_id"), [("event/12", None), ("newsletter", "<newsletter.plenary.test>")]
)
def test_mail_on_a_list_can_be_left_by_one_press_of_the_mail_program(
    smtp_server, settings, list_name, list_id
):
    settings.SITE_HOST = "plenary.test"
    long = "a" * 64 + "@" + ".".join(["d" * 59] * 3) + ".example"
    message, mail, raw = sent(smtp_server, recipient=long, list_name=list_name)
    assert mail["List-Unsubscribe"] == f"<{lists.url_for(long, list_name)}>"
    assert f"\r\nList-Unsubscribe: <{lists.unsubscribe_url(message)}>\r\n".encode() in raw
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Id"] == list_id


@pytest.mark.parametrize(
    "name",
    [
        'Ana "the Boss" Lima',
        "Lima, Ana",
        "Zoë Ångström-Øst",
        "Олена Ковальчук",
        "Ana <ana@else.example>",
        "Ana (Lisbon); Bo: x@y, \\",
        "=?utf-8?q?Bo?=",
    ],
)
def test_a_name_with_odd_characters_stays_one_name(smtp_server, name):
    _message, mail, _raw = sent(smtp_server, recipient_name=name, sender_name=name)
    for header, address in (("To", "ana@example.org"), ("From", "events@plenary.test")):
        [found] = mail[header].addresses
        assert found.addr_spec == address
        assert found.display_name == ("Bo" if name.startswith("=?") else name)
    assert smtp_server.envelopes == [("events@plenary.test", ["ana@example.org"])]


def test_long_words_are_folded_and_read_back_as_written(smtp_server):
    subject = "Résumé " + "word " * 30 + "x" * 120
    text = "ü" * 3000 + "\n" + "y" * 5000 + "\n.\n..dots\nFrom here\n"
    _message, mail, raw = sent(
        smtp_server, subject=subject, text=text, html=f"<p>{'z' * 4000}</p>", list_name="newsletter"
    )
    assert str(mail["Subject"]) == subject
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == text
    assert "z" * 4000 in mail.get_body(("html",)).get_content()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert not re.search(rb"[^\r]\n|\r[^\n]", raw)
    headers = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line for line in headers if len(line) > 78 and not line.startswith(b"List-")] == []
    assert raw.isascii()


@pytest.mark.parametrize(
    ("address", "in_ascii"),
    [
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("o'neil+a=b/c@example.org", "o'neil+a=b/c@example.org"),
        ("=1+1@e.com", "=1+1@e.com"),
        ("{a|b}!#$%&*?^`~@example.org", "{a|b}!#$%&*?^`~@example.org"),
    ],
)
def test_an_odd_address_arrives_as_it_is(smtp_server, address, in_ascii):
    _message, mail, _raw = sent(smtp_server, recipient=address, recipient_name="Ana")
    [found] = mail["To"].addresses
    assert found.addr_spec == in_ascii
    assert smtp_server.envelopes[0][1] == [in_ascii]


@pytest.mark.parametrize(
    ("address", "clean"),
    [
        ("Ana@Bücher.example", "Ana@xn--bcher-kva.example"),
        ("ana@straße.example", "ana@xn--strae-oqa.example"),
        ("=1+1@e.com", "=1+1@e.com"),
        ("-a@example.org", "-a@example.org"),
    ],
)
def test_an_odd_address_is_taken_with_its_domain_in_ascii(address, clean):
    assert clean_address(address) == clean


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?ana?=@example.org",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        "a@[IPv6:::1]",
        '"a b"@example.org',
        '"a@b"@example.org',
        "a@b@example.org",
        "a@example.org,b@example.org",
        "a@example.org;b@example.org",
        "a@example.org b@example.org",
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\u2028x",
        "a\x00@example.org",
        "a@exam\u00adple..org",
        "josé@example.org",
        "a..b@example.org",
        ".a@example.org",
        "a" * 65 + "@example.org",
        "a@" + ".".join(["d" * 60] * 5) + ".org",
        "a@-example.org",
        "a@\u202eexample.org",
    ],
)
def test_a_harmful_address_is_refused_with_a_reason(address):
    with pytest.raises(RefusedAddress) as refused:
        clean_address(address)
    assert str(refused.value.why).endswith(".")


def test_the_sender_may_be_given_with_a_name():
    assert bare_address("DEFAULT_FROM_EMAIL", "Events <events@example.org>") == "events@example.org"
    for wrong in ("", "events", "a@example.org, b@example.org"):
        with pytest.raises(ImproperlyConfigured, match="DEFAULT_FROM_EMAIL must be one address"):
            bare_address("DEFAULT_FROM_EMAIL", wrong)
