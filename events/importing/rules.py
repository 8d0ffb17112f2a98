"""Recurrence rules that end: what a file may ask for, and a rule that gives up after so many years.

A rule of `dateutil` that matches nothing ("30 February, every day") goes on to the year 9999, and one with an interval
of nothing for ever; whoever uploads a file must not be able to hold up the site by it.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from dateutil.rrule import rrule, rrulestr
from django.utils.translation import gettext as _
from icalendar import vRecur

#: What an event of ours may repeat by; the others make more than one a day.
FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
PARTS = {
    "FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS",
    "WKST", "BYHOUR", "BYMINUTE", "BYSECOND",
}  # fmt: skip
MOST_TIMES_A_DAY = 4


class RefusedRule(Exception):
    """An event repeats in a way that we do not take; the text says why."""


def check(rule: vRecur) -> None:
    """Raise RefusedRule for what is no rule of RFC 5545 3.3.10, or repeats several times a day."""
    keys = {key.upper() for key in rule}
    if keys - PARTS or len(rule.get("FREQ", [])) != 1:
        raise RefusedRule(_("The rule by which it repeats cannot be read: %(rule)s.") % _said(rule))
    if str(rule["FREQ"][0]).upper() not in FREQUENCIES or times_a_day(rule) > MOST_TIMES_A_DAY:
        raise RefusedRule(_("It repeats many times a day: %(rule)s.") % _said(rule))
    if any(int(number) < 1 for key in ("INTERVAL", "COUNT") for number in rule.get(key, [])):
        raise RefusedRule(_("The rule by which it repeats cannot be read: %(rule)s.") % _said(rule))


def times_a_day(rule: vRecur) -> int:
    """How many times of a day a rule names."""
    hours, minutes, seconds = (
        len(set(rule.get(key, []))) or 1 for key in ("BYHOUR", "BYMINUTE", "BYSECOND")
    )
    return hours * minutes * seconds


def bounded(rule: str, *, start: datetime, last_year: int) -> rrule:
    """Return a rule, such as `FREQ=WEEKLY;BYDAY=MO`, that ends with a year. Raises ValueError for what is none."""
    plain: Any = rrulestr(rule, dtstart=start)
    return BoundedRule(
        plain._freq,
        dtstart=start,
        interval=plain._interval,
        wkst=plain._wkst,
        count=plain._count,
        until=plain._until,
        cache=True,
        last_year=last_year,
        **plain._original_rule,
    )


def is_far_off(moment: date) -> bool:
    """Whether a day lies outside the years that our forms take."""
    return not 1970 <= moment.year <= 2100


class _OutOfYears(Exception):
    """A rule has looked at all the years that it may look at."""


class BoundedRule(rrule):
    """A rule that looks at no year after `last_year`.

    For each year in which it looks for days, `dateutil` asks for the numbers of weeks (four times where there are
    some): that is counted, since nothing else happens while a rule finds nothing.
    """

    def __init__(self, freq: int, *, last_year: int, dtstart: datetime, **parts: Any) -> None:
        years = max(last_year - dtstart.year, 0) + 3
        self._looks = years * (4 if parts.get("byweekno") else 1)
        super().__init__(freq, dtstart=dtstart, **parts)

    @property
    def _byweekno(self) -> Any:
        self._looks -= 1
        if self._looks < 0:
            raise _OutOfYears
        return self._weeks

    @_byweekno.setter
    def _byweekno(self, weeks: Any) -> None:
        self._weeks = weeks

    def _iter(self) -> Iterator[datetime]:
        found = 0
        try:
            for moment in super()._iter():
                found += 1
                yield moment
        except _OutOfYears:
            self._len = found  # what `dateutil` notes at its own end


def _said(rule: vRecur) -> dict[str, str]:
    return {"rule": rule.to_ical().decode(errors="replace")[:200]}
