"""Events as iCalendar: what an entry says, one event as a file, and the parts of mails that move an entry.

The same data gives the same bytes: UID, SEQUENCE, DTSTAMP and LAST-MODIFIED come from the rows. Sources: RFC 5545
(files), RFC 5546 (scheduling), RFC 7986 (feeds).
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from html import unescape
from types import MappingProxyType
from uuid import uuid5

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from events.contentlines import instant, line, mailto, one_line, parameter, text
from events.dates import zone_in_words
from events.models import Event, Format, Session, Status
from events.timezones import zone_block

logger = logging.getLogger(__name__)

PRODUCT = "-//Plenary//Events 1.0//EN"
ONE_NIGHT = timedelta(hours=12)
ONE_DAY = timedelta(days=1)
NOON = time(12)
MOMENT = timedelta(microseconds=1)
EMPTY_FEED_YEAR = 2026  # any fixed year gives stable bytes
FIRST_YEAR, LAST_YEAR = 1970, 2100
BLOCK_END = re.compile(r"</(?:p|li|h\d)>|<br\s*/?>")
TAG = re.compile(r"</?[a-zA-Z][^>]*>|<!--.*?-->", re.DOTALL)
#: A link with its words, and an address that leads somewhere from outside of the page too.
LINK = re.compile(r"<a(\s[^<>]*+)>((?:[^<]++|<(?!/?a\b))*+)</a>")
ADDRESS = re.compile(r'\shref="((?:https?:|mailto:|tel:|/(?!/))[^"]*)"', re.IGNORECASE)
SCHEME = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
END = b"END:VCALENDAR\r\n"
#: In a file of ours: each zone block and the name of its zone; the lines that say from when to when an entry is.
ZONE = re.compile(rb"(BEGIN:VTIMEZONE\r\nTZID:(.*?)\r\n.*?END:VTIMEZONE\r\n)", re.DOTALL)
TIMES = re.compile(rb"BEGIN:VEVENT\r\n.*?\n(DTSTART[:;][^\n]*\nDTEND[:;][^\n]*\n)", re.DOTALL)

#: The zone blocks of a file by name of the zone; none where a zone goes out in UTC.
Zones = Mapping[str, bytes]


@dataclass(frozen=True)
class Scheduling:
    """What a mail adds to an entry: whom it goes to, from whom, when it was written, and its revision.

    `joins_online` says that the reader has a place online: the entry then leads to the page for joining.
    """

    attendee_email: str
    attendee_name: str
    organiser_name: str
    written_at: datetime
    sequence: int
    joins_online: bool = False


@dataclass(frozen=True)
class Standing:
    """What somebody's own calendar says of an event: how they stand, in a word before the title, and since when.

    `moves` is how often that has changed: an entry whose title changes is of a higher SEQUENCE.
    """

    words: str
    is_sure: bool
    changed_at: datetime
    joins_online: bool = False
    moves: int = 0


def event_file(event: Event, *, by_session: bool = False, joins_online: bool = False) -> bytes:
    """The event as a file to save: one entry, or with `by_session` one for each item of its programme.

    No METHOD and no attendee; `joins_online` is for a reader who has a place online.
    """
    zones = zone_blocks([event], by_session=by_session)
    written = entries(event, zones, by_session=by_session, joins_online=joins_online)
    return b"".join([*head(zones), written, END])


def feed(
    events: Iterable[Event], *, name: str, standings: Mapping[int, Standing] | None = None
) -> bytes:
    """Events as a calendar to subscribe to; `name` is its title (RFC 7986 5.1).

    `standings` by id of the event make it somebody's own. For feeds of any length see `feeds`.
    """
    events = list(events)
    zones = zone_blocks(events)
    written = sound_entries(events, zones, standings=standings or {})
    return b"".join([*head(zones, name=name), *written, END])


def request(event: Event, *, scheduling: Scheduling) -> bytes:
    """The calendar part of a mail that puts the entry in or moves it (RFC 5546 3.2.2)."""
    return _scheduled(event, "REQUEST", scheduling)


def cancellation(event: Event, *, scheduling: Scheduling, last: bytes = b"") -> bytes:
    """The calendar part of a mail that takes the entry out (RFC 5546 3.2.5).

    `last` is the part that put it in or moved it; the times are those that it says.
    """
    return _scheduled(event, "CANCEL", scheduling, last=last)


# -- What an entry says ---------------------------------------------------------------------------


def spans_whole_days(event: Event) -> bool:
    """Whether the entry is over days instead of hours: hours unknown, or several days (not one long evening)."""
    return event.is_whole_day or _is_over_days(event.starts_at, event.ends_at, event)


def description(event: Event, *, joins_online: bool = False, page: str = "") -> str:
    """The text of the entry: summary, hours of each day, page for joining, address of the event's page.

    `page` is that address, where it is known already.
    """
    parts = [event.summary, as_text(event.description).strip()]
    if spans_whole_days(event) and (hours := _hours_of_days(event)):
        parts.append("\n".join([*hours, zone_in_words(event.timezone, event.starts_at)]))
    if joins_online:
        address = settings.SITE_URL + reverse("event_join", args=[event.slug])
        parts.append(_("Join online: %(address)s") % {"address": address})
    parts.append(page or page_of(event))
    return "\n\n".join(part for part in parts if part)


def location(event: Event) -> str:
    """The place in one line; "Online" where there is none."""
    venue = event.venue
    if event.format == Format.ONLINE or venue is None:
        return _("Online")
    name = "" if venue.is_city_only else venue.name
    return ", ".join(part for part in (name, venue.address, venue.city) if part)


def title(event: Event) -> str:
    """The title in one line, with the state in front where people must see it."""
    return _with_state(event, _name_of(event))


def as_text(html: str) -> str:
    """Rich text as plain text, with line breaks where its blocks end, so that words do not run together.

    The address of a link follows its words in brackets, unless they are that address.
    """
    if "<a " in html:
        html = LINK.sub(_with_address, html)
    if "<" in html:
        html = TAG.sub("", BLOCK_END.sub("\n", html))
    return unescape(html)


def page_of(event: Event) -> str:
    """The full address of the event's page."""
    return settings.SITE_URL + event.get_absolute_url()


