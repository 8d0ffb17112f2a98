"""Counts the revisions of events as calendars see them: the only writer of `sequence` and `changed_at`.

SEQUENCE rises with what moves an entry or its state (RFC 5546 2.1.4), LAST-MODIFIED with whatever is shown of an event.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, F, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from events.models import Event

#: Fields of an event that a calendar entry shows, a change of which raises SEQUENCE.
SHOWN_IN_CALENDARS = frozenset(
    {
        "title",
        "starts_at",
        "ends_at",
        "timezone",
        "is_whole_day",
        "venue_id",
        "format",
        "status",
    }
)
#: LAST-MODIFIED counts seconds, and must grow.
STEP = timedelta(seconds=1)
#: More revisions than an event gets in the time that a restored backup lacks.
LOST = 1000


def revise(event: Event, *, stored: Event, changed: Iterable[str]) -> None:
    """Assign the revision that follows the stored one after these fields have changed; the caller saves it."""
    is_seen = stored.is_public and event.is_public
    event.changed_at = _moment_of_change(stored)
    event.sequence = stored.sequence + (is_seen and not SHOWN_IN_CALENDARS.isdisjoint(changed))


def touch(event: Event) -> None:
    """Note that something was changed that belongs to the event, such as its programme."""
    event.changed_at = _moment_of_change(event)
    event.save(update_fields=["changed_at"])


def touch_all(events: QuerySet[Event], *, raises_sequence: bool = False) -> None:
    """Note for all public ones of these events that something has changed which they show.

    Their rows are locked in the order of their ids. Drafts are in no calendar and stay as they are.
    """
    with transaction.atomic():
        seen = Event.objects.public().filter(pk__in=events.order_by().values("pk"))
        locked = seen.select_for_update(no_key=True).order_by("pk")
        found = Event.objects.filter(pk__in=list(locked.values_list("pk", flat=True)))
        found.update(changed_at=_next_moment(), sequence=F("sequence") + int(raises_sequence))


def outrun_lost() -> int:
    """Put all events ahead of the revisions that were lost with a restored backup, and that calendars may hold.

    Drafts too: one may have been published meanwhile, and will be again. Return how many there are.
    """
    return Event.objects.update(changed_at=_next_moment(), sequence=F("sequence") + LOST)


def _next_moment() -> Greatest:
    """The same as `_moment_of_change`, of a public event, for the database."""
    return Greatest(Value(timezone.now()), F("changed_at") + STEP, output_field=DateTimeField())


def _moment_of_change(stored: Event) -> datetime:
    """Now; for a public event at least a second after its last change."""
    if not stored.is_public:
        return timezone.now()
    return max(timezone.now(), stored.changed_at + STEP)
