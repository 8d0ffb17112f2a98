"""The pages behind the link of an invitation: opening changes nothing, a press answers, the form registers at once."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from events.models import Entry
from outbox.models import Message
from registrations import invitations, links, seats
from registrations.models import Invitation, Registration, Status, StatusChange
from tests.factories import (
    EventFactory,
    InvitationFactory,
    JurisdictionFactory,
    person,
    registered,
    terms,
    verified,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return EventFactory(entry=Entry.INVITATION, capacity_in_person=1)


@pytest.fixture
def invitation(event):
    return InvitationFactory(
        event=event, email="ana@example.org", name="Ana María Müller", organisation="Service <b>"
    )


def at(name: str, invitation: Invitation) -> str:
    return reverse(name, args=[links.invitation_token(invitation)])


def form(**more):
    return {
        "given_name": "Ana",
        "family_name": "Müller",
        "organisation": "Probation Service",
        "jurisdiction": JurisdictionFactory().pk,
        **more,
    }


def now_is(invitation: Invitation) -> str:
    return Invitation.objects.with_state().get(pk=invitation.pk).state


def test_opening_shows_the_event_and_who_is_invited_and_changes_nothing(client, invitation):
    page = client.get(at("invitation", invitation))
    assert page.status_code == 200
    assert invitation.event.title in page.text
    assert "Ana María Müller, you are invited to" in page.text
    assert "Service &lt;b&gt;" in page.text
    assert "ana@example.org" in page.text
    assert client.get(at("invitation_register", invitation)).status_code == 200
    for name in ("invitation_open", "invitation_decline"):
        assert client.get(at(name, invitation)).status_code == 405
    assert now_is(invitation) == "sent"
    assert Message.objects.count() == 0


@pytest.mark.parametrize("name", ["invitation", "invitation_register"])
def test_the_pages_are_kept_from_caches_robots_and_other_sites(client, invitation, name):
    page = client.get(at(name, invitation))
    assert {"no-store", "private"} <= set(page["Cache-Control"].split(", "))
    assert page["X-Robots-Tag"] == "noindex"
    assert page["Referrer-Policy"] == "same-origin"


def test_the_press_on_register_leads_to_the_form_with_the_address_bound(client, invitation):
    answer = client.post(at("invitation_open", invitation))
    assert answer["Location"] == at("invitation_register", invitation)
    assert now_is(invitation) == "opened"

    page = client.get(answer["Location"])
    assert page.context["form"].initial["given_name"] == "Ana María"
    assert page.context["form"].initial["family_name"] == "Müller"
    assert "email" not in page.context["form"].fields
    assert "There is a place for you" in page.text
    assert "You are invited as ana@example.org" in page.text


def test_the_form_registers_and_leads_to_the_own_page(client, invitation):
    answer = client.post(at("invitation_register", invitation), form(email="mallory@example.org"))

    registration = Registration.objects.get()
    assert answer["Location"] == reverse("registration", args=[links.token_of(registration)])
    assert (registration.email, registration.status) == ("ana@example.org", Status.CONFIRMED)
    assert registration.invitation == invitation
    assert "You are coming" in client.get(answer["Location"]).text
    assert now_is(invitation) == "registered"


def test_sending_the_form_twice_leads_to_the_same_page(client, invitation):
    first, again = (client.post(at("invitation_register", invitation), form()) for _n in range(2))
    assert first["Location"] == again["Location"]
    assert Message.objects.count() == 1


def test_the_form_says_what_is_missing_and_keeps_what_was_typed(client, invitation):
    answer = client.post(at("invitation_register", invitation), {"given_name": "Anne"})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"family_name", "jurisdiction"}
    assert 'value="Anne"' in answer.text
    assert "<title>Error: " in answer.text
    assert Registration.objects.count() == 0


def test_the_form_says_that_all_places_are_taken_before_it_is_sent(client, event, invitation):
    seats.enrol(event, person=person(1), mode="in-person", by=None)
    page = client.get(at("invitation_register", invitation))
    assert "Full, waiting list" in page.text
    assert "All places are taken" in client.get(at("invitation", invitation)).text

    answer = client.post(at("invitation_register", invitation), form())
    assert "You are on the waiting list" in client.get(answer["Location"]).text


def test_the_rules_of_the_event_are_said_before_the_form(client, invitation):
    terms(invitation.event, most_per_organisation=2)
    page = client.get(at("invitation_register", invitation))
    assert "At most 2 people from one organisation have a place" in page.text
    answer = client.post(at("invitation_register", invitation), form(organisation=""))
    assert answer.status_code in {409, 422}
    assert "say which one you come from" in answer.text


def test_the_way_of_attending_is_asked_where_there_are_two(client):
    invitation = InvitationFactory(event=EventFactory(hybrid=True))
    page = client.get(at("invitation_register", invitation))
    assert "mode" in page.context["form"].fields
    client.post(at("invitation_register", invitation), form(mode="online"))
    assert Registration.objects.get().mode == "online"


def test_the_press_on_i_cannot_come_is_noted_and_can_be_taken_back(client, invitation):
    answer = client.post(at("invitation_decline", invitation), follow=True)
    assert now_is(invitation) == "declined"
    assert "I can come after all" in answer.text
    again = client.post(at("invitation_open", invitation))
    assert again["Location"] == at("invitation_register", invitation)
    assert now_is(invitation) == "opened"


def test_a_registered_person_is_shown_the_own_page_and_cannot_decline(client, invitation):
    client.post(at("invitation_register", invitation), form())
    registration = Registration.objects.get()
    own = reverse("registration", args=[links.token_of(registration)])

    page = client.get(at("invitation", invitation))
    assert "You have registered" in page.text
    assert own in page.text
    assert client.get(at("invitation_register", invitation))["Location"] == (
        at("invitation", invitation)
    )
    answer = client.post(at("invitation_decline", invitation))
    assert answer.status_code == 409
    assert "cancel the registration instead" in answer.text
    assert client.post(at("invitation_open", invitation))["Location"] == own


def test_somebody_who_registered_without_the_link_is_led_to_that_registration(client):
    event = EventFactory()
    registration = verified(event, 1)
    invitation = InvitationFactory(event=event, email="PERSON1@example.org")

    page = client.get(at("invitation", invitation))
    assert "You have registered" in page.text
    answer = client.post(at("invitation_open", invitation))

    registration.refresh_from_db()
    assert answer["Location"] == reverse("registration", args=[links.token_of(registration)])
    assert registration.invitation == invitation


@pytest.mark.parametrize("status", ["cancelled", "postponed"])
def test_an_event_that_is_off_takes_no_answer_and_says_why(client, invitation, status):
    invitation.event.status = status
    invitation.event.save()
    page = client.get(at("invitation", invitation))
    assert status in page.text
    assert "<form" not in page.text.partition("<main")[2].partition("</main")[0]
    assert client.get(at("invitation_register", invitation)).status_code == 302
    assert client.post(at("invitation_open", invitation)).status_code == 409
    assert client.post(at("invitation_register", invitation), form()).status_code == 409
    assert Registration.objects.count() == 0


def test_a_closed_event_lets_nobody_change_a_refusal(client, invitation):
    invitations.decline(invitation)
    invitation.event.closes_at = timezone.now() - timedelta(hours=1)
    invitation.event.save()
    page = client.get(at("invitation", invitation))
    assert "Registration is closed." in page.text
    assert "I can come after all" not in page.text
    assert client.post(at("invitation_open", invitation)).status_code == 409
    assert now_is(invitation) == "declined"


def test_a_withdrawn_invitation_is_not_there(client, invitation):
    addresses = [at(name, invitation) for name in ("invitation", "invitation_register")]
    invitations.take_back(invitation)
    for address in addresses:
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404


def test_a_link_of_a_registration_opens_no_invitation(client, event):
    other = registered(EventFactory(), 1)
    for name in ("invitation", "invitation_register"):
        assert client.get(reverse(name, args=[links.token_of(other)])).status_code == 404
    assert StatusChange.objects.count() == 1


@pytest.mark.parametrize("name", ["event", "register"])
def test_the_public_pages_say_what_an_invited_person_does(client, event, name):
    page = client.get(reverse(name, args=[event.slug]))
    assert "Use the link in your invitation." in page.text
    assert 'Lost it? Ask <a href="mailto:contact@organiser.example">' in page.text
