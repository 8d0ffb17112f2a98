"""Calendar files and feeds: right in every zone, the same bytes each time, safe whatever people type."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from events import calendar, lifecycle
from events.calendar import Scheduling
from events.forms import EventForm
from events.models import Event, Format, Status, from_local
from tests.events.calendar_rules import broken
from tests.factories import EventFactory, SessionFactory, TopicFactory, UserFactory, VenueFactory

pytestmark = pytest.mark.django_db

SITE = "https://events.plenary.test"
WRITTEN = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
SCHEDULING = Scheduling(
    attendee_email="ana@example.org",
    attendee_name="Ana Müller",
    organiser_name="CEP",
    written_at=WRITTEN,
    sequence=3,
)


@pytest.fixture(autouse=True)
def _at_home(settings):
    settings.SITE_URL = SITE


def at(zone: str, start: str, end: str, **fields) -> Event:
    """An event between two wall times of a zone."""
    instants = [from_local(datetime.fromisoformat(wall), zone) for wall in (start, end)]
    return EventFactory(
        starts_at=instants[0],
        ends_at=instants[1],
        timezone=zone,
        created_at=WRITTEN - timedelta(days=2),
        changed_at=WRITTEN,
        **fields,
    )


def entry_of(content: bytes):
    [entry] = Calendar.from_ical(content).events
    return entry


def everywhere(event: Event) -> list[str]:
    """The rules that an event breaks as file, feed and mail."""
    return [
        *broken(calendar.event_file(event)),
        *broken(calendar.feed([event], name="Events"), channel="feed"),
        *broken(calendar.request(event, scheduling=SCHEDULING), channel="mail"),
        *broken(calendar.cancellation(event, scheduling=SCHEDULING), channel="mail"),
    ]


# -- One event ------------------------------------------------------------------------------------


def test_file_says_what_the_event_is():
    event = at(
        "Europe/Madrid",
        "2027-06-10T09:00",
        "2027-06-10T17:00",
        title="Prison, probation; and more",
        summary="One day on the way out.",
        description="<p>First &amp; last.</p><p>Bring a friend.</p>",
        venue=VenueFactory(latitude=41.38, longitude=2.17),
    )
    event.topics.set([TopicFactory(name="Transition"), TopicFactory(name="Mental health, care")])

    entry = entry_of(calendar.event_file(event))

    assert str(entry["UID"]) == str(event.uid)
    assert str(entry["SUMMARY"]) == "Prison, probation; and more"
    assert entry["DTSTART"].dt == datetime(2027, 6, 10, 9, tzinfo=ZoneInfo("Europe/Madrid"))
    assert entry["DTEND"].dt == datetime(2027, 6, 10, 17, tzinfo=ZoneInfo("Europe/Madrid"))
    assert entry["DTSTART"].params["TZID"] == "Europe/Madrid"
    assert str(entry["LOCATION"]) == "Palau de Congressos, Carrer de la Pau 7, Barcelona"
    assert str(entry["DESCRIPTION"]) == (
        f"One day on the way out.\n\nFirst & last.\nBring a friend.\n\n{SITE}/events/{event.slug}/"
    )
    assert str(entry["URL"]) == f"{SITE}/events/{event.slug}/"
    assert entry.categories == ["Mental health, care", "Transition"]
    assert entry["GEO"].to_ical() == "41.38;2.17"
    assert str(entry["CONTACT"]) == f"{event.organiser_names[0]}, contact@organiser.example"
    assert str(entry["STATUS"]) == "CONFIRMED"
    assert str(entry["TRANSP"]) == "OPAQUE"
    assert entry["SEQUENCE"] == 0
    assert entry["DTSTAMP"].dt == entry["LAST-MODIFIED"].dt == WRITTEN
    assert entry["CREATED"].dt == WRITTEN - timedelta(days=2)
    assert everywhere(event) == []


def test_file_and_feed_hold_no_method_and_nobody():
    event = EventFactory(join_url="https://meet.example/secret")

    for content in (calendar.event_file(event), calendar.feed([event], name="Events")):
        assert b"METHOD" not in content
        assert b"ATTENDEE" not in content
        assert b"meet.example" not in content


def test_an_online_event_is_online():
    event = EventFactory(online=True)

    assert str(entry_of(calendar.event_file(event))["LOCATION"]) == "Online"
    assert everywhere(event) == []


def test_a_place_of_which_only_the_city_is_known_names_the_city():
    event = EventFactory(venue=VenueFactory(name="unknown", address="", is_city_only=True))

    assert str(entry_of(calendar.event_file(event))["LOCATION"]) == "Barcelona"


def test_several_days_are_one_entry_over_the_days_with_the_hours_in_the_text():
    event = at("Europe/Madrid", "2027-03-27T10:00", "2027-03-29T16:30")
    zone = ZoneInfo("Europe/Madrid")
    for day, hour in ((27, 10), (27, 14), (29, 9)):
        start = datetime(2027, 3, day, hour, tzinfo=zone)
        SessionFactory(event=event, starts_at=start, ends_at=start + timedelta(hours=2))

    entry = entry_of(calendar.event_file(event))

    assert (entry["DTSTART"].dt, entry["DTEND"].dt) == (date(2027, 3, 27), date(2027, 3, 30))
    assert (
        "27 March 10:00 – 29 March 16:30\n27 March: 10:00–16:00\n29 March: 09:00–11:00\nMadrid time (UTC+1)"
        in entry["DESCRIPTION"]
    )
    assert str(entry["TRANSP"]) == "OPAQUE"
    assert everywhere(event) == []


HOURS = {
    "without a programme": (
        "06-01T14:00", "06-04T12:00", [], ["1 June 14:00 – 4 June 12:00"],
    ),
    "the programme tells start and end": (
        "06-01T14:00", "06-03T12:00",
        [("06-03T09:00", "06-03T12:00"), ("06-01T16:00", "06-01T18:00"), ("06-01T14:00", "06-01T15:00")],
        ["1 June: 14:00–18:00", "3 June: 09:00–12:00"],
    ),
    "it begins later": (
        "06-01T14:00", "06-03T12:00",
        [("06-01T15:00", "06-01T18:00"), ("06-03T09:00", "06-03T12:00")],
        ["1 June 14:00 – 3 June 12:00", "1 June: 15:00–18:00", "3 June: 09:00–12:00"],
    ),
    "it ends after midnight, and the longest item is not the last": (
        "06-01T00:00", "06-03T12:00",
        [("06-01T00:00", "06-01T05:00"), ("06-01T00:00", "06-02T00:00"), ("06-01T20:00", "06-02T03:00"),
         ("06-01T22:00", "06-01T23:00")],
        ["1 June 00:00 – 3 June 12:00", "1 June 00:00 – 2 June 03:00"],
    ),
    "it ends at midnight": (
        "06-01T14:00", "06-03T00:00",
        [("06-01T14:00", "06-02T00:00"), ("06-02T09:00", "06-03T00:00")],
        ["1 June: 14:00–24:00", "2 June: 09:00–24:00"],
    ),
    "an exhibition goes on beside it": (
        "06-01T14:00", "06-03T18:00",
        [("06-01T14:00", "06-03T18:00"), ("06-01T15:00", "06-01T17:00"), ("06-02T09:00", "06-03T12:00")],
        ["1 June 14:00 – 3 June 18:00", "1 June: 14:00–17:00", "2 June: from 09:00"],
    ),
    "items outside of its days are no part of them": (
        "06-01T14:00", "06-02T12:00",
        [("05-31T09:00", "05-31T10:00"), ("06-02T12:00", "06-02T13:00"), ("06-03T09:00", "06-03T10:00")],
        ["1 June 14:00 – 2 June 12:00", "2 June: 12:00–13:00"],
    ),
    "from midnight to midnight": (
        "06-01T00:00", "06-03T00:00", [("06-01T10:00", "06-01T12:00")], ["1 June: 10:00–12:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("start", "end", "items", "lines"), HOURS.values(), ids=HOURS)
def test_the_hours_of_several_days_are_told_with_their_days(start, end, items, lines):
    event = at("Europe/Madrid", f"2027-{start}", f"2027-{end}", summary="", description="")
    for span in items:
        wall = [datetime.fromisoformat(f"2027-{moment}") for moment in span]
        starts_at, ends_at = (from_local(moment, event.timezone) for moment in wall)
        SessionFactory(event=event, starts_at=starts_at, ends_at=ends_at)

    said = calendar.description(event).split("\n")

    page = f"{SITE}/events/{event.slug}/"
    assert said == [*lines, "Madrid time (UTC+2)", "", page]


def test_days_of_a_feed_are_in_the_language_of_the_reader():
    event = at("Europe/Madrid", "2027-06-01T14:00", "2027-06-04T12:00", summary="")

    with translation.override("en"):
        assert "1 June 14:00 – 4 June 12:00" in calendar.description(event)
    with translation.override("de"):
        assert "1 Juni 14:00 – 4 Juni 12:00" in calendar.description(event)


def test_whole_days_without_known_hours_say_none():
    event = at("Europe/Madrid", "2027-06-10T00:00", "2027-06-12T00:00", is_whole_day=True)

    entry = entry_of(calendar.event_file(event))

    assert (entry["DTSTART"].dt, entry["DTEND"].dt) == (date(2027, 6, 10), date(2027, 6, 12))
    assert ":00" not in entry["DESCRIPTION"].replace(SITE, "")
    assert everywhere(event) == []


def test_a_long_evening_stays_one_timed_entry():
    event = at("Europe/Madrid", "2027-06-10T19:00", "2027-06-11T01:00")

    entry = entry_of(calendar.event_file(event))

    assert entry["DTEND"].dt - entry["DTSTART"].dt == timedelta(hours=6)
    assert everywhere(event) == []


def test_from_midnight_to_midnight_is_whole_days():
    event = at("Europe/Berlin", "2027-10-31T00:00", "2027-11-01T00:00")  # a day of 25 hours

    entry = entry_of(calendar.event_file(event))

    assert (entry["DTSTART"].dt, entry["DTEND"].dt) == (date(2027, 10, 31), date(2027, 11, 1))
    assert "00:00" not in entry["DESCRIPTION"]
    assert everywhere(event) == []


def test_an_online_event_keeps_its_former_place_to_itself():
    event = EventFactory(online=True, venue=VenueFactory(latitude=41.38, longitude=2.17))

    assert b"GEO" not in calendar.event_file(event)


def test_a_mail_address_is_a_uri():
    scheduling = replace(SCHEDULING, attendee_email="a%41+b@example.org")

    content = calendar.request(EventFactory(), scheduling=scheduling)

    assert b"mailto:a%2541+b@example.org" in content.replace(b"\r\n ", b"")


@pytest.mark.parametrize("title", ["", " ", "\x07\x08", "\x9b"])
def test_a_title_without_anything_to_show_has_a_word_in_its_place(title):
    event = EventFactory(title=title)
    SessionFactory(event=event, title="Welcome")

    assert entry_of(calendar.event_file(event))["SUMMARY"] == "Untitled event"
    by_session = entry_of(calendar.event_file(event, by_session=True))
    assert by_session["SUMMARY"] == "Untitled event: Welcome"
    assert everywhere(event) == []
    lifecycle.cancel(event, by=None)
    assert entry_of(calendar.event_file(event))["SUMMARY"] == "Cancelled: Untitled event"


@pytest.mark.parametrize("title", ["\x07\x08", " \x9b", "\u2028"])
def test_the_form_refuses_a_title_without_anything_to_show(title):
    form = EventForm({"title": title}, instance=Event(), user=UserFactory())

    assert form.errors["title"] == ["Give the event a title."]


# -- Zones ----------------------------------------------------------------------------------------

ZONES = [
    "Europe/Madrid",
    "Europe/Dublin",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Sydney",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Pacific/Auckland",
    "Asia/Kathmandu",
]


@pytest.mark.parametrize("month", [1, 3, 6, 10, 12])
@pytest.mark.parametrize("zone", ZONES)
def test_an_event_is_at_its_hour_in_every_zone_and_season(zone, month):
    event = at(zone, f"2027-{month:02}-15T09:00", f"2027-{month:02}-15T17:30")

    entry = entry_of(calendar.event_file(event))

    assert entry["DTSTART"].dt.astimezone(UTC) == event.starts_at
    assert entry["DTEND"].dt.astimezone(UTC) == event.ends_at
    assert everywhere(event) == []


EDGES = [
    ("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T05:00"),  # the hour after the spring switch
    ("Europe/Berlin", "2027-03-27T22:00", "2027-03-28T04:00"),  # over the switch
    ("America/New_York", "2027-03-14T12:00", "2027-03-14T18:00"),  # Europe not yet switched
    ("America/New_York", "2027-11-07T09:00", "2027-11-07T17:00"),
    ("Asia/Kolkata", "2027-06-10T22:00", "2027-06-11T01:30"),  # over midnight
    ("Australia/Sydney", "2027-01-15T09:00", "2027-01-15T17:00"),  # southern summer
    ("Australia/Sydney", "2027-10-03T03:00", "2027-10-03T09:00"),
    ("Europe/Dublin", "2027-10-31T09:00", "2027-10-31T17:00"),
    ("Europe/Madrid", "2026-12-31T22:00", "2027-01-01T02:00"),  # over the year
]


@pytest.mark.parametrize(("zone", "start", "end"), EDGES)
def test_the_days_on_which_clocks_change_are_right(zone, start, end):
    event = at(zone, start, end)

    entry = entry_of(calendar.event_file(event))

    assert entry["DTSTART"].dt.astimezone(UTC) == event.starts_at
    assert entry["DTEND"].dt.astimezone(UTC) == event.ends_at
    assert everywhere(event) == []


# In Berlin the hour from 00:00 to 01:00 UTC and the one after it are both shown as 02:00 to 03:00.
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("20271031T003000Z", "20271031T063000Z"),
        ("20271031T013000Z", "20271031T073000Z"),
        ("20271030T233000Z", "20271031T003000Z"),
        ("20271031T003000Z", "20271031T004500Z"),
        ("20271031T004500Z", "20271031T011500Z"),
    ],
)
def test_an_entry_with_an_hour_that_comes_twice_is_in_utc_and_needs_no_zone(start, end):
    instants = [datetime.strptime(moment, "%Y%m%dT%H%M%S%z") for moment in (start, end)]
    event = EventFactory(starts_at=instants[0], ends_at=instants[1], timezone="Europe/Berlin")
    SessionFactory(event=event, starts_at=instants[0], ends_at=instants[1])

    files = [calendar.event_file(event, by_session=by_session) for by_session in (False, True)]

    for content in files:
        assert f"DTSTART:{start}\r\nDTEND:{end}\r\n".encode() in content
        assert b"VTIMEZONE" not in content
        assert broken(content) == []
    assert everywhere(event) == []


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT+5", "CET"])
def test_a_zone_of_no_place_goes_out_in_utc(zone):
    event = at(zone, "2027-02-15T09:00", "2027-02-15T17:00")

    assert b"TZID" not in calendar.event_file(event)
    assert everywhere(event) == []


@pytest.mark.parametrize("zone", ["UTC", "Africa/Casablanca"])
def test_an_empty_feed_has_a_zone_wherever_the_site_is(settings, zone):
    settings.TIME_ZONE = zone

    assert broken(calendar.feed([], name="Events"), channel="feed") == []


def test_a_zone_without_yearly_rules_goes_out_in_utc():
    content = calendar.event_file(at("Africa/Casablanca", "2027-02-15T09:00", "2027-02-15T17:00"))

    assert b"VTIMEZONE" not in content
    assert b"DTSTART:20270215T0" in content


# -- Feeds ----------------------------------------------------------------------------------------


def test_feed_holds_each_event_once_and_each_zone_once():
    events = [
        at("Europe/Madrid", "2027-01-15T09:00", "2027-01-15T17:00"),
        at("Europe/Madrid", "2028-06-15T09:00", "2028-06-15T17:00"),
        at("Asia/Kolkata", "2027-01-15T09:00", "2027-01-15T17:00"),
        at("Europe/Berlin", "2027-01-15T09:00", "2027-01-17T17:00"),
    ]

    content = calendar.feed(events, name="Probation, network")
    feed = Calendar.from_ical(content)

    assert [str(entry["UID"]) for entry in feed.events] == [str(event.uid) for event in events]
    assert [str(zone["TZID"]) for zone in feed.walk("VTIMEZONE")] == [
        "Asia/Kolkata",
        "Europe/Madrid",
    ]
    assert b"NAME:Probation\\, network\r\nX-WR-CALNAME:Probation\\, network\r\n" in content
    assert broken(content, channel="feed") == []


def test_an_empty_feed_is_a_calendar_with_a_zone():
    content = calendar.feed([], name="Events")

    assert [str(z["TZID"]) for z in Calendar.from_ical(content).walk("VTIMEZONE")] == [
        "Europe/Amsterdam"
    ]
    assert broken(content, channel="feed") == []


def test_a_bad_record_does_not_take_the_others_away():
    good, bad = EventFactory(), EventFactory()
    bad.timezone = "Europe/Nowhere"

    content = calendar.feed([bad, good], name="Events")

    assert str(entry_of(content)["UID"]) == str(good.uid)
    assert broken(content, channel="feed") == []


def test_a_feed_of_bad_records_alone_is_an_empty_feed():
    bad = EventFactory()
    bad.slug = "no address\ufffe" * 3
    bad.timezone = "Europe/Nowhere"

    assert calendar.feed([bad], name="Events") == calendar.feed([], name="Events")


def test_a_cancelled_event_says_so_and_frees_the_time():
    event = lifecycle.cancel(EventFactory(title="Course"), by=None)

    entry = entry_of(calendar.feed([event], name="Events"))

    assert str(entry["STATUS"]) == "CANCELLED"
    assert str(entry["SUMMARY"]) == "Cancelled: Course"
    assert str(entry["TRANSP"]) == "TRANSPARENT"
    assert entry["SEQUENCE"] == 1
    assert broken(calendar.feed([event], name="Events"), channel="feed") == []


def test_a_postponed_event_says_so_and_frees_the_time():
    event = lifecycle.postpone(EventFactory(title="Course"), by=None)

    entry = entry_of(calendar.feed([event], name="Events"))

    assert str(entry["STATUS"]) == "TENTATIVE"
    assert str(entry["SUMMARY"]) == "Postponed: Course"
    assert str(entry["TRANSP"]) == "TRANSPARENT"


# -- Mail -----------------------------------------------------------------------------------------


def test_request_names_the_organiser_and_one_attendee():
    event = EventFactory()

    content = calendar.request(event, scheduling=SCHEDULING)
    entry = entry_of(content)

    assert str(Calendar.from_ical(content)["METHOD"]) == "REQUEST"
    assert str(entry["ORGANIZER"]) == "mailto:events@plenary.test"
    assert entry["ORGANIZER"].params["CN"] == "CEP"
    assert str(entry["ATTENDEE"]) == "mailto:ana@example.org"
    assert dict(entry["ATTENDEE"].params) == {
        "CN": "Ana Müller",
        "CUTYPE": "INDIVIDUAL",
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "ACCEPTED",
        "RSVP": "FALSE",
    }
    assert entry["DTSTAMP"].dt == WRITTEN
    assert entry["SEQUENCE"] == 3
    assert str(entry["UID"]) == str(event.uid)


def test_cancellation_takes_out_what_the_request_put_in():
    event = EventFactory()

    asked = entry_of(calendar.request(event, scheduling=SCHEDULING))
    content = calendar.cancellation(event, scheduling=SCHEDULING)
    entry = entry_of(content)

    assert str(Calendar.from_ical(content)["METHOD"]) == "CANCEL"
    assert str(entry["STATUS"]) == "CANCELLED"
    for name in ("UID", "DTSTART", "ORGANIZER", "ATTENDEE", "CREATED"):
        assert entry[name] == asked[name]


# -- Whatever people type -------------------------------------------------------------------------

LETTERS = st.one_of(
    st.characters(exclude_categories=["Cs"], exclude_characters="<>&{}"),
    st.sampled_from("\n\r\t\x00\x07\x0b\x7f\u0085\u2028\u2029;,\\:\"'^%🎓👩🏽‍⚖️אבגשל\u202e"),
)
#: The word None is a title like others, but rule S10 takes it for a value that is missing.
TYPED = st.text(LETTERS, max_size=120).filter(lambda typed: plain(typed) != "None")


def plain(text: str) -> str:
    """Words without blanks and control characters, which is what must come back."""
    return "".join(letter for letter in text if letter.isprintable() and not letter.isspace())


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(title=TYPED, summary=TYPED, place=TYPED, topic=TYPED, name=TYPED, organiser=TYPED)
def test_any_text_keeps_the_calendar_whole_and_comes_back(
    title, summary, place, topic, name, organiser
):
    event = EventFactory.build(
        pk=1,
        title=title or "A",
        summary=summary,
        venue=VenueFactory.build(name=place, city="Barcelona"),
    )
    event._prefetched_objects_cache = {"topics": [TopicFactory.build(name=topic)]}
    scheduling = Scheduling(
        attendee_email="ana@example.org",
        attendee_name=name,
        organiser_name=organiser,
        written_at=WRITTEN,
        sequence=1,
    )
    assume(plain(title) and plain(place) and plain(topic))

    for content, channel in (
        (calendar.event_file(event), "file"),
        (calendar.feed([event], name=title), "feed"),
        (calendar.request(event, scheduling=scheduling), "mail"),
    ):
        assert broken(content, channel=channel) == []
        entry = entry_of(content)
        assert plain(entry["SUMMARY"]) == plain(title)
        assert plain(entry["DESCRIPTION"]).startswith(plain(summary))
        assert plain(entry["LOCATION"]) == plain(place) + ",CarrerdelaPau7,Barcelona"
        assert [plain(one) for one in entry.categories] == [plain(topic)]


def test_a_description_of_ten_thousand_letters_comes_back_whole():
    words = ("Wörter, mehr; Wörter\\n " * 500).strip()
    event = EventFactory(description=f"<p>{words}</p>", summary="")

    content = calendar.event_file(event)

    assert entry_of(content)["DESCRIPTION"] == f"{words}\n\n{SITE}/events/{event.slug}/"
    assert broken(content) == []


def test_rich_text_becomes_plain_text():
    assert calendar.as_text("<p>One<br/>two</p><ul><li>A &amp; B</li><li>C</li></ul>") == (
        "One\ntwo\nA & B\nC\n"
    )


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ('<a href="https://a.example/b?c=1&amp;d=2">Read <b>this</b></a>, please.',
         "Read this (https://a.example/b?c=1&d=2), please."),
        ('<a href="https://a.example/b?c=1&amp;d=2">https://a.example/b?c=1&amp;d=2</a>',
         "https://a.example/b?c=1&d=2"),
        ('<a href="https://a.example/"><i>A.example</i></a>', "A.example"),
        ('<a href="mailto:ana@a.example">Ana</a>, <a href="mailto:ben@a.example">ben@a.example</a>',
         "Ana (ana@a.example), ben@a.example"),
        ('<a rel="nofollow" href="/about/">We</a> and <a href="tel:+3412">us</a>',
         f"We ({SITE}/about/) and us (tel:+3412)"),
        ('<a href="HTTPS://a.example/"></a>', "HTTPS://a.example/"),
        ('<a linktype="page" id="3">A page</a>, <a href="#top">up</a>', "A page, up"),
        ('<a href="https://a.example/">open, <a href="https://b.example/">B</a>',
         "open, B (https://b.example/)"),
    ],
)  # fmt: skip
def test_the_address_of_a_link_follows_its_words(html, words):
    assert calendar.as_text(html) == words


def test_the_addresses_of_links_are_in_the_entry():
    event = EventFactory(
        summary="", description='<p><a href="https://a.example/b;c">The, list</a></p>'
    )

    content = calendar.event_file(event)

    assert entry_of(content)["DESCRIPTION"].startswith("The, list (https://a.example/b;c)\n\n")
    assert broken(content) == []


@pytest.mark.parametrize("piece", ['<a href="https://a.example/">', '<a href="/"><b>'])
def test_a_text_of_links_that_never_end_is_read_at_once(piece):
    start = perf_counter()

    calendar.as_text("<p>" + piece * 20_000)

    assert perf_counter() - start < 2


# -- The same data, the same bytes; SEQUENCE ------------------------------------------------------


def test_the_same_event_gives_the_same_bytes(time_machine):
    event = EventFactory()
    event.topics.set([TopicFactory(), TopicFactory()])
    before = calendar.event_file(event), calendar.feed([event], name="Events")

    time_machine.move_to(datetime.now(UTC) + timedelta(days=3))
    again = Event.objects.get(pk=event.pk)

    assert (calendar.event_file(again), calendar.feed([again], name="Events")) == before


SHOWN = {
    "title": "Another",
    "starts_at": timedelta(hours=-1),
    "ends_at": timedelta(hours=1),
    "timezone": "Europe/Lisbon",
    "is_whole_day": True,
    "format": Format.HYBRID,
}
NOT_SHOWN = {
    "summary": "Another",
    "description": "<p>Another</p>",
    "capacity_in_person": 12,
    "contact_email": "b@organiser.example",
    "audience": "Everybody",
    "join_url": "https://meet.example/1",
    "kind": "training",
}


@pytest.mark.parametrize(("name", "value"), [*SHOWN.items(), *NOT_SHOWN.items()])
def test_sequence_rises_when_people_must_look_again(name, value):
    event = EventFactory(changed_at=datetime.now(UTC) - timedelta(days=1))
    before = event.changed_at
    setattr(event, name, getattr(event, name) + value if isinstance(value, timedelta) else value)

    lifecycle.apply_changes(event, by=None)
    event.refresh_from_db()

    assert event.sequence == (1 if name in SHOWN else 0)
    assert event.changed_at > before


def test_sequence_rises_with_another_place():
    event = EventFactory()
    event.venue = VenueFactory()

    lifecycle.apply_changes(event, by=None)

    assert event.sequence == 1


def test_sequence_stays_when_nothing_changed():
    event = EventFactory()

    lifecycle.apply_changes(Event.objects.get(pk=event.pk), by=None)
    event.refresh_from_db()

    assert event.sequence == 0


def test_sequence_of_a_draft_stays():
    event = EventFactory(draft=True)
    event.title = "Another"

    lifecycle.apply_changes(event, by=None)
    lifecycle.publish(event, by=None)

    assert (event.status, event.sequence) == (Status.PUBLISHED, 0)


def test_sequence_and_stamps_never_fall_over_a_life(time_machine):
    time_machine.move_to(WRITTEN, tick=False)  # all within one second
    event = EventFactory()
    entries = [entry_of(calendar.event_file(event))]

    for step in (lifecycle.postpone, lifecycle.publish, lifecycle.cancel):
        step(event, by=None)
        entries.append(entry_of(calendar.event_file(Event.objects.get(pk=event.pk))))

    assert [entry["SEQUENCE"] for entry in entries] == [0, 1, 2, 3]
    assert [str(entry["STATUS"]) for entry in entries] == [
        "CONFIRMED",
        "TENTATIVE",
        "CONFIRMED",
        "CANCELLED",
    ]
    for name in ("LAST-MODIFIED", "DTSTAMP"):
        stamps = [entry[name].dt for entry in entries]
        assert stamps == sorted(set(stamps))
    assert len({str(entry["UID"]) for entry in entries}) == 1
    assert len({entry["CREATED"].dt for entry in entries}) == 1


# -- Over HTTP ------------------------------------------------------------------------------------


def test_file_over_http_is_a_download(client):
    event = EventFactory()

    answer = client.get(f"/events/{event.slug}/calendar.ics")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="{event.slug}.ics"'
    assert broken(answer.content) == []


def test_feed_over_http_is_public_and_not_a_download(client):
    EventFactory(), EventFactory(draft=True)

    answer = client.get("/calendar/all.ics?unknown=1")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert not answer.has_header("Content-Disposition")
    assert not answer.cookies
    assert len(Calendar.from_ical(answer.content).events) == 1
    assert broken(answer.content, channel="feed") == []


@pytest.mark.parametrize("address", ["/calendar/all.ics", "/events/course/calendar.ics"])
def test_calendar_answers_304_to_those_who_have_it_and_200_after_a_change(client, address):
    event = EventFactory(slug="course", changed_at=WRITTEN)
    first = client.get(address)

    same = client.get(address, headers={"if-none-match": first["ETag"]})
    listed = client.get(address, headers={"if-none-match": f'"other", W/{first["ETag"]}'})
    since = client.get(address, headers={"if-modified-since": first["Last-Modified"]})
    event.title = "Another"
    lifecycle.apply_changes(event, by=None)
    changed = client.get(address, headers={"if-none-match": first["ETag"]})

    assert (same.status_code, listed.status_code, since.status_code) == (304, 304, 304)
    assert changed.status_code == 200
    assert b"SUMMARY:Another" in changed.content


@pytest.mark.parametrize("address", ["/calendar/all.ics", "/events/course/calendar.ics"])
def test_calendar_answers_head_and_refuses_post(client, address):
    EventFactory(slug="course")

    assert client.head(address).status_code == 200
    assert client.head(address).content == b""
    assert client.post(address).status_code == 405


def test_feed_is_the_same_whoever_asks(client):
    EventFactory()

    plain_one = client.get("/calendar/all.ics")
    others = [
        client.get("/calendar/all.ics", headers={"accept": accept, "user-agent": agent})
        for accept in ("text/html", "text/calendar,*/*;q=0.5", "")
        for agent in ("Google-Calendar-Importer", "")
    ]

    assert [other.content for other in others] == [plain_one.content] * 6
    assert {other.status_code for other in others} == {200}


def test_feed_is_zipped_on_request_only(client):
    for _n in range(3):
        EventFactory(summary="words " * 40)

    assert not client.get("/calendar/all.ics").has_header("Content-Encoding")
    zipped = client.get("/calendar/all.ics", headers={"accept-encoding": "gzip"})

    assert zipped["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in zipped["Vary"]
    assert "Cookie" not in zipped["Vary"]


def test_feed_leaves_out_what_was_long_ago(client):
    now = datetime.now(UTC)
    for age in (364, 367):
        EventFactory(
            starts_at=now - timedelta(days=age, hours=2), ends_at=now - timedelta(days=age)
        )

    feed = Calendar.from_ical(client.get("/calendar/all.ics").content)

    assert len(feed.events) == 1


def test_the_file_of_a_draft_is_a_404(client):
    event = EventFactory(draft=True)

    assert client.get(f"/events/{event.slug}/calendar.ics").status_code == 404
