"""Personal links: a reference and a signature over it. The table holds nothing that would open one.

A link cannot be used for another purpose (the salt names it) and is worthless after `link_key` is renewed.
"""

import base64
import re

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from registrations.models import Invitation, PersonalFeed, Registration

SALT = "registrations.links.manage"
ADDRESS_SALT = "registrations.links.address"
INVITATION_SALT = "registrations.links.invitation"
FEED_SALT = "registrations.links.feed"
FORM = re.compile(r"\A([2-9A-Z]{8})-([a-z2-7]{32})\Z")


def token_of(registration: Registration) -> str:
    """Return the secret of the personal link: reference and 160 bits of signature."""
    value = f"{registration.reference}:{registration.link_key}"
    digest = salted_hmac(SALT, value, algorithm="sha256").digest()
    return f"{registration.reference}-{base64.b32encode(digest[:20]).decode().lower()}"


def find(token: str) -> Registration | None:
    """Return the registration that a token opens, or None."""
    match = FORM.match(token)
    if not match:
        return None
    registration = _by_reference(match[1])
    if registration is None or not constant_time_compare(token_of(registration), token):
        return None
    return registration


def address_token(registration: Registration) -> str:
    """Return the secret that proves the new address of a registration: good for that address alone."""
    value = f"{registration.reference}:{registration.link_key}:{registration.pending_email.lower()}"
    digest = salted_hmac(ADDRESS_SALT, value, algorithm="sha256").digest()
    return f"{registration.reference}-{base64.b32encode(digest[:20]).decode().lower()}"


def find_by_address(token: str) -> Registration | None:
    """Return the registration whose new address a token proves, or None."""
    match = FORM.match(token)
    registration = match and _by_reference(match[1])
    if not registration or not registration.pending_email:
        return None
    return registration if constant_time_compare(address_token(registration), token) else None


def address_link(registration: Registration) -> str:
    """Return the full address of the page that proves a new address."""
    return settings.SITE_URL + reverse("registration_address", args=[address_token(registration)])


def invitation_token(invitation: Invitation) -> str:
    """Return the secret of the link of an invitation."""
    value = f"{invitation.reference}:{invitation.link_key}"
    digest = salted_hmac(INVITATION_SALT, value, algorithm="sha256").digest()
    return f"{invitation.reference}-{base64.b32encode(digest[:20]).decode().lower()}"


def find_invitation(token: str) -> Invitation | None:
    """Return the invitation that a token opens, with its state, or None."""
    match = FORM.match(token)
    if not match:
        return None
    found = Invitation.objects.with_state().select_related("event__venue", "event__series")
    invitation = found.filter(reference=match[1]).first()
    if invitation is None or not constant_time_compare(invitation_token(invitation), token):
        return None
    return invitation


def invitation_link(invitation: Invitation) -> str:
    """Return the full address of the page of an invitation."""
    return settings.SITE_URL + reverse("invitation", args=[invitation_token(invitation)])


def feed_token(feed: PersonalFeed) -> str:
    """Return the secret in the address of somebody's own calendar feed."""
    value = f"{feed.reference}:{feed.link_key}"
    digest = salted_hmac(FEED_SALT, value, algorithm="sha256").digest()
    return f"{feed.reference}-{base64.b32encode(digest[:20]).decode().lower()}"


def find_feed(token: str) -> PersonalFeed | None:
    """Return the feed whose address holds a token, or None."""
    match = FORM.match(token)
    feed = PersonalFeed.objects.filter(reference=match[1]).first() if match else None
    return feed if feed and constant_time_compare(feed_token(feed), token) else None


def feed_link(feed: PersonalFeed) -> str:
    """Return the full address of somebody's own calendar feed."""
    return settings.SITE_URL + reverse("personal_calendar", args=[feed_token(feed)])


def _by_reference(reference: str) -> Registration | None:
    found = Registration.objects.select_related("event__venue", "event__series", "jurisdiction")
    return found.filter(reference=reference).first()


def personal_link(registration: Registration) -> str:
    """Return the full address of the person's own page."""
    return settings.SITE_URL + reverse("registration", args=[token_of(registration)])
