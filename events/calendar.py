"""Events as iCalendar bytes: one event, a feed, and the parts of mails that put in, move and take out an entry.

The same data gives the same bytes: UID, SEQUENCE, DTSTAMP and LAST-MODIFIED come from the event's row.
Sources: RFC 5545 (files), RFC 5546 (scheduling), RFC 7986 (feeds).
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import groupby

from django.conf import settings
from django.utils.formats import date_format
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from icalendar import Calendar, Timezone, vCalAddress, vDatetime, vDuration, vText, vUri
from icalendar import Event as Entry

from events.dates import zone_in_words
from events.models import Event, Format, Session, Status
from events.timezones import zone_block

logger = logging.getLogger(__name__)

PRODUCT = "-//Plenary//Events 1.0//EN"
ONE_NIGHT = timedelta(hours=12)
LONGEST_DESCRIPTION = 4000
EMPTY_FEED_YEAR = (
    2026  # a calendar needs one component (RFC 5545 3.4); any fixed year gives stable bytes
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u0085]")


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
    """What somebody's own calendar says of an event: how they stand, in a word before the title, and since when."""

    words: str
    is_sure: bool
    changed_at: datetime
    joins_online: bool = False


def event_file(event: Event) -> bytes:
    """The event as a file to save. No METHOD, no attendee, nothing private."""
    return _calendar([event])


def feed(
    events: Iterable[Event], *, name: str, standings: Mapping[int, Standing] | None = None
) -> bytes:
    """Events as a calendar to subscribe to; `name` is its title (RFC 7986 5.1).

    `standings` by id of the event make it somebody's own. An event that cannot be written is logged and left out: one
    bad record must not take the others away.
    """
    events = list(events)
    try:
        return _calendar(events, name=name, standings=standings)
    except Exception:
        sound = [event for event in events if _can_be_written(event)]
        return _calendar(sound, name=name, standings=standings)


def request(event: Event, *, scheduling: Scheduling) -> bytes:
    """The calendar part of a mail that puts the entry in or moves it (RFC 5546 3.2.2)."""
    return _calendar([event], method="REQUEST", scheduling=scheduling)


def cancellation(event: Event, *, scheduling: Scheduling) -> bytes:
    """The calendar part of a mail that takes the entry out (RFC 5546 3.2.5)."""
    return _calendar([event], method="CANCEL", scheduling=scheduling)


def spans_whole_days(event: Event) -> bool:
    """Whether the entry is over days instead of hours: hours unknown, or several days (not one long evening)."""
    return event.is_whole_day or (
        len(event.days) > 1 and event.ends_at - event.starts_at > ONE_NIGHT
    )


def description(event: Event) -> str:
    """The text of the entry: summary, hours of each day, address of the page."""
    parts = [event.summary, as_text(event.description)[:LONGEST_DESCRIPTION].strip()]
    if spans_whole_days(event) and not event.is_whole_day:
        parts.append(
            "\n".join([*_hours_of_days(event), zone_in_words(event.timezone, event.starts_at)])
        )
    parts.append(settings.SITE_URL + event.get_absolute_url())
    return "\n\n".join(part for part in parts if part)


def location(event: Event) -> str:
    """The place in one line; "Online" where there is none."""
    venue = event.venue
    if event.format == Format.ONLINE or venue is None:
        return _("Online")
    name = "" if venue.is_city_only else venue.name
    return ", ".join(part for part in (name, venue.address, venue.city) if part)


def title(event: Event) -> str:
    """The title with the state in front where people must see it."""
    if event.status == Status.CANCELLED:
        return _("Cancelled: %(title)s") % {"title": event.title}
    if event.status == Status.POSTPONED:
        return _("Postponed: %(title)s") % {"title": event.title}
    return event.title


def _calendar(
    events: list[Event],
    *,
    name: str = "",
    method: str = "",
    scheduling: Scheduling | None = None,
    standings: Mapping[int, Standing] | None = None,
) -> bytes:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    if method:
        calendar.add("method", method)
    if name:
        for title_of_feed in ("name", "x-wr-calname"):
            calendar.add(title_of_feed, vText(_one_line(name)))
        calendar.add(
            "refresh-interval", vDuration(timedelta(hours=1)), parameters={"VALUE": "DURATION"}
        )
        calendar.add("x-published-ttl", vDuration(timedelta(hours=1)))
    zones = _zones(events)
    if not events:
        zones[settings.TIME_ZONE] = zone_block(settings.TIME_ZONE, EMPTY_FEED_YEAR, EMPTY_FEED_YEAR)
    for zone in sorted(zones):
        if block := zones[zone]:
            calendar.add_component(block)
    for event in events:
        entry = _entry(event, zones, method=method, scheduling=scheduling)
        if standing := (standings or {}).get(event.pk):
            _say_standing(entry, event, standing)
        calendar.add_component(entry)
    return calendar.to_ical()


def _can_be_written(event: Event) -> bool:
    try:
        event_file(event)
    except Exception:
        logger.exception("Event %s is left out of the feeds.", event.pk)
        return False
    return True


def _zones(events: list[Event]) -> dict[str, Timezone | None]:
    """The zone blocks that the timed entries need, each over the years that they use."""
    years: dict[str, list[int]] = {}
    for event in events:
        if not spans_whole_days(event):
            years.setdefault(event.timezone, []).extend([event.first_day.year, event.last_day.year])
    return {zone: zone_block(zone, min(used), max(used)) for zone, used in years.items()}


