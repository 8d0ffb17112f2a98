"""Somebody's own calendar: the events that one comes to, or waits for, as a feed behind an address of its own.

It holds the registrations of its address, and those that were in it when they moved to another address
(docs/decisions/0020-my-feed.md).
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Prefetch, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from events import calendar
from events.calendar import Standing
from events.models import Event
from events.models import Status as EventStatus
from registrations.models import (
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
    _kept_elsewhere(email).delete()


def content(feed: PersonalFeed) -> bytes:
    """Return the feed as an iCalendar file, in the language of its newest registration, without any secret.

    Of events that are over it holds those that one had a place at. Entries leave at midnight UTC only.
    """
    places = _places(feed, timezone.now())
    moves = _moves(feed)
    newest = max(places, key=lambda one: (one.created_at, one.pk), default=None)
    with translation.override(newest.language if newest else settings.LANGUAGE_CODE):
        return calendar.feed(
            [one.event for one in places],
            name=_("My events at %(site)s") % {"site": settings.SITE_NAME},
            standings={one.event_id: _standing(one, moves[one.event_id]) for one in places},
        )


def _of(feed: PersonalFeed) -> RegistrationQuerySet:
    """All registrations of a feed, also those that it shows no more."""
    return Registration.objects.alias(address=Lower("email")).filter(
        Q(address=feed.email.lower()) | Q(pk__in=feed.kept.values("pk"))
    )


def _places(feed: PersonalFeed, now: datetime) -> list[Registration]:
    """The registrations that stand in a feed, one an event, in the order of the events."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    events = Event.objects.in_calendars(now)
    is_ahead = Q(event__ends_at__gt=today) | Q(event__status=EventStatus.POSTPONED)
    found = (
        _of(feed)
        .known()
        .filter(status__in=SHOWN, event__in=events)
        .filter(Q(status=Status.CONFIRMED) | is_ahead)
        .annotate(moved_at=Max("changes__changed_at"))
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


def _moves(feed: PersonalFeed) -> dict[int, int]:
    """How often the state that it shows has changed, by id of the event: never less, also of a new registration."""
    is_shown = Q(changes__to_status__in=SHOWN)
    is_move = ~Q(changes__from_status=F("changes__to_status"))
    states = Count("changes", filter=is_shown & is_move)
    found = _of(feed).order_by().values("event_id").annotate(number=states)
    return {row["event_id"]: max(0, row["number"] - 1) for row in found}


def _standing(registration: Registration, moves: int) -> Standing:
    return Standing(
        words=_words(registration),
        is_sure=registration.status == Status.CONFIRMED,
        changed_at=registration.moved_at,  # type: ignore[attr-defined]
        joins_online=registration.joins_online,
        moves=moves,
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
