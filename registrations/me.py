"""The page of all of one's registrations: the link to it by mail, its feed, consents, data and erasure."""

import hashlib
import json
from contextlib import suppress
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.doors import public
from events.views import calendar_response
from outbox import returns
from outbox.posting import TooManyMessages
from registrations import (
    consents,
    erasure,
    links,
    mailed_link,
    own_calendar,
    privacy,
)
from registrations.doors import own_page, secret
from registrations.forms import LinkForm
from registrations.guards import (
    PRESS_AGAIN,
    HeldBack,
    count_fetch,
    count_request,
    count_wrong_secret,
    is_held_back,
)
from registrations.mailed_link import SpentLink
from registrations.models import Registration, Status

#: The colour of each state, as in the states of events.
COLOURS = {
    Status.CONFIRMED: "open",
    Status.OFFERED: "few",
    Status.UNVERIFIED: "few",
    Status.WAITING: "full",
    Status.APPLIED: "full",
}

#: What the page says after a press that changes one's calendar.
DONE = {
    "made": gettext_lazy("This is your calendar: subscribe to its address."),
    "renewed": gettext_lazy(
        "This is the new address. The old one no longer works: subscribe again."
    ),
    "left": gettext_lazy("The other calendar no longer shows the events that you took along."),
}


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """All of one's registrations where the mailed link was followed, else the form that sends it to any address."""
    email = mailed_link.address_in(request)
    if email and request.method != "POST":
        done = DONE.get(request.GET.get("done", ""), "")
        return secret(TemplateResponse(request, "me/page.html", {**_page(email), "done": done}))
    form = LinkForm(request.POST or None)
    refusal: Any = ""
    if request.method == "POST" and form.is_valid():
        if not is_held_back(form):
            count_request(request, form="my-link")
            # A mailbox that gets no more mail for a while was written to before: that must not show.
            with suppress(TooManyMessages):
                mailed_link.send(form.cleaned_data["email"], language=get_language() or "en")
            return secret(redirect("me_sent"))
        refusal = PRESS_AGAIN
    return secret(
        TemplateResponse(
            request,
            "me/ask.html",
            {"form": form, "refusal": refusal},
            status=422 if form.is_bound else 200,
        )
    )


@public
def me_sent(request: HttpRequest) -> HttpResponse:
    """What happens next, the same for everybody."""
    return TemplateResponse(request, "me/sent.html")


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def me_open(request: HttpRequest, token: str) -> HttpResponse:
    """Where the mailed link leads: a button that opens one's page in this browser for an hour, once."""
    try:
        if request.method == "POST":
            if not mailed_link.use(token, request):
                raise Http404
            returns.lift(mailed_link.address_in(request) or "")  # the mail has arrived
            return secret(redirect("me"))
        email = mailed_link.read(token)
    except SpentLink:
        return secret(TemplateResponse(request, "me/spent.html", {"form": LinkForm()}, status=410))
    if email is None:
        raise Http404
    return secret(TemplateResponse(request, "me/open.html", {"email": email}))


@own_page
@require_POST
def me_leave(request: HttpRequest, email: str) -> HttpResponse:
    """Close one's page in this browser."""
    mailed_link.close(request)
    return redirect("me")


@own_page
@require_POST
def me_calendar(request: HttpRequest, email: str) -> HttpResponse:
    """Make one's own calendar feed, or give it a new address; or take one's events out of those of older addresses."""
    if "leave" in request.POST:
        own_calendar.leave_others(email)
        return _done("left")
    done = "renewed" if own_calendar.feed_of(email) else "made"
    own_calendar.renew(email)
    return _done(done)


@own_page
@require_POST
def me_consent(request: HttpRequest, email: str) -> HttpResponse:
    """Take one consent back."""
    for consent in consents.of(_registrations(email)):
        if consent.name == request.POST.get("consent"):
            consents.withdraw(consent)
    return redirect("me")


@own_page
@require_safe
def me_data(request: HttpRequest, email: str) -> HttpResponse:
    """All that is kept on one's address, as a file."""
    content = json.dumps(privacy.export(email), ensure_ascii=False, indent=2)
    response = HttpResponse(content, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def me_erase(request: HttpRequest, email: str) -> HttpResponse:
    """Ask once more, with the consequence; then erase all that is kept on the address."""
    if request.method == "POST":
        erasure.erase_address(email)
        mailed_link.close(request)
        return redirect("me_erased")
    registrations = list(_registrations(email))
    given_up = [one for one in registrations if one.is_live and not erasure.is_past(one.event)]
    return TemplateResponse(
        request,
        "me/erase.html",
        {"email": email, "given_up": given_up, "number": len(registrations)},
    )


@public
def me_erased(request: HttpRequest) -> HttpResponse:
    """Says that it is done, the same for everybody."""
    return TemplateResponse(request, "me/erased.html")


@public
def registration_erased(request: HttpRequest) -> HttpResponse:
    """Says that one registration is erased, the same for everybody."""
    return TemplateResponse(request, "me/erased.html", {"is_one_event": True})


@public
def privacy_page(request: HttpRequest) -> HttpResponse:
    """What is kept of people, what for and how long."""
    return TemplateResponse(request, "me/privacy.html", {"records": privacy.in_groups()})


@csrf_exempt
@login_not_required
@require_safe
def personal_calendar(request: HttpRequest, token: str) -> HttpResponse:
    """Somebody's own events, to subscribe to. The address is the only key."""
    feed = links.find_feed(token)
    try:
        if feed is None:
            count_wrong_secret(request)
            raise Http404
        count_fetch(feed)
    except HeldBack as error:
        response = HttpResponse(status=429, content_type="text/plain; charset=utf-8")
        response["Retry-After"] = str(error.retry_after)
        response.write(_("Asked for too often. Try again later.") + "\n")
    else:
        content = own_calendar.content(feed)
        response = calendar_response(content)
        # No middleware makes one for what nobody may store; calendar programs keep it all the same.
        response["ETag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    response = secret(response)
    response["Referrer-Policy"] = "no-referrer"
    return response


def _done(what: str) -> HttpResponse:
    """Back to the part of the page that has changed, which says so."""
    return redirect(reverse("me", query={"done": what}) + "#feed")


def _registrations(email: str) -> Any:
    return (
        Registration.objects.of_address(email)
        .known()
        .select_related("event__venue")
        .prefetch_related("answers__question")
        .order_by("event__starts_at", "event_id", "pk")
    )


def _page(email: str) -> dict[str, Any]:
    registrations = list(_registrations(email))
    rows = [
        {
            "registration": one,
            "event": one.event,
            "link": links.personal_link(one),
            "colour": COLOURS.get(Status(one.status), "closed"),
        }
        for one in registrations
    ]
    feed = own_calendar.feed_of(email)
    address = links.feed_link(feed) if feed else ""
    return {
        "email": email,
        "coming": [row for row in rows if _is_coming(row["registration"])],
        "past": [row for row in reversed(rows) if _had_a_place(row["registration"])],
        "over": [
            row
            for row in reversed(rows)
            if not _is_coming(row["registration"]) and not _had_a_place(row["registration"])
        ],
        "consents": consents.of(registrations),
        "feed": address,
        "is_kept_elsewhere": own_calendar.is_kept_elsewhere(email),
        "feed_webcal": "webcal:" + address.partition(":")[2],
    }


def _is_coming(one: Registration) -> bool:
    return one.is_live and not one.event.is_over


def _had_a_place(one: Registration) -> bool:
    return one.status == Status.CONFIRMED and one.event.is_over
