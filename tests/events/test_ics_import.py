"""Calendar files of all sorts and qualities, read into facts: nothing is lost, and nothing holds up the site."""

import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import calendar as our_calendar
from events.importing import drafts, files, reading, recurrence, texts
from events.importing.drafts import keep
from events.importing.files import RefusedCalendar
from events.importing.venues import Venues
from events.models import Event, Format, Kind, Venue, from_local
from tests.events.ics import block, calendar, entry
from tests.factories import (
    EventFactory,
    MembershipFactory,
    OrganisationFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
)

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def read(data: bytes, *, months: int = 12, with_past: bool = False) -> reading.Reading:
    return reading.read(data, now=NOW, months=months, with_past=with_past)


def only(data: bytes, **how):
    [facts] = read(data, **how).facts
    return facts


def walls(facts) -> list[str]:
    """Start and end by the clock of the zone, and the zone."""
    zone = ZoneInfo(facts.zone)
    return [
        *(f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (facts.starts_at, facts.ends_at)),
        facts.zone,
    ]


def warned(facts) -> str:
    return " ".join(facts.warnings)


# -- What an entry says -------------------------------------------------------------------------------
def test_facts_of_a_plain_entry():
    facts = only(
        calendar(
            entry(
                summary=":Prison\\, probation\\; and \\\\ more",
                description=":First\\nSecond\\n\\nThird",
                location=":Palau\\, Barcelona",
                geo=":41.4;2.1",
                url=":https://cep.example/round-table",
                categories=":Transition,Mental health\\, care",
                contact=":Ana Silva\\, ana@cep.example",
                organizer=";CN=Office:mailto:office@cep.example",
                status=":TENTATIVE",
                sequence=":3",
            )
        )
    )

    assert facts.title == "Prison, probation; and \\ more"
    assert facts.description == "First\nSecond\n\nThird"
    assert walls(facts) == ["2027-06-10 09:00", "2027-06-10 10:00", "Europe/Berlin"]
    assert facts.location == "Palau, Barcelona"
    assert facts.url == "https://cep.example/round-table"
    assert facts.categories == ["Transition", "Mental health, care"]
    assert facts.contact_email == "ana@cep.example"
    assert (facts.uid, facts.sequence, facts.status) == ("one@example.net", 3, "TENTATIVE")
    assert warned(facts) == "It is tentative in the file."
    assert facts.leftovers == [("GEO", "41.4;2.1"), ("ORGANIZER", "mailto:office@cep.example")]


def test_an_entry_outlives_being_kept():
    said = read(
        calendar(entry(description=":Ä\\nb", x_mine=":1"), entry(uid=":two", dtstart=":no"))
    )
    assert reading.Reading.from_json(said.as_json()) == said


@pytest.mark.parametrize(
    ("dtstart", "dtend", "expected"),
    [
        (";VALUE=DATE:20270610", ";VALUE=DATE:20270612", (date(2027, 6, 10), date(2027, 6, 11))),
        (";VALUE=DATE:20270610", "", (date(2027, 6, 10), date(2027, 6, 10))),
        (";VALUE=DATE:20270610", ";VALUE=DATE:20270610", (date(2027, 6, 10), date(2027, 6, 10))),
        (":20270610", ":20270613", (date(2027, 6, 10), date(2027, 6, 12))),
    ],
)
def test_whole_days_end_before_the_day_that_the_file_names(dtstart, dtend, expected):
    facts = only(calendar(entry(dtstart=dtstart, dtend=dtend)))
    last = facts.ends_at - timedelta(seconds=1)
    zone = ZoneInfo(facts.zone)
    assert facts.is_whole_day
    assert (facts.starts_at.astimezone(zone).date(), last.astimezone(zone).date()) == expected
    assert walls(facts)[0].endswith("00:00")


def test_from_midnight_to_midnight_are_whole_days():
    """An entry of 24 hours is shown as a day and an hour by some programs (calendar.md E10)."""
    zone = ";TZID=Europe/Berlin"
    days = only(calendar(entry(dtstart=f"{zone}:20270610T000000", dtend=f"{zone}:20270612T000000")))
    night = only(
        calendar(entry(dtstart=f"{zone}:20270610T000000", dtend=f"{zone}:20270610T010000"))
    )
    series = read(
        calendar(
            entry(
                dtstart=f"{zone}:20270327T000000",
                dtend="",
                duration=":P1D",
                rrule=":FREQ=DAILY;COUNT=3",
            )
        )
    )
    assert days.is_whole_day
    assert walls(days) == ["2027-06-10 00:00", "2027-06-12 00:00", "Europe/Berlin"]
    assert not night.is_whole_day
    assert [one.is_whole_day for one in series.facts] == [True, True, True]


def test_a_duration_is_of_the_clock_in_days_and_of_time_in_hours():
    """Over the night of 27 to 28 March 2027 the clocks of Berlin lose an hour (RFC 5545 3.3.6)."""
    start = ";TZID=Europe/Berlin:20270327T090000"
    days = only(calendar(entry(dtstart=start, dtend="", duration=":P1D")))
    hours = only(calendar(entry(dtstart=start, dtend="", duration=":PT24H")))
    assert walls(days)[1] == "2027-03-28 09:00"
    assert walls(hours)[1] == "2027-03-28 10:00"


@pytest.mark.parametrize("dtend", ["", ";TZID=Europe/Berlin:20270610T090000"])
def test_an_entry_without_length_gets_an_hour_and_says_so(dtend):
    facts = only(calendar(entry(dtend=dtend)))
    assert walls(facts)[1] == "2027-06-10 10:00"
    assert warned(facts) == "The file says no end; one hour was taken. Correct it."


