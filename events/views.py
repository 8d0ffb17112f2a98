"""The calendar files of events, and the picture that stands for an event or article without one."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.doors import public
from events import calendar, covers
from events.deeplinks import subscription_links
from events.models import Event

SHOWN_FOR = timedelta(days=365)


@login_not_required
@require_safe
@cache_control(public=True, max_age=300)
def event_calendar(request: HttpRequest, slug: str) -> HttpResponse:
    """One event as a file to save."""
    event = get_object_or_404(
        Event.objects.public().with_facts().prefetch_related("sessions"), slug=slug
    )
    return calendar_response(
        calendar.event_file(event), changed_at=event.changed_at.timestamp(), name=event.slug
    )


@login_not_required
@require_safe
@cache_control(public=True, max_age=300)
def all_calendar(request: HttpRequest) -> HttpResponse:
    """All public events of the last year and ahead, to subscribe to."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    events = list(
        Event.objects.public()
        .filter(ends_at__gte=today - SHOWN_FOR)
        .with_facts()
        .prefetch_related("sessions")
        .order_by("pk")
    )
    # Whatever leaves at the far end leaves at midnight, so the feed is as new as that at least.
    changed_at = max(event.changed_at.timestamp() for event in events) if events else 0
    changed_at = max(changed_at, today.timestamp())
    return calendar_response(calendar.feed(events, name=settings.SITE_NAME), changed_at=changed_at)


@public
def calendar_page(request: HttpRequest) -> HttpResponse:
    """How to subscribe."""
    return TemplateResponse(request, "events/calendar_page.html", {"links": subscription_links()})


@login_not_required
@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def cover(request: HttpRequest, slug: str) -> HttpResponse:
    """The pattern of a slug, the same for ever."""
    return HttpResponse(covers.pattern(slug), content_type="image/svg+xml")


def calendar_response(content: bytes, *, changed_at: float | None, name: str = "") -> HttpResponse:
    """Return a calendar file; with `name` as a download, else as a feed. `changed_at` is in seconds since 1970."""
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    if name:
        response["Content-Disposition"] = f'attachment; filename="{name}.ics"'
    if changed_at is not None:
        response["Last-Modified"] = http_date(int(changed_at))
    return response
