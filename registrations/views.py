"""Registering, and the page of one's own registration behind the personal link."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.doors import public
from events import calendar
from events.deeplinks import calendar_links
from events.models import Event
from events.views import calendar_response
from registrations import availability, line, links, notices, seats, swaps
from registrations.forms import RegistrationForm
from registrations.models import Registration, Status
from registrations.seating import RefusedSeat

View = Callable[..., HttpResponse]


def behind_a_secret(view: View) -> View:
    """Open the page of a personal link, or answer 404; never cached, indexed or passed on as a referrer."""

    @login_not_required
    @wraps(view)
    def wrapped(request: HttpRequest, token: str) -> HttpResponse:
        registration = links.find(token)
        if registration is None:
            raise Http404
        return _secret(view(request, token, registration))

    return wrapped


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
    return _private(response)


@public
def registered(request: HttpRequest, slug: str) -> HttpResponse:
    """What happens next, the same for everybody: nothing here tells who registered."""
    event = get_object_or_404(Event.objects.public().with_facts(), slug=slug)
    return TemplateResponse(
        request,
        "registrations/registered.html",
        {**notices.facts(event), "hold_hours": settings.HOLD_HOURS},
    )


@behind_a_secret
@require_safe
def registration(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Where one's registration stands, and what one can do."""
    return _page(request, token, registration)


@behind_a_secret
@require_POST
def verify(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """The button that confirms the address."""
    return _act(request, token, registration, seats.verify)


@behind_a_secret
@require_POST
def accept(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """The button that takes an offered place."""
    return _act(request, token, registration, seats.accept_offer)


@behind_a_secret
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Asks once, with the consequence; then withdraws the registration."""
    if request.method == "POST":
        return _act(request, token, registration, seats.cancel)
    if not registration.is_live:
        return redirect("registration", token=token)
    return TemplateResponse(
        request,
        "registrations/cancel.html",
        {**notices.facts(registration.event), "registration": registration, "token": token},
    )


@behind_a_secret
@require_safe
def registration_calendar(
    request: HttpRequest, token: str, registration: Registration
) -> HttpResponse:
    """The event as a file for one's calendar; it holds nothing personal."""
    event = registration.event
    return calendar_response(calendar.event_file(event), changed_at=None, name=event.slug)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def registration_address(request: HttpRequest, token: str) -> HttpResponse:
    """Proves a new address: asks once, then takes it and leads to one's page under its new link."""
    registration = links.find_by_address(token)
    if registration is None:
        raise Http404
    refusal = ""
    if request.method == "POST":
        try:
            registration = swaps.prove_new_address(registration)
        except RefusedSeat as error:
            refusal = str(error)
        else:
            return redirect("registration", token=links.token_of(registration))
    return _secret(
        TemplateResponse(
            request,
            "registrations/address.html",
            {
                **notices.facts(registration.event),
                "registration": registration,
                "refusal": refusal,
            },
            status=409 if refusal else 200,
        )
    )


def _act(
    request: HttpRequest,
    token: str,
    registration: Registration,
    action: Callable[[Registration], Any],
) -> HttpResponse:
    try:
        action(registration)
    except RefusedSeat as error:
        return _page(request, token, registration, refusal=str(error), status=409)
    return redirect("registration", token=token)


def _page(
    request: HttpRequest,
    token: str,
    registration: Registration,
    *,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    event = registration.event
    ahead = 0
    if registration.status == Status.WAITING:
        ahead = line.rank(registration) - 1
    return TemplateResponse(
        request,
        "registrations/registration.html",
        {
            **notices.facts(event),
            "registration": registration,
            "token": token,
            "ahead": ahead,
            "refusal": refusal,
            "availability": availability.of_event(event),
            "calendar_links": calendar_links(event),
        },
        status=status,
    )


def _secret(response: HttpResponse) -> HttpResponse:
    """Keep a page behind a secret out of caches, indexes and referrers."""
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    return _private(response)


def _private(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    patch_cache_control(response, no_store=True, private=True)
    return response
