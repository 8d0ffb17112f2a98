"""Writes the content lines of iCalendar: escaped, free of what breaks a calendar, folded (RFC 5545 3.1, 3.3.11).

A feed of thousands of events is written with these functions; through the components of the icalendar library it takes
four times as long (docs/decisions/0022).
"""

import re
from datetime import UTC, datetime
from urllib.parse import quote

#: Control characters that no calendar may hold; pasted separators, at which some programs end a line, become breaks.
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
LINE_ENDS = re.compile(r"\s*\n\s*")
OCTETS = 75


def line(name: str, value: str) -> bytes:
    """Return a content line with its end. `name` may hold parameters; the value is as it stands in the file.

    No line is longer than 75 octets, and none ends within a character.
    """
    encoded = f"{name}:{value}".encode()
    if len(encoded) <= OCTETS:
        return encoded + b"\r\n"
    parts, start, room = [], 0, OCTETS
    while len(encoded) - start > room:
        end = start + room
        while encoded[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(encoded[start:end])
        start, room = end, OCTETS - 1
    parts.append(encoded[start:])
    return b"\r\n ".join(parts) + b"\r\n"


def text(value: str) -> str:
    """Return a text as the value of a line (RFC 5545 3.3.11)."""
    value = clean(value).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return value.replace("\n", "\\n")


def clean(value: str) -> str:
    """Return a text as calendars can hold it: without control characters, each break of a line a plain one."""
    if value.isprintable():
        return value
    return CONTROLS.sub("", BREAKS.sub("\n", value))


def one_line(value: str) -> str:
    """Return a text in one line, with a blank for each break."""
    if value.isprintable():
        return value.strip()
    return LINE_ENDS.sub(" ", clean(value)).strip()


def parameter(value: str) -> str:
    """Return a text as the value of a parameter, in quotes (RFC 5545 3.2, RFC 6868)."""
    return '"' + one_line(value).replace("^", "^^").replace('"', "'") + '"'


def mailto(address: str) -> str:
    """Return a mail address as a URI; what would be read as something else in one is encoded (RFC 6068 2)."""
    return "mailto:" + quote(address, safe="@!$'*+-/=^_`{|}~.")


def instant(moment: datetime) -> str:
    """Return an instant in UTC to the second, as in 20270610T070000Z."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
