"""Feeds over HTTP: which events they hold, how new they are, and what they cost."""

import gzip
import re
import resource
import signal
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from accounts.models import Organisation
from events import calendar, feeds, lifecycle, selections, views
from events.models import Event, EventOrganisation, Series, Topic
from tests.events.calendar_rules import broken
from tests.factories import (
    EventFactory,
    OrganisationFactory,
    SeriesFactory,
    SessionFactory,
    TopicFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

ALL = "/calendar/all.ics"


def content_of(answer) -> bytes:
    assert answer.status_code == 200, answer.status_code
    return answer.getvalue()


def entries(client, address: str = ALL) -> dict[str, str]:
    """The titles in a feed by UID; it keeps the rules."""
    content = content_of(client.get(address))
    assert broken(content, channel="feed") == []
    return {str(one["UID"]): str(one["SUMMARY"]) for one in Calendar.from_ical(content).events}


def titles(client, address: str = ALL) -> set[str]:
    return set(entries(client, address).values())


@pytest.fixture(autouse=True)
def _at_home(settings):
    settings.SITE_URL = "https://events.plenary.test"


@pytest.fixture
def network():
    """Three events that differ in everything that one can choose by."""
    care, prison = TopicFactory(slug="care", name="Care"), TopicFactory(slug="prison")
    host = OrganisationFactory(slug="host", name="The Host", short_name="")
    series = SeriesFactory(slug="world", name="World congress")
    first = EventFactory(
        title="First", kind="workshop", venue=VenueFactory(country="ES"), series=series
    )
    second = EventFactory(title="Second", kind="webinar", online=True)
    third = EventFactory(title="Third", kind="workshop", hybrid=True)
    first.topics.set([care, prison])
    second.topics.set([prison])
    for event in (first, second):
        EventOrganisation.objects.create(event=event, organisation=host, role="host")
    return first, second, third


# -- What they hold -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "held"),
    [
        (ALL, {"First", "Second", "Third"}),
        ("/calendar/topics/care.ics", {"First"}),
        ("/calendar/topics/prison.ics", {"First", "Second"}),
        ("/calendar/topics/prison.ics?format=online", {"Second"}),
        ("/calendar/organisations/host.ics", {"First", "Second"}),
        ("/calendar/series/world.ics", {"First"}),
        (f"{ALL}?topic=prison", {"First", "Second"}),
        (f"{ALL}?topic=prison&kind=webinar", {"Second"}),
        (f"{ALL}?format=hybrid", {"Third"}),
        (f"{ALL}?country=ES&kind=workshop", {"First"}),
        (f"{ALL}?q=seco", {"Second"}),
        (f"{ALL}?kind=training", set()),
        (f"{ALL}?utm_source=mail&page=3", {"First", "Second", "Third"}),
    ],
)
def test_a_feed_holds_what_was_chosen(client, network, address, held):
    VenueFactory(country="ES")
    Event.objects.exclude(title="First").exclude(venue=None).update(
        venue=VenueFactory(country="NL")
    )

    assert titles(client, address) == held


def test_a_feed_by_organiser_is_narrower_than_one_by_organisation(client, network):
    leads = network[0].organisers[0].slug

    assert titles(client, f"{ALL}?organiser={leads}") == {"First"}
    assert titles(client, "/calendar/organisations/host.ics?kind=workshop") == {"First"}


@pytest.mark.parametrize(
    "address",
    [
        "/calendar/topics/nobody.ics",
        "/calendar/series/nobody.ics",
        "/calendar/organisations/nobody.ics",
        f"{ALL}?topic=nobody",
        f"{ALL}?kind=party",
        f"{ALL}?country=XX",
    ],
)
def test_what_nobody_knows_is_a_404_and_not_all_events(client, network, address):
    assert client.get(address).status_code == 404


