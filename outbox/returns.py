"""Addresses that mail comes back from: they get less, or none, until their owner or staff lift that."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from outbox import refusals
from outbox.lists import LEFT
from outbox.models import Lane, Message, State, Suppression, Unsubscription

#: So many mails must have come back for good before an address gets no mail about its own registrations either.
LIMIT = 3

COMPLAINED = gettext_noop("The recipient has called our mail spam.")
CAME_BACK = gettext_noop("Mail to this address comes back.")


def note_bounce(address: str, *, is_hard: bool, reason: str, message: Message | None) -> bool:
    """Note that a mail came back, for good or not; return whether that was news. `reason` is what the server said.

    One message counts once, however often it is reported. What is not for good is only told in the log.
    """
    with transaction.atomic():
        if message and not _note_return(message, reason):
            return False
        if is_hard:
            _change(address, reason=reason, hard_bounces=F("hard_bounces") + 1)
    return True


def note_complaint(address: str, *, reason: str, message: Message | None) -> bool:
    """Note that a reader called our mail spam; return whether that was news."""
    with transaction.atomic():
        known = of(address)
        if known and known.complained_at:
            return False
        _change(address, reason=reason, complained_at=timezone.now())
    return True


def lift(address: str) -> bool:
    """Write to an address again as if nothing had come back; return whether something had."""
    return bool(Suppression.objects.filter(address=address.lower()).delete()[0])


def of(address: str) -> Suppression | None:
    """Return what came back from an address, or None."""
    return Suppression.objects.filter(address=address.lower()).first()


def of_many(addresses: Collection[str]) -> dict[str, Suppression]:
    """Return what came back from any of these addresses, by the address in lower case; one query."""
    found = Suppression.objects.filter(address__in={address.lower() for address in addresses})
    return {row.address: row for row in found}


def unfit_for_many() -> QuerySet[Suppression]:
    """The addresses that get nothing that goes to many: that stops with the first hard bounce or complaint."""
    return Suppression.objects.filter(Q(hard_bounces__gt=0) | Q(complained_at__isnull=False))


def in_words(row: Suppression) -> str:
    """Return what came back, and what the address does not get now, in plain sentences for staff."""
    if not row.hard_bounces:
        return _("The reader has called our mail spam, and gets nothing that goes to many.")
    said = {"reason": refusals.in_words(row.reason)}
    if row.hard_bounces < LIMIT:
        return (
            _("Mail to this address comes back: %(reason)s. It gets nothing that goes to many.")
            % said
        )
    return (
        _(
            "Mail to this address comes back: %(reason)s. It gets no mail but what the person asks for."
        )
        % said
    )


def with_hindrance(messages: QuerySet[Message]) -> QuerySet[Message]:
    """Let each message know, in its own query, what `why_not` asks."""
    recipient = Lower(OuterRef("recipient"))
    suppressed = Suppression.objects.filter(address=recipient)
    left = Unsubscription.objects.filter(address=recipient, list_name=OuterRef("list_name"))
    return messages.annotate(
        bounces=Subquery(suppressed.values("hard_bounces")),
        complained_at=Subquery(suppressed.values("complained_at")),
        has_left=Exists(left),
    )


def why_not(message: Any) -> str:
    """Return why a message of `with_hindrance` must not go out, or an empty text.

    Mail that a form asked for always goes: somebody sits at the keyboard and waits for it. What many get stops at once;
    mail about one's own registrations when LIMIT mails have come back for good.
    """
    if message.has_left:
        return LEFT
    if message.is_requested:
        return ""
    is_for_many = bool(message.list_name) or message.lane == Lane.SLOW
    if is_for_many and message.complained_at:
        return COMPLAINED
    if (message.bounces or 0) >= (1 if is_for_many else LIMIT):
        return CAME_BACK
    return ""


def _note_return(message: Message, reason: str) -> bool:
    """Mark a message as come back, and say why in the log; return whether it was not marked before."""
    fresh = Message.objects.filter(pk=message.pk, returned_at=None)
    said = {"last_error": refusals.storable(reason)[:2000]} if message.state == State.SENT else {}
    return bool(fresh.update(returned_at=timezone.now(), **said))


def _change(address: str, *, reason: str, **fields: Any) -> None:
    row, _is_new = Suppression.objects.get_or_create(address=address.lower())
    Suppression.objects.filter(pk=row.pk).update(
        changed_at=timezone.now(), reason=refusals.storable(reason)[:500], **fields
    )
