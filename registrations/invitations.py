"""Invites people by name, asks the silent again, takes invitations back, and keeps what the invited answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import User
from events.models import Event
from outbox.models import Message
from outbox.posting import withdraw
from registrations import decisions, line, notices, seating, seats
from registrations.answers import Given
from registrations.entry import Entrance
from registrations.guests import Guest
from registrations.models import (
    LIVE,
    Invitation,
    InvitationQuerySet,
    Registration,
    Status,
)
from registrations.seating import RefusedSeat
from registrations.seats import Person
from registrations.wordings import Words

#: Nobody is asked again sooner than this after the last mail.
BETWEEN_MAILS = timedelta(hours=24)
AT_ONCE = 50


@dataclass(frozen=True)
class Sorted:
    """The people of a list: whom to invite, who has been invited, and who is registered already."""

    new: list[Guest]
    invited: list[Guest]
    registered: list[Guest]


def sort(event: Event, people: Sequence[Guest]) -> Sorted:
    """Sort a list of people by what the event knows of their addresses, in two queries; writes nothing."""
    emails = {one.email.lower() for one in people}
    rows = (event.invitations.order_by(), event.registrations.order_by().filter(status__in=LIVE))
    invited, registered = (
        set(found.annotate(at=Lower("email")).filter(at__in=emails).values_list("at", flat=True))
        for found in rows
    )
    piles = Sorted([], [], [])
    for guest in people:
        email = guest.email.lower()
        pile = piles.new
        if email in registered:
            pile = piles.registered
        elif email in invited:
            pile = piles.invited
        pile.append(guest)
    return piles


def invite(event: Event, people: Sequence[Guest], *, by: User | None, sentence: str = "") -> Sorted:
    """Invite by a mail each who is neither invited nor registered; return who was what.

    `sentence` goes into the mails as plain text. Harmless when repeated. A few are invited in each transaction, so that
    people who register meanwhile need not wait long. Raises RefusedSeat where invited people could not register.
    """
    done = Sorted([], [], [])
    for few in batched(people, AT_ONCE):
        with transaction.atomic():
            event = seating.lock_event(event)
            seats.check_open(event, timezone.now(), is_invited=True)
            found = sort(event, few)
            words = Words(event)
            for guest in found.new:
                _invite(event, guest, by=by, sentence=sentence, words=words)
        done.new.extend(found.new)
        done.invited.extend(found.invited)
        done.registered.extend(found.registered)
    return done


def to_remind(event: Event, now: datetime) -> InvitationQuerySet:
    """The invitations of people who have not answered and had no mail about it for a day."""
    earlier = now - BETWEEN_MAILS
    return event.invitations.silent().filter(
        Q(reminded_at=None) | Q(reminded_at__lte=earlier), invited_at__lte=earlier
    )


def remind(event: Event, *, sentence: str = "", now: datetime | None = None) -> int:
    """Ask the silent again, each at most once in 24 hours; return how many. Raises RefusedSeat as `invite` does."""
    now, count = now or timezone.now(), 0
    seats.check_open(event, now, is_invited=True)
    pks = to_remind(event, now).order_by("pk").values_list("pk", flat=True)
    for few in batched(list(pks), AT_ONCE):
        with transaction.atomic():
            event = seating.lock_event(event)
            seats.check_open(event, now, is_invited=True)
            words = Words(event)
            silent = list(to_remind(event, now).filter(pk__in=few))
            for invitation in silent:
                invitation.event = event
                reason = f"reminder/{_next_reminder(invitation)}"
                notices.invitation(invitation, reason=reason, sentence=sentence, words=words)
            Invitation.objects.filter(pk__in=[one.pk for one in silent]).update(reminded_at=now)
        count += len(silent)
    return count


def resend(invitation: Invitation, *, sentence: str = "") -> Invitation:
    """Send one invitation again, whatever was sent before; two presses within a minute send one mail.

    Raises RefusedSeat for people who are registered, and as `invite` does.
    """
    now = timezone.now()
    with transaction.atomic():
        event, invitation = _lock(invitation)
        seats.check_open(event, now, is_invited=True)
        _check_not_registered(event, invitation)
        notices.invitation(invitation, reason=f"again/{now:%Y-%m-%dT%H:%MZ}", sentence=sentence)
        Invitation.objects.filter(pk=invitation.pk).update(reminded_at=now)
        return invitation


def take_back(invitation: Invitation) -> None:
    """Remove an invitation: its link opens nothing any more, and mail that waits is stopped.

    Harmless when repeated. Raises RefusedSeat where the person has registered.
    """
    with transaction.atomic():
        event = seating.lock_event(invitation.event)
        _check_not_registered(event, invitation)
        withdraw(key_prefix=f"invitation/{invitation.pk}/")
        Invitation.objects.filter(pk=invitation.pk).delete()


def press(invitation: Invitation) -> Registration | None:
    """Note that the person wants to register; return the registration where the address has one already.

    It takes back that the person cannot come, and makes what is there the registration of an invited person.
    Raises RefusedSeat where registering is over.
    """
    with transaction.atomic():
        event, invitation = _lock(invitation)
        seats.check_open(event, timezone.now(), is_invited=True)
        check_unused(invitation)
        _open(invitation, declines=False)
        known = seats.live_registration(event, invitation.email)
        return _as_invited(known, invitation) if known else None


def decline(invitation: Invitation) -> Invitation:
    """Note that the person cannot come, and ask no more. Harmless when repeated.

    Raises RefusedSeat where the person has registered: then the registration is to be cancelled.
    """
    with transaction.atomic():
        event, invitation = _lock(invitation)
        _check_not_registered(event, invitation)
        if invitation.declined_at is None:
            _open(invitation, declines=True)
            withdraw(key_prefix=f"invitation/{invitation.pk}/")
        return invitation


def register(
    invitation: Invitation, *, person: Person, mode: str, given: Iterable[Given] = ()
) -> Registration:
    """Register the invited person; whoever is registered already stays so, as an invited person from now on.

    The address is that of the invitation, whatever `person` says. Raises RefusedSeat as `seats.register` does.
    """
    with transaction.atomic():
        event, invitation = _lock(invitation)
        check_unused(invitation)
        known = seats.live_registration(event, invitation.email)
        if known:
            registration = _as_invited(known, invitation)
        else:
            registration = seats.register(
                event,
                person=replace(person, email=invitation.email),
                mode=mode,
                given=list(given),
                invitation=invitation,
            )
        _open(invitation, declines=False)
        return registration


def has_place(invitation: Invitation, mode: str) -> bool:
    """Whether the invited person would get a place of this mode now, and not the waiting list."""
    guest = Registration(
        event=invitation.event,
        mode=mode,
        email=invitation.email,
        organisation=invitation.organisation,
        invitation=invitation,
    )
    return line.seat_out_of_turn(Entrance(invitation.event), guest) is not None


def check_unused(invitation: Invitation) -> None:
    """Raise RefusedSeat where somebody comes by the invitation under another address: moved there, or a substitute."""
    others = invitation.registrations.filter(status__in=LIVE).alias(at=Lower("email"))
    if others.exclude(at=invitation.email.lower()).exists():
        raise RefusedSeat(
            _(
                "Somebody has registered by this invitation. If you should come too, ask the organiser."
            )
        )


def _invite(event: Event, guest: Guest, *, by: User | None, sentence: str, words: Words) -> None:
    invitation = Invitation.objects.create(
        event=event,
        email=guest.email,
        name=guest.name,
        organisation=guest.organisation,
        language=get_language() or "en",
        invited_by=by,
    )
    notices.invitation(invitation, reason="invited", sentence=sentence, words=words)


def _lock(invitation: Invitation) -> tuple[Event, Invitation]:
    """Return event and invitation as they are now, locked; raise RefusedSeat if it was withdrawn meanwhile."""
    event = seating.lock_event(Event(pk=invitation.event_id))
    found = Invitation.objects.with_state().filter(pk=invitation.pk).first()
    if found is None:
        raise RefusedSeat(_("This invitation was withdrawn. Ask the organiser."))
    found.event = event
    return event, found


def _open(invitation: Invitation, *, declines: bool) -> None:
    now = timezone.now()
    invitation.opened_at = invitation.opened_at or now
    invitation.declined_at = now if declines else None
    invitation.save(update_fields=["opened_at", "declined_at"])


def _as_invited(known: Registration, invitation: Invitation) -> Registration:
    """Make a live registration that of an invited person, as far as it is complete; nobody decides about those."""
    if known.invitation_id == invitation.pk:
        return known
    try:
        with transaction.atomic():
            known = seats.as_invited(known, invitation)
    except RefusedSeat:  # the person's own page asks for what is missing
        known.refresh_from_db()
        Registration.objects.filter(pk=known.pk).update(invitation=invitation)
        return known
    if known.status == Status.APPLIED:
        return decisions.accept(known, by=None)
    return known


def _check_not_registered(event: Event, invitation: Invitation) -> None:
    is_used = invitation.registrations.filter(status__in=LIVE).exists()
    if is_used or seats.live_registration(event, invitation.email):
        raise RefusedSeat(
            _("%(name)s has registered: cancel the registration instead.") % {"name": invitation}
        )


def _next_reminder(invitation: Invitation) -> int:
    prefix = f"invitation/{invitation.pk}/reminder/"
    keys = Message.objects.filter(key__startswith=prefix).values_list("key", flat=True)
    return 1 + max((int(key.removeprefix(prefix)) for key in keys), default=0)