def test_a_feed_says_what_it_is_and_where_it_comes_from(client, network):
    content = content_of(client.get("/calendar/topics/care.ics?kind=workshop&x=1")).replace(
        b"\r\n ", b""
    )

    site = b"https://events.plenary.test"
    assert b"\r\nNAME:Probation Network: Care\\, Workshop\r\n" in content
    assert b"\r\nX-WR-CALNAME:Probation Network: Care\\, Workshop\r\n" in content
    assert (
        b"\r\nSOURCE;VALUE=URI:" + site + b"/calendar/topics/care.ics?kind=workshop\r\n" in content
    )
    assert b"\r\nURL:" + site + b"/calendar/?kind=workshop\r\n" in content


def test_drafts_and_links_to_join_are_in_no_feed(client):
    EventFactory(title="Draft", draft=True)
    EventFactory(title="Online", online=True, join_url="https://meet.example/secret")

    content = content_of(client.get(ALL))

    assert b"Draft" not in content
    assert b"secret" not in content
    assert b"/join/" not in content


@pytest.mark.parametrize(("days", "is_held"), [(89, True), (91, False)])
def test_a_cancelled_event_stays_for_ninety_days(client, time_machine, days, is_held):
    time_machine.move_to(datetime(2027, 1, 1, 12, tzinfo=UTC))
    event = EventFactory(title="Off", starts_at=datetime(2027, 6, 1, 9, tzinfo=UTC))
    lifecycle.cancel(event, by=None)

    time_machine.move_to(datetime(2027, 1, 1, 12, tzinfo=UTC) + timedelta(days=days))
    caches["pages"].clear()

    assert titles(client) == ({"Cancelled: Off"} if is_held else set())


def test_changes_of_drafts_make_no_feed_newer(client, network):
    draft = EventFactory(draft=True)
    Event.objects.filter(pk=draft.pk).update(changed_at=datetime(2020, 1, 1, tzinfo=UTC))
    before = client.get(ALL)["Last-Modified"]
    Event.objects.filter(pk=draft.pk).update(changed_at=datetime.now(UTC) + timedelta(hours=1))

    assert client.get(ALL)["Last-Modified"] == before


def test_an_event_of_a_year_that_nobody_knows_is_left_out(client, network):
    far = datetime(9999, 12, 31, 20, tzinfo=UTC)
    EventFactory(title="Far", starts_at=far, ends_at=far + timedelta(hours=2))

    assert titles(client) == {"First", "Second", "Third"}


# -- By session -----------------------------------------------------------------------------------


def test_on_request_each_item_of_the_programme_is_an_entry(client):
    event = EventFactory(title="Course")
    lone = EventFactory(title="No programme")
    for hour, name in ((0, "Opening, words"), (2, "Workshop")):
        start = event.starts_at + timedelta(hours=hour)
        SessionFactory(event=event, title=name, starts_at=start, ends_at=start + timedelta(hours=1))

    for address in (f"{ALL}?sessions=1", f"/events/{event.slug}/calendar.ics?sessions=1"):
        found = Calendar.from_ical(content_of(client.get(address))).events
        of_event = [one for one in found if str(one["UID"]) != str(lone.uid)]
        assert [str(one["SUMMARY"]) for one in of_event] == [
            "Course: Opening, words",
            "Course: Workshop",
        ]
        assert [one["DTSTART"].dt for one in of_event] == [
            event.starts_at,
            event.starts_at + timedelta(hours=2),
        ]
        assert len({str(one["UID"]) for one in found} - {str(event.uid)}) == len(found)
    assert titles(client, f"{ALL}?sessions=1") == {
        "Course: Opening, words",
        "Course: Workshop",
        "No programme",
    }
    assert titles(client) == {"Course", "No programme"}


def test_an_item_keeps_its_uid_and_counts_the_changes_of_both(client):
    event = EventFactory()
    session = SessionFactory(event=event)

    def entry():
        return Calendar.from_ical(calendar.event_file(event, by_session=True)).events[0]

    before = entry()
    session.sequence = 2
    session.save()
    event = Event.objects.get(pk=event.pk)
    event.title = "Another"
    lifecycle.apply_changes(event, by=None)

    assert entry()["UID"] == before["UID"]
    assert (before["SEQUENCE"], entry()["SEQUENCE"]) == (0, 3)
    assert entry()["LAST-MODIFIED"].dt > before["LAST-MODIFIED"].dt


