"""Copies, publishes, postpones, cancels and changes events: the only writer of `status` and `sequence`."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from events.models import (
    Entry,
    Event,
    EventOrganisation,
    Format,
    Session,
    Speaker,
    Status,
    Topic,
)
from events.shifts import Shift, shift_to
from events.signals import event_cancelled, event_changed, event_copied
from events.slugs import free_slug

#: Fields that a calendar entry shows: a change of one raises SEQUENCE (docs/decisions, RFC 5546 2.1.4).
SHOWN_IN_CALENDARS = (
    "title",
    "starts_at",
    "ends_at",
    "timezone",
    "is_whole_day",
    "venue_id",
    "format",
    "status",
)
#: What nobody types: the moves and the bookkeeping of an event.
STAMPS = {"id", "status", "sequence", "created_at", "changed_at", "cancelled_at", "offsets"}
#: What a copy does not take over: its own identity, its state, and the link that people joined the other by.
NOT_COPIED = {"uid", "slug", "join_url", *STAMPS}


class RefusedChange(Exception):
    """The event cannot be changed like this; the text says why and what to do."""


def apply_changes(
    event: Event,
    *,
    by: User | None,
    organisations: Iterable[tuple[Organisation, str]] | None = None,
    topics: Iterable[Topic] | None = None,
    is_told: bool = True,
) -> Event:
    """Store an event whose fields were assigned, new or existing, with its organisations and topics.

    `is_told` says whether people who registered hear of what is news to them.
    Raises RefusedChange, also from those who receive the news (a capacity below the seats taken).
    """
    with transaction.atomic():
        stored = Event.objects.select_for_update().filter(pk=event.pk).first() if event.pk else None
        if stored:
            event.status, event.sequence = stored.status, stored.sequence
            event.uid, event.created_at = stored.uid, stored.created_at
            event.cancelled_at = stored.cancelled_at
            if event.is_public:
                _check_complete(event)
        changes = _differences(stored, event) if stored else {}
        _save(event, stored, changes)
        if organisations is not None:
            _set_organisations(event, organisations)
        if topics is not None:
            event.topics.set(topics)
        if changes and event.is_public:
            event_changed.send(sender=Event, event=event, changes=changes, by=by, is_told=is_told)
    return event


def copy(event: Event, *, by: User | None, starts_at: datetime) -> Event:
    """Make a draft with the same facts, organisations, topics and programme that starts at another instant.

    All its times keep their distance by the clock of its zone. Nothing of people is copied; the floors above add what
    is theirs.
    """
    with transaction.atomic():
        shift = shift_to(event, starts_at)
        names = [field.attname for field in Event._meta.concrete_fields]
        draft = Event(
            slug=free_slug(event.title),
            **{name: getattr(event, name) for name in names if name not in NOT_COPIED},
        )
        draft.starts_at, draft.ends_at = shift.span(event.starts_at, event.ends_at)
        draft.opens_at, draft.closes_at = _window(event, shift)
        draft.save()
        _set_organisations(
            draft, [(link.organisation, link.role) for link in event.organisation_links.all()]
        )
        draft.topics.set(event.topics.all())
        _copy_programme(event, draft, shift)
        event_copied.send(sender=Event, event=draft, source=event, shift=shift, by=by)
    return draft


def publish(event: Event, *, by: User | None) -> Event:
    """Make a draft public, or set a postponed event going again. Raises RefusedChange if something is missing."""
    if event.status not in {Status.DRAFT, Status.POSTPONED}:
        raise RefusedChange(
            _("This event cannot be published: it is already public or was cancelled.")
        )
    _check_complete(event)
    return _move(event, Status.PUBLISHED, by=by)


def postpone(event: Event, *, by: User | None) -> Event:
    """Say that a published event does not take place on its date; a new one follows."""
    if event.status != Status.PUBLISHED:
        raise RefusedChange(_("Only a published event can be postponed."))
    return _move(event, Status.POSTPONED, by=by)


def cancel(event: Event, *, by: User | None) -> Event:
    """Call a public event off for good."""
    if event.status not in {Status.PUBLISHED, Status.POSTPONED}:
        raise RefusedChange(
            _("Only a public event can be cancelled. A draft can be deleted instead.")
        )
    return _move(event, Status.CANCELLED, by=by)


def touch(event: Event) -> None:
    """Note that something was changed that belongs to the event, such as its programme."""
    event.changed_at = _moment_of_change(event)
    event.save(update_fields=["changed_at"])


def _move(event: Event, status: Status, *, by: User | None) -> Event:
    with transaction.atomic():
        stored = Event.objects.select_for_update().get(pk=event.pk)
        if stored.status != event.status:
            raise RefusedChange(
                _("Someone else has just changed this event. Reload the page and look again.")
            )
        was_public = stored.is_public
        event.status = status
        changes = {"status": (stored.status, status.value)}
        event.sequence = stored.sequence + 1 if was_public else stored.sequence
        event.changed_at = _moment_of_change(stored)
        event.cancelled_at = event.changed_at if status == Status.CANCELLED else None
        event.save(update_fields=["status", "sequence", "changed_at", "cancelled_at"])
        if status == Status.CANCELLED:
            event_cancelled.send(sender=Event, event=event, by=by)
        elif was_public:
            event_changed.send(sender=Event, event=event, changes=changes, by=by, is_told=True)
    return event


def _save(event: Event, stored: Event | None, changes: dict[str, tuple[Any, Any]]) -> None:
    if stored:
        event.changed_at = _moment_of_change(stored)
        if event.is_public and changes.keys() & set(SHOWN_IN_CALENDARS):
            event.sequence = stored.sequence + 1
    event.save()


def _window(event: Event, shift: Shift) -> tuple[datetime | None, datetime | None]:
    """When registering opens and closes for a copy."""
    if event.opens_at and event.closes_at:
        return shift.span(event.opens_at, event.closes_at)
    return event.opens_at and shift(event.opens_at), event.closes_at and shift(event.closes_at)


def _copy_programme(event: Event, draft: Event, shift: Shift) -> None:
    for session in event.sessions.prefetch_related("speakers"):
        starts_at, ends_at = shift.span(session.starts_at, session.ends_at)
        made = Session.objects.create(
            event=draft,
            title=session.title,
            details=session.details,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        Speaker.objects.bulk_create(
            Speaker(session=made, name=one.name, affiliation=one.affiliation, position=one.position)
            for one in session.speakers.all()
        )


def _moment_of_change(stored: Event) -> datetime:
    """Now; for a public event at least a second after its last change: LAST-MODIFIED counts seconds and must grow."""
    if not stored.is_public:
        return timezone.now()
    return max(timezone.now(), stored.changed_at + timedelta(seconds=1))


def _differences(stored: Event, event: Event) -> dict[str, tuple[Any, Any]]:
    names = (field.attname for field in Event._meta.concrete_fields if field.attname not in STAMPS)
    pairs = ((name, getattr(stored, name), getattr(event, name)) for name in names)
    return {name: (old, new) for name, old, new in pairs if old != new}


def _check_complete(event: Event) -> None:
    if event.format != Format.ONLINE and event.venue_id is None:
        raise RefusedChange(_("Choose a venue first, or change the format to online."))
    if event.entry == Entry.ELSEWHERE and not event.entry_url:
        raise RefusedChange(_("Give the address where people register first."))


def _set_organisations(event: Event, organisations: Iterable[tuple[Organisation, str]]) -> None:
    event.organisation_links.all().delete()
    EventOrganisation.objects.bulk_create(
        EventOrganisation(event=event, organisation=organisation, role=role, position=position)
        for position, (organisation, role) in enumerate(organisations)
    )
    for name in ("organisers", "hosts", "partners"):
        event.__dict__.pop(name, None)
    event._prefetched_objects_cache = {}  # type: ignore[attr-defined]
