"""Writes a time zone as calendar programs can read it: one STANDARD and at most one DAYLIGHT with yearly rules.

The zone blocks of the icalendar library list every switch by date and an hour late, which shifts events in several
programs (calendar.md 1.1), so we make our own from `zoneinfo`. Source of the form: RFC 5545 3.6.5.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@dataclass(frozen=True)
class Switch:
    """One change of the clocks: when by the old clock, and the offsets on both sides."""

    wall: datetime
    before: timedelta
    after: timedelta

    @property
    def weeks(self) -> set[int]:
        """The ways to name its weekday in the month: 1 to 5 from the front, -1 for the last."""
        names = {(self.wall.day + 6) // 7}
        if self.wall.day + 7 > monthrange(self.wall.year, self.wall.month)[1]:
            names.add(-1)
        return names


@lru_cache(maxsize=600)
def zone_named(name: str) -> ZoneInfo:
    """Return a zone; the standard library itself keeps but eight of them at hand."""
    return ZoneInfo(name)


@lru_cache(maxsize=256)
def zone_block(name: str, first_year: int, last_year: int) -> Timezone | None:
    """Return the VTIMEZONE of a zone that holds from the start of `first_year` to the end of `last_year`.

    None where the zone has no regular yearly pair of switches in that time, and for UTC and other zones of no place:
    their events go out in UTC.
    """
    if "/" not in name or name.startswith("Etc/"):
        return None
    zone = ZoneInfo(name)
    years = range(first_year - 1, last_year + 1)
    switches = {year: _switches(zone, year) for year in years}
    if not any(switches.values()):
        offset = _offset(zone, datetime(first_year, 1, 1, tzinfo=UTC))
        abbreviation = datetime(first_year, 1, 1, tzinfo=zone).tzname() or name
        return _block(
            name,
            [_observance(TimezoneStandard(), datetime(1970, 1, 1), offset, offset, abbreviation)],
        )
    if any(len(pair) != 2 for pair in switches.values()):
        return None
    observances = []
    for position in (0, 1):
        series = [switches[year][position] for year in years]
        first = series[0]
        weeks = set.intersection(*(switch.weeks for switch in series))
        same = {(s.wall.month, s.wall.weekday(), s.wall.time(), s.before, s.after) for s in series}
        if not weeks or len(same) != 1:
            return None
        part = TimezoneDaylight() if first.after > first.before else TimezoneStandard()
        moment = (first.wall - first.before).replace(tzinfo=UTC) + timedelta(days=1)
        abbreviation = moment.astimezone(zone).tzname() or name
        observance = _observance(part, first.wall, first.before, first.after, abbreviation)
        week = -1 if -1 in weeks else min(weeks)
        rule = {
            "FREQ": "YEARLY",
            "BYMONTH": first.wall.month,
            "BYDAY": f"{week}{WEEKDAYS[first.wall.weekday()]}",
        }
        observance.add("rrule", vRecur(rule))
        observances.append(observance)
    return _block(name, observances)


def _block(name: str, observances: list[TimezoneStandard | TimezoneDaylight]) -> Timezone:
    block = Timezone()
    block.add("tzid", name)
    for observance in observances:
        block.add_component(observance)
    return block


def _observance(
    part: TimezoneStandard | TimezoneDaylight,
    start: datetime,
    before: timedelta,
    after: timedelta,
    abbreviation: str,
) -> TimezoneStandard | TimezoneDaylight:
    part.add("dtstart", start)
    part.add("tzoffsetfrom", before)
    part.add("tzoffsetto", after)
    part.add("tzname", abbreviation)
    return part


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _switches(zone: ZoneInfo, year: int) -> list[Switch]:
    """The changes of offset in a year of UTC, to the minute."""
    found = []
    moment, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while moment < end:
        later = moment + timedelta(days=7)
        before = _offset(zone, moment)
        if _offset(zone, later) != before:
            low, high = moment, later
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
            instant = high.replace(second=0, microsecond=0)
            found.append(
                Switch((instant + before).replace(tzinfo=None), before, _offset(zone, instant))
            )
        moment = later
    return found