def test_start_and_end_may_be_in_two_zones():
    facts = only(calendar(entry(dtend=";TZID=Europe/London:20270610T100000")))
    assert walls(facts) == ["2027-06-10 09:00", "2027-06-10 11:00", "Europe/Berlin"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"dtstart": ""}, "It says no start."),
        ({"dtstart": ":tomorrow"}, "DTSTART cannot be read: “tomorrow”."),
        ({"dtend": ";TZID=Europe/Berlin:20270610T080000"}, "It ends before it starts."),
        ({"dtend": ";VALUE=DATE:20270611"}, "It starts on a day and ends at a time of day"),
        ({"dtstart": ":19010101T090000Z"}, "Its year is 1901. Check it."),
        ({"dtstart": ":21010101T090000Z", "dtend": ""}, "Its year is 2101. Check it."),
        ({"dtstart": ";VALUE=DATE:00010101", "dtend": ""}, "Its year is 1. Check it."),
        (
            {"dtstart": ":20991231T090000Z", "dtend": "", "duration": ":P3650D"},
            "Its year is 2109. Check it.",
        ),
        ({"dtend": ":21010610T090000Z"}, "Its year is 2101. Check it."),
        ({"rdate": ":21010610T090000Z"}, "Its year is 2101. Check it."),
        ({"dtend": "", "duration": ":soon"}, "DURATION cannot be read: “soon”."),
        ({"rrule": ":FREQ=SOMETIMES"}, "The rule by which it repeats cannot be read"),
        ({"rrule": ":FREQ=DAILY;INTERVAL=0"}, "The rule by which it repeats cannot be read"),
        ({"rrule": ":FREQ=HOURLY;COUNT=3"}, "It repeats many times a day"),
        ({"exdate": ":yesterday"}, "EXDATE cannot be read: “yesterday”."),
    ],
)
def test_a_broken_entry_is_listed_with_its_reason_and_stops_no_other(said, why):
    found = read(calendar(entry(uid=":bad", **said), entry(uid=":good"))).facts
    assert [one.uid for one in found] == ["good", "bad"]
    assert not found[0].problem
    assert why in found[1].problem
    assert found[1].title == "Round table"


def test_what_has_no_place_is_listed_by_name_and_nobody_is_imported():
    lines = entry(
        attendee=";CN=Bo Berg:mailto:bo@berg.example",
        attach=":https://x.example/a.pdf",
        x_odd=";A=b:1",
        transp=":OPAQUE",
    )
    lines += "\nATTENDEE:mailto:cy@cole.example\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:nonsense\nEND:VALARM"
    said = read(calendar(lines))
    [facts] = said.facts
    assert sorted(facts.leftovers) == [
        ("ATTACH", "https://x.example/a.pdf"),
        ("ATTENDEE", "2"),
        ("TRANSP", "OPAQUE"),
        ("VALARM", "1"),
        ("X-ODD", "1"),
    ]
    assert "BEGIN:VALARM" in said.texts[1]
    assert "X-ODD;A=b:1" in said.texts[1]
    assert "berg.example" not in said.texts[1]
    assert "cole.example" not in str(said)


def test_what_is_said_twice_is_taken_once_and_the_rest_is_listed():
    """RFC 5545 3.6.1 allows one of each, and no DURATION beside DTEND."""
    said = {
        "CONTACT": "Bo Berg",
        "DESCRIPTION": "Bring a pen",
        "DTEND": "20270612T100000Z",
        "DTSTART": "20270612T090000Z",
        "DURATION": "PT8H",
        "LOCATION": "Hall",
        "SEQUENCE": "7",
        "STATUS": "CANCELLED",
        "SUMMARY": "Second title",
        "UID": "second",
        "URL": "https://second.example/",
    }
    first = entry(
        contact=":ana@cep.example", description=":First", location=":Room", sequence=":1",
        status=":CONFIRMED", url=":https://first.example/",
    )  # fmt: skip
    facts = only(calendar(first + "".join(f"\n{name}:{value}" for name, value in said.items())))
    assert facts.leftovers == list(said.items())
    assert (facts.title, facts.status, facts.uid) == ("Round table", "CONFIRMED", "one@example.net")
    assert walls(facts)[:2] == ["2027-06-10 09:00", "2027-06-10 10:00"]


def test_a_contact_without_address_is_listed():
    facts = only(calendar(entry(contact=":Ana Silva\\, the office")))
    assert facts.leftovers == [("CONTACT", "Ana Silva, the office")]
    assert facts.contact_email == ""


def test_tasks_and_other_parts_are_counted():
    head = (
        "BEGIN:VTODO\nUID:t\nEND:VTODO\n" * 2
        + "BEGIN:VJOURNAL\nEND:VJOURNAL\nBEGIN:X-FOO\nEND:X-FOO\n"
    )
    assert read(calendar(entry(), head=head)).notes == [
        "1 journal entry is left out.",
        "2 tasks are left out.",
        "X-FOO is left out: 1.",
    ]


@pytest.mark.parametrize(
    ("location", "conference", "expected"),
    [
        ("https://meet.example/abc", "", (True, "https://meet.example/abc", "")),
        ("Online", ";VALUE=URI:https://meet.example/x", (True, "https://meet.example/x", "Online")),
        ("Microsoft Teams Meeting", "", (True, "", "Microsoft Teams Meeting")),
        ("Town hall", ";VALUE=URI:https://meet.example/x", (False, "https://meet.example/x", "Town hall")),
        ("javascript:alert(1)", "", (False, "", "javascript:alert(1)")),
    ],
)  # fmt: skip
def test_a_place_may_be_online(location, conference, expected):
    facts = only(calendar(entry(location=f":{location}", conference=conference)))
    assert (facts.is_online, facts.join_url, facts.location) == expected


# -- Words ---------------------------------------------------------------------------------------------
def test_html_becomes_text_with_the_marks_that_we_allow():
    html = (
        "<html><head><title>T</title><style>p{color:red}</style></head><body><h1>Big</h1>"
        "<p onclick='x()'>Hi <b>bold</b> <a href='javascript:alert(1)'>bad</a> <a href='https://a.example/'>good</a></p>"
        "<ul><li>a<li>b</ul><script>alert(1)</script><img src=x onerror=alert(1)></body></html>"
    )
    said = read(calendar(entry(description=":Plain", x_alt_desc=f";FMTTYPE=text/html:{html}")))
    body = said.bodies[1]
    assert said.facts[0].description == "Plain"
    assert "<b>bold</b>" in body
    assert '<a href="https://a.example/">good</a>' in body
    assert body.count("<li") == 2
    for bad in ("javascript", "alert", "onclick", "<img", "<style", "color", "<h1"):
        assert bad not in body


