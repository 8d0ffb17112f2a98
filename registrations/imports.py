"""Takes a list of people into an event: what each line says, and what comes of it, for a dry run and the real one."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.members import words_of
from accounts.models import Jurisdiction, User
from events.models import Event, Mode
from outbox.posting import RefusedAddress, clean_address
from registrations import bulk, seats, tables
from registrations.models import PendingImport, Registration, Status
from registrations.seating import RefusedSeat
from registrations.seats import Person
from registrations.tables import RefusedTable, Row

MOST_PEOPLE = 1000
#: A request that goes on for longer is given up by the server; lines that are left are for the next press.
SECONDS = 12
#: The dry run holds the event's lock, so that everybody who registers waits for so long.
SECONDS_TO_TRY = 2
KEPT = timedelta(days=1)
#: What a bad line says is shown, but not all of it.
LONGEST = 300

GIVEN_NAME = ("given name", "first name", "forename", "given")
FAMILY_NAME = ("family name", "last name", "surname", "family")
NAME = ("name", "full name", "name and e-mail", "participant")
EMAIL = ("e-mail", "e-mail address", "mail", "mail address", "address")
ORGANISATION = ("organisation", "organization", "institution", "company", "employer", "service")
JURISDICTION = ("jurisdiction", "country", "country or jurisdiction", "country code")
MODE = ("mode", "attends", "attendance", "place", "way of attending", "in person or online")

#: Words by which lists say how somebody attends.
MODES = {
    "in person": Mode.IN_PERSON,
    "inperson": Mode.IN_PERSON,
    "on site": Mode.IN_PERSON,
    "onsite": Mode.IN_PERSON,
    "physical": Mode.IN_PERSON,
    "online": Mode.ONLINE,
    "virtual": Mode.ONLINE,
    "remote": Mode.ONLINE,
}

#: What may come of a line, in the order in which the numbers are shown.
RESULTS = {
    "place": gettext_lazy("new, with a place"),
    "waiting": gettext_lazy("new, on the waiting list"),
    "known": gettext_lazy("registered already"),
    "refused": gettext_lazy("refused"),
    "bad": gettext_lazy("cannot be taken"),
    "left": gettext_lazy("left for the next press"),
}


@dataclass(frozen=True)
class Entry:
    """What one line of a list says of one person; `problem` says why it cannot be taken, if so."""

    line: int
    given_name: str = ""
    family_name: str = ""
    email: str = ""
    organisation: str = ""
    jurisdiction: str = ""
    mode: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()


@dataclass(frozen=True)
class Outcome:
    """What came of one line: one of RESULTS, with the reason in words where there is one."""

    entry: Entry
    result: str
    why: str = ""

    @property
    def words(self) -> str:
        return str(RESULTS[self.result])


def keep(event: Event, upload: Any, *, mode: str, by: User) -> PendingImport:
    """Read an uploaded list and keep what it says until staff say yes; lists of the day before are forgotten.

    `mode` is for lines that do not say how the person attends. Raises RefusedTable.
    """
    rows = tables.read(upload)
    if not rows:
        raise RefusedTable(_("There is nobody on the list."))
    if len(rows) > MOST_PEOPLE:
        raise RefusedTable(
            _("The list has %(number)s people. Split it: at most %(most)s at a time.")
            % {"number": len(rows), "most": MOST_PEOPLE}
        )
    if not any(row.get(*EMAIL) for row in rows):
        raise RefusedTable(
            _("No column of addresses was found. Head it “E-mail”; the first line holds the heads.")
        )
    entries = list(_entries(rows, mode))
    PendingImport.objects.filter(uploaded_at__lt=timezone.now() - KEPT).delete()
    return PendingImport.objects.create(
        event=event, uploaded_by=by, rows=[asdict(entry) for entry in entries]
    )


def entries_of(pending: PendingImport) -> list[Entry]:
    """What a kept list says."""
    return [Entry(**row) for row in pending.rows]


def try_out(event: Event, entries: Iterable[Entry], *, by: User) -> list[Outcome]:
    """Return what would come of each line: the real run, undone again. No mail leaves, nothing changes.

    Lines that SECONDS_TO_TRY do not allow for are left.
    """
    with transaction.atomic():
        outcomes = run(event, entries, by=by, seconds=SECONDS_TO_TRY)
        transaction.set_rollback(True)
    return outcomes


def run(
    event: Event, entries: Iterable[Entry], *, by: User, seconds: int | None = None
) -> list[Outcome]:
    """Take in the people line by line, each in a transaction of its own; return what came of each line.

    Lines that `seconds` do not allow for are left, SECONDS where nothing else is said.
    """
    jurisdictions = {one.code: one for one in Jurisdiction.objects.all()}
    ends_at = time.monotonic() + (SECONDS if seconds is None else seconds)
    return [
        _take(event, entry, jurisdictions, by)
        if time.monotonic() < ends_at
        else Outcome(entry, "left")
        for entry in entries
    ]


def keep_left(event: Event, outcomes: Iterable[Outcome], *, by: User) -> PendingImport | None:
    """Keep the lines that time did not allow for as a list of their own; None where there are none."""
    left = [asdict(outcome.entry) for outcome in outcomes if outcome.result == "left"]
    if not left:
        return None
    return PendingImport.objects.create(event=event, uploaded_by=by, rows=left)


def numbers(outcomes: Iterable[Outcome]) -> list[tuple[str, Any, int]]:
    """How often each result came, with its words; those that never came are left out."""
    found = [outcome.result for outcome in outcomes]
    return [(key, words, found.count(key)) for key, words in RESULTS.items() if key in found]


def in_words(number: int) -> str:
    """Say how many people an import would add."""
    return ngettext("Add %(number)s person", "Add %(number)s people", number) % {"number": number}


def _take(event: Event, entry: Entry, jurisdictions: dict[str, Jurisdiction], by: User) -> Outcome:
    if entry.problem:
        return Outcome(entry, "bad", entry.problem)
    person = Person(
        given_name=entry.given_name,
        family_name=entry.family_name,
        email=entry.email,
        organisation=entry.organisation,
        jurisdiction=jurisdictions.get(entry.jurisdiction),
        declares=True,  # the form that takes the list asks for it, for everybody on it
    )
    known = seats.live_registration(event, entry.email)
    if known:
        state = known.get_status_display()
        return Outcome(entry, "known", _("State: %(state)s.") % {"state": state})
    try:
        registration = seats.enrol(event, person=person, mode=entry.mode, by=by)
    except RefusedSeat as refusal:
        return Outcome(entry, "refused", str(refusal))
    if registration.status == Status.CONFIRMED:
        return Outcome(entry, "place")
    return Outcome(entry, "waiting", bulk.why_waiting(registration))


def _entries(rows: Iterable[Row], mode: str) -> Iterator[Entry]:
    known = _jurisdictions()
    seen: dict[str, int] = {}
    for row in rows:
        entry = _entry(row, mode, known)
        address = entry.email.lower()
        if not entry.problem and address in seen:
            words = _("The address stands in line %(line)s too.") % {"line": seen[address]}
            entry = Entry(**{**asdict(entry), "problem": words})
        seen.setdefault(address, row.line)
        yield entry


def _entry(row: Row, mode: str, known: dict[str, str]) -> Entry:
    given_name, family_name = row.get(*GIVEN_NAME), row.get(*FAMILY_NAME)
    if not (given_name or family_name):
        given_name, family_name = _parts_of(row.get(*NAME))
    country, way = row.get(*JURISDICTION), row.get(*MODE)
    said = {
        "given_name": given_name,
        "family_name": family_name,
        "email": row.get(*EMAIL),
        "organisation": row.get(*ORGANISATION),
        "jurisdiction": known.get(words_of(country), ""),
        "mode": _mode_of(way) if way else mode,
    }
    problem = row.problem or _problem(said, country=country, way=way)
    cut = {name: value[:LONGEST] for name, value in said.items()}
    return Entry(line=row.line, problem=problem, **cut)


def _problem(said: dict[str, str], *, country: str, way: str) -> str:
    """What is wrong with a line, in a sentence that says what to do; an empty text if nothing is."""
    try:
        said["email"] = clean_address(said["email"])
    except RefusedAddress:
        if not said["email"]:
            return _("There is no e-mail address.")
        return _("“%(text)s” is not one e-mail address.") % {"text": said["email"][:100]}
    if not (said["given_name"] or said["family_name"]):
        return _("There is no name.")
    if country and not said["jurisdiction"]:
        return _("“%(text)s” is no country or jurisdiction that is known here.") % {
            "text": country[:100]
        }
    if way and not said["mode"]:
        return _("“%(text)s”: write “in person” or “online”.") % {"text": way[:100]}
    for name in ("given_name", "family_name", "email", "organisation"):
        field: Any = Registration._meta.get_field(name)
        if len(said[name]) > field.max_length:
            return _("%(field)s: at most %(number)s letters.") % {
                "field": field.verbose_name.capitalize(),
                "number": field.max_length,
            }
    return ""


def _parts_of(name: str) -> tuple[str, str]:
    """Given and family name of a name in one: “Family, Given”, or the last word is the family's."""
    if "," in name:
        family, _comma, given = name.partition(",")
        return given.strip(), family.strip()
    given, _blank, family = name.rpartition(" ")
    return given.strip(), family.strip()


def _mode_of(words: str) -> str:
    """The way of attending that a text names, also behind a seat's number as in our own lists."""
    return MODES.get(words_of(words).lstrip("0123456789 "), "")


def _jurisdictions() -> dict[str, str]:
    """The codes of jurisdictions by code, name and other names, as words for comparison."""
    known: dict[str, str] = {}
    found = list(Jurisdiction.objects.all())
    for one in found:
        known[words_of(one.code)] = one.code
    for one in found:
        known[words_of(one.name)] = one.code
    for one in found:
        for alias in one.aliases:
            known.setdefault(words_of(alias), one.code)
    known.pop("", None)
    return known
