"""What the page of an article shows, in public and in the preview at the desk."""

from typing import Any

from django.db.models import Count, Prefetch, Q, prefetch_related_objects

from events.models import EventOrganisation
from recaps.models import Article
from registrations import figures
from registrations.tilemap import tile_map

RELATED = 3


def article_context(article: Article) -> dict[str, Any]:
    """Return the article with its event and figures, its neighbours in time and related articles."""
    event = article.event if article.event and article.event.is_public else None
    if event:
        prefetch_related_objects(
            [event],
            Prefetch(
                "organisation_links",
                EventOrganisation.objects.select_related("organisation").order_by("position", "pk"),
            ),
        )
    signed = figures.signed_off(event) if event else None
    tally = figures.tally_of(signed) if signed else None
    return {
        "article": article,
        "event": event,
        "tally": tally,
        "tiles": tile_map(tally) if tally and tally.jurisdictions else None,
        "previous_article": article.previous(),
        "next_article": article.next(),
        "related": related_to(article),
    }


def related_to(article: Article) -> list[Article]:
    """Return up to three articles: of the same event first, then those that share most topics, newest first."""
    topics = [topic.pk for topic in article.topics.all()]
    same_event = Q(event=article.event_id) if article.event_id else Q(pk__in=[])
    return list(
        Article.objects.public()
        .exclude(pk=article.pk)
        .placed()
        .annotate(
            shared=Count("topics", filter=Q(topics__in=topics), distinct=True),
            of_same_event=Count("pk", filter=same_event, distinct=True),
        )
        .filter(Q(shared__gt=0) | Q(of_same_event__gt=0))
        .order_by("-of_same_event", "-shared", "-placed_on", "-pk")
        .select_related("event__venue", "organisation")[:RELATED]
    )
