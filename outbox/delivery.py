"""Sends messages: claim by conditional update, send, mark. A retry lives in the row."""

import logging
import smtplib
import time
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage as MimeMessage
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mailers
from django.db.models import F
from django.utils import timezone

from outbox.models import Message, State

logger = logging.getLogger(__name__)

PAUSES = [timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60, 120, 240, 480, 720, 1440)]


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
    now = timezone.now()
    claimed = (
        Message.objects.due(now)
        .filter(pk=message_id)
        .order_by()
        .update(state=State.SENDING, claimed_at=now, attempts=F("attempts") + 1)
    )
    if not claimed:
        return False
    message = Message.objects.get(pk=message_id)
    try:
        mailers.default.send_messages([as_mail(message)])
    except Exception as error:
        _put_back(message, error)
        return False
    Message.objects.filter(pk=message.pk, state=State.SENDING, claimed_at=now).update(
        state=State.SENT, claimed_at=None, sent_at=timezone.now(), last_error=""
    )
    return True


def deliver_due(*, seconds: float = 50, batch: int = 100) -> int:
    """Send all that is due, for at most so many seconds; return how many messages were sent."""
    end = time.monotonic() + seconds
    sent = 0
    tried: set[int] = set()
    while time.monotonic() < end:
        due = list(
            Message.objects.due(timezone.now())
            .exclude(pk__in=tried)
            .values_list("pk", flat=True)[:batch]
        )
        if not due:
            break
        for message_id in due:
            tried.add(message_id)
            sent += deliver(message_id)
            if time.monotonic() > end:
                break
    return sent


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
        last_error=f"{type(error).__name__}: {error}"[:2000],
    )
    logger.warning("Message %s was not sent (attempt %s): %s", message.pk, message.attempts, error)


def _is_final(error: Exception) -> bool:
    """Whether trying again is useless: the server refuses this recipient or this content for good (RFC 5321 4.2.1).

    All else may be our own fault or passing, and is tried again until the pauses are used up.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _reason in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and 500 <= error.smtp_code < 600
