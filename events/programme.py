"""Stores, moves and copies the programme of an event: the only writer of the `sequence` of its sessions."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from events import offsets, revisions
from events.models import Event, Session, Speaker
from events.shifts import Shift

#: What an entry of its own shows of a session: a change of one raises its SEQUENCE.
SHOWN_IN_CALENDARS = ("title", "starts_at", "ends_at")

#: Name and affiliation.
Voice = tuple[str, str]


def apply_programme(
    event: Event,
    *,
    items: Iterable[tuple[Session, Sequence[Voice]]],
    removed: Iterable[Session] = (),
) -> None:
    """Store items of the programme, new or existing, with who speaks in them in order; remove others.

    An item that somebody else has removed meanwhile is stored anew. Instants that were not assigned anew keep their
    wall time where the rules of the zone have changed. The event becomes newer if anything has changed.
    """
    with transaction.atomic():
        current = Event.objects.select_for_update().get(pk=event.pk)
        stored = {one.pk: one for one in current.sessions.prefetch_related("speakers")}
        gone, _by_model = current.sessions.filter(pk__in=[one.pk for one in removed]).delete()
        news = [_store(current, one, voices, stored.get(one.pk)) for one, voices in items]
        if gone or any(news):
            revisions.touch(current)
            event.changed_at = current.changed_at


def carry_along(stored: Event, event: Event) -> bool:
    """Let the programme of an event that is being stored go along with it; return whether it has moved.

    It moves as far as the whole event does by the clock, keeps its hours where only the days or the zone are others,
    and follows new rules of its zone. The caller holds the event's lock.
    """
    before, zone = offsets.zone_of(stored.timezone), event.zone
    distance = _distance(stored, event, before or zone)
    has_moved = False
    for session in event.sessions.all():
        starts_at, ends_at = (
            offsets.instant_at(
                offsets.wall_time(session, name, before or zone) + distance,
                zone,
                seconds=offsets.noted(session, name, before or zone),
            )
            for name in ("starts_at", "ends_at")
        )
        has_moved |= _move(session, event, starts_at, ends_at)
    return has_moved


def outside(event: Event) -> list[Session]:
    """Return the items that do not begin while the event lasts, as where it was moved and made longer at once."""
    return [
        session
        for session in event.sessions.all()
        if not event.starts_at <= session.starts_at < event.ends_at
    ]


def copy_programme(event: Event, draft: Event, shift: Shift) -> None:
    """Give a draft the programme of another event, so much later."""
    for session in event.sessions.prefetch_related("speakers"):
        starts_at, ends_at = shift.span(session.starts_at, session.ends_at)
        made = Session(
            event=draft,
            title=session.title,
            details=session.details,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        offsets.note(made, draft.zone)
        made.save()
        Speaker.objects.bulk_create(
            Speaker(session=made, name=one.name, affiliation=one.affiliation, position=one.position)
            for one in session.speakers.all()
        )


def _store(event: Event, session: Session, voices: Sequence[Voice], stored: Session | None) -> bool:
    """Store one item with its speakers, unless it is as it was; return whether it is not."""
    session.event = event
    if stored is None:
        session.pk, session.sequence = None, 0
        offsets.note(session, event.zone)
    else:
        session.sequence = stored.sequence
        offsets.follow(session, stored, event.zone)
        changed = {
            name for name in ("details", *SHOWN_IN_CALENDARS) if _differs(session, stored, name)
        }
        if not changed and _voices(stored) == list(voices):
            return False
        _count(session, event, changed)
    session.save()
    _set_speakers(session, voices)
    return True


def _move(session: Session, event: Event, starts_at: datetime, ends_at: datetime) -> bool:
    """Give a session these instants, and note their offsets; return whether they are others than before."""
    before = session.starts_at, session.ends_at
    if ends_at <= starts_at:
        ends_at = starts_at + (before[1] - before[0])
    session.starts_at, session.ends_at = starts_at, ends_at
    has_moved = before != (starts_at, ends_at)
    if has_moved:
        _count(session, event, SHOWN_IN_CALENDARS)
    if has_moved or not offsets.are_true(session, event.zone):
        offsets.note(session, event.zone)
        session.save(update_fields=["starts_at", "ends_at", "offsets", "zone_rules", "sequence"])
    return has_moved


def _count(session: Session, event: Event, changed: Iterable[str]) -> None:
    session.sequence += event.is_public and not set(SHOWN_IN_CALENDARS).isdisjoint(changed)


def _distance(stored: Event, event: Event, zone: ZoneInfo) -> timedelta:
    """How far the whole event has moved by the clock, or by days alone; nothing where it has more or fewer days."""

    def span(row: Event, zone: ZoneInfo) -> tuple[datetime, datetime]:
        first, last = (offsets.wall_time(row, name, zone) for name in ("starts_at", "ends_at"))
        return first, last - timedelta(microseconds=1)

    before, after = span(stored, zone), span(event, event.zone)
    start, end = (new - old for new, old in zip(after, before, strict=True))
    if start == end:
        return start
    start, end = (new.date() - old.date() for new, old in zip(after, before, strict=True))
    return start if start == end else timedelta()


def _differs(session: Session, stored: Session, name: str) -> bool:
    return bool(getattr(session, name) != getattr(stored, name))


def _voices(session: Session) -> list[Voice]:
    return [(one.name, one.affiliation) for one in session.speakers.all()]


def _set_speakers(session: Session, voices: Iterable[Voice]) -> None:
    session.speakers.all().delete()
    Speaker.objects.bulk_create(
        Speaker(session=session, name=name, affiliation=affiliation, position=position)
        for position, (name, affiliation) in enumerate(voices)
    )
