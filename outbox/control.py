"""What may be done with a message that is written: send it again, stop it before it goes, empty it."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from outbox.models import Message, State
from outbox.posting import bell


def retry(message: Message) -> bool:
    """Put a message that was given up or stopped back into the queue, due now; return whether it was so.

    One that was emptied has nobody to go to any more.
    """
    with transaction.atomic():
        given_up = Message.objects.filter(pk=message.pk, state__in=[State.FAILED, State.STOPPED])
        moved = given_up.exclude(recipient="").update(
            state=State.WAITING,
            send_after=timezone.now(),
            attempts=0,
            last_error="",
            returned_at=None,
        )
        if moved:
            bell.ring_on_commit()
    return bool(moved)


def stop(message: Message) -> bool:
    """Keep a message that is not sent from being sent; return whether it was in time.

    One that a worker has in hand is in time unless the mail server has it by then.
    """
    unsent = Message.objects.unsent().filter(pk=message.pk)
    return bool(unsent.update(state=State.STOPPED, claimed_at=None))


def empty(messages: QuerySet[Message]) -> int:
    """Take recipient and words out of messages and stop those that are not sent; return how many.

    Key, state and times stay: they say that something was sent, and keep it from being sent again.
    """
    with transaction.atomic():
        messages.filter(state__in=[State.WAITING, State.SENDING]).update(
            state=State.STOPPED, claimed_at=None
        )
        return messages.update(
            recipient="",
            mailbox="",
            recipient_name="",
            subject="",
            text="",
            html="",
            calendar="",
            headers={},
            last_error="",
        )
