"""Which events somebody wants in a calendar: all, or those of a topic, an organisation or a series, narrowed further.

They are narrowed by the filters of the event list, under the same names; `sessions=1` asks for the items of each
programme instead of one entry an event.
"""

from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.models import Organisation
from events.feeds import Feed
from events.filters import EventFilter
from events.models import Event, EventQuerySet, Series, Topic


def of_all(query: QueryDict) -> Feed:
    """Return the feed of all events. Here and below Http404 is raised for what nobody knows, also in the query."""
    return _feed(reverse("calendar_all"), "", Event.objects.in_calendars(), query)


def of_topic(slug: str, query: QueryDict) -> Feed:
    """Return the feed of a topic."""
    topic = get_object_or_404(Topic, slug=slug)
    events = Event.objects.in_calendars().filter(topics=topic)
    return _feed(reverse("calendar_topic", args=[slug]), topic.name, events, query)


def of_series(slug: str, query: QueryDict) -> Feed:
    """Return the feed of a series."""
    series = get_object_or_404(Series, slug=slug)
    events = Event.objects.in_calendars().filter(series=series)
    return _feed(reverse("calendar_series", args=[slug]), series.name, events, query)


def of_organisation(slug: str, query: QueryDict) -> Feed:
    """Return the feed of all that an organisation has a part in, also as a host or partner."""
    organisation = get_object_or_404(Organisation, slug=slug)
    events = Event.objects.in_calendars().filter(pk__in=organisation.event_links.values("event_id"))
    path = reverse("calendar_organisation", args=[slug])
    return _feed(path, organisation.display_name, events, query)


def is_by_session(query: QueryDict) -> bool:
    """Whether the items of programmes are asked for."""
    return query.get("sessions") == "1"


def _feed(path: str, subject: str, events: EventQuerySet, query: QueryDict) -> Feed:
    # Without data a filter narrows nothing, and asks the database for no choices.
    found = EventFilter(query if query.keys() & EventFilter.base_filters.keys() else None, events)
    if found.is_bound and not found.is_valid():
        raise Http404
    narrowing = urlencode(found.narrowing(), quote_via=quote)
    by_session = is_by_session(query)
    asked = "&".join(filter(None, [narrowing, "sessions=1" if by_session else ""]))
    words = ", ".join(filter(None, [subject, found.in_words_of_people()]))
    return Feed(
        name=f"{settings.SITE_NAME}: {words}" if words else settings.SITE_NAME,
        source=settings.SITE_URL + _with(path, asked),
        page=settings.SITE_URL + _with(reverse("calendar"), narrowing),
        events=found.qs,
        by_session=by_session,
        is_kept="q" not in found.narrowing(),
    )


def _with(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
