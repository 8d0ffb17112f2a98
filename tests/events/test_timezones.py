"""The zone block that we write says what `zoneinfo` says, hour by hour, to whoever reads it by the standard."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from events.timezones import zone_block
from tests.events.calendar_rules import Component, changes_of, read

FIRST, LAST = 2026, 2029
REGULAR = [
    "Europe/Amsterdam",
    "Europe/Madrid",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Kyiv",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Atlantic/Azores",
    "Africa/Lagos",
]


def written(zone: str, first: int = FIRST, last: int = LAST) -> Component:
    """The block as a program reads it."""
    calendar = Calendar()
    calendar.add_component(zone_block(zone, first, last))
    root, faults = read(calendar.to_ical().decode())
    assert faults == []
    return root.parts[0]


@pytest.mark.parametrize("zone", REGULAR)
def test_block_gives_every_hour_of_its_years_the_offset_of_zoneinfo(zone):
    changes, clock = changes_of(written(zone), range(FIRST - 1, LAST + 1)), ZoneInfo(zone)
    moment, end = datetime(FIRST, 1, 1), datetime(LAST + 1, 1, 1)
    position, wrong = 0, []

    while moment < end:
        while position + 1 < len(changes) and changes[position + 1][0] <= moment:
            position += 1
        local = moment.replace(tzinfo=clock)
        # A time that the clocks skip or show twice differs from itself here.
        is_plain = local.utcoffset() == local.replace(fold=1).utcoffset()
        if is_plain and changes[position][1] != local.utcoffset():
            wrong.append(moment)
        moment += timedelta(hours=1)

    assert wrong == []


@pytest.mark.parametrize("zone", REGULAR)
def test_block_has_one_standard_and_at_most_one_daylight(zone):
    names = sorted(part.name for part in written(zone).parts)

    assert names in (["STANDARD"], ["DAYLIGHT", "STANDARD"])


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("Africa/Casablanca", 2027, 2027),  # the clocks follow the moon
        ("America/Santiago", 2024, 2029),  # a Sunday from the 2nd on, which no yearly rule can say
        ("Europe/Istanbul", 2016, 2016),  # the clocks stopped changing
        ("America/Caracas", 2016, 2016),  # one change for good
    ],
)
def test_a_zone_without_a_yearly_pair_has_no_block(zone, first, last):
    assert zone_block(zone, first, last) is None


def test_block_holds_the_names_people_know():
    block = written("Europe/Madrid")

    assert {part.name: part.value("TZNAME") for part in block.parts} == {
        "DAYLIGHT": "CEST",
        "STANDARD": "CET",
    }


def test_block_begins_before_the_first_event_of_its_years():
    starts = [part.value("DTSTART")[:4] for part in written("Europe/Madrid", 2027, 2027).parts]

    assert starts == ["2026", "2026"]
