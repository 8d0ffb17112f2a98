"""Hears the news of events and does what follows for the people who registered."""

from typing import Any

from django.db import connection

from accounts.models import User
from events.lifecycle import RefusedChange
from events.models import Event
from events.models import Status as EventStatus
from events.shifts import Shift
from events.signals import event_cancelled, event_changed, event_copied
from registrations import copying, line, notices
from registrations.models import Status
from registrations.seating import RefusedSeat

#: A change of one of these is news to the people who come.
NEWS = {"starts_at", "ends_at", "timezone", "is_whole_day", "venue_id", "format", "join_url"}
TOLD = (Status.APPLIED, Status.WAITING, Status.OFFERED, Status.CONFIRMED)


def connect() -> None:
    """Listen; called once when the app is ready."""
    event_changed.connect(on_event_changed, dispatch_uid="registrations.event_changed")
    event_cancelled.connect(on_event_cancelled, dispatch_uid="registrations.event_cancelled")
    event_copied.connect(on_event_copied, dispatch_uid="registrations.event_copied")


def on_event_changed(
    sender: type[Event],
    event: Event,
    changes: dict[str, tuple[Any, Any]],
    by: User | None,
    **_more: Any,
) -> None:
    """Refit the seats, then tell the people. Raises RefusedChange where the seats do not fit."""
    assert connection.in_atomic_block
    try:
        line.resize(event)
    except RefusedSeat as refusal:
        raise RefusedChange(str(refusal)) from refusal
    if event.is_over:
        return
    moved_status = changes.get("status")
    if moved_status and event.status == EventStatus.POSTPONED:
        notices.withdraw_invitations(event)
        for registration in event.registrations.filter(status__in=TOLD):
            registration.event = event
            notices.event_postponed(registration)
    elif moved_status or (changes.keys() & NEWS and event.status == EventStatus.PUBLISHED):
        for registration in event.registrations.filter(status__in=TOLD):
            registration.event = event
            notices.event_changed(registration, changes=changes)


def on_event_cancelled(sender: type[Event], event: Event, by: User | None, **_more: Any) -> None:
    """Tell everybody who has a registration, and stop what was still to be sent to them."""
    if event.is_over:
        return
    notices.withdraw_invitations(event)
    for registration in event.registrations.filter(status__in=(*TOLD, Status.UNVERIFIED)):
        registration.event = event
        if registration.status == Status.UNVERIFIED:
            notices.withdraw(key_prefix=f"registration/{registration.pk}/")
        else:
            notices.event_cancelled(registration)


def on_event_copied(
    sender: type[Event], event: Event, source: Event, shift: Shift, by: User | None, **_more: Any
) -> None:
    """Take over the terms, questions, rules for reminders and words of the other event."""
    copying.copy_terms(source, event, shift)
    copying.copy_questions(source, event)
    copying.copy_reminders(source, event, shift)
    copying.copy_wordings(source, event)
