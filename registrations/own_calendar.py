"""Somebody's own calendar: the events that one comes to, or waits for, as a feed behind an address of its own.

It holds the registrations of its address, and those that were in it when they moved to another address
(docs/decisions/0020-my-feed.md).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Prefetch, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from events import calendar
from events.calendar import Standing
from events.dates import midnight
from events.models import Event
from events.models import Status as EventStatus
from registrations.models import (
    Departure,
    PersonalFeed,
    Registration,
    RegistrationQuerySet,
    Status,
    new_link_key,
)
from registrations.privacy import of_address

#: The states that it shows; of two registrations for one event the one that stands first here.
SHOWN = (Status.CONFIRMED, Status.OFFERED, Status.WAITING, Status.APPLIED)


def feed_of(email: str) -> PersonalFeed | None:
    """Return the feed of an address, if one was made."""
    feed: PersonalFeed | None = of_address(PersonalFeed.objects.all(), email).first()
    return feed


def renew(email: str) -> PersonalFeed:
    """Make the feed of an address, or give it another address of its own: the old one stops working."""
    with transaction.atomic():
        feed = _locked(email)
        if feed is None:
            made, _is_new = PersonalFeed.objects.get_or_create(email=email.lower())
            return made
        feed.link_key = new_link_key()
        feed.save(update_fields=["link_key"])
        return feed


def keep(registration: Registration, *, email: str) -> None:
    """Keep a registration that leaves an address in the feed of that address, in the caller's transaction."""
    if feed := _locked(email):
        feed.kept.add(registration)


def is_kept_elsewhere(email: str) -> bool:
    """Whether feeds of other addresses show registrations of this one."""
    return _kept_elsewhere(email).exists()


def leave_others(email: str) -> None:
    """Take the registrations of an address out of the feeds of other addresses."""
    with transaction.atomic():
        kept = _kept_elsewhere(email)
        feeds = PersonalFeed.objects.filter(pk__in=kept.values("personalfeed"))
        for feed in feeds.select_for_update().order_by("pk"):
            leaving = kept.filter(personalfeed=feed).values_list("registration", flat=True)
            _note_departure(feed, set(leaving))
        kept.delete()


def let_go(feed: PersonalFeed, event: Event, erased: Collection[int]) -> None:
    """Get ready for the erasure of registrations for an event, in the caller's transaction.

    Where others for the event stay in the feed, their entry goes on from where it is; else nothing stays behind.
    """
    found = set(_of(feed).known().filter(event=event).values_list("pk", flat=True))
    if found.difference(erased):
        _note_departure(feed, found.intersection(erased))
    else:
        feed.departures.filter(event=event).delete()


def content(feed: PersonalFeed) -> bytes:
    """Return the feed as an iCalendar file, in the language of its newest registration, without any secret.

    Of events that are over it holds those that one had a place at. Entries leave at midnight UTC only.
    """
    places = _places(feed, timezone.now())
    histories = _histories(feed)
    newest = max(places, key=lambda one: (one.created_at, one.pk), default=None)
    with translation.override(newest.language if newest else settings.LANGUAGE_CODE):
        return calendar.feed(
            [one.event for one in places],
            name=_("My events at %(site)s") % {"site": settings.SITE_NAME},
            standings={one.event_id: _standing(one, histories[one.event_id]) for one in places},
        )


def _of(feed: PersonalFeed) -> RegistrationQuerySet:
    """All registrations of a feed, also those that it shows no more."""
    return Registration.objects.alias(address=Lower("email")).filter(
        Q(address=feed.email.lower()) | Q(pk__in=feed.kept.values("pk"))
    )


def _places(feed: PersonalFeed, now: datetime) -> list[Registration]:
    """The registrations that stand in a feed, one an event, in the order of the events."""
    today = midnight(now)
    events = Event.objects.in_calendars(now)
    is_ahead = Q(event__ends_at__gt=today) | Q(event__status=EventStatus.POSTPONED)
    found = (
        _of(feed)
        .known()
        .filter(status__in=SHOWN, event__in=events)
        .filter(Q(status=Status.CONFIRMED) | is_ahead)
        .prefetch_related(Prefetch("event", Event.objects.with_entries()))
        .order_by("event__starts_at", "event_id", "pk")
    )
    best: dict[int, Registration] = {}
    for one in found:
        other = best.get(one.event_id)
        if other is None or _rank(one) < _rank(other):
            best[one.event_id] = one
    return list(best.values())


def _rank(registration: Registration) -> tuple[int, bool]:
    return SHOWN.index(Status(registration.status)), not registration.joins_online


@dataclass(frozen=True)
class _History:
    """How often what a feed shows of an event may have changed, and when anything last did."""

    moves: int
    moved_at: datetime


def _histories(feed: PersonalFeed) -> dict[int, _History]:
    """By id of the event what all registrations of a feed went through, also those that are over or have left it.

    So neither number ever falls, whichever of them the feed shows.
    """
    found = _moves_of(_of(feed))
    for one in feed.departures.all():
        if here := found.get(one.event_id):
            latest = max(here.moved_at, one.left_at)
            found[one.event_id] = _History(here.moves + one.moves, latest)
    return found


def _moves_of(registrations: RegistrationQuerySet) -> dict[int, _History]:
    """The moves between states of which a feed shows one, by id of the event."""
    is_shown = Q(changes__to_status__in=SHOWN) | Q(changes__from_status__in=SHOWN)
    is_move = ~Q(changes__from_status=F("changes__to_status"))
    rows = registrations.order_by().values("event_id")
    counted = rows.annotate(
        number=Count("changes", filter=is_shown & is_move), latest=Max("changes__changed_at")
    )
    return {row["event_id"]: _History(row["number"], row["latest"]) for row in counted}


def _note_departure(feed: PersonalFeed, leaving: Collection[int]) -> None:
    """Write down how far the entries had come by registrations that are about to leave a feed."""
    now = timezone.now()
    for event_id, history in _moves_of(_of(feed).filter(pk__in=leaving)).items():
        row, _is_new = Departure.objects.get_or_create(feed=feed, event_id=event_id)
        moves = F("moves") + history.moves + 1
        Departure.objects.filter(pk=row.pk).update(moves=moves, left_at=now)


def _standing(registration: Registration, history: _History) -> Standing:
    """What a feed says of an event; the move that brought a first registration into it does not count."""
    return Standing(
        words=_words(registration),
        is_sure=registration.status == Status.CONFIRMED,
        changed_at=history.moved_at,
        joins_online=registration.joins_online,
        moves=max(0, history.moves - 1),
    )


def _words(registration: Registration) -> str:
    return {
        Status.CONFIRMED: "",
        Status.OFFERED: _("Place offered"),
        Status.WAITING: _("Waiting list"),
        Status.APPLIED: _("Not yet decided"),
    }[Status(registration.status)]


def _locked(email: str) -> PersonalFeed | None:
    """The feed of an address, locked: nobody deletes it before the transaction is over."""
    feed: PersonalFeed | None = of_address(PersonalFeed.objects.select_for_update(), email).first()
    return feed


def _kept_elsewhere(email: str) -> QuerySet[Any]:
    kept = PersonalFeed.kept.through.objects.filter(
        registration__in=Registration.objects.of_address(email)
    )
    return kept.exclude(personalfeed__in=of_address(PersonalFeed.objects.all(), email))
