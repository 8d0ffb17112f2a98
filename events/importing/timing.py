"""Reads when a VEVENT is: its start and end with their clocks, and by what it repeats (RFC 5545 3.6.1, 3.8.5)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from icalendar import Event as VEvent
from icalendar import vRecur
from icalendar.prop import vBroken

from events.importing import texts
from events.importing.rules import RefusedRule, check, is_far_off
from events.importing.zones import Zones

#: An entry without an end takes no time at all (RFC 5545 3.6.1); a draft needs some.
USUAL_LENGTH = timedelta(hours=1)
LONGEST_VALUE = 300
#: By which one entry may repeat; RFC 5545 3.8.5.3 wants one.
MOST_RULES = 5
TIMED = re.compile(r"(DTSTART|DTEND|RECURRENCE-ID|RDATE|EXDATE)(;.*)?:([^:]*)$", re.I | re.S)
DAYS = re.compile(r"\s*[+-]?P\d+[DW]", re.I)
TZID = re.compile(r";TZID=(\"[^\"]*\"|.*?)(?=;[A-Za-z-]+=|$)", re.I | re.S)


class Unreadable(Exception):
    """An entry cannot be imported; the text says why."""


@dataclass(frozen=True)
class Length:
    """How long an entry is: so many days by the clock, and so much time as it passes (RFC 5545 3.3.6)."""

    days: int
    time: timedelta = timedelta(0)

    def after(self, start: date) -> date:
        """The end of what starts on a day, or at a moment with a clock."""
        days = timedelta(days=self.days)
        if not isinstance(start, datetime):
            return start + days
        by_clock = start + days if days else start
        return (by_clock.astimezone(UTC) + self.time).astimezone(start.tzinfo)


@dataclass(frozen=True)
class Timing:
    """When an entry is, as the file says it: days, or moments with a clock; and by what it repeats.

    `has_length` says that the file does; else it is an hour long. `lengths` are those of times that were `added` with
    one of their own, by `instance_name`.
    """

    start: date
    length: Length
    tzid: str
    rules: list[vRecur]
    added: list[date]
    lengths: dict[str, Length]
    left_out: list[date]
    instance: date | None
    moves_the_rest: bool
    has_length: bool

    @property
    def end(self) -> date:
        return self.length.after(self.start)

    @property
    def repeats(self) -> bool:
        return bool(self.rules or self.added)


def without_zone(line: str, tzids: list[str]) -> str:
    """A line with a time, whose zone is a number that no quotation mark or colon in its name can break."""
    if not (timed := TIMED.match(line)):
        return line
    name, parameters, value = timed[1], timed[2] or "", timed[3]
    if zone := TZID.search(parameters):
        tzids.append(zone[1].strip('"').strip())
        parameters = (
            f"{parameters[: zone.start()]}{parameters[zone.end() :]};X-TZID={len(tzids) - 1}"
        )
    return f"{name}{parameters}:{value}"


def instance_name(moment: date) -> str:
    """How a time of a series is called, whatever its zone: as RECURRENCE-ID in UTC (RFC 5545 3.8.4.4)."""
    if isinstance(moment, datetime):
        return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{moment:%Y%m%d}"


def timing_of(event: VEvent, tzids: list[str], zones: Zones, *, duration: str) -> Timing:
    """When an entry is; `duration` is its DURATION as it stands in the file.

    Raises Unreadable, and RefusedRule for how it repeats.
    """
    starts = values(event, "DTSTART")
    if not starts:
        raise Unreadable(_("It says no start."))
    tzid = _tzid(starts[0], tzids)
    start = _moment("DTSTART", starts[0], tzids, zones)
    named = next(iter(values(event, "RECURRENCE-ID")), None)
    instance = _moment("RECURRENCE-ID", named, tzids, zones) if named is not None else None
    repeats = values(event, "RRULE")
    if len(repeats) > MOST_RULES:
        raise RefusedRule(_("It repeats by %(number)s rules at once.") % {"number": len(repeats)})
    for rule in repeats:
        if not isinstance(rule, vRecur):
            raise RefusedRule(
                _("The rule by which it repeats cannot be read: %(rule)s.")
                % {"rule": str(rule)[:200]}
            )
        check(rule)
    length = _length(event, start, tzids, zones, duration=duration)
    added = _dates(event, "RDATE", tzids, zones)
    return Timing(
        start=start,
        length=length or Length(0, USUAL_LENGTH),
        has_length=length is not None,
        tzid=tzid,
        rules=[_with_until(rule, start) for rule in repeats],
        added=[_at_time_of(start, day) for day, _end in added],
        lengths={instance_name(day): _period(day, end) for day, end in added if end is not None},
        left_out=[day for day, _end in _dates(event, "EXDATE", tzids, zones)],
        instance=instance,
        moves_the_rest=named is not None
        and str(named.params.get("RANGE", "")).upper() == "THISANDFUTURE",
    )


def _length(
    event: VEvent, start: date, tzids: list[str], zones: Zones, *, duration: str
) -> Length | None:
    """How long an entry is by RFC 5545 3.6.1; None where one at a time of day says nothing of it."""
    is_day = not isinstance(start, datetime)
    length = Length(0)
    if said := values(event, "DTEND"):
        end = _moment("DTEND", said[0], tzids, zones)
        if isinstance(end, datetime) == is_day:
            raise Unreadable(
                _("It starts on a day and ends at a time of day, or the other way round.")
            )
        length = _between(start, end)
    elif said := values(event, "DURATION"):
        lasts = getattr(said[0], "dt", None) if not isinstance(said[0], vBroken) else None
        if not isinstance(lasts, timedelta) or lasts > timedelta(days=3660):
            raise Unreadable(_not_read("DURATION", said[0]))
        has_days = is_day or bool(DAYS.match(duration))
        length = _spoken(lasts, has_days=has_days)
    if length.days < 0 or length.time < timedelta(0):
        raise Unreadable(_("It ends before it starts."))
    if is_day:
        return Length(max(length.days, 1))
    return length if length != Length(0) else None


def _between(start: date, end: date) -> Length:
    """The length from a start to an end, exclusive: days between days or midnights, else time as it passes.

    The same exact duration holds for each time of a series (RFC 5545 3.8.5.3). A start that the spring change of
    clocks skips may be read as a moment not before the end; then it is as long as its clock says.
    """
    if not (isinstance(start, datetime) and isinstance(end, datetime)):
        return Length((end - start).days)
    passed = end.astimezone(UTC) - start.astimezone(UTC)
    if start.tzinfo is end.tzinfo:
        by_clock = end.replace(tzinfo=None) - start.replace(tzinfo=None)
        if start.time() == end.time() == time():
            return Length(by_clock.days)
        if passed <= timedelta(0) < by_clock:
            return Length(0, by_clock)
    return Length(0, passed)


def _spoken(lasts: timedelta, *, has_days: bool) -> Length:
    """A length as RFC 5545 3.3.6 says it: where it names days, one day is not always 24 hours."""
    days = lasts.days if has_days else 0
    return Length(days, lasts - timedelta(days=days))


def _period(start: date, end: date | timedelta) -> Length:
    """The length of a time that RDATE lists with its end, or how long it lasts. Raises Unreadable for none."""
    length = (
        _spoken(end, has_days=not end.seconds)
        if isinstance(end, timedelta)
        else _between(start, end)
    )
    if length.days < 0 or length.time < timedelta(0) or length == Length(0):
        raise Unreadable(_("A time that it lists (RDATE) ends before it starts."))
    return length


def named_like(start: date, instance: date, zone: str) -> date:
    """The time of a series that an entry changes, as a series with this start calls it.

    Some programs name a time of day by its day alone, or a day by a time of day; one in UTC is read in `zone`.
    """
    if isinstance(instance, datetime) and not isinstance(start, datetime):
        return (instance.astimezone(ZoneInfo(zone)) if instance.tzinfo is UTC else instance).date()
    return _at_time_of(start, instance)


def _at_time_of(start: date, day: date) -> date:
    """A day of what starts at a time of day, at that time; anything else as it is."""
    if isinstance(start, datetime) and not isinstance(day, datetime):
        return datetime.combine(day, start.time(), start.tzinfo)
    return day


def zone_of(timing: Timing, zones: Zones) -> tuple[str, str, bool]:
    """The zone in which to show an entry, what to say of that, and whether a venue's zone would be as good."""
    start, named = timing.start, timing.tzid and zones.clock(timing.tzid)
    if not isinstance(start, datetime):
        return zones.usual, "", True
    if start.tzinfo is UTC:
        zone = getattr(named, "key", "")
        return zone or zones.usual, "", not zone and not zones.is_said
    if timing.tzid:
        return *zones.shown(timing.tzid, _around(timing)), False
    words = _("The file names no time zone; its times were taken as %(zone)s.")
    return zones.usual, words % {"zone": zones.usual}, False


