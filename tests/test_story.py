"""The main story, in the words of the design: one record from the first announcement to the published recap."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from accounts.models import Membership, Role
from events.models import Event
from outbox import delivery
from recaps.models import Article
from registrations import reminders
from registrations.models import Registration
from tests.factories import (
    PASSWORD,
    JurisdictionFactory,
    OrganisationFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
)
from tests.telling import write

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

TITLE = "Workshop on Transition from Prison to Probation: Continuity of Care and Control"
SENTENCE = (
    f"2 participants from 2 European countries and jurisdictions attended the {TITLE},"
    " organised jointly by CEP and EuroPris on 2–3 December 2025"
    " at the Centre for Legal Studies and Specialised Training (CEJFE) in Barcelona."
)


def signed_in(client, user):
    client.post(reverse("wagtailadmin_login"), {"username": user.email, "password": PASSWORD})
    assert client.get(reverse("wagtailadmin_home")).status_code == 200
    return client


def post_mail():
    """Deliver what is due; return the new mails by recipient."""
    mail.outbox.clear()
    delivery.deliver_due()
    return {message.to[0].split("<")[-1].rstrip(">"): message for message in mail.outbox}


def link_in(message):
    return re.search(r"http://\S+/r/\S+/", message.body)[0].removeprefix(
        "http://events.plenary.test"
    )


def entry_in(message):
    [part] = [p for p in message.message().walk() if p.get_param("method") and not p.get_filename()]
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    [entry] = calendar.events
    return calendar["METHOD"], entry


def said(given_name, jurisdiction):
    return {
        "given_name": given_name,
        "family_name": "Đorđević",
        "email": f"{given_name.lower()}@probation.example",
        "organisation": "Probation Service",
        "jurisdiction": jurisdiction.pk,
    }


@pytest.fixture
def network():
    cep = OrganisationFactory(
        slug="cep", name="Confederation of European Probation", short_name="CEP"
    )
    europris = OrganisationFactory(
        slug="europris", name="EuroPris Organisation", short_name="EuroPris"
    )
    organiser, editor = (
        UserFactory(email="organiser@cep.example"),
        UserFactory(email="editor@cep.example"),
    )
    Membership.objects.create(user=organiser, organisation=cep, role=Role.ORGANISER)
    Membership.objects.create(user=editor, organisation=cep, role=Role.EDITOR)
    return {
        "cep": cep,
        "europris": europris,
        "organiser": organiser,
        "editor": editor,
        "venue": VenueFactory(name="Centre for Legal Studies and Specialised Training (CEJFE)"),
        "topic": TopicFactory(slug="transition", name="Transition from prison"),
        "catalonia": JurisdictionFactory(code="ES-CT", country="ES", name="Catalonia"),
        "netherlands": JurisdictionFactory(code="NL", country="NL", name="Netherlands"),
    }


def test_the_main_story(client, network):
    catalonia, netherlands = network["catalonia"], network["netherlands"]
    organiser = Client()

    with time_machine.travel(datetime(2025, 10, 1, 8, tzinfo=UTC), tick=False) as clock:
        # 1. An organiser creates an event; the draft is a 404 to the public, and can be previewed.
        signed_in(organiser, network["organiser"])
        form = {
            "title": TITLE,
            "kind": "workshop",
            "format": "in-person",
            "starts_at": "2025-12-02T09:00",
            "ends_at": "2025-12-03T17:00",
            "timezone": "Europe/Madrid",
            "venue": network["venue"].pk,
            "organisers": [network["cep"].pk, network["europris"].pk],
            "topics": [network["topic"].pk],
            "capacity_in_person": 2,
            "summary": "Two days on the way out.",
            "entry": "open",
            "contact_email": "workshop@cep.example",
        }
        answer = organiser.post(reverse("desk_event_new"), form)
        event = Event.objects.get()
        assert answer.status_code == 302
        page = event.get_absolute_url()
        assert client.get(page).status_code == 404
        preview = organiser.get(reverse("desk_event_preview", args=[event.pk]))
        assert TITLE in preview.text
        organiser.post(reverse("desk_event_publish", args=[event.pk]))

        # 2. It is on the list, on its own page, in the feed, in its own file, in the API.
        assert TITLE in client.get("/events/").text
        assert 'data-state="few"' in client.get(page).text
        for address in ("/calendar/all.ics", f"{page}calendar.ics"):
            [entry] = Calendar.from_ical(client.get(address).content).events
            assert (entry["SUMMARY"], entry["UID"]) == (TITLE, str(event.uid))
            assert entry["DTSTART"].dt.isoformat() == "2025-12-02"
        [listed] = client.get("/api/v1/events/").json()["results"]
        assert (listed["slug"], listed["starts_at"]) == (event.slug, "2025-12-02T09:00:00+01:00")

        # 3. Three people register for two seats: by the form, and one through the API.
        clock.shift(timedelta(minutes=1))
        for name in ("Marta", "Joost"):
            answer = client.post(
                f"{page}register/", said(name, catalonia if name == "Marta" else netherlands)
            )
            assert answer.status_code == 302
            assert "mailbox" in client.get(answer["Location"]).text
            clock.shift(timedelta(minutes=1))
        answer = client.post(
            f"/api/v1/events/{event.slug}/registrations/",
            {**said("Ines", catalonia), "jurisdiction": "ES-CT"},
            content_type="application/json",
        )
        assert answer.status_code == 202
        assert list(Registration.objects.values_list("status", "seat")) == [
            ("unverified", 1),
            ("unverified", 2),
            ("unverified", None),
        ]

        # 4. The link in the mail shows a page with a button; the button confirms.
        asked = post_mail()
        links = {address: link_in(message) for address, message in asked.items()}
        for link in links.values():
            assert client.get(link).status_code == 200
        assert set(Registration.objects.values_list("status", flat=True)) == {"unverified"}
        for link in links.values():
            assert client.post(f"{link}verify/").status_code == 302
        marta, joost, ines = Registration.objects.all()
        assert (marta.status, joost.status, ines.status) == ("confirmed", "confirmed", "waiting")
        told = post_mail()
        assert told["ines@probation.example"].subject.endswith(
            "you are on the waiting list (not yet confirmed)"
        )
        confirmation = told["marta@probation.example"]
        assert confirmation.subject == f"{TITLE}: your place is confirmed"
        assert confirmation.alternatives[0].mimetype == "text/html"
        method, entry = entry_in(confirmation)
        assert (method, entry["UID"], entry["SEQUENCE"]) == ("REQUEST", str(event.uid), 0)

        # 5. A reminder seven days before, once; again for the moved event.
        clock.move_to(datetime(2025, 11, 25, 7, 59, tzinfo=UTC))
        assert reminders.post_due(datetime.now(UTC)) == 0
        clock.shift(timedelta(minutes=1))
        assert reminders.post_due(datetime.now(UTC)) == 2
        assert reminders.post_due(datetime.now(UTC)) == 0
        assert set(post_mail()) == {"marta@probation.example", "joost@probation.example"}
        signed_in(organiser, network["organiser"])
        edit = reverse("desk_event_edit", args=[event.pk])
        moved = {**form, "starts_at": "2025-12-02T10:00"}
        warnings = organiser.post(edit, moved).context["warnings"]
        assert warnings == [
            "2 people hold a place and get a mail.",
            "1 person waits and gets a mail too.",
            "They hear of it in 10 minutes, with all that you change until then.",
        ]
        answer = organiser.post(edit, {**moved, "confirmed": " ".join(warnings)})
        assert answer.status_code == 302
        write()
        assert post_mail() == {}
        clock.shift(timedelta(minutes=10))
        write()
        told = post_mail()["marta@probation.example"]
        assert "09:00–17:00, Madrid time (UTC+1) → " in told.body
        method, entry = entry_in(told)
        assert (method, entry["SEQUENCE"]) == ("REQUEST", 1)
        clock.move_to(datetime(2025, 11, 25, 9, 0, tzinfo=UTC))
        assert reminders.post_due(datetime.now(UTC)) == 2
        post_mail()

        # 6. Joost cancels by his link; the first in the queue is offered the seat, and takes it.
        client.get(f"{links['joost@probation.example']}cancel/")
        client.post(f"{links['joost@probation.example']}cancel/")
        told = post_mail()
        assert entry_in(told["joost@probation.example"])[0] == "CANCEL"
        assert told["ines@probation.example"].subject.endswith(
            "a place has come free for you (not yet confirmed)"
        )
        client.post(f"{links['ines@probation.example']}accept/")
        ines.refresh_from_db()
        assert (ines.status, ines.seat) == ("confirmed", 2)
        Registration.objects.filter(pk=ines.pk).update(jurisdiction=netherlands)
        assert "your place is confirmed" in post_mail()["ines@probation.example"].subject

        # 7. Staff tick attendance and sign off the figures.
        clock.move_to(datetime(2025, 12, 3, 17, tzinfo=UTC))
        signed_in(organiser, network["organiser"])
        organiser.post(
            reverse("desk_attendance", args=[event.pk]) + "?day=2025-12-02",
            {"shown": [marta.pk, ines.pk], "present": [marta.pk, ines.pk]},
        )
        figures = organiser.get(reverse("desk_figures", args=[event.pk]))
        assert SENTENCE in figures.text
        organiser.post(reverse("desk_sign_off", args=[event.pk]))
        signed = event.figures.get()
        assert (signed.participants, signed.jurisdictions) == (2, 2)
        assert signed.signed_off_by == network["organiser"]

        # 8. An editor presses "Write recap": the draft opens with the record.
        editor = signed_in(Client(), network["editor"])
        answer = editor.post(reverse("desk_recap", args=[event.pk]))
        article = Article.objects.get()
        assert article.body == f"<p>{SENTENCE}</p>"
        assert client.get(article.get_absolute_url()).status_code == 404
        edit = editor.get(answer["Location"])
        assert edit.status_code == 200
        article.save_revision(user=network["editor"]).publish()

        # 9. It is in the news, links to the event, and is linked from it.
        assert TITLE in client.get("/news/").text
        read = client.get(article.get_absolute_url()).text
        assert SENTENCE in read
        assert page in read
        assert article.get_absolute_url() in client.get(page).text
