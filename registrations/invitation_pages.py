"""The pages behind the link of an invitation: what it is to, registering by it, and saying that one cannot come."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registrations import availability, entry, invitations, links, seats, values
from registrations.doors import secret
from registrations.invitation_forms import InvitedForm
from registrations.models import Invitation, Registration
from registrations.seating import RefusedSeat

View = Callable[..., HttpResponse]


def behind_an_invitation(view: View) -> View:
    """Open a page of an invitation, or answer 404; never cached, indexed or passed on as a referrer."""

    @login_not_required
    @wraps(view)
    def wrapped(request: HttpRequest, token: str) -> HttpResponse:
        found = links.find_invitation(token)
        if found is None:
            raise Http404
        return secret(view(request, token, found))

    return wrapped


@behind_an_invitation
@require_safe
def invitation(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    """Who is invited to what, and the two answers; opening it changes nothing."""
    return _page(request, token, invitation)


@behind_an_invitation
@require_POST
def open_form(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    """The button that leads to the form, or to one's own page if one is registered already."""
    try:
        registration = invitations.press(invitation)
    except RefusedSeat as error:
        return _page(request, token, invitation, refusal=str(error))
    if registration:
        return redirect("registration", token=links.token_of(registration))
    return redirect("invitation_register", token=token)


@behind_an_invitation
@require_POST
def decline(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    """The button that says that one cannot come."""
    try:
        invitations.decline(invitation)
    except RefusedSeat as error:
        return _page(request, token, invitation, refusal=str(error))
    return redirect("invitation", token=token)


@behind_an_invitation
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponse:
    """The form of an invited person; the link proves the address, so it leads straight to one's own page."""
    event = invitation.event
    if request.method != "POST" and (_refusal(invitation) or _registration(invitation)):
        return redirect("invitation", token=token)
    data = request.POST if request.method == "POST" else None
    form = InvitedForm(data, request.FILES or None, event=event, invitation=invitation)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            registration = invitations.register(
                invitation,
                person=form.person(language=get_language() or "en"),
                mode=form.chosen_mode(),
                given=form.given(),
            )
        except RefusedSeat as error:
            refusal = "" if form.refuse(error) else str(error)
        else:
            return redirect("registration", token=links.token_of(registration))
    return TemplateResponse(
        request,
        "registrations/invited_form.html",
        {
            **values.facts(event),
            "form": form,
            "token": token,
            "invitation": invitation,
            "availability": availability.of_event(event),
            "has_place": _has_place(invitation),
            "rules": entry.rules_in_words(form.terms, timezone.now()),
            "refusal": refusal,
        },
        status=(409 if refusal else 422) if request.method == "POST" else 200,
    )


def _page(
    request: HttpRequest, token: str, invitation: Invitation, *, refusal: str = ""
) -> HttpResponse:
    event = invitation.event
    registration = _registration(invitation)
    return TemplateResponse(
        request,
        "registrations/invitation.html",
        {
            **values.facts(event),
            "invitation": invitation,
            "token": token,
            "registration": registration,
            "own_page": links.token_of(registration) if registration else "",
            "closed": _refusal(invitation),
            "has_place": _has_place(invitation),
            "availability": availability.of_event(event),
            "refusal": refusal,
        },
        status=409 if refusal else 200,
    )


def _registration(invitation: Invitation) -> Registration | None:
    return seats.live_registration(invitation.event, invitation.email)


def _refusal(invitation: Invitation) -> str:
    """Why the invited person cannot register any more, or an empty text."""
    try:
        seats.check_open(invitation.event, timezone.now(), is_invited=True)
        invitations.check_unused(invitation)
    except RefusedSeat as error:
        return str(error)
    return ""


def _has_place(invitation: Invitation) -> bool:
    return any(invitations.has_place(invitation, mode) for mode in invitation.event.modes)
