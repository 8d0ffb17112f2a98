"""Who is not reached by mail: staff see it, and staff, the person, or a mailed link that is followed lift it."""

import pytest
from django.urls import reverse

from outbox import returns
from outbox.models import Suppression
from registrations import links, mailed_link
from registrations.models import Status
from tests.factories import EventFactory, enrolled, registered

pytestmark = pytest.mark.django_db

SAID = "SMTPRecipientsRefused: 550 5.1.1 No such user <b>here</b>"


def bounce(registration, times=1):
    for _time in range(times):
        returns.note_bounce(registration.email.upper(), is_hard=True, reason=SAID, message=None)


@pytest.fixture
def registration(organisation):
    return enrolled(EventFactory(organiser=organisation))


@pytest.fixture
def page(registration):
    return reverse("desk_participant", args=[registration.event_id, registration.pk])


def test_the_list_of_people_marks_whose_mail_comes_back(desk, registration):
    address = reverse("desk_participants", args=[registration.event_id])
    assert "Mail comes back" not in desk.get(address).text
    bounce(registration)
    enrolled(registration.event, 2)
    assert desk.get(address).text.count("Mail comes back") == 1


@pytest.mark.parametrize(
    ("times", "consequence"),
    [
        (1, "It gets nothing that goes to many."),
        (3, "It gets no mail but what the person asks for."),
    ],
)
def test_the_page_of_a_person_says_what_came_back(desk, registration, page, times, consequence):
    assert "comes back" not in desk.get(page).text
    bounce(registration, times)
    text = desk.get(page).text
    assert (
        "Mail to this address comes back: the other server knows no such mailbox. " + consequence
    ) in text


def test_a_complaint_is_told_as_such(desk, registration, page):
    returns.note_complaint(registration.email, reason="abuse", message=None)
    assert "The reader has called our mail spam" in desk.get(page).text


def test_staff_try_again_and_it_is_noted(desk, registration, page, manager):
    bounce(registration)
    answer = desk.post(page, {"write_again": "yes"})
    assert answer["Location"] == page
    assert not Suppression.objects.exists()
    note = registration.changes.latest("pk")
    assert (note.reason, note.changed_by) == ("mail to this address is tried again", manager)
    assert "goes out again from now on" in desk.get(page).text


def test_a_person_sees_it_on_the_own_page_and_lifts_it(client, registration):
    own = reverse("registration", args=[links.token_of(registration)])
    button = reverse("registration_write_again", args=[links.token_of(registration)])
    assert button not in client.get(own).text
    bounce(registration)
    assert "My address works: write to me again" in client.get(own).text
    assert Suppression.objects.exists()
    assert client.post(button)["Location"] == own
    assert not Suppression.objects.exists()
    assert button not in client.get(own).text


def test_following_the_link_of_a_mail_proves_that_mail_arrives(client):
    registration = registered(EventFactory())
    bounce(registration)
    client.post(reverse("registration_verify", args=[links.token_of(registration)]))
    registration.refresh_from_db()
    assert registration.status == Status.CONFIRMED
    assert not Suppression.objects.exists()


def test_opening_my_page_by_mail_proves_it_too(client, registration):
    bounce(registration)
    link = reverse("me_open", args=[mailed_link.token_of(registration.email)])
    client.get(link)
    assert Suppression.objects.exists()
    client.post(link)
    assert not Suppression.objects.exists()


def test_proving_a_new_address_lifts_what_came_back_from_that_one(client, registration):
    registration.pending_email = "new@example.org"
    registration.save()
    returns.note_bounce("new@example.org", is_hard=True, reason=SAID, message=None)
    returns.note_bounce("other@example.org", is_hard=True, reason=SAID, message=None)
    client.post(reverse("registration_address", args=[links.address_token(registration)]))
    assert list(Suppression.objects.values_list("address", flat=True)) == ["other@example.org"]
