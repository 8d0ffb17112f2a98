"""The news list and the pages of articles."""

import django_filters
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from accounts.doors import public
from events.models import Topic
from recaps.models import Article, Kind
from recaps.pages import article_context

PER_PAGE = 18


class ArticleFilter(django_filters.FilterSet):
    """Type and topic; shared by page and API."""

    kind = django_filters.ChoiceFilter(choices=Kind.choices, label=_("Type"), empty_label=_("All"))
    topic = django_filters.ModelChoiceFilter(
        field_name="topics",
        to_field_name="slug",
        queryset=Topic.objects.all(),
        label=_("Topic"),
        empty_label=_("All"),
    )

    class Meta:
        model = Article
        fields: list[str] = []


@public
def news(request: HttpRequest) -> HttpResponse:
    """The articles, newest first."""
    articles = ArticleFilter(request.GET, Article.objects.public().latest_first().with_facts())
    page = Paginator(articles.qs, PER_PAGE).get_page(request.GET.get("page"))
    return TemplateResponse(request, "recaps/news.html", {"filter": articles, "page": page})


@public
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """One article with its event, its neighbours and related ones."""
    found = get_object_or_404(Article.objects.public().with_facts(), slug=slug)
    return TemplateResponse(request, "recaps/article_page.html", article_context(found))
