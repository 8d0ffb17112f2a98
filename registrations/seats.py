"""Gives and takes seats: the only code that assigns `seat` and `status` of a registration.

Every function locks the event's row once, looks, and moves. The unique constraint on (event, mode, seat) is the
guarantee that no seat is given twice; the lock only keeps people from being refused for nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, Max, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Jurisdiction, User
from events.models import Entry, Event, Mode
from events.models import Status as EventStatus
from registrations import notices
from registrations.models import LIVE, Registration, Status

ATTEMPTS = 100


class RefusedSeat(Exception):
    """The event does not take this registration or this move now; the text says why and what to do."""


@dataclass(frozen=True)
class Person:
    """What someone says of themselves when registering."""

    given_name: str
    family_name: str
    email: str
    organisation: str = ""
    jurisdiction: Jurisdiction | None = None
    language: str = "en"


def register(event: Event, *, person: Person, mode: str) -> Registration:
    """Take a registration and hold a seat for it if one is free; the person confirms the address by mail.

    Someone who is registered already stays so, and gets a mail that says where things stand.
    Raises RefusedSeat where registration is not open.
    """
    with transaction.atomic():
        event = lock_event(event)
        check_open(event, timezone.now())
        check_mode(event, mode)
        existing = _live_registration(event, person)
        if existing:
            notices.standing(existing)
            return existing
        registration, is_new = _enter(event, person, mode, by=None, when_seated=Status.UNVERIFIED)
        if is_new:
            notices.verify(registration)
        else:
            notices.standing(registration)
        return registration


def enrol(event: Event, *, person: Person, mode: str, by: User | None) -> Registration:
    """Add someone by hand: confirmed at once if a seat is free, else on the waiting list; also after the event.

    Raises RefusedSeat if the person is registered already.
    """
    with transaction.atomic():
        event = lock_event(event)
        check_mode(event, mode)
        if _live_registration(event, person):
            raise RefusedSeat(_("%(name)s is registered already.") % {"name": person.email})
        registration, _is_new = _enter(event, person, mode, by=by, when_seated=Status.CONFIRMED)
        _tell(registration)
        return registration


def verify(registration: Registration) -> Registration:
    """Take it that the address is right: confirm the held seat, or join the queue. Harmless when repeated."""
    with transaction.atomic():
        event, registration = _lock(registration)
        if registration.status != Status.UNVERIFIED:
            return registration
        _check_goes_ahead(event)
        if registration.expires_at and registration.expires_at <= timezone.now():
            raise RefusedSeat(_("The time to confirm has run out. Please register again."))
        if event.entry == Entry.APPROVAL:
            registration.move(Status.APPLIED, seat=None)
            offer_free_seats(event)
        elif seat := registration.seat or _seat_out_of_turn(event, registration.mode):
            registration.move(Status.CONFIRMED, seat=seat)
        else:
            registration.move(Status.WAITING, seat=None)
        _tell(registration)
        return registration


def accept_offer(registration: Registration) -> Registration:
    """Take the offered seat. Harmless when repeated; raises RefusedSeat when the offer has lapsed."""
    with transaction.atomic():
        event, registration = _lock(registration)
        if registration.status == Status.CONFIRMED:
            return registration
        _check_goes_ahead(event)
        if registration.status != Status.OFFERED or (
            registration.expires_at and registration.expires_at <= timezone.now()
        ):
            raise RefusedSeat(_("This place is no longer held for you. You may register again."))
        registration.move(Status.CONFIRMED, seat=registration.seat)
        _tell(registration)
        return registration


def cancel(registration: Registration, *, by: User | None = None, why: str = "") -> Registration:
    """Withdraw a registration and pass its seat on. Harmless when repeated."""
    with transaction.atomic():
        event, registration = _lock(registration)
        if not registration.is_live:
            return registration
        was_confirmed = registration.status == Status.CONFIRMED
        registration.move(Status.CANCELLED, seat=None, by=by, why=why)
        notices.cancelled(registration, was_confirmed=was_confirmed)
        offer_free_seats(event)
        return registration


def expire_lapsed(now: datetime) -> int:
    """Take back seats whose hold or offer has run out, and pass them on; return how many lapsed."""
    lapsed = Registration.objects.lapsed(now)
    count = 0
    for event_id in lapsed.order_by().values_list("event_id", flat=True).distinct():
        with transaction.atomic():
            event = lock_event(Event(pk=event_id))
            for registration in lapsed.filter(event=event).select_for_update():
                was_offered = registration.status == Status.OFFERED
                registration.move(Status.EXPIRED, seat=None, why="time ran out")
                notices.lapsed(registration, was_offered=was_offered)
                count += 1
            offer_free_seats(event)
    return count


def offer_free_seats(event: Event) -> None:
    """Offer each free seat to the first in the queue. The caller holds the event's lock."""
    if event.status != EventStatus.PUBLISHED or event.has_begun:
        return
    for mode in event.modes:
        for registration in event.registrations.waiting().filter(mode=mode).iterator(chunk_size=50):
            seat = lowest_free_seat(event, mode)
            if seat is None:
                break
            registration.event = event
            registration.expires_at = _offer_ends_at(event)
            registration.move(Status.OFFERED, seat=seat)
            notices.offered(registration)


