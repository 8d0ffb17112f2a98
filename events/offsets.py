"""Keeps the wall time of an instant: the offset from UTC that a zone had when the instant was stored stands beside it.

The wall time and the zone are the truth of what lies ahead. Where a zone gets other rules, the noted offset tells what
its clock was to show, and so which instant is meant now (docs/decisions/0021-wall-times.md). A process that was started
before goes by older rules: it takes what is stored as it is, and leaves it.
"""

import re
import zoneinfo
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import tzdata

from events.models import Event, Session
from events.timezones import zone_named

INSTANTS = {
    Event: ("starts_at", "ends_at", "opens_at", "closes_at"),
    Session: ("starts_at", "ends_at"),
}
SPANS = (("starts_at", "ends_at"), ("opens_at", "closes_at"))
#: The longest gap that clocks leave at midnight: the first instant of such a day is one.
GAP_AT_MIDNIGHT = time(1)


#: How the file of all zones begins, as in: # version 2026a
VERSION = re.compile(r"# version (\d{4}[a-z]+)")


def rules_version() -> str:
    """Return which version of the database of zones this process goes by, as in 2026a; empty where it does not say."""
    return _version_in(tuple(zoneinfo.TZPATH))


@lru_cache(maxsize=8)
def _version_in(folders: tuple[str, ...]) -> str:
    """The version of the first folder that there is, as `zoneinfo` looks for zones; without one, of the package."""
    folder = next(filter(Path.is_dir, map(Path, folders)), None)
    if folder is None:
        return str(tzdata.IANA_VERSION)
    try:
        with (folder / "tzdata.zi").open(encoding="ascii", errors="replace") as file:
            found = VERSION.match(file.readline())
    except OSError:
        return ""
    return found[1] if found else ""


def zone_of(name: str) -> ZoneInfo | None:
    """Return a zone by name, or None where the database of zones has none of that name."""
    try:
        return zone_named(name)
    except (LookupError, ValueError, OSError):
        return None


def note(row: Event | Session, zone: ZoneInfo) -> None:
    """Write down the offset, in seconds, that the zone has at each instant of a row."""
    row.offsets = _offsets(row, zone)
    row.zone_rules = max(row.zone_rules, rules_version())


def follow(row: Event | Session, stored: Event | Session, zone: ZoneInfo) -> set[str]:
    """Move instants of a row that are as stored to their wall time by the rules of today, and note all offsets.

    They stay where that would turn a span around whose other instant was assigned anew. Return the names of all
    instants that the stored row has other rules for now.
    """
    meant = moved(stored, zone)
    same = {name for name in INSTANTS[type(row)] if getattr(row, name) == getattr(stored, name)}
    found = {name: instant for name, instant in meant.items() if name in same}
    for first, last in SPANS:
        begin, end = (found.get(name, getattr(row, name, None)) for name in (first, last))
        if begin and end and end <= begin:
            found.pop(first, None)
            found.pop(last, None)
    for name, instant in found.items():
        setattr(row, name, instant)
    row.zone_rules = stored.zone_rules
    note(row, zone)
    if _has_newer_rules(stored):
        row.offsets |= {name: stored.offsets[name] for name in same & stored.offsets.keys()}
    return set(meant)


def are_true(row: Event | Session, zone: ZoneInfo) -> bool:
    """Whether what is noted is what the zone says now, or what newer rules say."""
    return bool(row.offsets == _offsets(row, zone)) or _has_newer_rules(row)


def noted(row: Event | Session, name: str, zone: ZoneInfo) -> int:
    """Return the offset that was noted with an instant of a row.

    Where there is none, or one by newer rules than ours, that of the zone.
    """
    seconds = None if _has_newer_rules(row) else row.offsets.get(name)
    return _offset(getattr(row, name), zone) if seconds is None else int(seconds)


def wall_time(row: Event | Session, name: str, zone: ZoneInfo) -> datetime:
    """Return what the clock was to show at an instant of a row when it was stored, without a zone."""
    instant: datetime = getattr(row, name)
    clock = instant.astimezone(UTC) + timedelta(seconds=noted(row, name, zone))
    return clock.replace(tzinfo=None)


def instant_at(wall: datetime, zone: ZoneInfo, *, seconds: int | None = None) -> datetime:
    """Return the instant, in UTC, at which the clock of a zone shows a wall time.

    A time that the clocks skip is later by the gap. Of an hour that comes twice the first is meant (RFC 5545 3.3.5),
    unless the offset in `seconds` says that it is the second.
    """
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    comes_twice = second > first
    return second if comes_twice and _offset(second, zone) == seconds else first


def moved(row: Event | Session, zone: ZoneInfo) -> dict[str, datetime]:
    """Return by name the instants that their wall times have now, where the zone has got other rules since.

    Spans go on to end after they begin. Days stay days: an event of whole days begins and ends with them.
    """
    now = _offsets(row, zone)
    found = {}
    for name in row.offsets.keys() & now.keys():
        seconds = noted(row, name, zone)
        if now[name] != seconds:
            wall = wall_time(row, name, zone)
            found[name] = instant_at(_first_of_day(row, name, wall), zone, seconds=seconds)
    for first, last in SPANS:
        if first in found or last in found:
            _keep_order(row, first, last, found)
    return found


def _has_newer_rules(row: Event | Session) -> bool:
    """Whether a row was stored by newer rules than those of this process, as far as both are known."""
    return "" < rules_version() < row.zone_rules


def _first_of_day(row: Event | Session, name: str, wall: datetime) -> datetime:
    """Midnight, where the start or end of whole days was put off by a gap in that night."""
    is_day = isinstance(row, Event) and row.is_whole_day and name in {"starts_at", "ends_at"}
    if is_day and wall.time() <= GAP_AT_MIDNIGHT:
        return datetime.combine(wall.date(), time())
    return wall


def _keep_order(row: Event | Session, first: str, last: str, found: dict[str, datetime]) -> None:
    was = getattr(row, first), getattr(row, last)
    begin, end = found.get(first, was[0]), found.get(last, was[1])
    if begin and end and end <= begin:
        found[last] = begin + (was[1] - was[0])


def _offsets(row: Event | Session, zone: ZoneInfo) -> dict[str, int]:
    instants = {name: getattr(row, name) for name in INSTANTS[type(row)]}
    return {name: _offset(instant, zone) for name, instant in instants.items() if instant}


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
