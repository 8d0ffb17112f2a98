"""Finds out which clock a calendar file means: by name, by Windows name, by its block, or by what agrees with it.

The zones that the icalendar library makes of blocks are kept for the whole process under the names that a file gave,
so that one file would change the times of the next. Here a block holds for its own file only.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cached_property, lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import vRecur, vUTCOffset
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from events.importing import rules
from events.importing.files import Component, name_of
from events.inputs import REGIONS

UTC_NAMES = {
    "UTC", "ETC/UTC", "GMT", "ETC/GMT", "GMT0", "GREENWICH", "Z", "ZULU", "UCT", "UNIVERSAL", "TZONE://MICROSOFT/UTC",
}  # fmt: skip
#: The old names of IANA that name no city, by the zones that they are links to.
OLD_NAMES = {
    "CET": "Europe/Brussels", "CST6CDT": "America/Chicago", "CUBA": "America/Havana", "EET": "Europe/Athens",
    "EGYPT": "Africa/Cairo", "EIRE": "Europe/Dublin", "EST": "America/Panama", "EST5EDT": "America/New_York",
    "GB": "Europe/London", "GB-EIRE": "Europe/London", "HONGKONG": "Asia/Hong_Kong", "HST": "Pacific/Honolulu",
    "ICELAND": "Atlantic/Reykjavik", "IRAN": "Asia/Tehran", "ISRAEL": "Asia/Jerusalem", "JAMAICA": "America/Jamaica",
    "JAPAN": "Asia/Tokyo", "KWAJALEIN": "Pacific/Kwajalein", "LIBYA": "Africa/Tripoli", "MET": "Europe/Brussels",
    "MST": "America/Phoenix", "MST7MDT": "America/Denver", "NAVAJO": "America/Denver", "NZ": "Pacific/Auckland",
    "NZ-CHAT": "Pacific/Chatham", "POLAND": "Europe/Warsaw", "PORTUGAL": "Europe/Lisbon", "PRC": "Asia/Shanghai",
    "PST8PDT": "America/Los_Angeles", "ROC": "Asia/Taipei", "ROK": "Asia/Seoul", "SINGAPORE": "Asia/Singapore",
    "TURKEY": "Europe/Istanbul", "W-SU": "Europe/Moscow", "WET": "Europe/Lisbon",
}  # fmt: skip
#: A name with its offset, as Outlook shows it: "(UTC+03:00) Moscow".
WITH_OFFSET = re.compile(r"\((?:UTC|GMT)(?:([+-])(\d{1,2})[:.]?(\d{2})?)?\)\s*(\S.*)", re.I | re.S)
#: What such names say instead of a city.
AREAS = {
    "eastern time": "America/New_York", "central time": "America/Chicago", "mountain time": "America/Denver",
    "pacific time": "America/Los_Angeles", "atlantic time": "America/Halifax", "arizona": "America/Phoenix",
    "alaska": "America/Anchorage", "hawaii": "Pacific/Honolulu", "newfoundland": "America/St_Johns",
    "brasilia": "America/Sao_Paulo", "chennai": "Asia/Kolkata", "beijing": "Asia/Shanghai",
    "osaka": "Asia/Tokyo", "bern": "Europe/Zurich",
}  # fmt: skip
OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?")
#: Of the zones with one clock, the cities by which people know it, Europe first.
CITIES = (
    "Europe/London", "Europe/Amsterdam", "Europe/Brussels", "Europe/Paris", "Europe/Berlin", "Europe/Madrid",
    "Europe/Rome", "Europe/Vienna", "Europe/Zurich", "Europe/Warsaw", "Europe/Prague", "Europe/Budapest",
    "Europe/Copenhagen", "Europe/Oslo", "Europe/Stockholm", "Europe/Dublin", "Europe/Lisbon", "Europe/Helsinki",
    "Europe/Tallinn", "Europe/Riga", "Europe/Vilnius", "Europe/Athens", "Europe/Bucharest", "Europe/Sofia",
    "Europe/Kyiv", "Europe/Chisinau", "Europe/Istanbul", "Europe/Moscow", "Atlantic/Reykjavik", "Asia/Tbilisi",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo",
    "Asia/Jerusalem", "Asia/Dubai", "Asia/Kolkata", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney",
    "Pacific/Auckland", "Africa/Johannesburg", "Africa/Cairo", "Africa/Nairobi",
)  # fmt: skip
#: Letters of a name that are gone through for cities.
LONGEST_NAME = 300
#: A block may list its switches one by one, and a file may have many blocks: of one block, and of a whole file.
MOST_SWITCHES = 2000
MOST_SWITCHES_OF_FILE = 20_000
SWITCH_RULE = {"FREQ", "BYMONTH", "BYDAY", "BYMONTHDAY", "UNTIL", "INTERVAL", "WKST"}


class BlockZone(tzinfo):
    """The clock of a VTIMEZONE (RFC 5545 3.6.5). Raises ValueError at once for a block that is none.

    A time that it skips is read by the offset before, and of one that comes twice the first is meant (3.3.5), or the
    second where `fold` says so.
    """

    def __init__(self, block: Component) -> None:
        self.location = next(iter(block.values("X-LIC-LOCATION")), "")
        found = (switch for part in block.inside for switch in _switches(part))
        switches = list(islice(found, MOST_SWITCHES))
        if not switches:
            raise ValueError("A block without a switch")
        switches.sort(key=lambda switch: switch[0])
        none = timedelta(0)
        self._walls = [wall + max(after - before, none) for wall, before, after in switches]
        self._second = [wall + min(after - before, none) for wall, before, after in switches]
        self._instants = [wall - before for wall, before, _after in switches]
        self._offsets = [switches[0][1], *(after for _wall, _before, after in switches)]

    @property
    def switches(self) -> int:
        return len(self._walls)

    def utcoffset(self, moment: datetime | None) -> timedelta:
        wall = moment.replace(tzinfo=None) if moment else datetime(1970, 1, 1)
        return self._offsets[bisect_right(self._second if wall.fold else self._walls, wall)]

    def fromutc(self, moment: datetime) -> datetime:
        offset = self._offsets[bisect_right(self._instants, moment.replace(tzinfo=None))]
        first = (moment + offset).replace(fold=0)
        return first if self.utcoffset(first) == offset else first.replace(fold=1)

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str:
        return "block"


class Blocks:
    """The clocks of the blocks of one file: the same block is read once, and after so many switches none is."""

    def __init__(self) -> None:
        self._clocks: dict[str, BlockZone | None] = {}
        self._switches_left = MOST_SWITCHES_OF_FILE

    def clock(self, block: Component) -> BlockZone | None:
        """The clock of a VTIMEZONE, None if it has none."""
        text = block.text()
        if text not in self._clocks:
            self._clocks[text] = self._read(block) if self._switches_left > 0 else None
        return self._clocks[text]

    def _read(self, block: Component) -> BlockZone | None:
        try:
            clock = BlockZone(block)
        except (ValueError, KeyError, TypeError, OverflowError, IndexError):
            self._switches_left -= MOST_SWITCHES // 10
            return None
        self._switches_left -= clock.switches
        return clock


class Zones:
    """The clocks of one VCALENDAR by the TZID of its lines; `blocks` are those of its file."""

    def __init__(self, calendar: Component, blocks: Blocks) -> None:
        self._read = blocks
        self._blocks: dict[str, Component] = {}
        for block in calendar.named("VTIMEZONE"):
            for tzid in block.values("TZID"):
                self._blocks.setdefault(tzid, block)
        self._clocks: dict[str, tzinfo | None] = {}
        said = next(iter(calendar.values("X-WR-TIMEZONE")), "")
        #: The zone of times that name none: the file's own, else the site's.
        self.usual = known_name(said) or old_name(said) or settings.TIME_ZONE
        self.is_said = bool(known_name(said) or old_name(said))

    @cached_property
    def usual_clock(self) -> ZoneInfo:
        return ZoneInfo(self.usual)

    def clock(self, tzid: str) -> tzinfo | None:
        """The clock that a TZID means, None if nothing says so."""
        if tzid not in self._clocks:
            self._clocks[tzid] = self._find(tzid)
        return self._clocks[tzid]

    def shown(self, tzid: str, moments: Iterable[datetime]) -> tuple[str, str]:
        """The IANA zone in which to show times of a TZID, and what there is to say of it.

        `moments` are instants with a zone; a block is compared at all of them, and over their years if it can be.
        """
        clock = self.clock(tzid)
        if isinstance(clock, ZoneInfo) and (known_name(tzid) or old_name(tzid)):
            return clock.key, ""
        if isinstance(clock, ZoneInfo):
            words = _("Its time zone “%(zone)s” was taken as %(taken)s. Check its times.")
            return clock.key, words % {"zone": tzid[:100], "taken": clock.key}
        if clock is None:
            words = _("Its time zone “%(zone)s” is not known; its times were taken as %(taken)s.")
            return self.usual, words % {"zone": tzid[:100], "taken": self.usual}
        if isinstance(clock, BlockZone) and (name := self._agreeing(tzid, clock, list(moments))):
            return name, _("Its time zone “%(zone)s” goes by the same clock as %(name)s.") % {
                "zone": tzid[:100],
                "name": name,
            }
        if isinstance(clock, timezone) and WITH_OFFSET.match(tzid):
            words = _(
                "Of its time zone “%(zone)s” only the distance from UTC is known, not whether it has summer time."
                " Check its times."
            )
            return self.usual, words % {"zone": tzid[:100]}
        words = _(
            "No known zone has the clock of “%(zone)s”; the event is right, shown in %(name)s."
        )
        return self.usual, words % {"zone": tzid[:100], "name": self.usual}

    def _find(self, tzid: str) -> tzinfo | None:
        if tzid.upper() in UTC_NAMES:
            return UTC
        if name := known_name(tzid):
            return ZoneInfo(name)
        if (block := self._blocks.get(tzid)) and (clock := self._read.clock(block)):
            return clock
        if name := old_name(tzid):
            return ZoneInfo(name)
        if said := OFFSET.fullmatch(tzid.strip("()")):
            offset = _offset(*said.groups())
            return None if offset is None else timezone(offset)
        if said := WITH_OFFSET.fullmatch(tzid[:LONGEST_NAME]):
            sign, hours, minutes, words = said.groups()
            offset = _offset(sign or "+", hours or "0", minutes)
            if offset is not None:
                return _told(words, offset) or timezone(offset, tzid)
        return None

    def _agreeing(self, tzid: str, clock: BlockZone, moments: list[datetime]) -> str:
        """The first zone whose clock agrees: over whole years, else at the moments alone; an empty text for none."""
        first, last = min(moments).year, min(max(moments).year, min(moments).year + 3)
        over_years = set.intersection(
            *(_by_weeks(year).get(_weeks(clock, year), set()) for year in range(first, last + 1))
        )
        walls = [moment.astimezone(clock).replace(tzinfo=None) for moment in moments]
        offsets = [clock.utcoffset(wall) for wall in walls]
        named = [name for name in CITIES if _city(name) in tzid.lower()]
        likely = [known_name(clock.location), *named, self.usual, settings.TIME_ZONE]
        names = dict.fromkeys([*filter(None, likely), *CITIES, *_others()])
        for candidates in (filter(over_years.__contains__, names), names):
            for name in candidates:
                if [_zone(name).utcoffset(wall) for wall in walls] == offsets:
                    return name
        return ""


def known_name(tzid: str) -> str:
    """The IANA zone that a name means: its own, a Windows name, or one with a maker's prefix (RFC 5545 3.2.19)."""
    parts = tzid.strip().strip("/").split("/")
    tails = ["/".join(parts[start:]) for start in range(len(parts)) if len(parts) < 10]
    for name in [*tails, WINDOWS_TO_OLSON.get(tzid.strip(), "")]:
        if found := _by_letters().get(name.lower()):
            return found
    return ""


