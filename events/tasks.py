"""Events by the clock."""

from celery import shared_task
from django.utils import timezone

from events import clocks


@shared_task
def keep_wall_times() -> None:
    """Let events follow the clocks of their zones, if the rules of these have changed."""
    clocks.keep_wall_times(timezone.now())
