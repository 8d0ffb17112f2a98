"""Writes mailings, person by person: a chunk of people in one transaction, with how far it has come.

What is stored with each chunk are its messages and the last person written to. So a worker that dies leaves whole
chunks behind, another goes on from there, and two at once take turns: nobody is written to twice or passed over.
"""

import logging
import time
from datetime import datetime

from django.db import transaction
from django.db.models import Case, QuerySet, Value, When

from events.models import Event
from outbox.models import Message
from outbox.posting import RefusedAddress, post_all
from registrations import audiences, news, seating
from registrations.batches import Batch
from registrations.models import (
    Mailing,
    MailingKind,
    MailingState,
    Registration,
    RegistrationQuerySet,
)

logger = logging.getLogger(__name__)

#: So many people are written to in one transaction: whoever registers meanwhile waits for its end, some 0.2 seconds.
CHUNK = 50
UNDER_WAY = (MailingState.WAITING, MailingState.WRITING)


def write_due(now: datetime, *, seconds: float = 20) -> bool:
    """Write the mailings that are due at `now`, for at most so many seconds; return whether some is left.

    News goes before letters. A mailing that cannot be written is logged, tried again the next time, and holds up no
    other.
    """
    ends_at = time.monotonic() + seconds
    done_with: set[int] = set()
    while mailing := _next(now, done_with):
        if time.monotonic() >= ends_at:
            return True
        try:
            goes_on = _write_chunk(mailing, now)
        except Exception:
            logger.exception("Mailing %s cannot be written.", mailing.pk)
            goes_on = False
        if not goes_on:
            done_with.add(mailing.pk)
    return False


def number_of_people(mailing: Mailing) -> int:
    """How many people a mailing goes to: those written to, and those ahead as things stand."""
    if mailing.kind == MailingKind.LETTER:
        return len(mailing.people or [])
    ahead = _audience(mailing, mailing.event).filter(pk__gt=mailing.cursor)
    return mailing.written + mailing.left_out + ahead.count()


def _next(now: datetime, done_with: set[int]) -> Mailing | None:
    letters_last = Case(When(kind=MailingKind.LETTER, then=Value(1)), default=Value(0))
    due = _due(now).exclude(pk__in=done_with).order_by(letters_last, "due_at", "pk")
    return due.only("pk", "event_id").first()


def _due(now: datetime) -> QuerySet[Mailing]:
    return Mailing.objects.filter(state__in=UNDER_WAY, due_at__lte=now)


def _write_chunk(found: Mailing, now: datetime) -> bool:
    """Write to the next people, under the lock of the event; return whether there may be more to do."""
    with transaction.atomic():
        event = seating.lock_event(Event.objects.with_facts().get(pk=found.event_id))
        mailing = _due(now).select_for_update().filter(pk=found.pk).first()
        if mailing is None:
            return False
        if not _is_to_be_told(mailing, event):
            _note(mailing, MailingState.STOPPED)
            return False
        ids = _next_ids(mailing, event)
        messages = _compose(mailing, event, ids)
        mailing.written += post_all(messages)
        mailing.left_out += len(ids) - len(messages)
        mailing.cursor = max(ids, default=mailing.cursor)
        is_whole = len(ids) == CHUNK
        _note(mailing, MailingState.WRITING if is_whole else MailingState.DONE)
        return is_whole


def _note(mailing: Mailing, state: MailingState) -> None:
    mailing.state = state
    mailing.save(update_fields=["state", "written", "left_out", "cursor"])


def _is_to_be_told(mailing: Mailing, event: Event) -> bool:
    """Whether it is still worth telling: the event is ahead, and is not as people know it."""
    if mailing.kind == MailingKind.LETTER:
        return True
    if event.is_over:
        return False
    return mailing.kind != MailingKind.CHANGED or any(
        news.is_news(event, record) for record in mailing.records
    )


def _next_ids(mailing: Mailing, event: Event) -> list[int]:
    if mailing.kind == MailingKind.LETTER:
        return sorted(one for one in mailing.people or [] if one > mailing.cursor)[:CHUNK]
    ahead = _audience(mailing, event).filter(pk__gt=mailing.cursor)
    return list(ahead.order_by("pk").values_list("pk", flat=True)[:CHUNK])


def _people(mailing: Mailing, event: Event, ids: list[int]) -> RegistrationQuerySet:
    if mailing.kind == MailingKind.LETTER:
        is_bulk = not audiences.is_personal(mailing.people or [])
        return audiences.of_letter(event, ids, is_bulk=is_bulk)
    return _audience(mailing, event).filter(pk__in=ids)


def _audience(mailing: Mailing, event: Event) -> RegistrationQuerySet:
    """Those who hear the news; of a change that was taken back those alone who were told of it in between."""
    everybody = audiences.of_news(event, made_at=mailing.created_at)
    if mailing.kind != MailingKind.CHANGED or news.is_news(event, mailing.changes):
        return everybody
    return everybody.filter(pk__in=mailing.changes_for)


def _compose(mailing: Mailing, event: Event, ids: list[int]) -> list[Message]:
    """Return the messages to those of these people who are written to; their rows are locked.

    Whoever knows it all or has an address that takes no mail is passed over, and so is whoever breaks the message.
    """
    locked = _people(mailing, event, ids).select_for_update(of=("self",))
    people = list(locked.order_by("pk"))
    batch = Batch(mailing, event, people)
    return [message for person in people if (message := _message_to(batch, person))]


def _message_to(batch: Batch, person: Registration) -> Message | None:
    try:
        return batch.message_to(person) if batch.is_news_to(person) else None
    except RefusedAddress:
        return None
    except Exception:
        logger.exception("Registration %s is passed over by %s.", person.pk, batch.mailing.batch)
        return None
