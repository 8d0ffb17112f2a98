"""Copies, publishes, postpones, cancels and changes events: the only writer of `status`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from events import offsets, programme, revisions, slugs
from events.models import (
    Entry,
    Event,
    EventOrganisation,
    Format,
    Status,
    Topic,
)
from events.shifts import Shift, shift_to
from events.signals import event_cancelled, event_changed, event_copied

#: What nobody types: the moves and the bookkeeping of an event.
STAMPS = {
    "id", "status", "sequence", "created_at", "changed_at", "cancelled_at", "offsets", "zone_rules",
}  # fmt: skip
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

    Instants that were not assigned anew keep their wall time where the rules of the zone have changed, and the
    programme goes along (see `programme.carry_along`). `is_told` says whether people who registered hear of what is
    news to them.
    An address that a public event had goes on leading to it, and is no other event's.
    Raises RefusedChange, also from those who receive the news (a capacity below the seats taken).
    """
    with transaction.atomic():
        stored = Event.objects.select_for_update().filter(pk=event.pk).first() if event.pk else None
        if stored is None or event.slug != stored.slug:
            _check_slug(event)
        if stored is None:
            _store_new(event, organisations, topics)
            return event
        _keep(event, stored)
        if event.is_public:
            _check_complete(event)
        has_other_clocks = _follow_clocks(event, stored)
        changes = _differences(stored, event)
        if has_other_clocks:
            changes["offsets"] = (stored.offsets, event.offsets)
        has_changed = [
            bool(changes),
            programme.carry_along(stored, event),
            organisations is not None and _set_organisations(event, organisations),
            topics is not None and _set_topics(event, topics),
        ]
        if any(has_changed):
            revisions.revise(event, stored=stored, changed=changes)
        event.save()
        if stored.is_public and event.slug != stored.slug:
            slugs.remember(event, before=stored.slug)
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
            slug=slugs.free_slug(event.title),
            **{name: getattr(event, name) for name in names if name not in NOT_COPIED},
        )
        draft.starts_at, draft.ends_at = shift.span(event.starts_at, event.ends_at)
        draft.opens_at, draft.closes_at = _window(event, shift)
        offsets.note(draft, draft.zone)
        draft.save()
        _set_organisations(
            draft, [(link.organisation, link.role) for link in event.organisation_links.all()]
        )
        draft.topics.set(event.topics.all())
        programme.copy_programme(event, draft, shift)
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
        revisions.revise(event, stored=stored, changed=changes)
        event.cancelled_at = event.changed_at if status == Status.CANCELLED else None
        event.save(update_fields=["status", "sequence", "changed_at", "cancelled_at"])
        if status == Status.CANCELLED:
            event_cancelled.send(sender=Event, event=event, by=by)
        elif was_public:
            event_changed.send(sender=Event, event=event, changes=changes, by=by, is_told=True)
    return event


def _store_new(
    event: Event,
    organisations: Iterable[tuple[Organisation, str]] | None,
    topics: Iterable[Topic] | None,
) -> None:
    offsets.note(event, event.zone)
    event.save()
    if organisations is not None:
        _set_organisations(event, organisations)
    if topics is not None:
        _set_topics(event, topics)


def _keep(event: Event, stored: Event) -> None:
    """Give back to an event what nobody but this module and `revisions` assigns."""
    event.status, event.sequence = stored.status, stored.sequence
    event.uid, event.created_at = stored.uid, stored.created_at
    event.changed_at, event.cancelled_at = stored.changed_at, stored.cancelled_at


def _follow_clocks(event: Event, stored: Event) -> bool:
    """Let instants that were not assigned anew follow their clocks; return whether start or end has other rules."""
    if event.timezone != stored.timezone:
        offsets.note(event, event.zone)
        return False
    return not offsets.follow(event, stored, event.zone).isdisjoint({"starts_at", "ends_at"})


def _window(event: Event, shift: Shift) -> tuple[datetime | None, datetime | None]:
    """When registering opens and closes for a copy."""
    if event.opens_at and event.closes_at:
        return shift.span(event.opens_at, event.closes_at)
    return event.opens_at and shift(event.opens_at), event.closes_at and shift(event.closes_at)


def _differences(stored: Event, event: Event) -> dict[str, tuple[Any, Any]]:
    names = (field.attname for field in Event._meta.concrete_fields if field.attname not in STAMPS)
    pairs = ((name, getattr(stored, name), getattr(event, name)) for name in names)
    return {name: (old, new) for name, old, new in pairs if old != new}


def _check_complete(event: Event) -> None:
    if event.format != Format.ONLINE and event.venue_id is None:
        raise RefusedChange(_("Choose a venue first, or change the format to online."))
    if event.entry == Entry.ELSEWHERE and not event.entry_url:
        raise RefusedChange(_("Give the address where people register first."))


def _check_slug(event: Event) -> None:
    if slugs.leads_elsewhere(event.slug, event):
        raise RefusedChange(
            _("Another event had this address before, and links lead to it. Choose another.")
        )


def _set_organisations(event: Event, organisations: Iterable[tuple[Organisation, str]]) -> bool:
    """Store who does what in this order; return whether it was otherwise.

    What stays is not written anew: a new link waits for an organisation that is being renamed, and that one waits for
    the events that it is linked to (see `surroundings`).
    """
    wanted = [(organisation.pk, str(role)) for organisation, role in organisations]
    before = event.organisation_links.order_by("position", "pk")
    stored = {link.organisation_id: link for link in before}
    if wanted == [(pk, link.role) for pk, link in stored.items()]:
        return False
    before.exclude(organisation__in=[pk for pk, _role in wanted]).delete()
    links = [
        EventOrganisation(
            pk=stored[pk].pk if pk in stored else None,
            event=event,
            organisation_id=pk,
            role=role,
            position=position,
        )
        for position, (pk, role) in enumerate(wanted)
    ]
    EventOrganisation.objects.bulk_update([link for link in links if link.pk], ["role", "position"])
    EventOrganisation.objects.bulk_create([link for link in links if not link.pk])
    for name in ("organisers", "hosts", "partners"):
        event.__dict__.pop(name, None)
    event._prefetched_objects_cache = {}  # type: ignore[attr-defined]
    return True


def _set_topics(event: Event, topics: Iterable[Topic]) -> bool:
    """Store what the event is about; return whether it was otherwise."""
    wanted = list(topics)
    if {topic.pk for topic in wanted} == set(event.topics.order_by().values_list("pk", flat=True)):
        return False
    event.topics.set(wanted)
    return True
