"""Registrations by the clock."""

from celery import shared_task
from django.utils import timezone

from registrations import announcements, erasure, line, mailings, reminders, seats


@shared_task
def post_reminders() -> None:
    """Post the reminders that are due."""
    reminders.post_due(timezone.now())


@shared_task
def write_mailings() -> None:
    """Write what many are told and what is due; ring for the rest where time does not allow for all."""
    if mailings.write_due(timezone.now()):
        announcements.bell.ring()


@shared_task
def expire_lapsed() -> None:
    """Pass on the seats of those who did not confirm or take them in time."""
    seats.expire_lapsed(timezone.now())


@shared_task
def open_to_all() -> None:
    """Serve the queues of events that have come open to more people, and tell those who asked."""
    now = timezone.now()
    line.open_to_all(now)
    line.tell_of_openings(now)


@shared_task
def erase_due() -> None:
    """Erase what has been kept long enough."""
    now = timezone.now()
    erasure.erase_special(now)
    erasure.erase_overdue(now)
    erasure.forget_leftovers(now)
