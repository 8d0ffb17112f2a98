"""The news that travels upward. Sent inside the transaction: a receiver that raises undoes the change."""

from django.dispatch import Signal

#: After a change of a published event. `event`, `changes` (field name -> (old, new)), `by`.
event_changed = Signal()
#: After a cancellation. `event`, `by`.
event_cancelled = Signal()