def test_html_in_a_description_is_text_too():
    facts = only(calendar(entry(description=":<p>One</p><p>Two &amp\\; three<br>four</p>")))
    assert facts.description == "One\nTwo & three\nfour"


@pytest.mark.parametrize(
    "html", ["<p>a" * 3000, "<b>" * 900, "</p></p>", "<ul><li>a<ul><li>b", "<p " * 9000]
)
def test_html_without_sense_is_still_text(html):
    assert "<script" not in texts.rich_from_html(html + "<script>x</script>")


def test_a_long_description_is_kept_whole():
    text = "Wörter, und; mehr. " * 530
    said = read(calendar(entry(description=":" + text.replace(",", "\\,").replace(";", "\\;"))))
    assert len(text) > 10_000
    assert said.facts[0].description == text.strip()
    assert texts.text_of(said.bodies[1]) == text.strip()


@pytest.mark.parametrize("title", ["שלום עולם", "Emoji 🎓🇪🇺 𝔘", "a\u202eb", "Ω ≈ ç"])
def test_titles_of_any_script_are_kept(title):
    assert only(calendar(entry(summary=f":{title}"))).title == title


def test_titles_that_do_not_fit():
    nothing = only(calendar(entry(summary="")))
    controls = only(calendar(entry(summary=":A\x0b\x00B\x07")))
    long = only(calendar(entry(summary=":" + "word " * 60)))
    assert nothing.title == "Event without a title"
    assert warned(nothing) == "It has no title. Give it one."
    assert controls.title == "A B"
    assert len(long.title) <= 200
    assert long.title.endswith("…")
    assert long.full_title == ("word " * 60).strip()
    assert "The title was cut" in warned(long)


# -- Zones ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("tzid", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("GMT Standard Time", "Europe/London"),
        ("/freeassociation.sourceforge.net/Europe/Madrid", "Europe/Madrid"),
        ("/citadel.org/20210210_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ],
)  # fmt: skip
def test_zones_by_name(tzid, zone):
    facts = only(
        calendar(entry(dtstart=f";TZID={tzid}:20270610T090000", dtend="", duration=":PT1H"))
    )
    assert walls(facts) == ["2027-06-10 09:00", "2027-06-10 10:00", zone]
    assert not facts.warnings


@pytest.mark.parametrize(
    ("name", "winter", "summer", "zone"),
    [
        ("Customized Time Zone", "+0100", "+0200", "Europe/Amsterdam"),
        ("(UTC+01:00) Madrid, Paris", "+0100", "+0200", "Europe/Paris"),
        ("Ours", "+0200", "+0300", "Europe/Helsinki"),
        ("Theirs", "+0000", "+0100", "Europe/London"),
    ],
)
def test_zones_by_their_block(name, winter, summer, zone):
    data = calendar(
        entry(dtstart=f';TZID="{name}":20270610T090000', dtend="", duration=":PT1H"),
        head=block(name, winter, summer),
    )
    facts = only(data)
    assert walls(facts) == ["2027-06-10 09:00", "2027-06-10 10:00", zone]
    assert f"“{name}” goes by the same clock as {zone}" in warned(facts)


@pytest.mark.parametrize(
    ("tzid", "zone", "utc"),
    [
        ("EST5EDT", "America/New_York", "16:00"),
        ("EST", "America/Panama", "17:00"),
        ("/maker.example/PST8PDT", "America/Los_Angeles", "19:00"),
        ("CET", "Europe/Brussels", "10:00"),
        ("gb", "Europe/London", "11:00"),
    ],
)
def test_old_names_of_iana_are_known(tzid, zone, utc):
    noon = entry(dtstart=f";TZID={tzid}:20270710T120000", dtend="", duration=":PT1H")
    facts = only(calendar(noon))
    assert (facts.zone, f"{facts.starts_at:%H:%M}") == (zone, utc)
    assert not facts.warnings


def test_every_name_of_iana_is_known():
    unknown = {"Factory", "localtime"}
    for tzid in available_timezones() - unknown:
        facts = only(calendar(entry(dtstart=f";TZID={tzid}:20270710T120000", dtend="")))
        assert facts.starts_at == datetime(2027, 7, 10, 12, tzinfo=ZoneInfo(tzid)), tzid


def test_an_old_name_is_that_of_its_block_if_there_is_one():
    facts = only(
        calendar(entry(dtstart=";TZID=EST:20270710T120000", dtend=""), head=block("EST", "-0500", "-0400"))
    )  # fmt: skip
    assert f"{facts.starts_at:%H:%M}" == "16:00"


def test_the_zone_of_the_file_may_have_an_old_name():
    noon = entry(dtstart=":20270710T120000", dtend="")
    facts = only(calendar(noon, head="X-WR-TIMEZONE:EST5EDT\n"))
    assert walls(facts)[0::2] == ["2027-07-10 12:00", "America/New_York"]


