"""Registering for an event, asking to be told when that opens, and the public list of who comes."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from accounts.doors import public
from accounts.models import Organisation
from events.models import Event
from registrations import availability, colleagues, entry, guards, line, values
from registrations.doors import private
from registrations.forms import NoticeForm, RegisterForm
from registrations.models import Terms, terms_of
from registrations.seating import RefusedSeat


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest, slug: str) -> HttpResponse:
    """The form to register for an event; answers the same whether or not the person is known."""
    event = _event(slug)
    terms = availability.terms_with(event) or Terms(event=event)
    form = RegisterForm(*_sent(request), event=event, terms=terms)
    refusal, sentence, status = "", "", 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        if guards.is_held_back(form):
            sentence = str(guards.PRESS_AGAIN)
        else:
            try:
                _register(request, event, form)
            except RefusedSeat as error:
                if not form.refuse(error):
                    refusal, status = str(error), 409
            else:
                return redirect("registered", slug=event.slug)
    places = availability.of_event(event)
    if request.method == "POST" and not places.can_register:
        status = 409
    context = {
        **values.facts(event),
        "form": form,
        "colleagues": colleagues.rows(form),
        "has_colleagues": colleagues.are_named(form),
        "organisations": Organisation.objects.order_by("name").values_list("name", flat=True),
        "availability": places,
        "rules": entry.rules_in_words(terms, timezone.now()),
        "refusal": refusal,
        "sentence": sentence,
    }
    return private(TemplateResponse(request, "registrations/register.html", context, status=status))


@public
def registered(request: HttpRequest, slug: str) -> HttpResponse:
    """What happens next, the same for everybody: nothing here tells who registered."""
    event = get_object_or_404(Event.objects.public().with_facts(), slug=slug)
    return TemplateResponse(
        request,
        "registrations/registered.html",
        {
            **values.facts(event),
            "hold_hours": settings.HOLD_HOURS,
            "checks_address": terms_of(event).checks_address,
        },
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
            **values.facts(event),
            "people": people.order_by("family_name", "given_name", "pk"),
        },
    )
    response["X-Robots-Tag"] = "noindex"
    return response


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def notice(request: HttpRequest, slug: str) -> HttpResponse:
    """The form to be told when registering opens, or opens to all."""
    event = _event(slug)
    places = availability.of_event(event)
    form = NoticeForm(*_sent(request))
    sentence, status = "", 422 if request.method == "POST" else 200
    if request.method == "POST" and not places.opens_later:
        status = 409
    elif request.method == "POST" and form.is_valid():
        if guards.is_held_back(form):
            sentence = str(guards.PRESS_AGAIN)
        else:
            guards.count_request(request, form="notice")
            line.note_interest(
                event, email=form.cleaned_data["email"], language=get_language() or "en"
            )
            return redirect("notice_noted", slug=event.slug)
    context = {
        **values.facts(event),
        "form": form,
        "availability": places,
        "sentence": sentence,
    }
    return private(TemplateResponse(request, "registrations/notice.html", context, status=status))


@public
def notice_noted(request: HttpRequest, slug: str) -> HttpResponse:
    """The same for everybody who asked to be told."""
    event = get_object_or_404(Event.objects.public().with_facts(), slug=slug)
    return TemplateResponse(request, "registrations/notice_noted.html", values.facts(event))


def _event(slug: str) -> Event:
    events = availability.with_terms(Event.objects.public().with_organisations())
    return get_object_or_404(events, slug=slug)


def _sent(request: HttpRequest) -> tuple[Any, Any]:
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def _register(request: HttpRequest, event: Event, form: RegisterForm) -> None:
    person = form.person(language=get_language() or "en")
    others = colleagues.people(form, first=person)
    guards.count_registration(request, people=1 + len(others))
    colleagues.register(
        event, person=person, mode=form.chosen_mode(), given=form.given(), colleagues=others
    )