def test_items_of_several_days_are_by_the_clock_of_the_event():
    start = datetime(2027, 3, 27, 9, tzinfo=UTC)
    event = EventFactory(starts_at=start, ends_at=start + timedelta(days=2))
    for day in (0, 1):  # the clocks change in between
        SessionFactory(event=event, starts_at=start + timedelta(days=day))

    content = calendar.event_file(event, by_session=True)

    assert broken(content) == []
    assert b"DTSTART;TZID=Europe/Madrid:20270327T100000\r\n" in content
    assert b"DTSTART;TZID=Europe/Madrid:20270328T110000\r\n" in content


def test_items_left_behind_have_the_rules_of_their_own_year():
    start = datetime(2029, 6, 4, 7, tzinfo=UTC)
    event = EventFactory(
        starts_at=start, ends_at=start + timedelta(days=3), timezone="Europe/Berlin"
    )
    SessionFactory(event=event, starts_at=datetime(2027, 1, 12, 8, tzinfo=UTC))

    content = calendar.event_file(event, by_session=True)

    assert broken(content) == []
    assert Calendar.from_ical(content).events[0]["DTSTART"].dt == datetime(
        2027, 1, 12, 8, tzinfo=UTC
    )
    assert "January" not in calendar.description(event)


def test_an_item_of_several_days_stands_over_its_days():
    event = EventFactory()
    SessionFactory(
        event=event, starts_at=event.starts_at, ends_at=event.starts_at + timedelta(days=2)
    )

    content = calendar.event_file(event, by_session=True)

    assert broken(content) == []
    assert b"DTSTART;VALUE=DATE:" in content
    assert b"VTIMEZONE" not in content


# -- How new they are -----------------------------------------------------------------------------


def test_what_leaves_a_feed_makes_it_newer_also_for_those_who_ask_by_date(client, network):
    first, *_others = network
    Event.objects.update(changed_at=datetime(2026, 1, 1, tzinfo=UTC))
    for model in (Topic, Series, Organisation):
        model.objects.update(named_at=None)
    old = client.get(f"{ALL}?topic=care")
    first.refresh_from_db()

    lifecycle.apply_changes(first, by=None, topics=[])

    by_tag = client.get(f"{ALL}?topic=care", headers={"if-none-match": old["ETag"]})
    by_date = client.get(f"{ALL}?topic=care", headers={"if-modified-since": old["Last-Modified"]})
    assert (by_tag.status_code, by_date.status_code) == (200, 200)


def test_two_changes_within_a_second_are_two_for_those_who_ask_by_date(client, time_machine):
    time_machine.move_to(datetime(2027, 1, 1, 12, tzinfo=UTC), tick=False)
    one, other = EventFactory(), EventFactory()
    one.title = "One"
    lifecycle.apply_changes(one, by=None)
    first = client.get(ALL)
    other.title = "Other"
    lifecycle.apply_changes(other, by=None)

    time_machine.shift(15)  # seconds: no program asks so soon again
    again = client.get(ALL, headers={"if-modified-since": first["Last-Modified"]})

    assert again.status_code == 200
    assert b"SUMMARY:Other" in again.getvalue()
    kept = client.get(ALL, headers={"if-modified-since": again["Last-Modified"]})
    assert kept.status_code == 304


def test_plain_and_zipped_have_strong_tags_of_their_own_and_the_same_words(client, network):
    for address in (ALL, f"/events/{network[0].slug}/calendar.ics"):
        plain = client.get(address)
        zipped = client.get(address, headers={"accept-encoding": "gzip, br"})

        assert gzip.decompress(zipped.getvalue()) == plain.getvalue()
        assert zipped["Content-Encoding"] == "gzip"
        assert plain["Vary"] == zipped["Vary"] == "Accept-Encoding"
        assert plain["ETag"][0] == zipped["ETag"][0] == '"'
        assert plain["ETag"] != zipped["ETag"]
        assert int(zipped["Content-Length"]) == len(zipped.getvalue())
        same = client.get(
            address, headers={"accept-encoding": "gzip", "if-none-match": zipped["ETag"]}
        )
        assert same.status_code == 304
        assert same["ETag"] == zipped["ETag"]


