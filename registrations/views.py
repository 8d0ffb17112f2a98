"""Registering for an event, and the public list of who comes."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from accounts.doors import public
from events.models import Event
from registrations import availability, notices, seats
from registrations.doors import private
from registrations.forms import RegistrationForm
from registrations.seating import RefusedSeat


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, slug: str) -> HttpResponse:
    """The form to register for an event; answers the same whether or not the person is known."""
    event = get_object_or_404(Event.objects.public().with_facts(), slug=slug)
    form = RegistrationForm(request.POST or None, event=event)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            seats.register(
                event, person=form.person(language=get_language() or "en"), mode=form.chosen_mode()
            )
        except RefusedSeat as error:
            refusal = str(error)
        else:
            return redirect("registered", slug=event.slug)
    places = availability.of_event(event)
    status = 200
    if request.method == "POST":
        status = 409 if refusal or not places.can_register else 422
    response = TemplateResponse(
        request,
        "registrations/register.html",
        {**notices.facts(event), "form": form, "availability": places, "refusal": refusal},
        status=status,
    )
    return private(response)


@public
def registered(request: HttpRequest, slug: str) -> HttpResponse:
    """What happens next, the same for everybody: nothing here tells who registered."""
    event = get_object_or_404(Event.objects.public().with_facts(), slug=slug)
    return TemplateResponse(
        request,
        "registrations/registered.html",
        {**notices.facts(event), "hold_hours": settings.HOLD_HOURS},
    )


@public
def participants(request: HttpRequest, slug: str) -> HttpResponse:
    """Those who come and agreed to be named, where the event shows a list."""
    listing = Event.objects.public().filter(terms__shows_participants=True)
    event = get_object_or_404(listing.with_facts(), slug=slug)
    people = event.registrations.listed().select_related("jurisdiction")
    response = TemplateResponse(
        request,
        "registrations/participants.html",
        {
            **notices.facts(event),
            "people": people.order_by("family_name", "given_name", "pk"),
        },
    )
    response["X-Robots-Tag"] = "noindex"
    return response
