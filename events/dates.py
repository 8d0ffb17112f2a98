"""Says when something is, in words: days, hours and zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _


def days_in_words(first: date, last: date, *, weekday: bool = False) -> str:
    """Return "2–3 December 2025", as short as can be; with `weekday` "Tuesday 2 – Wednesday 3 December 2025"."""
    end = date_format(last, "l j F Y" if weekday else "j F Y")
    if first == last:
        return end
    if first.year != last.year:
        begin = date_format(first, "l j F Y" if weekday else "j F Y")
    elif first.month != last.month:
        begin = date_format(first, "l j F" if weekday else "j F")
    else:
        begin = date_format(first, "l j" if weekday else "j")
    dash = "–" if first.year == last.year and first.month == last.month and not weekday else " – "
    return f"{begin}{dash}{end}"


def midnight(moment: datetime) -> datetime:
    """Return the midnight of UTC before a moment: what leaves a feed with time leaves then, and not all day long."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def zone_in_words(zone_name: str, moment: datetime, *, offset: timedelta | None = None) -> str:
    """Return "Madrid time (UTC+1)" for a zone at an instant.

    `offset` is that of the zone by other rules than those of today.
    """
    city = zone_name.rsplit("/", 1)[-1].replace("_", " ")
    there = offset_in_words(zone_name, moment) if offset is None else _offset_in_words(offset)
    return _("%(city)s time (%(offset)s)") % {"city": city, "offset": there}


def moment_in_words(moment: datetime, zone_name: str) -> str:
    """Return "1 October, 12:00 (UTC+2)" for an instant, by the clock of a zone."""
    local = moment.astimezone(ZoneInfo(zone_name))
    return f"{date_format(local, 'j F, H:i')} ({offset_in_words(zone_name, moment)})"


def offset_in_words(zone_name: str, moment: datetime) -> str:
    """Return the offset from UTC at an instant, as in "UTC+1" or "UTC+5:30"."""
    return _offset_in_words(moment.astimezone(ZoneInfo(zone_name)).utcoffset())


def _offset_in_words(offset: timedelta | None) -> str:
    minutes = int(offset.total_seconds() // 60) if offset else 0
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    if not minutes:
        return "UTC"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")
