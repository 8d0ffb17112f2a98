"""Sends one message now, as a worker would."""

import time

from django.utils import timezone

from outbox import returns
from outbox.delivery import SECONDS, Post
from outbox.models import Message


def deliver(message_id: int) -> bool:
    """Send one message if it is due and nobody else has it; return whether it was sent."""
    due = Message.objects.due(timezone.now()).filter(pk=message_id)
    with Post() as post:
        return bool(post.send(list(returns.with_hindrance(due)), until=time.monotonic() + SECONDS))
