"""Which moment sends which message, with which calendar file: one function a message.

Each key says why the message exists, so that no reason sends twice (design 6). The caller holds the transaction.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac

from events import calendar
from events.dates import days_in_words, moment_in_words, zone_in_words
from events.models import Event
from events.models import Status as EventStatus
from outbox.models import Message
from outbox.posting import check_limit, post, readdress, withdraw
from registrations import links
from registrations.entry import Entrance
from registrations.models import Invitation, OpeningNotice, Registration, Status

#: Someone who registers again within this time has the first mail still on its way.
ON_ITS_WAY = timedelta(minutes=10)
STANDINGS_A_DAY = 3


def verify(registration: Registration) -> None:
    """Ask the person to confirm the address; whoever was registered by a colleague is told by whom."""
    template = "colleague" if registration.brought_by_id else "verify"
    why = _why_no_seat(registration)
    _post(template, registration, reason="verify", is_requested=True, hindrance=why)


def substitute(registration: Registration) -> None:
    """Ask somebody to come instead of the person who named them."""
    _post(
        "substitute",
        registration,
        reason=f"substitute/{registration.replaces_id}",
        is_requested=True,
    )


def prove_address(registration: Registration) -> None:
    """Send a link to the new address of a person; the button behind it proves the address."""
    _post(
        "prove-address",
        registration,
        reason=f"address/{timezone.now():%Y-%m-%dT%H:%M:%S.%fZ}",
        to=registration.pending_email,
        link=links.address_link(registration),
        is_requested=True,
    )


def address_changed(registration: Registration, *, old: str) -> None:
    """Tell the old address, and take the entry out of its calendar; send the new one the link, with the entry."""
    changes = registration.changes.count()
    is_confirmed = registration.status == Status.CONFIRMED
    prefix = f"registration/{registration.pk}/"
    withdraw(key_prefix=prefix, but=f"{prefix}letter/")
    readdress(key_prefix=f"{prefix}letter/", to=registration.email)
    _post(
        "address-changed",
        registration,
        reason=f"address-left/{changes}",
        to=old,
        calendar_method="CANCEL" if is_confirmed else "",
        link="",
    )
    _post(
        "address-taken",
        registration,
        reason=f"address-taken/{changes}",
        calendar_method="REQUEST" if is_confirmed else "",
    )


def standing(registration: Registration) -> None:
    """Say where things stand to someone who registered again: not while a mail is on its way, at most thrice a day.

    Raises TooManyMessages as a first registration would, so that the answer does not tell one from the other.
    """
    check_limit(registration.email)
    now = timezone.now()
    if registration.created_at > now - ON_ITS_WAY:
        return
    prefix = f"registration/{registration.pk}/standing/"
    sent = Message.objects.filter(key__startswith=prefix)
    if sent.filter(created_at__gt=now - ON_ITS_WAY).exists():
        return
    if sent.filter(created_at__gt=now - timedelta(days=1)).count() >= STANDINGS_A_DAY:
        return
    reason = f"standing/{now:%Y-%m-%dT%H:%MZ}"
    _post("standing", registration, reason=reason, is_requested=True)


def link_again(registration: Registration) -> None:
    """Send the personal link once more, with where things stand; staff asked for it, once a minute at most."""
    _post("link", registration, reason=f"link/{timezone.now():%Y-%m-%dT%H:%MZ}")


def letter(registration: Registration, *, subject: str, text: str, key: str) -> None:
    """Send what staff wrote, as plain text; `key` is that of the one letter, so that nobody gets it twice."""
    _post("letter", registration, reason=f"letter/{key}", subject=subject, letter=text)


def confirmed(registration: Registration, *, note: str = "", is_requested: bool = False) -> None:
    """Confirm the place, with the entry for the calendar. Nobody is told of an event that is over.

    `note` is a sentence of the organiser. Here and below `is_requested` says that the address is not proved.
    """
    if registration.event.is_over:
        return
    prefix = f"registration/{registration.pk}/"
    withdraw(key_prefix=prefix, but=f"{prefix}letter/")
    _post(
        "confirmed",
        registration,
        reason="confirmed",
        calendar_method="REQUEST",
        is_requested=is_requested,
        note=note,
    )


def waiting(registration: Registration, *, note: str = "", is_requested: bool = False) -> None:
    """Say that the person is on the waiting list, and which rule keeps them from a place if one does."""
    if not registration.event.is_over:
        why = _why_no_seat(registration)
        _post(
            "waiting",
            registration,
            reason="waiting",
            is_requested=is_requested,
            note=note,
            hindrance=why,
        )


def declined(registration: Registration, *, note: str = "") -> None:
    """Say that there is no place for the person. Nobody is told of an event that is over."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    if not registration.event.is_over:
        _post("declined", registration, reason="declined", note=note)


def mode_changed(registration: Registration) -> None:
    """Say in which way the person attends from now on."""
    if not registration.event.is_over:
        _post("mode-changed", registration, reason=f"mode/{registration.changes.count()}")


