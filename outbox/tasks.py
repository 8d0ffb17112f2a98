"""The outbox by the clock and by the bell."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from outbox import delivery, heartbeat
from outbox.models import Message, State

KEPT = timedelta(days=90)


@shared_task
def deliver() -> None:
    """Send all that is due: the bell was rung."""
    delivery.deliver_due()
    heartbeat.note(heartbeat.WORKER)


@shared_task
def sweep() -> None:
    """Send all that is due: what the bell missed, what failed before, what a dead worker had claimed."""
    delivery.deliver_due()
    heartbeat.note(heartbeat.WORKER)


@shared_task
def purge() -> None:
    """Forget messages that were sent, given up or stopped long ago."""
    Message.objects.filter(
        state__in=[State.SENT, State.FAILED, State.STOPPED],
        created_at__lt=timezone.now() - KEPT,
    ).delete()
