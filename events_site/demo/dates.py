"""When the next editions take place: spread over the coming months, on the weekdays on which people meet."""

from datetime import date, timedelta

#: Days from today to the first edition, to the second, which is about a month ahead, and to the last.
FIRST, SECOND, LAST = 21, 28, 230
MONDAY, TUESDAY, WEDNESDAY = 0, 1, 2
WEEK = timedelta(days=7)


def spread(lengths: list[int], *, today: date) -> list[date]:
    """Return the first day of each of several meetings, soonest first, for their lengths in days."""
    steps = max(1, len(lengths) - 2)
    offsets = [FIRST, *(SECOND + (LAST - SECOND) * n // steps for n in range(len(lengths)))]
    found: list[date] = []
    for n, (offset, days) in enumerate(zip(offsets, lengths, strict=False)):
        earliest = max([today + timedelta(days=offset), *found[-1:]])
        found.append(_meeting_day(earliest, days=days, is_odd=n % 2 == 1))
    return found


def _meeting_day(earliest: date, *, days: int, is_odd: bool) -> date:
    """The first fitting day from the earliest on with no feasts in the way.

    Short meetings begin on a Tuesday, odd ones on a Wednesday, weeks on a Monday.
    """
    weekday = MONDAY if days > 3 else WEDNESDAY if is_odd and days < 3 else TUESDAY
    start = earliest + timedelta(days=(weekday - earliest.weekday()) % 7)
    while _has_feasts(start, days):
        start += WEEK
    return start


def _has_feasts(first: date, days: int) -> bool:
    """Whether Christmas or New Year falls into the days."""
    return any(
        (day.month, day.day) >= (12, 24) or (day.month, day.day) <= (1, 2)
        for day in (first + timedelta(days=n) for n in range(days))
    )
