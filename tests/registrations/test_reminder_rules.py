"""Which rules hold for an event, the exact moment of each over the changes of clocks, and what a rule is called."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from events.models import Event
from registrations import reminder_rules
from registrations.models import ReminderRule
from registrations.reminder_rules import RefusedRule, is_due, moment_of, name_of, rules_of
from tests.factories import EventFactory

DAY = 24 * 60


def event_at(start: datetime, zone: str, *, hours=8, **more) -> Event:
    """An event, not stored, that starts at a wall time of its zone."""
    starts_at = start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return Event(
        starts_at=starts_at, ends_at=starts_at + timedelta(hours=hours), timezone=zone, **more
    )


def before(minutes, **more) -> ReminderRule:
    return ReminderRule(when="before-start", minutes=minutes, **more)


def after(minutes, **more) -> ReminderRule:
    return ReminderRule(when="after-end", minutes=minutes, **more)


def day_before(clock, days=1, **more) -> ReminderRule:
    return ReminderRule(when="day-before", days=days, clock=clock, **more)


def at(moment, **more) -> ReminderRule:
    return ReminderRule(when="at", at=moment, **more)


# -- The moment -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "zone", "a_day", "at_nine_the_day_before"),
    [
        # The clocks of Madrid go forward on 28 March 2027 at 02:00, and back on 31 October at 03:00.
        ((2027, 3, 28, 12), "Europe/Madrid", (3, 27, 10), (3, 27, 8)),
        ((2027, 3, 28, 1), "Europe/Madrid", (3, 27, 0), (3, 27, 8)),
        ((2027, 10, 31, 12), "Europe/Madrid", (10, 30, 11), (10, 30, 7)),
        ((2027, 11, 1, 9), "Europe/Madrid", (10, 31, 8), (10, 31, 8)),
        # Those of New York on 14 March and 7 November.
        ((2027, 3, 14, 12), "America/New_York", (3, 13, 16), (3, 13, 14)),
        ((2027, 11, 7, 12), "America/New_York", (11, 6, 17), (11, 6, 13)),
        # Reykjavik has one clock all year.
        ((2027, 3, 28, 12), "Atlantic/Reykjavik", (3, 27, 12), (3, 27, 9)),
        ((2027, 10, 31, 12), "Atlantic/Reykjavik", (10, 30, 12), (10, 30, 9)),
    ],
)
def test_24_hours_pass_and_the_day_before_is_read_from_the_clock(
    start, zone, a_day, at_nine_the_day_before
):
    event = event_at(datetime(*start), zone)
    assert moment_of(before(DAY), event) == datetime(2027, *a_day, tzinfo=UTC)
    assert moment_of(day_before(time(9)), event) == datetime(
        2027, *at_nine_the_day_before, tzinfo=UTC
    )


def test_a_time_that_the_clocks_skip_is_as_long_after_the_gap():
    event = event_at(datetime(2027, 3, 29, 9), "Europe/Madrid")
    moment = moment_of(day_before(time(2, 30)), event)
    assert moment == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert moment.astimezone(event.zone).time() == time(3, 30)


def test_of_an_hour_that_comes_twice_the_first_is_meant():
    event = event_at(datetime(2027, 11, 1, 9), "Europe/Madrid")
    assert moment_of(day_before(time(2, 30)), event) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_the_day_before_goes_by_the_local_date_of_the_start():
    # Late in the evening in New York is the next day in UTC.
    event = event_at(datetime(2027, 6, 15, 22), "America/New_York")
    assert moment_of(day_before(time(9)), event) == datetime(2027, 6, 14, 13, tzinfo=UTC)
    assert moment_of(day_before(time(9), days=7), event) == datetime(2027, 6, 8, 13, tzinfo=UTC)


def test_a_whole_day_event_starts_on_its_first_date_at_midnight():
    event = event_at(datetime(2027, 6, 15), "Europe/Madrid", hours=48, is_whole_day=True)
    assert moment_of(day_before(time(9)), event) == datetime(2027, 6, 14, 7, tzinfo=UTC)
    assert moment_of(before(60), event) == datetime(2027, 6, 14, 21, tzinfo=UTC)
    assert moment_of(after(120), event) == datetime(2027, 6, 17, 0, tzinfo=UTC)


def test_after_the_end_minutes_pass_also_over_a_change_of_clocks():
    event = event_at(datetime(2027, 3, 27, 20), "Europe/Madrid", hours=3)
    assert moment_of(after(12 * 60), event) == datetime(2027, 3, 28, 10, tzinfo=UTC)


def test_an_instant_is_itself():
    moment = datetime(2027, 5, 1, 8, tzinfo=UTC)
    assert moment_of(at(moment), event_at(datetime(2027, 6, 15, 9), "Europe/Madrid")) == moment


ZONES = some.sampled_from(
    [
        "Europe/Madrid",
        "America/New_York",
        "Atlantic/Reykjavik",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kathmandu",
        "America/St_Johns",
        "Pacific/Apia",
        "Europe/Dublin",
        "UTC",
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    zone=ZONES,
    start=some.datetimes(min_value=datetime(2011, 12, 1), max_value=datetime(2040, 1, 1)),
    minutes=some.integers(1, 60 * DAY),
    days=some.integers(1, 400),
    clock=some.times().map(lambda clock: clock.replace(second=0, microsecond=0)),
)
def test_in_every_zone_the_moment_is_what_the_rule_says(zone, start, minutes, days, clock):
    event = event_at(start, zone)
    assert event.starts_at - moment_of(before(minutes), event) == timedelta(minutes=minutes)
    assert moment_of(after(minutes), event) - event.ends_at == timedelta(minutes=minutes)

    rule = day_before(clock, days=days)
    moment = moment_of(rule, event)
    assert moment.utcoffset() == timedelta(0)
    said = datetime.combine(event.first_day - timedelta(days=days), clock)
    shown = moment.astimezone(event.zone).replace(tzinfo=None)
    exists = said.replace(tzinfo=event.zone).astimezone(UTC).astimezone(event.zone)
    if exists.replace(tzinfo=None) == said:
        assert shown == said
        # Not a repeat: an hour earlier by the sun, the clock showed something else.
        earlier = (moment - timedelta(hours=1)).astimezone(event.zone).replace(tzinfo=None)
        assert earlier != said
    else:
        assert shown > said  # the clocks skip it: later, never early
    assert moment < event.starts_at


# -- When it is due -------------------------------------------------------------------------------
NOON = datetime(2027, 6, 16, 10, tzinfo=UTC)  # the start
END = NOON + timedelta(hours=8)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("rule", "first", "last"),
    [
        (before(DAY), NOON - timedelta(days=1), NOON - SECOND),
        (day_before(time(9)), datetime(2027, 6, 15, 7, tzinfo=UTC), NOON - SECOND),
        (at(NOON - timedelta(days=3)), NOON - timedelta(days=3), NOON - SECOND),
        (before(90 * DAY), NOON - timedelta(days=90), NOON - timedelta(days=30) - SECOND),
        (after(60), END + timedelta(hours=1), END + timedelta(days=14, hours=1) - SECOND),
        (after(0, audience="absent"), END, END + timedelta(days=14) - SECOND),
        (at(END, audience="present"), END, END + timedelta(days=14) - SECOND),
        (at(END + timedelta(days=2)), END + timedelta(days=2), END + timedelta(days=16) - SECOND),
    ],
)
def test_a_rule_is_due_from_its_moment_to_its_end(rule, first, last):
    event = event_at(datetime(2027, 6, 16, 12), "Europe/Madrid")
    assert [is_due(rule, event, one) for one in (first - SECOND, first, last, last + SECOND)] == [
        False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "rule",
    [
        before(DAY, is_on=False),
        before(0),
        before(2_147_483_647),
        at(NOON),
        at(NOON + timedelta(hours=1)),
        at(NOON - timedelta(days=1), audience="present"),
        at(END - SECOND, audience="absent"),
    ],
)
def test_some_rules_are_never_due(rule):
    event = event_at(datetime(2027, 6, 16, 12), "Europe/Madrid")
    hours = (NOON - timedelta(days=3) + timedelta(hours=n) for n in range(24 * 20))
    assert not any(is_due(rule, event, hour) for hour in hours)


# -- The name -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (before(7 * DAY), "7d"),
        (before(DAY), "1d"),
        (before(60, audience="online"), "1h-online"),
        (before(90), "90m"),
        (before(36 * 60), "36h"),
        (day_before(time(9)), "1days-before-09:00"),
        (day_before(time(9, 0, 30), days=2), "2days-before-09:00:30"),
        (after(120), "after-2h"),
        (after(0, audience="absent"), "after-0m-absent"),
        (at(datetime(2027, 6, 1, 8, tzinfo=UTC)), "at-2027-06-01T08:00:00Z"),
        (at(datetime(2027, 6, 1, 10, tzinfo=ZoneInfo("Europe/Madrid"))), "at-2027-06-01T08:00:00Z"),
    ],
)
def test_a_rule_is_called_what_it_says(rule, name):
    assert name_of(rule) == name


# -- Which rules hold -----------------------------------------------------------------------------
def names(event) -> list[str]:
    return [name_of(rule) for rule in rules_of(event)]


@pytest.mark.django_db
def test_own_rules_go_before_the_networks_and_those_before_ours():
    event, other = EventFactory(), EventFactory()
    assert names(event) == ["7d", "1d", "1h-online"]
    before(120, event=None).save()
    assert names(event) == ["2h"]
    before(180, event=event, is_on=False).save()
    assert (names(event), names(other)) == (["3h"], ["2h"])
    assert not rules_of(event)[0].is_on


@pytest.mark.django_db
def test_the_first_change_makes_the_rules_the_events_own():
    event, other = EventFactory(), EventFactory()
    reminder_rules.switch(event, "7d", on=False)
    assert [(name_of(rule), rule.is_on) for rule in rules_of(event)] == [
        ("7d", False),
        ("1d", True),
        ("1h-online", True),
    ]
    assert {rule.event_id for rule in rules_of(event)} == {event.pk}
    assert [rule.pk for rule in rules_of(other)] == [None] * 3
    reminder_rules.drop_own(event)
    assert [rule.pk for rule in rules_of(event)] == [None] * 3


@pytest.mark.django_db
def test_rules_are_added_and_removed_but_not_twice_and_not_the_last():
    event = EventFactory()
    reminder_rules.add(event, day_before(time(9)))
    with pytest.raises(RefusedRule, match="says the same"):
        reminder_rules.add(event, day_before(time(9)))
    for name in ("7d", "1d", "1h-online"):
        reminder_rules.remove(event, name)
    assert names(event) == ["1days-before-09:00"]
    with pytest.raises(RefusedRule, match="last rule"):
        reminder_rules.remove(event, "1days-before-09:00")
    with pytest.raises(RefusedRule, match="gone"):
        reminder_rules.switch(event, "7d", on=True)


@pytest.mark.django_db
def test_the_networks_rules_are_changed_in_the_same_way():
    event = EventFactory()
    reminder_rules.remove(None, "7d")
    assert names(event) == ["1d", "1h-online"]
    reminder_rules.drop_own(None)
    assert names(event) == ["7d", "1d", "1h-online"]
