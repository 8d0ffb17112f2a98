"""Reads a calendar file into facts: each event once, those that repeat as their single times."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from dateutil.relativedelta import relativedelta
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.importing import entries, recurrence
from events.importing import texts as words
from events.importing.entries import Entry, Facts
from events.importing.files import Component, RefusedCalendar, take_apart
from events.importing.recurrence import Window
from events.importing.rules import RefusedRule
from events.importing.timing import instance_name, named_like
from events.importing.zones import Blocks, Zones

MOST_ENTRIES = 1000
#: What one press may make drafts of, and one page may show.
MOST_EVENTS = 300
#: The text of an entry is kept with its draft, but pictures and files that were put into it are not.
LONGEST_TEXT = 100_000
#: Marks of HTML that are gone through for one file.
MOST_MARKS = 25_000
#: The longest identifier that is kept as it is.
LONGEST_UID = 255


@dataclass(frozen=True)
class Reading:
    """What a file says: facts in the order of time, and notes in words.

    By the numbers of entries: `texts` as they stand in the file, and `bodies`, the descriptions with the marks we keep.
    """

    facts: list[Facts]
    texts: dict[int, str]
    bodies: dict[int, str]
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        return {
            "facts": [one.as_json() for one in self.facts],
            "texts": self.texts,
            "bodies": self.bodies,
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Reading":
        by_number = [
            {int(number): text for number, text in said[name].items()}
            for name in ("texts", "bodies")
        ]
        return cls(
            [Facts.from_json(one) for one in said["facts"]],
            by_number[0],
            by_number[1],
            said["notes"],
        )


def read(data: bytes, *, now: datetime, months: int, with_past: bool) -> Reading:
    """Return what a calendar file says. Entries that repeat give their times up to `months` ahead of `now`.

    `with_past` lets them begin in 1970 instead of `now`. Raises RefusedCalendar for a file that is no use at all.
    """
    taken = take_apart(data)
    found, texts = _entries(taken.calendars)
    notes = [*taken.notes, *_other_parts(taken.calendars)]
    if not found:
        raise RefusedCalendar(" ".join([_("There is no event in the file."), *notes]))
    starts_at = datetime(1970, 1, 1, tzinfo=now.tzinfo) if with_past else now
    window = Window(starts_at, now + relativedelta(months=months))
    facts: list[Facts] = []
    over = 0
    for of_one in _by_uid(found).values():
        single = _single(of_one, window, notes)
        ahead = [
            one
            for one in single
            if with_past or one.problem or one.ends_at is None or one.ends_at > now
        ]
        facts += ahead
        over += len(single) - len(ahead)
        if len(facts) > MOST_EVENTS:
            raise RefusedCalendar(
                _(
                    "The file has more than %(most)s events. Save a shorter time, or choose fewer months."
                )
                % {"most": MOST_EVENTS}
            )
    if over:
        said = ngettext(
            "%(number)s event that is over is not shown.",
            "%(number)s events that are over are not shown.",
            over,
        )
        notes.append(said % {"number": over})
    bodies = _bodies(facts, notes)
    shown = [replace(one, html="") for one in sorted(facts, key=_order)]
    return Reading(shown, {one.number: texts[one.number] for one in shown}, bodies, notes)


def _entries(calendars: list[Component]) -> tuple[list[Entry], dict[int, str]]:
    found: list[Entry] = []
    texts: dict[int, str] = {}
    blocks = Blocks()
    for calendar in calendars:
        zones = Zones(calendar, blocks)
        for component in calendar.named("VEVENT"):
            number = len(found) + 1
            if number > MOST_ENTRIES:
                raise RefusedCalendar(
                    _("The file has more than %(most)s entries. Save a shorter time.")
                    % {"most": MOST_ENTRIES}
                )
            texts[number] = _kept(component)
            entry = entries.read(component, number, zones)
            found.append(replace(entry, facts=replace(entry.facts, uid=_uid(entry, texts[number]))))
    return found, texts


def _bodies(facts: list[Facts], notes: list[str]) -> dict[int, str]:
    """The descriptions by number of entry; those in HTML keep their marks as long as the file has not too many."""
    bodies: dict[int, str] = {}
    marks_left = MOST_MARKS
    is_cut = False
    for one in facts:
        if one.number in bodies:
            continue
        marks_left -= words.marks(one.html)
        if one.html and marks_left >= 0:
            bodies[one.number] = words.rich_from_html(one.html)
        else:
            is_cut = is_cut or bool(one.html)
            bodies[one.number] = words.rich_from_text(one.description)
    if is_cut:
        notes.append(_("The file has so much formatting that some of it was left out."))
    return bodies


def _uid(entry: Entry, text: str) -> str:
    """The UID, or what stands for one that is missing or too long: the same again for the same text."""
    uid = entry.facts.uid
    if uid and len(uid) <= LONGEST_UID:
        return uid
    return "sha256-" + sha256((uid or text).encode()).hexdigest()


def _kept(component: Component) -> str:
    """The text of an entry without addresses of attendees, and without what is too long to be words."""
    lines = component.text(entries.NOT_KEPT).split("\n")
    return "\n".join(line[: entries.LONGEST_LINE] for line in lines)[:LONGEST_TEXT]


def _by_uid(found: list[Entry]) -> dict[str, list[Entry]]:
    grouped: dict[str, list[Entry]] = {}
    for entry in found:
        grouped.setdefault(entry.facts.uid, []).append(entry)
    return grouped


def _single(of_one: list[Entry], window: Window, notes: list[str]) -> list[Facts]:
    """The facts of the entries with one UID: as they are, or as the single times of what repeats."""
    bad = [entry.facts for entry in of_one if entry.timing is None]
    good = [entry for entry in of_one if entry.timing is not None]
    newest: dict[str, Entry] = {}
    for entry in good:
        known = newest.get(entry.facts.recurrence_id)
        older: Entry | None = entry
        if known is None or entry.facts.sequence > known.facts.sequence:
            newest[entry.facts.recurrence_id] = entry
            older = known
        if older is not None:
            why = _("The file has a newer entry with the same identifier (UID), which is taken.")
            bad.append(replace(older.facts, problem=why))
    kept = list(newest.values())
    repeating = [entry for entry in kept if entry.timing and entry.timing.repeats]
    if not repeating:
        return [*bad, *(entry.facts for entry in kept)]
    kept = [_in_series(repeating[0], entry) for entry in kept]
    try:
        times = recurrence.times(kept, window)
    except RefusedRule as error:
        return [*bad, *(replace(entry.facts, problem=str(error)) for entry in kept)]
    notes += times.notes
    notes += _cut(repeating[0], times.facts, window)
    return [*bad, *times.facts]


def _in_series(series: Entry, entry: Entry) -> Entry:
    """An entry that changes one time of a series: naming it as the series does, in its zone where it names none."""
    facts, timing = entry.facts, entry.timing
    if series.timing and timing and timing.instance is not None:
        instance = named_like(series.timing.start, timing.instance, series.facts.zone)
        timing = replace(timing, instance=instance)
        facts = replace(facts, recurrence_id=instance_name(instance))
    if facts.is_zone_open and not facts.is_whole_day:
        facts = replace(facts, zone=series.facts.zone, is_zone_open=series.facts.is_zone_open)
    return Entry(facts, timing)


def _cut(entry: Entry, shown: list[Facts], window: Window) -> list[str]:
    """What to say of an entry that repeats, of which the window may hide times."""
    title = {"title": entry.facts.title}
    assert entry.timing is not None
    assert entry.facts.starts_at is not None
    if not shown:
        return [_("“%(title)s” repeats, but not in the time that you chose.") % title]
    said = []
    if entry.facts.starts_at < window.starts_at - timedelta(days=1):
        said.append(_("“%(title)s” repeats; its times that are over are not shown.") % title)
    if any("UNTIL" not in rule and "COUNT" not in rule for rule in entry.timing.rules):
        endless = _("“%(title)s” repeats without an end; its times up to %(day)s are shown.")
        said.append(endless % (title | {"day": date_format(window.ends_at, "j F Y")}))
    return said


def _other_parts(calendars: list[Component]) -> list[str]:
    """What else there is in the file, in words."""
    counted = Counter(one.name for calendar in calendars for one in calendar.inside)
    del counted["VEVENT"], counted["VTIMEZONE"]
    said = {
        "VTODO": ngettext(
            "%(number)s task is left out.", "%(number)s tasks are left out.", counted["VTODO"]
        ),
        "VJOURNAL": ngettext(
            "%(number)s journal entry is left out.",
            "%(number)s journal entries are left out.",
            counted["VJOURNAL"],
        ),
        "VFREEBUSY": ngettext(
            "%(number)s list of free and busy times is left out.",
            "%(number)s lists of free and busy times are left out.",
            counted["VFREEBUSY"],
        ),
    }
    other = _("%(name)s is left out: %(number)s.")
    return [
        said.get(name, other) % {"name": name, "number": number}
        for name, number in sorted(counted.items())
        if number
    ]


def _order(facts: Facts) -> tuple[bool, float, int]:
    starts_at = facts.starts_at
    return bool(facts.problem), starts_at.timestamp() if starts_at else 0, facts.number
