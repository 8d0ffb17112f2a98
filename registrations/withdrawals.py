"""Counts how often the entry of an event was taken out of the calendar of one mailbox, so that its SEQUENCE only grows.

SEQUENCE counts with the event, and by two more for each withdrawal from that calendar alone (RFC 5546 2.1.4). Programs
ignore what has a lower number than what they have seen, so it belongs to the mailbox, whoever is registered with it and
whatever the `+tag` of the address.
"""

from collections.abc import Iterable

from django.db.models import F
from django.utils.crypto import salted_hmac

from events.models import Event
from outbox.addresses import mailbox_of
from registrations.models import Withdrawal


def sequence(event: Event, email: str) -> int:
    """Return the SEQUENCE of an entry that is put in, changed, or called off with the event.

    The caller holds the event's lock, here and below.
    """
    return sequences(event, [email])[email.lower()]


def sequences(event: Event, emails: Iterable[str]) -> dict[str, int]:
    """Return these numbers by address in lower case, in one query."""
    digests = {email.lower(): digest_of(email) for email in emails}
    found = event.withdrawals.filter(address__in=set(digests.values()))
    times = dict(found.values_list("address", "times"))
    return {email: event.sequence + 2 * times.get(digests[email], 0) for email in digests}


def withdraw(event: Event, email: str) -> int:
    """Return the SEQUENCE that takes the entry out of the calendar of one address alone; all later ones are higher."""
    number = sequence(event, email) + 1
    row, _is_new = Withdrawal.objects.get_or_create(event=event, address=digest_of(email))
    Withdrawal.objects.filter(pk=row.pk).update(times=F("times") + 1)
    return number


def carry_over(event: Event, *, old: str, new: str) -> None:
    """Count on at a new address from where the old one is: both may lead to one calendar, as an alias does."""
    left = event.withdrawals.filter(address=digest_of(old)).first()
    if left is None:
        return
    row, _is_new = Withdrawal.objects.get_or_create(event=event, address=digest_of(new))
    Withdrawal.objects.filter(pk=row.pk, times__lt=left.times).update(times=left.times)


def forget(event: Event, emails: Iterable[str]) -> None:
    """Forget the counts of addresses at an event, but of those whose mailbox is registered with still."""
    known = event.registrations.known().values_list("email", flat=True)
    gone = set(map(mailbox_of, emails)) - set(map(mailbox_of, known.iterator()))
    event.withdrawals.filter(address__in=map(digest_of, gone)).delete()


def digest_of(email: str) -> str:
    """What stands for the mailbox of an address: nobody without our key can tell whose it is."""
    salt = "registrations.withdrawals.address"
    return salted_hmac(salt, mailbox_of(email), algorithm="sha256").hexdigest()
