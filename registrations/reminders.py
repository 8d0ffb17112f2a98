"""Reminds people of what they registered for. No flag is kept: the key of the message says what was sent."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from events.models import Event
from outbox.models import Message
from registrations import notices
from registrations.models import Registration

#: So long before the start, counted in hours that pass (not in days of the calendar).
RULES = {"7d": timedelta(days=7), "1d": timedelta(days=1)}


def post_due(now: datetime) -> int:
    """Post every reminder that is due at `now` and not yet posted; return how many.

    A reminder is due from its moment until the event begins, for people who were confirmed before that moment.
    """
    return sum(
        _post_for(event, rule, now)
        for rule, before in RULES.items()
        for event in Event.objects.taking_place()
        .filter(starts_at__gt=now, starts_at__lte=now + before)
        .with_facts()
    )


def _post_for(event: Event, rule: str, now: datetime) -> int:
    posted = 0
    for registration in _without_reminder(event, rule).iterator(chunk_size=200):
        with transaction.atomic():
            # The world may have moved on while we were writing to the others.
            still = Event.objects.taking_place().filter(pk=event.pk, starts_at=event.starts_at)
            if not still.select_for_update(no_key=True).exists():
                return posted
            current = (
                Registration.objects.confirmed()
                .select_for_update()
                .filter(pk=registration.pk)
                .first()
            )
            if current:
                current.event = event
                notices.reminder(current, rule=rule)
                posted += 1
    return posted


def _without_reminder(event: Event, rule: str) -> QuerySet[Registration]:
    key = Concat(
        Value("registration/"),
        Cast(OuterRef("pk"), CharField()),
        Value("/" + notices.reminder_reason(event, rule)),
        output_field=CharField(),
    )
    return event.registrations.confirmed().filter(
        ~Exists(Message.objects.filter(key=key)), confirmed_at__lte=event.starts_at - RULES[rule]
    )
