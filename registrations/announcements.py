"""Decides what is told to many people of an event at once: makes mailings, merges, holds, lets go and stops them.

Whoever moves a mailing holds the lock of its event, as those who write it do (see `mailings`): it has one mover at a
time. What must not go out any more is stopped here, in the transaction of the change.
"""

import hashlib
import json
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from events.models import Event
from outbox.models import Message, State
from outbox.posting import Bell, withdraw
from registrations import news, notices, seating
from registrations.models import Mailing, MailingKind, MailingState
from registrations.news import Record

#: Mailings of which something is still to be written.
OPEN = (MailingState.WAITING, MailingState.HELD, MailingState.WRITING)
#: What somebody is told at the end goes out although the event is cancelled: it may take an entry out of a calendar.
PARTING = ("/cancelled", "/declined", "/lapsed", "/replaced", "/address-left/")

ABOUT_A_REGISTRATION = re.compile(r"registration/(\d+)/")

bell = Bell("registrations.tasks.write_mailings")


def tell_changes(
    event: Event, changes: dict[str, tuple[Any, Any]], *, by: User | None, is_told: bool
) -> None:
    """Let people know of a change once it has settled: edits that follow each other soon are told as one.

    Where `is_told` is false, nobody hears of this change, but all of what was to be told before it.
    """
    record = _take_back(event)
    if is_told:
        record = news.merge(record, news.record_of(changes), was_told=True)
    if not record:
        return
    unwritten = [MailingState.WAITING, MailingState.HELD]
    mailing = event.mailings.filter(kind=MailingKind.CHANGED, state__in=unwritten).first()
    mailing = mailing or Mailing(event=event, kind=MailingKind.CHANGED, key=_new_key())
    if mailing.pk:
        mailing.changes_for = _known_between(mailing, record)
    mailing.changes = news.merge(mailing.changes, record)
    mailing.by, mailing.created_at = by, timezone.now()
    if is_told:
        mailing.state = MailingState.WAITING
    if any(news.is_news(event, known) for known in mailing.records):
        at_once = news.is_resumption(mailing.changes)
        pause = timedelta(seconds=0 if at_once else settings.CHANGES_SETTLE_SECONDS)
        _let_go(mailing, at=timezone.now() + pause)
    elif mailing.pk:
        mailing.state = MailingState.STOPPED
        mailing.save()


def tell_postponed(event: Event, *, by: User | None) -> None:
    """Let people know at once that the event is postponed, and keep what they know of it for when it takes place."""
    known = news.merge(_take_up(event), news.snapshot(event), was_told=True)
    _tell_at_once(event, MailingKind.POSTPONED, key=_new_key(), by=by, changes=known)


def tell_resumed(event: Event, *, by: User | None) -> None:
    """Let people know at once that a postponed event takes place, and what has changed since it was postponed."""
    postponed = event.mailings.filter(kind=MailingKind.POSTPONED).first()
    known = postponed.changes if postponed else {}
    record = {**news.merge(known, _take_up(event)), **news.RESUMED}
    _tell_at_once(event, MailingKind.CHANGED, key=_new_key(), by=by, changes=record)


def tell_cancelled(event: Event, *, by: User | None) -> None:
    """Let people know at once that the event is called off, and stop all else that was still to be sent to them."""
    event.mailings.filter(state__in=OPEN).update(state=MailingState.STOPPED)
    withdraw(topic=_topic(event), but_parts=PARTING)
    _tell_at_once(event, MailingKind.CANCELLED, key=f"cancelled/{event.pk}", by=by)


def write_to(
    event: Event, people: list[int], *, subject: str, text: str, key: str, by: User | None
) -> Mailing:
    """Write one text to these people of the event; nobody gets it twice of one form, which is known by its `key`.

    A form that was sent and comes back with other words or for other people is another letter.
    """
    told = sorted(set(people))
    letter = hashlib.sha256(json.dumps([key, subject, text, told]).encode()).hexdigest()[:24]
    with transaction.atomic():
        mailing, _is_new = Mailing.objects.get_or_create(
            key=f"{event.pk}/{letter}",
            defaults={
                "event": event,
                "kind": MailingKind.LETTER,
                "subject": subject,
                "text": text,
                "people": told,
                "by": by,
            },
        )
        bell.ring_on_commit()
    return mailing


def hold(mailing: Mailing) -> bool:
    """Hold back news that waits for its time; return whether it was in time."""
    return _move(mailing, MailingState.HELD, out_of=[MailingState.WAITING])