# -- The parts of a file --------------------------------------------------------------------------


def head(
    zones: Zones, *, name: str = "", method: str = "", source: str = "", page: str = ""
) -> Iterator[bytes]:
    """Give all of a file before its entries; with `name` it is a feed.

    `source` is the full address of the feed, `page` that of a page about it.
    """
    yield b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
    yield line("PRODID", PRODUCT)
    if method:
        yield line("METHOD", method)
    if name:
        yield line("NAME", text(one_line(name)))
        yield line("X-WR-CALNAME", text(one_line(name)))
        yield b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\n"
    if source:
        yield line("SOURCE;VALUE=URI", source)
    if page:
        yield line("URL", page)
    for zone in sorted(zones):
        yield zones[zone]


def zone_blocks(events: Iterable[Event], *, by_session: bool = False) -> Zones:
    """Return the zone blocks that the timed entries of events need, each over the years that they use.

    An event that cannot be written needs none. Without any other it is the block of the site's own zone.
    """
    years: dict[str, tuple[int, int]] = {}
    is_empty = True
    for event in events:
        try:
            used = _years_by_hours(event, by_session=by_session)
        except Exception:  # said when its entry is written
            continue
        is_empty = False
        if used:
            known = years.get(event.timezone, used)
            years[event.timezone] = (min(*used, *known), max(*used, *known))
    if is_empty:
        return _block_of_nothing()
    blocks = {zone: zone_block(zone, *used) for zone, used in years.items()}
    return {zone: block.to_ical() for zone, block in blocks.items() if block}


def sound_entries(
    events: Iterable[Event],
    zones: Zones,
    *,
    by_session: bool = False,
    standings: Mapping[int, Standing] = MappingProxyType({}),
    left_out: list[int] | None = None,
) -> Iterator[bytes]:
    """Give the entries of events one after the other.

    An event that cannot be written is logged and left out, and its id put on the list: one bad record must not take the
    others away.
    """
    for event in events:
        try:
            standing = standings.get(event.pk)
            yield entries(event, zones, by_session=by_session, standing=standing)
        except Exception:
            logger.exception("Event %s is left out of a calendar.", event.pk)
            if left_out is not None:
                left_out.append(event.pk)


