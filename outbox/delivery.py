"""Sends messages: claim a few rows, send over one connection, mark each. A retry lives in the row."""

import logging
import smtplib
import time
from contextlib import suppress
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage as MimeMessage
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from outbox.models import Lane, Message, MessageQuerySet, State

logger = logging.getLogger(__name__)

PAUSES = [timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60, 120, 240, 480, 720, 1440)]

#: So many messages of a lane are claimed at once: few enough that whoever waits for their end does not wait long.
CLAIMS = {Lane.FAST: 10, Lane.SLOW: 5}
#: So many messages go over one connection; some servers take no more.
CARRIED = 100
#: A message that so many workers have not come back from is sent alone, so that it holds nobody up.
SUSPECT = 3


class CalendarMail(EmailMultiAlternatives):
    """A mail with a calendar file: inline as the last alternative, and attached for clients that look only there.

    Both are in base64 and name the METHOD (RFC 6047 2.4; 8bit and quoted-printable break some clients).
    """

    def __init__(self, *, calendar: str = "", method: str = "", **fields: Any) -> None:
        super().__init__(**fields)
        self.calendar, self.method = calendar, method

    def message(self, **options: Any) -> MimeMessage:
        if self.calendar and len(self.alternatives) < 2:
            self.attach_alternative(self.calendar, "text/calendar")
            self.attach("event.ics", self.calendar, "text/calendar")
        mime: MimeMessage = super().message(**options)
        for part in mime.walk():
            if part.get_content_type() == "text/calendar":
                name = part.get_filename()
                part.clear_content()
                part.set_content(
                    self.calendar.encode(), "text", "calendar", cte="base64", filename=name
                )
                part.set_param("charset", "utf-8")
                part.set_param("method", self.method)
                if name is None:
                    del part["Content-Disposition"]
        return mime


def deliver(message_id: int) -> bool:
    """Send one message if it is due and nobody else has it; return whether it was sent."""
    with Post() as post:
        return bool(post.send(_claim(Message.objects.filter(pk=message_id), most=1)))


def deliver_due(*, seconds: float = 50) -> int:
    """Send all that is due, for at most so many seconds; return how many messages were sent.

    Few are claimed at a time, of the fast lane as long as there are any: a newsletter delays nobody's confirmation by
    more than a handful of mails. Ends early when the mail server cannot be reached.
    """
    end = time.monotonic() + seconds
    sent = 0
    _give_up_on_fatal()
    with Post() as post:
        while post.can_send and time.monotonic() < end:
            claimed = _claim_next()
            if not claimed:
                break
            sent += post.send(claimed)
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

    def send(self, claimed: list[Message]) -> int:
        """Send what this worker has claimed; return how many. What it does not come to goes back as it was."""
        begun = time.monotonic()
        sent = 0
        for place, message in enumerate(claimed):
            if time.monotonic() - begun > settings.OUTBOX_CLAIM_SECONDS / 4:
                _give_back(claimed[place:])
                break
            if not self._dial(claimed[place:]):
                break
            if _is_ours(message):
                sent += self._send(message)
        return sent

    def _send(self, message: Message) -> bool:
        self._carried += 1
        try:
            self._mailer.send_messages([as_mail(message)])
        except Exception as error:
            _put_back(message, error)
            self._hang_up()
            return False
        _mark_sent(message)
        return True

    def _dial(self, claimed: list[Message]) -> bool:
        """Connect unless connected. Whoever cannot gives the messages back: an absent server is not their fault."""
        if self._carried >= CARRIED:
            self._hang_up()
        try:
            self._mailer.open()
        except Exception as error:
            self.can_send = False
            _give_back(claimed, error)
            logger.warning("The mail server cannot be reached: %s", error)
        return self.can_send

    def _hang_up(self) -> None:
        self._carried = 0
        with suppress(Exception):
            self._mailer.close()


def _claim_next() -> list[Message]:
    for lane, most in CLAIMS.items():
        if claimed := _claim(Message.objects.filter(lane=lane), most=most):
            return claimed
    return []