def resize(event: Event) -> None:
    """Fit the seats to changed capacities: refuse fewer places than are taken, offer new ones.

    The caller holds the event's lock. Raises RefusedSeat with the number of places taken.
    """
    for mode in Mode:
        taken = event.registrations.filter(mode=mode).seated()
        capacity = event.capacity(mode)
        count = taken.count()
        if count and mode not in event.modes:
            raise RefusedSeat(
                ngettext(
                    "%(number)s person holds a place (%(mode)s). Keep this way of attending, or move them first.",
                    "%(number)s people hold a place (%(mode)s). Keep this way of attending, or move them first.",
                    count,
                )
                % {"number": count, "mode": mode.label.lower()}
            )
        if capacity is None:
            continue
        if count > capacity:
            raise RefusedSeat(
                ngettext(
                    "%(number)s place is taken (%(mode)s). Give at least as many places.",
                    "%(number)s places are taken (%(mode)s). Give at least as many places.",
                    count,
                )
                % {"number": count, "mode": mode.label.lower()}
            )
        for registration in taken.filter(seat__gt=capacity).order_by("seat"):
            Registration.objects.filter(pk=registration.pk).update(
                seat=lowest_free_seat(event, mode)
            )
    offer_free_seats(event)


def lowest_free_seat(event: Event, mode: str) -> int | None:
    """Return the lowest number from 1 to the capacity that nobody holds, or None if all are held."""
    capacity = event.capacity(mode)
    held = Registration.objects.filter(event_id=event.pk, mode=mode, seat__isnull=False)
    numbers = held.aggregate(held=Count("pk"), highest=Max("seat", default=0))
    if numbers["held"] == numbers["highest"]:
        seat = numbers["held"] + 1
    elif not held.filter(seat=1).exists():
        seat = 1
    else:
        before_a_gap = held.filter(~Exists(held.filter(seat=OuterRef("seat") + 1)))
        seat = before_a_gap.order_by("seat").values_list(F("seat") + 1, flat=True).first() or 1
    return seat if capacity is None or seat <= capacity else None


def lock_event(event: Event) -> Event:
    """Return the event's row as it is now, locked to the end of the transaction."""
    return Event.objects.select_for_update(no_key=True).get(pk=event.pk)


def check_open(event: Event, now: datetime) -> None:
    """Raise RefusedSeat unless people may register for the event at `now`."""
    _check_goes_ahead(event)
    reasons = {
        Entry.INVITATION: _("This event is by invitation only."),
        Entry.ELSEWHERE: _(
            "Registration for this event is on another site; its page has the link."
        ),
        Entry.NONE: _("This event takes no registrations."),
    }
    if event.entry in reasons:
        raise RefusedSeat(reasons[Entry(event.entry)])
    if event.opens_at and now < event.opens_at:
        raise RefusedSeat(_("Registration has not opened yet. The event's page says when it does."))
    if event.starts_at <= now or (event.closes_at and now >= event.closes_at):
        raise RefusedSeat(
            _("Registration is closed. Ask the organiser whether a place can still be found.")
        )


def check_mode(event: Event, mode: str) -> None:
    """Raise RefusedSeat unless the event can be attended in this way."""
    if mode not in event.modes:
        raise RefusedSeat(_("The event cannot be attended in this way. Choose another."))


def _check_goes_ahead(event: Event) -> None:
    if event.status == EventStatus.CANCELLED:
        raise RefusedSeat(_("This event has been cancelled."))
    if event.status == EventStatus.POSTPONED:
        raise RefusedSeat(
            _("This event has been postponed. Registration opens again with the new date.")
        )
    if event.status != EventStatus.PUBLISHED:
        raise RefusedSeat(_("This event is not public yet."))
    if event.is_over:
        raise RefusedSeat(_("This event is over."))


def _enter(
    event: Event, person: Person, mode: str, *, by: User | None, when_seated: Status
) -> tuple[Registration, bool]:
    """Store a new registration with the lowest free seat, or without one; again if another took it first.

    Returns the registration and whether it is new: a rival may have registered the same person.
    """
    for _attempt in range(ATTEMPTS):
        seat = lowest_free_seat(event, mode)
        status = when_seated if seat or when_seated == Status.UNVERIFIED else Status.WAITING
        registration = Registration(event=event, mode=mode, status="", **_fields(person))
        registration.expires_at = timezone.now() + timedelta(hours=settings.HOLD_HOURS)
        try:
            with transaction.atomic():
                registration.move(status, seat=seat, by=by)
        except IntegrityError:
            existing = _live_registration(event, person)
            if existing:
                return existing, False
            continue
        return registration, True
    raise RefusedSeat(_("Too many people are registering at this moment. Please try again."))


def _fields(person: Person) -> dict[str, Any]:
    return {
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "organisation": person.organisation,
        "jurisdiction": person.jurisdiction,
        "language": person.language,
    }


def _live_registration(event: Event, person: Person) -> Registration | None:
    registration = event.registrations.of_address(person.email).filter(status__in=LIVE).first()
    if registration:
        registration.event = event
    return registration


def _seat_out_of_turn(event: Event, mode: str) -> int | None:
    """A free seat that nobody in the queue has a better right to."""
    if event.registrations.waiting().filter(mode=mode).exists():
        return None
    return lowest_free_seat(event, mode)


def _lock(registration: Registration) -> tuple[Event, Registration]:
    event = lock_event(Event(pk=registration.event_id))
    registration = Registration.objects.select_for_update().get(pk=registration.pk)
    registration.event = event
    return event, registration


def _tell(registration: Registration) -> None:
    told = {
        Status.CONFIRMED: notices.confirmed,
        Status.WAITING: notices.waiting,
        Status.APPLIED: notices.applied,
    }
    if notice := told.get(Status(registration.status)):
        notice(registration)


def _offer_ends_at(event: Event) -> datetime:
    """The deadline of an offer made now: the usual time, but always before the event begins."""
    usual = timezone.now() + timedelta(hours=settings.OFFER_HOURS)
    return min(usual, event.starts_at - timedelta(minutes=1))
