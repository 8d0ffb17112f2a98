"""Holds back programs that send forms, and floods of forms from one network; people hardly notice.

A view that sends mail for anybody who asks calls `count_request(request, form="my-link")` once its form is valid and
before it acts. The HeldBack that this may raise need not be caught: it becomes a page of ours with status 429 or 503
(events_site/errors.py), and in the API an answer with the same status. A form gets the hidden field and the time trap
as `class MyForm(GuardedForm, forms.Form)`, drawn by `partials/form_fields.html`; the view asks `is_held_back(form)`
once it is valid, and if so shows it again with status 422 and `PRESS_AGAIN`.
"""

import hashlib
import logging
import time
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.networks import network_of
from registrations.models import PersonalFeed

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 600
SALT = "registrations.guards.opened"
PRESS_AGAIN = _(
    "Please press the button once more. Nothing was sent yet; all that you typed is still there."
)


class HeldBack(Exception):
    """Nothing was done: too much came from a network, or it could not be counted. Try again after so many seconds."""

    def __init__(self, *, retry_after: int, is_too_much: bool) -> None:
        super().__init__("too many requests" if is_too_much else "requests cannot be counted")
        self.retry_after = retry_after
        self.is_too_much = is_too_much


class GuardedForm(forms.BaseForm):
    """Two more fields that people do not see: one that only programs fill in, and the signed time of making."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        empty: Any = forms.CharField(
            label=_("Leave this field empty"),
            required=False,
            widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
        )
        empty.is_unseen = True
        self.fields["homepage"] = empty
        self.fields["opened"] = forms.CharField(required=False, widget=forms.HiddenInput)
        self.initial["opened"] = stamp()


def stamp() -> str:
    """Return the time, signed."""
    return signing.dumps(int(time.time() * 1000), salt=SALT)


def is_held_back(form: GuardedForm) -> bool:
    """Whether a form was probably not sent by a person; then show it again as it was filled in, to be sent once more.

    It keeps the time at which it was first made, so that a person who presses again gets through.
    """
    opened = _opened(form.data.get("opened", ""))
    is_quick = opened is None or time.time() - opened < settings.FORM_SECONDS
    if not form.data.get("homepage") and not (settings.FORM_SECONDS and is_quick):
        return False
    data: Any = form.data
    data = data.copy()
    data["homepage"] = ""
    if opened is None:
        data["opened"] = stamp()
    form.data = data
    return True


def count_registration(request: HttpRequest, *, people: int = 1) -> None:
    """Count people who register from the network of a request. Raises HeldBack where they are too many.

    While the cache is away everybody may register.
    """
    most = settings.REGISTRATIONS_FROM_A_NETWORK
    _count("registering", _network(request), most=most, number=people, needs_cache=False)


def count_request(request: HttpRequest, *, form: str) -> None:
    """Count a form that sends mail, by its name and the network of a request. Raises HeldBack for too many.

    While the cache is away nothing is sent, since nobody could count it.
    """
    most = settings.REQUESTS_FROM_A_NETWORK
    _count(form, _network(request), most=most, number=1, needs_cache=True)


def count_fetch(feed: PersonalFeed) -> None:
    """Count that somebody's own calendar is fetched: for itself, as many people sit behind one network.

    Raises HeldBack for too many. While the cache is away it may be fetched.
    """
    most = settings.FETCHES_OF_A_FEED
    _count("fetching", feed.reference, most=most, number=1, needs_cache=False)


def count_wrong_secret(request: HttpRequest) -> None:
    """Count a secret that opens nothing, by the network of a request. Raises HeldBack for too many, as above."""
    most = settings.REQUESTS_FROM_A_NETWORK
    _count("wrong secret", _network(request), most=most, number=1, needs_cache=False)


def _opened(text: str) -> float | None:
    """The time in seconds at which a form was made, or None where its stamp is not ours."""
    try:
        return float(signing.loads(text, salt=SALT)) / 1000
    except (signing.BadSignature, TypeError, ValueError):
        return None


def _network(request: HttpRequest) -> str:
    return network_of(request.META.get("REMOTE_ADDR", ""))


def _count(what: str, whose: str, *, most: int, number: int, needs_cache: bool) -> None:
    now = int(time.time())
    window, rest = now // WINDOW_SECONDS, WINDOW_SECONDS - now % WINDOW_SECONDS
    digest = hashlib.sha256(f"{what} {whose} {window}".encode()).hexdigest()
    key = f"requests/{digest}"
    try:
        cache.add(key, 0, WINDOW_SECONDS)
        counted = cache.incr(key, number)
    except Exception as error:  # each cache raises errors of its own
        logger.warning("Requests cannot be counted (%s): %s", what, error)
        if needs_cache:
            raise HeldBack(retry_after=60, is_too_much=False) from error
        return
    if counted > most:
        raise HeldBack(retry_after=rest, is_too_much=True)
