"""The newsletter by the clock."""

from celery import shared_task

from recaps import newsletters


@shared_task
def write_newsletter() -> None:
    """Write the issues that are being sent, and ring for more where time has run out."""
    if newsletters.write_due():
        newsletters.bell.ring()
