"""Reads lists of people to invite, pasted or uploaded; what cannot be read is listed with line and reason."""

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.files import File
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from outbox.posting import RefusedAddress, clean_address
from registrations import tables

MOST = 1000
MOST_SHOWN = 120
LONGEST = {"name": 200, "organisation": 200, "email": 254}
BRACKETED = re.compile(r"^(?P<name>[^<>]*)<(?P<email>[^<>]*)>[\s,;]*(?P<organisation>[^<>]*)$")
#: What columns are called.
EMAIL = ("e-mail", "mail", "e-mail address", "mail address", "address", "courriel")
HEADERS = {tables.plain(name) for name in EMAIL}
NAME = ("name", "full name", "participant", "nom complet")
GIVEN_NAME = ("given name", "first name", "prénom")
FAMILY_NAME = ("family name", "last name", "surname", "nom")
ORGANISATION = ("organisation", "organization", "institution", "company", "employer")


@dataclass(frozen=True)
class Guest:
    """One person to invite, and the line that names them."""

    line: int
    email: str
    name: str = ""
    organisation: str = ""


@dataclass(frozen=True)
class BadLine:
    """A line that names nobody who can be invited, and why."""

    line: int
    text: str
    reason: str


@dataclass
class GuestList:
    """The people of one list, each address once, and the lines that are bad."""

    people: list[Guest] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    _lines: dict[str, int] = field(default_factory=dict)

    def add(self, guest: Guest, text: str) -> None:
        """Take a person in, or the line among the bad ones."""
        try:
            email = clean_address(guest.email)
        except RefusedAddress:
            self.refuse(guest.line, text, _("This is not one e-mail address."))
            return
        if any(len(getattr(guest, name)) > most for name, most in LONGEST.items()):
            reason = _("The name, the organisation or the address is too long.")
        elif first := self._lines.get(email.lower()):
            reason = _("The address stands in line %(line)s already.") % {"line": first}
        elif len(self.people) >= MOST:
            reason = ngettext(
                "Invite at most %(number)s person at a time.",
                "Invite at most %(number)s people at a time.",
                MOST,
            ) % {"number": MOST}
        else:
            self._lines[email.lower()] = guest.line
            self.people.append(Guest(guest.line, email, guest.name, guest.organisation))
            return
        self.refuse(guest.line, text, reason)

    def refuse(self, line: int, text: str, reason: str) -> None:
        """Note a bad line."""
        text = " ".join(text.split())
        shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
        self.bad.append(BadLine(line, shown, reason))


def read_text(text: str) -> GuestList:
    """Read pasted lines: `Name <a@b.c>`, `a@b.c`, or name, address and organisation with commas, semicolons or tabs.

    If the first line names the columns it is read as a table. Raises RefusedTable where that cannot be done.
    """
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if lines and {tables.plain(cell) for cell in _cells(lines[0][1])} & HEADERS:
        return _read(tables.read_text(text))
    found = GuestList()
    for number, line in lines:
        _add_line(found, number, line)
    return found


def read_upload(upload: File) -> GuestList:
    """Read a CSV or XLSX file whose first line names the columns. Raises RefusedTable where that cannot be done."""
    return _read(tables.read(upload))


def pack(people: Iterable[Guest]) -> str:
    """Return people as a text that `unpack` reads."""
    return json.dumps([[one.line, one.email, one.name, one.organisation] for one in people])


def unpack(text: str) -> GuestList:
    """Return the people that `pack` wrote, checked anew; what somebody has tampered with is left out."""
    found = GuestList()
    try:
        rows = json.loads(text)
    except ValueError:
        return found
    for row in rows if isinstance(rows, list) else []:
        match row:
            case [int(line), str(email), str(name), str(organisation)]:
                found.add(Guest(line, email, _one_line(name), _one_line(organisation)), email)
    return found


def _read(rows: list[tables.Row]) -> GuestList:
    found = GuestList()
    headers = {header for row in rows for header in row.cells}
    if rows and not headers & HEADERS:
        raise tables.RefusedTable(
            _(
                "The first line must name the columns: one is “e-mail”, others may be “name” and “organisation”."
            )
        )
    for row in rows:
        text = ", ".join(filter(None, row.cells.values()))
        name = row.get(*NAME) or f"{row.get(*GIVEN_NAME)} {row.get(*FAMILY_NAME)}".strip()
        if row.problem:
            found.refuse(row.line, text, row.problem)
        elif email := row.get(*EMAIL):
            found.add(Guest(row.line, email, _one_line(name), row.get(*ORGANISATION)), text)
        else:
            found.refuse(row.line, text, _("There is no e-mail address in this line."))
    return found


def _add_line(found: GuestList, number: int, line: str) -> None:
    if match := BRACKETED.match(line):
        found.add(_bracketed(match, number), line)
        return
    cells = [cell for cell in _cells(line) if cell]
    addresses = [cell for cell in cells if "@" in cell]
    if not addresses:
        found.refuse(number, line, _("There is no e-mail address in this line."))
    elif len(addresses) == len(cells):
        for cell in cells:
            inside = BRACKETED.match(cell)
            found.add(_bracketed(inside, number) if inside else Guest(number, cell), cell)
    elif len(addresses) > 1:
        found.refuse(number, line, _("There is more than one e-mail address in this line."))
    else:
        place = cells.index(addresses[0])
        before, after = cells[:place], cells[place + 1 :]
        if not before and len(after) > 1:
            before = [after.pop(0)]
        found.add(
            Guest(number, addresses[0], _one_line(" ".join(before)), _one_line(", ".join(after))),
            line,
        )


def _bracketed(match: re.Match[str], number: int) -> Guest:
    name = match["name"].strip().strip("\"'")
    return Guest(number, match["email"].strip(), _one_line(name), _one_line(match["organisation"]))


def _cells(line: str) -> list[str]:
    """The cells of one line, whatever stands between them; quotation marks hold one together."""
    sign = next((sign for sign in "\t;," if sign in line), ",")
    row = next(csv.reader([line], delimiter=sign, skipinitialspace=True))
    return [cell.strip() for cell in row]


def _one_line(text: str) -> str:
    return " ".join(text.split())