def replaced(registration: Registration, *, by: Registration) -> None:
    """Say that the substitute has the place now, and take the entry out of the calendar."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    _post("replaced", registration, reason="replaced", calendar_method="CANCEL", substitute=by)


def opening(notice: OpeningNotice) -> None:
    """Say that registering for the event has opened, to an address that asked to be told."""
    event = notice.event
    with translation.override(notice.language), timezone.override(event.zone):
        post(
            "opening",
            {
                **facts(event),
                "link": settings.SITE_URL + reverse("register", args=[event.slug]),
            },
            key=f"opening/{event.pk}/{notice.pk}",
            to=notice.email,
            topic=f"event/{event.pk}",
            sender_name=_sender(event),
            reply_to=event.contact_email,
            language=notice.language,
        )


def invitation(invited: Invitation, *, reason: str, sentence: str = "") -> None:
    """Invite somebody by name, or ask again: `reason` is `invited`, `again/…` or `reminder/…`.

    `sentence` is what the organiser adds, as plain text.
    """
    event = invited.event
    with translation.override(invited.language), timezone.override(event.zone):
        post(
            "invitation",
            {
                **facts(event),
                "invitation": invited,
                "link": links.invitation_link(invited),
                "organiser": _sender(event),
                "sentence": sentence,
                "is_reminder": reason.startswith("reminder/"),
            },
            key=f"invitation/{invited.pk}/{reason}",
            to=invited.email,
            to_name=invited.name,
            topic=f"event/{event.pk}",
            sender_name=_sender(event),
            reply_to=event.contact_email,
            language=invited.language,
        )


def withdraw_invitations(event: Event) -> None:
    """Stop the invitations to an event that still wait to be sent."""
    withdraw(key_prefix="invitation/", topic=f"event/{event.pk}")


def my_page(email: str, *, link: str, language: str) -> None:
    """Send the one-time link to the page of all registrations of an address; without a link say that there are none.

    However often it is asked for within a minute, one mail goes out.
    """
    asked_by = salted_hmac(
        "registrations.notices.my_page", email.lower(), algorithm="sha256"
    ).hexdigest()
    post(
        "my-page",
        {"link": link, "email": email, "form": settings.SITE_URL + reverse("me")},
        key=f"me/{asked_by}/{timezone.now():%Y-%m-%dT%H:%MZ}",
        to=email,
        language=language,
        is_requested=True,
    )


def applied(registration: Registration, *, is_requested: bool = False) -> None:
    """Say that the organiser will decide."""
    _post("applied", registration, reason="applied", is_requested=is_requested)


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


def cancelled(registration: Registration, *, was_confirmed: bool, is_told: bool = True) -> None:
    """Say that the registration is withdrawn, and take the entry out of the calendar if there was one.

    In any case nothing more goes out that still waits.
    """
    withdraw(key_prefix=f"registration/{registration.pk}/")
    if registration.event.is_over or not is_told:
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
    to: str = "",
    calendar_method: str = "",
    is_requested: bool = False,
    **more: Any,
) -> None:
    if registration.erased_at:
        return
    event = registration.event
    to = to or registration.email
    ics = _calendar_part(registration, calendar_method, to) if calendar_method else b""
    with translation.override(registration.language), timezone.override(event.zone):
        post(
            template,
            {
                **facts(event),
                "registration": registration,
                "link": links.personal_link(registration),
                "until": _until(registration),
                **more,
            },
            key=f"registration/{registration.pk}/{reason}",
            to=to,
            to_name=registration.name,
            topic=f"event/{event.pk}",
            sender_name=_sender(event),
            reply_to=event.contact_email,
            calendar=ics,
            calendar_method=calendar_method,
            language=registration.language,
            is_requested=is_requested,
        )


def _sender(event: Event) -> str:
    return event.organisers[0].display_name if event.organisers else settings.SITE_NAME


def _until(registration: Registration) -> str:
    """Until when a place is held, by the event's clock; an empty text where none is."""
    if registration.expires_at is None:
        return ""
    return moment_in_words(registration.expires_at, registration.event.timezone)


def _why_no_seat(registration: Registration) -> str:
    """The rule that keeps a person from a place, if it is one."""
    if registration.seat:
        return ""
    return Entrance(registration.event).hindrance(registration, registration.mode)


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


def _calendar_part(registration: Registration, method: str, attendee: str) -> bytes:
    """The entry for one address. A withdrawal, and a new registration after it, count on: else programs ignore them."""
    event = registration.event
    earlier = (
        event.registrations.of_address(attendee)
        .exclude(confirmed_at=None)
        .exclude(pk=registration.pk)
    )
    is_withdrawn = method == "CANCEL" and (
        registration.status == Status.CANCELLED or attendee != registration.email
    )
    scheduling = calendar.Scheduling(
        attendee_email=attendee,
        attendee_name=registration.name,
        organiser_name=_sender(event),
        written_at=timezone.now(),
        sequence=event.sequence + 2 * earlier.count() + is_withdrawn,
    )
    make = calendar.cancellation if method == "CANCEL" else calendar.request
    return make(event, scheduling=scheduling)