@pytest.mark.parametrize(
    ("tzid", "zone", "utc"),
    [
        ("(UTC+03:00) Moscow, St. Petersburg", "Europe/Moscow", "09:00"),
        ("(GMT-05.00) Eastern Time (US & Canada)", "America/New_York", "16:00"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Amsterdam", "10:00"),
        ("(UTC) Dublin, Edinburgh, Lisbon, London", "Europe/Dublin", "11:00"),
        ("(UTC+01:00) Sarajevo, Skopje, Warsaw, Zagreb", "Europe/Sarajevo", "10:00"),
        ("(UTC-03:00) City of Buenos Aires", "America/Argentina/Buenos_Aires", "15:00"),
        ("(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "Asia/Kolkata", "06:30"),
    ],
)  # fmt: skip
def test_a_name_with_its_offset_is_the_zone_of_its_city(tzid, zone, utc):
    noon = entry(dtstart=f';TZID="{tzid}":20270710T120000', dtend="", duration=":PT1H")
    facts = only(calendar(noon))
    assert (facts.zone, f"{facts.starts_at:%H:%M}") == (zone, utc)
    assert warned(facts) == f"Its time zone “{tzid}” was taken as {zone}. Check its times."


@pytest.mark.parametrize(
    ("tzid", "utc"),
    [("(UTC-06:00) Nowhere", "18:00"), ("(UTC+04:00) Berlin", "08:00"), ("(UTC) Nowhere", "12:00")],
)
def test_of_a_name_with_a_strange_city_the_offset_counts(tzid, utc):
    facts = only(calendar(entry(dtstart=f';TZID="{tzid}":20270710T120000', dtend="")))
    assert f"{facts.starts_at:%H:%M}" == utc
    assert "only the distance from UTC is known" in warned(facts)


def test_a_name_with_its_offset_is_that_of_its_block_if_there_is_one():
    tzid = "(UTC+03:00) Moscow"
    noon = entry(dtstart=f';TZID="{tzid}":20270710T120000', dtend="", duration=":PT1H")
    facts = only(calendar(noon, head=block(tzid, "+0113", "+0213")))
    assert f"{facts.starts_at:%H:%M}" == "09:47"
    assert f"No known zone has the clock of “{tzid}”" in warned(facts)


def test_a_colon_in_the_name_of_a_zone_without_quotation_marks():
    name = "(UTC+01:00) Amsterdam"
    data = calendar(entry(dtstart=f";TZID={name}:20270610T090000", dtend=""), head=block(name))
    assert walls(only(data))[0::2] == ["2027-06-10 09:00", "Europe/Amsterdam"]


def test_the_location_of_a_block_is_preferred():
    head = block("Mine").replace("TZID:Mine", "TZID:Mine\nX-LIC-LOCATION:Europe/Oslo")
    facts = only(calendar(entry(dtstart=";TZID=Mine:20270610T090000", dtend=""), head=head))
    assert facts.zone == "Europe/Oslo"


def test_a_clock_that_no_zone_has_keeps_the_instant():
    data = calendar(
        entry(dtstart=";TZID=Odd:20270610T090000", dtend=""), head=block("Odd", "+0113", "+0213")
    )
    facts = only(data)
    assert facts.starts_at == datetime(2027, 6, 10, 6, 47, tzinfo=UTC)
    assert facts.zone == "Europe/Amsterdam"
    assert "No known zone has the clock of “Odd”" in warned(facts)


def test_a_block_holds_for_its_own_file_only():
    """Programs give zones of different clocks one name; what one file says must not move the events of another."""
    data = entry(dtstart=";TZID=Shared:20270610T090000", dtend="", duration=":PT1H")
    first = only(calendar(data, head=block("Shared", "+0100", "+0200")))
    second = only(calendar(data, head=block("Shared", "+0200", "+0300")))
    assert second.starts_at == first.starts_at - timedelta(hours=1)


def test_times_in_utc_are_shown_in_the_zone_of_the_file_or_the_site():
    utc = entry(dtstart=":20270610T090000Z", dtend=":20270610T100000Z")
    ours = only(calendar(utc))
    theirs = only(calendar(utc, head="X-WR-TIMEZONE:America/New_York\n"))
    assert walls(ours) == ["2027-06-10 11:00", "2027-06-10 12:00", "Europe/Amsterdam"]
    assert walls(theirs) == ["2027-06-10 05:00", "2027-06-10 06:00", "America/New_York"]
    assert not ours.warnings


def test_times_without_a_zone_are_by_the_usual_clock_and_that_is_said():
    facts = only(calendar(entry(dtstart=":20270610T090000", dtend=":20270610T100000")))
    assert walls(facts) == ["2027-06-10 09:00", "2027-06-10 10:00", "Europe/Amsterdam"]
    assert "The file names no time zone; its times were taken as Europe/Amsterdam." in warned(facts)


@pytest.mark.parametrize("tzid", ["Atlantis/Poseidonis", "Europe", "x" * 400, "../../etc/passwd"])
def test_a_zone_that_nobody_knows_is_said(tzid):
    facts = only(calendar(entry(dtstart=f";TZID={tzid}:20270610T090000", dtend="")))
    assert walls(facts)[0] == "2027-06-10 09:00"
    assert "is not known; its times were taken as Europe/Amsterdam." in warned(facts)


def test_a_time_that_the_clocks_skip_is_read_by_the_offset_before():
    facts = only(
        calendar(entry(dtstart=";TZID=Europe/Berlin:20270328T023000", dtend="", duration=":PT1H"))
    )
    assert facts.starts_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert "02:30 does not exist, and became 03:30" in warned(facts)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("023000", "033000", ("03:30", "04:30")),
        ("024500", "031500", ("03:45", "04:15")),
        ("023000", "024500", ("03:30", "03:45")),
        ("013000", "023000", ("01:30", "03:30")),
        ("023000", "050000", ("03:30", "05:00")),
    ],
)
def test_what_begins_in_the_hour_that_the_clocks_skip_has_a_length(start, end, expected):
    """Read by the letter, 02:30 to 03:30 in Berlin on 28 March 2027 are one instant (RFC 5545 3.3.5)."""
    for head, zone in (("", "Europe/Berlin"), (block("Mine"), "Mine")):
        day = f";TZID={zone}:20270328"
        times = {"dtstart": f"{day}T{start}", "dtend": f"{day}T{end}"}
        facts = only(calendar(entry(**times), head=head))
        assert tuple(wall[-5:] for wall in walls(facts)[:2]) == expected


# -- Recurrence ----------------------------------------------------------------------------------------
def days(said: reading.Reading) -> list[str]:
    return [f"{one.starts_at.astimezone(BERLIN):%m-%d %H}" for one in said.facts]


