"""What may be done with a message that is written: send it again, stop it before it goes, empty it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Max, Q, QuerySet, When
from django.utils import timezone

from outbox.models import Message, Restoration, State
from outbox.posting import bell

#: Why a message is stopped that a backup brought back.
RESTORED = "Stopped: restored from a backup, and perhaps sent before. Send it again if it was not."

#: What a message has in common with one that is sent once more.
COPIED = (
    "topic", "batch", "list_name", "recipient", "mailbox", "recipient_name", "sender_name", "reply_to", "subject",
    "text", "html", "calendar", "calendar_method", "headers", "language",
)  # fmt: skip


def retry(message: Message) -> bool:
    """Put a message that was given up or stopped back into the queue, due now; return whether it was so.

    One that was emptied has nobody to go to any more. One that was stopped in the hands of a worker is due when the
    claim of that worker has ended: it may have gone out by then, and is not stopped any more.
    """
    now = timezone.now()
    end_of_claims = now + timedelta(seconds=settings.OUTBOX_CLAIM_SECONDS)
    is_in_hand = Q(state=State.STOPPED, send_after__gt=now, send_after__lte=end_of_claims)
    with transaction.atomic():
        given_up = Message.objects.filter(pk=message.pk, state__in=[State.FAILED, State.STOPPED])
        moved = given_up.exclude(recipient="").update(
            state=State.WAITING,
            send_after=Case(When(is_in_hand, then=F("send_after")), default=now),
            attempts=0,
            last_error="",
            returned_at=None,
        )
        if moved:
            bell.ring_on_commit()
    return bool(moved)


def again(message: Message, *, now: datetime) -> Message | None:
    """Post what was sent once more, word for word, as a message of its own; return it, or None if that was just done.

    Its key names the minute: two presses are one. The limit for forms does not count it.
    """
    copy = Message(
        key=f"{message.key[:170]}/again/{now:%Y-%m-%dT%H:%MZ}",
        send_after=now,
        created_at=now,
        **{name: getattr(message, name) for name in COPIED},
    )
    with transaction.atomic():
        if Message.objects.filter(key=copy.key).exists():
            return None
        copy.save(force_insert=True)
        bell.ring_on_commit()
    return copy


def stop(message: Message) -> bool:
    """Keep a message that is not sent from being sent; return whether it was in time.

    One that a worker has in hand is in time unless the mail server has it by then.
    """
    return bool(Message.objects.filter(pk=message.pk).stop())


def forget_waiting(messages: QuerySet[Message]) -> int:
    """Delete those of these messages that still wait, so that their keys are free and they can be written anew.

    One that a worker has in hand is stopped instead, unless the mail server has it by then. Returns how many.
    """
    with transaction.atomic():
        waiting = messages.filter(state=State.WAITING).select_for_update(of=("self",))
        ids = list(waiting.order_by("pk").values_list("pk", flat=True))
        Message.objects.filter(pk__in=ids).delete()
        in_hand = Message.objects.filter(pk__in=messages.filter(state=State.SENDING).values("pk"))
        return len(ids) + in_hand.stop()


def stop_history(quiet_before: datetime) -> QuerySet[Message]:
    """Stop all that fell due before an instant, because the system from whose backup it comes may have sent it.

    Returns the messages that were stopped. Whoever writes by the clock asks `quiet_before` from now on.
    """
    with transaction.atomic():
        old = Message.objects.unsent().filter(send_after__lte=quiet_before)
        ids = list(old.values_list("pk", flat=True))
        stopped = Message.objects.filter(pk__in=ids)
        stopped.stop(last_error=RESTORED)
        Restoration.objects.create(quiet_before=quiet_before, stopped=len(ids))
    return stopped


def quiet_before() -> datetime | None:
    """Return the instant up to which all that was due counts as sent, None where no backup was ever restored.

    After a restore, rows that said "this was sent" may be missing. So a moment at or before this instant writes no
    message, whatever the rows say; a later one does.
    """
    return Restoration.objects.aggregate(latest=Max("quiet_before"))["latest"]


def is_history(moment: datetime | None) -> bool:
    """Whether a moment lies before the end of the system whose backup was restored: its mail counts as sent."""
    quiet = quiet_before()
    return quiet is not None and moment is not None and moment <= quiet


def empty(messages: QuerySet[Message]) -> int:
    """Take recipient and words out of messages and stop those that are not sent; return how many.

    Key, state and times stay: they say that something was sent, and keep it from being sent again.
    """
    with transaction.atomic():
        Message.objects.filter(pk__in=messages.order_by().values("pk")).stop()
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
