"""Reads one VEVENT into plain facts: what of it has a place with us, what has none, and what is wrong with it."""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from icalendar import Event as VEvent
from icalendar.prop import vBroken

from events import joinlinks
from events.importing import texts
from events.importing.files import Component, name_of
from events.importing.rules import RefusedRule, is_far_off
from events.importing.timing import (
    LONGEST_VALUE,
    Timing,
    Unreadable,
    instance_name,
    shown,
    skipped,
    timing_of,
    values,
    without_zone,
    zone_of,
)
from events.importing.zones import Zones
from events.inputs import start_of_day

LONGEST_TITLE = 200
NO_LENGTH = gettext_lazy("By the clock of %(zone)s it has no length. Check it.")
#: What facts are made of, and what only keeps the books of calendar programs.
USED = {
    "UID", "RECURRENCE-ID", "SEQUENCE", "SUMMARY", "DESCRIPTION", "X-ALT-DESC", "DTSTART", "DTEND", "DURATION",
    "LOCATION", "URL", "CATEGORIES", "CONTACT", "STATUS", "RRULE", "RDATE", "EXDATE", "DTSTAMP", "CREATED",
    "LAST-MODIFIED",
}  # fmt: skip
#: Of what facts are made of, the first alone: an entry has one of each (RFC 5545 3.6.1), and one contact with us.
TAKEN_ONCE = {
    "UID", "RECURRENCE-ID", "SEQUENCE", "SUMMARY", "DESCRIPTION", "X-ALT-DESC", "DTSTART", "DTEND", "DURATION",
    "LOCATION", "URL", "CONTACT", "STATUS",
}  # fmt: skip
ONLINE = {"online", "virtual", "on line", "web", "internet", "webinar"}
ONLINE_ROOMS = ("microsoft teams", "zoom meeting", "google meet", "webex")
#: Addresses of other people are not ours to keep; people register themselves.
NOT_KEPT = frozenset({"ATTENDEE"})
#: Longer lines hold pictures or nonsense; the rest of them is cut off, and the page says so.
LONGEST_LINE = 50_000
#: Of one entry are kept; each time of one that repeats has them. The text of the entry has them all.
MOST_LEFTOVERS = 50
MOST_CATEGORIES = 50


@dataclass(frozen=True)
class Facts:
    """What an entry says. `problem` says why it cannot be imported, if so; `number` is its place in the file, from 1.

    `starts_at` and `ends_at` are instants in UTC, to be shown in `zone`; whole days begin and end at its midnights.
    `is_zone_open` says that the file did not name the zone, so that a venue's is as good. `description` is plain,
    `html` what it was made of, if it has marks. `full_title` is there if the title was cut. `leftovers` are names and
    values that we have no place for.
    """

    number: int
    title: str = ""
    uid: str = ""
    recurrence_id: str = ""
    sequence: int = 0
    status: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    zone: str = ""
    is_zone_open: bool = False
    is_whole_day: bool = False
    description: str = ""
    html: str = ""
    full_title: str = ""
    location: str = ""
    is_online: bool = False
    join_url: str = ""
    url: str = ""
    categories: list[str] = field(default_factory=list)
    contact_email: str = ""
    leftovers: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "starts_at": self.starts_at and self.starts_at.isoformat(),
            "ends_at": self.ends_at and self.ends_at.isoformat(),
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> "Facts":
        instants = {
            name: said[name] and datetime.fromisoformat(said[name])
            for name in ("starts_at", "ends_at")
        }
        pairs = [(name, value) for name, value in said["leftovers"]]
        return cls(**said | instants | {"leftovers": pairs})


@dataclass(frozen=True)
class Entry:
    """A VEVENT that was read: its facts, and its timing unless it has a problem."""

    facts: Facts
    timing: Timing | None = None


def read(component: Component, number: int, zones: Zones) -> Entry:
    """Return what a VEVENT says. Whatever is wrong with it is in the facts; nothing is raised."""
    facts = Facts(number=number, uid=next(iter(component.values("UID")), "")[:LONGEST_VALUE])
    try:
        tzids: list[str] = []
        event = _parsed(component, tzids)
        facts = _with_words(facts, event, component)
        if not component.is_whole:
            raise Unreadable(_("It has no end in the file: the file was cut off, or is damaged."))
        timing = timing_of(
            event, tzids, zones, duration=next(iter(component.values("DURATION")), "")
        )
        return Entry(_with_times(facts, event, timing, zones), timing)
    except (Unreadable, RefusedRule) as error:
        return Entry(replace(facts, problem=str(error)))
    except Exception:  # of what is in the world's files icalendar raises nearly anything
        return Entry(replace(facts, problem=_("It cannot be read.")))


