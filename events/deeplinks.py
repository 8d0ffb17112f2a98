"""Links that put an event into Google's or Microsoft's calendar, saying the same as its calendar file.

Source of the forms: calendar.md K2 to K6; times go out in UTC, spaces as %20.
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.urls import reverse

from events import calendar
from events.models import Event

LONGEST = 1200


def calendar_links(event: Event) -> dict[str, str]:
    """Return the addresses by name: file, google, outlook, office, webcal (the feed of all events)."""
    details = calendar.description(event)[-LONGEST:]
    return {
        "file": reverse("event_calendar", args=[event.slug]),
        "google": google(event, details),
        "outlook": microsoft(event, details, "outlook.live.com"),
        "office": microsoft(event, details, "outlook.office.com"),
        "webcal": _webcal(),
    }


def subscription_links() -> dict[str, str]:
    """Return the addresses of the calendar of all events by name: https (to copy), webcal, google, outlook, office."""
    address = settings.SITE_URL + reverse("calendar_all")
    named = urlencode({"url": address, "name": settings.SITE_NAME}, quote_via=quote)
    return {
        "https": address,
        "webcal": _webcal(),
        "google": "https://calendar.google.com/calendar/r?cid=" + quote(_webcal(), safe=""),
        "outlook": f"https://outlook.live.com/calendar/0/addfromweb?{named}",
        "office": f"https://outlook.office.com/calendar/0/addfromweb?{named}",
    }


def google(event: Event, details: str) -> str:
    """The link that opens Google Calendar with the event filled in."""
    if calendar.spans_whole_days(event):
        dates = f"{event.first_day:%Y%m%d}/{event.last_day + timedelta(days=1):%Y%m%d}"
    else:
        dates = f"{_utc(event.starts_at):%Y%m%dT%H%M%SZ}/{_utc(event.ends_at):%Y%m%dT%H%M%SZ}"
    query = {
        "action": "TEMPLATE",
        "text": calendar.title(event),
        "dates": dates,
        "details": details,
        "location": calendar.location(event),
    }
    return "https://calendar.google.com/calendar/render?" + urlencode(query, quote_via=quote)


def microsoft(event: Event, details: str, host: str) -> str:
    """The link that opens Outlook on the web, at outlook.live.com or outlook.office.com, with the event filled in."""
    whole_days = calendar.spans_whole_days(event)
    query = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": calendar.title(event),
        "startdt": f"{event.first_day}"
        if whole_days
        else f"{_utc(event.starts_at):%Y-%m-%dT%H:%M:%SZ}",
        "enddt": (
            f"{event.last_day + timedelta(days=1)}"
            if whole_days
            else f"{_utc(event.ends_at):%Y-%m-%dT%H:%M:%SZ}"
        ),
        "body": details,
        "location": calendar.location(event),
    }
    if whole_days:
        query["allday"] = "true"
    return f"https://{host}/calendar/0/deeplink/compose?" + urlencode(query, quote_via=quote)


def _webcal() -> str:
    return f"webcal://{urlsplit(settings.SITE_URL).netloc}{reverse('calendar_all')}"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
