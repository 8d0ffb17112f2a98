"""The page on which the reader of a mail leaves its list, or joins it again; mail programs press its button too."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers, patch_cache_control
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


def _secret(response: HttpResponse) -> HttpResponse:
    """Keep the page out of caches, indexes and referrers: its address is a secret."""
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    add_never_cache_headers(response)
    patch_cache_control(response, no_store=True, private=True)
    return response
