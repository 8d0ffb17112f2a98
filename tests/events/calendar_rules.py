"""Says which rules of the calendar standard some bytes break. Reads them by itself, not through a library.

The ids are those of our list of rules: S the stream of bytes, C the calendar, E the event, T the time zone, F the feed,
X the cancelled event, M the entry in a mail. `mail_rules` reads the mail around it, `life_rules` one calendar after the
other. E30, a limit for descriptions, is not ours: they come back whole.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

TEXTS = {"SUMMARY", "DESCRIPTION", "LOCATION", "CATEGORIES", "CONTACT", "NAME", "X-WR-CALNAME"}
SHOWN = {"SUMMARY", "DESCRIPTION", "LOCATION"}
ONCE = {
    "UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "SUMMARY", "DESCRIPTION", "LOCATION", "SEQUENCE", "STATUS",
    "TRANSP", "URL", "GEO", "CLASS", "PRIORITY", "CREATED", "LAST-MODIFIED", "ORGANIZER", "RECURRENCE-ID",
}  # fmt: skip
ALLOWED = {
    "VCALENDAR": {
        "VERSION", "PRODID", "CALSCALE", "METHOD", "NAME", "REFRESH-INTERVAL", "SOURCE", "URL", "COLOR",
        "DESCRIPTION", "LAST-MODIFIED", "UID", "CATEGORIES", "IMAGE",
    },
    "VEVENT": ONCE | {"CATEGORIES", "CONTACT", "ATTENDEE", "ATTACH", "COMMENT", "CONFERENCE", "IMAGE"},
    "VTIMEZONE": {"TZID", "LAST-MODIFIED", "TZURL"},
    "STANDARD": {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME", "RRULE", "RDATE", "COMMENT"},
    "DAYLIGHT": {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME", "RRULE", "RDATE", "COMMENT"},
}  # fmt: skip
LINE = re.compile(
    r'([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)'
)
PARAMETER = re.compile(r';([A-Za-z0-9-]+)=((?:"[^"]*"|[^";:])*)')
PUBLIC_ADDRESS = re.compile(r"https://(?![\d.:]+/|\[)[^/]+\.[^/]+/")
UTC_NAMES = {"UTC", "Etc/UTC", "Z", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT"}
#: Octets of a feed that programs still take.
LARGEST = 1_000_000
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@dataclass
class Property:
    name: str
    parameters: dict[str, str]
    value: str


@dataclass
class Component:
    name: str
    properties: list[Property] = field(default_factory=list)
    parts: list["Component"] = field(default_factory=list)
    properties_after_parts: bool = False

    def all(self, name: str) -> list[Property]:
        return [one for one in self.properties if one.name == name]

    def get(self, name: str) -> Property | None:
        return next(iter(self.all(name)), None)

    def value(self, name: str) -> str:
        found = self.get(name)
        return found.value if found else ""

    def walk(self) -> Iterator["Component"]:
        yield self
        for part in self.parts:
            yield from part.walk()


def broken(
    content: bytes,
    *,
    channel: str = "file",
    now: datetime | None = None,
    topics: list[str] | None = None,
) -> list[str]:
    """Return the rules that a calendar breaks, as "S3: why". `channel` is file, feed or mail.

    `topics` are those of each event, where they are known: bytes alone do not tell two topics from one with a comma.
    """
    found = list(_stream(content))
    if found:
        return found
    calendar, faults = read(content.decode())
    found += faults
    if calendar is None:
        return found
    found += _texts(calendar)
    found += _calendar(calendar, channel)
    zones = {part.value("TZID"): part for part in calendar.parts if part.name == "VTIMEZONE"}
    events = [part for part in calendar.parts if part.name == "VEVENT"]
    found += [rule for zone in zones.values() for rule in _zone(zone, events)]
    for event in events:
        found += _event(event, channel, now or datetime.now(UTC))
        found += _optional(event, channel, topics)
        found += _times(event, zones)
    if channel == "feed" and len(content) > LARGEST:
        found.append(f"F5: {len(content)} octets in a feed")
    found += _together(calendar, events, zones, channel)
    return found


# -- S: the stream of bytes -----------------------------------------------------------------------


def _stream(content: bytes) -> Iterator[str]:
    if content.startswith(b"\xef\xbb\xbf"):
        yield "S1: begins with a byte order mark"
    if not content.endswith(b"\r\n") or re.search(rb"(?<!\r)\n|\r(?!\n)", content):
        yield "S2: a line does not end with CRLF"
    for line in content.split(b"\r\n")[:-1]:
        if len(line) > 75:
            yield f"S3: {len(line)} octets in a line"
        if not line:
            yield "S5: an empty line"
        try:
            text = line.decode()
        except UnicodeDecodeError:
            yield "S4: a character is cut in two"
            continue
        if re.search("[\x00-\x08\x0a-\x1f\x7f-\x9f]", text):
            yield f"S5: a control character in {text!r}"
        if "\ufffd" in text:
            yield "S1: broken letters"


def read(text: str) -> tuple[Component | None, list[str]]:
    found, open_parts, root = [], [], None
    for line in text.replace("\r\n ", "").replace("\r\n\t", "").split("\r\n")[:-1]:
        match = LINE.fullmatch(line)
        if not match:
            found.append(f"S5: not a content line: {line!r}")
            continue
        name, value = match[1].upper(), match[3]
        if name == "BEGIN":
            part = Component(value)
            if open_parts:
                open_parts[-1].parts.append(part)
            elif root:
                found.append("S6: more than one calendar")
            root = root or part
            open_parts.append(part)
        elif name == "END":
            if not open_parts or open_parts.pop().name != value:
                found.append(f"S6: END:{value} ends nothing")
        elif not open_parts:
            found.append("S6: a property outside the calendar")
        else:
            here = open_parts[-1]
            here.properties_after_parts |= bool(here.parts)
            parameters = {m[1].upper(): m[2].strip('"') for m in PARAMETER.finditer(match[2])}
            here.properties.append(Property(name, parameters, value))
    if open_parts or root is None or root.name != "VCALENDAR":
        found.append("S6: the calendar does not begin or end")
    return root, found


def _texts(calendar: Component) -> Iterator[str]:
    for part in calendar.walk():
        for one in part.properties:
            bare = re.sub(r"\\[\\;,nN]", "", one.value)
            if one.name in TEXTS:
                if "\\" in bare or ";" in bare or ("," in bare and one.name != "CATEGORIES"):
                    yield f"S7: {one.name} is not escaped: {one.value!r}"
            elif one.name == "URL" and "\\" in one.value:
                yield "S7: an address is escaped"
            if one.name in SHOWN and re.search(r"</?[a-z][^<>]*>|&(\w+|#\d+);", plain(one.value)):
                yield f"S8: HTML in {one.name}"
            if one.value.strip() in {"", "None"} or "{{" in one.value or "{%" in one.value:
                yield f"S10: {one.name} is {one.value!r}"


# -- C: the calendar ------------------------------------------------------------------------------


def _calendar(calendar: Component, channel: str) -> Iterator[str]:
    if [one.value for one in calendar.all("VERSION")] != ["2.0"] or len(
        calendar.all("PRODID")
    ) != 1:
        yield "C1: VERSION:2.0 and PRODID must be there once"
    if "icalendar" in calendar.value("PRODID").lower():
        yield "C2: the PRODID of a library"
    if calendar.value("CALSCALE") not in {"", "GREGORIAN"}:
        yield "C3: CALSCALE"
    inside = [one for part in calendar.parts for deep in part.walk() for one in deep.all("METHOD")]
    if inside or len(calendar.all("METHOD")) > 1:
        yield "C4: METHOD stands once, in the calendar alone"
    method = calendar.value("METHOD")
    if channel != "mail" and method not in {"", "PUBLISH"}:
        yield f"C5: METHOD:{method} outside mail"
    if channel == "mail" and method not in {"REQUEST", "CANCEL", "PUBLISH"}:
        yield f"M11: METHOD:{method} in a mail"
    if calendar.properties_after_parts:
        yield "C6: a property of the calendar behind a component"
    for part in calendar.walk():
        for one in part.properties:
            known = ALLOWED.get(part.name)
            if known is not None and one.name not in known and not one.name.startswith("X-"):
                yield f"C7: {one.name} in {part.name}"
    if not calendar.parts:
        yield "C8: no component"
    if method == "PUBLISH" and any(
        not part.all("ORGANIZER") for part in calendar.parts if part.name == "VEVENT"
    ):
        yield "C9: PUBLISH without ORGANIZER"


# -- E: the event ---------------------------------------------------------------------------------


def _event(event: Component, channel: str, now: datetime) -> Iterator[str]:
    count = Counter(one.name for one in event.properties)
    uid = event.value("UID")
    if count["UID"] != 1 or re.search(r"\s", uid) or len(uid.encode()) > 255:
        yield "E1: UID"
    if re.search(r"@(.*\.)?(example\.(com|org|net)|localhost)$", uid):
        yield "E3: the UID names a host of nobody"
    stamp = _utc(event.value("DTSTAMP"))
    if count["DTSTAMP"] != 1 or stamp is None or stamp > now + timedelta(seconds=1):
        yield "E4: DTSTAMP"
    if count["DTSTART"] != 1:
        yield "E5: DTSTART"
    if count["DTEND"] + count["DURATION"] != 1:
        yield "E6: one of DTEND and DURATION"
    if count["SUMMARY"] != 1 or r"\n" in event.value("SUMMARY").replace("\\\\", ""):
        yield "E11: SUMMARY stands once, in one line"
    if not event.value("SEQUENCE").isdecimal() or int(event.value("SEQUENCE")) > 2_147_483_647:
        yield "E12: SEQUENCE"
    modified, created = _utc(event.value("LAST-MODIFIED")), _utc(event.value("CREATED"))
    if modified is None or (created and modified < created):
        yield "E13: LAST-MODIFIED"
    if event.value("STATUS") not in {"CONFIRMED", "TENTATIVE", "CANCELLED"}:
        yield "E14: STATUS"
    address = event.value("URL")
    if not PUBLIC_ADDRESS.match(address) or "example.com" in address:
        yield f"E15: URL {address}"
    if address and address not in plain(event.value("DESCRIPTION")):
        yield "E16: the address is not in the description"
    if not event.value("LOCATION") or r"\n" in event.value("LOCATION").replace("\\\\", ""):
        yield "E17: LOCATION"
    if event.all("GEO") and not re.fullmatch(r"-?\d+(\.\d+)?;-?\d+(\.\d+)?", event.value("GEO")):
        yield "E18: GEO"
    if event.all("ORGANIZER") and not re.fullmatch(
        r"mailto:[^\s<>]+@[^\s<>]+", event.value("ORGANIZER"), re.I
    ):
        yield "E19: ORGANIZER"
    if channel != "mail" and event.all("ATTENDEE"):
        yield "E20: ATTENDEE outside mail"
    if event.value("TRANSP") not in {"", "OPAQUE", "TRANSPARENT"}:
        yield "E22: TRANSP"
    yield from (f"E23: {name} twice" for name in ONCE if count[name] > 1)
    if any(part.name == "VALARM" for part in event.parts) and (
        channel == "feed" or event.value("STATUS") == "CANCELLED"
    ):
        yield "F3/X3: an alarm"
    if count["RDATE"] or "COUNT=1" in event.value("RRULE"):
        yield "E28: RDATE"
    if re.search(
        r"/r/[2-9A-Z]{8}-|[?&](token|password|key)=", "".join(one.value for one in event.properties)
    ):
        yield "E29: a secret"
    if event.value("STATUS") == "CANCELLED":
        if int(event.value("SEQUENCE") or 0) < 1:
            yield "X2: cancelled, and SEQUENCE is 0"
        if channel != "mail" and event.value("TRANSP") != "TRANSPARENT":
            yield "F7: cancelled, and still busy"


def _optional(event: Component, channel: str, topics: list[str] | None) -> Iterator[str]:
    """What need not be there, and what only some entries have."""
    text, address = plain(event.value("DESCRIPTION")), event.value("URL")
    if address and re.search(r"\\[nN]" + re.escape(address), text):
        yield "S9: a line break is escaped twice"
    if topics is not None and sorted(_categories(event)) != sorted(topics):
        yield f"E21: CATEGORIES are {_categories(event)}"
    if event.value("CLASS") not in {"", "PUBLIC", "PRIVATE", "CONFIDENTIAL"}:
        yield "E22: CLASS"
    if event.all("PRIORITY") and not re.fullmatch(r"[0-9]", event.value("PRIORITY")):
        yield "E22: PRIORITY"
    if event.all("DURATION") and not re.fullmatch(
        r"\+?P(?=\w*[1-9])(\d+W|(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?)", event.value("DURATION")
    ):
        yield "E6: DURATION"
    for one in event.all("CONFERENCE"):
        if one.parameters.get("VALUE") != "URI":
            yield "E24: CONFERENCE without VALUE=URI"
        if one.value not in text and one.value not in plain(event.value("LOCATION")):
            yield "E25: the link to join is only in CONFERENCE"
    for alarm in (part for part in event.parts if part.name == "VALARM"):
        if (
            alarm.value("ACTION") != "DISPLAY"
            or not alarm.value("DESCRIPTION")
            or not re.fullmatch(r"-P\w+", alarm.value("TRIGGER"))
        ):
            yield "E26: an alarm that is not shown before the start"
    for one in event.all("X-ALT-DESC"):
        if one.parameters.get("FMTTYPE") != "text/html" or not text:
            yield "E27: X-ALT-DESC"
    if (
        channel != "mail"
        and re.match("cancelled: ", event.value("SUMMARY"), re.I)
        and event.value("STATUS") != "CANCELLED"
    ):
        yield "X1: called cancelled, and not so"


def _categories(event: Component) -> list[str]:
    return [
        plain(name)
        for one in event.all("CATEGORIES")
        for name in re.findall(r"(?:\\.|[^\\,])+", one.value)
    ]


def _utc(value: str) -> datetime | None:
    if not re.fullmatch(r"\d{8}T\d{6}Z", value):
        return None
    return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


# -- T: time and its zones ------------------------------------------------------------------------


def _times(event: Component, zones: dict[str, Component]) -> Iterator[str]:
    start, end = event.get("DTSTART"), event.get("DTEND")
    if start is None or end is None:
        return
    kinds = {
        tuple(sorted(one.parameters.items())) + (one.value[-1] == "Z",) for one in (start, end)
    }
    if len(kinds) > 1:
        yield "E7: DTEND is of another kind or zone than DTSTART"
    if all(one.parameters.get("VALUE") == "DATE" for one in (start, end)):
        first, last = (datetime.strptime(one.value, "%Y%m%d").date() for one in (start, end))
        if last <= first:
            yield "E6: ends before it starts"
        return
    instants = []
    for one in (start, end):
        zone_name = one.parameters.get("TZID")
        if zone_name and (one.value.endswith("Z") or zone_name in UTC_NAMES):
            yield "E9: UTC is written with Z alone"
        if one.value.endswith("Z"):
            instants.append(_utc(one.value))
            continue
        if zone_name is None:
            yield "E8: a floating time"
            continue
        if zone_name not in zones:
            yield f"T1: no VTIMEZONE for {zone_name}"
            continue
        if zone_name not in available_timezones():
            continue  # T3 says so
        wall = datetime.strptime(one.value, "%Y%m%dT%H%M%S")
        right = wall.replace(tzinfo=ZoneInfo(zone_name))
        if right.astimezone(UTC).astimezone(right.tzinfo).replace(tzinfo=None) != wall:
            yield f"T8: {wall} does not exist in {zone_name}"
        if right.utcoffset() != right.replace(fold=1).utcoffset():
            yield f"T10: {wall} comes twice in {zone_name}"
        offset = offset_by_rules(zones[zone_name], wall)
        if offset is None:
            yield f"T11: the rules of {zone_name} begin after {wall}"
        elif offset != right.utcoffset():
            yield f"T5: {wall} in {zone_name} is read with {offset}"
        instants.append(right.astimezone(UTC))
    if len(instants) == 2:
        if instants[1] <= instants[0]:
            yield "E6: ends before it starts"
        if instants[1] - instants[0] > timedelta(hours=24):
            yield "E31: a timed entry of more than a day"
        if start.value.endswith("T000000") and end.value.endswith("T000000"):
            yield "E10: whole days as hours"
        if not all(1970 <= moment.year <= 2100 for moment in instants):
            yield "E32: out of time"


def _zone(zone: Component, events: list[Component]) -> Iterator[str]:
    name = zone.value("TZID")
    if name not in available_timezones() or "/" not in name:
        yield f"T3: {name} is no zone"
        return
    parts = Counter(part.name for part in zone.parts)
    if parts["STANDARD"] != 1 or parts["DAYLIGHT"] > 1:
        yield "T12: one STANDARD and at most one DAYLIGHT"
    for part in zone.parts:
        offsets = [part.value("TZOFFSETFROM"), part.value("TZOFFSETTO")]
        if not all(re.fullmatch(r"[+-]\d{4}", offset) for offset in offsets) or not re.fullmatch(
            r"\d{8}T\d{6}", part.value("DTSTART")
        ):
            yield "T4: an observance needs a local DTSTART and both offsets"
            continue
        if part.all("RDATE"):
            yield "T7: a list of dates"
        if len(zone.parts) == 1:
            continue
        if (
            not re.search(r"FREQ=YEARLY", part.value("RRULE"))
            or not re.search(r"BYMONTH=\d+", part.value("RRULE"))
            or not re.search(r"BYDAY=-?\d[A-Z]{2}", part.value("RRULE"))
        ):
            yield "T7: no yearly rule"
            continue
        years = {int(match) for event in events for match in _years_in(event, name)}
        for year in years or {int(part.value("DTSTART")[:4])}:
            yield from _onset(part, ZoneInfo(name), year)


def _years_in(event: Component, zone: str) -> list[str]:
    return [
        one.value[:4]
        for one in event.all("DTSTART") + event.all("DTEND")
        if one.parameters.get("TZID") == zone
    ]


def _onset(part: Component, zone: ZoneInfo, year: int) -> Iterator[str]:
    """An observance begins by the clock that held before it (RFC 5545 3.6.5)."""
    before, after = (_delta(part.value(name)) for name in ("TZOFFSETFROM", "TZOFFSETTO"))
    instant = (_onset_in(part, year) - before).replace(tzinfo=UTC)
    real = [
        (instant + step).astimezone(zone).utcoffset()
        for step in (-timedelta(seconds=1), timedelta())
    ]
    if real != [before, after]:
        yield f"T6: no change of clocks at {instant} in {zone.key}"


def _onset_in(part: Component, year: int) -> datetime:
    start = datetime.strptime(part.value("DTSTART"), "%Y%m%dT%H%M%S")
    rule = dict(pair.split("=") for pair in part.value("RRULE").split(";"))
    month, week, weekday = (
        int(rule["BYMONTH"]),
        int(rule["BYDAY"][:-2]),
        WEEKDAYS.index(rule["BYDAY"][-2:]),
    )
    days = [date(year, month, 1) + timedelta(days=n) for n in range(31)]
    days = [day for day in days if day.month == month and day.weekday() == weekday]
    return datetime.combine(days[week if week < 0 else week - 1], start.time())


def changes_of(zone: Component, years: range) -> list[tuple[datetime, timedelta]]:
    """When, by the wall clock, which offset begins, as a calendar program reads the rules of a zone."""
    begun = []
    for part in zone.parts:
        start = datetime.strptime(part.value("DTSTART"), "%Y%m%dT%H%M%S")
        onsets = {start}
        if part.value("RRULE"):
            onsets |= {_onset_in(part, year) for year in years}
        after = _delta(part.value("TZOFFSETTO"))
        begun += [(onset, after) for onset in onsets if onset >= start]
    return sorted(begun)


def offset_by_rules(zone: Component, wall: datetime) -> timedelta | None:
    """What a calendar program makes of a wall time: the observance that began last before it."""
    begun = [one for one in changes_of(zone, range(wall.year - 1, wall.year + 1)) if one[0] <= wall]
    return begun[-1][1] if begun else None


def _delta(offset: str) -> timedelta:
    sign = -1 if offset[0] == "-" else 1
    return sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5]))


# -- What concerns several parts ------------------------------------------------------------------


def _together(
    calendar: Component, events: list[Component], zones: dict[str, Component], channel: str
) -> Iterator[str]:
    named = [part.name for part in calendar.parts]
    uids = Counter(event.value("UID") for event in events)
    if any(number > 1 for number in uids.values()):
        yield "E2: a UID twice"
    if named.count("VTIMEZONE") != len(zones):
        yield "T1: a zone twice"
    used = {one.parameters.get("TZID") for event in events for one in event.properties}
    if events and set(zones) - used:
        yield f"T2: nobody uses {set(zones) - used}"
    if "VEVENT" in named and "VTIMEZONE" in named[named.index("VEVENT") :]:
        yield "T9: a zone behind an event"
    if channel == "feed":
        refresh = calendar.get("REFRESH-INTERVAL")
        if calendar.value("NAME") != calendar.value("X-WR-CALNAME") or not calendar.value("NAME"):
            yield "F1: NAME and X-WR-CALNAME"
        if (
            refresh is None
            or (refresh.parameters, refresh.value) != ({"VALUE": "DURATION"}, "PT1H")
            or calendar.value("X-PUBLISHED-TTL") != "PT1H"
        ):
            yield "F2: REFRESH-INTERVAL"
        yield from _addresses(calendar)
        for event in events:
            if event.value("STATUS") == "CANCELLED" and "ancelled" not in event.value("SUMMARY"):
                yield "F7: the title does not say that it is cancelled"
    if channel == "mail":
        yield from _scheduling(calendar, events)


def _addresses(calendar: Component) -> Iterator[str]:
    """What a feed says of its place in the world."""
    zone = calendar.value("X-WR-TIMEZONE")
    if calendar.all("X-WR-TIMEZONE") and (zone not in available_timezones() or "/" not in zone):
        yield f"F4: X-WR-TIMEZONE:{zone}"
    for one in calendar.all("SOURCE") + calendar.all("URL"):
        if not PUBLIC_ADDRESS.match(one.value):
            yield f"F6: {one.name} is not absolute"
        if one.name == "SOURCE" and one.parameters.get("VALUE") != "URI":
            yield "F6: SOURCE without VALUE=URI"


def _scheduling(calendar: Component, events: list[Component]) -> Iterator[str]:
    method = calendar.value("METHOD")
    if len(events) != 1:
        yield "M10: one event a message"
    for event in events:
        attendees = event.all("ATTENDEE")
        if method == "PUBLISH":
            if attendees:
                yield "M17: PUBLISH with an attendee"
            continue
        if len(attendees) != 1 or not {"CUTYPE", "ROLE", "PARTSTAT", "RSVP"} <= set(
            attendees[0].parameters
        ):
            yield "M12/M13: one attendee with its parameters"
        elif attendees[0].value.lower() == event.value("ORGANIZER").lower():
            yield "M14: the organiser invites himself"
        if (method == "CANCEL") != (event.value("STATUS") == "CANCELLED"):
            yield f"M16: STATUS:{event.value('STATUS')} in METHOD:{method}"
