"""Which series go on, and which situation each next edition shows."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.db.models import prefetch_related_objects

from events.models import Event, Format, Kind, Series
from events_site.demo.dates import spread
from events_site.demo.sign_ins import ORGANISER

ALIVE = timedelta(days=3 * 365)
#: As many as there are parts to play, and some that are plainly open.
FEWEST = 14
#: A working week, in days.
LONGEST = 5


class Part(StrEnum):
    """The situation that an edition shows."""

    FEW = "few"
    ONLINE = "online"
    FULL = "full"
    INVITATION = "invitation"
    HYBRID = "hybrid"
    APPROVAL = "approval"
    MEMBERS = "members"
    QUESTIONS = "questions"
    LISTED = "listed"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"
    OPEN = "open"


#: Which last edition suits which part best: its kind, and its format.
SUITS: dict[Part, tuple[Kind, Format]] = {
    Part.FEW: (Kind.WORKSHOP, Format.IN_PERSON),
    Part.ONLINE: (Kind.WEBINAR, Format.ONLINE),
    Part.FULL: (Kind.TRAINING, Format.IN_PERSON),
    Part.INVITATION: (Kind.EXPERT_MEETING, Format.IN_PERSON),
    Part.MEMBERS: (Kind.WORKSHOP, Format.IN_PERSON),
    Part.HYBRID: (Kind.CONFERENCE, Format.IN_PERSON),
    Part.APPROVAL: (Kind.TRAINING, Format.IN_PERSON),
    Part.QUESTIONS: (Kind.WORKSHOP, Format.IN_PERSON),
    Part.LISTED: (Kind.EXPERT_MEETING, Format.ONLINE),
    Part.POSTPONED: (Kind.EXPERT_MEETING, Format.IN_PERSON),
    Part.CANCELLED: (Kind.EXPERT_MEETING, Format.IN_PERSON),
}


@dataclass(frozen=True)
class Edition:
    """What is to be made: the next event of a series after its last, the part it plays, and its days."""

    series: Series
    last: Event
    part: Part
    first_day: date
    last_day: date


def plan(events: list[Event], *, today: date) -> list[Edition]:
    """Give each living series a part and a day: the parts in turn with plainly open editions.

    Events of the organisation whose people sign in come first, so that these find the parts at their desk.
    """
    prefetch_related_objects(events, "organisation_links__organisation")
    last = _last_editions(events)
    alive = [event for event in last if event.last_day >= today - ALIVE]
    if len(alive) < FEWEST:
        alive = last[:FEWEST]
    alive.sort(key=lambda event: not _is_of(event, ORGANISER.organisation))
    parts = _parts(alive)
    special = [parts[part] for part in SUITS if part in parts]
    plain = [event for event in alive if event not in special]
    ordered = [event for pair in zip(special, plain, strict=False) for event in pair]
    ordered += [*special[len(plain) :], *plain[len(special) :]]
    part_of = {event.pk: part for part, event in parts.items()}
    lengths = [min(len(event.days), LONGEST) for event in ordered]
    return [
        Edition(
            series=event.series,  # type: ignore[arg-type]
            last=event,
            part=part_of.get(event.pk, Part.OPEN),
            first_day=first_day,
            last_day=first_day + timedelta(days=length - 1),
        )
        for event, length, first_day in zip(
            ordered, lengths, spread(lengths, today=today), strict=True
        )
    ]


def _last_editions(events: list[Event]) -> list[Event]:
    """The last event of each series, latest first."""
    last: dict[int, Event] = {}
    for event in sorted(events, key=lambda event: (event.ends_at, event.slug)):
        if event.series_id:
            last[event.series_id] = event
    return sorted(last.values(), key=lambda event: (event.ends_at, event.slug), reverse=True)


def _parts(alive: list[Event]) -> dict[Part, Event]:
    """For each part the first event that suits it, or else any that is left."""
    parts: dict[Part, Event] = {}
    for part, (kind, format_) in SUITS.items():
        left = [event for event in alive if event not in parts.values()]
        suiting = [event for event in left if event.kind == kind and event.format == format_]
        in_person = [event for event in left if event.format == Format.IN_PERSON]
        for choice in (suiting, in_person, left):
            if choice:
                parts[part] = choice[0]
                break
    return parts


def _is_of(event: Event, slug: str) -> bool:
    return any(organisation.slug == slug for organisation in event.organisers)