def old_name(tzid: str) -> str:
    """The IANA zone that an old name of IANA means which names no city, such as EST5EDT; blocks go before it."""
    tzid = tzid.strip()
    name = tzid.rpartition("/")[2] if tzid.startswith("/") else tzid
    return OLD_NAMES.get(name.upper(), "")


def _offset(sign: str, hours: str, minutes: str | None) -> timedelta | None:
    """The distance from UTC that a name says; None for a day and more."""
    distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
    if distance >= timedelta(hours=24):
        return None
    return -distance if sign == "-" else distance


def _told(words: str, offset: timedelta) -> ZoneInfo | None:
    """The zone of the first city or area that is named beside an offset, if that is the zone's own out of summer."""
    said = re.findall(r"\w+", words.lower())
    for start in range(len(said)):
        for length in (3, 2, 1):
            name = _places().get(" ".join(said[start : start + length]))
            if name and _standard(name) == offset:
                return _zone(name)
    return None


@lru_cache(maxsize=1)
def _places() -> dict[str, str]:
    """The zones by the cities and areas that names of zones say."""
    return {_city(name): name for name in (*reversed(_others()), *reversed(CITIES))} | AREAS


@lru_cache(maxsize=1000)
def _standard(name: str) -> timedelta:
    """The distance of a zone from UTC out of its summer time, by the rules of 2026."""
    offsets = (_zone(name).utcoffset(datetime(2026, month, 1)) for month in (1, 7))
    return min(offset for offset in offsets if offset is not None)