def _claim(messages: MessageQuerySet, *, most: int) -> list[Message]:
    """Take up to so many of these that are due, oldest first. One that may have felled workers goes alone."""
    now = timezone.now()
    skips = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        due = messages.due(now).select_for_update(skip_locked=skips)
        claimed = _without_suspects(list(due[:most]))
        Message.objects.filter(pk__in=[message.pk for message in claimed]).update(
            state=State.SENDING, claimed_at=now, attempts=F("attempts") + 1
        )
    for message in claimed:
        message.state, message.claimed_at = State.SENDING, now
        message.attempts += 1
    return claimed


def _without_suspects(found: list[Message]) -> list[Message]:
    """The ones that may go together; a suspect, whose claims nobody came back from several times, only by itself."""

    def is_suspect(message: Message) -> bool:
        return message.state == State.SENDING and message.attempts >= SUSPECT

    return found[:1] if found and is_suspect(found[0]) else [m for m in found if not is_suspect(m)]


def _give_up_on_fatal() -> None:
    """Give up messages that no worker came back from, as often as others are tried."""
    fatal = Message.objects.due(timezone.now()).filter(
        state=State.SENDING, attempts__gt=len(PAUSES)
    )
    fatal.order_by().update(
        state=State.FAILED, claimed_at=None, last_error="Every worker that tried to send it died."
    )


def _held(claimed: list[Message]) -> QuerySet[Message]:
    """Those of the messages that are still in the hands of this worker."""
    return Message.objects.filter(
        pk__in=[message.pk for message in claimed],
        state=State.SENDING,
        claimed_at=claimed[0].claimed_at,
    )


def _is_ours(message: Message) -> bool:
    """Whether nobody has stopped the message, or taken it over, since it was claimed."""
    return _held([message]).exists()


def _give_back(claimed: list[Message], error: Exception | None = None) -> None:
    """Return messages to the queue as if they had not been claimed, with the reason if there is one to be seen."""
    said = {"last_error": _in_words(error)} if error else {}
    _held(claimed).update(state=State.WAITING, claimed_at=None, attempts=F("attempts") - 1, **said)


def _mark_sent(message: Message) -> None:
    """Note that the mail server has the message, also where somebody stopped it meanwhile: the log tells what happened.

    A database that is away is waited for: without the mark the message would be sent again.
    """
    end = time.monotonic() + settings.OUTBOX_CLAIM_SECONDS
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
            time.sleep(0.5)


def as_mail(message: Message) -> EmailMultiAlternatives:
    """Return the mail with its headers, alternatives and calendar file."""
    sender = Address(
        display_name=message.sender_name or settings.SITE_NAME,
        addr_spec=settings.DEFAULT_FROM_EMAIL,
    )
    recipient = Address(display_name=message.recipient_name, addr_spec=message.recipient)
    mail = CalendarMail(
        calendar=message.calendar,
        method=message.calendar_method,
        subject=message.subject,
        body=message.text,
        from_email=str(sender),
        to=[str(recipient)],
        reply_to=[message.reply_to] if message.reply_to else [],
        headers={
            "Message-ID": message.message_id,
            "Auto-Submitted": "auto-generated",
            "Content-Language": message.language,
            **message.headers,
        },
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def _put_back(message: Message, error: Exception) -> None:
    """Return the message to the queue after a growing pause, or give it up with the reason."""
    final = _is_final(error) or message.attempts > len(PAUSES)
    pause = timedelta() if final else PAUSES[message.attempts - 1]
    Message.objects.filter(
        pk=message.pk, state=State.SENDING, claimed_at=message.claimed_at
    ).update(
        state=State.FAILED if final else State.WAITING,
        claimed_at=None,
        send_after=timezone.now() + pause,
        last_error=_in_words(error),
    )
    logger.warning("Message %s was not sent (attempt %s): %s", message.pk, message.attempts, error)


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def _is_final(error: Exception) -> bool:
    """Whether trying again is useless: the server refuses this recipient or this content for good (RFC 5321 4.2.1).

    All else may be our own fault or passing, and is tried again until the pauses are used up.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _reason in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and 500 <= error.smtp_code < 600
