"""When an event reminds whom: its own rules, else the network's, else ours; and the moment of each.

Nothing notes which rule has sent what: a rule is known by what it says (`name_of`), which is part of a message's key.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.models import Event
from registrations.models import Audience, ReminderRule, When
from registrations.seating import lock_event

MINUTES_A_DAY = 24 * 60
#: What holds where neither the event nor the network has rules: minutes before the start, and to whom.
DEFAULTS = (
    (7 * MINUTES_A_DAY, Audience.CONFIRMED),
    (MINUTES_A_DAY, Audience.CONFIRMED),
    (60, Audience.ONLINE),
)
#: They are known only once the event is over.
KNOWN_AFTERWARDS = frozenset({Audience.PRESENT, Audience.ABSENT})
#: So long after its moment a message may still go out. The outbox forgets keys later (`outbox.tasks.KEPT`).
LATEST_BEFORE = timedelta(days=60)
LATEST_AFTER = timedelta(days=14)
#: A rule's moment lies at most so long after the end of the event.
LONGEST_AFTER = timedelta(days=60)


class RefusedRule(Exception):
    """The rules cannot be changed like this; the text says why and what to do."""


def rules_of(event: Event, network: list[ReminderRule] | None = None) -> list[ReminderRule]:
    """Return the rules that hold for an event, also those not in use.

    A row that is not in use counts as the event's own: so an event may have none that is. `network` are the rules of
    `network_rules`, for callers who have them.
    """
    own = list(event.reminder_rules.all())
    if own:
        return own
    return network_rules() if network is None else network


def network_rules() -> list[ReminderRule]:
    """Return the rules of events without rules of their own: the network's rows, or ours, which are not stored."""
    return list(ReminderRule.objects.filter(event=None)) or usual_rules()


def usual_rules() -> list[ReminderRule]:
    """Return our rules, which hold where nobody has written any; they are not stored."""
    return [
        ReminderRule(when=When.BEFORE_START, minutes=minutes, audience=audience)
        for minutes, audience in DEFAULTS
    ]


def moment_of(rule: ReminderRule, event: Event) -> datetime:
    """Return the instant of a rule for an event, in UTC. Raises OverflowError for one beyond all calendars.

    Minutes are those that pass, whatever the clocks do. A day before is a date of the event's calendar and a time of
    its clock, read as RFC 5545 3.3.5 says: a time that the clocks skip (02:30 in a spring night) is as long after the
    gap as it says (03:30), and of an hour that comes twice the first is meant. A whole-day event starts on its first
    date, and its minutes count from midnight.
    """
    if rule.when == When.BEFORE_START:
        return event.starts_at - timedelta(minutes=rule.minutes or 0)
    if rule.when == When.AFTER_END:
        return event.ends_at + timedelta(minutes=rule.minutes or 0)
    if rule.when == When.AT:
        assert rule.at
        return rule.at
    assert rule.days
    assert rule.clock
    day = event.first_day - timedelta(days=rule.days)
    return datetime.combine(day, rule.clock, event.zone).astimezone(UTC)


def name_of(rule: ReminderRule) -> str:
    """Return what a rule says as part of a key, as in `7d`, `1h-online`, `2days-before-09:00`, `after-30m-present`.

    The same for two rules that say the same, whichever rows they are: so what ours have sent, own ones do not repeat.
    """
    if rule.when == When.AT:
        assert rule.at
        moment = f"at-{rule.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    elif rule.when == When.DAY_BEFORE:
        assert rule.clock
        form = "%H:%M:%S" if rule.clock.second else "%H:%M"
        moment = f"{rule.days}days-before-{rule.clock.strftime(form)}"
    else:
        number, unit = span_of(rule)
        moment = f"{number}{unit}" if rule.when == When.BEFORE_START else f"after-{number}{unit}"
    return moment if rule.audience == Audience.CONFIRMED else f"{moment}-{rule.audience}"


def span_of(rule: ReminderRule) -> tuple[int, str]:
    """Return the minutes of a rule in the largest unit that fits: a number with `d` (24 hours), `h` or `m`."""
    minutes = rule.minutes or 0
    for unit, length in (("d", MINUTES_A_DAY), ("h", 60)):
        if minutes and minutes % length == 0:
            return minutes // length, unit
    return minutes, "m"


def is_afterwards(rule: ReminderRule, event: Event) -> bool:
    """Whether a rule speaks to people after the event, and not before it."""
    if rule.when == When.AT:
        assert rule.at
        return rule.audience in KNOWN_AFTERWARDS or rule.at >= event.ends_at
    return rule.when == When.AFTER_END


