"""The outbox by the clock and by the bell."""

import imaplib
import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from outbox import delivery, heartbeat, return_mailbox
from outbox.models import Message, State

logger = logging.getLogger(__name__)

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
def read_returns() -> None:
    """Read the mailbox that mail comes back to, if there is one; a server that is away is asked again next time."""
    if not settings.RETURN_MAILBOX:
        return
    try:
        counts = return_mailbox.read(settings.RETURN_MAILBOX)
    except (OSError, imaplib.IMAP4.error) as error:
        logger.warning("The mailbox for mail that came back cannot be read: %s", error)
        return
    if any(counts.values()):
        said = {outcome.value: number for outcome, number in counts.items()}
        logger.info("Mail that came back was read: %s", said)


@shared_task
def purge() -> None:
    """Forget messages that were sent, given up or stopped long ago."""
    Message.objects.filter(
        state__in=[State.SENT, State.FAILED, State.STOPPED],
        created_at__lt=timezone.now() - KEPT,
    ).delete()
