"""Puts a message together: the words with their values, in the frame that every message has, and the calendar file.

The frame (`templates/email/frame.html`) keeps what mail promises whatever the words are: the subject begins with the
event, and who, when, where, the link and the contact stand within the first 600 characters.
"""

import re
from collections.abc import Callable
from copy import copy
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from events import calendar
from events.models import Event
from outbox.addresses import clean_address, mailbox_of
from registrations import links, moments, sent_entries, values, withdrawals
from registrations.models import Invitation, OpeningNotice, Registration, Status
from registrations.moments import Notice
from registrations.sent_entries import Told
from registrations.wordings import Text, Words, expand

FRAME = "frame"
NOT_YET = (Status.UNVERIFIED, Status.APPLIED, Status.WAITING, Status.OFFERED)
ADDRESS = re.compile(r"https?://[^\s<>\"]+[^\s<>\"'.,;:!?)\]}]")
MOST_IN_A_SUBJECT = 300
FIRST = 600
#: What the labels of the facts, the greeting and the empty lines take of that.
LABELS = 80
A_GREETING = 60

More = Callable[[], dict[str, str]]


def to_person(
    key: str,
    registration: Registration,
    *,
    reason: str,
    words: Words | None = None,
    text: Text | None = None,
    more: More = dict,
    to: str = "",
    link: str | None = None,
    calendar_method: str = "",
    is_requested: bool = False,
    sequence: int | None = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """Return a message to somebody who registered, as `posting.post` and `posting.compose` take it by name.

    `reason` is the last part of its key. `text` stands instead of the words in force. `more` gives the values that
    only this message has, asked for in the language of the reader. A batch hands in its `words`.
    With a calendar part the caller holds the event's lock; it says the `sequence` of the entry (see `withdrawals`) and
    what this reader was `told` of it (see `sent_entries`) where these are not looked up here. There is none for who
    registers with our own address: ORGANIZER is never the reader.
    """
    event, language = registration.event, registration.language
    words = words or Words(event)
    link = links.personal_link(registration) if link is None else link
    with translation.override(language):
        said = {
            **words.values(language),
            **values.of_registration(registration, link=link),
            **more(),
        }
        context = framed(
            moments.named(key),
            text or words.text(key, language),
            said,
            facts=words.facts(language),
            action=words.action(key, language),
            link=link,
            is_unsure=registration.status in NOT_YET,
        )
        context["reference"] = registration.reference
    to = to or registration.email
    if mailbox_of(to) == mailbox_of(settings.DEFAULT_FROM_EMAIL):
        calendar_method = ""
    ics = b""
    if calendar_method:
        told = told or sent_entries.told(registration, to)
        sequence = withdrawals.sequence(event, to) if sequence is None else sequence
        ics = _calendar_part(registration, calendar_method, to, sequence=sequence, told=told)
    return {
        **_envelope(event, context, language=language, to=to),
        "key": f"registration/{registration.pk}/{reason}",
        "to_name": registration.name,
        "calendar": ics,
        "calendar_method": calendar_method,
        "is_requested": is_requested,
    }


def to_invited(
    key: str,
    invited: Invitation,
    *,
    reason: str,
    words: Words | None = None,
    more: More = dict,
) -> dict[str, Any]:
    """Return a message to somebody who is invited, as `posting.post` takes it by name."""
    event, language = invited.event, invited.language
    words = words or Words(event)
    link = links.invitation_link(invited)
    with translation.override(language):
        said = {"name": invited.name, "email": invited.email, "link": link, **more()}
        context = framed(
            moments.named(key),
            words.text(key, language),
            {**words.values(language), **said},
            facts=words.facts(language),
            action=words.action(key, language),
            link=link,
        )
    return {
        **_envelope(event, context, language=language, to=invited.email),
        "key": f"invitation/{invited.pk}/{reason}",
        "to_name": invited.name,
    }


def to_interested(key: str, notice: OpeningNotice, *, link: str) -> dict[str, Any]:
    """Return a message to an address that asked to be told, as `posting.post` takes it by name."""
    event, language = notice.event, notice.language
    words = Words(event)
    with translation.override(language):
        context = framed(
            moments.named(key),
            words.text(key, language),
            {**words.values(language), "link": link},
            facts=words.facts(language),
            action=words.action(key, language),
            link=link,
        )
    return {
        **_envelope(event, context, language=language, to=notice.email),
        "key": f"{key}/{event.pk}/{notice.pk}",
    }


def framed(
    notice: Notice,
    text: Text,
    said: dict[str, str],
    *,
    facts: dict[str, Any],
    action: str,
    link: str,
    is_unsure: bool = False,
    begins_with: str = "",
) -> dict[str, Any]:
    """Return what the frame shows: words with their values put in, as text and as HTML, in the active language.

    The subject begins with the title of the event, or with `begins_with` where there is none.
    As many paragraphs stand above the button and the facts as let these end within the first characters; all others
    stand below.
    """
    paragraphs = _paragraphs(expand(_whole(notice, text.words, said), said))
    title = facts["event"].title if facts else ""
    first = [title, said.get("name", ""), action, link]
    first += [facts[name] for name in ("when", "hours", "zone", "where", "contact") if facts]
    room = FIRST - LABELS - sum(map(len, first))
    leading = _that_fit(paragraphs, room)
    lead, rest = paragraphs[:leading], paragraphs[leading:]
    return {
        **facts,
        "subject": _subject(
            expand(text.subject, said),
            title=title or begins_with,
            is_unsure=is_unsure and notice.tells_standing,
        ),
        "name": said.get("name", ""),
        "action": action,
        "link": link,
        "lead": "\n\n".join(lead),
        "rest": "\n\n".join(rest),
        "lead_html": _as_html(lead),
        "rest_html": _as_html(rest),
    }


def _envelope(event: Event, context: dict[str, Any], *, language: str, to: str) -> dict[str, Any]:
    return {
        "template": FRAME,
        "context": context,
        "to": to,
        "topic": f"event/{event.pk}",
        "sender_name": values.sender(event),
        "reply_to": event.contact_email,
        "language": language,
    }


def _whole(notice: Notice, words: str, said: dict[str, str]) -> str:
    """The words, with the sentences behind them that nobody may miss and that they lack."""
    lacking = [
        f"{{{name}}}"
        for name in moments.ALWAYS_SAID
        if name in notice.values and said.get(name) and f"{{{name}}}" not in words
    ]
    return "\n\n".join([words, *lacking])


def _subject(words: str, *, title: str, is_unsure: bool) -> str:
    """One line that begins with the title of the event and ends in what is not yet sure; too long words are cut."""
    words = " ".join(words.split())
    unsure = " " + _("(not yet confirmed)") if is_unsure else ""
    if title and not words.startswith(title):
        words = _("%(title)s: %(words)s") % {"title": title, "words": words}
    most = MOST_IN_A_SUBJECT - len(unsure)
    return (words if len(words) <= most else words[: most - 1] + "…") + unsure


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, without empty ones and blanks at the ends of lines."""
    lines = [line.strip() for line in text.splitlines()]
    found = re.split(r"\n{2,}", "\n".join(lines))
    return [one.strip("\n") for one in found if one.strip()]


def _that_fit(paragraphs: list[str], room: int) -> int:
    """How many paragraphs fit into so many characters; none where that would be no more than a greeting."""
    taken = fitting = 0
    for one in paragraphs:
        taken += len(one) + 2
        if taken > room:
            break
        fitting += 1
    if fitting < len(paragraphs) and sum(map(len, paragraphs[:fitting])) < A_GREETING:
        return 0
    return fitting


def _as_html(paragraphs: list[str]) -> SafeString:
    """Plain text as HTML: paragraphs in the direction of their letters, line breaks, and full addresses as links."""
    return format_html_join("\n", '<p dir="auto">{}</p>', ((_linked(one),) for one in paragraphs))


def _linked(text: str) -> SafeString:
    html, end = SafeString(""), 0
    for found in ADDRESS.finditer(text):
        html += escape(text[end : found.start()])
        html += format_html('<a href="{}">{}</a>', found[0], found[0])
        end = found.end()
    html += escape(text[end:])
    return SafeString(html.replace("\n", "<br>"))


def _calendar_part(
    registration: Registration, method: str, attendee: str, *, sequence: int, told: Told
) -> bytes:
    # What this reader sees may change without the event: the way of attending, or that the place is gone.
    event, now = copy(registration.event), told.next_stamp()
    event.changed_at = max(event.changed_at, now)
    scheduling = calendar.Scheduling(
        attendee_email=clean_address(attendee),
        attendee_name=registration.name,
        organiser_name=values.sender(event),
        written_at=now,
        sequence=sequence,
        joins_online=registration.attends_online,
    )
    if method == "CANCEL":
        return calendar.cancellation(event, scheduling=scheduling, last=told.part)
    return calendar.request(event, scheduling=scheduling)
