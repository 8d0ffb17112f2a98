"""Articles as the API shows them."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from events.api import TopicSerializer
from recaps.models import Article
from recaps.views import ArticleFilter


class ArticleSerializer(serializers.ModelSerializer[Article]):
    """A public article."""

    url = serializers.SerializerMethodField()
    event: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="slug", read_only=True
    )
    organisation: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(
        slug_field="slug", read_only=True
    )
    topics = TopicSerializer(many=True)

    class Meta:
        model = Article
        fields = [
            "slug", "url", "kind", "title", "lead", "body", "authors", "published_on",
            "organisation", "event", "topics",
        ]  # fmt: skip

    def get_url(self, article: Article) -> str:
        return settings.SITE_URL + article.get_absolute_url()


class ArticleViewSet(viewsets.ReadOnlyModelViewSet[Article]):
    """Public articles, newest first."""

    serializer_class = ArticleSerializer
    lookup_field = "slug"
    filterset_class = ArticleFilter
    queryset = Article.objects.public()

    def get_queryset(self) -> QuerySet[Article]:
        return Article.objects.public().latest_first().with_facts()
