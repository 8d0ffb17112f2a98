"""Which events calendars show: public ones of the last year and ahead, cancelled ones for ninety days."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps

from events.models import Event, Status
from tests.factories import EventFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 6, 15, 13, 45, tzinfo=UTC)
MIDNIGHT = datetime(2027, 6, 15, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)


def shown(now: datetime = NOW) -> list[Event]:
    return list(Event.objects.in_calendars(now))


def ended(ends_at: datetime, **fields) -> Event:
    return EventFactory(starts_at=ends_at - timedelta(hours=8), ends_at=ends_at, **fields)


def called_off(changed_at: datetime, cancelled_at: datetime | None) -> Event:
    return ended(
        NOW + timedelta(days=300),
        status=Status.CANCELLED,
        changed_at=changed_at,
        cancelled_at=cancelled_at,
    )


def test_calendars_show_what_lies_ahead_and_what_ended_within_a_year():
    ahead = ended(NOW + timedelta(days=900))
    on_the_edge = ended(MIDNIGHT - timedelta(days=365))
    ended(MIDNIGHT - timedelta(days=365) - A_SECOND)

    assert set(shown()) == {ahead, on_the_edge}


def test_calendars_show_postponed_events_and_no_drafts():
    postponed = EventFactory(status=Status.POSTPONED, starts_at=NOW)
    EventFactory(draft=True, starts_at=NOW)

    assert shown() == [postponed]


def test_calendars_show_cancelled_events_for_ninety_days_whatever_changes_later():
    limit = MIDNIGHT - timedelta(days=90)
    kept = called_off(NOW, cancelled_at=limit)
    called_off(NOW, cancelled_at=limit - A_SECOND)

    assert shown() == [kept]


def test_calendars_go_by_the_last_change_where_the_day_of_cancelling_is_unknown():
    limit = MIDNIGHT - timedelta(days=90)
    kept = called_off(limit, cancelled_at=None)
    called_off(limit - A_SECOND, cancelled_at=None)

    assert shown() == [kept]


def test_events_leave_at_midnight_utc_only():
    ended(MIDNIGHT - timedelta(days=365) + timedelta(hours=12))

    last_moment = MIDNIGHT + timedelta(days=1) - A_SECOND
    assert len(shown(MIDNIGHT)) == len(shown(last_moment)) == 1
    assert shown(last_moment + A_SECOND) == []


def test_the_migration_says_since_when_earlier_events_are_cancelled():
    unknown, known = called_off(NOW, cancelled_at=None), called_off(NOW, cancelled_at=MIDNIGHT)
    public = EventFactory()

    import_module("events.migrations.0004_cancelled_since").write_down(apps, None)

    for event in (unknown, known, public):
        event.refresh_from_db()
    assert (unknown.cancelled_at, known.cancelled_at, public.cancelled_at) == (NOW, MIDNIGHT, None)
