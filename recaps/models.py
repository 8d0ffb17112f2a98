"""Articles: recaps of events, news, research notes and journal articles, with Wagtail's drafts and revisions."""

from datetime import date
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalManyToManyField
from modelcluster.models import ClusterableModel
from wagtail.fields import RichTextField
from wagtail.models import DraftStateMixin, PreviewableMixin, RevisionMixin

from accounts.models import Organisation
from events.models import Event, Topic

BODY_FEATURES = ["h2", "h3", "bold", "italic", "ol", "ul", "link", "hr", "blockquote"]
LONG_AGO = date(1970, 1, 1)
WORDS_A_MINUTE = 220


class Kind(models.TextChoices):
    """What sort of article it is."""

    RECAP = "recap", _("Recap")
    NEWS = "news", _("News")
    RESEARCH_NOTE = "research-note", _("Research note")
    JOURNAL = "journal", _("Journal")


class ArticleQuerySet(models.QuerySet["Article"]):
    def public(self) -> "ArticleQuerySet":
        """Articles that everybody may read."""
        return self.filter(live=True)

    def placed(self) -> "ArticleQuerySet":
        """With `placed_on`, the day they are ordered by: the day of publication, or at the earliest the event's end."""
        return self.annotate(
            placed_on=Coalesce("published_on", TruncDate("event__ends_at"), models.Value(LONG_AGO))
        )

    def latest_first(self) -> "ArticleQuerySet":
        return self.placed().order_by("-placed_on", "-pk")

    def with_facts(self) -> "ArticleQuerySet":
        """With event, organisation and topics, in two queries for any number of articles."""
        return self.select_related("event__venue", "organisation").prefetch_related("topics")


class Article(PreviewableMixin, DraftStateMixin, RevisionMixin, ClusterableModel):
    """An article of an organisation, about an event or not. Its draft state has editorial consequences only."""

    kind = models.CharField(_("type"), max_length=15, choices=Kind, default=Kind.NEWS)
    title = models.CharField(_("title"), max_length=200)
    slug = models.SlugField(_("short address"), max_length=120, unique=True)
    lead = models.CharField(_("lead"), max_length=500, blank=True)
    body = RichTextField(_("text"), blank=True, features=BODY_FEATURES)
    authors = models.CharField(
        _("authors"), max_length=300, blank=True, help_text=_("Names, with commas between them.")
    )
    published_on = models.DateField(_("date"), null=True, blank=True)
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="articles", verbose_name=_("published by")
    )
    event = models.ForeignKey(
        Event,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="articles",
        verbose_name=_("event"),
    )
    topics = ParentalManyToManyField(
        Topic, blank=True, related_name="articles", verbose_name=_("topics")
    )

    objects = ArticleQuerySet.as_manager()

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="article_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("article", args=[self.slug])

    @property
    def byline(self) -> str:
        """Who wrote it: the authors, or the organisation that published it."""
        return self.authors or self.organisation.display_name

    @property
    def minutes(self) -> int:
        """How long it takes to read."""
        return max(1, round(len(self.body.split()) / WORDS_A_MINUTE))

    def previous(self) -> "Article | None":
        """The public article before this one in time."""
        return (
            Article.objects.public()
            .latest_first()
            .filter(
                Q(placed_on__lt=self._placed_on()) | Q(placed_on=self._placed_on(), pk__lt=self.pk)
            )
            .first()
        )

    def next(self) -> "Article | None":
        """The public article after this one in time."""
        return (
            Article.objects.public()
            .placed()
            .filter(
                Q(placed_on__gt=self._placed_on()) | Q(placed_on=self._placed_on(), pk__gt=self.pk)
            )
            .order_by("placed_on", "pk")
            .first()
        )

    def _placed_on(self) -> date:
        if self.published_on:
            return self.published_on
        placed = (
            Article.objects.placed().filter(pk=self.pk).values_list("placed_on", flat=True).first()
        )
        return placed or LONG_AGO

    # -- Preview at the desk ------------------------------------------------------------------
    def get_preview_template(self, request: HttpRequest, mode_name: str) -> str:
        return "recaps/article_page.html"

    def get_preview_context(self, request: HttpRequest, mode_name: str) -> dict[str, Any]:
        from recaps.pages import article_context

        return {**super().get_preview_context(request, mode_name), **article_context(self)}
