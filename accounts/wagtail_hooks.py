"""The desk's frame: what its menus show to whom, and the lists of people and organisations for administrators."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import Menu, MenuItem, SubmenuMenuItem
from wagtail.permissions import policy_registry
from wagtail.rich_text.feature_registry import FeatureRegistry
from wagtail.snippets.action_menu import ActionMenuItem, PublishMenuItem, UnpublishMenuItem

from accounts.desk import AdministratorsViewSet, ScopedPolicy
from accounts.models import Jurisdiction, MailDomain, Membership, Organisation

#: Wagtail's menus that lead nowhere here: there is no page tree, and its help is about one.
OF_NO_USE = {"explorer", "help", "groups", "collections", "workflows", "workflow-tasks"}
#: Wagtail's menus that lead to administrators' views.
FOR_ADMINISTRATORS = {"images", "documents", "reports", "settings", "snippets"}


@hooks.register("insert_global_admin_css")
def our_stylesheet() -> str:
    link = format_html('<link rel="stylesheet" href="{}">', static("desk/desk.css"))
    colours = format_html(
        "<style>:root{{--desk-accent:{};--desk-accent-dark:{}}}</style>",
        settings.SITE_ACCENT,
        settings.SITE_ACCENT_DARK,
    )
    return link + colours


@hooks.register("construct_main_menu")
@hooks.register("construct_settings_menu")
def hide_what_leads_nowhere(request: HttpRequest, items: list[MenuItem]) -> None:
    """Leave out what is of no use here, and from members what would answer 404."""
    hidden = OF_NO_USE if request.user.is_superuser else OF_NO_USE | FOR_ADMINISTRATORS
    items[:] = [item for item in items if item.name not in hidden]


@hooks.register("construct_search")
def search_no_pages(request: HttpRequest, areas: list[Any]) -> None:
    """Wagtail's search is for administrators; it has no pages to look through."""
    areas[:] = [area for area in areas if request.user.is_superuser and area.name != "pages"]


@hooks.register("register_admin_menu_item")
def network_menu() -> SubmenuMenuItem:
    """What the whole network shares; its items are shown to administrators only."""
    menu = Menu(register_hook_name="register_network_menu_item")
    return SubmenuMenuItem(_("Network"), menu, name="network", icon_name="globe", order=600)


@hooks.register("construct_snippet_action_menu")
def offer_publishing(
    items: list[ActionMenuItem], request: HttpRequest, context: dict[str, Any]
) -> None:
    """Let members publish their own. Wagtail asks for a permission of the model here, which nobody is given."""
    policy = policy_registry.get_by_type(context["model"])
    if not isinstance(policy, ScopedPolicy) or not policy.user_has_permission(
        request.user, "publish"
    ):
        return
    names = {item.name for item in items}
    instance = context.get("instance")
    if instance is not None and instance.live and UnpublishMenuItem.name not in names:
        items.append(UnpublishMenuItem(order=20))
    if PublishMenuItem.name not in names:
        items.append(PublishMenuItem(order=30))


@hooks.register("register_rich_text_features", order=100)
def links_without_pages(features: FeatureRegistry) -> None:
    """Open the text editor's link dialog at web addresses, since there are no pages to choose from."""
    choosers = features.plugins_by_editor["draftail"]["link"].data["chooserUrls"]
    choosers["pageChooser"] = choosers["externalLinkChooser"]


class OrganisationViewSet(AdministratorsViewSet):
    model = Organisation
    name = "organisations"
    icon = "group"
    menu_label = _("Organisations")
    menu_order = 10
    list_display = ["name", "short_name", "city", "country", "is_member"]
    list_filter = ["is_member"]
    search_fields = ["name", "short_name", "city"]
    form_fields = [
        "name",
        "short_name",
        "slug",
        "website",
        "city",
        "country",
        "is_member",
        "retention_months",
    ]


class MailDomainViewSet(AdministratorsViewSet):
    model = MailDomain
    name = "mail-domains"
    icon = "mail"
    menu_label = _("Mail domains")
    menu_order = 15
    list_display = ["domain", "organisation"]
    list_select_related = ["organisation"]
    search_fields = ["domain", "organisation__name", "organisation__short_name"]
    form_fields = ["domain", "organisation"]


class MembershipViewSet(AdministratorsViewSet):
    model = Membership
    name = "memberships"
    icon = "key"
    menu_label = _("Memberships")
    menu_order = 30
    list_display = ["user", "organisation", "role"]
    list_filter = ["organisation", "role"]
    search_fields = [
        "user__email",
        "user__first_name",
        "user__last_name",
        "organisation__name",
        "organisation__short_name",
    ]
    form_fields = ["user", "organisation", "role"]


class JurisdictionViewSet(AdministratorsViewSet):
    model = Jurisdiction
    name = "jurisdictions"
    icon = "globe"
    menu_label = _("Jurisdictions")
    menu_order = 70
    list_display = ["name", "code", "country", "is_european"]
    list_filter = ["is_european"]
    search_fields = ["name", "code"]
    form_fields = ["name", "code", "country", "aliases", "is_european"]


@hooks.register("register_admin_viewset")
def network_views() -> list[AdministratorsViewSet]:
    return [
        OrganisationViewSet(),
        MailDomainViewSet(),
        MembershipViewSet(),
        JurisdictionViewSet(),
    ]
