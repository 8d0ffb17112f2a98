"""Sends messages over one connection: claim a row, send it, mark it. A retry lives in the row."""

import logging
import time
from contextlib import suppress
from datetime import datetime, timedelta

from anymail.backends.base import AnymailBaseBackend
from anymail.backends.base_requests import AnymailRequestsBackend
from django.conf import settings
from django.core.mail import mailers
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from outbox import refusals, returns
from outbox.mime import CalendarMail, as_mail, for_provider
from outbox.models import Lane, Message, State
from outbox.posting import bell

logger = logging.getLogger(__name__)

#: How long a message waits after each attempt that failed, in units of OUTBOX_PAUSE_SECONDS.
PAUSES = [1, 2, 5, 15, 30, 60, 120, 240, 480, 720, 1440]

#: What goes first: what one person waits for, then what was written to many at once, then the slow lane. So many are
#: looked up at once: few enough that one which comes later does not wait long.
AHEAD: list[tuple[dict[str, str], int]] = [
    ({"lane": Lane.FAST, "batch": ""}, 10),
    ({"lane": Lane.FAST}, 10),
    ({"lane": Lane.SLOW}, 5),
]
#: So many messages go over one connection; some servers take no more.
CARRIED = 100
#: A worker that is told to stop has this long for what it does, and a message more (docker-compose.yml grants it 30).
SECONDS = 15
#: So long a worker waits for a database that is away, to mark what it has sent: less than a task may take in all.
PATIENCE = 180
#: So often such a worker asks whether the database is back, and so long nobody takes an old claim away: it may be a
#: worker's that was kept from its mark as long as the database was away, and marks it now.
ASKS_EACH = 0.5
GRACE = 2


def deliver_due(*, seconds: float = SECONDS) -> int:
    """Send all that is due, for at most so many seconds; return how many messages were sent.

    Looks at few at a time, of the fast lane as long as there are any: a newsletter delays nobody's confirmation by
    more than a handful of mails. Ends early when the mail server cannot be reached; rings for more when time runs out.
    """
    end = time.monotonic() + seconds
    sent = 0
    _give_up_on_fatal()
    with Post() as post:
        while post.can_send and (ahead := _look_ahead()):
            if time.monotonic() >= end:
                bell.ring()
                break
            sent += post.send(ahead, until=end)
    return sent


class Post:
    """A connection to the mail server, kept for all messages that a worker sends in one go."""

    def __init__(self) -> None:
        self._mailer = mailers.default
        self._carried = 0
        self.can_send = True

    def __enter__(self) -> "Post":
        return self

    def __exit__(self, *_error: object) -> None:
        self._hang_up()

    def send(self, ahead: list[Message], *, until: float) -> int:
        """Send those of the messages that stand as they were looked up, as long as there is time; return how many.

        Ends with the first that fails: what it came back with may keep others from being sent.
        """
        sent = 0
        if any(message.state == State.SENDING for message in ahead):
            time.sleep(GRACE)
        for message in ahead:
            if time.monotonic() >= until or not self._dial(ahead):
                break
            if _stop_hindered(message) or not _claim(message):
                continue
            if not self._send(message):
                break
            sent += 1
        return sent

    def _send(self, message: Message) -> bool:
        self._carried += 1
        try:
            self._mailer.send_messages([self._mail(message)])
        except Exception as error:
            self._hang_up()
            if refusals.is_of_the_account(error):
                self.can_send = False
                _give_back(message, error)
            else:
                self.can_send = not refusals.is_of_the_provider(error)
                _put_back(message, error)
            return False
        _mark_sent(message)
        return True

    def _mail(self, message: Message) -> CalendarMail:
        mail = as_mail(message)
        if not isinstance(self._mailer, AnymailBaseBackend):
            return mail
        takes_parts = isinstance(self._mailer, AnymailRequestsBackend)
        return for_provider(mail, message, takes_parts=takes_parts)

    def _dial(self, ahead: list[Message]) -> bool:
        """Connect unless connected. An absent server costs no message an attempt; the log says why they wait."""
        if self._carried >= CARRIED:
            self._hang_up()
        try:
            self._mailer.open()
        except Exception as error:
            self.can_send = False
            waiting = Message.objects.filter(pk__in=[message.pk for message in ahead])
            waiting.filter(state=State.WAITING).update(last_error=refusals.said_by(error))
            logger.warning("The mail server cannot be reached: %s", error)
        return self.can_send

    def _hang_up(self) -> None:
        self._carried = 0
        with suppress(Exception):
            self._mailer.close()


