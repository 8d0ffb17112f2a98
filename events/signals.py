"""The news that travels upward. Sent inside the transaction: a receiver that raises undoes the change."""

from django.dispatch import Signal

#: After a change of a public event. `event`, `changes` (field name -> (old, new)), `by`, and `is_told`: whether the
#: people who registered are to hear of it.
event_changed = Signal()
#: After a cancellation. `event`, `by`.
event_cancelled = Signal()
#: After an event was copied into a draft. `event` (the draft), `source`, `shift` (see `events.shifts`), `by`.
event_copied = Signal()
