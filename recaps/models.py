"""Articles with Wagtail's drafts and revisions, and the newsletter: who reads it, and its issues."""

from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Lower, TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
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


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def of_address(self, email: str) -> "SubscriberQuerySet":
        return self.filter(email__iexact=email)


class Subscriber(models.Model):
    """Somebody who confirmed by a mailed link to want the newsletter: all of it, or what is on some topics."""

    email = models.EmailField(_("e-mail address"), max_length=254)
    topics = models.ManyToManyField(
        Topic, blank=True, related_name="subscribers", verbose_name=_("topics")
    )
    wants_all = models.BooleanField(
        _("wants all of it"),
        default=True,
        db_default=True,
        help_text=_(
            "Said, not read from the topics: whoever chose some keeps to them when they are gone."
        ),
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    subscribed_at = models.DateTimeField(_("subscribed at"), default=timezone.now)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscriber")
        verbose_name_plural = _("subscribers")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="an_address_subscribes_once"),
        ]

    def __str__(self) -> str:
        return self.email


class IssueState(models.TextChoices):
    """Where an issue of the newsletter stands."""

    DRAFT = "draft", _("Draft")
    SENDING = "sending", _("Is being sent")
    SENT = "sent", _("Sent")
    STOPPED = "stopped", _("Stopped")


class Issue(models.Model):
    """One issue of the newsletter. A worker writes it reader by reader; `cursor` is the last one written to."""

    subject = models.CharField(_("subject"), max_length=150)
    introduction = models.TextField(_("introduction"), max_length=5000, blank=True)
    articles = models.ManyToManyField(Article, blank=True, verbose_name=_("articles"))
    events = models.ManyToManyField(Event, blank=True, verbose_name=_("coming events"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(
        _("state"), max_length=10, choices=IssueState, default=IssueState.DRAFT
    )
    cursor = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("issue of the newsletter")
        verbose_name_plural = _("issues of the newsletter")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=IssueState.values), name="issue_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", sent_at__isnull=True)
                | (~Q(state="draft") & Q(sent_at__isnull=False)),
                name="an_issue_has_a_time_of_sending_once_sent",
            ),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def batch(self) -> str:
        """The name that its messages carry in the outbox."""
        return f"newsletter/{self.pk}"
