"""People change places: another way of attending, a substitute, other details, another address."""

from collections.abc import Iterable
from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Jurisdiction, User
from events.models import Event
from events.models import Status as EventStatus
from registrations import answers, entry, line, notices, own_calendar, seating
from registrations.answers import Given
from registrations.entry import Entrance
from registrations.models import (
    LIVE,
    Registration,
    Status,
    new_link_key,
    terms_of,
)
from registrations.seating import RefusedSeat

if TYPE_CHECKING:
    from registrations.seats import Person


def change_mode(registration: Registration, mode: str, *, by: User | None = None) -> Registration:
    """Attend in another way, at once where a seat of that mode is free for the person.

    Otherwise somebody with a place keeps it and stands in the other queue, and somebody who waits changes the queue;
    both by the time of their first submission. Asking for the present mode takes a wish back.
    Raises RefusedSeat for an offered place, and where the event has no such mode.
    """
    with transaction.atomic():
        event, registration = seating.lock(registration)
        _check_ahead(event)
        if mode not in event.modes:
            raise RefusedSeat(
                _("The event cannot be attended in this way. Choose another."), field="mode"
            )
        if not registration.is_live:
            raise RefusedSeat(_("This registration is over. You may register again."))
        if registration.status == Status.OFFERED:
            raise RefusedSeat(_("Take the offered place first, or leave it."))
        if mode == registration.mode:
            _wish(registration, "")
            return registration
        entrance = Entrance(event)
        if registration.status == Status.CONFIRMED:
            seat = _seat_behind_the_line(entrance, registration, mode)
            if seat is None:
                _wish(registration, mode)
                return registration
            line.move_over(entrance, registration, mode, seat=seat, by=by)
        else:
            _wait_elsewhere(entrance, registration, mode, by=by)
        line.offer_free_seats(event)
        registration.refresh_from_db()
        registration.event = event
        return registration


def is_free_elsewhere(registration: Registration, mode: str) -> bool:
    """Whether, as things stand, a person who asks for another mode has a seat there at once. To say so beforehand."""
    return _seat_behind_the_line(Entrance(registration.event), registration, mode) is not None


def name_substitute(
    registration: Registration, *, person: "Person", by: User | None = None
) -> Registration:
    """Name who comes instead. That person gets a mail; the seat moves when they confirm, and until then nothing does.

    Somebody who is registered without a place keeps that registration, and is asked whether to take over the seat.
    Returns the substitute's registration. Raises RefusedSeat for people without a place.
    """
    with transaction.atomic():
        event, registration = seating.lock(registration)
        _check_ahead(event)
        if registration.status != Status.CONFIRMED:
            raise RefusedSeat(_("Only somebody with a confirmed place can name a substitute."))
        if person.email.lower() == registration.email.lower():
            raise RefusedSeat(_("Give the address of the other person."), field="email")
        new = Registration(
            event=event,
            mode=registration.mode,
            status="",
            given_name=person.given_name,
            family_name=person.family_name,
            email=person.email,
            organisation=person.organisation,
            jurisdiction=person.jurisdiction,
            language=person.language,
            replaces=registration,
            invitation_id=registration.invitation_id,
            expires_at=timezone.now() + timedelta(hours=settings.HOLD_HOURS),
        )
        entry.check(Entrance(event).terms, new)
        # In any case: the log is handed out, and must not tell whether the other is known.
        registration.note(by=by, why=_("named a substitute"))
        known = event.registrations.of_address(person.email).filter(status__in=LIVE).first()
        if known:
            known.event = event
            if known.seat is None:
                known.replaces = registration
                known.save(update_fields=["replaces"])
                notices.substitute(known)
            else:
                notices.standing(known)
            return known
        for earlier in registration.substitutes.filter(status=Status.UNVERIFIED):
            seating.move(earlier, Status.CANCELLED, seat=None, by=by, why=_("another was named"))
            notices.cancelled(earlier, was_confirmed=False, is_told=False)
        seating.move(new, Status.UNVERIFIED, seat=None, by=by)
        notices.substitute(new)
        return new


def accept_swap(registration: Registration) -> Registration:
    """Take over the seat of somebody who named this person, who was registered already. Harmless when repeated."""
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if registration.status == Status.CONFIRMED:
            return registration
        _check_ahead(event)
        if registration.status == Status.UNVERIFIED:
            raise RefusedSeat(_("Confirm your registration first: the place is then yours."))
        if not registration.is_live or not take_over(Entrance(event), registration):
            raise RefusedSeat(_("The place has been given up in the meantime."))
        return registration


def who_gives_up(registration: Registration) -> Registration | None:
    """Return the person whose place this one can take over now, if there is one."""
    if registration.replaces_id is None or registration.seat or not registration.is_live:
        return None
    return Registration.objects.confirmed().filter(pk=registration.replaces_id).first()


def take_over(entrance: Entrance, registration: Registration) -> bool:
    """Move the seat of the person whom this one replaces, in the caller's transaction.

    Returns whether there was still a seat to move. Raises RefusedSeat where a rule keeps the new person from it.
    """
    first = Registration.objects.select_for_update().filter(substitutes=registration).first()
    if first is None or first.status != Status.CONFIRMED or first.seat is None:
        registration.replaces = None
        registration.save(update_fields=["replaces"])
        return False
    seat, mode, first.event = first.seat, first.mode, entrance.event
    seating.move(first, Status.CANCELLED, seat=None, why=_("a substitute comes"))
    if why := entrance.hindrance(registration, mode):
        raise RefusedSeat(why)
    registration.mode = mode
    entrance.sit(registration, Status.CONFIRMED, seat=seat, why=_("comes as a substitute"))
    notices.replaced(first, by=registration)
    notices.confirmed(registration)
    line.offer_free_seats(entrance.event)
    return True