def entries(
    event: Event,
    zones: Zones,
    *,
    by_session: bool = False,
    joins_online: bool = False,
    standing: Standing | None = None,
) -> bytes:
    """Return the entry of an event, or one for each item of its programme where it has one."""
    _check_years(event)
    if by_session and (sessions := list(event.sessions.all())):
        return b"".join(_entry_of_session(event, session, zones) for session in sessions)
    page = page_of(event)
    joins_online = joins_online or bool(standing and standing.joins_online)
    lines = [
        *_revision(event, event.sequence + (standing.moves if standing else 0), standing=standing),
        line("SUMMARY", text(_title_for(event, standing))),
        *_span_of_event(event, zones),
        *_facts(event, description(event, joins_online=joins_online, page=page), page),
        *_state(event, is_sure=standing is None or standing.is_sure),
    ]
    return _vevent(lines)


def _years_by_hours(event: Event, *, by_session: bool) -> list[int]:
    """The first and last years of those entries of an event that stand at hours, by its own clock."""
    _check_years(event)
    sessions = list(event.sessions.all()) if by_session else []
    spans = [(session.starts_at, session.ends_at) for session in sessions]
    if not sessions and not event.is_whole_day:
        spans = [(event.starts_at, event.ends_at)]
    by_hours = [_by_clock(span, event) for span in spans if not _is_over_days(*span, event)]
    return [local.year for clock in by_hours for local in clock]


def _check_years(event: Event) -> None:
    if event.first_day.year < FIRST_YEAR or event.last_day.year > LAST_YEAR:
        raise ValueError(f"Event {event.pk} is in a year that calendar programs do not know.")


def _block_of_nothing() -> Zones:
    """The block that an empty feed carries: a calendar needs one component (RFC 5545 3.4)."""
    for zone in (settings.TIME_ZONE, "Europe/Amsterdam"):
        if block := zone_block(zone, EMPTY_FEED_YEAR, EMPTY_FEED_YEAR):
            return {zone: block.to_ical()}
    raise AssertionError("no zone has a block")


def _scheduled(event: Event, method: str, scheduling: Scheduling, *, last: bytes = b"") -> bytes:
    page = page_of(event)
    zones = zone_blocks([event])
    span = _span_of_event(event, zones)
    if times := TIMES.search(last):
        zones = {name.decode(): block for block, name in ZONE.findall(last)}
        span = [times[1]]
    lines = [
        line("UID", str(event.uid)),
        line("DTSTAMP", instant(scheduling.written_at)),
        *_dates_of_record(event, event.changed_at),
        line("SEQUENCE", str(scheduling.sequence)),
        line("SUMMARY", text(title(event))),
        *span,
        *_facts(event, description(event, joins_online=scheduling.joins_online, page=page), page),
        *_state(event, is_withdrawn=method == "CANCEL"),
        *_people(scheduling),
    ]
    return b"".join([*head(zones, method=method), _vevent(lines), END])


def _entry_of_session(event: Event, session: Session, zones: Zones) -> bytes:
    """An item of the programme: an entry of its own, which moves with the event and by itself."""
    words = _("%(event)s: %(session)s") % {
        "event": _name_of(event),
        "session": one_line(session.title),
    }
    page = page_of(event)
    span = session.starts_at, session.ends_at
    said = "\n\n".join(part for part in (session.details, page) if part)
    lines = [
        *_revision(
            event,
            event.sequence + session.sequence,
            uid=str(uuid5(event.uid, f"session/{session.pk}")),
        ),
        line("SUMMARY", text(_with_state(event, words))),
        *_span(*span, event, zones, is_days=_is_over_days(*span, event)),
        *_facts(event, said, page),
        *_state(event),
    ]
    return _vevent(lines)


# -- The lines of an entry ------------------------------------------------------------------------


def _vevent(lines: list[bytes]) -> bytes:
    return b"".join([b"BEGIN:VEVENT\r\n", *lines, b"END:VEVENT\r\n"])


