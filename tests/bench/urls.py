"""The real addresses and plain views: of nothing, of the same, of a small template, of the form of registering."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template import engines
from django.urls import include, path

from events.models import Event, Topic
from registrations.forms import RegistrationForm

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
def empty(request: HttpRequest) -> HttpResponse:
    """Nothing."""
    return HttpResponse()


@login_not_required
def small(request: HttpRequest) -> HttpResponse:
    """A small template with one query."""
    return HttpResponse(SMALL.render({"topics": Topic.objects.all()}, request))


@login_not_required
def form(request: HttpRequest, slug: str) -> HttpResponse:
    """Reads the form of registering, and stores nothing."""
    event = get_object_or_404(Event.objects.public().with_facts(), slug=slug)
    read = RegistrationForm(request.POST, event=event)
    return redirect("registered", slug=slug) if read.is_valid() else HttpResponse(status=422)


urlpatterns = [
    path("bench/constant/", constant),
    path("bench/empty/", empty),
    path("bench/form/<slug:slug>/", form),
    path("bench/small/", small),
    path("", include("events_site.urls")),
]
