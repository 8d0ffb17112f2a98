"""What a change of an event means to the people who come: kept as plain values, said as "label: old → new".

A record names, by field, the values that readers may still know, oldest first: mostly one, the value before the
change; more where a change was told to some and then changed again. It says nothing of new values: what holds is read
from the event when the news is written, so a change that was taken back is no news.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from events import calendar
from events.dates import days_in_words, zone_in_words
from events.models import Event, Format, Mode, Venue
from events.offsets import zone_of
from registrations.models import Registration, Status

TITLE = "title"
TIME = ("starts_at", "ends_at", "timezone", "is_whole_day")
PLACE = ("venue_id", "format", "join_url")
#: Said of a venue that is called or placed otherwise, and of a zone that has other rules than the times were said by.
VENUE, OFFSETS = "venue", "offsets"
#: A change of one of these is news to the people who come.
NEWS = frozenset({TITLE, *TIME, *PLACE, VENUE, OFFSETS})

#: The field that tells of a postponed event that takes place after all.
STATUS = "status"
RESUMED = {STATUS: ["postponed"]}

#: Field name -> values that readers may know, oldest first, as JSON can hold them.
Record = dict[str, list[Any]]


@dataclass(frozen=True)
class Line:
    """One thing that has changed, in words. `subject` is title, time, place or link."""

    subject: str
    label: str
    words: str

    def __str__(self) -> str:
        return _("%(label)s: %(words)s") % {"label": self.label, "words": self.words}


def record_of(changes: Mapping[str, tuple[Any, Any]]) -> Record:
    """Return what an event was before changes as its signal tells them, leaving out what is no news."""
    return {
        "venue_id" if name == VENUE else name: [_kept(name, old)]
        for name, (old, _new) in changes.items()
        if name in NEWS
    }


def snapshot(event: Event) -> Record:
    """Return all that people know of an event, to say later what has changed since."""
    return {name: [_kept(name, getattr(event, name))] for name in sorted({TITLE, *TIME, *PLACE})}


def merge(earlier: Record, later: Record, *, was_told: bool = False) -> Record:
    """Return one record for two changes in a row.

    Where nobody was told of the first, what was between the two is forgotten; else readers may know either.
    """
    merged = dict(earlier)
    for name, values in later.items():
        known = merged.get(name, [])
        if not known:
            merged[name] = values
        elif was_told:
            merged[name] = [*known, *(value for value in values if value not in known)]
    return merged


def is_resumption(record: Record) -> bool:
    """Whether it tells that a postponed event takes place after all."""
    return STATUS in record


def is_news(event: Event, record: Record) -> bool:
    """Whether there is anything to tell, the event being as it is now."""
    return is_resumption(record) or bool(lines(event, record))


def kinds(event: Event, record: Record) -> dict[str, bool]:
    """Which of the things that people care about differ from what they know, or whether it is a resumption."""
    told = {line.subject for line in lines(event, record)}
    return {
        "title": "title" in told,
        "time": "time" in told,
        "place": "place" in told,
        "link": "link" in told,
        "resumed": is_resumption(record),
    }


def old_title(event: Event, record: Record) -> str:
    """Return the title that readers know where it is another now; empty where it is not."""
    title = _older(record, TITLE, event.title)
    return str(title or "")


def lines(event: Event, record: Record, *, sees_link: bool = False) -> list[Line]:
    """Return in the reader's language what differs from what the reader knows: old times by the old clock.

    The link to join is never shown, only that it has changed; `sees_link` says whether the reader's page shows it.
    """
    before = _before(event, record)
    pairs = [
        ("title", _("Title"), before.title, event.title),
        ("time", _("When"), before.when, _when(event)),
        ("place", _("Where"), before.where, calendar.location(event)),
        ("place", _("Way of attending"), _format(before.format), _format(event.format)),
    ]
    found = [
        Line(subject, label, _("%(old)s → %(new)s") % {"old": old, "new": new})
        for subject, label, old, new in pairs
        if old != new
    ]
    old_link = _older(record, "join_url", _kept("join_url", event.join_url))
    if old_link is not None:
        words = _news_of_link(old_link, event.join_url, sees_link=sees_link)
        found.append(Line("link", _("Link to join online"), words))
    return found


def sees_link(registration: Registration) -> bool:
    """Whether the page of this person shows the link to join."""
    return registration.status == Status.CONFIRMED and registration.mode == Mode.ONLINE


def _news_of_link(old: str, new: str, *, sees_link: bool) -> str:
    if not new:
        return _("it holds no more; a new one follows")
    if not sees_link:
        return _("it is new; those who attend online find it on the page of their registration")
    if old:
        return _("it has changed, and stands on the page of your registration")
    return _("it stands on the page of your registration now")


@dataclass(frozen=True)
class _Before:
    title: str
    when: str
    where: str
    format: str


def _before(event: Event, record: Record) -> _Before:
    """The event as readers know it, in words; what the record does not name is as it is now."""
    old = copy(event)
    for name in ("starts_at", "ends_at"):
        if value := _older(record, name, _kept(name, getattr(event, name))):
            setattr(old, name, datetime.fromisoformat(value))
    for name in (TITLE, "timezone", "is_whole_day", "format"):
        if (value := _older(record, name, getattr(event, name))) is not None:
            setattr(old, name, value)
    offsets = _older(record, OFFSETS, event.offsets)
    return _Before(old.title, _when(old, offsets or {}), _where_before(old, record), old.format)


def _where_before(old: Event, record: Record) -> str:
    now = _venue_in_words(old.venue)
    known = [value["words"] for value in record.get("venue_id", [])]
    words = next((one for one in known if one != now), None)
    if words is None:
        return calendar.location(old)
    return str(words) if words and old.format != Format.ONLINE else _("Online")


def _older(record: Record, name: str, now: Any) -> Any:
    """The oldest value that readers may know and that no longer holds; None if there is none."""
    return next((value for value in record.get(name, []) if value != now), None)


def _kept(name: str, value: Any) -> Any:
    """A value as JSON can hold it: instants in UTC, the words of a venue, of the link only a fingerprint."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if name == "venue_id":
        venue = Venue.objects.filter(pk=value).first() if value else None
        return {"words": _venue_in_words(venue)}
    if name == VENUE:
        return {"words": _venue_in_words(value)}
    if name == "join_url" and value:
        return salted_hmac("registrations.news", value, algorithm="sha256").hexdigest()[:16]
    return str(value) if isinstance(value, str) else value


def _venue_in_words(venue: Venue | None) -> str:
    if venue is None:
        return ""
    return calendar.location(Event(venue=venue, format=Format.IN_PERSON))


def _when(event: Event, offsets: Mapping[str, int] = MappingProxyType({})) -> str:
    """Days, hours and zone; by `offsets` where the zone had other rules when readers were told."""
    start, end = (_on_the_clock(event, name, offsets) for name in ("starts_at", "ends_at"))
    last = (end.astimezone(UTC) - timedelta(microseconds=1)).astimezone(end.tzinfo)
    days = days_in_words(start.date(), last.date(), weekday=True)
    zone = zone_in_words(event.timezone, event.starts_at, offset=start.utcoffset())
    if event.is_whole_day:
        return f"{days}, {zone}"
    return f"{days}, {start:%H:%M}–{end:%H:%M}, {zone}"


def _on_the_clock(event: Event, name: str, offsets: Mapping[str, int]) -> datetime:
    seconds = offsets.get(name)
    by_name = zone_of(event.timezone) or UTC
    clock = by_name if seconds is None else timezone(timedelta(seconds=seconds))
    instant: datetime = getattr(event, name)
    return instant.astimezone(clock)


def _format(value: str) -> str:
    return str(Format(value).label)