def _revision(
    event: Event, sequence: int, *, uid: str = "", standing: Standing | None = None
) -> Iterator[bytes]:
    """Which entry it is, and how new: without METHOD, DTSTAMP says the same as LAST-MODIFIED (RFC 5545 3.8.7.2)."""
    changed_at = max(event.changed_at, standing.changed_at) if standing else event.changed_at
    yield line("UID", uid or str(event.uid))
    yield line("DTSTAMP", instant(changed_at))
    yield from _dates_of_record(event, changed_at)
    yield line("SEQUENCE", str(sequence))


def _dates_of_record(event: Event, changed_at: datetime) -> Iterator[bytes]:
    yield line("CREATED", instant(min(event.created_at, event.changed_at)))
    yield line("LAST-MODIFIED", instant(changed_at))


def _span(
    starts_at: datetime, ends_at: datetime, event: Event, zones: Zones, *, is_days: bool
) -> list[bytes]:
    """From when to when: by hours, or over days, of which the last one in the file is the day after.

    Hours are by the event's own clock, where that is regular and shows none of them twice; else both are in UTC.
    """
    if not is_days:
        if event.timezone in zones and (clock := _by_clock((starts_at, ends_at), event)):
            zone, said = f";TZID={event.timezone}", [f"{local:%Y%m%dT%H%M%S}" for local in clock]
        else:
            zone, said = "", [instant(starts_at), instant(ends_at)]
        return [line(f"DTSTART{zone}", said[0]), line(f"DTEND{zone}", said[1])]
    first = starts_at.astimezone(event.zone).date()
    after = (ends_at - MOMENT).astimezone(event.zone).date() + timedelta(days=1)
    return [
        line("DTSTART;VALUE=DATE", f"{first:%Y%m%d}"),
        line("DTEND;VALUE=DATE", f"{after:%Y%m%d}"),
    ]


def _span_of_event(event: Event, zones: Zones) -> list[bytes]:
    is_days = spans_whole_days(event)
    return _span(event.starts_at, event.ends_at, event, zones, is_days=is_days)


def _by_clock(span: tuple[datetime, datetime], event: Event) -> list[datetime]:
    """Start and end by the event's own clock; nothing where it shows one of these hours twice."""
    clock = [moment.astimezone(event.zone) for moment in span]
    for local in clock:
        if local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset():
            return []
    return clock


def _facts(event: Event, said: str, page: str) -> Iterator[bytes]:
    if place := one_line(location(event)):
        yield line("LOCATION", text(place))
    yield line("DESCRIPTION", text(said))
    yield line("URL", page)
    topics = map(one_line, event.topic_names)
    if categories := [text(topic) for topic in topics if topic]:
        yield line("CATEGORIES", ",".join(categories))
    venue = None if event.format == Format.ONLINE else event.venue
    if venue and venue.latitude is not None and venue.longitude is not None:
        yield line("GEO", f"{_degrees(venue.latitude)};{_degrees(venue.longitude)}")
    contact = filter(None, [*event.organiser_names[:1], event.contact_email])
    if words := one_line(", ".join(contact)):
        yield line("CONTACT", text(words))


def _state(event: Event, *, is_sure: bool = True, is_withdrawn: bool = False) -> Iterator[bytes]:
    """STATUS, and whether the entry blocks its time."""
    if is_withdrawn or event.status == Status.CANCELLED:
        yield b"STATUS:CANCELLED\r\nTRANSP:TRANSPARENT\r\n"
    elif event.status == Status.POSTPONED or not is_sure:
        yield b"STATUS:TENTATIVE\r\nTRANSP:TRANSPARENT\r\n"
    else:
        yield b"STATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\n"


def _people(scheduling: Scheduling) -> Iterator[bytes]:
    organiser = f"ORGANIZER;CN={parameter(scheduling.organiser_name)}"
    yield line(organiser, mailto(settings.DEFAULT_FROM_EMAIL))
    attendee = f"ATTENDEE;CN={parameter(scheduling.attendee_name)}"
    yield line(
        f"{attendee};CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE",
        mailto(scheduling.attendee_email),
    )


