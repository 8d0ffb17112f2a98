"""How many places are left, and what an event's page therefore says: its state in one word and in a sentence."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from registrations import entry
from registrations.models import Registration, Terms
from registrations.models import Status as RegistrationStatus


@dataclass(frozen=True)
class Places:
    """The places of one way of attending; `capacity` None is no limit, `kept` are free ones kept for invited people."""

    mode: Mode
    capacity: int | None
    taken: int
    waiting: int
    kept: int = 0

    @property
    def left(self) -> int | None:
        return None if self.capacity is None else max(0, self.capacity - self.taken)

    @property
    def left_for_all(self) -> int | None:
        """The places that anybody can have now."""
        return None if self.left is None else self.left - self.kept

    @property
    def is_full(self) -> bool:
        """Whether somebody who registers now joins the waiting list."""
        return self.left_for_all == 0

    @property
    def are_few(self) -> bool:
        """At most five or a tenth of the places."""
        left = self.left_for_all or 0
        return self.capacity is not None and 0 < left <= max(5, self.capacity // 10)


@dataclass(frozen=True)
class Availability:
    """What to say of an event now. `state` is one of the words of `data-state`.

    `opens_later` says that registering, or a part of the places, opens at a later moment of which one can be told.
    """

    state: str
    headline: str
    detail: str
    places: tuple[Places, ...]
    can_register: bool
    opens_later: bool = False

    @property
    def taken(self) -> int:
        return sum(places.taken for places in self.places)

    @property
    def capacity(self) -> int | None:
        """All places together; None if one way of attending has no limit."""
        capacities = [places.capacity for places in self.places]
        return None if None in capacities else sum(filter(None, capacities))


def of_event(event: Event, *, now: datetime | None = None) -> Availability:
    """The availability of one event, in one query if the event came `with_terms`."""
    return of_events([event], now=now)[event.pk]


def of_events(events: Iterable[Event], *, now: datetime | None = None) -> dict[int, Availability]:
    """The availability of several events by id, in one query if the events came `with_terms`, else in two."""
    events = list(events)
    _bring_terms(events)
    counts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _counted(Registration.objects.filter(event__in=[event.pk for event in events])):
        counts[row["event_id"]].append(row)
    return {event.pk: of_counts(event, counts[event.pk], now=now) for event in events}


def with_terms[Events: QuerySet[Event, Any]](events: Events) -> Events:
    """Events with their terms, in the same query."""
    return events.select_related("terms")


def terms_with(event: Event) -> Terms | None:
    """Return the terms of an event, or None if it has the usual ones; asked for only if they did not come with it."""
    try:
        return event.terms
    except Terms.DoesNotExist:
        return None


def counts() -> JSONList:
    """The numbers behind an availability, as an annotation of events; `of_counts` reads it."""
    rows = _counted(Registration.objects.filter(event=OuterRef("pk")))
    item = JSONObject(mode="mode", taken="taken", general="general", queue="queue")
    return JSONList(rows.values(item=item))


def of_counts(
    event: Event, counted: list[dict[str, Any]], *, now: datetime | None = None
) -> Availability:
    """The availability of an event from the numbers that `counts` brought along."""
    now = now or timezone.now()
    by_mode = {row["mode"]: row for row in counted}
    terms = terms_with(event)
    places = tuple(_places(event, mode, by_mode.get(mode, {}), terms, now) for mode in event.modes)
    said = _say(event, places, now)
    return _with_terms_said(event, said, terms, now) if terms and said.can_register else said


def _places(
    event: Event, mode: Mode, counted: dict[str, Any], terms: Terms | None, now: datetime
) -> Places:
    capacity, taken = event.capacity(mode), counted.get("taken", 0)
    kept = 0
    if capacity is not None and terms and (number := terms.kept(mode, now)):
        for_all = max(0, capacity - number - counted.get("general", 0))
        left = max(0, capacity - taken)
        kept = left - min(left, for_all)
    return Places(mode, capacity, taken, counted.get("queue", 0), kept)


def _with_terms_said(event: Event, said: Availability, terms: Terms, now: datetime) -> Availability:
    """Add in plain words that members come first, or that places are kept for invited people."""
    kept = sum(places.kept for places in said.places)
    moment, end = terms.opens_to_all_at, min(event.starts_at, event.closes_at or event.starts_at)
    opens_later = moment is not None and now < moment < end
    if terms.is_for_members(now):
        detail = f"{said.detail} {entry.members_first(terms)}".strip()
        return replace(said, detail=detail, opens_later=opens_later)
    if not kept:
        return said
    if said.state == "full":
        return replace(
            said,
            headline=_("The last places are kept for invited people"),
            detail=f"{entry.kept_for_invited(terms)} {_('Others join the waiting list.')}",
            opens_later=opens_later,
        )
    detail = f"{said.detail} {entry.some_kept_for_invited(terms, kept)}".strip()
    return replace(said, detail=detail, opens_later=opens_later)


def _bring_terms(events: list[Event]) -> None:
    """Read the terms of all events that came without them, in one query."""
    bare = {event.pk: event for event in events if not Event.terms.is_cached(event)}
    if not bare:
        return
    found = {terms.event_id: terms for terms in Terms.objects.filter(event__in=bare)}
    for pk, event in bare.items():
        Event.terms.related.set_cached_value(event, found.get(pk))
        if pk in found:
            found[pk].event = event


def _counted(registrations: QuerySet[Registration]) -> QuerySet[Any, Any]:
    return (
        registrations.order_by()
        .values("event_id", "mode")
        .annotate(
            taken=Count("pk", filter=Q(seat__isnull=False)),
            general=Count("pk", filter=Q(seat__isnull=False, invitation=None)),
            queue=Count("pk", filter=Q(status=RegistrationStatus.WAITING)),
        )
    )


def _say(event: Event, places: tuple[Places, ...], now: datetime) -> Availability:
    def said(
        state: str,
        headline: str,
        detail: str = "",
        *,
        can_register: bool = False,
        opens_later: bool = False,
    ) -> Availability:
        return Availability(state, headline, detail, places, can_register, opens_later)

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
            opens_later=True,
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
    left = [one.left_for_all for one in places]
    if None in left:
        return said("open", _("Open"), until or _("No limit of places."), can_register=True)
    total, number = sum(one.capacity or 0 for one in places), sum(n or 0 for n in left)
    headline = ngettext("%(number)s place left", "%(number)s places left", number) % {
        "number": number
    }
    state = "few" if all(one.are_few or one.is_full for one in places) else "open"
    detail = _("%(taken)s of %(total)s taken.") % {
        "taken": sum(one.taken for one in places),
        "total": total,
    }
    return said(state, headline, f"{detail} {until}".strip(), can_register=True)