def test_a_series_is_unfolded_by_the_clock_with_its_exceptions():
    start = ";TZID=Europe/Berlin:20271018T090000"
    said = read(
        calendar(
            entry(
                dtstart=start, dtend="", duration=":PT1H", rrule=":FREQ=WEEKLY;COUNT=5",
                exdate=";TZID=Europe/Berlin:20271025T090000", rdate=";TZID=Europe/Berlin:20271020T140000",
            ),
            entry(
                recurrence_id=";TZID=Europe/Berlin:20271108T090000", summary=":Moved",
                dtstart=":20271109T100000Z", dtend=":20271109T110000Z",
            ),
        )
    )  # fmt: skip
    assert days(said) == ["10-18 09", "10-20 14", "11-01 09", "11-09 11", "11-15 09"]
    moved = said.facts[3]
    assert (moved.title, moved.zone, moved.recurrence_id) == (
        "Moved",
        "Europe/Berlin",
        "20271108T080000Z",
    )
    assert [one.recurrence_id for one in said.facts][2] == "20271101T080000Z"
    assert not said.notes


def lengths(said: reading.Reading) -> list[float]:
    """The hours that each time lasts."""
    return [(one.ends_at - one.starts_at) / timedelta(hours=1) for one in said.facts]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Mine"])
@pytest.mark.parametrize(
    ("first", "ends", "hours"),
    [("20270321", "03", 1), ("20270328", "03", 1), ("20271024", "03", 1), ("20271024", "10", 8)],
)
def test_all_times_of_a_series_are_as_long_as_the_first(zone, first, ends, hours):
    """RFC 5545 3.8.5.3: DTEND means an exact duration."""
    day = f";TZID={zone}:{first}"
    times = {"dtstart": f"{day}T023000", "dtend": f"{day}T{ends}3000"}
    said = read(calendar(entry(**times, rrule=":FREQ=WEEKLY;COUNT=3"), head=block("Mine")))
    assert lengths(said) == [hours] * 3


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Mine"])
@pytest.mark.parametrize(("first", "hours"), [("20270320", 23), ("20271023", 25)])
def test_a_duration_in_days_is_of_the_clock_at_each_time_of_a_series(zone, first, hours):
    start = f";TZID={zone}:{first}T090000"
    lines = entry(dtstart=start, dtend="", duration=":P1D", rrule=":FREQ=WEEKLY;COUNT=3")
    assert lengths(read(calendar(lines, head=block("Mine")))) == [24, hours, 24]


def test_the_one_time_of_a_series_that_the_clocks_skip_says_so():
    for first in ("20270321", "20270328"):
        day = f";TZID=Europe/Berlin:{first}"
        times = {"dtstart": f"{day}T023000", "dtend": f"{day}T033000"}
        said = read(calendar(entry(**times, rrule=":FREQ=WEEKLY;COUNT=3")))
        told = {walls(one)[0]: warned(one) for one in said.facts}
        assert {start for start, words in told.items() if words} == {"2027-03-28 03:30"}
        assert "02:30 does not exist, and became 03:30" in told["2027-03-28 03:30"]


def test_a_series_from_midnight_to_midnight_stays_one_of_whole_days():
    zone = ";TZID=Europe/Berlin"
    times = {"dtstart": f"{zone}:20270327T000000", "dtend": f"{zone}:20270328T000000"}
    said = read(calendar(entry(**times, rrule=":FREQ=DAILY;COUNT=3")))
    assert lengths(said) == [24, 23, 24]
    assert all(one.is_whole_day for one in said.facts)


def test_a_listed_period_has_its_own_length():
    periods = ":20270611T090000Z/20270611T120000Z,20270612T090000Z/PT2H"
    said = read(calendar(entry(rdate=f";VALUE=PERIOD{periods}")))
    assert lengths(said) == [1, 3, 2]


@pytest.mark.parametrize("end", ["20270611T080000Z", "20270611T090000Z", "-PT1H", "PT0S"])
def test_a_listed_period_without_length_is_bad(end):
    facts = only(calendar(entry(rdate=f";VALUE=PERIOD:20270611T090000Z/{end}")))
    assert facts.problem == "A time that it lists (RDATE) ends before it starts."


@pytest.mark.parametrize("named", [";VALUE=DATE:20270608", ";TZID=Europe/Berlin:20270608T090000"])
def test_a_moved_time_takes_the_place_of_its_own_however_it_is_named(named):
    start = ";TZID=Europe/Berlin:20270607T090000"
    moved = ";TZID=Europe/Berlin:20270609T140000"
    said = read(
        calendar(
            entry(dtstart=start, dtend="", rrule=":FREQ=DAILY;COUNT=2"),
            entry(dtstart=moved, dtend="", recurrence_id=named, summary=":Moved"),
        )
    )
    assert days(said) == ["06-07 09", "06-09 14"]
    assert said.facts[1].recurrence_id == "20270608T070000Z"


@pytest.mark.parametrize("named", [";TZID=Europe/Berlin:20270608T000000", ":20270607T220000Z"])
def test_a_moved_day_takes_the_place_of_its_own_however_it_is_named(named):
    said = read(
        calendar(
            entry(dtstart=";VALUE=DATE:20270607", dtend="", rrule=":FREQ=DAILY;COUNT=2"),
            entry(dtstart=";VALUE=DATE:20270609", dtend="", recurrence_id=named),
        )
    )
    assert [one.recurrence_id for one in said.facts] == ["20270607", "20270608"]
    assert [walls(one)[0] for one in said.facts] == ["2027-06-07 00:00", "2027-06-09 00:00"]


def test_a_day_that_is_listed_beside_times_is_at_their_time():
    said = read(calendar(entry(rdate=";VALUE=DATE:20270612")))
    assert [walls(one)[0] for one in said.facts] == ["2027-06-10 09:00", "2027-06-12 09:00"]


