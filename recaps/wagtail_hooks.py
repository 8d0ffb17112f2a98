"""What the recaps app brings to the desk: figures, and articles with Wagtail's drafts and revisions."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.forms.models import WagtailAdminModelForm
from wagtail.admin.menu import AdminOnlyMenuItem, MenuItem
from wagtail.admin.panels import (
    FieldPanel,
    FieldRowPanel,
    MultiFieldPanel,
    ObjectList,
    TitleFieldPanel,
)
from wagtail.admin.ui.tables import Column
from wagtail.snippets.models import register_snippet

from accounts.desk import ScopedSnippetViewSet
from accounts.permissions import (
    EDITING,
    Someone,
    can_report,
    editable,
    has_role,
    organisations_of,
    reportable,
)
from events.models import Event
from events.tabs import EventLink
from recaps.models import Article


def may_write(user: Someone) -> bool:
    """Whether this person edits for any organisation."""
    return has_role(user, EDITING)


class ArticleForm(WagtailAdminModelForm):
    """An article of one of the writer's organisations, about one of their events or none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        user = self.for_user
        if not self.instance.pk:
            self.initial["published_on"] = self.instance.published_on or timezone.localdate()
        if "organisation" in fields:
            own = organisations_of(user, EDITING)
            fields["organisation"].queryset = own
            if not self.instance.organisation_id and not user.is_superuser:
                self.initial["organisation"] = own.first()
        if "event" in fields:
            mine = reportable(Event.objects.all(), user)
            kept = Event.objects.filter(pk__in=[self._event_id()])
            fields["event"].queryset = (mine | kept).order_by("-starts_at")
            fields["event"].empty_label = _("None")
            fields["event"].label_from_instance = _with_year

    def _event_id(self) -> int | None:
        """The event that the stored article is about, which stays although another organisation leads it."""
        if not self.instance.pk:
            return None
        stored = Article.objects.filter(pk=self.instance.pk).values_list("event_id", flat=True)
        event_id: int | None = stored.first()
        return event_id


def _with_year(event: Event) -> str:
    return f"{event.title} ({event.first_day.year})"


def state_in_words(article: Article) -> str:
    """Whether everybody can read it. Wagtail's own column asks for a schedule, which we do not have, row by row."""
    if not article.live:
        return gettext("Draft")
    if article.has_unpublished_changes:
        return gettext("Published, with unpublished changes")
    return gettext("Published")


class ArticleViewSet(ScopedSnippetViewSet):
    model = Article
    scope = staticmethod(editable)
    may_add = staticmethod(may_write)
    icon = "doc-full"
    menu_label = _("News and recaps")
    menu_name = "articles"
    menu_order = 200
    add_to_admin_menu = True
    base_url_path = "articles"
    list_display = [
        "title",
        "kind",
        Column("organisation", accessor="organisation.display_name", label=_("Published by")),
        Column("published_on", label=_("Date"), sort_key="published_on"),
        Column("status", accessor=state_in_words, label=_("Status"), sort_key="live"),
    ]
    ordering = "-published_on"
    list_filter = ["kind", "live"]
    list_per_page = 30
    search_fields = ["title"]
    search_backend_name = None

    edit_handler = ObjectList(
        [
            TitleFieldPanel("title", placeholder=_("Title"), targets=["slug"]),
            FieldRowPanel(
                [
                    FieldPanel("kind"),
                    FieldPanel(
                        "published_on",
                        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
                    ),
                ]
            ),
            FieldPanel("lead", widget=forms.Textarea(attrs={"rows": 3})),
            FieldPanel("body"),
            FieldPanel("authors"),
            MultiFieldPanel(
                [
                    FieldPanel("organisation", required_on_save=True),
                    FieldPanel("event"),
                    FieldPanel("slug", required_on_save=True),
                ],
                heading=_("Belongs to"),
            ),
            FieldPanel("topics", widget=forms.CheckboxSelectMultiple),
        ],
        base_form_class=ArticleForm,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("organisation", "latest_revision")


register_snippet(ArticleViewSet)


@hooks.register("register_admin_urls")
def addresses() -> list[URLPattern]:
    from recaps import desk, newsletter_desk

    return [*desk.urlpatterns, *newsletter_desk.urlpatterns]


@hooks.register("register_network_menu_item")
def newsletter_item() -> MenuItem:
    url = reverse_lazy("desk_newsletter")
    return AdminOnlyMenuItem(_("Newsletter"), url, name="newsletter", icon_name="list-ul", order=70)


@hooks.register("plenary_event_links")
def tabs() -> list[EventLink]:
    return [EventLink(_("Figures"), "desk_figures", can_report, order=60)]
