"""Opens the pages behind a secret, and keeps them out of caches, indexes and referrers."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.cache import add_never_cache_headers, patch_cache_control

from registrations import links, mailed_link

View = Callable[..., HttpResponse]


def behind_a_secret(view: View) -> View:
    """Open the page of a personal link, or answer 404; never cached, indexed or passed on as a referrer."""

    @login_not_required
    @wraps(view)
    def wrapped(request: HttpRequest, token: str) -> HttpResponse:
        registration = links.find(token)
        if registration is None:
            raise Http404
        return secret(view(request, token, registration))

    return wrapped


def own_page(view: View) -> View:
    """Open a page of whoever followed the mailed link in this browser; lead others to the form for it."""

    @login_not_required
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        email = mailed_link.address_in(request)
        if email is None:
            return secret(redirect("me"))
        return secret(view(request, email))

    return wrapped


def secret(response: HttpResponse) -> HttpResponse:
    """Keep a page behind a secret out of caches, indexes and referrers."""
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "same-origin"
    return private(response)


def private(response: HttpResponse) -> HttpResponse:
    """Keep an answer out of all caches."""
    add_never_cache_headers(response)
    patch_cache_control(response, no_store=True, private=True)
    return response
