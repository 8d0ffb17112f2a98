"""Registers people and moves them on: register, enrol, verify, take an offer, withdraw, let lapse.

Every function locks the event's row once, looks, and moves. The queue is served in `line`, by decision of the
organiser in `decisions`; people change places in `swaps`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Jurisdiction, User
from events.models import Entry, Event
from events.models import Status as EventStatus
from outbox.control import is_history
from registrations import answers, entry, line, notices, seating, swaps
from registrations.answers import Given
from registrations.entry import Entrance
from registrations.models import LIVE, Invitation, Registration, Status
from registrations.seating import RefusedSeat

ATTEMPTS = 100


class LostShare(Exception):
    """A rival took the last place of a share between looking and taking, which the lock prevents."""


@dataclass(frozen=True)
class Person:
    """What someone says of themselves when registering."""

    given_name: str
    family_name: str
    email: str
    organisation: str = ""
    jurisdiction: Jurisdiction | None = None
    language: str = "en"
    declares: bool = False
    is_listed: bool = False


def register(
    event: Event,
    *,
    person: Person,
    mode: str,
    given: Collection[Given] = (),
    invitation: Invitation | None = None,
    brought_by: Registration | None = None,
) -> Registration:
    """Take a registration and hold a seat for it if one is free; the person confirms the address by mail.

    With an invitation, whose link proves the address, and where the event does not ask for that proof, the state goes
    straight on; but people whom somebody else brings always confirm for themselves. Someone who is registered already
    stays so, and gets a mail that says where things stand.
    Raises RefusedSeat where registration is not open to this person, or a chosen answer is full, and TooManyMessages.
    """
    with transaction.atomic():
        event = seating.lock_event(event)
        entrance = Entrance(event)
        check_open(event, entrance.now, is_invited=invitation is not None)
        check_mode(event, mode)
        new = _new(event, person, mode, invitation=invitation, brought_by=brought_by)
        entry.check(entrance.terms, new)
        if existing := live_registration(event, person.email):
            return _welcome_back(existing, invitation)
        is_checked = entrance.terms.checks_address or brought_by is not None
        is_proved = invitation is not None or not is_checked
        status = _next_status(event, new) if is_proved else Status.UNVERIFIED
        if is_proved:
            entry.check_declared(entrance.terms, new)
        registration, is_new = _enter(entrance, new, status=status, given=given, by=None)
        if not is_new:
            return _welcome_back(registration, invitation)
        if status == Status.UNVERIFIED:
            notices.verify(registration)
        else:
            _tell(registration, is_requested=invitation is None)
        return registration


def enrol(
    event: Event,
    *,
    person: Person,
    mode: str,
    by: User | None,
    given: Collection[Given] = (),
) -> Registration:
    """Add someone by hand: confirmed at once if a seat is free, else on the waiting list; also after the event.

    The rules of the event hold here too. Raises RefusedSeat, also if the person is registered already, and for an event
    that is a draft or has been cancelled.
    """
    with transaction.atomic():
        event = seating.lock_event(event)
        check_takes_people(event)
        check_mode(event, mode)
        entrance = Entrance(event)
        new = _new(event, person, mode)
        entry.check(entrance.terms, new)
        entry.check_declared(entrance.terms, new)
        if live_registration(event, person.email):
            raise RefusedSeat(
                _("%(name)s is registered already.") % {"name": person.email}, field="email"
            )
        registration, _is_new = _enter(entrance, new, status=Status.CONFIRMED, given=given, by=by)
        _tell(registration)
        return registration


def verify(
    registration: Registration, *, given: Iterable[Given] = (), declares: bool = False
) -> Registration:
    """Take it that the address is right: confirm the held seat, or join the queue. Harmless when repeated.

    A substitute takes over the seat. Raises RefusedSeat while a question that must be answered is not, or the
    declaration of the event not made.
    """
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if registration.status != Status.UNVERIFIED:
            return registration
        check_goes_ahead(event)
        if registration.expires_at and registration.expires_at <= timezone.now():
            raise RefusedSeat(_("The time to confirm has run out. Please register again."))
        entrance = Entrance(event)
        _complete(registration, entrance, given, declares)
        if registration.replaces_id and swaps.take_over(entrance, registration):
            return registration
        to = _next_status(event, registration)
        seat = registration.seat
        if to == Status.APPLIED:
            seating.move(registration, Status.APPLIED, seat=None)
            line.offer_free_seats(event)
        elif seat or (seat := line.seat_out_of_turn(entrance, registration)):
            entrance.sit(registration, Status.CONFIRMED, seat=seat)
        else:
            seating.move(registration, Status.WAITING, seat=None)
        _tell(registration)
        return registration


def accept_offer(registration: Registration) -> Registration:
    """Take the offered seat. Harmless when repeated; raises RefusedSeat when the offer has lapsed."""
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if registration.status == Status.CONFIRMED:
            return registration
        check_goes_ahead(event)
        if registration.status != Status.OFFERED or (
            registration.expires_at and registration.expires_at <= timezone.now()
        ):
            raise RefusedSeat(_("This place is no longer held for you. You may register again."))
        seating.move(registration, Status.CONFIRMED, seat=registration.seat)
        _tell(registration)
        return registration


def cancel(
    registration: Registration, *, by: User | None = None, why: str = "", is_told: bool = True
) -> Registration:
    """Withdraw a registration and pass its seat on, with a mail unless `is_told` is false. Harmless when repeated."""
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if not registration.is_live:
            return registration
        was_confirmed = registration.status == Status.CONFIRMED
        seating.move(registration, Status.CANCELLED, seat=None, by=by, why=why)
        notices.cancelled(
            registration,
            was_confirmed=was_confirmed,
            is_told=is_told,
            by_organiser=by is not None,
        )
        line.offer_free_seats(event)
        return registration


def expire_lapsed(now: datetime) -> int:
    """Take back seats whose hold or offer has run out, and pass them on; return how many lapsed."""
    lapsed = Registration.objects.lapsed(now)
    count = 0
    for event_id in lapsed.order_by().values_list("event_id", flat=True).distinct():
        with transaction.atomic():
            event = seating.lock_event(Event(pk=event_id))
            for registration in lapsed.filter(event=event).select_for_update():
                registration.event = event
                is_offered = registration.status == Status.OFFERED
                hears = is_offered and not is_history(registration.expires_at)
                seating.move(registration, Status.EXPIRED, seat=None, why="time ran out")
                notices.lapsed(registration, was_offered=hears)
                count += 1
            line.offer_free_seats(event)
    return count


def check_open(event: Event, now: datetime, *, is_invited: bool = False) -> None:
    """Raise RefusedSeat unless people may register for the event at `now`; invited ones need not wait for that."""
    check_goes_ahead(event)
    reasons = {
        Entry.INVITATION: _("This event is by invitation only."),
        Entry.ELSEWHERE: _(
            "Registration for this event is on another site; its page has the link."
        ),
        Entry.NONE: _("This event takes no registrations."),
    }
    if not is_invited:
        if event.entry in reasons:
            raise RefusedSeat(reasons[Entry(event.entry)])
        if event.opens_at and now < event.opens_at:
            raise RefusedSeat(
                _("Registration has not opened yet. The event's page says when it does.")
            )
    if event.starts_at <= now or (event.closes_at and now >= event.closes_at):
        raise RefusedSeat(
            _("Registration is closed. Ask the organiser whether a place can still be found.")
        )


def check_takes_people(event: Event) -> None:
    """Raise RefusedSeat unless staff may add people: an event that is not public has none."""
    if event.status == EventStatus.CANCELLED:
        raise RefusedSeat(_("This event has been cancelled."))
    if event.status == EventStatus.DRAFT:
        raise RefusedSeat(_("Publish the event before you add people."))


def check_mode(event: Event, mode: str) -> None:
    """Raise RefusedSeat unless the event can be attended in this way."""
    if mode not in event.modes:
        raise RefusedSeat(
            _("The event cannot be attended in this way. Choose another."), field="mode"
        )


def check_goes_ahead(event: Event) -> None:
    """Raise RefusedSeat unless the event is public, on its date, and not over."""
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


def live_registration(event: Event, email: str) -> Registration | None:
    """Return the registration of an address that is not over, or None."""
    registration = event.registrations.of_address(email).filter(status__in=LIVE).first()
    if registration:
        registration.event = event
    return registration


def as_invited(known: Registration, invitation: Invitation) -> Registration:
    """Make a live registration that of an invited person. The caller holds the event's lock.

    The link of an invitation proves the address. Raises RefusedSeat as `verify` does.
    """
    known.invitation = invitation
    known.save(update_fields=["invitation"])
    if known.seat:
        Entrance(known.event).count_anew(known)
    if known.status == Status.UNVERIFIED:
        return verify(known)
    event = known.event
    line.offer_free_seats(event)
    known.refresh_from_db()
    known.event = event
    return known


def _welcome_back(known: Registration, invitation: Invitation | None) -> Registration:
    """Leave a registration as it is and say by mail where it stands; to an invited person its own page says it."""
    if invitation:
        return as_invited(known, invitation)
    notices.standing(known)
    return known


def _new(
    event: Event,
    person: Person,
    mode: str,
    *,
    invitation: Invitation | None = None,
    brought_by: Registration | None = None,
) -> Registration:
    return Registration(
        event=event,
        mode=mode,
        status="",
        given_name=person.given_name,
        family_name=person.family_name,
        email=person.email,
        organisation=person.organisation,
        jurisdiction=person.jurisdiction,
        language=person.language,
        is_listed=person.is_listed,
        declared_at=timezone.now() if person.declares else None,
        invitation=invitation,
        brought_by=brought_by,
    )


def _next_status(event: Event, registration: Registration) -> Status:
    """What follows once the address is right: the organiser's decision, or a place if one can be had."""
    return Status.APPLIED if entry.needs_decision(event, registration) else Status.CONFIRMED


