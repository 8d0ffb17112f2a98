"""Makes single times of entries that repeat, by recurring-ical-events, within bounds that no file can widen."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import recurring_ical_events
from dateutil.rrule import rrule
from django.utils.translation import gettext as _
from icalendar import Calendar
from icalendar import Event as VEvent
from recurring_ical_events.selection.name import ComponentsWithName
from recurring_ical_events.series import Series

from events.importing import rules
from events.importing.entries import Entry, Facts, placed, without_note
from events.importing.rules import RefusedRule
from events.importing.timing import Timing, instance_name

#: Of one entry that repeats.
MOST_TIMES = 100
#: The days that the rules of one file may go through; a daily rule since 1970 takes some twenty thousand.
MOST_DAYS = 500_000
#: A date that is listed one by one costs as much as so many days of a rule.
LISTED = 25
STEP = timedelta(days=60)


@dataclass
class Window:
    """The time in which single times of repeating entries are wanted, and the days that may still be gone through."""

    starts_at: datetime
    ends_at: datetime
    days_left: int = MOST_DAYS


@dataclass(frozen=True)
class Times:
    """The single times of one entry that repeats, and in words where they were cut."""

    facts: list[Facts]
    notes: list[str]


def times(entries: list[Entry], window: Window) -> Times:
    """Return the single times in the window of entries that have one UID: a rule, and what changes some of its times.

    Raises RefusedRule where the library finds no sense in them, or the file asks for too much.
    """
    found: list[Facts] = []
    notes: list[str] = []
    timings = [entry.timing for entry in entries if entry.timing]
    _pay(timings, window)
    try:
        for facts, instance in _unfolded(entries, window):
            if len(found) == MOST_TIMES:
                words = _("“%(title)s” repeats more often; the first %(number)s times are shown.")
                notes.append(words % {"title": facts.title, "number": MOST_TIMES})
                break
            found.append(replace(facts, recurrence_id=instance))
    except RefusedRule:
        raise
    except Exception as error:  # of rules that make no sense the libraries raise nearly anything
        raise RefusedRule(_("The way in which it repeats makes no sense.")) from error
    return Times(found, notes)


def _pay(timings: list[Timing], window: Window) -> None:
    """Take the days that rules go through from those that are left. Raises RefusedRule where there are not enough."""
    for timing in timings:
        window.days_left -= LISTED * len(timing.added + timing.left_out)
        for rule in timing.rules:
            days = (window.ends_at.date() - _day(timing.start)).days
            weeks = 4 if rule.get("BYWEEKNO") else 1
            window.days_left -= (max(days, 0) + 1000) * rules.times_a_day(rule) * weeks
    if window.days_left < 0:
        raise RefusedRule(
            _("The file repeats too much at once. Save fewer events, or a shorter time.")
        )


def _unfolded(entries: list[Entry], window: Window) -> Iterator[tuple[Facts, str]]:
    """Yield each time in order, as facts and the name of the time in its series."""
    by_number = {str(entry.facts.number): entry for entry in entries}
    calendar = Calendar()
    for entry in entries:
        if entry.timing:
            calendar.add_component(_skeleton(entry.facts, entry.timing))
    query = recurring_ical_events.of(
        calendar, components=[ComponentsWithName("VEVENT", series=_series(window.ends_at.year + 1))]
    )
    seen: set[str] = set()
    begin = window.starts_at
    while begin < window.ends_at:
        end = min(begin + STEP, window.ends_at)
        for single in sorted(query.between(begin, end), key=_start_of):
            entry = by_number[str(single["X-NUMBER"])]
            instance = instance_name(_instance(single, entry))
            if instance not in seen and _begins_before(single, window.ends_at):
                seen.add(instance)
                yield _facts_at(single["DTSTART"].dt, instance, entry), instance
        begin = end


def _facts_at(start: date, instance: str, entry: Entry) -> Facts:
    """The facts of one time of an entry, which is as long as the entry says, whatever the clocks do meanwhile."""
    timing = entry.timing
    assert timing is not None
    length = timing.lengths.get(instance, timing.length)
    return placed(without_note(entry.facts, timing.start), start, length.after(start))


def _skeleton(facts: Facts, timing: Timing) -> VEvent:
    """The times of an entry alone, with clocks of our own finding."""
    event = VEvent()
    event.add("uid", "one")
    event.add("x-number", str(facts.number))
    event.add("sequence", facts.sequence)
    event.add("dtstart", timing.start)
    event.add("dtend", timing.end)
    for rule in timing.rules:
        event.add("rrule", rule)
    for one in timing.added:
        event.add("rdate", [one])
    for one in timing.left_out:
        event.add("exdate", [one])
    if timing.instance is not None:
        event.add("recurrence-id", timing.instance)
        if timing.moves_the_rest:
            event["RECURRENCE-ID"].params["RANGE"] = "THISANDFUTURE"
    return event


def _series(last_year: int) -> type[Series]:
    """The library's series, but that no rule of it looks beyond a year."""

    class Rules(Series.RecurrenceRules):
        def rrulestr(self, rule_string: str) -> rrule:
            rule: Any = rules.bounded(rule_string, start=self.start, last_year=last_year)
            rule.string = rule_string
            rule.until = self._get_rrule_until(rule)
            return rule

    class Bounded(Series):
        RecurrenceRules = Rules

    return Bounded


def _instance(single: Any, entry: Entry) -> date:
    """The time in the series that a single time stands for, also where it was moved with all that follow."""
    timing = entry.timing
    named: date = single["RECURRENCE-ID"].dt
    if timing is None or timing.instance is None or not timing.moves_the_rest:
        return named
    start: date = single["DTSTART"].dt
    moved: timedelta = timing.start - timing.instance
    return start - moved


def _start_of(single: Any) -> datetime:
    start: date = single["DTSTART"].dt
    return start if isinstance(start, datetime) else datetime.combine(start, time(), UTC)


def _begins_before(single: Any, moment: datetime) -> bool:
    return _start_of(single) < moment


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
