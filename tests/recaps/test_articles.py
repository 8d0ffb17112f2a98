"""Articles as they are read: who wrote them, what stands before, after and beside them, and what nobody sees yet."""

from datetime import UTC, date, datetime

import pytest

from recaps.models import Article, Kind
from recaps.pages import related_to
from registrations.models import Figures
from tests.factories import (
    ArticleFactory,
    EventFactory,
    OrganisationFactory,
    SeriesFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db


def listed(client, query=""):
    """The titles on the first page of the news, in order."""
    return [article.title for article in client.get(f"/news/{query}").context["page"].object_list]


def test_a_byline_names_the_authors_else_the_organisation():
    publisher = OrganisationFactory(name="Confederation of European Probation", short_name="CEP")
    assert ArticleFactory(organisation=publisher).byline == "CEP"
    assert ArticleFactory(organisation=publisher, authors="Ana Bo, Cy Do").byline == "Ana Bo, Cy Do"


def test_neighbours_are_by_day_then_by_age_of_the_record():
    third = ArticleFactory(published_on=date(2025, 3, 1))
    first = ArticleFactory(published_on=date(2025, 1, 1))
    second, second_too = ArticleFactory.create_batch(2, published_on=date(2025, 2, 1))
    chain = [first, second, second_too, third]
    assert [article.previous() for article in chain] == [None, *chain[:-1]]
    assert [article.next() for article in chain] == [*chain[1:], None]


def test_an_undated_article_stands_at_the_end_of_its_event_else_before_all():
    event = EventFactory(
        starts_at=datetime(2025, 2, 9, 8, tzinfo=UTC), ends_at=datetime(2025, 2, 10, 16, tzinfo=UTC)
    )
    later = ArticleFactory(published_on=date(2025, 3, 1))
    of_event = ArticleFactory(published_on=None, event=event)
    earlier = ArticleFactory(published_on=date(2025, 1, 1))
    nowhere = ArticleFactory(published_on=None)
    chain = [nowhere, earlier, of_event, later]
    assert [article.previous() for article in chain] == [None, *chain[:-1]]
    assert [article.next() for article in chain] == [*chain[1:], None]
    assert list(Article.objects.latest_first()) == chain[::-1]


def test_a_draft_is_nobody_s_neighbour():
    first = ArticleFactory(published_on=date(2025, 1, 1))
    ArticleFactory(published_on=date(2025, 2, 1), live=False)
    last = ArticleFactory(published_on=date(2025, 3, 1))
    assert (first.next(), last.previous()) == (last, first)


def test_related_articles_are_of_the_event_first_then_of_the_same_topics():
    one, two, other = TopicFactory.create_batch(3)
    event = EventFactory()

    def about(*topics, **more):
        article = ArticleFactory(**more)
        article.topics.set(topics)
        article.save()
        return article

    article = about(one, two, event=event)
    both = about(one, two, published_on=date(2020, 1, 1))
    newer = about(one, published_on=date(2025, 5, 1))
    about(one, published_on=date(2025, 1, 1))
    about(other)
    about(one, two, event=event, live=False)
    same_event = about(event=event, published_on=date(2019, 1, 1))
    assert related_to(article) == [same_event, both, newer]


def test_an_article_without_topics_and_event_has_no_related_ones():
    ArticleFactory.create_batch(2)
    assert related_to(ArticleFactory()) == []


def test_a_draft_is_nowhere_to_be_seen(client):
    event = EventFactory()
    draft = ArticleFactory(live=False, event=event, title="Not yet to be read")
    assert client.get(draft.get_absolute_url()).status_code == 404
    assert client.get(f"/api/v1/articles/{draft.slug}/").status_code == 404
    assert listed(client) == []
    for address in ("/", event.get_absolute_url(), "/api/v1/articles/", "/sitemap.xml"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert draft.title not in answer.text
        assert draft.slug not in answer.text


def test_the_news_are_newest_first(client):
    old = ArticleFactory(published_on=date(2024, 5, 1))
    new = ArticleFactory(published_on=date(2025, 5, 1))
    assert listed(client) == [new.title, old.title]


def test_the_news_can_be_narrowed_by_type_and_topic(client):
    topic = TopicFactory(slug="mediation")
    recap, note = ArticleFactory(kind=Kind.RECAP), ArticleFactory(kind=Kind.RESEARCH_NOTE)
    both = ArticleFactory(kind=Kind.RECAP, published_on=date(2020, 1, 1))
    for article in (note, both):
        article.topics.add(topic)
        article.save()
    assert listed(client, "?kind=recap") == [recap.title, both.title]
    assert listed(client, "?topic=mediation") == [note.title, both.title]
    assert listed(client, "?kind=recap&topic=mediation") == [both.title]
    assert listed(client, "?kind=journal") == []


def test_an_unknown_filter_is_answered_in_words(client):
    ArticleFactory()
    answer = client.get("/news/?kind=nonsense&topic=nonsense&page=nonsense")
    assert answer.status_code == 200


def test_the_news_have_pages(client):
    ArticleFactory.create_batch(19)
    assert len(listed(client)) == 18
    assert len(listed(client, "?page=2")) == 1


def test_the_page_of_an_article_shows_event_figures_topics_and_neighbours(client):
    event = EventFactory(
        title="Workshop on Mediation",
        starts_at=datetime(2025, 2, 9, 8, tzinfo=UTC),
        ends_at=datetime(2025, 2, 10, 16, tzinfo=UTC),
        series=SeriesFactory(),
    )
    shares = [{"code": "NL", "name": "Netherlands", "people": 17, "is_european": True}]
    Figures.objects.create(event=event, participants=17, jurisdictions=1, shares=shares)
    before = ArticleFactory(published_on=date(2025, 2, 1), title="What was before")
    after = ArticleFactory(published_on=date(2025, 4, 1), title="What came after")
    article = ArticleFactory(
        published_on=date(2025, 3, 1), event=event, kind=Kind.RECAP, authors="Ana Bo"
    )
    topic = TopicFactory(name="Mediation")
    article.topics.add(topic)
    article.save()
    page = client.get(article.get_absolute_url())
    for words in (
        article.title,
        "Recap",
        "1 March 2025",
        "By Ana Bo",
        "Mediation",
        event.title,
        "9–10 February 2025",
        "<dd>17</dd>",
    ):
        assert words in page.text
    assert event.get_absolute_url() in page.text
    assert f'rel="prev" href="{before.get_absolute_url()}"' in page.text
    assert f'rel="next" href="{after.get_absolute_url()}"' in page.text


def test_an_article_does_not_lead_to_an_event_that_is_not_public(client):
    event = EventFactory(draft=True)
    page = client.get(ArticleFactory(event=event).get_absolute_url())
    assert page.status_code == 200
    assert event.get_absolute_url() not in page.text


def test_markup_that_editors_type_is_text(client):
    article = ArticleFactory(
        title="<i>Title</i>", lead="<b>Lead</b>", authors="<u>Ana</u>", kind=Kind.NEWS
    )
    for address in (article.get_absolute_url(), "/news/", "/"):
        text = client.get(address).text
        assert "&lt;i&gt;Title&lt;/i&gt;" in text
        assert not any(tag in text for tag in ("<i>Title", "<b>Lead", "<u>Ana"))
