"""What staff may do with a message: send it again, or stop it before it goes."""

from django.db import transaction
from django.utils import timezone

from outbox.models import Message, State
from outbox.posting import bell


def retry(message: Message) -> bool:
    """Put a message that was given up or stopped back into the queue, due now; return whether it was so."""
    with transaction.atomic():
        moved = Message.objects.filter(
            pk=message.pk, state__in=[State.FAILED, State.STOPPED]
        ).update(state=State.WAITING, send_after=timezone.now(), attempts=0, last_error="")
        if moved:
            transaction.on_commit(lambda: bell.ring(message.pk), robust=True)
    return bool(moved)


def stop(message: Message) -> bool:
    """Keep a message that still waits from being sent; return whether it was in time."""
    waiting = Message.objects.filter(pk=message.pk, state=State.WAITING)
    return bool(waiting.update(state=State.STOPPED))
