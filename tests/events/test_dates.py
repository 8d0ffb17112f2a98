"""Days, hours and zones in words; wall times as instants."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from events.dates import days_in_words, offset_in_words, zone_in_words
from events.models import from_local
from tests.factories import EventFactory


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ((2025, 12, 2), (2025, 12, 2), "2 December 2025"),
        ((2025, 12, 2), (2025, 12, 3), "2–3 December 2025"),
        ((2025, 11, 30), (2025, 12, 1), "30 November – 1 December 2025"),
        ((2025, 12, 31), (2026, 1, 1), "31 December 2025 – 1 January 2026"),
    ],
)
def test_days_are_said_as_short_as_can_be(first, last, words):
    assert days_in_words(date(*first), date(*last)) == words


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ((2025, 12, 2), (2025, 12, 2), "Tuesday 2 December 2025"),
        ((2025, 12, 2), (2025, 12, 3), "Tuesday 2 – Wednesday 3 December 2025"),
        ((2025, 11, 30), (2025, 12, 1), "Sunday 30 November – Monday 1 December 2025"),
        ((2025, 12, 31), (2026, 1, 1), "Wednesday 31 December 2025 – Thursday 1 January 2026"),
    ],
)
def test_days_with_their_weekdays(first, last, words):
    assert days_in_words(date(*first), date(*last), weekday=True) == words


@pytest.mark.parametrize(
    ("zone", "month", "words"),
    [
        ("Europe/Madrid", 1, "UTC+1"),
        ("Europe/Madrid", 7, "UTC+2"),
        ("Europe/London", 1, "UTC"),
        ("America/New_York", 1, "UTC-5"),
        ("America/St_Johns", 1, "UTC-3:30"),
        ("Asia/Kathmandu", 1, "UTC+5:45"),
    ],
)
def test_offset_is_that_of_the_moment(zone, month, words):
    assert offset_in_words(zone, datetime(2027, month, 15, tzinfo=UTC)) == words


def test_zone_names_its_city():
    moment = datetime(2027, 1, 15, tzinfo=UTC)

    assert zone_in_words("America/New_York", moment) == "New York time (UTC-5)"


def test_a_wall_time_is_an_instant_of_its_zone():
    assert from_local(datetime(2027, 6, 10, 9), "Europe/Madrid") == datetime(
        2027, 6, 10, 7, tzinfo=UTC
    )


def test_a_wall_time_that_the_clocks_skip_is_refused():
    with pytest.raises(ValidationError) as refusal:
        from_local(datetime(2027, 3, 28, 2, 30), "Europe/Madrid")

    assert refusal.value.messages == [
        "The clocks change that night: 02:30 does not exist in Europe/Madrid. Choose another time."
    ]


def test_an_event_that_ends_at_midnight_does_not_take_place_the_day_after():
    start = from_local(datetime(2027, 6, 10), "Europe/Madrid")
    event = EventFactory.build(
        starts_at=start, ends_at=start + timedelta(days=2), is_whole_day=True
    )

    assert event.days == [date(2027, 6, 10), date(2027, 6, 11)]


def test_the_days_of_an_event_are_those_of_its_own_clock():
    start = datetime(2027, 6, 10, 23, tzinfo=UTC)
    event = EventFactory.build(
        starts_at=start, ends_at=start + timedelta(hours=2), timezone="Asia/Kolkata"
    )

    assert event.days == [date(2027, 6, 11)]