def _entry(
    event: Event, zones: dict[str, Timezone | None], *, method: str, scheduling: Scheduling | None
) -> Entry:
    entry = Entry()
    entry.add("uid", str(event.uid))
    changed_at = event.changed_at.astimezone(UTC).replace(microsecond=0)
    entry.add("dtstamp", scheduling.written_at.astimezone(UTC) if scheduling else changed_at)
    entry.add(
        "created", min(event.created_at, event.changed_at).astimezone(UTC).replace(microsecond=0)
    )
    entry.add("last-modified", changed_at)
    entry.add("sequence", scheduling.sequence if scheduling else event.sequence)
    withdrawn = method == "CANCEL" or event.status == Status.CANCELLED
    entry.add("summary", _one_line(title(event)))
    start, end = _span(event, zones)
    entry.add("dtstart", start)
    entry.add("dtend", end)
    entry.add("location", _one_line(location(event)))
    entry.add("description", _clean(description(event)))
    entry.add("url", vUri(settings.SITE_URL + event.get_absolute_url()))
    if categories := [_one_line(topic.name) for topic in event.topics.all()]:
        entry.add("categories", categories)
    if event.venue and event.venue.latitude is not None and event.venue.longitude is not None:
        entry.add("geo", (float(event.venue.latitude), float(event.venue.longitude)))
    if event.contact_email and not scheduling:
        entry.add("contact", _one_line(event.contact_email))
    status = (
        "CANCELLED"
        if withdrawn
        else "TENTATIVE"
        if event.status == Status.POSTPONED
        else "CONFIRMED"
    )
    entry.add("status", status)
    entry.add(
        "transp", "TRANSPARENT" if withdrawn or event.status == Status.POSTPONED else "OPAQUE"
    )
    if scheduling:
        _address(entry, scheduling)
    return entry


def _span(
    event: Event, zones: dict[str, Timezone | None]
) -> tuple[date | datetime, date | datetime]:
    if spans_whole_days(event):
        return event.first_day, event.last_day + timedelta(days=1)
    return _instant(event.starts_at, event, zones), _instant(event.ends_at, event, zones)


def _instant(moment: datetime, event: Event, zones: dict[str, Timezone | None]) -> datetime:
    """The instant by the event's own clock; in UTC where that clock is irregular or shows this hour twice."""
    local = moment.astimezone(event.zone)
    other = local.replace(fold=1 - local.fold)
    if zones.get(event.timezone) is None or local.utcoffset() != other.utcoffset():
        return moment.astimezone(UTC)
    return local


def _say_standing(entry: Entry, event: Event, standing: Standing) -> None:
    """Put somebody's state into an entry, unless that of the event says more."""
    changed_at = max(event.changed_at, standing.changed_at).astimezone(UTC).replace(microsecond=0)
    entry["DTSTAMP"] = entry["LAST-MODIFIED"] = vDatetime(changed_at)
    if event.status != Status.PUBLISHED:
        return
    if standing.words:
        said = _("%(state)s: %(title)s") % {"state": standing.words, "title": title(event)}
        entry["SUMMARY"] = vText(_one_line(said))
    if not standing.is_sure:
        entry["STATUS"], entry["TRANSP"] = vText("TENTATIVE"), vText("TRANSPARENT")


def _address(entry: Entry, scheduling: Scheduling) -> None:
    organiser = vCalAddress(f"mailto:{settings.DEFAULT_FROM_EMAIL}")
    organiser.params["CN"] = vText(_one_line(scheduling.organiser_name))
    entry.add("organizer", organiser)
    attendee = vCalAddress(f"mailto:{scheduling.attendee_email}")
    attendee.params.update(
        {
            "CN": vText(_one_line(scheduling.attendee_name)),
            "CUTYPE": vText("INDIVIDUAL"),
            "ROLE": vText("REQ-PARTICIPANT"),
            "PARTSTAT": vText("ACCEPTED"),
            "RSVP": vText("FALSE"),
        }
    )
    entry.add("attendee", attendee)


def _hours_of_days(event: Event) -> list[str]:
    """One line a day, from the programme where there is one, else from the event's own start and end."""
    sessions: list[Session] = list(event.sessions.all())
    if not sessions:
        return [f"{date_format(event.local_start, 'H:i')} – {date_format(event.local_end, 'H:i')}"]

    def day(session: Session) -> date:
        return session.starts_at.astimezone(event.zone).date()

    lines = []
    for when, items in groupby(sorted(sessions, key=lambda session: session.starts_at), key=day):
        of_day = list(items)
        start = of_day[0].starts_at.astimezone(event.zone)
        end = max(session.ends_at for session in of_day).astimezone(event.zone)
        lines.append(f"{date_format(when, 'j F')}: {start:%H:%M}–{end:%H:%M}")
    return lines


def as_text(html: str) -> str:
    """Rich text as plain text, with line breaks where its blocks end, so that words do not run together."""
    return unescape(strip_tags(re.sub(r"</(p|li|h\d)>|<br\s*/?>", "\n", html)))


def _clean(text: str) -> str:
    """Text without the control characters that break a calendar file (RFC 5545 3.3.11)."""
    return CONTROLS.sub(" ", text.replace("\r\n", "\n"))


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())
