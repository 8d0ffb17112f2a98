"""Reads when a VEVENT is: its start and end with their clocks, and by what it repeats (RFC 5545 3.6.1, 3.8.5)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

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
class Timing:
    """When an entry is, as the file says it: days, or moments with a clock; and by what it repeats.

    `has_length` says that the file does; else the end is an hour after the start.
    """

    start: date
    end: date
    tzid: str
    rules: list[vRecur]
    added: list[Any]
    left_out: list[date]
    instance: date | None
    moves_the_rest: bool
    has_length: bool

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
    end = _end(event, start, tzids, zones, duration=duration)
    return Timing(
        start=start,
        end=end if end != start else _later(start, USUAL_LENGTH),
        has_length=end != start,
        tzid=tzid,
        rules=[_with_until(rule, start) for rule in repeats],
        added=_dates(event, "RDATE", tzids, zones),
        left_out=_dates(event, "EXDATE", tzids, zones),
        instance=instance,
        moves_the_rest=named is not None
        and str(named.params.get("RANGE", "")).upper() == "THISANDFUTURE",
    )


def _end(event: VEvent, start: date, tzids: list[str], zones: Zones, *, duration: str) -> date:
    """The end, exclusive, by RFC 5545 3.6.1; equal to the start where an entry at a time of day says none."""
    is_day = not isinstance(start, datetime)
    end: date
    if said := values(event, "DTEND"):
        end = _moment("DTEND", said[0], tzids, zones)
        if isinstance(end, datetime) == is_day:
            raise Unreadable(
                _("It starts on a day and ends at a time of day, or the other way round.")
            )
    elif said := values(event, "DURATION"):
        length = getattr(said[0], "dt", None) if not isinstance(said[0], vBroken) else None
        if not isinstance(length, timedelta) or length > timedelta(days=3660):
            raise Unreadable(_not_read("DURATION", said[0]))
        end = _later(start, length, has_days=bool(DAYS.match(duration)))
    else:
        end = start
    if is_day:
        end = max(end, start + timedelta(days=1)) if end >= start else end
    if _instant(end) < _instant(start):
        raise Unreadable(_("It ends before it starts."))
    return end


def _later(start: date, length: timedelta, *, has_days: bool = False) -> date:
    """A day so many days later, or a moment: days by the clock, hours as they pass (RFC 5545 3.3.6).

    `has_days` says that the length names days: one day is not always 24 hours.
    """
    days = timedelta(days=length.days if has_days else 0)
    if not isinstance(start, datetime):
        return start + timedelta(days=length.days)
    return ((start + days).astimezone(UTC) + (length - days)).astimezone(start.tzinfo)


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


def _dates(event: VEvent, name: str, tzids: list[str], zones: Zones) -> list[Any]:
    """The days, moments and periods of RDATE and EXDATE."""
    found: list[Any] = []
    for said in values(event, name):
        if isinstance(said, vBroken):
            raise Unreadable(_not_read(name, said))
        tzid = _tzid(said, tzids)
        for one in said.dts:
            if isinstance(one.dt, tuple):
                start = _with_clock(one.dt[0], tzid, zones)
                is_length = isinstance(one.dt[1], timedelta)
                found.append(
                    (start, one.dt[1] if is_length else _with_clock(one.dt[1], tzid, zones))
                )
            else:
                found.append(_with_clock(one.dt, tzid, zones))
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


def _instant(moment: date) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else moment.toordinal()


def values(event: VEvent, name: str) -> list[Any]:
    said = event.get(name)
    return [] if said is None else said if isinstance(said, list) else [said]


def shown(value: Any) -> str:
    raw = value.to_ical() if hasattr(value, "to_ical") and not isinstance(value, str) else value
    said = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    return texts.one_line(said)[:LONGEST_VALUE]
