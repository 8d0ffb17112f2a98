"""What an event's page says of its places: each state in its own words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import Entry, Event, Status
from registrations import availability, seats
from tests.factories import (
    EventFactory,
    InvitationFactory,
    person,
    registered,
    terms,
    verified,
)

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def said(event):
    found = availability.of_event(event)
    return found.state, found.headline, found.can_register


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ("open", "Open", True)),
        ({"capacity_in_person": 60}, ("open", "60 places left", True)),
        ({"capacity_in_person": 6}, ("open", "6 places left", True)),
        ({"capacity_in_person": 5}, ("few", "5 places left", True)),
        ({"capacity_in_person": 1}, ("few", "1 place left", True)),
        ({"status": Status.CANCELLED}, ("cancelled", "Cancelled", False)),
        ({"status": Status.POSTPONED}, ("postponed", "Postponed", False)),
        ({"entry": Entry.INVITATION}, ("invitation", "By invitation", False)),
        (
            {"entry": Entry.ELSEWHERE, "entry_url": "https://example.org/"},
            ("elsewhere", "Registration on another site", False),
        ),
        ({"entry": Entry.NONE}, ("closed", "No registration", False)),
    ],
)
def test_each_state_has_its_words(facts, expected):
    assert said(EventFactory(**facts)) == expected


def test_the_clock_opens_and_closes_and_ends():
    now = timezone.now()
    assert said(EventFactory(opens_at=now + HOUR))[0] == "upcoming"
    assert said(EventFactory(closes_at=now - HOUR))[0] == "closed"
    assert said(EventFactory(starts_at=now - HOUR, ends_at=now + HOUR))[0] == "closed"
    assert said(EventFactory(starts_at=now - 2 * HOUR, ends_at=now - HOUR))[0] == "past"


def test_a_held_place_is_taken_and_a_full_event_has_a_waiting_list():
    event = EventFactory(capacity_in_person=1)
    registered(event, 1)
    assert said(event) == ("full", "Full, waiting list", True)
    assert availability.of_event(event).detail == "You would be the first in line."
    verified(event, 2)
    assert availability.of_event(event).detail == "1 person is waiting."


def test_a_hybrid_event_is_full_only_when_both_ways_are():
    event = EventFactory(hybrid=True, capacity_in_person=1, capacity_online=10)
    registered(event, 1)
    assert said(event) == ("open", "10 places left", True)
    assert [(places.mode, places.left) for places in availability.of_event(event).places] == [
        ("in-person", 0),
        ("online", 10),
    ]


# -- Members first, and kept places -------------------------------------------------------------------------------


def test_members_first_is_said_and_one_can_be_told():
    event = EventFactory(capacity_in_person=10)
    soon = timezone.now() + timedelta(days=3)
    terms(event, members_only_until=soon)
    said = availability.of_event(Event.objects.get())
    assert (said.state, said.headline, said.can_register) == ("open", "10 places left", True)
    assert "places go to member organisations first. Others join the waiting list" in said.detail
    assert said.opens_later
    later = availability.of_event(Event.objects.get(), now=soon)
    assert (later.detail, later.opens_later) == ("0 of 10 taken.", False)


def test_places_that_are_kept_are_not_left_for_all():
    event = EventFactory(capacity_in_person=3)
    until = timezone.now() + timedelta(days=3)
    terms(event, kept_in_person=2, kept_until=until)
    some = availability.of_event(Event.objects.get())
    assert (some.state, some.headline) == ("few", "1 place left")
    assert "2 more places are kept for invited people until" in some.detail
    assert some.opens_later

    verified(event, 1)
    none = availability.of_event(Event.objects.get())
    assert (none.state, none.headline) == ("full", "The last places are kept for invited people")
    assert none.detail.endswith("Others join the waiting list.")
    assert (none.can_register, none.opens_later) == (True, True)
    assert verified(event, 2).status == "waiting"

    after = availability.of_event(Event.objects.get(), now=until)
    assert (after.headline, after.opens_later) == ("2 places left", False)


def test_invited_people_take_what_is_kept_for_them():
    event = EventFactory(capacity_in_person=3)
    terms(event, kept_in_person=2, kept_until=timezone.now() + timedelta(days=3))
    invitation = InvitationFactory(event=event)
    seats.register(event, person=person(1), mode="in-person", invitation=invitation)
    said = availability.of_event(Event.objects.get())
    assert said.headline == "1 place left"
    assert "1 more place is kept" in said.detail


def test_nobody_waits_for_an_opening_after_the_event():
    event = EventFactory()
    terms(event, members_only_until=event.ends_at)
    assert not availability.of_event(Event.objects.get()).opens_later


@pytest.mark.parametrize("amount", [1, 3])
def test_terms_come_with_the_events(amount, django_assert_num_queries):
    for _n in range(amount):
        terms(EventFactory(), members_only_until=timezone.now() + timedelta(days=3))
    with django_assert_num_queries(2):
        said = availability.of_events(availability.with_terms(Event.objects.all()))
    assert [one.opens_later for one in said.values()] == [True] * amount
    with django_assert_num_queries(3):
        availability.of_events(Event.objects.all())


@pytest.mark.parametrize("is_postponed", [True, False])
def test_the_date_of_a_postponed_event_is_said_to_be_the_old_one(client, is_postponed):
    event = EventFactory(online=True, status="postponed" if is_postponed else "published")

    page = client.get(event.get_absolute_url()).text

    assert ("Was planned for" in page) == is_postponed
    assert ("<dt>When</dt>" in page) == (not is_postponed)
    assert ('class="your-time"' in page) == (not is_postponed)
