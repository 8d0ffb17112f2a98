"""The pages on which somebody changes a registration: details and answers, mode, address, who comes."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from events.models import Mode
from events.models import Status as EventStatus
from outbox import returns
from registrations import links, swaps, values
from registrations.detail_forms import AddressForm, DetailsForm, SubstituteForm
from registrations.doors import behind_a_secret, secret
from registrations.guards import count_request
from registrations.models import Registration, Status, Terms, terms_of
from registrations.seating import RefusedSeat


@behind_a_secret
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Name, organisation and answers, until the deadline of the event."""
    terms = terms_of(registration.event)
    until = terms.answers_until or registration.event.starts_at
    if not may_change_details(registration, terms):
        return redirect("registration", token=token)
    form = DetailsForm(
        request.POST or None, request.FILES or None, instance=registration, terms=terms
    )
    if request.method == "POST" and form.is_valid():
        try:
            swaps.change_details(registration, **form.details(), given=form.given())
        except RefusedSeat as refusal:
            _show(refusal, form)
        else:
            return _done(token, "details")
    return _form_page(request, token, registration, "change", form, changes_until=until)


@behind_a_secret
@require_http_methods(["GET", "HEAD", "POST"])
def mode(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Another way of attending a hybrid event: at once, or from the line of the other; or a wish taken back."""
    if not may_change_mode(registration):
        return redirect("registration", token=token)
    refusal = ""
    if request.method == "POST":
        try:
            changed = swaps.change_mode(registration, request.POST.get("mode", ""))
        except RefusedSeat as error:
            refusal = str(error)
        else:
            return _done(token, _what_became(registration, changed))
    other = Mode.ONLINE if registration.mode == Mode.IN_PERSON else Mode.IN_PERSON
    return _page(
        request,
        token,
        registration,
        "mode",
        status=409 if refusal else 200,
        refusal=refusal,
        other=other,
        is_at_once=swaps.is_free_elsewhere(registration, other),
    )


@behind_a_secret
@require_http_methods(["GET", "HEAD", "POST"])
def email(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Another address: it counts once its owner has followed the link that we send there."""
    if not registration.is_live:
        return redirect("registration", token=token)
    form = AddressForm(request.POST or None, present=registration.email)
    if request.method == "POST" and form.is_valid():
        count_request(request, form="new-address")
        try:
            swaps.ask_new_address(registration, email=form.cleaned_data["email"])
        except RefusedSeat as refusal:
            _show(refusal, form)
        else:
            return _done(token, "email")
    return _form_page(request, token, registration, "email", form)


@behind_a_secret
@require_http_methods(["GET", "HEAD", "POST"])
def substitute(request: HttpRequest, token: str, registration: Registration) -> HttpResponse:
    """Who comes instead. The answer is the same whether or not that person is registered."""
    if not may_name_substitute(registration):
        return redirect("registration", token=token)
    form = SubstituteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        count_request(request, form="substitute")
        person = form.person(language=registration.language)
        try:
            swaps.name_substitute(registration, person=person)
        except RefusedSeat as refusal:
            _show(refusal, form)
        else:
            return _done(token, "substitute")
    return _form_page(request, token, registration, "substitute", form)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def prove_address(request: HttpRequest, token: str) -> HttpResponse:
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
            returns.lift(registration.email)  # the mail has arrived
            return _done(links.token_of(registration), "address")
    return secret(
        TemplateResponse(
            request,
            "registrations/address.html",
            {
                **values.facts(registration.event),
                "registration": registration,
                "refusal": refusal,
            },
            status=409 if refusal else 200,
        )
    )


def may_change_details(registration: Registration, terms: Terms) -> bool:
    """Whether details and answers can still be changed."""
    event = registration.event
    until = terms.answers_until or event.starts_at
    is_ahead = event.status in {EventStatus.PUBLISHED, EventStatus.POSTPONED}
    return registration.is_live and is_ahead and timezone.now() < until


def may_change_mode(registration: Registration) -> bool:
    """Whether the person can ask for another way of attending."""
    has_choice = len(registration.event.modes) > 1
    return has_choice and _is_ahead(registration) and registration.status != Status.OFFERED


def may_name_substitute(registration: Registration) -> bool:
    """Whether the person can name somebody who comes instead."""
    return registration.status == Status.CONFIRMED and _is_ahead(registration)


def _is_ahead(registration: Registration) -> bool:
    event = registration.event
    goes_ahead = event.status == EventStatus.PUBLISHED and not event.has_begun
    return registration.is_live and goes_ahead


def _what_became(before: Registration, after: Registration) -> str:
    if after.mode != before.mode:
        return "mode" if after.seat else "line"
    return "wish" if after.wished_mode else "stays"


def _show(refusal: RefusedSeat, form: BaseForm) -> None:
    """Put a refusal at the field that it names, or above the form."""
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))


def _done(token: str, what: str) -> HttpResponse:
    return redirect(f"{reverse('registration', args=[token])}?done={what}")


def _form_page(
    request: HttpRequest,
    token: str,
    registration: Registration,
    name: str,
    form: BaseForm,
    **more: Any,
) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return _page(request, token, registration, name, status=status, form=form, **more)


def _page(
    request: HttpRequest,
    token: str,
    registration: Registration,
    name: str,
    *,
    status: int,
    **more: Any,
) -> HttpResponse:
    return TemplateResponse(
        request,
        f"registrations/{name}.html",
        {
            **values.facts(registration.event),
            "registration": registration,
            "token": token,
            **more,
        },
        status=status,
    )