def _enter(
    entrance: Entrance,
    new: Registration,
    *,
    status: Status,
    given: Collection[Given],
    by: User | None,
) -> tuple[Registration, bool]:
    """Store a new registration with the lowest free seat, or without one; again if another took it first.

    Returns the registration and whether it is new: a rival may have registered the same person.
    """
    event = entrance.event
    needs_no_seat = _next_status(event, new) == Status.APPLIED and status != Status.CONFIRMED
    for _attempt in range(ATTEMPTS):
        new.pk, new.status, new.seat = None, "", None
        new._state.adding = True
        seat = None if needs_no_seat else line.seat_out_of_turn(entrance, new)
        to = Status.WAITING if status == Status.CONFIRMED and seat is None else status
        new.expires_at = timezone.now() + timedelta(hours=settings.HOLD_HOURS)
        try:
            with transaction.atomic():
                seating.move(new, to, seat=seat, by=by)
                if seat:
                    _count_in(entrance, new)
                answers.store(new, given)
        except (IntegrityError, LostShare):
            existing = live_registration(event, new.email)
            if existing:
                return existing, False
            entrance = Entrance(event)
            continue
        return new, True
    raise RefusedSeat(_("Too many people are registering at this moment. Please try again."))


def _count_in(entrance: Entrance, new: Registration) -> None:
    try:
        entrance.count_in(new)
    except RefusedSeat as refusal:
        raise LostShare from refusal


def _complete(
    registration: Registration, entrance: Entrance, given: Iterable[Given], declares: bool
) -> None:
    """Store what a person adds while confirming; raise RefusedSeat while something is missing."""
    answers.store(registration, given)
    if declares and registration.declared_at is None:
        registration.declared_at = timezone.now()
    if entrance.terms.declaration and registration.declared_at is None:
        raise RefusedSeat(_("Tick the declaration before you confirm."), field="declares")
    if open_questions := answers.missing(registration):
        raise RefusedSeat(
            _("Answer “%(question)s” before you confirm.") % {"question": open_questions[0].label},
            field=answers.field_name(open_questions[0]),
        )


def _tell(registration: Registration, *, is_requested: bool = False) -> None:
    """Say by mail what has come of a registration; `is_requested` where the address is not proved."""
    told = {
        Status.CONFIRMED: notices.confirmed,
        Status.WAITING: notices.waiting,
        Status.APPLIED: notices.applied,
    }
    if notice := told.get(Status(registration.status)):
        notice(registration, is_requested=is_requested)
