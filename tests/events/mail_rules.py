"""Says which rules M of our list a mail with a calendar part breaks, read from its bytes as a mail server takes them.

What the calendar itself says is left to `calendar_rules`.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from tests.events.calendar_rules import Component, broken, plain, read

HEADERS = ("From", "To", "Date", "Message-ID", "Subject", "MIME-Version")
ALTERNATIVES = ["text/plain", "text/html", "text/calendar"]


def broken_mail(content: bytes, *, recipient: str, now: datetime | None = None) -> list[str]:
    """Return the rules that a mail to one address breaks, those of its calendar included, as "M3: why"."""
    mail = message_from_bytes(content, policy=policy.default)
    found = list(_headers(mail))
    alternatives = next(
        (part for part in mail.walk() if part.get_content_type() == "multipart/alternative"), None
    )
    parts = list(alternatives.iter_parts()) if alternatives else []
    kinds = [part.get_content_type() for part in parts]
    if kinds.count("text/calendar") != 1 or kinds[-1] != "text/calendar":
        return [*found, "M2: one calendar part, the last of the alternatives"]
    if kinds[0] != "text/plain":
        found.append("M4: plain text comes first")
    if kinds != ALTERNATIVES:
        found.append("M5: plain text, then HTML, then the calendar")
    inline = parts[-1]
    ics = inline.get_payload(decode=True)
    calendar = read(ics.decode())[0]
    if calendar is None:
        return [*found, "M7: no calendar in the calendar part"]
    found += _calendar_part(inline, ics, calendar)
    found += _attached(mail, ics)
    found += _people(mail, calendar, recipient)
    found += _words(parts[0].get_content(), calendar)
    return found + broken(ics, channel="mail", now=now)


def _headers(mail: EmailMessage) -> Iterator[str]:
    for name in HEADERS:
        if len(mail.get_all(name, [])) != 1:
            yield f"M1: {name} must be there once"
    if mail["Date"] and parsedate_to_datetime(mail["Date"]).tzinfo is None:
        yield "M1: Date has no zone"
    if mail["Auto-Submitted"] != "auto-generated":
        yield "M20: Auto-Submitted"


def _calendar_part(inline: EmailMessage, ics: bytes, calendar: Component) -> Iterator[str]:
    said = inline.get_content_charset(), inline.get_param("method")
    if said != ("utf-8", calendar.value("METHOD")):
        yield f"M3: Content-Type says {said}, the calendar METHOD:{calendar.value('METHOD')}"
    if inline.get_content_disposition() == "attachment" or inline.get_filename():
        yield "M6: the inline part is an attachment"
    if re.search(rb"(?<!\r)\n|\r(?!\n)", ics):
        yield "M7: the calendar part does not have lines with CRLF"
    if inline["Content-Transfer-Encoding"] != "base64":
        yield "M8: the calendar part is not in base64"


def _attached(mail: EmailMessage, ics: bytes) -> Iterator[str]:
    files = [
        part
        for part in mail.walk()
        if part.get_content_disposition() == "attachment" and part.get_filename()
    ]
    if [part.get_payload(decode=True) for part in files] != [ics]:
        yield "M9: the same calendar once more as a file"
    for part in files:
        if not re.fullmatch(r"[A-Za-z0-9._-]+\.ics", part.get_filename()):
            yield "M19: the name of the file"


def _people(mail: EmailMessage, calendar: Component, recipient: str) -> Iterator[str]:
    to = [one.addr_spec.lower() for one in mail["To"].addresses] if mail["To"] else []
    if to != [recipient.lower()] or mail["Cc"] or mail["Bcc"]:
        yield "M12: one recipient"
    for event in (part for part in calendar.parts if part.name == "VEVENT"):
        attendees = [one.value.lower() for one in event.all("ATTENDEE")]
        if attendees and attendees != [f"mailto:{recipient.lower()}"]:
            yield "M12: the attendee is not the recipient"
        organiser = event.value("ORGANIZER").lower().removeprefix("mailto:")
        sender = mail["From"].addresses[0].addr_spec.lower() if mail["From"] else ""
        if organiser and organiser != sender:
            yield "M15: From is not the organiser"


def letters_of(text: str) -> str:
    """A text without blanks, line ends and controls, which mails and calendars write each in their own way."""
    return re.sub(r"[\s\x00-\x1f\x7f]+", "", text)


def _words(text: str, calendar: Component) -> Iterator[str]:
    """Programs show the mail's text, not the entry's: title, time with zone and address stand in it."""
    for event in (part for part in calendar.parts if part.name == "VEVENT"):
        flat = " ".join(text.split())
        title = re.sub(r"^(Cancelled|Postponed): ", "", plain(event.value("SUMMARY")))
        if letters_of(title) not in letters_of(text):
            yield "M18: the text does not name the event"
        if not re.search(r"\bUTC([+-]\d{1,2}(:\d\d)?)?\b", flat):
            yield "M18: the text does not name the zone"
        if event.value("URL") not in flat:
            yield "M18: the text does not give the address"
