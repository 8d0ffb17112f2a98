"""What joins several floors at the desk: home, the menu, the overview of an event, all mail for administrators."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, reverse_lazy
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import AdminOnlyMenuItem, MenuItem

from accounts.permissions import MANAGING, can_manage, has_role
from events.tabs import EventLink
from events_site import panels


class ForOrganisers(MenuItem):
    """Shown to those who manage events for an organisation."""

    def is_shown(self, request: HttpRequest) -> bool:
        return has_role(request.user, MANAGING)


@hooks.register("register_admin_urls")
def addresses() -> list[URLPattern]:
    from events_site import desk, system_desk

    return [*desk.urlpatterns, *system_desk.urlpatterns]


@hooks.register("plenary_event_links")
def tabs() -> list[EventLink]:
    return [EventLink(_("Overview"), "desk_event", can_manage, order=10)]


@hooks.register("register_admin_menu_item")
def events_item() -> MenuItem:
    url = reverse_lazy("desk_events")
    return ForOrganisers(_("Events"), url, name="events", icon_name="calendar", order=100)


@hooks.register("register_network_menu_item")
def outbox_item() -> MenuItem:
    url = reverse_lazy("desk_outbox")
    return AdminOnlyMenuItem(_("All mail"), url, name="outbox", icon_name="mail", order=80)


@hooks.register("register_network_menu_item")
def system_item() -> MenuItem:
    url = reverse_lazy("desk_system")
    return AdminOnlyMenuItem(_("System"), url, name="system", icon_name="cogs", order=90)


@hooks.register("register_network_menu_item")
def reminders_item() -> MenuItem:
    url = reverse_lazy("desk_network_reminders")
    return AdminOnlyMenuItem(_("Reminders"), url, name="reminders", icon_name="date", order=78)


@hooks.register("construct_homepage_panels")
def home_panels(request: HttpRequest, shown: list[Any]) -> None:
    """Show what there is to do instead of what Wagtail says of its pages."""
    shown[:] = [
        panels.IllnessPanel(),
        panels.NextEventsPanel(),
        panels.MailPanel(),
        panels.ToDoPanel(),
    ]


@hooks.register("construct_homepage_summary_items")
def no_summary(request: HttpRequest, items: list[Any]) -> None:
    """Wagtail's summary counts pages and images."""
    items.clear()
