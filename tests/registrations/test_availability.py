"""What an event's page says of its places: each state in its own words."""

from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import Entry, Status
from registrations import availability
from tests.factories import EventFactory, registered, verified

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
