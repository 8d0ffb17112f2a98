"""Signing in at the desk, with a limit on failed attempts for each pair of e-mail address and network."""

import hashlib
import logging
from typing import Any

from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms.auth import LoginForm

from accounts.networks import network_of

logger = logging.getLogger(__name__)

ATTEMPTS = 10
SECONDS = 15 * 60


class SignInForm(LoginForm):
    """Says the same for a wrong password, an unknown address, a closed account and too many attempts."""

    username = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    error_messages = {
        **LoginForm.error_messages,
        "invalid_login": _(
            "That did not work. Check the address and the password;"
            " after several failed attempts, wait a quarter of an hour."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget.attrs.pop("placeholder", None)

    def clean(self) -> dict[str, Any]:
        key = self._key()
        if _attempts(key) >= ATTEMPTS:
            raise self.get_invalid_login_error()
        try:
            return super().clean()
        except ValidationError:
            _count(key)
            raise

    def _key(self) -> str:
        """The name of the counter: it holds no address that could be read."""
        address = self.cleaned_data.get("username", "").lower()
        remote = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        return "sign-in/" + hashlib.sha256(f"{address} {network_of(remote)}".encode()).hexdigest()


def _attempts(key: str) -> int:
    """How often it went wrong of late; none where the cache is away, since people must still get in."""
    try:
        return int(cache.get(key, 0))
    except Exception as error:
        logger.warning("Failed sign-ins cannot be counted: %s", error)
        return 0


def _count(key: str) -> None:
    try:
        cache.add(key, 0, SECONDS)
        cache.incr(key)
    except Exception as error:
        logger.warning("Failed sign-ins cannot be counted: %s", error)