def placed(facts: Facts, start: date, end: date) -> Facts:
    """Facts with a start and an end, exclusive: days, or moments with a clock. From midnight to midnight are days.

    Raises Unreadable for years that no event of ours may have, and for days that a clock left out.
    """
    for moment in (start, end):
        if is_far_off(moment):
            raise Unreadable(_("Its year is %(year)s. Check it.") % {"year": moment.year})
    facts = _placed(facts, start, end)
    assert facts.starts_at is not None
    assert facts.ends_at is not None
    if facts.ends_at <= facts.starts_at:
        raise Unreadable(NO_LENGTH % {"zone": facts.zone})
    said = skipped(start)
    return replace(facts, warnings=[*facts.warnings, said]) if said else facts


def without_note(facts: Facts, start: date) -> Facts:
    """Facts without what `placed` said of a start."""
    return replace(facts, warnings=[words for words in facts.warnings if words != skipped(start)])


def _placed(facts: Facts, start: date, end: date) -> Facts:
    if isinstance(start, datetime) and isinstance(end, datetime):
        clock = ZoneInfo(facts.zone)
        hours = {moment.astimezone(clock).time() for moment in (start, end)}
        return replace(
            facts,
            starts_at=start.astimezone(UTC),
            ends_at=end.astimezone(UTC),
            is_whole_day=hours == {time()},
        )
    return replace(
        facts,
        starts_at=start_of_day(start, facts.zone),
        ends_at=start_of_day(end, facts.zone),
        is_whole_day=True,
    )


# -- Words ------------------------------------------------------------------------------------------
def _parsed(component: Component, tzids: list[str]) -> VEvent:
    """The component as the library reads it, but that it finds no zones: those are numbers of `tzids`.

    A very long line, which would take the library minutes, is cut.
    """
    lines = [
        without_zone(line[:LONGEST_LINE], tzids)
        for line in component.lines
        if name_of(line) not in NOT_KEPT
    ]
    text = "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT", ""])
    event = VEvent.from_ical(text)
    assert isinstance(event, VEvent)
    counted = Counter(part.name for part in component.inside)
    counted.update(name for line in component.lines if (name := name_of(line)) in NOT_KEPT)
    for name, number in sorted(counted.items()):
        event.add(f"X-PLENARY-{name}", str(number))
    return event


def _with_words(facts: Facts, event: VEvent, component: Component) -> Facts:
    warnings: list[str] = []
    if any(len(line) > LONGEST_LINE for line in component.lines):
        warnings.append(_("A part of it is too long and was cut off. Look at the description."))
    description, html = _description(event)
    location = texts.one_line(_text(event, "LOCATION"))
    join_url = _join_url(event, location, description, html)
    public = _Public(join_url)
    title = texts.one_line(public.text(_text(event, "SUMMARY")))
    full_title = title
    if not title:
        title = _("Event without a title")
        warnings.append(_("It has no title. Give it one."))
    elif len(title) > LONGEST_TITLE:
        title = title[: LONGEST_TITLE - 1].rstrip() + "…"
        warnings.append(_("The title was cut; the whole of it begins the description."))
    description, html = public.text(description), public.html(html)
    place = "" if texts.web_address(location) == location else public.text(location)
    url = public.text(texts.web_address(_text(event, "URL")))
    if public.was_cut:
        warnings.append(_said_of_link(join_url))
    status = _text(event, "STATUS").strip().upper()
    if status == "TENTATIVE":
        warnings.append(_("It is tentative in the file."))
    if (secrecy := _text(event, "CLASS").strip().upper()) not in {"", "PUBLIC"}:
        words = _("The file says that it is not public (%(class)s). Think before you publish it.")
        warnings.append(words % {"class": secrecy[:50]})
    return replace(
        facts,
        title=title,
        status=status,
        sequence=_number(event),
        description=description,
        html=html,
        full_title=full_title if full_title != title else "",
        location=place,
        is_online=_is_online(location),
        join_url=join_url,
        url=url,
        categories=_categories(event),
        contact_email=texts.mail_address(_text(event, "CONTACT"))
        or texts.mail_address(_text(event, "ORGANIZER")),
        leftovers=_leftovers(event, used=join_url),
        warnings=warnings,
    )


