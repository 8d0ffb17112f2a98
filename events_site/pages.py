"""The pages that bring several floors together: home, the event lists, the page of an event.

They stand here because an event's page shows seats and recaps, of which the events app must not know
(docs/decisions/0001).
"""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, OuterRef, Prefetch
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse

from accounts.doors import public
from events.deeplinks import calendar_links
from events.filters import EventFilter, country_name
from events.models import Event, EventQuerySet, Session, Topic
from events.sql import JSONList
from recaps.models import Article, Kind
from registrations import availability, figures, values
from registrations.tilemap import tile_map

PER_PAGE = 20
ON_HOME = 5
ARTICLES_ON_HOME = 3


@dataclass(frozen=True)
class Item:
    """One line of the programme, by the event's own clock."""

    title: str
    details: str
    starts_at: datetime
    ends_at: datetime
    speakers: list[str]


@public
def home(request: HttpRequest) -> HttpResponse:
    """Coming events and the latest articles."""
    coming = Event.objects.public().upcoming().with_facts()
    events = list(availability.with_terms(coming)[:ON_HOME])
    return TemplateResponse(
        request,
        "home.html",
        {
            "rows": rows(events),
            "articles": Article.objects.public().latest_first().with_facts()[:ARTICLES_ON_HOME],
        },
    )


@public
def event_list(request: HttpRequest) -> HttpResponse:
    """Coming events, with filters."""
    return _list(request, Event.objects.public().upcoming(), past=False)


@public
def past_events(request: HttpRequest) -> HttpResponse:
    """Events that are over, with filters."""
    return _list(request, Event.objects.public().past(), past=True)


@public
def event_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One event: facts, register panel, programme, who was there, articles about it."""
    event = get_object_or_404(with_record(Event.objects.public()), slug=slug)
    return TemplateResponse(request, "events/event_page.html", event_context(event))


def with_record(events: EventQuerySet) -> EventQuerySet:
    """Events with all that their page shows of topics, seats, figures and articles, in three queries."""
    articles = Article.objects.public().filter(event=OuterRef("pk")).latest_first()
    topics = Topic.objects.filter(events=OuterRef("pk")).order_by("name")
    sessions = Session.objects.order_by("starts_at", "pk", "speakers__position", "speakers__pk")
    each_speaker = sessions.annotate(
        speaker=F("speakers__name"), affiliation=F("speakers__affiliation")
    )
    return (
        availability.with_terms(events.with_organisations())
        .prefetch_related(Prefetch("sessions", each_speaker))
        .annotate(
            topic_list=JSONList(topics.values(item=JSONObject(slug="slug", name="name"))),
            seat_counts=availability.counts(),
            shows_participants=F("terms__shows_participants"),
            **figures.newest(),
            article_links=JSONList(
                articles.values(
                    item=JSONObject(title="title", slug="slug", kind="kind", lead="lead")
                )
            ),
        )
    )


def event_context(event: Event) -> dict[str, Any]:
    """Return what the page of an event `with_record` shows; the desk's preview shows the same."""
    tally = figures.tally_on(event)
    articles = event.article_links  # type: ignore[attr-defined]
    recaps = [article for article in articles if article["kind"] == Kind.RECAP]
    return {
        **values.facts(event),
        "availability": availability.of_counts(event, event.seat_counts),  # type: ignore[attr-defined]
        "country": country_name(event.venue.country) if event.venue else "",
        "programme": programme(event),
        "topics": event.topic_list,  # type: ignore[attr-defined]
        "articles": articles,
        "recap": recaps[-1] if recaps else None,
        "tally": tally,
        "tiles": tile_map(tally) if tally and tally.jurisdictions else None,
        "calendar_links": calendar_links(event),
    }


def programme(event: Event) -> list[tuple[date, list[Item]]]:
    """Return the sessions of an event `with_record`, where each stands once a speaker, by day of its own clock."""
    items = []
    for _pk, group in groupby(_each_speaker(event), key=lambda row: row.pk):
        of_session = list(group)
        session = of_session[0]
        items.append(
            Item(
                session.title,
                session.details,
                session.starts_at.astimezone(event.zone),
                session.ends_at.astimezone(event.zone),
                [
                    ", ".join(filter(None, (row.speaker, row.affiliation)))
                    for row in of_session
                    if row.speaker
                ],
            )
        )
    return [
        (day, list(group)) for day, group in groupby(items, key=lambda item: item.starts_at.date())
    ]


def _each_speaker(event: Event) -> list[Any]:
    return list(event.sessions.all())


def rows(events: list[Event]) -> list[dict[str, Any]]:
    """Return events with what a list says of each, in one query for all."""
    said = availability.of_events(events)
    return [
        {
            "event": event,
            "availability": said[event.pk],
            "country": country_name(event.venue.country) if event.venue else "",
            "facts": values.facts(event),
        }
        for event in events
    ]


def _list(request: HttpRequest, events: EventQuerySet, *, past: bool) -> HttpResponse:
    found = EventFilter(request.GET, availability.with_terms(events.with_facts()))
    page: Page[Event] = Paginator(found.qs, PER_PAGE).get_page(request.GET.get("page"))
    return TemplateResponse(
        request,
        "events/event_list.html",
        {"filter": found, "page": page, "rows": rows(list(page.object_list)), "past": past},
    )
