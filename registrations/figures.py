"""Counts who attended, by jurisdiction, and keeps the numbers that somebody signed off.

The rule: a person counts who was present on at least one day, in whichever mode.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.models import User
from events.models import Event, Status
from registrations.models import Figures


class RefusedSignOff(Exception):
    """The figures cannot be signed off now; the text says why and what to do."""


@dataclass(frozen=True)
class Share:
    """The people of one jurisdiction."""

    code: str
    name: str
    people: int
    is_european: bool


@dataclass(frozen=True)
class Tally:
    """Numbers of people present; the shares are most people first, then by name."""

    participants: int
    shares: list[Share] = field(default_factory=list)

    @property
    def jurisdictions(self) -> int:
        return len(self.shares)

    @property
    def unstated(self) -> int:
        """People who gave no jurisdiction."""
        return self.participants - sum(share.people for share in self.shares)

    @property
    def all_european(self) -> bool:
        return bool(self.shares) and all(share.is_european for share in self.shares)


def count(event: Event) -> Tally:
    """Count the people present at an event."""
    present = event.registrations.present()
    rows = (
        present.exclude(jurisdiction=None)
        .values("jurisdiction__code", "jurisdiction__name", "jurisdiction__is_european")
        .annotate(people=Count("pk"))
        .order_by("-people", "jurisdiction__name")
        .values_list(
            "jurisdiction__code", "jurisdiction__name", "people", "jurisdiction__is_european"
        )
    )
    return Tally(present.count(), [Share(*row) for row in rows])


def tally_of(figures: Figures) -> Tally:
    """Return the numbers that were signed off."""
    return Tally(figures.participants, [Share(**share) for share in figures.shares])


def signed_off(event: Event) -> Figures | None:
    """The figures that hold for an event: the newest sign-off."""
    return event.figures.first()


def sign_off(event: Event, *, by: User | None) -> Figures:
    """Freeze the numbers as they are now. Raises RefusedSignOff before the event has begun."""
    if event.status != Status.PUBLISHED or not event.has_begun:
        raise RefusedSignOff(_("Figures can be signed off once the event has begun."))
    with transaction.atomic():
        tally = count(event)
        return Figures.objects.create(
            event=event,
            participants=tally.participants,
            jurisdictions=tally.jurisdictions,
            shares=[asdict(share) for share in tally.shares],
            signed_off_by=by,
        )


def newest() -> dict[str, Subquery]:
    """Return annotations of events that bring the figures that hold along; `tally_on` reads them."""
    newest_first = Figures.objects.filter(event=OuterRef("pk")).order_by("-signed_off_at", "-pk")
    return {
        "signed_participants": Subquery(newest_first.values("participants")[:1]),
        "signed_shares": Subquery(newest_first.values("shares")[:1]),
    }


def tally_on(event: Any) -> Tally | None:
    """Return the tally that `newest` brought along; None where nothing is signed off."""
    if event.signed_participants is None:
        return None
    return Tally(event.signed_participants, [Share(**share) for share in event.signed_shares])
