"""Moves moments along with an event by the clock on its wall: what was at nine stays at nine, whatever clocks do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.models import Event
from events.offsets import instant_at


@dataclass(frozen=True)
class Shift:
    """The way from an event to another start, as a distance on the clock and calendar of the event's zone."""

    event: Event
    distance: timedelta
    #: The offset from UTC of the other start, where that is in the second of two hours that look the same.
    seconds: int | None = None

    def __call__(self, moment: datetime) -> datetime:
        """Return the instant, in UTC, that is so far away by the clock (see `offsets.instant_at`)."""
        wall = moment.astimezone(self.event.zone).replace(tzinfo=None)
        return instant_at(wall + self.distance, self.event.zone, seconds=self.seconds)

    def span(self, starts_at: datetime, ends_at: datetime) -> tuple[datetime, datetime]:
        """Return both ends of a span; it lasts as long as before where a change of clocks would turn it around."""
        start, end = self(starts_at), self(ends_at)
        return start, end if end > start else start + (ends_at - starts_at)


def shift_to(event: Event, starts_at: datetime) -> Shift:
    """Return the way of an event to another start. Whole days move by days, whatever the hour of that start."""
    there = starts_at.astimezone(event.zone)
    if event.is_whole_day:
        return Shift(event, timedelta(days=(there.date() - event.first_day).days))
    distance = there.replace(tzinfo=None) - event.local_start.replace(tzinfo=None)
    offset = there.utcoffset() if there.fold else None
    return Shift(event, distance, None if offset is None else int(offset.total_seconds()))
