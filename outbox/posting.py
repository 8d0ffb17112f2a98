"""Puts a message into the outbox, in the caller's transaction, once per reason."""

import logging
import queue
import threading
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from outbox.models import Message, State

logger = logging.getLogger(__name__)


class TooManyMessages(Exception):
    """Forms have caused so many messages to one mailbox that it gets no more for a while."""


class RefusedAddress(ValueError):
    """The address cannot be written to: it is not one address, or holds what could forge a header."""


def clean_address(address: str) -> str:
    """Return the address without blanks around it; raise RefusedAddress if it is not exactly one address."""
    address = address.strip()
    if any(character in address for character in ',;<>"\\') or not address.isprintable():
        raise RefusedAddress(address)
    try:
        validate_email(address)
    except ValidationError as error:
        raise RefusedAddress(address) from error
    return address


def post(
    template: str,
    context: dict[str, Any],
    *,
    key: str,
    to: str,
    to_name: str = "",
    topic: str = "",
    sender_name: str = "",
    reply_to: str = "",
    calendar: bytes = b"",
    calendar_method: str = "",
    headers: dict[str, str] | None = None,
    language: str = "en",
    send_after: datetime | None = None,
    is_requested: bool = False,
) -> Message | None:
    """Render a message and store it unless `key` was used before; ring the worker after commit.

    `template` is a file below `templates/email/` with the partials `subject`, `text` and `html`.
    `calendar` is an iCalendar file, sent inline with `calendar_method` and attached.
    `is_requested` says that a form caused it which anybody can send: such messages are limited to so many a mailbox.
    Returns the new message, or None where the key exists. Raises RefusedAddress, and TooManyMessages.
    """
    recipient = clean_address(to)
    if is_requested:
        check_limit(recipient)
    context = {**context, "site_name": settings.SITE_NAME, "site_url": settings.SITE_URL}
    with translation.override(language):
        subject, text, html = (
            render_to_string(f"email/{template}.html#{part}", context)
            for part in ("subject", "text", "html")
        )
    message = Message(
        key=key,
        topic=topic,
        recipient=recipient,
        mailbox=mailbox_of(recipient),
        is_requested=is_requested,
        recipient_name=_one_line(to_name)[:200],
        sender_name=_one_line(sender_name)[:200],
        reply_to=reply_to,
        subject=_one_line(subject)[:300],
        text=_tidy(text),
        html=html.strip(),
        calendar=calendar.decode(),
        calendar_method=calendar_method,
        headers=headers or {},
        language=language,
        send_after=send_after or timezone.now(),
    )
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:
        if Message.objects.filter(key=key).exists():
            return None
        raise
    if message.send_after <= timezone.now():
        transaction.on_commit(lambda: bell.ring(message.pk), robust=True)
    return message


def mailbox_of(address: str) -> str:
    """Return the mailbox behind an address: without a +tag, in lower case (RFC 5233: the part behind + is detail)."""
    local, _at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def check_limit(recipient: str) -> None:
    """Raise TooManyMessages if forms have written to this mailbox often enough. Counted here, so it needs no cache."""
    now = timezone.now()
    asked = Message.objects.filter(is_requested=True, mailbox=mailbox_of(recipient))
    times = asked.filter(created_at__gt=now - timedelta(days=1)).values_list(
        "created_at", flat=True
    )
    in_a_day = list(times)
    in_an_hour = [at for at in in_a_day if at > now - timedelta(hours=1)]
    most_an_hour, most_a_day = settings.MAILS_TO_A_MAILBOX
    if len(in_an_hour) >= most_an_hour or len(in_a_day) >= most_a_day:
        raise TooManyMessages(mailbox_of(recipient))


def withdraw(*, key_prefix: str, topic: str = "", but: str = "") -> int:
    """Stop the messages that still wait and whose key begins so, about one topic or any; return how many.

    Those whose key begins like `but` go on.
    """
    waiting = Message.objects.filter(key__startswith=key_prefix, state=State.WAITING)
    if topic:
        waiting = waiting.about(topic)
    if but:
        waiting = waiting.exclude(key__startswith=but)
    return waiting.update(state=State.STOPPED)


def readdress(*, key_prefix: str, to: str) -> int:
    """Send the messages that still wait and whose key begins so to another address; return how many."""
    waiting = Message.objects.filter(key__startswith=key_prefix, state=State.WAITING)
    return waiting.update(recipient=clean_address(to), mailbox=mailbox_of(to))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tidy(text: str) -> str:
    """Return text with at most one empty line in a row and none at the ends."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"


class Bell:
    """Tells the workers of new messages from a thread of its own, so that no request waits for the broker.

    A bell that is not heard costs nothing but time: the sweeper looks at the table each minute.
    """

    def __init__(self) -> None:
        self._rings: queue.Queue[int] = queue.Queue(maxsize=1000)
        self._lock = threading.Lock()
        self._ringer: threading.Thread | None = None

    def ring(self, message_id: int) -> None:
        """Ask for one message to be delivered now. Never blocks, never raises."""
        try:
            self._rings.put_nowait(message_id)
        except queue.Full:
            logger.warning("The broker is slow; message %s waits for the sweeper.", message_id)
            return
        with self._lock:
            if self._ringer is None or not self._ringer.is_alive():
                self._ringer = threading.Thread(target=self._work, name="outbox-bell", daemon=True)
                self._ringer.start()

    def _work(self) -> None:
        from outbox.tasks import deliver

        while True:
            message_id = self._rings.get()
            try:
                deliver.apply_async(args=(message_id,), retry=False)
            except Exception as error:
                logger.warning(
                    "The broker did not take message %s (%s); it waits for the sweeper.",
                    message_id,
                    error,
                )


bell = Bell()