def _title_for(event: Event, standing: Standing | None) -> str:
    """The title with how somebody stands in front, unless the state of the event says more."""
    words = title(event)
    if standing and standing.words and event.status == Status.PUBLISHED:
        words = _("%(state)s: %(title)s") % {"state": standing.words, "title": words}
    return words


def _name_of(event: Event) -> str:
    """The title in one line; the form refuses one that has nothing to show, older and imported records may have it."""
    return one_line(event.title) or _("Untitled event")


def _with_address(link: re.Match[str]) -> str:
    words, found = link[2], ADDRESS.search(link[1])
    if not found:
        return words
    address = found[1]
    shown = TAG.sub("", words).strip()
    if address.startswith("/"):
        address = settings.SITE_URL + address
    if _bare(shown) == _bare(address):
        return words
    return f"{words} ({address.removeprefix('mailto:')})" if shown else address


def _bare(address: str) -> str:
    """An address by what people write of it."""
    return SCHEME.sub("", unescape(address)).rstrip("/").casefold()


def _with_state(event: Event, words: str) -> str:
    if event.status == Status.CANCELLED:
        return _("Cancelled: %(title)s") % {"title": words}
    if event.status == Status.POSTPONED:
        return _("Postponed: %(title)s") % {"title": words}
    return words


def _degrees(value: Decimal | float) -> str:
    return f"{Decimal(str(value)).normalize():f}"


def _hours_of_days(event: Event) -> list[str]:
    """One line for each day of the programme, and before them the event's own start and end unless those tell them."""
    if event.is_whole_day:
        return []
    zone, first, last = event.zone, event.first_day, event.last_day
    starts: dict[date, datetime] = {}
    ends: dict[date, datetime] = {}
    for session in sorted(event.sessions.all(), key=lambda session: session.starts_at):
        day = session.starts_at.astimezone(zone).date()
        if first <= day <= last:
            starts.setdefault(day, session.starts_at)
            end = session.ends_at.astimezone(zone).replace(tzinfo=None)
            if end < datetime.combine(day, NOON) + ONE_DAY:  # else it does not end that day's hours
                ends[day] = max(session.ends_at, ends.get(day, session.ends_at))
    hours = [_hours_of_day(start, ends.get(day), event) for day, start in starts.items()]
    is_told = (
        min(starts.values(), default=event.ends_at) <= event.starts_at
        and max(ends.values(), default=event.starts_at) >= event.ends_at
    )
    start, end = event.local_start, event.local_end
    return hours if is_told or _are_midnights(start, end) else [_from_to(start, end), *hours]


def _hours_of_day(starts_at: datetime, ends_at: datetime | None, event: Event) -> str:
    """The hours of one day; an end after midnight names its day. Without an end only their start."""
    start = starts_at.astimezone(event.zone)
    day = _day(start.date(), get_language())
    if ends_at is None:
        return _("%(day)s: from %(time)s") % {"day": day, "time": f"{start:%H:%M}"}
    end = ends_at.astimezone(event.zone)
    if start.date() == end.date():
        return f"{day}: {start:%H:%M}–{end:%H:%M}"
    if end.time() == time():
        return f"{day}: {start:%H:%M}–24:00"
    return _from_to(start, end)


def _from_to(start: datetime, end: datetime) -> str:
    language = get_language()
    first, last = _day(start.date(), language), _day(end.date(), language)
    return f"{first} {start:%H:%M} – {last} {end:%H:%M}"


@lru_cache(maxsize=1000)
def _day(day: date, _language: str | None) -> str:
    """A day in words, which a feed says again and again; the language in force is a part of the key."""
    return date_format(day, "j F")


def _is_over_days(starts_at: datetime, ends_at: datetime, event: Event) -> bool:
    """Whether hours stand for days: from midnight to midnight, or longer than a night."""
    start, end = starts_at.astimezone(event.zone), ends_at.astimezone(event.zone)
    if _are_midnights(start, end):
        return True
    last = (ends_at - MOMENT).astimezone(event.zone)
    return ends_at - starts_at > ONE_NIGHT and start.date() != last.date()


def _are_midnights(start: datetime, end: datetime) -> bool:
    return start.time() == end.time() == time() and start.date() != end.date()
