"""The small files of the site: its colours, what robots may read, and the map of its pages."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.sitemaps import GenericSitemap, Sitemap, views
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from events.models import Event
from recaps.models import Article


@login_not_required
@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def theme(request: HttpRequest) -> HttpResponse:
    """The accent of the site in both colour schemes."""
    css = (
        f":root{{--accent:{settings.SITE_ACCENT}}}"
        f"@media(prefers-color-scheme:dark){{:root{{--accent:{settings.SITE_ACCENT_DARK}}}}}"
    )
    return HttpResponse(css, content_type="text/css; charset=utf-8")


@login_not_required
@require_safe
@cache_control(public=True, max_age=86_400)
def robots(request: HttpRequest) -> HttpResponse:
    """Everything public may be read; pages behind a secret and the desk need not be looked for."""
    lines = [
        "User-agent: *",
        "Disallow: /desk/",
        "Disallow: /r/",
        "Disallow: /me/",
        "Disallow: /mail/",
        f"Sitemap: {settings.SITE_URL}{reverse('sitemap')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


class OurAddress(Sitemap):
    """Takes scheme and host of the addresses from the settings, not from the request."""

    protocol = urlsplit(settings.SITE_URL).scheme

    def get_domain(self, site: object = None) -> str:
        return urlsplit(settings.SITE_URL).netloc


class PageSitemap(OurAddress):
    """The pages that are always there."""

    def items(self) -> list[str]:
        return ["home", "events", "past_events", "news", "calendar"]

    def location(self, item: str) -> str:
        return reverse(item)


class RecordSitemap(OurAddress, GenericSitemap):
    """The pages of a queryset."""


@login_not_required
@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """The map of the public pages for search engines."""
    sitemaps: dict[str, type[Sitemap[Any]] | Sitemap[Any]] = {
        "pages": PageSitemap(),
        "events": RecordSitemap(
            {"queryset": Event.objects.public().order_by("pk"), "date_field": "changed_at"}
        ),
        "articles": RecordSitemap({"queryset": Article.objects.public().order_by("pk")}),
    }
    return views.sitemap(request, sitemaps)