@lru_cache(maxsize=1)
def _by_letters() -> dict[str, str]:
    """The IANA zones by their names in small letters. Of old names such as EST, blocks know more."""
    return {name.lower(): name for name in sorted(available_timezones()) if "/" in name}


@lru_cache(maxsize=1)
def _others() -> tuple[str, ...]:
    return tuple(sorted(name for name in available_timezones() if name.split("/")[0] in REGIONS))


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    """A zone, kept in memory: `zoneinfo` reads the file of a zone again that nobody holds."""
    return ZoneInfo(name)


@lru_cache(maxsize=150)
def _by_weeks(year: int) -> dict[tuple[timedelta | None, ...], set[str]]:
    """The IANA zones of each way in which clocks may go over a year."""
    found: dict[tuple[timedelta | None, ...], set[str]] = {}
    for name in available_timezones():
        found.setdefault(_weeks(_zone(name), year), set()).add(name)
    return found


def _weeks(clock: tzinfo, year: int) -> tuple[timedelta | None, ...]:
    """The offsets of a clock at noon in each week of a year."""
    noon = datetime(year, 1, 1, 12)
    return tuple(clock.utcoffset(noon + timedelta(days=7 * week)) for week in range(53))


def _city(name: str) -> str:
    return name.rpartition("/")[2].replace("_", " ").lower()


