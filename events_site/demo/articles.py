"""Reads articles, and makes and publishes them as editors do: a draft, a revision, the revision published."""

from collections.abc import Callable

from django.db.models import Model
from django.utils.html import escape

from accounts.models import Organisation, User
from events.models import Event, Topic
from events_site.demo.loading import check
from events_site.demo.records import BadRecord, Record
from recaps.drafting import draft_recap, sentence
from recaps.models import Article, Kind
from registrations import figures


class Articles:
    """Makes articles. `publisher` is the organisation that publishes for the network."""

    def __init__(self, *, publisher: Organisation | None, by: User) -> None:
        self.publisher = publisher
        self.by = by

    def read(self, record: Record) -> Callable[[], Model]:
        event: Event | None = record.ref("event", "events")
        made = Article(
            slug=record.text("slug"),
            kind=record.choice("kind", Kind),
            title=record.text("title"),
            lead=record.optional("lead"),
            authors=", ".join(record.texts("authors")),
            published_on=record.day("published"),
            event=event,
            live=False,
        )
        topics = record.refs("topics", "topics")
        return lambda: self._make(made, topics)

    def _make(self, wanted: Article, topics: list[Topic]) -> Article:
        event = wanted.event
        publisher = self._publisher_of(wanted)
        if event and event.is_over and wanted.kind == Kind.RECAP:
            article = draft_recap(event, by=self.by, organisation=publisher)
        else:
            article = Article(live=False, event=event, body=_opening(event))
        article.organisation = publisher
        for name in ("slug", "kind", "title", "lead", "authors", "published_on"):
            setattr(article, name, getattr(wanted, name))
        check(article)
        article.topics.set(topics)
        article.save()
        article.save_revision(user=self.by).publish(user=self.by, skip_permission_checks=True)
        return article

    def _publisher_of(self, article: Article) -> Organisation:
        """The network's own organisation; for recaps of events of others their leading organiser.

        An article that names the network's organisation in its title is its own all the same.
        """
        own, organisers = self.publisher, article.event.organisers if article.event else []
        is_elsewhere = organisers and article.kind == Kind.RECAP and own not in organisers
        if own and not (is_elsewhere and own.display_name not in article.title):
            return own
        if not organisers:
            raise BadRecord("there is no organisation that could publish it")
        return organisers[0]


def _opening(event: Event | None) -> str:
    """The sentence from the record of an event that is over."""
    if event is None or not event.is_over:
        return ""
    signed = figures.signed_off(event)
    return f"<p>{escape(sentence(event, figures.tally_of(signed) if signed else None))}</p>"