def _look_ahead() -> list[Message]:
    """Return the next few messages that are due, of the first kind of AHEAD that has any."""
    due = returns.with_hindrance(Message.objects.due(timezone.now()))
    for kind, most in AHEAD:
        if ahead := list(due.filter(**kind)[:most]):
            return ahead
    return []


def _claim(message: Message) -> bool:
    """Take a message in hand; return whether it stood as it was seen: due, in nobody's hands, to the same recipient.

    One at a time: a worker that dies keeps nothing from being sent but what it was sending.
    """
    now = timezone.now()
    if not _as_seen(message).update(
        state=State.SENDING, claimed_at=now, attempts=message.attempts + 1
    ):
        return False
    message.state, message.claimed_at = State.SENDING, now
    message.attempts += 1
    return True


def _stop_hindered(message: Message) -> bool:
    """Stop a message that must not go out; return whether it was one."""
    if reason := returns.why_not(message):
        _as_seen(message).update(state=State.STOPPED, claimed_at=None, last_error=reason)
    return bool(reason)


def _as_seen(message: Message) -> QuerySet[Message]:
    """The message, unless somebody has claimed, stopped, put off or readdressed it since it was looked up."""
    return Message.objects.filter(
        pk=message.pk,
        state=message.state,
        claimed_at=message.claimed_at,
        attempts=message.attempts,
        send_after=message.send_after,
        recipient=message.recipient,
    )


def _give_up_on_fatal() -> None:
    """Give up messages that no worker came back from, as often as others are tried."""
    fatal = Message.objects.due(timezone.now()).filter(
        state=State.SENDING, attempts__gt=len(PAUSES)
    )
    fatal.order_by().update(
        state=State.FAILED, claimed_at=None, last_error="Every worker that tried to send it died."
    )


def _mark_sent(message: Message) -> None:
    """Note that the mail server has the message, also where somebody stopped it meanwhile: the log tells what happened.

    A database that is away is waited for: without the mark the message would be sent again.
    """
    end = time.monotonic() + PATIENCE
    taken = Message.objects.filter(pk=message.pk).exclude(state=State.SENT)
    sent_at = timezone.now()
    while True:
        try:
            taken.update(state=State.SENT, claimed_at=None, sent_at=sent_at, last_error="")
            return
        except (InterfaceError, OperationalError):
            if time.monotonic() > end:
                raise
            logger.warning("The database is away; message %s waits to be marked.", message.pk)
            connection.close()
            time.sleep(ASKS_EACH)


def _put_back(message: Message, error: Exception) -> None:
    """Return the message to the queue after a growing pause, or give it up with the reason."""
    final = refusals.is_final(error) or message.attempts > len(PAUSES)
    units = 0 if final else PAUSES[message.attempts - 1]
    said = refusals.said_by(error)
    with transaction.atomic():
        is_ours = _ours(message).update(
            state=State.FAILED if final else State.WAITING,
            claimed_at=None,
            send_after=_in_pauses(units),
            last_error=said,
        )
        if is_ours and refusals.refuses_address(error):
            returns.note_bounce(message.recipient, is_hard=True, reason=said, message=message)
    logger.warning("Message %s was not sent (attempt %s): %s", message.pk, message.attempts, said)


def _give_back(message: Message, error: Exception) -> None:
    """Return the message to the queue with all its attempts, behind the others: perhaps it alone is refused so."""
    said = refusals.said_by(error)
    _ours(message).update(
        state=State.WAITING,
        claimed_at=None,
        attempts=F("attempts") - 1,
        send_after=_in_pauses(PAUSES[0]),
        last_error=said,
    )
    logger.warning("The mail provider takes nothing at the moment: %s", said)


def _in_pauses(units: int) -> datetime:
    return timezone.now() + timedelta(seconds=units * settings.OUTBOX_PAUSE_SECONDS)


def _ours(message: Message) -> QuerySet[Message]:
    """The message as long as this worker has it in hand."""
    return Message.objects.filter(pk=message.pk, state=State.SENDING, claimed_at=message.claimed_at)
