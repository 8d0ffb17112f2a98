"""Somebody's own calendar: the events that one comes to, or waits for, as a feed behind an address of its own."""

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Prefetch
from django.utils.translation import gettext as _

from events import calendar
from events.calendar import Standing
from events.models import Event
from registrations.models import PersonalFeed, Registration, Status, new_link_key
from registrations.privacy import of_address

SHOWN = (Status.CONFIRMED, Status.OFFERED, Status.WAITING, Status.APPLIED)


def feed_of(email: str) -> PersonalFeed | None:
    """Return the feed of an address, if one was made."""
    feed: PersonalFeed | None = of_address(PersonalFeed.objects.all(), email).first()
    return feed


def renew(email: str) -> PersonalFeed:
    """Make the feed of an address, or give it another address of its own: the old one stops working."""
    with transaction.atomic():
        feed = of_address(PersonalFeed.objects.select_for_update(), email).first()
        if feed is None:
            made, _is_new = PersonalFeed.objects.get_or_create(email=email.lower())
            return made
        feed.link_key = new_link_key()
        feed.save(update_fields=["link_key"])
        renewed: PersonalFeed = feed
        return renewed


def content(feed: PersonalFeed) -> bytes:
    """Return the feed as an iCalendar file, without any secret: neither personal links nor links to join.

    Of events that are over it holds those that one had a place at.
    """
    events = Event.objects.public().with_facts().prefetch_related("sessions")
    registrations = [
        registration
        for registration in Registration.objects.of_address(feed.email)
        .known()
        .filter(status__in=SHOWN, event__in=Event.objects.public())
        .annotate(moved_at=Max("changes__changed_at"))
        .prefetch_related(Prefetch("event", events))
        .order_by("event__starts_at", "event_id")
        if registration.status == Status.CONFIRMED or not registration.event.is_over
    ]
    return calendar.feed(
        [registration.event for registration in registrations],
        name=_("My events at %(site)s") % {"site": settings.SITE_NAME},
        standings={
            registration.event_id: Standing(
                words=_words(registration),
                is_sure=registration.status == Status.CONFIRMED,
                changed_at=registration.moved_at,
            )
            for registration in registrations
        },
    )


def _words(registration: Registration) -> str:
    return {
        Status.CONFIRMED: "",
        Status.OFFERED: _("Place offered"),
        Status.WAITING: _("Waiting list"),
        Status.APPLIED: _("Not yet decided"),
    }[Status(registration.status)]