def _around(timing: Timing) -> list[datetime]:
    """The moments at which a zone must agree."""
    found = [moment for moment in (timing.start, timing.end) if isinstance(moment, datetime)]
    if timing.repeats:
        found.append(found[0] + timedelta(days=730))
    return found


def skipped(start: date) -> str:
    """What to say of a time that the spring change of clocks skips, read by the offset before (RFC 5545 3.3.5)."""
    if not isinstance(start, datetime):
        return ""
    real = start.astimezone(UTC).astimezone(start.tzinfo)
    if real.replace(tzinfo=None) == start.replace(tzinfo=None):
        return ""
    return _("The clocks change that night: %(said)s does not exist, and became %(real)s.") % {
        "said": f"{start:%H:%M}",
        "real": f"{real:%H:%M}",
    }


def _moment(name: str, said: Any, tzids: list[str], zones: Zones) -> date:
    """A day, or a moment with its clock. Raises Unreadable."""
    value = None if isinstance(said, vBroken) else getattr(said, "dt", None)
    if not isinstance(value, date):
        raise Unreadable(_not_read(name, said))
    return _with_clock(value, _tzid(said, tzids), zones)


def _with_clock(value: date, tzid: str, zones: Zones) -> date:
    if is_far_off(value):
        raise Unreadable(_("Its year is %(year)s. Check it.") % {"year": value.year})
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is not None:
        return value.replace(tzinfo=UTC)
    clock: tzinfo = (zones.clock(tzid) if tzid else None) or zones.usual_clock
    return value.replace(tzinfo=clock)


