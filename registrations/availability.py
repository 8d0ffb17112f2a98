"""How many places are left, and what an event's page therefore says: its state in one word and in a sentence."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.dates import moment_in_words
from events.models import Entry, Event, Mode, Status
from events.sql import JSONList
from registrations.models import Registration
from registrations.models import Status as RegistrationStatus


@dataclass(frozen=True)
class Places:
    """The places of one way of attending; `capacity` None is no limit."""

    mode: Mode
    capacity: int | None
    taken: int
    waiting: int

    @property
    def left(self) -> int | None:
        return None if self.capacity is None else max(0, self.capacity - self.taken)

    @property
    def is_full(self) -> bool:
        return self.left == 0

    @property
    def are_few(self) -> bool:
        """At most five or a tenth of the places."""
        return self.capacity is not None and 0 < (self.left or 0) <= max(5, self.capacity // 10)


@dataclass(frozen=True)
class Availability:
    """What to say of an event now. `state` is one of the words of `data-state`."""

    state: str
    headline: str
    detail: str
    places: tuple[Places, ...]
    can_register: bool

    @property
    def taken(self) -> int:
        return sum(places.taken for places in self.places)

    @property
    def capacity(self) -> int | None:
        """All places together; None if one way of attending has no limit."""
        capacities = [places.capacity for places in self.places]
        return None if None in capacities else sum(filter(None, capacities))


def of_event(event: Event, *, now: datetime | None = None) -> Availability:
    """The availability of one event, in one query."""
    return of_events([event], now=now)[event.pk]


def of_events(events: Iterable[Event], *, now: datetime | None = None) -> dict[int, Availability]:
    """The availability of several events by id, in one query."""
    events = list(events)
    counts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _counted(Registration.objects.filter(event__in=[event.pk for event in events])):
        counts[row["event_id"]].append(row)
    return {event.pk: of_counts(event, counts[event.pk], now=now) for event in events}


def counts() -> JSONList:
    """The numbers behind an availability, as an annotation of events; `of_counts` reads it."""
    rows = _counted(Registration.objects.filter(event=OuterRef("pk")))
    return JSONList(rows.values(item=JSONObject(mode="mode", taken="taken", queue="queue")))


def of_counts(
    event: Event, counted: list[dict[str, Any]], *, now: datetime | None = None
) -> Availability:
    """The availability of an event from the numbers that `counts` brought along."""
    numbers = {row["mode"]: (row["taken"], row["queue"]) for row in counted}
    places = tuple(
        Places(mode, event.capacity(mode), *numbers.get(mode, (0, 0))) for mode in event.modes
    )
    return _say(event, places, now or timezone.now())


def _counted(registrations: QuerySet[Registration]) -> QuerySet[Any, Any]:
    return (
        registrations.order_by()
        .values("event_id", "mode")
        .annotate(
            taken=Count("pk", filter=Q(seat__isnull=False)),
            queue=Count("pk", filter=Q(status=RegistrationStatus.WAITING)),
        )
    )


def _say(event: Event, places: tuple[Places, ...], now: datetime) -> Availability:
    def said(
        state: str, headline: str, detail: str = "", *, can_register: bool = False
    ) -> Availability:
        return Availability(state, headline, detail, places, can_register)

    if event.status == Status.CANCELLED:
        return said("cancelled", _("Cancelled"), _("This event does not take place."))
    if event.status == Status.POSTPONED:
        return said("postponed", _("Postponed"), _("New date to be announced."))
    if event.ends_at <= now:
        return said("past", _("This event is over"))
    if event.entry == Entry.ELSEWHERE:
        return said("elsewhere", _("Registration on another site"))
    if event.entry == Entry.INVITATION:
        return said("invitation", _("By invitation"), _("The organisers invite the participants."))
    if event.entry == Entry.NONE:
        return said("closed", _("No registration"), event.audience)
    if event.opens_at and now < event.opens_at:
        return said(
            "upcoming",
            _("Registration opens on %(moment)s")
            % {"moment": moment_in_words(event.opens_at, event.timezone)},
        )
    if event.starts_at <= now or (event.closes_at and event.closes_at <= now):
        return said("closed", _("Registration is closed"))
    until = (
        _("Register by %(moment)s.") % {"moment": moment_in_words(event.closes_at, event.timezone)}
        if event.closes_at
        else ""
    )
    if all(one.is_full for one in places):
        queue = sum(one.waiting for one in places)
        ahead = (
            ngettext("%(number)s person is waiting.", "%(number)s people are waiting.", queue)
            % {"number": queue}
            if queue
            else _("You would be the first in line.")
        )
        return said("full", _("Full, waiting list"), ahead, can_register=True)
    left = [one.left for one in places]
    if None in left:
        return said("open", _("Open"), until or _("No limit of places."), can_register=True)
    total, number = sum(one.capacity or 0 for one in places), sum(n or 0 for n in left)
    headline = ngettext("%(number)s place left", "%(number)s places left", number) % {
        "number": number
    }
    state = "few" if all(one.are_few or one.is_full for one in places) else "open"
    detail = _("%(taken)s of %(total)s taken.") % {"taken": total - number, "total": total}
    return said(state, headline, f"{detail} {until}".strip(), can_register=True)
