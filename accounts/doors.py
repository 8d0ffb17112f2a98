"""Says aloud that a view is public: everything else asks for sign-in."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

View = Callable[..., HttpResponse]


def public(view: View) -> View:
    """Open a page to everybody, for reading. Shared caches may keep it and ask each time whether it still holds."""
    opened = login_not_required(
        cache_control(public=True, max_age=0, must_revalidate=True)(require_safe(view))
    )
    opened.is_public_page = True  # type: ignore[attr-defined]
    return opened
