"""When a process last did its work: noted by whoever did it, read by whoever wonders."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from outbox.models import Heartbeat

logger = logging.getLogger(__name__)

WORKER = "worker"
BEAT = "beat"
#: That a worker was given work by somebody else than the beat, because the beat is silent.
BELL = "bell"
#: That somebody looked whether all is well.
WATCH = "watch"

#: A time so far ahead was written by a clock that is wrong, and is put right.
AHEAD = timedelta(seconds=30)


def every() -> timedelta:
    """How often work is noted: a dozen times before its doer counts as silent."""
    return timedelta(seconds=settings.SILENT_SECONDS / 12)


def note(name: str) -> bool:
    """Note that `name` has done its work now; return whether it was written. A database that is away is only logged."""
    try:
        return claim(name, every=every())
    except DatabaseError as error:
        logger.warning("The work of the %s could not be noted: %s", name, error)
        return False


def claim(name: str, *, every: timedelta) -> bool:
    """Write the time under `name` unless somebody did within `every`; return whether it was us, of all who try at once.

    Raises DatabaseError.
    """
    now = timezone.now()
    known = Heartbeat.objects.filter(name=name)
    old = Q(beaten_at__lte=now - every) | Q(beaten_at__gt=now + AHEAD)
    if known.filter(old).update(beaten_at=now):
        return True
    if known.exists():
        return False
    return Heartbeat.objects.get_or_create(name=name, defaults={"beaten_at": now})[1]


def all_noted() -> dict[str, datetime]:
    """Return the time of the last work of each name."""
    return dict(Heartbeat.objects.values_list("name", "beaten_at"))
