"""The one-time link to the page of all of one's registrations, and the hour for which it opens that page.

The link names an address, is signed for this purpose alone, good for an hour, and used up by the press of a button.
"""

import hashlib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string

from registrations import notices, privacy
from registrations.models import UsedLink

SALT = "registrations.mailed_link"
GOOD_FOR = timedelta(hours=1)
ADDRESS, UNTIL = "my_address", "my_address_until"


class SpentLink(Exception):
    """The link was right once: it has been used, or its hour is over."""


def send(email: str, *, language: str) -> None:
    """Send the link to an address. An unknown one gets a mail that says that nothing is registered there.

    Raises TooManyMessages. Both cases take the same steps, so that no delay tells them apart.
    """
    notices.my_page(email, link=to(email), language=language)


def to(email: str) -> str:
    """Return a new link to the page of an address, empty where nothing is kept on it. Both take the same steps."""
    link = settings.SITE_URL + reverse("me_open", args=[token_of(email)])
    return link if privacy.is_known(email) else ""


def token_of(email: str) -> str:
    """Return a new secret that opens the page of an address once, within the hour."""
    return signing.dumps([email.lower(), get_random_string(16)], salt=SALT)


def read(token: str) -> str | None:
    """Return the address that a secret opens, or None. Raises SpentLink; changes nothing."""
    try:
        email, _once = signing.loads(token, salt=SALT, max_age=GOOD_FOR)
    except signing.SignatureExpired as error:
        raise SpentLink from error
    except signing.BadSignature:
        return None
    if UsedLink.objects.filter(digest=_digest(token)).exists():
        raise SpentLink
    return str(email)


def use(token: str, request: HttpRequest) -> bool:
    """Use a secret up and open the page in this browser for an hour; return whether it was right.

    Raises SpentLink, also for the second of two presses at once.
    """
    email = read(token)
    if email is None:
        return False
    _row, is_new = UsedLink.objects.get_or_create(digest=_digest(token))
    if not is_new:
        raise SpentLink
    session: Any = request.session
    session.cycle_key()
    session[ADDRESS] = email
    session[UNTIL] = (timezone.now() + GOOD_FOR).timestamp()
    if not request.user.is_authenticated:
        session.set_expiry(int(GOOD_FOR.total_seconds()))
    return True


def address_in(request: HttpRequest) -> str | None:
    """Return the address whose page is open in this browser, or None."""
    if request.session.get(UNTIL, 0) <= timezone.now().timestamp():
        return None
    email: str | None = request.session.get(ADDRESS)
    return email


def close(request: HttpRequest) -> None:
    """Close the page in this browser. Staff who are signed in stay so."""
    session: Any = request.session
    if request.user.is_authenticated:
        session.pop(ADDRESS, None)
        session.pop(UNTIL, None)
    else:
        session.flush()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
