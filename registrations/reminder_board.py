"""What the desk shows of the rules for reminders: each in words, its moment, how many people, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.dates import offset_in_words
from events.models import Event, Mode
from events.models import Status as EventStatus
from outbox.models import Message, State
from registrations.models import Attendance, Audience, ReminderRule
from registrations.reminder_rules import (
    is_afterwards,
    is_due,
    moment_of,
    name_of,
    network_rules,
    when_in_words,
)
from registrations.reminders import waiting_for, within_reach


@dataclass(frozen=True)
class Row:
    """One rule as the desk shows it: `moment` and `state` are empty for a rule of the network.

    `is_urgent` says that its messages go out within minutes once it is in use.
    """

    name: str
    when: str
    to: str
    moment: str
    state: str
    is_on: bool
    is_urgent: bool = False


def rows_of_event(event: Event, rules: list[ReminderRule]) -> list[Row]:
    """Return the rules of an event in the order of their moments, in three queries."""
    now = timezone.now()
    people, written = _people(event), _written(event, rules)
    placed = sorted(rules, key=lambda rule: moment_of(rule, event))
    return [
        Row(
            name=name_of(rule),
            when=when_in_words(rule),
            to=str(rule.get_audience_display()),
            moment=in_full(moment_of(rule, event), event),
            state=_state(rule, event, now, people, written[name_of(rule)]),
            is_on=rule.is_on,
            is_urgent=_would_be_due(rule, event, now),
        )
        for rule in placed
    ]


def rows_of_network(rules: list[ReminderRule]) -> list[Row]:
    """Return the network's rules, which have a moment only with an event."""
    now = timezone.now()
    events = [] if all(rule.is_on for rule in rules) else _without_own_rules(now)
    return [
        Row(
            name=name_of(rule),
            when=when_in_words(rule),
            to=str(rule.get_audience_display()),
            moment="",
            state="" if rule.is_on else _("Not in use."),
            is_on=rule.is_on,
            is_urgent=any(_would_be_due(rule, event, now) for event in events),
        )
        for rule in rules
    ]


def in_full(moment: datetime, event: Event) -> str:
    """Return "Tue 4 May 2027, 09:00 (UTC+2)" for an instant, by the event's clock."""
    local = moment.astimezone(event.zone)
    offset = offset_in_words(event.timezone, moment)
    return f"{date_format(local, 'D j F Y, H:i')} ({offset})"


def in_words(rule: ReminderRule) -> str:
    """Return "24 hours before the start, to everybody with a place"."""
    said = {"when": when_in_words(rule), "people": rule.get_audience_display()}
    return _("%(when)s, to %(people)s") % said


def at_once(rule: ReminderRule, event: Event, now: datetime) -> list[str]:
    """Return in a sentence how many get a mail within minutes once this rule is in use; nothing where nobody does."""
    if not _would_be_due(rule, event, now):
        return []
    number = waiting_for(event, rule, now).count()
    if not number:
        return []
    said = ngettext(
        "Its moment has passed (%(moment)s), so %(number)s person gets the mail within minutes.",
        "Its moment has passed (%(moment)s), so %(number)s people get the mail within minutes.",
        number,
    )
    return [said % {"moment": in_full(moment_of(rule, event), event), "number": number}]


def at_once_in_network(rules: list[ReminderRule], now: datetime) -> list[str]:
    """Return in sentences how many get a mail within minutes once these are rules in use of the network."""
    events = _without_own_rules(now)
    return [
        f"{in_words(rule)}: {sentence}"
        for rule in rules
        for sentence in _at_once_of(events, rule, now)
    ]


def _at_once_of(events: list[Event], rule: ReminderRule, now: datetime) -> list[str]:
    due = [event for event in events if _would_be_due(rule, event, now)]
    numbers = [waiting_for(event, rule, now).count() for event in due]
    if not any(numbers):
        return []
    said = ngettext(
        "Its moment has passed for some events, so %(number)s person gets a mail within minutes.",
        "Its moment has passed for some events, so %(number)s people get a mail within minutes.",
        sum(numbers),
    )
    return [said % {"number": sum(numbers)}]


def _without_own_rules(now: datetime) -> list[Event]:
    return list(within_reach(now).filter(reminder_rules=None))


def all_at_once(event: Event, now: datetime) -> list[str]:
    """Return what going back to the network's rules sends within minutes."""
    return [
        f"{in_words(rule)}: {sentence}"
        for rule in network_rules()
        if rule.is_on
        for sentence in at_once(rule, event, now)
    ]


def _would_be_due(rule: ReminderRule, event: Event, now: datetime) -> bool:
    in_use = ReminderRule(
        when=rule.when, minutes=rule.minutes, days=rule.days, clock=rule.clock, at=rule.at,
        audience=rule.audience, is_on=True,
    )  # fmt: skip
    return event.status == EventStatus.PUBLISHED and is_due(in_use, event, now)


def _people(event: Event) -> dict[str, int]:
    """How many people each audience has now."""
    was_present = Exists(Attendance.objects.filter(registration=OuterRef("pk")))
    return (
        event.registrations.confirmed()
        .known()
        .annotate(was_present=was_present)
        .order_by()
        .aggregate(
            **{
                Audience.CONFIRMED.value: Count("pk"),
                Audience.IN_PERSON.value: Count("pk", filter=Q(mode=Mode.IN_PERSON)),
                Audience.ONLINE.value: Count("pk", filter=Q(mode=Mode.ONLINE)),
                Audience.PRESENT.value: Count("pk", filter=Q(was_present=True)),
                Audience.ABSENT.value: Count("pk", filter=Q(was_present=False)),
            }
        )
    )


def _written(event: Event, rules: list[ReminderRule]) -> dict[str, int]:
    """How many messages of each rule went out or wait."""
    names = [name_of(rule) for rule in rules]
    counts = {
        f"rule_{place}": Count("pk", filter=Q(key__contains=f"/reminder/{name}/"))
        for place, name in enumerate(names)
    }
    mails = Message.objects.about(f"event/{event.pk}").exclude(state=State.STOPPED)
    found = mails.order_by().aggregate(**counts)
    return {name: found[f"rule_{place}"] for place, name in enumerate(names)}


def _state(
    rule: ReminderRule, event: Event, now: datetime, people: dict[str, int], written: int
) -> str:
    """What became of a rule, or will."""
    said = []
    if written:
        sentence = ngettext(
            "Written to %(number)s person.", "Written to %(number)s people.", written
        )
        said.append(sentence % {"number": written})
    if not rule.is_on:
        said.append(_("Not in use."))
    elif event.status != EventStatus.PUBLISHED:
        said.append(_("Nothing goes out while the event is not public, or is called off."))
    elif now < moment_of(rule, event):
        said.append(_what_will_be(rule, event, people))
    elif not is_due(rule, event, now):
        said += [] if written else [_("Its time is over. Nothing goes out.")]
    elif is_afterwards(rule, event) and not people[Audience.PRESENT]:
        said.append(_("Waits until it is recorded who was there."))
    elif not written:
        said.append(_("Goes out now, to people who had a place by then."))
    return " ".join(said)


def _what_will_be(rule: ReminderRule, event: Event, people: dict[str, int]) -> str:
    moment = moment_of(rule, event)
    if event.starts_at <= moment < event.ends_at:
        return _("The event is on at that moment, so nothing goes out.")
    if is_afterwards(rule, event) and not people[Audience.PRESENT]:
        return _("Goes out once it is recorded who was there.")
    number = people[rule.audience]
    said = ngettext(
        "Goes to %(number)s person by now.", "Goes to %(number)s people by now.", number
    )
    return said % {"number": number}
