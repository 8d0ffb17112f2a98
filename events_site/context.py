"""What every template knows: the name of the site and its colours."""

import hashlib

from django.conf import settings
from django.http import HttpRequest

COLOURS = (settings.SITE_ACCENT, settings.SITE_ACCENT_DARK)
IN_THE_STYLESHEET = ("#a43e16", "#ff9a6b")
THEME_VERSION = hashlib.sha256("".join(COLOURS).encode()).hexdigest()[:8]


def site(request: HttpRequest) -> dict[str, str | bool]:
    """Return the site's name, words, address, and whether (and in which version) it has colours of its own."""
    return {
        "site_name": settings.SITE_NAME,
        "site_tagline": settings.SITE_TAGLINE,
        "site_introduction": settings.SITE_INTRODUCTION,
        "site_url": settings.SITE_URL,
        "has_own_colours": COLOURS != IN_THE_STYLESHEET,
        "theme_version": THEME_VERSION,
    }
