"""Serves the queue: offers each free seat to the first in line who may have it, and refits seats to new capacities."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from events.models import Event, Mode
from events.models import Status as EventStatus
from outbox.control import is_history
from outbox.posting import mailbox_of
from registrations import notices, seating
from registrations.entry import Entrance
from registrations.models import (
    Allotment,
    OpeningNotice,
    Registration,
    RegistrationQuerySet,
    Status,
    Terms,
)
from registrations.seating import RefusedSeat


def offer_free_seats(event: Event) -> None:
    """Offer each free seat to the first in the queue whom no rule keeps from it. The caller holds the event's lock.

    People with a place who wish for another mode stand in its queue too, by the time of their first submission: they
    move over at once, and the seat that they leave is offered in turn.
    """
    if event.status != EventStatus.PUBLISHED or event.has_begun:
        return
    entrance = Entrance(event)
    modes: list[str] = [*event.modes]
    while modes:
        mode = modes.pop(0)
        for registration in in_line(event, mode).iterator(chunk_size=50):
            seat = seating.lowest_free_seat(event, mode)
            if seat is None:
                break
            registration.event = event
            if entrance.hindrance(registration, mode):
                continue
            if registration.status == Status.CONFIRMED:
                modes.append(registration.mode)
                move_over(entrance, registration, mode, seat=seat, by=None)
            else:
                _offer(entrance, registration, seat=seat, by=None)


def in_line(event: Event, mode: str) -> RegistrationQuerySet:
    """Everybody who waits for a seat of a mode, in the order of the queue."""
    waiting, wishing = Q(status=Status.WAITING, mode=mode), Q(wished_mode=mode)
    return event.registrations.filter(waiting | wishing).order_by("created_at", "pk")


def rank(registration: Registration) -> int:
    """The place of a waiting person in the queue: 1 is the first."""
    before = Q(created_at__lt=registration.created_at) | Q(
        created_at=registration.created_at, pk__lt=registration.pk
    )
    mode = registration.wished_mode or registration.mode
    return in_line(registration.event, mode).filter(before).count() + 1


def offer(registration: Registration, *, by: User | None) -> Registration:
    """Offer a free seat to somebody out of turn. Raises RefusedSeat where none is free, or a rule is against it."""
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if registration.status != Status.WAITING:
            raise RefusedSeat(
                _("%(name)s is not on the waiting list.") % {"name": registration.name}
            )
        if event.status != EventStatus.PUBLISHED or event.has_begun:
            raise RefusedSeat(_("Places are offered only for a published event that is ahead."))
        entrance = Entrance(event)
        seat = seat_or_refusal(entrance, registration)
        _offer(entrance, registration, seat=seat, by=by)
        return registration


def seat_or_refusal(entrance: Entrance, registration: Registration) -> int:
    """Return a free seat for a person. Raises RefusedSeat with the rule that is against it, or if none is free."""
    said = {"name": registration.name, "mode": registration.get_mode_display().lower()}
    if why := entrance.hindrance(registration, registration.mode):
        raise RefusedSeat(_("%(name)s cannot have a place: %(why)s") % {**said, "why": why})
    seat = seating.lowest_free_seat(entrance.event, registration.mode)
    if seat is None:
        raise RefusedSeat(
            _("No place is free (%(mode)s). Give the event more places first.") % said
        )
    return seat


def seat_out_of_turn(entrance: Entrance, registration: Registration) -> int | None:
    """A free seat that nobody in the queue has a better right to."""
    mode = registration.mode
    others = in_line(entrance.event, mode)
    if others[:1] and any(not entrance.hindrance(other, mode) for other in others.iterator()):
        return None
    return entrance.seat_for(registration, mode)


def move_over(
    entrance: Entrance, registration: Registration, mode: str, *, seat: int, by: User | None
) -> None:
    """Let a person with a place attend in another way, and say so by mail."""
    words = _("attends %(mode)s now") % {"mode": Mode(mode).label.lower()}
    seating.move_over(registration, mode, seat=seat, by=by, why=words)
    entrance.count_anew(registration)
    notices.mode_changed(registration)


def resize(event: Event) -> None:
    """Fit the seats to changed capacities: refuse fewer places than are taken, offer new ones.

    The caller holds the event's lock. Raises RefusedSeat with the number of places taken.
    """
    for mode in Mode:
        _refit(event, mode)
    offer_free_seats(event)


def apply_terms(terms: Terms) -> Terms:
    """Store the terms of an event, count everybody with a seat in the shares that are limited now, and serve the queue.

    People who have a seat keep it, also where a share holds more than the new limit.
    """
    with transaction.atomic():
        event = seating.lock_event(terms.event)
        terms.event = event
        if terms.opened_at and (terms.opens_to_all_at or terms.opened_at) > terms.opened_at:
            terms.opened_at = None
        terms.save()
        _count_anew(Entrance(event))
        offer_free_seats(event)
    return terms


def open_to_all(now: datetime) -> int:
    """Serve the queues of events whose places have just come open to more people; return how many events.

    Places for members first, or kept for invited people, are for everybody from a moment on.
    """
    members = Q(members_only_until__lte=now) & (
        Q(opened_at=None) | Q(opened_at__lt=F("members_only_until"))
    )
    kept = Q(kept_until__lte=now) & (Q(opened_at=None) | Q(opened_at__lt=F("kept_until")))
    opened = list(Terms.objects.filter(members | kept).values_list("pk", "event_id"))
    for pk, event_id in opened:
        with transaction.atomic():
            event = seating.lock_event(Event(pk=event_id))
            Terms.objects.filter(pk=pk).update(opened_at=now)
            _count_anew(Entrance(event))
            offer_free_seats(event)
    return len(opened)


def note_interest(event: Event, *, email: str, language: str) -> None:
    """Note that an address wants to be told when the event opens to all: once a mailbox. Harmless when repeated."""
    mailbox = mailbox_of(email)
    local, _at, domain = mailbox.rpartition("@")
    with transaction.atomic():
        event = seating.lock_event(event)
        alike = event.opening_notices.filter(
            email__istartswith=local, email__iendswith=f"@{domain}"
        ).values_list("email", flat=True)
        if all(mailbox_of(known) != mailbox for known in alike):
            OpeningNotice.objects.create(event=event, email=email, language=language)


def tell_of_openings(now: datetime) -> int:
    """Write to those who asked to be told when an event opens to all, once it does; return to how many."""
    told = 0
    ids = OpeningNotice.objects.order_by().values_list("event_id", flat=True).distinct()
    for event in Event.objects.filter(pk__in=ids).with_facts():
        were_told = False
        if event.status == EventStatus.PUBLISHED and not event.has_begun:
            opens = Terms.objects.filter(event=event).first()
            moments = [event.opens_at, opens.opens_to_all_at if opens else None]
            if any(moment and moment > now for moment in moments):
                continue
            were_told = is_history(max(filter(None, moments), default=None))
        elif event.status == EventStatus.POSTPONED:
            continue
        for notice in event.opening_notices.order_by("pk"):
            with transaction.atomic():
                notice.event = event
                if not event.has_begun and event.status == EventStatus.PUBLISHED and not were_told:
                    notices.opening(notice)
                    told += 1
                notice.delete()
    return told


def _offer(entrance: Entrance, registration: Registration, *, seat: int, by: User | None) -> None:
    registration.expires_at = _offer_ends_at(entrance)
    entrance.sit(registration, Status.OFFERED, seat=seat, by=by)
    notices.offered(registration)


def _offer_ends_at(entrance: Entrance) -> datetime:
    """The deadline of an offer made now: the usual time of the event, but always before it begins."""
    usual = timezone.now() + timedelta(hours=entrance.terms.offer_hours)
    return min(usual, entrance.event.starts_at - timedelta(minutes=1))


def _count_anew(entrance: Entrance) -> None:
    """Number everybody with a seat in every limited share, first come first; the places of answers stay."""
    event = entrance.event
    Allotment.objects.filter(event=event).exclude(share__startswith="option:").delete()
    numbers: dict[str, int] = {}
    rows = []
    for registration in event.registrations.seated().order_by("created_at", "pk"):
        for share in entrance.shares(registration, registration.mode):
            numbers[share.name] = numbers.get(share.name, 0) + 1
            rows.append(
                Allotment(
                    event=event,
                    registration=registration,
                    share=share.name,
                    number=numbers[share.name],
                )
            )
    Allotment.objects.bulk_create(rows, batch_size=1000)


def _refit(event: Event, mode: Mode) -> None:
    taken = event.registrations.filter(mode=mode).seated()
    capacity = event.capacity(mode)
    count = taken.count()
    said = {"number": count, "mode": mode.label.lower()}
    if count and mode not in event.modes:
        raise RefusedSeat(
            ngettext(
                "%(number)s person holds a place (%(mode)s). Keep this way of attending, or move them first.",
                "%(number)s people hold a place (%(mode)s). Keep this way of attending, or move them first.",
                count,
            )
            % said
        )
    if capacity is not None and count > capacity:
        raise RefusedSeat(
            ngettext(
                "%(number)s place is taken (%(mode)s). Give at least as many places.",
                "%(number)s places are taken (%(mode)s). Give at least as many places.",
                count,
            )
            % said
        )
    seating.find_vacancies(event, mode)
    if capacity is None:
        return
    for registration in taken.filter(seat__gt=capacity).order_by("seat"):
        seat = seating.lowest_free_seat(event, mode)
        Registration.objects.filter(pk=registration.pk).update(seat=seat)
        event.vacancies.filter(mode=mode, seat=seat or 0).delete()
    event.vacancies.filter(mode=mode, seat__gt=capacity).delete()
