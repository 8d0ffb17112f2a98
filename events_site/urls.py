"""Every address of the site (design 8)."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.static import serve
from wagtail.admin import urls as desk_urls
from wagtail.utils.urlpatterns import decorate_urlpatterns

from events_site import api, errors, files, health, pages

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error

# The desk checks sign-in itself, shows previews in a frame, and needs a wider content policy than the public pages.
desk: Any = desk_urls.urlpatterns
for rule in (login_not_required, xframe_options_sameorigin, csp_override(settings.DESK_CSP)):
    desk = decorate_urlpatterns(desk, rule)

urlpatterns = [
    path("", pages.home, name="home"),
    path("events/", pages.event_list, name="events"),
    path("events/past/", pages.past_events, name="past_events"),
    path("events/<slug:slug>/", pages.event_page, name="event"),
    path("", include("events.urls")),
    path("", include("registrations.urls")),
    path("", include("recaps.urls")),
    path("mail/", include("outbox.urls")),
    path("api/v1/", include(api.urlpatterns)),
    path("desk/", include(desk)),
    path("live", health.live, name="live"),
    path("ready", health.ready, name="ready"),
    path("theme.css", files.theme, name="theme"),
    path("robots.txt", files.robots, name="robots"),
    path("sitemap.xml", files.sitemap, name="sitemap"),
    path(
        "media/<path:path>",
        login_not_required(serve),
        {"document_root": settings.MEDIA_ROOT},
        name="media",
    ),
]
