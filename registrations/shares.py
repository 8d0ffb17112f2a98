"""Gives numbered places in limited shares of an event: of an organisation, a jurisdiction, an answer to choose.

As with seats the unique constraint is the guarantee. Numbers above the limit are never given; people who were there
before the limit keep theirs, and count.
"""

from collections import defaultdict
from collections.abc import Iterable

from django.db import IntegrityError, transaction

from events.models import Event
from registrations.models import Allotment, Registration

ATTEMPTS = 100


def take(registration: Registration, share: str, *, limit: int) -> bool:
    """Take the lowest free number of a share; return whether there was one. Harmless when repeated."""
    for _attempt in range(ATTEMPTS):
        held = dict(
            Allotment.objects.filter(event=registration.event_id, share=share).values_list(
                "registration_id", "number"
            )
        )
        if registration.pk in held:
            return True
        if len(held) >= limit:
            return False
        number = lowest_free(held.values())
        try:
            with transaction.atomic():
                Allotment.objects.create(
                    event_id=registration.event_id,
                    registration=registration,
                    share=share,
                    number=number,
                )
        except IntegrityError:
            continue
        return True
    return False


def taken(event: Event, names: Iterable[str]) -> dict[str, int]:
    """Return how many places of each named share are taken, in one query."""
    counted: dict[str, int] = defaultdict(int)
    for share in Allotment.objects.filter(event=event, share__in=set(names)).values_list(
        "share", flat=True
    ):
        counted[share] += 1
    return counted


def lowest_free(held: Iterable[int]) -> int:
    """Return the lowest number from 1 that is not held."""
    numbers = set(held)
    return next(number for number in range(1, len(numbers) + 2) if number not in numbers)
