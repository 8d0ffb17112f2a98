"""What the events app brings to the desk: its addresses, its tabs, and the network's lists for administrators."""

from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from wagtail import hooks

from accounts.desk import AdministratorsViewSet
from accounts.permissions import can_manage
from events.models import Series, Topic, Venue
from events.tabs import EventLink


@hooks.register("register_admin_urls")
def addresses() -> list[URLPattern]:
    from events import copy_desk, desk
    from events.importing import desk as importing_desk

    return [*desk.urlpatterns, *copy_desk.urlpatterns, *importing_desk.urlpatterns]


@hooks.register("plenary_event_links")
def tabs() -> list[EventLink]:
    return [
        EventLink(_("Edit"), "desk_event_edit", can_manage, order=20),
        EventLink(_("Programme"), "desk_programme", can_manage, order=30),
    ]


class TopicViewSet(AdministratorsViewSet):
    model = Topic
    name = "topics"
    icon = "tag"
    menu_label = _("Topics")
    menu_order = 40
    list_display = ["name", "slug"]
    search_fields = ["name"]
    form_fields = ["name", "slug"]


class SeriesViewSet(AdministratorsViewSet):
    model = Series
    name = "series"
    icon = "list-ol"
    menu_label = _("Series")
    menu_order = 50
    list_display = ["name", "slug"]
    search_fields = ["name"]
    form_fields = ["name", "slug"]


class VenueViewSet(AdministratorsViewSet):
    model = Venue
    name = "venues"
    icon = "site"
    menu_label = _("Venues")
    menu_order = 60
    list_display = ["name", "city", "country", "timezone"]
    list_filter = ["country"]
    search_fields = ["name", "city"]
    form_fields = [
        "name",
        "slug",
        "address",
        "city",
        "country",
        "timezone",
        "latitude",
        "longitude",
        "is_city_only",
    ]


@hooks.register("register_admin_viewset")
def network_views() -> list[AdministratorsViewSet]:
    return [TopicViewSet(), SeriesViewSet(), VenueViewSet()]
