"""The page on which a reader leaves a list or joins it again, also for mail programs; and what a provider reports."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from outbox import lists

#: What a mail program sends (RFC 8058 3.2): it has no cookie, must not be led on, and asks for no page.
ONE_CLICK = ("List-Unsubscribe", "One-Click")


@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, and take the address off the list when the button is pressed; then offer to join again.

    The secret in the address is all the proof there is, so nothing else is asked for: RFC 8058 forbids it.
    """
    found = lists.read_token(token)
    if found is None:
        return _secret(TemplateResponse(request, "outbox/no_list.html", status=404))
    address, list_name = found
    if request.method == "POST":
        if "join" in request.POST:
            lists.join(address, list_name)
        else:
            lists.leave(address, list_name)
        if request.POST.get(ONE_CLICK[0]) != ONE_CLICK[1]:
            return _secret(redirect("unsubscribe", token=token))
    return _secret(
        TemplateResponse(
            request,
            "outbox/unsubscribe.html",
            {
                "address": address,
                "subject": lists.title_of(list_name),
                "has_left": lists.has_left(address, list_name),
            },
        )
    )


@login_not_required
@csrf_exempt
def provider_report(request: HttpRequest, provider: str) -> HttpResponseBase:
    """What the mail provider reports of our messages; a 404 unless it is the one in use and a secret is set.

    The view of anymail asks for that secret, and for the signature of providers that sign.
    """
    if not settings.MAIL_REPORTS or provider != settings.MAIL_PROVIDER:
        raise Http404
    view: Any = import_string(settings.MAIL_REPORTS)
    return _secret(view.as_view()(request))


def _secret(response: HttpResponse) -> HttpResponse:
    """Keep the page out of caches, indexes and referrers: its address is a secret."""
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    add_never_cache_headers(response)
    patch_cache_control(response, no_store=True, private=True)
    return response
