"""Links that put an event into Google's or Microsoft's calendar, saying the same as its calendar file.

Source of the forms: calendar.md K2 to K6; times go out in UTC, spaces as %20.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from django.conf import settings
from django.urls import reverse

from events import calendar
from events.contentlines import clean, one_line
from events.feeds import Feed
from events.models import Event

LONGEST = 2000  # characters of an address; longer ones are cut on their way
LONGEST_TITLE, LONGEST_PLACE = 700, 400  # of these, as they stand in an address
BLANK = re.compile("%20|%0A")


def calendar_links(event: Event, *, file: str = "", joins_online: bool = False) -> dict[str, str]:
    """Return the addresses by name: file, google, outlook, office, webcal (the feed of all events).

    Where the event is one of a series, webcal_of_series is the feed of that series. `file` is the address of somebody's
    own file; `joins_online` is for a reader who has a place online, and leads to the page for joining.
    """
    details = quote(clean(calendar.description(event, joins_online=joins_online)), safe="")
    links = {
        "file": file or reverse("event_calendar", args=[event.slug]),
        "google": google(event, details),
        "outlook": microsoft(event, details, "outlook.live.com"),
        "office": microsoft(event, details, "outlook.office.com"),
        "webcal": _webcal(settings.SITE_URL + reverse("calendar_all")),
    }
    if event.series:
        path = reverse("calendar_series", args=[event.series.slug])
        links["webcal_of_series"] = _webcal(settings.SITE_URL + path)
    return links


def subscription_links(feed: Feed) -> dict[str, str]:
    """Return the addresses of a feed by name: https (to copy), webcal, google, outlook, office."""
    named = urlencode({"url": feed.source, "name": feed.name}, quote_via=quote)
    webcal = _webcal(feed.source)
    return {
        "https": feed.source,
        "webcal": webcal,
        "google": "https://calendar.google.com/calendar/r?cid=" + quote(webcal, safe=""),
        "outlook": f"https://outlook.live.com/calendar/0/addfromweb?{named}",
        "office": f"https://outlook.office.com/calendar/0/addfromweb?{named}",
    }


def google(event: Event, details: str) -> str:
    """The link that opens Google Calendar with the event filled in; `details` is quoted already."""
    if calendar.spans_whole_days(event):
        dates = f"{event.first_day:%Y%m%d}/{event.last_day + timedelta(days=1):%Y%m%d}"
    else:
        dates = f"{_utc(event.starts_at):%Y%m%dT%H%M%SZ}/{_utc(event.ends_at):%Y%m%dT%H%M%SZ}"
    query = {
        "action": "TEMPLATE",
        "text": _fitting(calendar.title(event), LONGEST_TITLE),
        "dates": dates,
        "location": _fitting(calendar.location(event), LONGEST_PLACE),
    }
    address = "https://calendar.google.com/calendar/render?" + urlencode(query, quote_via=quote)
    return _with_end_of(details, address, "details")


def microsoft(event: Event, details: str, host: str) -> str:
    """The same for Outlook on the web; `host` is outlook.live.com or outlook.office.com."""
    whole_days = calendar.spans_whole_days(event)
    query = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": _fitting(calendar.title(event), LONGEST_TITLE),
        "startdt": f"{event.first_day}"
        if whole_days
        else f"{_utc(event.starts_at):%Y-%m-%dT%H:%M:%SZ}",
        "enddt": (
            f"{event.last_day + timedelta(days=1)}"
            if whole_days
            else f"{_utc(event.ends_at):%Y-%m-%dT%H:%M:%SZ}"
        ),
        "location": _fitting(calendar.location(event), LONGEST_PLACE),
    }
    if whole_days:
        query["allday"] = "true"
    address = f"https://{host}/calendar/0/deeplink/compose?" + urlencode(query, quote_via=quote)
    return _with_end_of(details, address, "body")


def _fitting(words: str, most: int) -> str:
    """Words in one line, cut so that they take no more characters of an address than that."""
    words = one_line(words)
    if len(quote(words, safe="")) <= most:
        return words
    most -= len(quote("…"))
    while len(quote(words, safe="")) > most:
        words = words[:-1]
    return words.rstrip() + "…"


def _with_end_of(quoted: str, address: str, name: str) -> str:
    """The address with as many of the last words as there is room for: the event's page stands there."""
    room = max(1, LONGEST - len(address) - len(f"&{name}="))
    if len(quoted) > room:
        _cut, *rest = BLANK.split(quoted[-room:], maxsplit=1)
        quoted = "".join(rest)
    return f"{address}&{name}={quoted}"


def _webcal(address: str) -> str:
    return "webcal:" + address.partition(":")[2]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