def test_each_site_has_an_edition_of_its_own(network, settings):
    def digest():
        caches["pages"].clear()
        return feeds.edition(ALL, selections.of_all({})).digest

    before = digest()
    settings.SITE_URL = "https://other.plenary.test"
    assert digest() != before


def test_a_bad_record_is_left_out_and_logged(client, network, caplog):
    Event.objects.filter(title="Second").update(timezone="Europe/Nowhere")

    assert titles(client) == {"First", "Third"}
    assert "is left out of a calendar" in caplog.text


# -- What they cost -------------------------------------------------------------------------------


def test_whoever_has_a_feed_costs_one_query(client, network):
    tag = client.get(ALL)["ETag"]

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(ALL, headers={"if-none-match": tag})

    assert answer.status_code == 304
    assert len(queries) == 1


def test_whoever_has_the_file_of_an_event_costs_one_query(client, network):
    address = f"/events/{network[0].slug}/calendar.ics"
    tag = client.get(address)["ETag"]

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address, headers={"if-none-match": tag})

    assert answer.status_code == 304
    assert len(queries) == 1


def test_an_unchanged_feed_comes_from_the_kept_file(client, network):
    first = content_of(client.get(ALL))
    Event.objects.update(summary="Changed behind the back of all stamps")

    assert content_of(client.get(ALL)) == first
    assert len(list((settings.VAR_DIR / "calendars").glob("draft-*"))) == 0


def test_a_feed_takes_as_many_queries_for_many_events_as_for_one(client, network):
    def queries():
        with CaptureQueriesContext(connection) as found:
            client.get(ALL)
        return len(found)

    before = queries()
    for _n in range(5):
        EventFactory()

    assert queries() == before


def test_a_long_feed_goes_out_in_parts_and_is_kept_once_it_is_whole(client, network, monkeypatch):
    monkeypatch.setattr(views, "LONG", 10)
    whole = b"".join(selections.of_all({}).parts([]))

    first = client.get(ALL)
    assert first.streaming
    edition = feeds.edition(ALL, selections.of_all({}))
    assert not edition.file(is_zipped=False).exists()
    assert first.getvalue() == whole
    assert edition.file(is_zipped=False).read_bytes() == whole
    again = client.get(ALL)
    assert again.getvalue() == whole
    assert int(again["Content-Length"]) == len(whole)
    assert again["Content-Type"] == first["Content-Type"] == "text/calendar; charset=utf-8"
    assert not again.has_header("Content-Disposition")
    for _time in (1, 2):
        zipped = client.get(ALL, headers={"accept-encoding": "gzip"})
        assert zipped["Content-Type"] == "text/calendar; charset=utf-8"
        assert gzip.decompress(zipped.getvalue()) == whole


