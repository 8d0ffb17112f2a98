"""Error pages in our clothes, and the errors of the API: what happened to the input, and what to do."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from rest_framework.response import Response
from rest_framework.views import exception_handler

from events.slugs import event_formerly_at
from outbox.posting import TooManyMessages
from registrations.guards import HeldBack
from registrations.seating import RefusedSeat

View = Callable[..., HttpResponse]
#: Where the addresses are whose end is a secret.
PERSONAL = ("/r/", "/i/", "/me/", "/address/")
#: Forms may write to one mailbox again when the hour is over.
MAILBOX_RESTS = 60 * 60


@login_not_required
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request, 400, _("We could not read that"), _("Nothing was changed. Go back and try again.")
    )


@login_not_required
def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request,
        403,
        _("This is not open to you"),
        _("Nothing was changed. Sign in with another account."),
    )


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if moved := _where_the_event_is(request):
        return moved
    if request.path.startswith(PERSONAL):
        return _page(
            request,
            404,
            _("This link opens nothing any more"),
            _(
                "It may be cut short, or was replaced: a change of address and an erasure end old links."
                " Have a new link sent to your address."
            ),
            leads_to=(reverse("me"), _("Send me my link")),
        )
    return _page(
        request,
        404,
        _("There is no such page"),
        _(
            "The address may be mistyped, or what stood here is gone. Coming events are on the list of events."
        ),
    )


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        500,
        _("Something broke on our side"),
        _(
            "If you had sent a form, it may not have arrived: check your mailbox, then try again in a few minutes."
        ),
    )


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(
        request,
        403,
        _("The form was open for too long"),
        _(
            "Nothing was sent. Go back, reload the page and send the form again; what you typed is usually still there."
        ),
    )


class HeldBackPages:
    """Answers with a page what guards and the outbox hold back: 429, or 503 where nobody can count."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or response.content or request.method == "HEAD":
            return response
        page = _page(
            request,
            405,
            _("This address only takes the press of a button"),
            _("Nothing was changed. Go back to the page with the button."),
        )
        page["Allow"] = response["Allow"]
        return page

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, HeldBack | TooManyMessages):
            return None
        status, advice, retry_after = _held_back(error)
        heading = _("Please try again later") if status == 429 else _("We cannot take this now")
        response = _page(request, status, heading, advice)
        response["Retry-After"] = str(retry_after)
        response["Cache-Control"] = "private, no-store"
        return response


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer what is refused with 409 and its reason, what is held back with 429 or 503; the rest as the framework."""
    if isinstance(error, RefusedSeat):
        field = {"field": error.field} if error.field else {}
        return Response({"detail": str(error), **field}, status=409)
    if isinstance(error, HeldBack | TooManyMessages):
        status, advice, retry_after = _held_back(error)
        headers = {"Retry-After": str(retry_after)}
        return Response({"detail": advice}, status=status, headers=headers)
    return exception_handler(error, context)


def _held_back(error: HeldBack | TooManyMessages) -> tuple[int, str, int]:
    """Status, what happened to the input and what to do, and after how many seconds to try again."""
    if isinstance(error, TooManyMessages):
        advice = _(
            "Nothing was stored: a mailbox that you named has had a lot of mail from us of late."
            " Look whether our message is there already, also among the spam; if not, send the form again in an hour."
        )
        return 429, advice, MAILBOX_RESTS
    if error.is_too_much:
        advice = _(
            "Nothing was stored: very many forms have come from your network in the last minutes."
            " Go back in ten minutes and send the form again; what you typed is usually still there."
        )
        return 429, advice, error.retry_after
    advice = _(
        "Nothing was sent: a part of our system is away for a moment."
        " Go back in a few minutes and send the form again; what you typed is usually still there."
    )
    return 503, advice, error.retry_after


def _where_the_event_is(request: HttpRequest) -> HttpResponse | None:
    """Lead from an address that an event had before to the same page at the one it has now, with what was sent.

    A form goes there once more as it is (308, RFC 9110 15.4.9). Browsers ask each time, for the event may come back.
    """
    match = request.resolver_match
    if match is None or not match.route.startswith("events/<slug:slug>/"):
        return None
    event = event_formerly_at(match.kwargs["slug"])
    if event is None:
        return None
    address = reverse(match.view_name, args=[event.slug])
    query = request.META["QUERY_STRING"]
    answer = redirect(
        f"{address}?{query}" if query else address,
        permanent=True,
        preserve_request=request.method not in {"GET", "HEAD"},
    )
    patch_cache_control(answer, public=True, max_age=0, must_revalidate=True)
    return answer


def _page(
    request: HttpRequest,
    status: int,
    heading: str,
    advice: str,
    *,
    leads_to: tuple[str, str] | None = None,
) -> HttpResponse:
    address, words = leads_to or (reverse("events"), _("Coming events"))
    context = {
        "status": status,
        "heading": heading,
        "advice": advice,
        "address": address,
        "words": words,
    }
    return render(request, "error.html", context, status=status)
