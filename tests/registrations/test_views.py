"""Registering and one's own page: the same answer for everybody, and no GET changes anything."""

import pytest
from django.urls import reverse

from outbox.models import Message
from registrations import links
from registrations.models import Registration, StatusChange, new_link_key
from tests.factories import EventFactory, JurisdictionFactory, registered, verified

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return EventFactory(capacity_in_person=1)


def said(jurisdiction, email="ana@example.org", **more):
    return {
        "given_name": "Ana",
        "family_name": "Müller",
        "email": email,
        "jurisdiction": jurisdiction.pk,
        **more,
    }


def send(client, event, email="ana@example.org", **more):
    jurisdiction = JurisdictionFactory()
    return client.post(reverse("register", args=[event.slug]), said(jurisdiction, email, **more))


def test_the_answer_is_the_same_for_a_known_and_an_unknown_address(client, event):
    registered(event, 1)
    known = send(client, event, "person1@example.org")
    unknown = send(client, event, "nobody@example.org")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    page = client.get(known["Location"])
    assert page.status_code == 200
    assert "example.org" not in page.text.replace("organiser.example", "")


def test_the_form_says_at_each_field_what_to_do_and_keeps_what_was_typed(client, event):
    answer = client.post(
        reverse("register", args=[event.slug]), {"given_name": "Ana", "email": "ana@@example"}
    )
    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        "family_name": ["Enter your family name."],
        "email": ["Enter an e-mail address like name@example.org."],
        "jurisdiction": ["Choose your country or jurisdiction."],
    }
    assert "<title>Error: " in answer.text
    assert 'value="Ana"' in answer.text
    assert Registration.objects.count() == 0


def test_a_likely_slip_in_the_domain_is_suggested_and_may_be_kept(client, event):
    first = send(client, event, "ana@gmial.com")
    assert "Did you mean ana@gmail.com?" in first.text
    again = send(client, event, "ana@gmial.com", kept_email="ana@gmial.com")
    assert again.status_code == 302
    assert Registration.objects.get().email == "ana@gmial.com"


@pytest.mark.parametrize(
    "email", ["a@example.org,b@example.org", "a@example.org\nBcc: b@example.org"]
)
def test_an_address_that_is_two_is_refused(client, event, email):
    assert send(client, event, email).status_code == 422
    assert Message.objects.count() == 0


def test_a_closed_event_takes_nobody_and_says_why(client):
    event = EventFactory(entry="invitation")
    answer = send(client, event)
    assert answer.status_code == 409
    assert Registration.objects.count() == 0


def test_a_draft_is_not_there(client):
    event = EventFactory(draft=True)
    for name in ("event", "register", "registered", "event_calendar"):
        assert client.get(reverse(name, args=[event.slug])).status_code == 404


def test_opening_pages_changes_nothing(client, event):
    registration = registered(event, 1)
    token = links.token_of(registration)
    before = (StatusChange.objects.count(), Message.objects.count())
    for name in ("registration", "registration_cancel", "registration_calendar"):
        assert client.get(reverse(name, args=[token])).status_code == 200
    for name in ("registration_verify", "registration_accept"):
        assert client.get(reverse(name, args=[token])).status_code == 405
    registration.refresh_from_db()
    assert registration.status == "unverified"
    assert (StatusChange.objects.count(), Message.objects.count()) == before


def test_the_personal_page_is_kept_from_caches_robots_and_other_sites(client, event):
    page = client.get(reverse("registration", args=[links.token_of(registered(event, 1))]))
    assert "no-store" in page["Cache-Control"]
    assert "private" in page["Cache-Control"]
    assert page["X-Robots-Tag"] == "noindex"
    assert page["Referrer-Policy"] == "same-origin"


def test_the_link_to_join_is_shown_to_confirmed_people_alone(client):
    event = EventFactory(
        online=True, capacity_online=1, join_url="https://meet.example/secret-room"
    )
    comes = verified(event, 1, mode="online")
    waits = verified(event, 2, mode="online")
    assert "secret-room" in client.get(reverse("registration", args=[links.token_of(comes)])).text
    assert (
        "secret-room" not in client.get(reverse("registration", args=[links.token_of(waits)])).text
    )
    for address in (
        event.get_absolute_url(),
        reverse("event_calendar", args=[event.slug]),
        reverse("calendar_all"),
        f"/api/v1/events/{event.slug}/",
    ):
        assert b"secret-room" not in client.get(address).content


def test_a_token_opens_nothing_once_altered_or_renewed(client, event):
    registration, other = registered(event, 1), registered(event, 2)
    token = links.token_of(registration)
    assert links.find(token) == registration
    altered = token[:-1] + ("a" if token[-1] != "a" else "b")
    swapped = other.reference + token[8:]
    for wrong in (altered, swapped, token.upper(), "x", registration.reference, token + "a"):
        assert client.get(reverse("registration", args=[wrong])).status_code == 404
    registration.link_key = new_link_key()
    registration.save()
    assert links.find(token) is None


def test_markup_in_names_and_titles_is_text_everywhere(client):
    event = EventFactory(title="<script>alert(1)</script> & {{ event }}", capacity_in_person=5)
    registration = verified(event, 1, given_name="<b>Ana</b>", family_name="{{ 7|add:7 }}")
    for address in (
        "/",
        "/events/",
        event.get_absolute_url(),
        reverse("register", args=[event.slug]),
        reverse("registration", args=[links.token_of(registration)]),
    ):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "<b>Ana" not in page
    confirmation = Message.objects.get(key__endswith="/confirmed")
    assert "<script>" not in confirmation.html
    assert "<b>Ana</b> {{ 7|add:7 }}" in confirmation.text
