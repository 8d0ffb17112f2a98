"""Lets events that lie ahead follow the clocks of their zones when the rules of those are changed."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch

from events import lifecycle, offsets
from events.models import Event, Session

logger = logging.getLogger(__name__)


def keep_wall_times(now: datetime) -> int:
    """Give events that are not over at `now` the instants that their wall times have by the rules of today.

    Return how many have moved, or have a programme that has. They are stored as any change is, so that calendars see
    another revision and people hear of it. What has no offsets noted yet gets them. What was stored by newer rules
    stays. An event that cannot follow is logged and passed over.
    """
    moved = 0
    for pk in _out_of_step(now):
        try:
            moved += _follow(pk)
        except Exception:
            logger.exception("Event %s cannot follow the clocks of its zone.", pk)
    return moved


def _out_of_step(now: datetime) -> list[int]:
    """The events whose zone has, at an instant of theirs, another offset than is noted."""
    fields = ("starts_at", "ends_at", "offsets", "zone_rules")
    sessions = Session.objects.only("event_id", *fields).order_by("pk")
    ahead = (
        Event.objects.filter(ends_at__gt=now)
        .only("timezone", "opens_at", "closes_at", *fields)
        .prefetch_related(Prefetch("sessions", sessions))
        .order_by("pk")
    )
    found = []
    for event in ahead.iterator(chunk_size=500):
        zone = offsets.zone_of(event.timezone)
        if zone is None:
            logger.error("Event %s has an unknown time zone: %r.", event.pk, event.timezone)
            continue
        rows: list[Event | Session] = [event, *event.sessions.all()]
        if not all(offsets.are_true(row, zone) for row in rows):
            found.append(event.pk)
    return found


def _follow(pk: int) -> bool:
    """Store one event anew; return whether it, or its programme, has moved.

    Nobody hears of whole days: they are what they were.
    """
    with transaction.atomic():
        event = Event.objects.select_for_update().get(pk=pk)
        before = event.changed_at
        lifecycle.apply_changes(event, by=None, is_told=not event.is_whole_day)
    return event.changed_at != before
