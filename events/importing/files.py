"""Takes a calendar file apart: bytes into components with their lines, whatever is wrong with it (RFC 5545 3.1)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import filetype
from django.utils.translation import gettext as _

MOST_BYTES = 2_000_000
#: Deeper nesting means nothing in a calendar; what lies there is left alone.
DEEPEST = 8
#: Reading one line takes some time, however short it is; a calendar has some forty letters a line.
MOST_LINES = 40_000
LINE_ENDS = re.compile(rb"[\r\n]+")
FOLD = re.compile(rb"\n[ \t]")
#: A content line begins with the name of a property (RFC 5545 3.1); "Note: bring a pen" does too, and is kept as one.
PROPERTY = re.compile(r"[A-Za-z0-9-]+[;:]")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")
#: A line as long as this was broken off by a program that folds, and not by somebody who pressed Enter.
FOLDED_AT = 70


class RefusedCalendar(Exception):
    """The file is no calendar that we read; the text says why and what to do."""


@dataclass
class Component:
    """A component between BEGIN and END: its own lines, unfolded, and those inside it. Not whole without its END."""

    name: str
    lines: list[str] = field(default_factory=list)
    inside: list["Component"] = field(default_factory=list)
    is_whole: bool = True

    def named(self, name: str) -> list["Component"]:
        return [one for one in self.inside if one.name == name]

    def text(self, without: frozenset[str] = frozenset()) -> str:
        """The component as text again, but for the lines of the properties that are named."""
        kept = [line for line in self.lines if name_of(line) not in without]
        within = [one.text(without) for one in self.inside]
        return "\n".join([f"BEGIN:{self.name}", *kept, *within, f"END:{self.name}"])

    def values(self, name: str) -> list[str]:
        """What stands behind the colon of the lines of one property, as it stands there."""
        return [line.partition(":")[2].strip() for line in self.lines if name_of(line) == name]


@dataclass(frozen=True)
class Calendars:
    """The VCALENDARs of a file, and in words what was put right on the way."""

    calendars: list[Component]
    notes: list[str]


def take_apart(data: bytes) -> Calendars:
    """Return the calendars of a file with LF, CR or CRLF, a mark in front, lost folds, or letters of other encodings.

    Raises RefusedCalendar for what is too large, empty or no calendar.
    """
    if len(data) > MOST_BYTES:
        raise RefusedCalendar(
            _("The file is larger than %(number)s MB. Save fewer events or a shorter time.")
            % {"number": MOST_BYTES // 1_000_000}
        )
    if not data.strip(b"\0\r\n\t \xef\xbb\xbf"):
        raise RefusedCalendar(_("The file is empty. Save the calendar again."))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    kind = filetype.guess_extension(data[:8192])
    if kind == "zip":
        raise RefusedCalendar(
            _("This is a packed file (.zip). Unpack it and upload the .ics file that is in it.")
        )
    notes: list[str] = []
    calendars = [] if kind else _components(_lines(data, notes))
    if not calendars:
        raise RefusedCalendar(
            _("This is no calendar file. In your calendar, export the events as iCalendar (.ics).")
        )
    if any("1.0" in one.values("VERSION") for one in calendars):
        raise RefusedCalendar(
            _("This is a file of the old kind vCalendar 1.0. Export it as iCalendar (.ics).")
        )
    if len(calendars) > 1:
        notes.append(
            _("The file holds %(number)s calendars; the events of all of them are shown.")
            % {"number": len(calendars)}
        )
    return Calendars(calendars, notes)


def name_of(line: str) -> str:
    """The name of the property that a line holds, in capitals."""
    return re.split("[;:]", line, maxsplit=1)[0].strip().upper()


def _lines(data: bytes, notes: list[str]) -> Iterator[str]:
    """The content lines. Unfolded as bytes, since some programs fold inside a letter; decoded one by one.

    Raises RefusedCalendar where there are too many.
    """
    has_other_letters = is_mended = False
    parts: list[str] = []
    octets = number = 0
    whole = LINE_ENDS.sub(b"\n", data.removeprefix(b"\xef\xbb\xbf"))
    for raw in FOLD.sub(b"", whole).split(b"\n"):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
            has_other_letters = True
        text = CONTROLS.sub(" ", text)
        if not text.strip():
            continue
        number += 1
        if number > MOST_LINES:
            raise RefusedCalendar(
                _("The file has more than %(most)s lines. Save fewer events or a shorter time.")
                % {"most": MOST_LINES}
            )
        if PROPERTY.match(text.lstrip()):
            yield "".join(parts)
            parts = [text.lstrip()]
            octets = len(parts[0].encode())
        elif parts:
            is_mended = True
            parts.append(text if octets >= FOLDED_AT else "\\n" + text)
            octets += len(parts[-1].encode())
    yield "".join(parts)
    if has_other_letters:
        notes.append(
            _("The file is not in UTF-8; it was read as Western European. Look at the accents.")
        )
    if is_mended:
        notes.append(_("Some lines of the file were broken, and were put together again."))


def _components(lines: Iterable[str]) -> list[Component]:
    calendars: list[Component] = []
    open_ones: list[Component] = []
    too_deep = 0
    for line in lines:
        name, value = name_of(line), line.partition(":")[2].strip().upper()
        if name == "BEGIN":
            _close_lost(open_ones, value)
            too_deep = too_deep + 1 if len(open_ones) == DEEPEST else 0
            if not too_deep:
                _open(open_ones, value, calendars)
        elif name == "END" and too_deep:
            too_deep -= 1
        elif name == "END":
            _close(open_ones, value)
        elif open_ones and not too_deep:
            open_ones[-1].lines.append(line)
    return calendars


def _open(open_ones: list[Component], name: str, calendars: list[Component]) -> None:
    """Open a component: inside the innermost one, or as a calendar, or in the last calendar if that has ended early."""
    component = Component(name, is_whole=False)
    if open_ones:
        open_ones[-1].inside.append(component)
    elif name == "VCALENDAR":
        calendars.append(component)
    elif calendars:
        calendars[-1].inside.append(component)
    open_ones.append(component)


def _close(open_ones: list[Component], name: str) -> None:
    """Close the innermost component of a name, and as broken those inside it that nothing has closed."""
    position = next((n for n in reversed(range(len(open_ones))) if open_ones[n].name == name), None)
    if position is not None:
        open_ones[position].is_whole = True
        del open_ones[position:]


def _close_lost(open_ones: list[Component], name: str) -> None:
    """Close what cannot hold a component of this name: an event that the next one begins in has lost its END."""
    if name == "VCALENDAR":
        open_ones.clear()
    elif name in {"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"}:
        del open_ones[1:]