def _dates(
    event: VEvent, name: str, tzids: list[str], zones: Zones
) -> list[tuple[date, date | timedelta | None]]:
    """The days and moments of RDATE and EXDATE; those of periods with the end, or how long they last."""
    found: list[tuple[date, date | timedelta | None]] = []
    for said in values(event, name):
        if isinstance(said, vBroken):
            raise Unreadable(_not_read(name, said))
        tzid = _tzid(said, tzids)
        for one in said.dts:
            start, end = one.dt if isinstance(one.dt, tuple) else (one.dt, None)
            is_moment = isinstance(end, datetime)
            found.append(
                (
                    _with_clock(start, tzid, zones),
                    _with_clock(end, tzid, zones) if is_moment else end,
                )
            )
    return found


def _with_until(rule: vRecur, start: date) -> vRecur:
    """The rule with its UNTIL of the same kind as the start, in UTC for moments, as RFC 5545 3.3.10 wants it."""
    made = vRecur({key: list(value) for key, value in rule.items()})
    if not (until := made.get("UNTIL")):
        return made
    made.pop("COUNT", None)
    last = until[0]
    if not isinstance(start, datetime):
        made["UNTIL"] = [last.date() if isinstance(last, datetime) else last]
    elif not isinstance(last, datetime):
        made["UNTIL"] = [datetime.combine(last, time(23, 59, 59), start.tzinfo).astimezone(UTC)]
    elif last.tzinfo is None:
        made["UNTIL"] = [last.replace(tzinfo=start.tzinfo).astimezone(UTC)]
    return made


def _tzid(said: Any, tzids: list[str]) -> str:
    number = str(getattr(said, "params", {}).get("X-TZID", ""))
    return tzids[int(number)] if number.isdecimal() and int(number) < len(tzids) else ""


def _not_read(name: str, said: Any) -> str:
    return _("%(name)s cannot be read: “%(value)s”.") % {"name": name, "value": shown(said)[:100]}


def values(event: VEvent, name: str) -> list[Any]:
    said = event.get(name)
    return [] if said is None else said if isinstance(said, list) else [said]


def shown(value: Any) -> str:
    raw = value.to_ical() if hasattr(value, "to_ical") and not isinstance(value, str) else value
    said = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    return texts.one_line(said)[:LONGEST_VALUE]
