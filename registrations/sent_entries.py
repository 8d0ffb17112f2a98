"""What the calendar of somebody was told by mail, so that the next part follows on from it.

A part that takes the entry out names the times under which it is there, whatever they are now: the event may have moved
with nobody told yet (RFC 5546 3.2.5). And of two parts the later one has the later DTSTAMP (RFC 5546 2.1.5), also
within a second.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Q
from django.utils import timezone

from outbox.addresses import RefusedAddress, clean_address, mailbox_of
from outbox.models import Message, State
from registrations.models import Registration

REGISTRATION = re.compile(r"registration/(\d+)/")
STAMP = re.compile(r"^DTSTAMP:(\d{8}T\d{6})Z", re.MULTILINE)


@dataclass
class Told:
    """What one address was told of an entry: the part that put it in or moved it last, and the newest stamp."""

    part: bytes = b""
    stamped_at: datetime | None = None

    def next_stamp(self) -> datetime:
        """Return now, or the second after the last part where that is later."""
        now = timezone.now()
        return max(now, self.stamped_at + timedelta(seconds=1)) if self.stamped_at else now


def told(registration: Registration, address: str) -> Told:
    """Return what an address was told of somebody's place."""
    return told_to_each([(registration, address)])[registration.pk]


def told_to_each(people: Iterable[tuple[Registration, str]]) -> dict[int, Told]:
    """Return the same by id of the registration, in one query."""
    found: dict[int, Told] = {}
    recipients: dict[int, str] = {}
    for registration, address in people:
        recipients[registration.pk] = _recipient(address)
        found[registration.pk] = Told()
    if not found:
        return {}
    about = reduce(or_, (Q(key__startswith=f"registration/{pk}/") for pk in found))
    parts = Message.objects.filter(about, recipient__in=set(recipients.values()))
    for message in parts.exclude(calendar="").order_by("pk"):
        match = REGISTRATION.match(message.key)
        if match and recipients[pk := int(match[1])] == message.recipient:
            _note(found[pk], message)
    return found


def is_shared(registration: Registration) -> bool:
    """Whether somebody else has a place at the event under an address of the same mailbox: the entry is theirs too."""
    mailbox = mailbox_of(registration.email)
    local, _at, domain = mailbox.rpartition("@")
    others = registration.event.registrations.confirmed().exclude(pk=registration.pk)
    alike = others.filter(email__istartswith=local, email__iendswith=f"@{domain}")
    return any(mailbox_of(email) == mailbox for email in alike.values_list("email", flat=True))


def _recipient(address: str) -> str:
    """The address as messages have it; one that takes none was told nothing."""
    try:
        return clean_address(address)
    except RefusedAddress:
        return ""


def _note(told: Told, message: Message) -> None:
    stamp = STAMP.search(message.calendar)
    if stamp and message.state != State.STOPPED:
        written_at = datetime.strptime(stamp[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        told.stamped_at = max(told.stamped_at or written_at, written_at)
    has_left = message.state in (State.SENDING, State.SENT) or message.attempts
    if message.calendar_method == "REQUEST" and has_left:
        told.part = message.calendar.encode()
