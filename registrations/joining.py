"""The page for joining an event online, to which its calendar entry leads: it knows people, or asks who they are.

A calendar is read by colleagues and programs, so no entry holds the link to join, nor a secret that opens it.
"""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from accounts.doors import public
from events.models import Event, Mode
from events.models import Status as EventStatus
from outbox.posting import TooManyMessages
from registrations import availability, guards, links, mailed_link, notices, values
from registrations.doors import secret
from registrations.forms import LinkForm
from registrations.models import Registration, Status

COOKIE = "__Secure-join" if settings.HTTPS else "join"
FORM = "join"


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str) -> HttpResponse:
    """The link to join for whoever is known here to have a place online; for others the form that mails their own."""
    event = _event(slug)
    if request.method != "POST" and (place := place_in(request, event)):
        return _open(request, event, place)
    form = LinkForm(request.POST if request.method == "POST" else None)
    sentence, status = "", 422 if form.is_bound else 200
    if form.is_bound and not _goes_ahead(event):
        status = 409
    elif form.is_bound and form.is_valid():
        if not guards.is_held_back(form):
            guards.count_request(request, form=FORM)
            # A mailbox that gets no more mail for a while was written to before: that must not show.
            with suppress(TooManyMessages):
                send_link(event, form.cleaned_data["email"], language=get_language() or "en")
            return secret(redirect("event_join_sent", slug=event.slug))
        sentence = str(guards.PRESS_AGAIN)
    context = {**_context(event), "form": form, "sentence": sentence}
    return secret(TemplateResponse(request, "registrations/join.html", context, status=status))


@public
def join_sent(request: HttpRequest, slug: str) -> HttpResponse:
    """What happens next, the same for everybody."""
    event = _event(slug)
    return TemplateResponse(request, "registrations/join_sent.html", values.facts(event))


def place_in(request: HttpRequest, event: Event) -> Registration | None:
    """Return the confirmed place online of whoever is known in this browser, or None."""
    known = links.find(request.COOKIES.get(COOKIE, ""))
    if known and known.event_id == event.pk and known.joins_online:
        return known
    email = mailed_link.address_in(request)
    if email is None:
        return None
    places = event.registrations.of_address(email).confirmed()
    return places.filter(mode=Mode.ONLINE).first()


def remember(response: HttpResponse, registration: Registration) -> None:
    """Let the page for joining know the person in this browser until the event ends, where there is a place online.

    The cookie goes to that page alone. It holds what the personal link holds, and like that opens nothing once the
    place is given up or the link replaced.
    """
    event = registration.event
    seconds = int((event.ends_at - timezone.now()).total_seconds())
    if seconds <= 0 or not registration.joins_online:
        return
    response.set_cookie(
        COOKIE,
        links.token_of(registration),
        max_age=seconds,
        path=reverse("event_join", args=[event.slug]),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def send_link(event: Event, email: str, *, language: str) -> None:
    """Send the personal link to an address that has a place at the event; to another one, what is registered there.

    Each address gets one mail, for which the same steps are taken, so that no delay and no mailbox that stays empty
    for lack of a mail tells them apart. Raises TooManyMessages.
    """
    place = event.registrations.of_address(email).confirmed().first()
    nobody = Registration(
        event=event, mode=Mode.ONLINE, status=Status.CONFIRMED, email=email, language=language
    )
    person = place or nobody
    person.event = event
    notices.way_in(
        person, has_place=place is not None, link=mailed_link.to(email), language=language
    )


def _event(slug: str) -> Event:
    events = availability.with_terms(Event.objects.public().with_organisations())
    event = get_object_or_404(events, slug=slug)
    if Mode.ONLINE not in event.modes:
        raise Http404
    return event


def _open(request: HttpRequest, event: Event, place: Registration) -> HttpResponse:
    context = {**_context(event), "registration": place}
    response = secret(TemplateResponse(request, "registrations/join_open.html", context))
    response["Referrer-Policy"] = "no-referrer"
    return response


def _goes_ahead(event: Event) -> bool:
    return event.status == EventStatus.PUBLISHED and not event.is_over


def _context(event: Event) -> dict[str, Any]:
    return {
        **values.facts(event),
        "availability": availability.of_event(event),
        "goes_ahead": _goes_ahead(event),
    }
