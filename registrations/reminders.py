"""Reminds people of what they registered for, and writes to them afterwards, by the rules of each event.

No flag is kept: the key of a message says which rule sent it to whom.
"""

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import batched

from django.db import transaction
from django.db.models import CharField, Exists, Max, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from events.models import Event, EventQuerySet
from outbox.control import quiet_before
from outbox.models import Message
from outbox.posting import RefusedAddress, post_all
from registrations import notices
from registrations.models import (
    Attendance,
    Audience,
    Registration,
    RegistrationQuerySet,
    ReminderRule,
)
from registrations.reminder_rules import (
    LATEST_AFTER,
    LONGEST_AFTER,
    is_afterwards,
    is_due,
    moment_of,
    name_of,
    network_rules,
    rules_of,
)
from registrations.wordings import Words

logger = logging.getLogger(__name__)

#: So many people are written to in one transaction. It holds the event's lock, for which whoever registers waits.
CHUNK = 50
#: So many ids are read at once.
PAGE = 2000
#: Whoever is not ticked was not there: taken for true once nobody has been ticked for so long.
SETTLES = timedelta(hours=1)


def post_due(now: datetime, *, seconds: float = 50) -> int:
    """Post all that is due at `now` and not yet posted, for at most so many seconds; return how many are new.

    What is left over goes out in the next run. Runs side by side are harmless: each chunk is written under the event's
    lock, and looks again who has the message by then. A rule that cannot be written is logged, tried again in the next
    run, and holds up no other.
    """
    begun = time.monotonic()
    posted = 0
    for event, rule in due_rules(now):
        for chunk in _chunks(waiting_for(event, rule, now)):
            passed = time.monotonic() - begun
            if passed >= seconds:
                return posted
            new = _try_chunk(event, rule, chunk, now + timedelta(seconds=passed))
            if new is None:
                break
            posted += new
    return posted


def due_rules(now: datetime) -> list[tuple[Event, ReminderRule]]:
    """Return the rules that are due at `now` with their events: soonest event first, those after an event last.

    Those of a moment whose mail was sent before a backup was restored are left out.
    """
    events = (
        within_reach(now)
        .only("starts_at", "ends_at", "timezone")
        .prefetch_related("reminder_rules")
    )
    network = network_rules()
    quiet = quiet_before()
    found = [
        (event, rule)
        for event in events
        for rule in rules_of(event, network)
        if is_due(rule, event, now) and (quiet is None or moment_of(rule, event) > quiet)
    ]
    return sorted(found, key=lambda one: (is_afterwards(one[1], one[0]), one[0].starts_at))


def within_reach(now: datetime) -> EventQuerySet:
    """Return the events of which a rule can be due at `now`."""
    ended = (now - LONGEST_AFTER - LATEST_AFTER, now)
    return Event.objects.taking_place().filter(Q(starts_at__gt=now) | Q(ends_at__range=ended))


def waiting_for(event: Event, rule: ReminderRule, now: datetime) -> RegistrationQuerySet:
    """Return the people whom a due rule speaks to and who have no message of it yet."""
    key = Concat(
        Value("registration/"),
        Cast(OuterRef("pk"), CharField()),
        Value("/" + notices.reminder_reason(event, name_of(rule), is_afterwards(rule, event))),
        output_field=CharField(),
    )
    return audience_of(event, rule, now).filter(~Exists(Message.objects.filter(key=key)))


def audience_of(event: Event, rule: ReminderRule, now: datetime) -> RegistrationQuerySet:
    """Return the people whom a rule speaks to, as far as it is known at `now`; each says whether it `was_present`."""
    people = event.registrations.confirmed().known()
    if rule.audience in {Audience.IN_PERSON, Audience.ONLINE}:
        people = people.filter(mode=rule.audience)
    was_present = Exists(Attendance.objects.filter(registration=OuterRef("pk")))
    people = people.annotate(was_present=was_present)
    if not is_afterwards(rule, event):
        return people.filter(confirmed_at__lte=moment_of(rule, event))
    missing = Q(
        was_present=False, mode__in=_settled_modes(event, now), confirmed_at__lte=event.ends_at
    )
    wanted = {Audience.PRESENT: Q(was_present=True), Audience.ABSENT: missing}
    return people.filter(wanted.get(Audience(rule.audience), Q(was_present=True) | missing))


def _settled_modes(event: Event, now: datetime) -> list[str]:
    """The ways of attending of which it is known who was there: somebody was ticked, and nobody just now."""
    ticked = Attendance.objects.filter(registration__event=event).order_by()
    latest = ticked.values_list("registration__mode").annotate(latest=Max("recorded_at"))
    return [mode for mode, at in latest if at <= now - SETTLES]


def _chunks(people: RegistrationQuerySet) -> Iterator[tuple[int, ...]]:
    """Yield the ids of people in order, a chunk at a time, as read now and then."""
    last = 0
    while True:
        ids = list(people.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:PAGE])
        yield from batched(ids, CHUNK)
        if len(ids) < PAGE:
            return
        last = ids[-1]


def _try_chunk(event: Event, rule: ReminderRule, ids: tuple[int, ...], now: datetime) -> int | None:
    try:
        return _post_chunk(event, rule, ids, now)
    except Exception:
        logger.exception("Reminder %s of event %s cannot be written.", name_of(rule), event.pk)
        return None


def _post_chunk(
    event: Event, rule: ReminderRule, ids: tuple[int, ...], now: datetime
) -> int | None:
    """Write to those of these people whom the rule still speaks to; return how many, None where it is due no more."""
    with transaction.atomic():
        current = _as_it_is_now(event, rule, now)
        if current is None:
            return None
        people = waiting_for(current, rule, now).filter(pk__in=ids).order_by("pk")
        words = Words(current)
        messages = []
        for registration in people.select_for_update():
            registration.event = current
            if message := _compose(registration, rule, words):
                messages.append(message)
        return post_all(messages)


def _as_it_is_now(event: Event, rule: ReminderRule, now: datetime) -> Event | None:
    """The event with all that messages say, locked; None where it was moved or called off, or the rule is not due."""
    rows = Event.objects.taking_place().filter(pk=event.pk).select_for_update(no_key=True)
    if not rows.exists():
        return None
    current = Event.objects.with_organisations().prefetch_related("reminder_rules").get(pk=event.pk)
    in_force = [name_of(one) for one in rules_of(current) if is_due(one, current, now)]
    if name_of(rule) not in in_force or moment_of(rule, current) != moment_of(rule, event):
        return None
    return current


def _compose(registration: Registration, rule: ReminderRule, words: Words) -> Message | None:
    """The message of a rule to one person; None, with a line in the log, where none can be written."""
    name = name_of(rule)
    try:
        if is_afterwards(rule, registration.event):
            was_present: bool = registration.was_present  # type: ignore[attr-defined]
            return notices.after_event(
                registration, rule=name, was_present=was_present, words=words
            )
        return notices.reminder(registration, rule=name, words=words)
    except RefusedAddress:
        logger.warning(
            "Reminder %s to registration %s: the address takes no mail.", name, registration.pk
        )
        return None
    except Exception:
        # One that cannot be written holds up no other.
        logger.exception("Reminder %s to registration %s cannot be written.", name, registration.pk)
        return None
