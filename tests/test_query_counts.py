"""How often a page asks the database: one literal number a page, the same for one object and for three."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from events.models import EventOrganisation, OrganisationRole
from recaps.models import Kind
from registrations.models import Figures
from tests.factories import (
    ArticleFactory,
    EventFactory,
    JurisdictionFactory,
    OrganisationFactory,
    SeriesFactory,
    SessionFactory,
    SpeakerFactory,
    TopicFactory,
    enrolled,
)

pytestmark = pytest.mark.django_db

#: The event's own query with seats, figures, topics and articles; organisations; sessions with speakers; and the
#: stamp by which pages are kept.
EVENT_PAGE = 4
HOME = 7
EVENT_LIST = 9  # one more to check a chosen country
NEWS = 5
ARTICLE = 8
API_EVENTS = 4
API_EVENT = 3
API_ARTICLES = 3
API_JURISDICTIONS = 2
FEED = 5

SHARES = [{"code": "NL", "name": "Netherlands", "people": 5, "is_european": True}]


def full_event(*, things=1, **more):
    """An event with so many of everything that its page shows."""
    event = EventFactory(series=SeriesFactory(), capacity_in_person=10, **more)
    for n in range(things):
        event.topics.add(TopicFactory())
        EventOrganisation.objects.create(
            event=event,
            organisation=OrganisationFactory(),
            role=[OrganisationRole.CO_ORGANISER, OrganisationRole.HOST, OrganisationRole.PARTNER][
                n
            ],
            position=n + 1,
        )
        session = SessionFactory(event=event)
        for _m in range(things):
            SpeakerFactory(session=session)
        Figures.objects.create(event=event, participants=5, jurisdictions=1, shares=SHARES)
        full_article(things=things, event=event, kind=Kind.RECAP)
        enrolled(event, n + 1)
    return event


def full_article(*, things=1, **more):
    """An article with so many topics."""
    article = ArticleFactory(**more)
    for _n in range(things):
        article.topics.add(TopicFactory())
    article.save()
    return article


def long_ago():
    return {
        "starts_at": datetime(2025, 2, 9, 8, tzinfo=UTC),
        "ends_at": datetime(2025, 2, 10, 16, tzinfo=UTC),
    }


@pytest.fixture
def asks(client, django_assert_num_queries):
    """Opens a page for the first time and counts."""

    def count(number, address):
        with django_assert_num_queries(number):
            answer = client.get(address)
        assert answer.status_code == 200
        return answer

    return count


amounts = pytest.mark.parametrize("amount", [1, 3])


@amounts
@pytest.mark.parametrize("of_the_past", [False, True])
def test_event_page(asks, amount, of_the_past):
    event = full_event(things=amount, **(long_ago() if of_the_past else {}))
    asks(EVENT_PAGE, event.get_absolute_url())


@amounts
def test_home(asks, amount):
    for _n in range(amount):
        full_event(things=amount)
    asks(HOME, "/")


@amounts
@pytest.mark.parametrize(
    ("query", "number"),
    [("", EVENT_LIST), ("?q=workshop&kind=workshop&country=ES", EVENT_LIST + 1)],
)
def test_event_list(asks, amount, query, number):
    for _n in range(amount):
        full_event(things=amount)
    answer = asks(number, f"/events/{query}")
    assert len(answer.context["rows"]) == amount


@amounts
def test_past_events(asks, amount):
    for _n in range(amount):
        full_event(things=amount, **long_ago())
    answer = asks(EVENT_LIST, "/events/past/")
    assert len(answer.context["rows"]) == amount


@amounts
def test_news(asks, amount):
    for _n in range(amount):
        full_event(things=1)
    answer = asks(NEWS, "/news/")
    assert len(answer.context["page"].object_list) == amount


@amounts
def test_article(asks, amount):
    event = full_event(things=amount, **long_ago())
    today = timezone.localdate()
    article = full_article(things=amount, event=event, published_on=today)
    topics = list(article.topics.all())
    for days in range(-amount, amount + 1):
        other = ArticleFactory(published_on=today + timedelta(days=days))
        other.topics.set(topics)
        other.save()
    asks(ARTICLE, article.get_absolute_url())


@amounts
def test_api_events(asks, amount):
    for _n in range(amount):
        full_event(things=amount)
    assert len(asks(API_EVENTS, "/api/v1/events/").json()["results"]) == amount


@amounts
def test_api_event(asks, amount):
    event = full_event(things=amount)
    asks(API_EVENT, f"/api/v1/events/{event.slug}/")


@amounts
def test_api_articles(asks, amount):
    for _n in range(amount):
        full_article(things=amount, event=EventFactory())
    assert len(asks(API_ARTICLES, "/api/v1/articles/").json()["results"]) == amount


@amounts
def test_api_jurisdictions(asks, amount):
    JurisdictionFactory.create_batch(amount)
    asks(API_JURISDICTIONS, "/api/v1/jurisdictions/")


@amounts
def test_calendar_feed(asks, amount):
    for _n in range(amount):
        full_event(things=amount)
    asks(FEED, "/calendar/all.ics")


@amounts
def test_a_kept_page_asks_once(asks, client, amount):
    """The stamp of what is public is one query, and a page in memory needs no other."""
    for _n in range(amount):
        full_event(things=amount)
    client.get("/events/")
    asks(1, "/events/")
