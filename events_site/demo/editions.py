"""The next editions of the series that are alive, made and booked by the functions that people use."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from events import lifecycle
from events.models import Entry, Event, Format, Kind, from_local
from events_site.demo.arrangements import arrange
from events_site.demo.bookings import book
from events_site.demo.loading import check
from events_site.demo.network import contact_of, with_roles
from events_site.demo.parts import Edition, Part, plan
from events_site.demo.people import People
from events_site.demo.programme import hours_of, write_programme

AUDIENCE = {
    Kind.TRAINING: "Practitioners and trainers of probation and prison services.",
    Kind.CONFERENCE: "Everybody who works in probation, prisons or research on them.",
    Kind.WEBINAR: "Everybody who works in probation, prisons or research on them. Free of charge.",
    Kind.WORKSHOP: "Practitioners, managers and policy makers.",
}
EXPERTS = "Experts whom the members of the network have named."
INVITED = "Those whom the organisers invite."
ENTRIES = {Part.INVITATION: Entry.INVITATION, Part.APPROVAL: Entry.APPROVAL}
PLACES = {Kind.WEBINAR: 200, Kind.CONFERENCE: 120, Kind.WORKSHOP: 40, Kind.TRAINING: 30}
PLACES_OF_PART: dict[Part, tuple[int | None, int | None]] = {
    Part.FEW: (24, None),
    Part.ONLINE: (200, None),
    Part.FULL: (20, None),
    Part.HYBRID: (12, 8),
    Part.INVITATION: (20, None),
    Part.MEMBERS: (40, None),
    Part.QUESTIONS: (40, None),
}


def make_editions(events: list[Event], *, people: People, by: User) -> tuple[int, int]:
    """Make a next edition for each living series that has nothing ahead.

    `events` are those of the network's file. Returns how many are new, and how many were there.
    """
    editions = plan(events, today=timezone.localdate())
    ahead = set(
        Event.objects.upcoming()
        .filter(series__in=[edition.series for edition in editions])
        .values_list("series_id", flat=True)
    )
    new = 0
    for edition in editions:
        if edition.series.pk in ahead:
            continue
        event = _event(edition)
        if not Event.objects.filter(slug=event.slug).exists():
            with transaction.atomic():
                _make(event, edition, people=people, by=by)
            new += 1
    return new, len(editions) - new


def _event(edition: Edition) -> Event:
    """The event of an edition, not yet stored."""
    last, part = edition.last, edition.part
    start, end, kind = edition.first_day, edition.last_day, Kind(last.kind)
    opening, closing = hours_of(kind)
    event = Event(
        slug=f"{edition.series.slug}-{start:%Y-%m}",
        title=f"{_in_the_singular(edition.series.name)} {start:%Y}",
        kind=kind,
        format=_format(part, last),
        series=edition.series,
        summary=f"The next edition: {_length(edition)} of exchange between services and researchers.",
        description="<p>This edition is made up, to show how the site works: nobody meets there.</p>",
        starts_at=_instant(start, opening, last.timezone),
        ends_at=_instant(end, closing, last.timezone),
        timezone=last.timezone,
        entry=ENTRIES.get(part, Entry.OPEN),
        audience=INVITED if part == Part.INVITATION else AUDIENCE.get(kind, EXPERTS),
        closes_at=_instant(start - timedelta(days=10), time(18), last.timezone),
        contact_email=contact_of(last.organisers[0]),
    )
    if event.format != Format.ONLINE:
        event.venue = last.venue
    if event.format != Format.IN_PERSON:
        event.join_url = f"https://meet.example/{event.slug}"
    _set_places(event, part)
    return event


def _format(part: Part, last: Event) -> str:
    if part == Part.ONLINE or last.venue is None:
        return Format.ONLINE
    return Format.HYBRID if part == Part.HYBRID else last.format


def _set_places(event: Event, part: Part) -> None:
    usual = PLACES.get(Kind(event.kind), 25)
    in_person, online = PLACES_OF_PART.get(part, (usual, usual))
    event.capacity_in_person = in_person if event.format != Format.ONLINE else None
    event.capacity_online = (
        None if event.format == Format.IN_PERSON else in_person if online is None else online
    )


def _make(event: Event, edition: Edition, *, people: People, by: User) -> None:
    check(event)
    lifecycle.apply_changes(
        event,
        by=by,
        organisations=with_roles(edition.last.organisers),
        topics=edition.last.topics.all(),
    )
    write_programme(event, people=people)
    lifecycle.publish(event, by=by)
    arrange(event, edition.part, by=by)
    book(event, edition.part, people=people, by=by)
    ends: dict[Part, Any] = {
        Part.POSTPONED: lifecycle.postpone,
        Part.CANCELLED: lifecycle.cancel,
    }
    if edition.part in ends:
        ends[edition.part](event, by=by)


def _in_the_singular(name: str) -> str:
    """The name of a series as that of one event: "Meeting and Workshop" for "Meetings and Workshops"."""
    return re.sub(r"\b(meeting|workshop|webinar|conference)s\b", r"\1", name, flags=re.IGNORECASE)


def _length(edition: Edition) -> str:
    if edition.last.kind == Kind.WEBINAR:
        return "an afternoon"
    days = (edition.last_day - edition.first_day).days + 1
    return {1: "a day", 2: "two days", 3: "three days"}.get(days, "a week")


def _instant(day: date, hour: time, zone: str) -> datetime:
    return from_local(datetime.combine(day, hour), zone)