def test_a_change_of_this_and_all_that_follow():
    start = ";TZID=Europe/Berlin:20270607T090000"
    moved = ";TZID=Europe/Berlin:20270614T100000"
    said = read(
        calendar(
            entry(dtstart=start, dtend="", duration=":PT1H", rrule=":FREQ=WEEKLY;COUNT=3"),
            entry(recurrence_id=";RANGE=THISANDFUTURE;TZID=Europe/Berlin:20270614T090000",
                  dtstart=moved, dtend="", duration=":PT2H"),
        )
    )  # fmt: skip
    assert days(said) == ["06-07 09", "06-14 10", "06-21 10"]


def test_whole_days_repeat():
    said = read(
        calendar(
            entry(dtstart=";VALUE=DATE:20270610", dtend="", rrule=":FREQ=MONTHLY;UNTIL=20270901")
        )
    )
    assert [one.recurrence_id for one in said.facts] == ["20270610", "20270710", "20270810"]
    assert all(one.is_whole_day for one in said.facts)


def test_a_series_by_the_clock_of_a_block():
    data = calendar(
        entry(
            dtstart=";TZID=Mine:20271025T090000",
            dtend="",
            duration=":PT1H",
            rrule=":FREQ=WEEKLY;COUNT=2",
        ),
        head=block("Mine"),
    )
    assert [walls(one)[0] for one in read(data).facts] == ["2027-10-25 09:00", "2027-11-01 09:00"]


def test_an_endless_series_ends_where_the_page_says():
    old = ";TZID=Europe/Berlin:20100104T090000"
    rule = ":FREQ=MONTHLY;BYDAY=1MO"
    data = calendar(entry(dtstart=old, dtend="", duration=":PT1H", rrule=rule))
    half, whole = read(data, months=6), read(data, months=12)
    assert days(half) == ["02-01 09", "03-01 09", "04-05 09", "05-03 09", "06-07 09", "07-05 09"]
    assert len(whole.facts) == 12
    assert half.notes == [
        "“Round table” repeats; its times that are over are not shown.",
        "“Round table” repeats without an end; its times up to 10 July 2027 are shown.",
    ]


def test_of_one_series_so_many_times_are_shown():
    said = read(calendar(entry(rrule=":FREQ=DAILY")))
    assert len(said.facts) == recurrence.MOST_TIMES
    assert "the first 100 times are shown" in said.notes[0]


def test_what_is_over_is_counted_and_shown_on_request():
    data = calendar(
        entry(dtstart=":20200610T090000Z", dtend=":20200610T100000Z"), entry(uid=":two")
    )
    assert read(data).notes == ["1 event that is over is not shown."]
    assert [one.uid for one in read(data).facts] == ["two"]
    assert len(read(data, with_past=True).facts) == 2


def test_the_newest_of_two_entries_with_one_identifier_is_taken():
    found = read(
        calendar(entry(sequence=":2", summary=":New"), entry(sequence=":1", summary=":Old"))
    ).facts
    assert [(one.title, bool(one.problem)) for one in found] == [("New", False), ("Old", True)]
    assert "newer entry with the same identifier" in found[1].problem


def calls_to_read(data: bytes, **how) -> int:
    """How many functions run while a file is read or refused: what it costs, on any machine."""

    def read_or_refuse() -> None:
        with suppress(RefusedCalendar):
            read(data, **how)

    return calls_of(read_or_refuse)


def calls_of(run) -> int:
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


OLD = ";TZID=Europe/Paris:19700101T090000"


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;COUNT=1000000000",
        "FREQ=MINUTELY",
        "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7;BYMINUTE=0,1,2,3,4,5;BYSECOND=0,1,2,3,4,5",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYSETPOS=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=FR",
        "FREQ=WEEKLY;BYSETPOS=9",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=1000000000",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
    ],
)
def test_a_nasty_rule_costs_little(rule):
    data = calendar(entry(dtstart=OLD, dtend="", duration=":PT1H", rrule=f":{rule}"))
    assert calls_to_read(data) < 250_000
    assert calls_to_read(data, with_past=True) < 250_000
    assert len(read(data, with_past=True).facts) <= recurrence.MOST_TIMES


