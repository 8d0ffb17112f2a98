"""The tabs of an event's pages at the desk, to which each app adds its own.

In a module of its own because hooks are registered before forms can be built.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from accounts.models import User
from events.models import Event


@dataclass(frozen=True)
class EventLink:
    """A tab of an event's pages at the desk; apps above register theirs with the hook `plenary_event_links`.

    `shown_to` is asked with the user and the event, once for all links that name the same function.
    """

    label: str | Promise
    url_name: str
    shown_to: Callable[[User, Event], bool]
    order: int = 100