@pytest.mark.parametrize("room", [0, 100, 9_000, 65_000])
def test_a_full_disk_costs_the_file_and_not_the_feed(room, caplog):
    edition = feeds.Edition("full", datetime.now(UTC))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        sent = b"".join(
            edition.kept_while_sent([b"x" * 40_000, b"y" * 40_000], [], is_zipped=False)
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert sent == b"x" * 40_000 + b"y" * 40_000
    assert not edition.file(is_zipped=False).exists()
    assert list((settings.VAR_DIR / "calendars").glob("draft-*")) == []
    assert "A feed cannot be kept" in caplog.text


def test_what_lacks_an_event_is_not_kept_and_has_no_tag(client, network, monkeypatch):
    whole = calendar.entries

    def stumbles(event, *more, **said):
        if event.title == "Second":
            raise OSError("too many open files")
        return whole(event, *more, **said)

    with monkeypatch.context() as patched:
        patched.setattr(calendar, "entries", stumbles)
        lacking = client.get(ALL)
        assert b"Second" not in lacking.getvalue()
        assert not lacking.has_header("Last-Modified")

    again = client.get(ALL, headers={"if-none-match": lacking.get("ETag", '"none"')})
    assert again.status_code == 200
    assert b"Second" in again.getvalue()


def test_what_was_searched_for_is_not_kept(client, network):
    def kept():
        folder = settings.VAR_DIR / "calendars"
        return set(folder.iterdir()) if folder.exists() else set()

    client.get(ALL)
    before = kept()
    for words in ("First", "Second", "Third"):
        assert titles(client, f"{ALL}?q={words}") == {words}
        zipped = client.get(f"{ALL}?q={words}", headers={"accept-encoding": "gzip"})
        assert words.encode() in gzip.decompress(zipped.getvalue())

    assert kept() == before


def test_a_reader_who_hangs_up_leaves_nothing_half(network):
    edition = feeds.edition(ALL, selections.of_all({}))
    sent = edition.kept_while_sent(selections.of_all({}).parts([]), [], is_zipped=False)
    next(sent)
    sent.close()

    assert not edition.file(is_zipped=False).exists()
    assert list((settings.VAR_DIR / "calendars").glob("draft-*")) == []


def test_feeds_go_out_where_nothing_can_be_kept(client, network, tmp_path, settings, caplog):
    (tmp_path / "file").write_text("in the way")
    settings.VAR_DIR = tmp_path / "file"

    assert titles(client) == {"First", "Second", "Third"}
    assert "No feed can be kept" in caplog.text


def test_only_so_many_files_are_kept(network, monkeypatch, tmp_path, settings):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(feeds, "KEPT", 2)
    for n in range(4):
        edition = feeds.Edition(str(n), datetime.now(UTC))
        list(edition.kept_while_sent([b"x"], [], is_zipped=False))

    assert len(list((tmp_path / "calendars").iterdir())) == 2


# -- The page about them --------------------------------------------------------------------------


def test_the_page_leads_to_the_feed_of_what_was_chosen(client, network):
    page = client.get("/calendar/?topic=care&sessions=1").text

    feed = "events.plenary.test/calendar/all.ics?topic=care&amp;sessions=1"
    assert f'value="https://{feed}"' in page
    assert f'href="webcal://{feed}"' in page
    assert "These events in your own calendar" in page
    assert "1 event of the last twelve months and ahead" in page
    [title] = re.findall("<title>(.*?)</title>", page)
    assert title == f"Calendar - {Topic.objects.get(slug='care').name} - {settings.SITE_NAME}"
    assert 'name="sessions" value="1" id="id_sessions" checked' in page


def test_the_page_shows_all_events_where_nobody_knows_the_choice(client, network):
    page = client.get("/calendar/?topic=nobody").text

    assert 'value="https://events.plenary.test/calendar/all.ics"' in page
    assert f"<title>Error: Calendar - {settings.SITE_NAME}</title>" in page
    assert "The address below is that of all events" in page
    assert '<a href="#id_topic">Topic: We do not know this one.' in page
    assert "problems" not in client.get("/calendar/").text


def test_a_narrowed_list_leads_to_the_page(client, network):
    assert 'href="/calendar/?topic=care"' in client.get("/events/?topic=care&page=1").text
    assert "Subscribe to these events" not in client.get("/events/").text


def test_an_event_of_a_series_offers_the_series(client, network):
    first, second, _third = network

    page = client.get(f"/events/{first.slug}/").text

    assert "Subscribe to “World congress”" in page
    assert 'href="webcal://events.plenary.test/calendar/series/world.ics"' in page
    assert f'type="text/calendar" href="/events/{first.slug}/calendar.ics"' in page
    assert "calendar/series" not in client.get(f"/events/{second.slug}/").text
