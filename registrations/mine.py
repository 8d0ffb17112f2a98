"""The page of one's own registration, behind the personal link: where it stands, and what is done with one press."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events import calendar
from events.deeplinks import calendar_links
from events.views import calendar_response
from outbox import returns
from registrations import (
    answers,
    availability,
    certificates,
    changes,
    choices,
    erasure,
    joining,
    line,
    seats,
    swaps,
    values,
)
from registrations.doors import behind_a_secret
from registrations.entry import Entrance
from registrations.forms import ConfirmForm
from registrations.models import Erasure, Moment, Registration, Status, terms_of
from registrations.seating import RefusedSeat

#: What the page says after a form of `changes`.
DONE = {
    "details": _("Saved. What you changed counts from now on."),
    "mode": _("Done: you attend in the other way now."),
    "wish": _("You stand in the other line now, and keep what you have until a place comes free."),
    "line": _("Done: you stand in the line for the other way of attending now."),
    "stays": _("Done: you attend as before, and have left the other line."),
    "address": _("From now on everything goes to this address."),
    "email": _(
        "We have sent a link to the new address. Until its button is pressed, nothing changes."
    ),
    "substitute": _(
        "We have written to the person whom you named. When they confirm, your place is theirs, and we tell you."
        " Until then it is yours."
    ),
}


@behind_a_secret
@require_safe
def registration(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Where one's registration stands, and what one can do; the page for joining knows this browser from now on."""
    response = _page(request, token, registration)
    joining.remember(response, registration)
    return response


@behind_a_secret
@require_POST
def verify(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """The button that confirms the address, with what the person must still say."""
    form = ConfirmForm(request.POST, request.FILES, registration=registration)
    if not form.is_valid():
        return _page(request, token, registration, form=form, status=422)
    try:
        seats.verify(registration, given=form.given(), declares=form.declares())
    except RefusedSeat as error:
        if form.refuse(error):
            return _page(request, token, registration, form=form, status=422)
        return _page(request, token, registration, refusal=str(error), status=409)
    returns.lift(registration.email)  # the mail has arrived
    return redirect("registration", token=token)


@behind_a_secret
@require_POST
def write_again(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """The button that says that one's address works, although mail to it came back."""
    returns.lift(registration.email)
    return redirect("registration", token=token)


@behind_a_secret
@require_POST
def swap(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """The button with which somebody who is registered takes over the place of another person."""
    return _act(request, token, registration, swaps.accept_swap)


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
        {
            **values.facts(registration.event),
            "registration": registration,
            "token": token,
            "can_name_substitute": changes.may_name_substitute(registration),
        },
    )


@behind_a_secret
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Asks once more, with the consequence; then erases the person from this registration."""
    if request.method == "POST":
        erasure.erase([registration], reason=Erasure.Reason.ASKED)
        return redirect("registration_erased")
    return TemplateResponse(
        request,
        "registrations/erase.html",
        {**values.facts(registration.event), "registration": registration, "token": token},
    )


@behind_a_secret
@require_safe
def registration_calendar(
    request: HttpRequest, token: str, registration: Registration
) -> HttpResponse:
    """The event as a file for one's calendar; it holds nothing personal."""
    event = registration.event
    content = calendar.event_file(event, joins_online=registration.joins_online)
    return calendar_response(content, name=event.slug)


@behind_a_secret
@require_safe
def certificate(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """The certificate of attendance, once the event is over, for people who were there."""
    if not certificates.can_have(registration):
        raise Http404
    response = HttpResponse(certificates.pdf(registration), content_type="application/pdf")
    name = f"certificate-{registration.event.slug}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


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
    form: ConfirmForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    event = registration.event
    terms = terms_of(event)
    can_change = changes.may_change_details(registration, terms)
    ahead = 0
    if registration.status == Status.WAITING or registration.wished_mode:
        ahead = line.rank(registration) - 1
    is_without = registration.is_live and registration.seat is None and not event.is_over
    return TemplateResponse(
        request,
        "registrations/registration.html",
        {
            **values.facts(event),
            "registration": registration,
            "token": token,
            "ahead": ahead,
            "hindrance": Entrance(event).hindrance(registration, registration.mode)
            if is_without
            else "",
            "form": form or ConfirmForm(registration=registration),
            "gives_up": swaps.who_gives_up(registration),
            "refusal": refusal,
            "mail_comes_back": not registration.erased_at and returns.of(registration.email),
            "done": DONE.get(request.GET.get("done", ""), ""),
            "availability": availability.of_event(event),
            "calendar_links": calendar_links(
                event,
                file=reverse("registration_calendar", args=[token]),
                joins_online=registration.joins_online,
            ),
            "choices": choices.of(registration),
            "to_answer": can_change
            and registration.status == Status.CONFIRMED
            and answers.missing(registration, moment=Moment.CONFIRMED),
            "changes_until": terms.answers_until or event.starts_at,
            "can_change": can_change,
            "can_change_mode": changes.may_change_mode(registration),
            "can_name_substitute": changes.may_name_substitute(registration),
            "can_have_certificate": certificates.can_have(registration),
        },
        status=status,
    )
