"""What somebody's calendar was told last: the mail that takes an entry out names the same times, whatever they are now.

An event may have moved since, with nobody told yet; programs look for the entry where they put it (RFC 5546 3.2.5).
"""

import re
from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.db.models import Q

from outbox.models import Message, State
from registrations.models import Registration

REGISTRATION = re.compile(r"registration/(\d+)/")


def last_to(registration: Registration, address: str) -> bytes:
    """Return the calendar part of the last mail to an address that put in or moved the entry, if there is one."""
    return last_to_each([(registration, address)]).get(registration.pk, b"")


def last_to_each(people: Iterable[tuple[Registration, str]]) -> dict[int, bytes]:
    """Return these parts by id of the registration, in one query. Mail that never went out says nothing."""
    address_of = {registration.pk: address for registration, address in people}
    if not address_of:
        return {}
    about = reduce(or_, (Q(key__startswith=f"registration/{pk}/") for pk in address_of))
    sent = Message.objects.filter(about, state__in=[State.SENDING, State.SENT])
    rows = sent.filter(calendar_method="REQUEST", recipient__in=set(address_of.values()))
    found: dict[int, bytes] = {}
    for key, recipient, part in rows.order_by("pk").values_list("key", "recipient", "calendar"):
        match = REGISTRATION.match(key)
        if match and address_of[pk := int(match[1])] == recipient:
            found[pk] = part.encode()
    return found
