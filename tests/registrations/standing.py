"""Reads how registrations stand, for tests of any room."""

from outbox.models import Message
from registrations.models import Registration, Vacancy


def standing(registration: Registration) -> tuple[str, int | None]:
    """State and seat, as stored."""
    registration.refresh_from_db()
    return registration.status, registration.seat


def reasons(registration: Registration) -> list[str]:
    """Why messages were written to this person, oldest first."""
    prefix = f"registration/{registration.pk}/"
    found = Message.objects.filter(key__startswith=prefix).order_by("pk")
    return [key.removeprefix(prefix) for key in found.values_list("key", flat=True)]


def shares(registration: Registration) -> dict[str, int]:
    """The numbered places that this person has in limited shares."""
    return dict(registration.allotments.values_list("share", "number"))


def gaps_are_written_down(event, mode: str) -> bool:
    """Whether the vacancies are just the free numbers below the highest seat held, or given up above it."""
    held = set(event.registrations.filter(mode=mode).seated().values_list("seat", flat=True))
    free = set(Vacancy.objects.filter(event=event, mode=mode).values_list("seat", flat=True))
    return not held & free and set(range(1, max(held, default=0))) <= held | free
