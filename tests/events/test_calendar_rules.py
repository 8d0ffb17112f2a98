"""The checker of calendar files catches what it should: each rule with bytes that break it."""

from datetime import UTC, datetime

import pytest

from tests.events.calendar_rules import broken

NOW = datetime(2027, 1, 1, tzinfo=UTC)
GOOD = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Plenary//Events 1.0//EN
NAME:Events
X-WR-CALNAME:Events
REFRESH-INTERVAL;VALUE=DURATION:PT1H
X-PUBLISHED-TTL:PT1H
BEGIN:VTIMEZONE
TZID:Europe/Madrid
BEGIN:DAYLIGHT
DTSTART:20260329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:20261025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:5d0a7a50-9a0b-4c39-b2a7-7a9d1f3a2b11
DTSTAMP:20261201T080000Z
CREATED:20261101T080000Z
LAST-MODIFIED:20261201T080000Z
SEQUENCE:1
SUMMARY:Prison\\, probation
DTSTART;TZID=Europe/Madrid:20270610T090000
DTEND;TZID=Europe/Madrid:20270610T170000
LOCATION:Barcelona
DESCRIPTION:First\\nhttps://events.plenary.test/events/a/
URL:https://events.plenary.test/events/a/
CATEGORIES:Prison,Probation
GEO:41.38;2.17
STATUS:CONFIRMED
TRANSP:OPAQUE
END:VEVENT
END:VCALENDAR
"""
ALARM = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Soon\nTRIGGER:-PT1H\nEND:VALARM\nEND:VEVENT"
ORGANISER = "ORGANIZER;CN=CEP:mailto:events@plenary.test\n"
ATTENDEE = (
    "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;\n"
    " RSVP=FALSE:mailto:ana@example.org\n"
)
HOURS = GOOD[GOOD.index("DTSTART;TZID") : GOOD.index("LOCATION")]
ZONE = GOOD[GOOD.index("BEGIN:VTIMEZONE") : GOOD.index("BEGIN:VEVENT")]
EVENT = GOOD[GOOD.index("BEGIN:VEVENT") : GOOD.index("END:VCALENDAR")]
MAIL = GOOD.replace("PRODID", "METHOD:REQUEST\nPRODID").replace(
    "STATUS:CONFIRMED\n", f"STATUS:CONFIRMED\n{ORGANISER}{ATTENDEE}"
)


def as_bytes(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def rules(content: bytes, channel: str = "feed") -> set[str]:
    return {rule.split(":")[0] for rule in broken(content, channel=channel, now=NOW)}


def test_good_calendars_break_nothing():
    assert broken(as_bytes(GOOD), channel="feed", now=NOW) == []
    assert broken(as_bytes(GOOD), channel="file", now=NOW) == []
    assert broken(as_bytes(MAIL), channel="mail", now=NOW) == []


def test_what_need_not_be_there_breaks_nothing_where_it_is_right():
    more = "CONFERENCE;VALUE=URI:https://events.plenary.test/events/a/\nX-ALT-DESC;FMTTYPE=text/html:<p>\n"
    file = GOOD.replace("TRANSP:OPAQUE\n", f"TRANSP:OPAQUE\nCLASS:PUBLIC\nPRIORITY:0\n{more}")
    file = file.replace("END:VEVENT", ALARM)
    source = "SOURCE;VALUE=URI:https://events.plenary.test/calendar/all.ics\n"
    feed = GOOD.replace("NAME:Events\nX", f"{source}X-WR-TIMEZONE:Europe/Madrid\nNAME:Events\nX")

    assert broken(as_bytes(file), channel="file", now=NOW, topics=["Probation", "Prison"]) == []
    assert broken(as_bytes(feed), channel="feed", now=NOW) == []


@pytest.mark.parametrize("topics", [["Prison,Probation"], ["Prison"], []])
def test_topics_that_run_together_are_caught(topics):
    found = broken(as_bytes(GOOD), channel="feed", now=NOW, topics=topics)

    assert [rule.split(":")[0] for rule in found] == ["E21"]


BYTES = {
    "S1": b"\xef\xbb\xbf" + as_bytes(GOOD),
    "S2": as_bytes(GOOD)[:-2] + b"\n",
    "S3": as_bytes(GOOD.replace("Barcelona", "x" * 70)),
    "S4": as_bytes(GOOD.replace("Barcelona", "\u00e9")).replace(b"\xc3\xa9", b"\xc3\r\n \xa9"),
}


@pytest.mark.parametrize(("rule", "content"), BYTES.items(), ids=BYTES)
def test_broken_bytes_are_caught(rule, content):
    assert rule in rules(content)


BREACHES = [
    ("S5", "LOCATION:Barcelona", "LOCATION Barcelona"),
    ("S5", "LOCATION:Barcelona", "LOCATION:Barcelona\x0b"),
    ("S5", "LOCATION:Barcelona", "LOCATION:Barcelona\n"),
    ("S6", "END:VEVENT\n", ""),
    ("S6", "END:VCALENDAR\n", "END:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\n"),
    ("S7", "Prison\\, probation", "Prison, probation"),
    ("S7", "Prison\\, probation", "Prison; probation"),
    ("S7", "Prison\\, probation", "Prison\\x probation"),
    (
        "S7",
        "URL:https://events.plenary.test/events/a/",
        "URL:https://events.plenary.test/events/a\\,/",
    ),
    ("S8", "First", "<b>First</b>"),
    ("S8", "First", "Bread &amp\\; butter"),
    ("S9", "First\\nhttps", "First\\\\nhttps"),
    ("S10", "LOCATION:Barcelona", "LOCATION:None"),
    ("S10", "LOCATION:Barcelona", "LOCATION:"),
    ("S10", "LOCATION:Barcelona", "LOCATION:{{ place }}"),
    ("C1", "VERSION:2.0\n", ""),
    ("C1", "VERSION:2.0\n", "VERSION:2.0\nVERSION:2.0\n"),
    ("C2", "-//Plenary//Events 1.0//EN", "-//collective//icalendar//EN"),
    ("C3", "VERSION:2.0\n", "VERSION:2.0\nCALSCALE:JULIAN\n"),
    ("C4", "STATUS:CONFIRMED", "METHOD:PUBLISH\nSTATUS:CONFIRMED"),
    ("C5", "VERSION:2.0\n", "VERSION:2.0\nMETHOD:REQUEST\n"),
    ("C6", "END:VEVENT\n", "END:VEVENT\nX-WR-TIMEZONE:Europe/Madrid\n"),
    ("C7", "TZID:Europe/Madrid\n", "TZID:Europe/Madrid\nCOMMENT:a\n"),
    ("C8", ZONE + EVENT, ""),
    ("C9", "VERSION:2.0\n", "VERSION:2.0\nMETHOD:PUBLISH\n"),
    ("E1", "UID:", "UID:a b"),
    ("E1", "UID:5d0a7a50-9a0b-4c39-b2a7-7a9d1f3a2b11\n", ""),
    ("E2", EVENT, EVENT + EVENT),
    ("E3", "UID:5d0a7a50-9a0b-4c39-b2a7-7a9d1f3a2b11", "UID:1@example.com"),
    ("E4", "DTSTAMP:20261201T080000Z", "DTSTAMP:20270101T080000Z"),
    ("E4", "DTSTAMP:20261201T080000Z", "DTSTAMP:20261201T080000"),
    ("E5", "DTSTART;TZID=Europe/Madrid:20270610T090000\n", ""),
    ("E6", "DTEND;TZID=Europe/Madrid:20270610T170000\n", ""),
    ("E6", "20270610T170000", "20270610T080000"),
    ("E6", "LOCATION", "DURATION:PT1H\nLOCATION"),
    ("E7", "DTEND;TZID=Europe/Madrid:20270610T170000", "DTEND;VALUE=DATE:20270611"),
    ("E7", "DTEND;TZID=Europe/Madrid:20270610T170000", "DTEND:20270610T150000Z"),
    ("E8", "DTEND;TZID=Europe/Madrid:20270610T170000", "DTEND:20270610T170000"),
    ("E9", "20270610T170000", "20270610T170000Z"),
    ("E6", "DTEND;TZID=Europe/Madrid:20270610T170000", "DURATION:-PT1H"),
    ("E9", "TZID=Europe/Madrid:2027", "TZID=Etc/UTC:2027"),
    ("E10", HOURS, HOURS.replace("10T090000", "10T000000").replace("10T170000", "11T000000")),
    ("E11", "SUMMARY:Prison", "SUMMARY:Two\\nlines"),
    ("E12", "SEQUENCE:1\n", ""),
    ("E12", "SEQUENCE:1\n", "SEQUENCE:20261123093000\n"),
    ("E13", "LAST-MODIFIED:20261201T080000Z", "LAST-MODIFIED:20261001T080000Z"),
    ("E14", "STATUS:CONFIRMED", "STATUS:POSTPONED"),
    ("E15", "URL:https://events.plenary.test/events/a/", "URL:/events/a/"),
    ("E15", "URL:https://events.plenary.test/", "URL:https://127.0.0.1/"),
    ("E16", "First\\nhttps://events.plenary.test/events/a/", "First"),
    ("E17", "LOCATION:Barcelona\n", ""),
    ("E18", "GEO:41.38;2.17", "GEO:41.38\\,2.17"),
    ("E19", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nORGANIZER:mailto:CEP <a@plenary.test>"),
    ("E20", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nATTENDEE:mailto:ana@example.org"),
    ("E22", "TRANSP:OPAQUE", "TRANSP:MAYBE"),
    ("E22", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nCLASS:SECRET"),
    ("E22", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nPRIORITY:high"),
    ("E24", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nCONFERENCE:https://events.plenary.test/events/a/"),
    ("E25", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nCONFERENCE;VALUE=URI:https://meet.example/a"),
    ("E26", "END:VEVENT", "BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT1H\nEND:VALARM\nEND:VEVENT"),
    ("E26", "END:VEVENT", ALARM.replace("-PT1H", "PT1H")),
    ("E27", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nX-ALT-DESC:<p>First</p>"),
    ("E23", "LOCATION:Barcelona", "LOCATION:Barcelona\nLOCATION:Girona"),
    ("E28", "TRANSP:OPAQUE", "TRANSP:OPAQUE\nRDATE:20270611T070000Z"),
    ("E29", "First", "/r/ABCDEFGH-"),
    ("E31", "DTEND;TZID=Europe/Madrid:20270610", "DTEND;TZID=Europe/Madrid:20270612"),
    ("E32", "20270610", "19690610"),
    ("T1", ZONE, ""),
    ("T1", ZONE, ZONE + ZONE),
    ("T2", ZONE, ZONE + ZONE.replace("Madrid", "Berlin")),
    ("T3", "Europe/Madrid", "Romance Standard Time"),
    ("T4", "TZOFFSETFROM:+0100\n", ""),
    ("T5", "TZOFFSETTO:+0200", "TZOFFSETTO:+0300"),
    ("T6", "DTSTART:20260329T020000", "DTSTART:20260329T030000"),
    ("T7", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "RDATE:20270328T020000"),
    ("T8", "20270610T090000", "20270328T023000"),
    ("T9", ZONE + EVENT, EVENT + ZONE),
    ("T10", "20270610T090000", "20271031T023000"),
    ("T11", "DTSTART;TZID=Europe/Madrid:2027", "DTSTART;TZID=Europe/Madrid:2025"),
    ("T12", "BEGIN:STANDARD", "BEGIN:DAYLIGHT"),
    ("F1", "NAME:Events\nX", "NAME:Other\nX"),
    ("F2", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "REFRESH-INTERVAL:PT1H"),
    ("F4", "NAME:Events\n", "X-WR-TIMEZONE:CET\nNAME:Events\n"),
    ("F5", "LOCATION:Barcelona\n", "LOCATION:Barcelona\n" + "X-MORE:and more of it\n" * 45_000),
    ("F6", "NAME:Events\nX", "SOURCE:https://events.plenary.test/calendar/all.ics\nNAME:Events\nX"),
    ("F6", "NAME:Events\nX", "SOURCE;VALUE=URI:/calendar/all.ics\nNAME:Events\nX"),
    ("F6", "NAME:Events\nX", "URL:/calendar/\nNAME:Events\nX"),
    ("F3/X3", "END:VEVENT", "BEGIN:VALARM\nACTION:DISPLAY\nEND:VALARM\nEND:VEVENT"),
    ("F7", "STATUS:CONFIRMED", "STATUS:CANCELLED"),
    ("X1", "SUMMARY:", "SUMMARY:Cancelled: "),
    ("X2", "SEQUENCE:1\n", "SEQUENCE:0\nSTATUS:CANCELLED\n"),
]


@pytest.mark.parametrize(("rule", "old", "new"), BREACHES, ids=[breach[0] for breach in BREACHES])
def test_each_breach_is_caught(rule, old, new):
    assert old in GOOD
    content = GOOD.replace(old, new)
    if rule == "X2":
        content = content.replace("STATUS:CONFIRMED\n", "")
    if rule == "T12":
        content = content.replace("END:STANDARD", "END:DAYLIGHT")

    assert rule in rules(as_bytes(content))


MAIL_BREACHES = [
    ("M10", EVENT[:40], EVENT.replace("UID:5", "UID:6") + EVENT[:40]),
    ("M11", "METHOD:REQUEST", "METHOD:REPLY"),
    ("M12/M13", ATTENDEE, ""),
    ("M12/M13", ";\n RSVP=FALSE", "\n "),
    ("M14", "mailto:ana@example.org", "mailto:events@plenary.test"),
    ("M16", "METHOD:REQUEST", "METHOD:CANCEL"),
    ("M16", "STATUS:CONFIRMED", "STATUS:CANCELLED"),
    ("M17", "METHOD:REQUEST", "METHOD:PUBLISH"),
]


@pytest.mark.parametrize(("rule", "old", "new"), MAIL_BREACHES, ids=[b[0] for b in MAIL_BREACHES])
def test_each_breach_in_a_mail_is_caught(rule, old, new):
    assert old in MAIL

    assert rule in rules(as_bytes(MAIL.replace(old, new)), "mail")
