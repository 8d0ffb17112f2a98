"""Hears the news of events and does what follows for the people who registered."""

from typing import Any

from django.db import connection

from accounts.models import User
from events.lifecycle import RefusedChange
from events.models import Event
from events.models import Status as EventStatus
from events.shifts import Shift
from events.signals import event_cancelled, event_changed, event_copied
from registrations import announcements, copying, line, news, notices
from registrations.seating import RefusedSeat


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
    is_told: bool = True,
    **_more: Any,
) -> None:
    """Refit the seats, then see to it that people are told. Raises RefusedChange where the seats do not fit."""
    assert connection.in_atomic_block
    try:
        line.resize(event)
    except RefusedSeat as refusal:
        raise RefusedChange(str(refusal)) from refusal
    if event.is_over:
        return
    has_moved = "status" in changes
    if has_moved and event.status == EventStatus.POSTPONED:
        notices.withdraw_invitations(event)
        announcements.tell_postponed(event, by=by)
    elif has_moved:
        announcements.tell_resumed(event, by=by)
    elif changes.keys() & news.NEWS and event.status == EventStatus.PUBLISHED:
        announcements.tell_changes(event, changes, by=by, is_told=is_told)


def on_event_cancelled(sender: type[Event], event: Event, by: User | None, **_more: Any) -> None:
    """Stop what was still to be sent to those who have a registration, and see to it that they are told."""
    if not event.is_over:
        announcements.tell_cancelled(event, by=by)


def on_event_copied(
    sender: type[Event], event: Event, source: Event, shift: Shift, by: User | None, **_more: Any
) -> None:
    """Take over the terms, questions, rules for reminders and words of the other event."""
    copying.copy_terms(source, event, shift)
    copying.copy_questions(source, event)
    copying.copy_reminders(source, event, shift)
    copying.copy_wordings(source, event)
