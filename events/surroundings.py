"""Sees to it that events are as new as what is shown with them: venue, topics, series and organisations.

A feed knows by the `changed_at` of its events whether it is as it was, and by `named_at` of what it is called after.
So whatever stands in an entry makes the events newer that it stands in, and a new name notes its moment, in the
transaction that saves it, wherever that happens.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.signals import post_save, pre_delete, pre_save
from django.utils import timezone

from accounts.models import Named, Organisation
from events import calendar, revisions
from events.models import Event, Format, Series, Topic, Venue
from events.signals import event_changed


def connect() -> None:
    """Listen; called once when the app is ready."""
    for model in SHOWN:
        pre_save.connect(_before_saving, sender=model, dispatch_uid=f"events.before.{model}")
        post_save.connect(_after_saving, sender=model, dispatch_uid=f"events.after.{model}")
    for model in (Topic, Series):
        pre_delete.connect(_before_deleting, sender=model, dispatch_uid=f"events.gone.{model}")


def _place(venue: Venue) -> tuple[Any, ...]:
    event = Event(venue=venue, format=Format.IN_PERSON)
    return calendar.location(event), venue.latitude, venue.longitude


def _found_by(venue: Venue) -> tuple[str, ...]:
    """What lists and feeds are narrowed by (see `filters`), also where no entry says it."""
    return venue.name, venue.city, venue.country


#: What events show of each, or are found by, as a value to compare.
SHOWN: dict[type[Model], Callable[[Any], Any]] = {
    Venue: lambda venue: (_place(venue), _found_by(venue)),
    Topic: lambda topic: topic.name,
    Series: lambda series: series.name,
    Organisation: lambda organisation: (organisation.name, organisation.short_name),
}


def _before_saving(sender: type[Model], instance: Any, raw: bool, **_more: Any) -> None:
    """Keep the row as it is stored, and lock it: no event may come to it until it is saved."""
    is_new = raw or instance._state.adding
    known = sender._base_manager.select_for_update()
    stored: Any = None if is_new else known.filter(pk=instance.pk).first()
    instance.as_stored = stored
    if isinstance(instance, Named):
        instance.named_at = stored.named_at if stored else timezone.now()


def _after_saving(sender: type[Model], instance: Any, **_more: Any) -> None:
    before, instance.as_stored = instance.as_stored, None
    if before is None:
        return
    after = sender._base_manager.get(pk=instance.pk)
    if SHOWN[sender](before) == SHOWN[sender](after):
        return
    if isinstance(after, Venue):
        _venue_changed(before, after)
    else:
        instance.named_at = timezone.now()
        sender._base_manager.filter(pk=instance.pk).update(named_at=instance.named_at)
        revisions.touch_all(after.events.all())  # type: ignore[attr-defined]


def _before_deleting(sender: type[Model], instance: Any, **_more: Any) -> None:
    revisions.touch_all(instance.events.all())


def _venue_changed(before: Venue, venue: Venue) -> None:
    """Make all events there newer; where entries show it, give them another revision and tell the floors above."""
    events: QuerySet[Event] = venue.events.all()
    if _place(before) == _place(venue):
        revisions.touch_all(events)
        return
    revisions.touch_all(events.filter(format=Format.ONLINE))
    there = venue.events.exclude(format=Format.ONLINE)
    revisions.touch_all(there, raises_sequence=True)
    for event in there.taking_place().upcoming().with_facts():
        changes = {"venue": (before, venue)}
        event_changed.send(sender=Event, event=event, changes=changes, by=None, is_told=True)
