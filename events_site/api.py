"""The addresses of the API, its description and the pages that show it."""

from typing import Any

from django.conf import settings
from django.urls import include, path
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from events.api import JurisdictionViewSet
from recaps.api import ArticleViewSet
from registrations.api import OpenEventViewSet

router = SimpleRouter()
router.register("events", OpenEventViewSet, basename="api-event")
router.register("articles", ArticleViewSet, basename="api-article")
router.register("jurisdictions", JurisdictionViewSet, basename="api-jurisdiction")

# Swagger's page sets style attributes from its script.
DOCS_CSP: dict[str, list[str]] = {**settings.SECURE_CSP, "style-src": [CSP.SELF, CSP.UNSAFE_INLINE]}

urlpatterns: list[Any] = [
    path("", include(router.urls)),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path(
        "docs/",
        csp_override(DOCS_CSP)(SpectacularSwaggerSplitView.as_view(url_name="api-schema")),
        name="api-docs",
    ),
]


def only_ours(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Keep what is below /api/v1/: Wagtail's frame has an API of its own, which is nobody else's business."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]