def test_many_nasty_rules_cost_no_more_than_a_few():
    nasty = [
        entry(
            uid=f":{n}",
            dtstart=OLD,
            dtend="",
            duration=":PT1H",
            rrule=":FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        )
        for n in range(200)
    ]
    said = read(calendar(*nasty))
    assert "The file repeats too much at once." in said.facts[0].problem
    assert len(said.facts) > 150
    line = "\nRDATE:" + ",".join(["20270611T090000Z"] * 2_900)
    listed = entry(dtend="") + line * 8
    assert "too much at once" in only(calendar(listed)).problem


def entries_of(number: int, more: str = "", start: str = ":20270610T090000Z") -> list[str]:
    return [
        entry(uid=f":{n}", dtstart=start, dtend="", duration=":PT1H") + more for n in range(number)
    ]


def filled(unit: str, *, head: str = "", number: int = 1_900_000) -> str:
    """One line, or many, of nearly 2 MB."""
    return head + unit * (number // len(unit))


#: A block whose clock is that of forty zones until December 2030.
NEARLY = block("Q").replace(
    "END:VTIMEZONE",
    "BEGIN:STANDARD\nDTSTART:20301215T030000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0123\nEND:STANDARD\nEND:VTIMEZONE",
)
SWITCH = (
    "BEGIN:STANDARD\nDTSTART:19700101T030000\nTZOFFSETFROM:+0113\nTZOFFSETTO:+0214\n"
    + "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\n" * 2
    + "END:STANDARD\n"
)
NASTY = {
    "blank lines": lambda: calendar(entry(), head=filled("\n", number=900_000)),
    "blank lines and no calendar": lambda: filled("\n").encode(),
    "blanks and no calendar": lambda: filled(" ").encode() + b"X",
    "lines without a name": lambda: calendar(entry() + filled("\ny", number=70_000)),
    "long lines without a name": lambda: calendar(entry() + filled("\n" + "y" * 60)),
    "deep nesting": lambda: calendar(entry(), head="BEGIN:X\n" * 19_000 + "END:Y\n" * 19_000),
    "folds": lambda: calendar(entry(description=filled("x\n ", head=":", number=1_400_000))),
    "many lines": lambda: calendar(entry() + "\nX:1" * 39_000),
    "parameters": lambda: calendar(entry() + filled(";A=b", head="\nX") + ":1"),
    "addresses": lambda: calendar(*entries_of(38, "\nCONTACT:" + "a@ " * 16_000)),
    "categories of a series": lambda: calendar(
        entry(rrule=":FREQ=DAILY") + "\nCATEGORIES:" + ",".join(map(str, range(8_000)))
    ),
    "leftovers of a series": lambda: calendar(entry(rrule=":FREQ=DAILY") + "\nX:1" * 20_000),
    "rules": lambda: calendar(entry() + "\nRRULE:FREQ=DAILY" * 39_000),
    "changed times": lambda: calendar(
        entry(dtstart=":20260610T090000Z", dtend="", rrule=":FREQ=DAILY"),
        *[
            entry(dtstart=f":2027{1 + n % 12:02}{1 + n % 28:02}T100000Z", dtend="") +
            f"\nRECURRENCE-ID:2027{1 + n % 12:02}{1 + n % 28:02}T090000Z" for n in range(900)
        ],
    ),
    "a huge block": lambda: calendar(
        entry(dtstart=";TZID=Q:20270610T090000", dtend=""),
        head="BEGIN:VTIMEZONE\nTZID:Q\n" + SWITCH * 5_000 + "END:VTIMEZONE\n",
    ),
    "many blocks": lambda: b"".join(
        calendar(entry(uid=f":{n}", dtstart=";TZID=Q:20270610T090000", dtend=""),
                 head=f"BEGIN:VTIMEZONE\nTZID:Q\nX-N:{n}\n" + SWITCH * 14 + "END:VTIMEZONE\n")
        for n in range(290)
    ),
    "names of zones": lambda: calendar(
        *[entry(uid=f":{n}") + "".join(
            f"\nEXDATE;TZID=(UTC+01:00) {'Y ' * 9}{n}-{m}:20270610T090000" for m in range(100)) for n in range(280)]
    ),
    "a block like forty zones": lambda: calendar(
        *entries_of(290, "\nDTEND;TZID=Q:20301220T090000", start=";TZID=Q:20270610T090000"), head=NEARLY
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", NASTY.values(), ids=NASTY)
def test_no_file_costs_more_than_so_many_calls(make):
    """Regular expressions make no calls; where one looks back too often, these files are not read in an hour."""
    data = make()
    assert len(data) <= files.MOST_BYTES
    assert calls_to_read(data, months=24) < 5_000_000


@pytest.mark.django_db
def test_a_long_list_of_places_is_gone_through_in_part():
    VenueFactory()
    venues = Venues(Venue.objects.all())
    assert calls_of(lambda: venues.find("x;" * 24_000)) < 10_000


def test_what_is_too_much_to_keep_with_each_time_is_counted():
    facts = only(calendar(entry() + "".join(f"\nX-{n}:1\nCATEGORIES:c{n}" for n in range(10, 70))))
    assert facts.leftovers[49:] == [("X-59", "1"), ("", "10 more things")]
    assert facts.categories[49:] == ["c59", ", ".join(f"c{n}" for n in range(60, 70))]


def test_a_link_within_a_link_is_text():
    html = "<a href=https://a.example/>b" * 3
    assert "<p" in texts.rich_from_html(html)


# -- Files ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf\r\n", "The file is empty."),
        (b"name,email\nAna,ana@a.example\n", "This is no calendar file."),
        (b"%PDF-1.7 BEGIN:VCALENDAR", "This is no calendar file."),
        (b"PK\x03\x04" + b"\0" * 40, "This is a packed file (.zip)."),
        (b"BEGIN:VCALENDAR\nVERSION:1.0\nEND:VCALENDAR\n", "old kind vCalendar 1.0"),
        (b"x" * (files.MOST_BYTES + 1), "The file is larger than 2 MB."),
        (calendar(), "There is no event in the file."),
        (calendar(head="BEGIN:VTODO\nEND:VTODO\n"), "There is no event in the file. 1 task is left out."),
        (calendar(*[entry(uid=f":{n}") for n in range(301)]), "more than 300 events"),
        (calendar(*[entry(uid=f":{n}") for n in range(1001)]), "more than 1000 entries"),
        (calendar(entry() + "\nX:1" * 40_000), "more than 40000 lines"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_use_says_what_to_do(data, words):
    with pytest.raises(RefusedCalendar) as refusal:
        read(data)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\r\n", b"\n"),
        lambda data: data.replace(b"\r\n", b"\r"),
        lambda data: data.replace(b"\r\n", b"\r\n\r\n"),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data.replace(b"BEGIN:VEVENT", b"begin:vevent").replace(b"SUMMARY", b"summary"),
        lambda data: data.replace("ü".encode(), b"\xc3\r\n \xbc"),
        lambda data: data.replace(b"END:VCALENDAR\r\n", b""),
    ],
    ids=["mark", "LF", "CR", "blank lines", "UTF-16", "small letters", "folded letter", "cut off"],
)
def test_files_are_read_however_they_are_written(change):
    data = change(calendar(entry(summary=":Frühling, Käse; x")))
    assert only(data).title == "Frühling, Käse; x"


def test_letters_of_another_encoding_are_read_and_said():
    said = read(calendar(entry(summary=":Käse")).replace("ä".encode(), b"\xe4"))
    assert said.facts[0].title == "Käse"
    assert "not in UTF-8" in said.notes[0]


def test_lines_that_lost_their_fold_are_put_together():
    long = "x" * 70
    said = read(calendar(entry(description=f":{long}\nyyy, zzz", location=":Hall\nsecond floor")))
    assert said.facts[0].description == f"{long}yyy, zzz"
    assert said.facts[0].location == "Hall second floor"
    assert said.notes == ["Some lines of the file were broken, and were put together again."]


def test_two_calendars_in_one_file_keep_their_own_zones():
    line = entry(dtstart=";TZID=Shared:20270610T090000", dtend="", duration=":PT1H")
    first = calendar(line, head=block("Shared", "+0100", "+0200"))
    second = calendar(line.replace("one@", "two@"), head=block("Shared", "+0000", "+0100"))
    said = read(first + second)
    assert [one.zone for one in said.facts] == ["Europe/Amsterdam", "Europe/London"]
    assert said.notes == ["The file holds 2 calendars; the events of all of them are shown."]


def test_an_entry_without_its_end_is_listed():
    data = calendar(entry(uid=":first"), entry(uid=":second")).replace(b"END:VEVENT\r\n", b"", 1)
    found = read(data).facts
    assert [(one.uid, bool(one.problem)) for one in found] == [("second", False), ("first", True)]
    assert "It has no end in the file" in found[1].problem


def test_an_entry_without_identifier_gets_the_same_each_time():
    data = calendar(entry(uid=""))
    assert only(data).uid == only(data).uid
    assert only(data).uid.startswith("sha256-")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "SUMMARY", "UID", "GEO",
                             "RECURRENCE-ID", "SEQUENCE", "STATUS", "CATEGORIES", "URL", "X-ALT-DESC", "BEGIN", "END"]),
            st.sampled_from(["", ";TZID=Europe/Berlin", ";VALUE=DATE", ";TZID", ";TZID=", ';A="', ";VALUE=PERIOD"]),
            st.sampled_from(["20270610", "20270610T090000", "20270610T090000Z", "FREQ=DAILY", "FREQ=DAILY;UNTIL=2027",
                             "P1D", "-P1D", "PT0S", "99999999T999999Z", "VEVENT", "VTIMEZONE", "", "1", "\\", ",", ";"])
            | st.text(max_size=20),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_no_file_breaks_the_reader(lines):
    text = "\n".join(f"{name}{parameters}:{value}" for name, parameters, value in lines)
    said = read(calendar(text, entry(uid=":sound")), with_past=True)
    assert reading.Reading.from_json(said.as_json()) == said


# -- Our own files ---------------------------------------------------------------------------------------
def of_ours(zone: str, start: str, end: str, **fields) -> Event:
    instants = [from_local(datetime.fromisoformat(wall), zone) for wall in (start, end)]
    return EventFactory(starts_at=instants[0], ends_at=instants[1], timezone=zone, **fields)


OURS = {
    "a day": lambda: of_ours("Europe/Madrid", "2027-06-10T09:00", "2027-06-10T17:00", title="A, b; c \\ d"),
    "several days": lambda: of_ours(
        "Europe/Lisbon", "2027-10-30T09:00", "2027-11-01T16:30", venue=VenueFactory(timezone="Europe/Lisbon")
    ),
    "whole days": lambda: of_ours("Europe/Madrid", "2027-06-10T00:00", "2027-06-13T00:00", is_whole_day=True),
    "an evening over midnight": lambda: of_ours("Europe/Madrid", "2027-06-10T20:00", "2027-06-11T01:00"),
    "another continent": lambda: of_ours(
        "America/New_York", "2027-03-14T09:00", "2027-03-14T17:00",
        venue=VenueFactory(name="Hall", city="New York", timezone="America/New_York"),
    ),
    "an irregular clock": lambda: of_ours(
        "Africa/Casablanca", "2027-02-10T09:00", "2027-02-10T17:00",
        venue=VenueFactory(name="Riad", city="Rabat", timezone="Africa/Casablanca"),
    ),
    "the hour that comes twice": lambda: of_ours("Europe/Madrid", "2027-10-31T01:30", "2027-10-31T04:00"),
    "online": lambda: of_ours("Europe/Athens", "2027-06-10T09:00", "2027-06-10T11:00", online=True),
    "a city": lambda: of_ours(
        "Europe/Riga", "2027-06-10T09:00", "2027-06-10T11:00",
        venue=VenueFactory(city="Riga", timezone="Europe/Riga", is_city_only=True),
    ),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("make", OURS.values(), ids=OURS)
def test_our_own_file_gives_the_same_facts(make, time_machine):
    time_machine.move_to(NOW)
    event = make()
    event.topics.set([TopicFactory(name="Mental health, care"), TopicFactory(name="Transition")])
    data = our_calendar.event_file(event)
    by = MembershipFactory(organisation=OrganisationFactory()).user
    pending = keep(
        data, file_name="ours.ics", organisation=by.memberships.get().organisation, kind=Kind.WORKSHOP,
        format=Format.IN_PERSON, months=12, with_past=False, by=by,
    )  # fmt: skip

    [outcome] = drafts.outcomes(pending, by=by)

    draft = outcome.draft
    spans_days = our_calendar.spans_whole_days(event)
    assert draft.title == event.title
    assert (draft.first_day, draft.last_day) == (event.first_day, event.last_day)
    assert draft.is_whole_day == spans_days
    if not spans_days:
        assert (draft.starts_at, draft.ends_at) == (event.starts_at, event.ends_at)
    if event.venue:
        assert draft.timezone == event.timezone
    assert (draft.venue, draft.format) == (event.venue, event.format)
    assert {topic.name for topic in outcome.topics} == {"Mental health, care", "Transition"}
    assert draft.contact_email == event.contact_email
    assert event.get_absolute_url() in draft.description


@pytest.mark.django_db
def test_an_event_of_ours_that_comes_back_to_those_who_manage_it_is_known(time_machine):
    time_machine.move_to(NOW)
    event = of_ours("Europe/Madrid", "2027-06-10T09:00", "2027-06-10T17:00")
    by = UserFactory(is_superuser=True)
    pending = keep(
        our_calendar.event_file(event), file_name="ours.ics", organisation=OrganisationFactory(),
        kind=Kind.WORKSHOP, format=Format.IN_PERSON, months=12, with_past=False, by=by,
    )  # fmt: skip
    [outcome] = drafts.outcomes(pending, by=by)
    assert (outcome.result, outcome.known) == ("known", event)