def change_details(
    registration: Registration,
    *,
    given_name: str,
    family_name: str,
    organisation: str,
    jurisdiction: Jurisdiction | None,
    is_listed: bool,
    given: Iterable[Given] = (),
    by: User | None = None,
) -> Registration:
    """Change what a person said of themselves, and the answers. Raises RefusedSeat where a rule or a full answer is
    against it; then nothing changes. Deadlines are the caller's to check."""
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if not registration.is_live:
            raise RefusedSeat(_("This registration is over. You may register again."))
        moved = (organisation, jurisdiction) != (
            registration.organisation,
            registration.jurisdiction,
        )
        registration.given_name, registration.family_name = given_name, family_name
        registration.organisation, registration.jurisdiction = organisation, jurisdiction
        registration.is_listed = is_listed
        entrance = Entrance(event)
        entry.check(entrance.terms, registration)
        registration.save()
        if moved and registration.seat:
            entrance.count_anew(registration)
        answers.store(registration, given)
        registration.note(by=by, why=_("details changed"))
        line.offer_free_seats(event)
        return registration


def ask_new_address(registration: Registration, *, email: str) -> Registration:
    """Note a new address and send it a link; nothing changes until that is followed and its button pressed.

    Raises RefusedSeat for an address that the event does not take.
    """
    with transaction.atomic():
        event, registration = seating.lock(registration)
        if not registration.is_live:
            raise RefusedSeat(_("This registration is over. You may register again."))
        moved = copy(registration)
        moved.email = email
        entry.check(terms_of(event), moved)
        registration.pending_email = email
        registration.save(update_fields=["pending_email"])
        notices.prove_address(registration)
        return registration


def prove_new_address(found: Registration) -> Registration:
    """Take the new address, whose link was followed; tell the old one. Old personal links stop working, but not the
    calendar feed in which the registration stands.

    `found` is the registration as the link found it. Raises RefusedSeat where another address was asked for since,
    where a person of that address is registered already, and where the event does not take it. Harmless when repeated.
    """
    with transaction.atomic():
        event, registration = seating.lock(found)
        email = registration.pending_email
        if not email:
            return registration
        if email != found.pending_email:
            raise RefusedSeat(_("Another address was asked for since. Use the link sent there."))
        old = registration.email
        own_calendar.keep(registration, email=old)
        registration.email, registration.pending_email = email, ""
        registration.link_key = new_link_key()
        entrance = Entrance(event)
        entry.check(entrance.terms, registration)
        try:
            with transaction.atomic():
                registration.save(update_fields=["email", "pending_email", "link_key"])
        except IntegrityError as error:
            raise RefusedSeat(
                _("Somebody is registered for this event with that address already.")
            ) from error
        if registration.seat:
            entrance.count_anew(registration)
        registration.note(why=_("address changed"))
        notices.address_changed(registration, old=old)
        return registration


def _check_ahead(event: Event) -> None:
    if event.status != EventStatus.PUBLISHED or event.has_begun:
        raise RefusedSeat(
            _("This can be changed only before an event begins, while it goes ahead.")
        )


def _wish(registration: Registration, mode: str) -> None:
    if registration.wished_mode == mode:
        return
    registration.wished_mode = mode
    registration.save(update_fields=["wished_mode"])
    registration.note(why=_("wishes to attend %(mode)s") % {"mode": mode} if mode else _("stays"))


def _seat_behind_the_line(entrance: Entrance, registration: Registration, mode: str) -> int | None:
    """A free seat of another mode that nobody who came earlier waits for."""
    for other in line.in_line(entrance.event, mode):
        is_earlier = (other.created_at, other.pk) < (registration.created_at, registration.pk)
        if is_earlier and not entrance.hindrance(other, mode):
            return None
    return entrance.seat_for(registration, mode)


def _wait_elsewhere(
    entrance: Entrance, registration: Registration, mode: str, *, by: User | None
) -> None:
    """Somebody without a confirmed place asks for the other mode: another queue, or a seat that is free there."""
    words = _("asks for %(mode)s") % {"mode": mode}
    if registration.status == Status.APPLIED:
        seating.move_over(registration, mode, seat=None, by=by, why=words)
        return
    seat = _seat_behind_the_line(entrance, registration, mode)
    if registration.status == Status.UNVERIFIED:
        _hold_elsewhere(entrance, registration, mode, seat=seat, by=by, why=words)
        return
    seating.move_over(registration, mode, seat=None, by=by, why=words)
    if seat:
        entrance.sit(registration, Status.CONFIRMED, seat=seat, by=by)
        notices.confirmed(registration)


def _hold_elsewhere(
    entrance: Entrance,
    registration: Registration,
    mode: str,
    *,
    seat: int | None,
    by: User | None,
    why: str,
) -> None:
    """Hold a seat of another mode for somebody who has yet to confirm the address, where one is held at all."""
    if registration.replaces_id or entry.needs_decision(entrance.event, registration):
        seat = None
    had_seat = registration.seat is not None
    seating.move_over(registration, mode, seat=seat, by=by, why=why)
    if seat is None:
        registration.allotments.all().delete()
        return
    entrance.count_anew(registration)
    if not had_seat:
        answers.take_all_options(registration, strict=False)
