"""The real addresses and two plain views: one that renders nothing, one that renders little after one query."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from events.models import Topic

CONSTANT = HttpResponse("<!doctype html><p>" + "x" * 20_000)
SMALL = engines["django"].from_string(
    "<!doctype html><title>{{ site_name }}</title><ul>"
    "{% for topic in topics %}<li><a href='{{ topic.slug }}'>{{ topic.name }}</a></li>{% endfor %}</ul>"
)


@login_not_required
def constant(request: HttpRequest) -> HttpResponse:
    """20 kB that are always the same."""
    return HttpResponse(CONSTANT.content)


@login_not_required
def small(request: HttpRequest) -> HttpResponse:
    """A small template with one query."""
    return HttpResponse(SMALL.render({"topics": Topic.objects.all()}, request))


urlpatterns = [
    path("bench/constant/", constant),
    path("bench/small/", small),
    path("", include("events_site.urls")),
]
