"""Which moment sends which message, with which calendar file: one function a message.

Each key says why the message exists, so that no reason sends twice (design 6). The caller holds the transaction.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone, translation

from events import calendar
from events.dates import days_in_words, zone_in_words
from events.models import Event
from events.models import Status as EventStatus
from outbox.models import Message
from outbox.posting import post, withdraw
from registrations import links
from registrations.models import Registration, Status

#: Someone who registers again within this time has the first mail still on its way.
ON_ITS_WAY = timedelta(minutes=10)
STANDINGS_A_DAY = 3


def verify(registration: Registration) -> None:
    """Ask the person to confirm the address."""
    _post("verify", registration, reason="verify")


def standing(registration: Registration) -> None:
    """Say where things stand to someone who registered again: not while a mail is on its way, at most thrice a day."""
    now = timezone.now()
    if registration.created_at > now - ON_ITS_WAY:
        return
    prefix = f"registration/{registration.pk}/standing/"
    sent = Message.objects.filter(key__startswith=prefix)
    if sent.filter(created_at__gt=now - ON_ITS_WAY).exists():
        return
    if sent.filter(created_at__gt=now - timedelta(days=1)).count() >= STANDINGS_A_DAY:
        return
    _post("standing", registration, reason=f"standing/{now:%Y-%m-%dT%H:%MZ}")


def confirmed(registration: Registration) -> None:
    """Confirm the place, with the entry for the calendar. Nobody is told of an event that is over."""
    if registration.event.is_over:
        return
    withdraw(key_prefix=f"registration/{registration.pk}/")
    _post("confirmed", registration, reason="confirmed", calendar_method="REQUEST")


def waiting(registration: Registration) -> None:
    """Say that the person is on the waiting list."""
    if not registration.event.is_over:
        _post("waiting", registration, reason="waiting")


def applied(registration: Registration) -> None:
    """Say that the organiser will decide."""
    _post("applied", registration, reason="applied")


def offered(registration: Registration) -> None:
    """Offer the place that came free, until a deadline."""
    _post("offered", registration, reason="offered")


def lapsed(registration: Registration, *, was_offered: bool) -> None:
    """Say that the offer has run out. Whoever never confirmed the address hears nothing."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    if (
        was_offered
        and registration.event.status == EventStatus.PUBLISHED
        and not registration.event.is_over
    ):
        _post("lapsed", registration, reason="lapsed")


def cancelled(registration: Registration, *, was_confirmed: bool) -> None:
    """Say that the registration is withdrawn, and take the entry out of the calendar if there was one."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    if registration.event.is_over:
        return
    _post(
        "cancelled",
        registration,
        reason="cancelled",
        calendar_method="CANCEL" if was_confirmed else "",
    )


def event_changed(registration: Registration, *, changes: dict[str, tuple[Any, Any]]) -> None:
    """Tell of another time or place, and move the entry in the calendar of those who come."""
    for reason in ("reminder", "changed"):
        withdraw(key_prefix=f"registration/{registration.pk}/{reason}/")
    event = registration.event
    _post(
        "changed",
        registration,
        reason=f"changed/{event.sequence}",
        calendar_method="REQUEST" if registration.status == Status.CONFIRMED else "",
        changes=in_words(event, changes),
    )


def event_postponed(registration: Registration) -> None:
    """Tell that the event does not take place on its date."""
    withdraw(key_prefix=f"registration/{registration.pk}/reminder/")
    _post(
        "postponed",
        registration,
        reason=f"postponed/{registration.event.sequence}",
        calendar_method="REQUEST" if registration.status == Status.CONFIRMED else "",
    )


def event_cancelled(registration: Registration) -> None:
    """Tell that the event is called off, and take the entry out of the calendar of those who would have come."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    _post(
        "event-cancelled",
        registration,
        reason="event-cancelled",
        calendar_method="CANCEL" if registration.status == Status.CONFIRMED else "",
    )


def reminder(registration: Registration, *, rule: str) -> None:
    """Remind of the event; the key names rule and start, so that a moved event earns a new one."""
    _post("reminder", registration, reason=reminder_reason(registration.event, rule))


def reminder_reason(event: Event, rule: str) -> str:
    """The part of a reminder's key behind the registration."""
    return f"reminder/{rule}/{event.starts_at:%Y-%m-%dT%H:%MZ}"


def in_words(event: Event, changes: dict[str, tuple[Any, Any]]) -> dict[str, bool]:
    """Which of the things that people care about have changed."""
    return {
        "time": bool(changes.keys() & {"starts_at", "ends_at", "timezone", "is_whole_day"}),
        "place": bool(changes.keys() & {"venue_id", "format", "join_url"}),
        "title": "title" in changes,
        "resumed": "status" in changes,
    }


def _post(
    template: str,
    registration: Registration,
    *,
    reason: str,
    calendar_method: str = "",
    **more: Any,
) -> None:
    event = registration.event
    now = timezone.now()
    ics = _calendar_part(registration, calendar_method, now) if calendar_method else b""
    leading = event.organisers[0].display_name if event.organisers else settings.SITE_NAME
    with translation.override(registration.language), timezone.override(event.zone):
        post(
            template,
            {
                **facts(event),
                "registration": registration,
                "link": links.personal_link(registration),
                **more,
            },
            key=f"registration/{registration.pk}/{reason}",
            to=registration.email,
            to_name=registration.name,
            topic=f"event/{event.pk}",
            sender_name=leading,
            reply_to=event.contact_email,
            calendar=ics,
            calendar_method=calendar_method,
            language=registration.language,
        )


def facts(event: Event) -> dict[str, Any]:
    """What every message says of the event: when with zone, where, who to ask, its page."""
    hours = "" if event.is_whole_day else f"{event.local_start:%H:%M}–{event.local_end:%H:%M}"
    return {
        "event": event,
        "when": days_in_words(event.first_day, event.last_day, weekday=True),
        "hours": hours,
        "zone": zone_in_words(event.timezone, event.starts_at),
        "where": calendar.location(event),
        "event_link": settings.SITE_URL + event.get_absolute_url(),
        "contact": event.contact_email or settings.DEFAULT_FROM_EMAIL,
    }


def _calendar_part(registration: Registration, method: str, now: datetime) -> bytes:
    """The entry for this person. A withdrawal, and a new registration after it, count on: else programs ignore them."""
    event = registration.event
    earlier = (
        event.registrations.of_address(registration.email)
        .exclude(confirmed_at=None)
        .exclude(pk=registration.pk)
    )
    withdrawn_here = method == "CANCEL" and registration.status == Status.CANCELLED
    scheduling = calendar.Scheduling(
        attendee_email=registration.email,
        attendee_name=registration.name,
        organiser_name=event.organisers[0].display_name if event.organisers else settings.SITE_NAME,
        written_at=now,
        sequence=event.sequence + 2 * earlier.count() + withdrawn_here,
    )
    make = calendar.cancellation if method == "CANCEL" else calendar.request
    return make(event, scheduling=scheduling)
