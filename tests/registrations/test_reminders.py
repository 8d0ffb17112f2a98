"""Each due reminder goes out once, never early, again for a moved event, and never for one that is called off."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from events import lifecycle
from events.models import Event
from outbox.models import Message
from registrations import reminders, seats
from registrations.models import Registration
from tests.factories import EventFactory, verified
from tests.threads import at_once

pytestmark = pytest.mark.django_db

START = datetime(2027, 6, 16, 7, tzinfo=UTC)


@pytest.fixture
def event():
    with time_machine.travel(START - timedelta(days=30), tick=False):
        event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8))
        verified(event, 1)
        return event


def due(moment: datetime) -> int:
    with time_machine.travel(moment, tick=False):
        return reminders.post_due(moment)


def keys() -> list[str]:
    return sorted(Message.objects.filter(key__contains="reminder").values_list("key", flat=True))


@pytest.mark.parametrize(("rule", "before"), [("7d", timedelta(days=7)), ("1d", timedelta(days=1))])
def test_a_reminder_is_posted_at_its_moment_and_not_a_second_before(event, rule, before):
    if rule == "1d":
        due(START - timedelta(days=7))
    posted = len(keys())
    assert due(START - before - timedelta(seconds=1)) == 0
    assert due(START - before) == 1
    assert due(START - before) == 0
    registration = event.registrations.get()
    assert len(keys()) == posted + 1
    assert f"registration/{registration.pk}/reminder/{rule}/2027-06-16T07:00Z" in keys()


def test_a_late_run_still_reminds_until_the_event_begins(event):
    assert due(START - timedelta(seconds=1)) == 2
    event.registrations.all()
    assert due(START) == 0


def test_whoever_was_confirmed_after_the_moment_is_not_reminded(event):
    with time_machine.travel(START - timedelta(days=3), tick=False):
        verified(event, 2)
    assert due(START - timedelta(days=3)) == 1
    assert due(START - timedelta(days=1)) == 2


def test_only_confirmed_people_are_reminded(event):
    with time_machine.travel(START - timedelta(days=29), tick=False):
        seats.cancel(event.registrations.get())
    assert due(START - timedelta(days=7)) == 0


@pytest.mark.parametrize("end", [lifecycle.cancel, lifecycle.postpone])
def test_an_event_that_does_not_take_place_reminds_nobody(event, end):
    with time_machine.travel(START - timedelta(days=20), tick=False):
        end(event, by=None)
    assert due(START - timedelta(days=7)) == 0


def test_a_moved_event_reminds_again_and_the_old_reminder_is_withdrawn(event):
    assert due(START - timedelta(days=7)) == 1
    with time_machine.travel(START - timedelta(days=6), tick=False):
        event.starts_at += timedelta(days=10)
        event.ends_at += timedelta(days=10)
        lifecycle.apply_changes(event, by=None)
    assert set(
        Message.objects.filter(key__contains="reminder").values_list("state", flat=True)
    ) == {"stopped"}
    assert due(START - timedelta(days=1)) == 0
    assert due(START + timedelta(days=3)) == 1


def test_a_day_is_twenty_four_hours_also_when_the_clocks_change():
    start = datetime(
        2027, 3, 28, 10, tzinfo=UTC
    )  # noon in Madrid, ten hours after the spring change
    with time_machine.travel(start - timedelta(days=30), tick=False):
        event = EventFactory(starts_at=start, ends_at=start + timedelta(hours=2))
        verified(event, 1)
    due(start - timedelta(days=7))
    assert due(start - timedelta(hours=24, seconds=1)) == 0
    assert due(start - timedelta(hours=24)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_remind_once():
    with time_machine.travel(START - timedelta(days=30), tick=False):
        event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8))
        for n in range(5):
            verified(event, n)
    moment = START - timedelta(days=7)
    results = at_once([lambda: reminders.post_due(moment)] * 2)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(keys()) == Registration.objects.count() == 5
    assert Event.objects.count() == 1
