"""Puts a message into the outbox, in the caller's transaction, once per reason."""

import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.module_loading import import_string

from outbox import lists
from outbox.addresses import RefusedAddress as RefusedAddress
from outbox.addresses import clean_address, mailbox_of
from outbox.models import Lane, Message, State

logger = logging.getLogger(__name__)


class TooManyMessages(Exception):
    """Forms have caused so many messages to one mailbox that it gets no more for a while."""


def compose(
    template: str,
    context: dict[str, Any],
    *,
    key: str,
    to: str,
    to_name: str = "",
    topic: str = "",
    batch: str = "",
    list_name: str = "",
    lane: str = Lane.FAST,
    sender_name: str = "",
    reply_to: str = "",
    calendar: bytes = b"",
    calendar_method: str = "",
    headers: dict[str, str] | None = None,
    language: str = "en",
    send_after: datetime | None = None,
    is_requested: bool = False,
) -> Message:
    """Return a message that is rendered, but not yet in the outbox.

    `template` is a file below `templates/email/` with the partials `subject`, `text` and `html`.
    `batch` names what many messages were written for at once; `list_name` the list that its reader may leave. With a
    list the context has `unsubscribe_url`: `parts/close.html` shows it in the HTML, a template without that must
    do so itself; to the text the line is added here unless the template has it.
    `calendar` is an iCalendar file, sent inline with `calendar_method` and attached.
    `is_requested` says that a form caused it which anybody can send: such messages are limited to so many a mailbox.
    Raises RefusedAddress, and ValueError where the HTML of a list shows no way to leave it.
    """
    recipient = clean_address(to)
    context = {**context, "site_name": settings.SITE_NAME, "site_url": settings.SITE_URL}
    if list_name:
        context["unsubscribe_url"] = lists.url_for(recipient, list_name)
    with translation.override(language):
        subject, text, html = (
            str(render_to_string(f"email/{template}.html#{part}", context))
            for part in ("subject", "text", "html")
        )
        if list_name:
            text = _with_way_out(text, html, context)
    return Message(
        key=key,
        topic=topic,
        batch=batch,
        list_name=list_name,
        lane=lane,
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


def _with_way_out(text: str, html: str, context: dict[str, Any]) -> str:
    """Return the text with the line that leaves the list; raise ValueError if the HTML has no such link."""
    if html.strip() and context["unsubscribe_url"] not in html:
        raise ValueError(
            "A message on a list must show in its HTML how to leave it: unsubscribe_url."
        )
    if context["unsubscribe_url"] in text:
        return text
    return f"{text}\n\n{render_to_string('email/parts/leave_text.html', context)}"


def post(template: str, context: dict[str, Any], *, to: str, **said: Any) -> Message | None:
    """Compose a message and store it unless its key was used before; ring the worker after commit.

    Takes what `compose` takes. Returns the new message, or None where the key exists. Raises RefusedAddress, and
    TooManyMessages where it is requested.
    """
    if said.get("is_requested"):
        check_limit(clean_address(to))
    message = compose(template, context, to=to, **said)
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:
        if Message.objects.filter(key=message.key).exists():
            return None
        raise
    _ring_for([message])
    return message


def post_all(messages: Sequence[Message]) -> int:
    """Store composed messages in one statement, but those whose keys were used before; return how many are new."""
    used = set(
        Message.objects.filter(key__in=[message.key for message in messages]).values_list(
            "key", flat=True
        )
    )
    new = [message for message in messages if message.key not in used]
    Message.objects.bulk_create(new, ignore_conflicts=True)
    _ring_for(new)
    return len(new)


def _ring_for(messages: Sequence[Message]) -> None:
    now = timezone.now()
    if any(message.send_after <= now for message in messages):
        bell.ring_on_commit()


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


def withdraw(
    *,
    key_prefix: str = "",
    key_part: str = "",
    topic: str = "",
    batch: str = "",
    but: str = "",
    but_parts: Iterable[str] = (),
) -> int:
    """Stop the messages that are not sent and that all of this is true of; return how many.

    Their key begins with `key_prefix` and holds `key_part`; they are about `topic`; they were written with `batch`.
    Those whose key begins like `but`, or holds one of `but_parts`, go on. One that a worker has in hand is stopped
    unless the mail server has it by then; what a dead worker had in hand is not sent again.
    """
    unsent = Message.objects.unsent()
    if key_prefix:
        unsent = unsent.filter(key__startswith=key_prefix)
    if key_part:
        unsent = unsent.filter(key__contains=key_part)
    if topic:
        unsent = unsent.about(topic)
    if batch:
        unsent = unsent.filter(batch=batch)
    if but:
        unsent = unsent.exclude(key__startswith=but)
    for part in but_parts:
        unsent = unsent.exclude(key__contains=part)
    return unsent.stop()


def readdress(*, key_prefix: str, to: str) -> int:
    """Send the messages that still wait and whose key begins so to another address; return how many."""
    recipient = clean_address(to)
    waiting = Message.objects.filter(key__startswith=key_prefix, state=State.WAITING)
    for message in waiting.exclude(list_name=""):
        _turn_way_out(message, recipient)
    return waiting.update(recipient=recipient, mailbox=mailbox_of(to))


def _turn_way_out(message: Message, recipient: str) -> None:
    """Make the link in the words take the new address off the list, not the old one."""
    old, new = lists.unsubscribe_url(message), lists.url_for(recipient, message.list_name)
    message.text, message.html = (part.replace(old, new) for part in (message.text, message.html))
    message.save(update_fields=["text", "html"])


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
    """Tells the workers that there is something to do, from a thread of its own: no request waits for the broker.

    `task` is the dotted name of the Celery task that it rings for. Rings that come while one is on its way are one
    ring: whoever hears it does all that is due. A bell that is not heard costs nothing but time: the beat looks at the
    table too.
    """

    def __init__(self, task: str) -> None:
        self._task = task
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._ringer: threading.Thread | None = None

    def ring(self) -> None:
        """Ask for all that is due to be done now. Never blocks, never raises."""
        self._rung.set()
        with self._lock:
            if self._ringer is None or not self._ringer.is_alive():
                name = f"bell of {self._task}"
                self._ringer = threading.Thread(target=self._work, name=name, daemon=True)
                self._ringer.start()

    def ring_on_commit(self) -> None:
        """Ring once the transaction is over, or now where there is none."""
        transaction.on_commit(self.ring, robust=True)

    def _work(self) -> None:
        while self._rung.wait():
            self._rung.clear()
            try:
                import_string(self._task).apply_async(retry=False)
            except Exception as error:
                logger.warning(
                    "The broker did not take the bell of %s (%s); it waits for the beat.",
                    self._task,
                    error,
                )


bell = Bell("outbox.tasks.deliver")