def tell_now(mailing: Mailing) -> bool:
    """Let news go at once that waits or is held; return whether it did either."""
    return _move(mailing, MailingState.WAITING, out_of=[MailingState.WAITING, MailingState.HELD])


def stop(mailing: Mailing) -> tuple[bool, int]:
    """Write to nobody more, and stop what was written and is not sent.

    Return whether there was anything to stop, and how many messages had gone out by then.
    """
    with transaction.atomic():
        is_stopped = _move(mailing, MailingState.STOPPED, out_of=OPEN)
        is_stopped = bool(withdraw(batch=mailing.batch)) or is_stopped
        if is_stopped:
            Mailing.objects.filter(pk=mailing.pk).update(state=MailingState.STOPPED)
    sent = Message.objects.filter(batch=mailing.batch, state=State.SENT)
    return is_stopped, sent.count()


def _move(mailing: Mailing, to: MailingState, *, out_of: Any) -> bool:
    with transaction.atomic():
        seating.lock_event(Event(pk=mailing.event_id))
        current = Mailing.objects.filter(pk=mailing.pk, state__in=out_of).first()
        if current is None:
            return False
        current.state = to
        if to == MailingState.WAITING:
            _let_go(current, at=timezone.now())
        else:
            current.save(update_fields=["state"])
    return True


def _let_go(mailing: Mailing, *, at: datetime) -> None:
    mailing.due_at = at
    mailing.save()
    if at <= timezone.now():
        bell.ring_on_commit()


def _tell_at_once(event: Event, kind: MailingKind, **said: Any) -> None:
    _let_go(Mailing(event=event, kind=kind, **said), at=timezone.now())


def _take_up(event: Event) -> Record:
    """Stop all news that has not gone out, and return what readers may know who were not told of it."""
    waiting = event.mailings.filter(
        kind__in=[MailingKind.CHANGED, MailingKind.POSTPONED], state__in=OPEN
    )
    known: Record = {}
    for mailing in waiting.exclude(state=MailingState.WRITING).order_by("pk"):
        known = news.merge(known, mailing.changes)
    known = news.merge(_take_back(event), known, was_told=True)
    waiting.update(state=MailingState.STOPPED)
    known.pop(news.STATUS, None)
    return known


def _take_back(event: Event) -> Record:
    """Take back reminders and news that wait to be sent; return what readers may know who were not told of it."""
    notices.forget_reminders(Message.objects.about(_topic(event)))
    batches = set()
    for part in ("/changed/", "/postponed/"):
        unsent = Message.objects.unsent().about(_topic(event)).filter(key__contains=part)
        batches |= set(unsent.order_by().values_list("batch", flat=True).distinct())
        withdraw(topic=_topic(event), key_prefix="registration/", key_part=part)
    known: Record = {}
    told = event.mailings.filter(
        kind=MailingKind.CHANGED, state__in=[MailingState.WRITING, MailingState.DONE]
    )
    for mailing in told.order_by("pk"):
        if mailing.state == MailingState.WRITING or mailing.batch in batches:
            known = news.merge(known, mailing.changes, was_told=True)
            mailing.state = MailingState.STOPPED
            mailing.save(update_fields=["state"])
    return known


def _known_between(mailing: Mailing, record: Record) -> dict[str, Record]:
    """Return what those know who were written to since the last of the changes that wait, and before the next.

    Every mail says time and place as they are, and a REQUEST puts them into a calendar: so they know what was between
    the two. Who registered in between knows nothing else; all others may know what was before it as well.
    """
    known = {pk: news.merge(one, record) for pk, one in mailing.changes_for.items()}
    since = mailing.created_at
    written = Message.objects.about(_topic(mailing.event)).filter(created_at__gt=since)
    keys = written.exclude(state=State.STOPPED).values_list("key", flat=True)
    ids = {int(match[1]) for key in keys if (match := ABOUT_A_REGISTRATION.match(key))}
    for one in mailing.event.registrations.filter(pk__in=ids).only("pk", "created_at"):
        others = {} if one.created_at > since else mailing.changes
        earlier = mailing.changes_for.get(str(one.pk), others)
        known[str(one.pk)] = news.merge(earlier, record, was_told=True)
    return known


def _topic(event: Event) -> str:
    return f"event/{event.pk}"


def _new_key() -> str:
    return f"news/{secrets.token_hex(8)}"
