"""Wall times under rules that change: the zone files are compiled anew, as an update of the system does it."""

import shutil
import subprocess
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import clocks, lifecycle, offsets, programme, tasks
from events.models import Event, Session, Status, from_local
from events.signals import event_changed
from events.timezones import zone_block, zone_named
from tests.factories import EventFactory, SessionFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 1, 10, 8, tzinfo=UTC)
MADRID = "Europe/Madrid"
ZIC = shutil.which("zic", path="/usr/sbin:/usr/bin:/sbin:/bin")

#: Madrid without summer time, as it might be decided.
WINTER_FOR_EVER = f"Zone {MADRID} 1:00 - CET\n"
#: Madrid with summer time from the first Sunday of April, in a gap from 02:00 to 03:00, to the last of October.
LATER_SPRING = (
    "Rule New 1980 max - Apr Sun>=1 2:00 1:00 S\n"
    "Rule New 1980 max - Oct lastSun 3:00 0 -\n"
    f"Zone {MADRID} 1:00 New CE%sT\n"
)
#: Madrid with a summer time that ends a week before: 02:30 comes twice on 24 October 2027.
EARLIER_AUTUMN = (
    "Rule New 1980 max - Mar lastSun 2:00 1:00 S\n"
    "Rule New 1980 max - Oct Sun>=24 3:00 0 -\n"
    f"Zone {MADRID} 1:00 New CE%sT\n"
)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def rules(tmp_path):
    """Give zones other rules: call it with what the compiler of zones reads."""
    if ZIC is None:
        pytest.skip("zic, the compiler of time zones (libc-bin), is not installed.")
    before = zoneinfo.TZPATH

    def change(source: str, *, version: str = "") -> None:
        folder = tmp_path / f"zones-{version}"
        (tmp_path / "rules").write_text(source)
        subprocess.run([ZIC, "-d", folder, tmp_path / "rules"], check=True)
        if version:
            (folder / "tzdata.zi").write_text(f"# version {version}\n")
        zoneinfo.reset_tzpath(to=[str(folder), *before])
        forget()

    yield change
    zoneinfo.reset_tzpath(to=before)
    forget()


def forget():
    """Forget all zones, as a process does that is started anew."""
    ZoneInfo.clear_cache()
    zone_named.cache_clear()
    zone_block.cache_clear()


@pytest.fixture
def heard():
    """What the floors above hear of changes."""
    heard = []

    def hear(sender, event, changes, is_told, **_more):
        heard.append((event, changes, is_told))

    event_changed.connect(hear)
    yield heard
    event_changed.disconnect(hear)


def at(start: str, end: str, *, zone=MADRID, **fields) -> Event:
    """An event between two wall times, as it is stored by staff."""
    starts_at, ends_at = (from_local(datetime.fromisoformat(wall), zone) for wall in (start, end))
    event = EventFactory(starts_at=starts_at, ends_at=ends_at, timezone=zone, **fields)
    Event.objects.filter(pk=event.pk).update(changed_at=NOW - timedelta(days=1))
    return lifecycle.apply_changes(Event.objects.get(pk=event.pk), by=None)


def walls(row, zone=MADRID) -> list[str]:
    """What the clock shows at both ends of a row as it is stored, with the offset in hours."""
    row = type(row).objects.get(pk=row.pk)
    local = (moment.astimezone(ZoneInfo(zone)) for moment in (row.starts_at, row.ends_at))
    return [f"{one:%Y-%m-%d %H:%M}{one.utcoffset() / timedelta(hours=1):+.3g}" for one in local]


def revision(event) -> tuple[int, datetime]:
    event = Event.objects.get(pk=event.pk)
    return event.sequence, event.changed_at


# -- What is noted --------------------------------------------------------------------------------