def _switches(part: Component) -> Iterator[tuple[datetime, timedelta, timedelta]]:
    """The switches that an observance describes: when by the clock before, and the offsets on both sides."""
    before, after = (
        vUTCOffset.from_ical(part.values(name)[0]) for name in ("TZOFFSETFROM", "TZOFFSETTO")
    )
    start = _wall(part.values("DTSTART")[0])
    listed = [
        text
        for line in part.lines
        if name_of(line) == "RDATE"
        for text in line.partition(":")[2].split(",")
    ]
    walls = [start, *(_wall(text.split("/")[0]) for text in listed[:MOST_SWITCHES])]
    for said in part.values("RRULE")[:2]:
        walls += _yearly(start, said)
    yield from ((wall, before, after) for wall in walls)


def _yearly(start: datetime, said: str) -> list[datetime]:
    """The switches of a yearly rule up to the year 2101, from 1970 on if it is older."""
    rule = vRecur.from_ical(said)
    if {key.upper() for key in rule} - SWITCH_RULE or str(rule["FREQ"][0]).upper() != "YEARLY":
        raise ValueError("A zone that switches by another rule")
    rules.check(rule)
    until = rule.pop("UNTIL", None)
    if start.year < 1969 and not rule.get("INTERVAL"):
        start = start.replace(year=1969, day=min(start.day, 28))
    if until:
        moment = until[0]
        is_day = not isinstance(moment, datetime)
        end = datetime(moment.year, moment.month, moment.day, 23, 59) if is_day else moment
        rule["UNTIL"] = [
            end.replace(tzinfo=None) + (timedelta(days=1) if end.tzinfo else timedelta(0))
        ]
    found = rules.bounded(rule.to_ical().decode(), start=start, last_year=2101)
    return list(islice(found, MOST_SWITCHES))


def _wall(text: str) -> datetime:
    return datetime.strptime(text.strip().rstrip("Z")[:15], "%Y%m%dT%H%M%S")
