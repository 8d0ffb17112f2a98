"""What a mail provider reports of our messages, as anymail hands it over: what came back, who complained or left."""

import logging
import re
from datetime import timedelta
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.utils import timezone

from outbox import lists, refusals, returns
from outbox.models import Message, State
from outbox.return_addresses import message_by

logger = logging.getLogger(__name__)

#: A provider that does not hand back what names the message reports within this time.
RECENT = timedelta(days=14)
#: The providers' own words for what may pass tomorrow; anymail calls hard and soft ones by one name.
SOFT = re.compile(r"soft|transient|temporary", re.IGNORECASE)
#: Where providers say of which sort a bounce is.
SORTS = ("Type", "event", "bounceType", "type", "severity")


def connect() -> None:
    """Hear what anymail's views read."""
    tracking.connect(receive, dispatch_uid="outbox.provider_reports")


def receive(sender: Any, event: AnymailTrackingEvent, **_more: Any) -> None:
    """Note a report if it is about a message of ours; say nothing of others, and of what went well."""
    message = _message(event)
    if message is None or not message.recipient:
        logger.info("A report (%s) is about no message of ours.", event.event_type)
        return
    said = _said(event)
    if event.event_type == EventType.COMPLAINED or event.reject_reason == RejectReason.SPAM:
        returns.note_complaint(message.recipient, reason=said, message=message)
    elif event.event_type in {EventType.BOUNCED, EventType.REJECTED}:
        is_hard = _is_hard(event, said)
        returns.note_bounce(message.recipient, is_hard=is_hard, reason=said, message=message)
    elif event.event_type == EventType.UNSUBSCRIBED and message.list_name:
        lists.leave(message.recipient, message.list_name)


def _message(event: AnymailTrackingEvent) -> Message | None:
    """The message that the report names, else the newest one that went to its recipient of late."""
    named = (event.metadata or {}).get("message")
    if named:
        return message_by(str(named))
    sent = Message.objects.filter(
        recipient__iexact=event.recipient or "",
        state=State.SENT,
        returned_at=None,
        created_at__gt=timezone.now() - RECENT,
    )
    return sent.exclude(recipient="").first()


def _said(event: AnymailTrackingEvent) -> str:
    words = (event.mta_response, event.description, event.reject_reason, event.event_type)
    return " ".join(str(next(filter(None, words), "")).split())[:500]


def _is_hard(event: AnymailTrackingEvent, said: str) -> bool:
    """Whether the address is dead: by the other server's numbers where they are told, else by the provider's word."""
    if event.reject_reason == RejectReason.INVALID:
        return True
    if refusals.ENHANCED.search(said) or refusals.REPLY.search(said):
        return refusals.is_hard(said)
    return event.reject_reason == RejectReason.BOUNCED and not SOFT.search(_sort(event))


def _sort(event: AnymailTrackingEvent) -> str:
    details: Any = event.esp_event
    if not hasattr(details, "get"):
        return ""
    inner = details.get("bounce")
    places = [details, inner] if hasattr(inner, "get") else [details]
    return " ".join(str(place.get(name, "")) for place in places for name in SORTS)