def test_offsets_are_noted_with_every_instant_by_field():
    event = at(
        "2027-03-27T09:00",
        "2027-03-28T17:00",
        opens_at=datetime(2027, 2, 1, tzinfo=UTC),
        closes_at=datetime(2027, 3, 28, 12, tzinfo=UTC),
    )

    assert event.offsets == {
        "starts_at": 3600,
        "ends_at": 7200,
        "opens_at": 3600,
        "closes_at": 7200,
    }


def test_offsets_follow_another_zone():
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    event.timezone = "Asia/Kolkata"

    lifecycle.apply_changes(event, by=None)

    assert event.offsets == {"starts_at": 19800, "ends_at": 19800}


# -- Rules that change ----------------------------------------------------------------------------


def test_an_event_keeps_its_wall_times_when_summer_time_is_abolished(rules, heard):
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    session = SessionFactory(event=event)
    clocks.keep_wall_times(NOW)
    heard.clear()
    rules(WINTER_FOR_EVER)

    assert clocks.keep_wall_times(NOW) == 1

    assert walls(event) == ["2027-06-01 09:00+1", "2027-06-01 17:00+1"]
    assert walls(session) == ["2027-06-01 09:00+1", "2027-06-01 10:00+1"]
    assert revision(event) == (1, NOW)
    [(told, changes, is_told)] = heard
    old, new = changes["starts_at"]
    assert (told, is_told, new - old) == (event, True, timedelta(hours=1))
    assert changes["offsets"][0] == {"starts_at": 7200, "ends_at": 7200}
    assert Session.objects.get().sequence == 1

    assert clocks.keep_wall_times(NOW) == 0
    assert (revision(event), len(heard)) == ((1, NOW), 1)


def test_winter_is_left_alone(rules):
    event = at("2027-02-01T09:00", "2027-02-01T17:00")
    rules(WINTER_FOR_EVER)

    assert clocks.keep_wall_times(NOW) == 0
    assert revision(event) == (0, NOW - timedelta(days=1))


def test_an_event_over_the_old_switch_moves_at_its_later_end_alone(rules):
    event = at("2027-03-27T09:00", "2027-03-28T17:00")
    rules(LATER_SPRING)

    clocks.keep_wall_times(NOW)

    assert walls(event) == ["2027-03-27 09:00+1", "2027-03-28 17:00+1"]
    assert revision(event)[0] == 1


def test_a_wall_time_that_the_new_rules_skip_is_later_by_the_gap(rules):
    event = at("2027-04-04T02:30", "2027-04-04T09:00")
    rules(LATER_SPRING)

    clocks.keep_wall_times(NOW)

    assert walls(event) == ["2027-04-04 03:30+2", "2027-04-04 09:00+2"]


def test_an_event_within_the_gap_goes_on_to_end_after_it_starts(rules):
    event = at("2027-04-04T02:30", "2027-04-04T03:15")
    rules(LATER_SPRING)

    clocks.keep_wall_times(NOW)

    assert walls(event) == ["2027-04-04 03:30+2", "2027-04-04 04:15+2"]


def test_of_an_hour_that_comes_twice_by_the_new_rules_the_noted_offset_says_which(rules):
    # On 24 October the old rules have summer time all day, so the first 02:30 is meant.
    event = at("2027-10-24T02:30", "2027-10-24T09:00")
    rules(EARLIER_AUTUMN)

    clocks.keep_wall_times(NOW)

    assert walls(event) == ["2027-10-24 02:30+2", "2027-10-24 09:00+1"]


@pytest.mark.parametrize("fold", [0, 1])
def test_of_an_hour_that_comes_twice_it_stays_the_one_it_was(fold):
    zone = ZoneInfo(MADRID)
    wall = datetime(2027, 10, 31, 2, 30, tzinfo=zone, fold=fold)
    event = EventFactory(starts_at=wall.astimezone(UTC), ends_at=wall + timedelta(days=1))
    session = SessionFactory(event=event)

    clocks.keep_wall_times(NOW)
    clocks.keep_wall_times(NOW)

    assert {row.starts_at for row in (Event.objects.get(), Session.objects.get())} == {
        wall.astimezone(UTC)
    }
    assert session.starts_at == event.starts_at


