"""What stands for the named values of messages, as plain text in the language that is active."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from events import calendar
from events.dates import days_in_words, moment_in_words, zone_in_words
from events.models import Entry, Event, Mode
from registrations.entry import Entrance
from registrations.models import Registration, Status


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


def sender(event: Event) -> str:
    """Who organises an event, as the sender of its mail."""
    return event.organisers[0].display_name if event.organisers else settings.SITE_NAME


def of_event(event: Event, said: dict[str, Any]) -> dict[str, str]:
    """Return the values of an event; `said` is its facts."""
    return {
        "event": event.title,
        "when": ", ".join(part for part in (said["when"], said["hours"], said["zone"]) if part),
        "date": said["when"],
        "where": said["where"],
        "organiser": sender(event),
        "contact": said["contact"],
        "event_page": said["event_link"],
    }


def of_registration(registration: Registration, *, link: str) -> dict[str, str]:
    """Return the values of one person."""
    return {
        "name": registration.name,
        "given_name": registration.given_name,
        "family_name": registration.family_name,
        "organisation": registration.organisation,
        "mode": registration.get_mode_display(),
        "reference": registration.reference,
        "link": link,
        "attendance": attendance(registration),
        "standing": standing(registration),
        "until": until(registration),
    }


def attendance(registration: Registration) -> str:
    """How the person attends."""
    if registration.mode == Mode.ONLINE:
        return _("You attend online: the link to join stands on your page.")
    return _("We look forward to seeing you there.")


def standing(registration: Registration) -> str:
    """Where a registration stands and what follows; an empty text for one that is over."""
    if registration.status == Status.OFFERED:
        return _("A place is held for you until %(until)s. Follow the link and take it.") % {
            "until": until(registration)
        }
    sentences = {
        Status.UNVERIFIED: _(
            "Your registration is not yet confirmed: follow the link and press the button."
        ),
        Status.CONFIRMED: _("Your place is confirmed."),
        Status.WAITING: _("You are on the waiting list. We write as soon as a place comes free."),
        Status.APPLIED: _("The organisers have your registration and will decide."),
    }
    return sentences.get(Status(registration.status), "")


def until(registration: Registration) -> str:
    """Until when a place is held, by the event's clock; an empty text where none is."""
    if registration.expires_at is None:
        return ""
    return moment_in_words(registration.expires_at, registration.event.timezone)


def to_confirm(registration: Registration) -> str:
    """What somebody does who has yet to confirm the address, and what follows."""
    if registration.seat:
        return _(
            "We hold a place for you until %(until)s. Follow the link and press the button to confirm it."
        ) % {"until": until(registration)}
    if registration.event.entry == Entry.APPROVAL:
        return _("Follow the link and press the button; then the organisers decide.")
    return _("%(why)s Follow the link and press the button to join the waiting list.") % {
        "why": why_waiting(registration)
    }


def to_take_over() -> str:
    """What a substitute does."""
    return _("Follow the link and press the button, and the place is yours.")


def to_take(registration: Registration) -> str:
    """What somebody does to whom a place is offered."""
    return _(
        "It is held for you until %(until)s. Follow the link and press the button to take it."
    ) % {"until": until(registration)}


def why_waiting(registration: Registration) -> str:
    """Why there is no place for somebody at the moment: a rule of the event, or because all are taken."""
    rule = Entrance(registration.event).hindrance(registration, registration.mode)
    return rule or _("All places are taken at the moment.")


def note(text: str) -> str:
    """What organisers add by hand; empty where they add nothing."""
    return _("The organisers write: %(note)s") % {"note": text} if text else ""


def news(event: Event, kinds: dict[str, bool], *, old_title: str = "") -> dict[str, str]:
    """What has changed, in a few words and in a sentence or two; `kinds` says which (see `registrations.news`).

    `old_title` is the one by which the reader knows the event, if it has another now.
    """
    said = {"event": event.title}
    if kinds["resumed"]:
        sentence = _("%(event)s had been postponed and now takes place.")
    elif kinds["time"] and kinds["place"]:
        sentence = _("Time and place of %(event)s have changed.")
    elif kinds["time"]:
        sentence = _("The time of %(event)s has changed.")
    elif kinds["place"]:
        sentence = _("The place of %(event)s has changed.")
    elif kinds["link"]:
        sentence = _("The link to join %(event)s online has changed.")
    else:
        sentence = _("%(event)s has a new title.")
    if kinds["time"]:
        words = _("new title and time") if old_title else _("new time")
    elif kinds["place"]:
        words = _("new title and place") if old_title else _("new place")
    elif kinds["resumed"]:
        words = _("it takes place")
    elif kinds["link"]:
        words = _("new link to join")
    else:
        words = _("new title")
    change = sentence % said
    if old_title:
        change += " " + _("It was called “%(title)s” until now.") % {"title": old_title}
    return {"news": words, "change": change}


def certificate() -> str:
    """Where the certificate is, to somebody who was present at an event that is over (see `certificates.can_have`)."""
    return _("Your certificate of attendance is on your page: follow the link.")


def materials(event: Event) -> str:
    """Where to read what came of an event."""
    return _("What came of it will be on the page of the event: %(address)s") % {
        "address": settings.SITE_URL + event.get_absolute_url()
    }


def all_registrations(*, is_known: bool) -> str:
    """What somebody does who asked for the page of all registrations of an address."""
    if is_known:
        return _(
            "Follow the link and press the button to see them all. It works once, within the next hour."
        )
    return _(
        "Nothing is registered under this address. If you registered with another one, ask again with that."
    )
