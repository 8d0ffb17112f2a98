"""What organisers decide about single people: accept, decline, confirm."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from events.models import Status as EventStatus
from registrations import line, notices, seating, seats
from registrations.entry import Entrance
from registrations.models import Registration, Status
from registrations.seating import RefusedSeat


def accept(registration: Registration, *, by: User | None, note: str = "") -> Registration:
    """Let somebody in who applied: with a seat if one can be had, else on the waiting list. Harmless when repeated.

    `note` is a sentence for the person. Raises RefusedSeat for people who did not apply, and for a called-off event.
    """
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if registration.status in {Status.CONFIRMED, Status.WAITING, Status.OFFERED}:
            return registration
        seats.check_goes_ahead(event)
        _check(registration, Status.APPLIED)
        entrance = Entrance(event)
        seat = line.seat_out_of_turn(entrance, registration)
        if seat is None:
            seating.move(registration, Status.WAITING, seat=None, by=by, why=note)
            notices.waiting(registration, note=note)
        else:
            entrance.sit(registration, Status.CONFIRMED, seat=seat, by=by, why=note)
            notices.accepted(registration, note=note)
        return registration


def decline(registration: Registration, *, by: User | None, note: str = "") -> Registration:
    """Turn somebody down who applied or waits. Harmless when repeated; raises RefusedSeat for all others."""
    with transaction.atomic():
        _event, registration = seating.lock(registration)
        if registration.status == Status.DECLINED:
            return registration
        _check(registration, Status.APPLIED, Status.WAITING)
        seating.move(registration, Status.DECLINED, seat=None, by=by, why=note)
        notices.declined(registration, note=note)
        return registration


def confirm(registration: Registration, *, by: User | None) -> Registration:
    """Give somebody a place without waiting for them or the queue. Harmless when repeated.

    Raises RefusedSeat where no seat is free or a rule is against it, and for people who are out.
    """
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if registration.status == Status.CONFIRMED:
            return registration
        if event.status not in {EventStatus.PUBLISHED, EventStatus.POSTPONED}:
            raise RefusedSeat(_("The event is not public, or was cancelled."))
        _check(registration, Status.UNVERIFIED, Status.APPLIED, Status.WAITING, Status.OFFERED)
        entrance = Entrance(event)
        seat = registration.seat or line.seat_or_refusal(entrance, registration)
        had_applied = registration.status == Status.APPLIED
        entrance.sit(registration, Status.CONFIRMED, seat=seat, by=by)
        tell = notices.accepted if had_applied else notices.confirmed
        tell(registration)
        return registration


def _check(registration: Registration, *allowed: Status) -> None:
    if registration.status not in allowed:
        raise RefusedSeat(
            _("%(name)s: this cannot be done in the state “%(state)s”.")
            % {"name": registration.name, "state": registration.get_status_display()}
        )