def is_due(rule: ReminderRule, event: Event, now: datetime) -> bool:
    """Whether the messages of a rule in use may go out at `now`: from its moment on, until the event begins.

    After the event, for 14 days from its moment. Never, where the moment lies while the event is on.
    """
    if not rule.is_on:
        return False
    try:
        moment = moment_of(rule, event)
    except OverflowError:
        return False
    if is_afterwards(rule, event):
        return event.ends_at <= moment <= now < moment + LATEST_AFTER
    return moment <= now < min(event.starts_at, moment + LATEST_BEFORE)


# -- In words -------------------------------------------------------------------------------------
def when_in_words(rule: ReminderRule) -> str:
    """Say when, so that 24 hours before cannot be taken for the day before (P-11)."""
    if rule.when == When.AT:
        return _("At a date and time")
    if rule.when == When.DAY_BEFORE:
        assert rule.clock
        clock = time_format(rule.clock, "H:i")
        if rule.days == 1:
            return _("The day before at %(clock)s, by the event's clock") % {"clock": clock}
        said = _("%(number)s days before at %(clock)s, by the event's clock")
        return said % {"number": rule.days, "clock": clock}
    span = _span_in_words(rule)
    if rule.when == When.BEFORE_START:
        return (
            _("%(span)s before the start") % {"span": span} if rule.minutes else _("At the start")
        )
    return _("%(span)s after the end") % {"span": span} if rule.minutes else _("At the end")


def _span_in_words(rule: ReminderRule) -> str:
    number, unit = span_of(rule)
    if unit == "m":
        return ngettext("%(number)s minute", "%(number)s minutes", number) % {"number": number}
    if unit == "h" or number == 1:
        hours = number * 24 if unit == "d" else number
        return ngettext("%(number)s hour", "%(number)s hours", hours) % {"number": hours}
    return _("%(number)s times 24 hours") % {"number": number}


# -- Changes --------------------------------------------------------------------------------------
def add(event: Event | None, rule: ReminderRule) -> ReminderRule:
    """Add a rule to those of an event, or of the network. Raises RefusedRule where there is one that says the same."""
    with transaction.atomic():
        own = _own(event)
        if any(name_of(one) == name_of(rule) for one in own):
            raise RefusedRule(
                _(
                    "There is a rule that says the same. Change one of the two, or switch that one on."
                )
            )
        rule.event = event
        rule.save(force_insert=True)
    return rule


def switch(event: Event | None, name: str, *, on: bool) -> None:
    """Put the rule of that name in or out of use. Raises RefusedRule where there is none."""
    with transaction.atomic():
        for rule in _named(_own(event), name):
            rule.is_on = on
            rule.save(update_fields=["is_on"])


def remove(event: Event | None, name: str) -> None:
    """Take the rule of that name away. Raises RefusedRule for the last: others would come into force instead."""
    with transaction.atomic():
        own = _own(event)
        found = _named(own, name)
        if len(own) == len(found):
            raise RefusedRule(
                _(
                    "This is the last rule, and without one other rules would hold. Switch it off instead:"
                    " then nobody is reminded."
                )
            )
        for rule in found:
            rule.delete()


def drop_own(event: Event | None) -> None:
    """Let an event go by the network's rules again, or the network by ours."""
    with transaction.atomic():
        _lock(event)
        ReminderRule.objects.filter(event=event).delete()


def copy_rows(rules: Iterable[ReminderRule], *, to: Event | None) -> list[ReminderRule]:
    """Store rules that say the same as these, of an event or of the network."""
    fields = ("when", "minutes", "days", "clock", "at", "audience", "is_on")
    return ReminderRule.objects.bulk_create(
        ReminderRule(event=to, **{name: getattr(rule, name) for name in fields}) for rule in rules
    )


def _own(event: Event | None) -> list[ReminderRule]:
    """The rows of an event or of the network, made at the first change from the rules that held until then."""
    _lock(event)
    own = list(ReminderRule.objects.filter(event=event))
    return own or copy_rows(network_rules(), to=event)


def _named(rules: list[ReminderRule], name: str) -> list[ReminderRule]:
    """The rules that say this: one, or by chance more, which send one message all the same."""
    found = [rule for rule in rules if name_of(rule) == name]
    if not found:
        raise RefusedRule(_("This rule is gone: somebody else has changed the rules. Look again."))
    return found


def _lock(event: Event | None) -> None:
    if event is not None:
        lock_event(event)
    else:
        list(ReminderRule.objects.filter(event=None).select_for_update())
