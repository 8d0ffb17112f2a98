"""Shows how a message will look with words that are being written, and sends a staff member one to look at.

No preview holds a personal link: that is its reader's alone. A preview takes a real registration and is not stored; the
mail to try out is stored like all mail, so it carries the name of whoever asked for it and nobody else's.
"""

import hashlib
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import User
from events.models import Event, Format, Kind
from outbox.models import Message
from outbox.posting import compose, post
from registrations import messages, news, values
from registrations.models import Registration, Status
from registrations.moments import Notice
from registrations.wordings import Text, Words

#: What stands for a personal link, as at the desk's pages of mail.
HIDDEN = "/r/…"
SAMPLE_SEAT = 1


@dataclass(frozen=True)
class Sample:
    """Whose message is shown: somebody of an event, in the state of those who get it. `is_real` unless made up."""

    event: Event
    person: Registration
    is_real: bool


@dataclass(frozen=True)
class Preview:
    """A message as it would go out, with what stands for each value."""

    message: Message
    said: dict[str, str]
    sample: Sample


def sample_of(event: Event | None, notice: Notice) -> Sample:
    """Return the newest registration of an event (of any event, where none is given), or an example."""
    people = event.registrations.all() if event else Registration.objects.all()
    newest = people.known().select_related("event__venue").order_by("-created_at", "-pk")
    real = newest.first()
    if real and event:
        real.event = event
    if not real:
        return Sample(*_example(event, notice), is_real=False)
    return Sample(real.event, _as_told(real, notice), is_real=True)


def preview(
    event: Event | None, notice: Notice, text: Text, *, language: str, sample: Sample | None = None
) -> Preview:
    """Return a message with certain words as it would go out."""
    sample = sample or sample_of(event, notice)
    context, said = _context(notice, text, sample, language)
    message = compose(
        messages.FRAME, context, key="preview", to="preview@example.org", language=language
    )
    return Preview(message, said, sample)


def send_to(user: User, event: Event | None, notice: Notice, text: Text, *, language: str) -> bool:
    """Send a staff member the message with certain words; once a minute for the same words. Say whether it goes out."""
    real = sample_of(event, notice).event
    person = copy(_example(real, notice)[1])
    person.given_name, person.family_name = user.first_name, user.last_name or user.email
    person.email = user.email
    context, _said = _context(notice, text, Sample(real, person, is_real=False), language)
    with translation.override(language):
        context["subject"] = _("Test: %(subject)s") % {"subject": context["subject"]}
    words = hashlib.sha256(f"{text.subject}\n{text.words}".encode()).hexdigest()[:16]
    sent = post(
        messages.FRAME,
        context,
        key=f"test/{user.pk}/{notice.key}/{language}/{words}/{timezone.now():%Y-%m-%dT%H:%MZ}",
        to=user.email,
        to_name=str(user),
        topic=f"event/{event.pk}" if event else "",
        sender_name=values.sender(real),
        language=language,
    )
    return sent is not None


def _context(
    notice: Notice, text: Text, sample: Sample, language: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the frame shows, and what stands for each value that the message may hold."""
    words = Words(sample.event if notice.is_of_event else None)
    link = settings.SITE_URL + HIDDEN
    with translation.override(language):
        said = {
            **words.values(language),
            **values.of_registration(sample.person, link=link),
            **_special(sample),
            "next": _next(notice, sample.person) if "next" in notice.values else "",
        }
        said = {name: said.get(name, "") for name in notice.values}
        is_named = "name" in notice.values
        context = messages.framed(
            notice,
            text,
            said,
            facts=words.facts(language),
            action=words.action(notice.key, language),
            link="" if notice.key == "address-changed" else link,
            is_unsure=is_named and sample.person.status in messages.NOT_YET,
            begins_with="" if notice.is_of_event else settings.SITE_NAME,
        )
        if "reference" in notice.values:
            context["reference"] = sample.person.reference
    return context, said


def _special(sample: Sample) -> dict[str, str]:
    """What only some messages say, made up where it depends on more than the person."""
    event = sample.event
    earlier = event.starts_at - timedelta(hours=1)
    record = news.record_of({"starts_at": (earlier, event.starts_at)})
    return {
        **values.news(event, news.kinds(event, record)),
        "changes": "\n".join(map(str, news.lines(event, record))),
        "colleague": _("Example Colleague"),
        "substitute": _("Example Substitute"),
        "note": values.note(_("an example of what you may add.")),
        "why": _("All places are taken at the moment."),
        "certificate": values.certificate(),
        "materials": values.materials(event),
        "email": sample.person.email,
    }


def _next(notice: Notice, person: Registration) -> str:
    if notice.key == "my-page":
        return values.all_registrations(is_known=True)
    if notice.key == "substitute":
        return values.to_take_over()
    if notice.key == "offered":
        return values.to_take(person)
    return values.to_confirm(person)


def _as_told(person: Registration, notice: Notice) -> Registration:
    """A copy of somebody in the state of those who get a message, with a seat and a deadline where that has them."""
    told = copy(person)
    told.status = notice.status or told.status
    held = told.status in {Status.UNVERIFIED, Status.OFFERED}
    told.seat = SAMPLE_SEAT if held or told.status == Status.CONFIRMED else None
    if held and told.expires_at is None:
        told.expires_at = timezone.now() + timedelta(hours=settings.OFFER_HOURS)
    if not held:
        told.expires_at = None
    return told


def _example(event: Event | None, notice: Notice) -> tuple[Event, Registration]:
    """Somebody who does not exist, at the event, or at one that does not exist either."""
    event = event or _example_event()
    person = Registration(
        event=event,
        mode=event.modes[0],
        status=Status.CONFIRMED,
        given_name=_("Example"),
        family_name=_("Participant"),
        email="participant@example.org",
        organisation=_("Example Organisation"),
        reference="EXAMPLE2",
    )
    return event, _as_told(person, notice)


def _example_event() -> Event:
    start = _in_a_month(timezone.now())
    event = Event(
        title=_("Example event"),
        slug="example",
        kind=Kind.WORKSHOP,
        format=Format.ONLINE,
        timezone=settings.TIME_ZONE,
        starts_at=start,
        ends_at=start + timedelta(hours=2),
    )
    event.organisers = []
    return event


def _in_a_month(now: datetime) -> datetime:
    return (now + timedelta(days=30)).replace(hour=9, minute=0, second=0, microsecond=0)