def _description(event: VEvent) -> tuple[str, str]:
    """The description as plain text, and its HTML if it has some, as web calendars and Outlook write it."""
    said = texts.plain(_text(event, "DESCRIPTION"))
    marked = _text(event, "X-ALT-DESC")
    html = marked if texts.is_html(marked) else said if texts.is_html(said) else ""
    return texts.text_of(html) if html and (html == said or not said) else said, html


def _join_url(event: VEvent, location: str, *written: str) -> str:
    """The address for joining online: that of CONFERENCE (RFC 7986 5.11), a location that is nothing else, or a room.

    Rooms of well-known services are looked for in the location, the URL, and what else is `written`.
    """
    rooms = map(joinlinks.first_room, (location, _text(event, "URL"), *written))
    for said in (*values(event, "CONFERENCE"), location, *rooms):
        if address := texts.web_address(str(said)):
            return address
    return ""


class _Public:
    """Takes the links to join out of what everybody would read, and notes whether there were some."""

    def __init__(self, join_url: str) -> None:
        self._join_url = join_url
        self.was_cut = False

    def text(self, text: str) -> str:
        left = joinlinks.taken_out(text, self._join_url)
        self.was_cut = self.was_cut or left != text
        return left

    def html(self, html: str) -> str:
        """HTML without such links; none at all, so that the plain text stands, where marks stand within one."""
        left = self.text(html)
        plain = texts.text_of(left)
        return left if joinlinks.taken_out(plain, self._join_url) == plain else ""


def _said_of_link(join_url: str) -> str:
    if join_url:
        return _(
            "The link to join stands where only people with a place see it; it was taken out of the description."
        )
    return _(
        "A link to join was taken out of the description, where everybody would read it, but does not fit its field."
        " Look for it in the calendar program."
    )


def _is_online(location: str) -> bool:
    words = location.lower()
    return bool(texts.web_address(location)) or words in ONLINE or words.startswith(ONLINE_ROOMS)


def _categories(event: VEvent) -> list[str]:
    found: list[str] = []
    for said in values(event, "CATEGORIES"):
        found += [texts.one_line(str(one)) for one in getattr(said, "cats", [said])]
    names = [name[:LONGEST_VALUE] for name in dict.fromkeys(found) if name]
    more = ", ".join(names[MOST_CATEGORIES:])
    return names[:MOST_CATEGORIES] + [more[:LONGEST_VALUE]] * bool(more)


def _leftovers(event: VEvent, *, used: str) -> list[tuple[str, str]]:
    """Names and values of what we have no place for, but for a value that was used; of attendees only how many."""
    found: list[tuple[str, str]] = []
    for name in sorted(event):
        found_here = values(event, name)
        if name.startswith("X-PLENARY-"):
            found.append((name.removeprefix("X-PLENARY-"), str(found_here[0])))
        else:
            left = _unused(event, name)
            found += [(name, shown(value)) for value in left if str(value) != used]
    found += [
        ("", texts.one_line(message)[:LONGEST_VALUE]) for name, message in event.errors if not name
    ]
    if _text(event, "URL") and not texts.web_address(_text(event, "URL")):
        found.append(("URL", _text(event, "URL")[:LONGEST_VALUE]))
    if len(found) > MOST_LEFTOVERS:
        more = _("%(number)s more things") % {"number": len(found) - MOST_LEFTOVERS}
        found[MOST_LEFTOVERS:] = [("", more)]
    return found


def _unused(event: VEvent, name: str) -> list[Any]:
    """The values of a property of which no facts are made."""
    found = values(event, name)
    if name not in USED or any(isinstance(value, vBroken) for value in found):
        return found
    if name == "DURATION" and "DTEND" in event:
        return found
    if name == "CONTACT" and not texts.mail_address(_text(event, name)):
        return found
    return found[1:] if name in TAKEN_ONCE else []


def _text(event: VEvent, name: str) -> str:
    """The first value of a property as text; an empty text where there is none."""
    return str(next(iter(values(event, name)), ""))


def _number(event: VEvent) -> int:
    said = _text(event, "SEQUENCE").strip()
    return min(int(said), 2_147_483_647) if said.isdecimal() and len(said) < 12 else 0


def _with_times(facts: Facts, event: VEvent, timing: Timing, zones: Zones) -> Facts:
    warnings = list(facts.warnings)
    start, end = timing.start, timing.end
    zone, note, is_open = zone_of(timing, zones)
    warnings += [note] if note else []
    if not timing.has_length:
        warnings.append(_("The file says no end; one hour was taken. Correct it."))
    if timing.instance is not None:
        facts = replace(facts, recurrence_id=instance_name(timing.instance))
    return placed(replace(facts, zone=zone, is_zone_open=is_open, warnings=warnings), start, end)
