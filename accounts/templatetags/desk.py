"""The name of the site in Wagtail's frame, whose sign-in page has another idea of it."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def our_name() -> str:
    """The site's name as set; Django's sign-in view puts the host into `site_name`."""
    name: str = settings.SITE_NAME
    return name