def test_whole_days_stay_days_and_nobody_is_told(rules, heard):
    midnights = [from_local(datetime(2027, 6, day), MADRID) for day in (1, 3)]
    event = EventFactory(starts_at=midnights[0], ends_at=midnights[1], is_whole_day=True)
    clocks.keep_wall_times(NOW)
    rules(WINTER_FOR_EVER)

    clocks.keep_wall_times(NOW)

    event = Event.objects.get()
    assert walls(event) == ["2027-06-01 00:00+1", "2027-06-03 00:00+1"]
    assert event.days == [date(2027, 6, 1), date(2027, 6, 2)]
    assert [is_told for _event, _changes, is_told in heard] == [False]


def test_whole_days_that_began_after_a_gap_at_midnight_begin_at_midnight_again(rules):
    # Beirut puts its clocks forward at midnight.
    zone = "Asia/Beirut"
    first = datetime(2027, 3, 28, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert first.astimezone(ZoneInfo(zone)).hour == 1
    event = EventFactory(
        timezone=zone, starts_at=first, ends_at=first + timedelta(hours=23), is_whole_day=True
    )
    clocks.keep_wall_times(NOW)
    rules(f"Zone {zone} 2:00 - EET\n")

    clocks.keep_wall_times(NOW)

    assert walls(event, zone) == ["2027-03-28 00:00+2", "2027-03-29 00:00+2"]


def test_the_window_of_registration_follows_without_a_new_sequence(rules, heard):
    event = at("2027-02-01T09:00", "2027-02-01T17:00")
    closes_at = from_local(datetime(2027, 6, 1, 12), MADRID)
    Event.objects.update(closes_at=closes_at)
    clocks.keep_wall_times(NOW)
    heard.clear()
    rules(WINTER_FOR_EVER)

    clocks.keep_wall_times(NOW)

    stored = Event.objects.get()
    assert stored.closes_at == closes_at + timedelta(hours=1)
    assert revision(event) == (0, NOW)
    assert [changes.keys() for _event, changes, _is_told in heard] == [{"closes_at"}]


def test_what_is_over_stays_what_it_was(rules, time_machine):
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    rules(WINTER_FOR_EVER)
    time_machine.move_to(event.ends_at, tick=False)

    assert clocks.keep_wall_times(event.ends_at) == 0
    assert walls(event) == ["2027-06-01 08:00+1", "2027-06-01 16:00+1"]


def test_drafts_and_postponed_events_follow_too(rules):
    draft = at("2027-06-01T09:00", "2027-06-01T17:00", draft=True)
    postponed = at("2027-06-01T09:00", "2027-06-01T17:00", status=Status.POSTPONED)
    rules(WINTER_FOR_EVER)

    clocks.keep_wall_times(NOW)

    assert walls(draft) == walls(postponed) == ["2027-06-01 09:00+1", "2027-06-01 17:00+1"]
    assert [revision(one)[0] for one in (draft, postponed)] == [0, 1]


def test_whoever_saves_before_the_job_has_run_keeps_the_wall_times_too(rules):
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    rules(WINTER_FOR_EVER)
    edited = Event.objects.get()
    edited.title = "Another"
    edited.ends_at = from_local(datetime(2027, 6, 1, 18), MADRID)

    lifecycle.apply_changes(edited, by=None)

    assert walls(event) == ["2027-06-01 09:00+1", "2027-06-01 18:00+1"]
    assert revision(event)[0] == 1


def test_an_event_that_is_made_shorter_before_the_job_has_run_ends_as_typed(rules):
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    rules(WINTER_FOR_EVER)
    edited = Event.objects.get()
    # The page says 08:00 to 16:00 by the new rules.
    edited.ends_at = from_local(datetime(2027, 6, 1, 8, 30), MADRID)

    lifecycle.apply_changes(edited, by=None)

    assert walls(event) == ["2027-06-01 08:00+1", "2027-06-01 08:30+1"]
    assert clocks.keep_wall_times(NOW) == 0


def test_whoever_saves_the_programme_before_the_job_has_run_keeps_the_wall_times_too(rules):
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    talk, lunch = SessionFactory(event=event), SessionFactory(event=event, title="Lunch")
    clocks.keep_wall_times(NOW)
    rules(WINTER_FOR_EVER)
    talk, lunch = event.sessions.order_by("pk")
    talk.title = "Another"
    lunch.starts_at = from_local(datetime(2027, 6, 1, 8, 30), MADRID)

    programme.apply_programme(Event.objects.get(), items=[(talk, []), (lunch, [])])

    assert walls(talk) == ["2027-06-01 09:00+1", "2027-06-01 10:00+1"]
    assert walls(lunch) == ["2027-06-01 08:30+1", "2027-06-01 10:00+1"]
    clocks.keep_wall_times(NOW)
    assert walls(event) == ["2027-06-01 09:00+1", "2027-06-01 17:00+1"]
    assert walls(talk) == ["2027-06-01 09:00+1", "2027-06-01 10:00+1"]
    assert walls(lunch) == ["2027-06-01 08:30+1", "2027-06-01 10:00+1"]


# -- Processes that go by older rules -------------------------------------------------------------

#: As Madrid is now.
AS_EVER = (
    "Rule New 1980 max - Mar lastSun 2:00 1:00 S\n"
    "Rule New 1980 max - Oct lastSun 3:00 0 -\n"
    f"Zone {MADRID} 1:00 New CE%sT\n"
)


@pytest.fixture
def moved_by_new_rules(rules):
    """An event with a session that has followed new rules, as a process sees it that goes by the rules before."""
    rules(AS_EVER, version="2027a")
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    SessionFactory(event=event)
    clocks.keep_wall_times(NOW)
    rules(WINTER_FOR_EVER, version="2027b")
    assert clocks.keep_wall_times(NOW) == 1
    rules(AS_EVER, version="2027a")
    return event


def test_older_rules_do_not_undo_what_newer_ones_moved(moved_by_new_rules, rules):
    event = Event.objects.get()
    before = [(row.starts_at, row.ends_at, row.offsets) for row in (event, event.sessions.get())]

    assert clocks.keep_wall_times(NOW) == 0
    event.summary = "Another"
    lifecycle.apply_changes(event, by=None)
    session = event.sessions.get()
    session.title = "Another"
    programme.apply_programme(event, items=[(session, [])])

    event = Event.objects.get()
    rows = (event, event.sessions.get())
    assert [(row.starts_at, row.ends_at, row.offsets) for row in rows] == before
    assert {row.zone_rules for row in rows} == {"2027b"}
    assert event.sequence == 1
    rules(WINTER_FOR_EVER, version="2027b")
    assert clocks.keep_wall_times(NOW) == 0
    assert walls(event) == ["2027-06-01 09:00+1", "2027-06-01 17:00+1"]


def test_what_is_typed_under_older_rules_follows_at_night(moved_by_new_rules, rules):
    event = Event.objects.get()
    event.starts_at = from_local(datetime(2027, 6, 1, 8), MADRID)
    lifecycle.apply_changes(event, by=None)
    session = event.sessions.get()
    session.starts_at = from_local(datetime(2027, 6, 1, 8, 30), MADRID)
    programme.apply_programme(event, items=[(session, [])])

    rules(WINTER_FOR_EVER, version="2027b")
    clocks.keep_wall_times(NOW)

    assert walls(event) == ["2027-06-01 08:00+1", "2027-06-01 17:00+1"]
    assert walls(session) == ["2027-06-01 08:30+1", "2027-06-01 10:00+1"]


# -- What cannot or need not move -----------------------------------------------------------------


def test_offsets_of_rows_of_before_are_noted_without_a_word(heard):
    event = EventFactory()
    SessionFactory(event=event)
    Event.objects.update(changed_at=NOW - timedelta(days=9))

    assert clocks.keep_wall_times(NOW) == 0

    assert Event.objects.get().offsets.keys() == Session.objects.get().offsets.keys()
    assert (revision(event), heard) == ((0, NOW - timedelta(days=9)), [])


def test_an_event_without_a_zone_is_logged_and_passed_over(rules, caplog):
    lost, event = (
        at("2027-06-01T09:00", "2027-06-01T17:00"),
        at("2027-06-01T09:00", "2027-06-01T17:00"),
    )
    Event.objects.filter(pk=lost.pk).update(timezone="Europe/Atlantis")
    rules(WINTER_FOR_EVER)

    assert clocks.keep_wall_times(NOW) == 1

    assert caplog.messages == [f"Event {lost.pk} has an unknown time zone: 'Europe/Atlantis'."]
    assert walls(event)[0] == "2027-06-01 09:00+1"


def test_an_event_without_a_zone_can_be_given_one():
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    SessionFactory(event=event)
    Event.objects.update(timezone="Europe/Atlantis")
    event = Event.objects.get()
    event.timezone = MADRID

    lifecycle.apply_changes(event, by=None)

    assert walls(event) == ["2027-06-01 09:00+2", "2027-06-01 17:00+2"]
    assert walls(Session.objects.get())[0] == "2027-06-01 09:00+2"


def test_an_event_that_somebody_refuses_is_logged_and_passed_over(rules, caplog):
    stuck, event = (
        at("2027-06-01T09:00", "2027-06-01T17:00"),
        at("2027-06-01T09:00", "2027-06-01T17:00"),
    )
    rules(WINTER_FOR_EVER)

    def refuse(sender, event, **_more):
        if event.pk == stuck.pk:
            raise lifecycle.RefusedChange("No.")

    event_changed.connect(refuse)
    try:
        assert clocks.keep_wall_times(NOW) == 1
    finally:
        event_changed.disconnect(refuse)

    assert caplog.messages == [f"Event {stuck.pk} cannot follow the clocks of its zone."]
    assert (revision(stuck)[0], revision(event)[0]) == (0, 1)


def test_the_job_and_the_command_do_it(rules, capsys):
    event = at("2027-06-01T09:00", "2027-06-01T17:00")
    rules(WINTER_FOR_EVER)
    call_command("keep_wall_times")
    assert capsys.readouterr().out == "Events moved: 1\n"

    rules(f"Zone {MADRID} 2:00 - CEST\n")
    tasks.keep_wall_times()
    assert walls(event) == ["2027-06-01 09:00+2", "2027-06-01 17:00+2"]
    assert revision(event)[0] == 2


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    minutes=st.integers(0, 60 * 24 * 365),
    zone=st.sampled_from([MADRID, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca"]),
    other=st.integers(-6, 6).map(lambda quarters: quarters * 900),
)  # fmt: skip
def test_any_noted_offset_leads_to_an_instant_of_its_wall_time(minutes, zone, other):
    clock = ZoneInfo(zone)
    event = Event(starts_at=NOW + timedelta(minutes=minutes), timezone=zone)
    event.ends_at = event.starts_at + timedelta(hours=1)
    offsets.note(event, clock)
    assert offsets.moved(event, clock) == {}

    event.offsets["starts_at"] += other
    meant = offsets.wall_time(event, "starts_at", clock)
    event.starts_at = offsets.moved(event, clock).get("starts_at", event.starts_at)
    shown = event.starts_at.astimezone(clock).replace(tzinfo=None)

    # What the clock shows, unless it skips that time.
    there_and_back = meant.replace(tzinfo=clock).astimezone(UTC).astimezone(clock)
    assert shown == there_and_back.replace(tzinfo=None)
    offsets.note(event, clock)
    assert offsets.moved(event, clock) == {}
