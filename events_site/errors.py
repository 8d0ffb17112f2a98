"""Error pages in our clothes, and the errors of the API: what happened to the input, and what to do."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from rest_framework.response import Response
from rest_framework.views import exception_handler

from registrations.seating import RefusedSeat


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


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an expected refusal with 409 and its reason; everything else as the framework does."""
    if isinstance(error, RefusedSeat):
        return Response({"detail": str(error)}, status=409)
    return exception_handler(error, context)


def _page(request: HttpRequest, status: int, heading: str, advice: str) -> HttpResponse:
    return render(
        request,
        "error.html",
        {"status": status, "heading": heading, "advice": advice},
        status=status,
    )
