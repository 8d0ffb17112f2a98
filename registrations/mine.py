"""The pages of one's own registration, behind the personal link."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events import calendar
from events.deeplinks import calendar_links
from events.views import calendar_response
from registrations import availability, line, links, notices, seats, swaps
from registrations.doors import behind_a_secret, secret
from registrations.models import Registration, Status
from registrations.seating import RefusedSeat


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
    return secret(
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
