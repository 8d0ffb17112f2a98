"""Says in templates when an event is and who organises it, with `<time>` elements that carry the offset."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from events.dates import days_in_words, offset_in_words
from events.models import Event

register = template.Library()

#: The hours of each day are said for so many days; of longer events only the first and the last hour.
DAYS_WITH_HOURS = 3


@register.simple_tag
def days(event: Event, weekday: bool = False) -> SafeString:
    """The days of an event in words, as in "2–3 December 2025"."""
    words = days_in_words(event.first_day, event.last_day, weekday=weekday)
    return format_html('<time datetime="{}">{}</time>', _machine_start(event), words)


@register.simple_tag
def date_picture(event: Event) -> SafeString:
    """The days of an event as a picture: the numbers big, month and year small."""
    first, last = event.first_day, event.last_day
    numbers = f"{first.day}" if first == last else f"{first.day}–{last.day}"
    if first.year != last.year:
        months = f"{date_format(first, 'F Y')} – {date_format(last, 'F Y')}"
    elif first.month != last.month:
        months = f"{date_format(first, 'F')} – {date_format(last, 'F Y')}"
    else:
        months = date_format(first, "F Y")
    return format_html(
        '<time class="date" datetime="{}"><span class="date-days">{}</span> <span class="date-month">{}</span></time>',
        _machine_start(event),
        numbers,
        months,
    )


@register.simple_tag
def hours(event: Event, programme: Sequence[tuple[date, Sequence[Any]]] = ()) -> SafeString:
    """The hours of an event by its own clock, those of each day where the programme tells; empty while unknown."""
    if event.is_whole_day:
        return SafeString("")
    if event.first_day == event.last_day:
        return _span(event.local_start, event.local_end)
    spans: list[str] = [
        _span(items[0].starts_at, max(item.ends_at for item in items)) for _day, items in programme
    ]
    if len(spans) == len(event.days) <= DAYS_WITH_HOURS:
        return SafeString(get_text_list(spans, _("and")))
    return format_html(
        _("starts at {start}, ends at {end}"),
        start=_clock(event.local_start),
        end=_clock(event.local_end),
    )


@register.simple_tag
def item_hours(item: Any) -> SafeString:
    """The hours of one item of the programme."""
    return _span(item.starts_at, item.ends_at)


@register.simple_tag
def deadline(moment: datetime, event: Event) -> SafeString:
    """A moment by the event's own clock, as in "20 November, 23:59 (UTC+1)"."""
    local = moment.astimezone(event.zone)
    return format_html(
        '<time datetime="{}">{} ({})</time>',
        _machine(local),
        date_format(local, "j F, H:i"),
        offset_in_words(event.timezone, moment),
    )


@register.simple_tag
def organised_by(event: Event) -> str:
    """Who organises and hosts it, as in "CEP with EuroPris, hosted by CEJFE"."""
    names = [organisation.display_name for organisation in event.organisers]
    hosts = get_text_list([organisation.display_name for organisation in event.hosts], _("and"))
    if len(names) > 1:
        organisers = _("%(lead)s with %(others)s") % {
            "lead": names[0],
            "others": get_text_list(names[1:], _("and")),
        }
    else:
        organisers = "".join(names)
    if organisers and hosts:
        return _("%(organisers)s, hosted by %(hosts)s") % {"organisers": organisers, "hosts": hosts}
    return organisers or (_("hosted by %(hosts)s") % {"hosts": hosts} if hosts else "")


@register.filter
def names(organisations: Sequence[Any]) -> str:
    """The names of organisations in one phrase, as in "CEP, EuroPris and CEJFE"."""
    return get_text_list([organisation.display_name for organisation in organisations], _("and"))


@register.filter
def article_day(article: Any) -> date | None:
    """The day an article carries: of publication, or else the last day of its event."""
    if article.published_on:
        day: date = article.published_on
        return day
    return article.event.last_day if article.event else None


def _span(start: datetime, end: datetime) -> SafeString:
    return format_html('<span class="hours">{}–{}</span>', _clock(start), _clock(end))


def _clock(moment: datetime) -> SafeString:
    return format_html(
        '<time datetime="{}">{}</time>', _machine(moment), date_format(moment, "TIME_FORMAT")
    )


def _machine_start(event: Event) -> str:
    return f"{event.first_day}" if event.is_whole_day else _machine(event.local_start)


def _machine(moment: datetime) -> str:
    """Date, time and offset in the form that the `datetime` attribute takes."""
    return moment.isoformat(timespec="minutes")
