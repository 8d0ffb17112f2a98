"""How calendar files and feeds answer on a real socket: each rule H of our list, at each address, whoever asks."""

import gzip
import http.client
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import pytest
from django.test import Client

from events import lifecycle
from events.models import Event
from registrations import links, own_calendar
from tests.events.calendar_rules import broken
from tests.factories import (
    EventFactory,
    OrganisationFactory,
    SeriesFactory,
    SessionFactory,
    TopicFactory,
    UserFactory,
    verified,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("clients")]

SITE = "https://events.plenary.test"
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
FILES = ["/events/course/calendar.ics", "/events/course/calendar.ics?sessions=1"]
FEEDS = [
    "/calendar/all.ics",
    "/calendar/all.ics?sessions=1",
    "/calendar/all.ics?kind=workshop&topic=prison",
    "/calendar/all.ics?format=in-person&country=ES&organiser=cep",
    "/calendar/topics/prison.ics",
    "/calendar/organisations/cep.ics?sessions=1",
    "/calendar/series/ways-out.ics",
]
PUBLIC = [*FILES, *FEEDS]
#: Who asks for feeds, and how.
AGENTS = [
    {"User-Agent": "Google-Calendar-Importer"},
    {"User-Agent": "Microsoft.Exchange/15.20", "Accept": "*/*"},
    {"User-Agent": "iOS/19.0 dataaccessd/1.0", "Accept": "text/calendar"},
    {"User-Agent": "Thunderbird/153.0", "Accept": "text/calendar,text/plain;q=0.8,*/*;q=0.5"},
    {"User-Agent": "Mozilla/5.0", "Accept": "text/html,application/xhtml+xml;q=0.9"},
    {"Accept": "application/json", "Accept-Language": "nl"},
    {"Cache-Control": "no-cache"},
]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.headers.get(name, "")


class Socket:
    """Asks the site and sends no header that it was not given."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def __call__(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self._host, timeout=5)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@pytest.fixture
def ask(live_server, settings, time_machine):
    """The site at noon, with two events in each of its feeds."""
    settings.SITE_URL = SITE
    time_machine.move_to(NOON - timedelta(days=4))
    cep, prison = OrganisationFactory(slug="cep"), TopicFactory(slug="prison")
    series = SeriesFactory(slug="ways-out")
    time_machine.move_to(NOON)
    for slug, age in (("course", 3), ("other", 2)):
        event = EventFactory(
            slug=slug,
            title=slug.title(),
            description="Words, many; words. " * 30,
            changed_at=NOON - timedelta(days=age),
            organiser=cep,
            series=series,
        )
        event.topics.add(prison)
        SessionFactory(event=event)
    return Socket(live_server.url)


@pytest.fixture
def mine(ask):
    """The path of somebody's own feed."""
    person = verified(Event.objects.get(slug="course"))
    return links.feed_link(own_calendar.renew(person.email)).removeprefix(SITE)


def statuses(ask, headers_of, paths=PUBLIC, **more):
    """The status at each address, asked with the headers that the first answer there gives rise to."""
    found = {}
    for path in paths:
        headers = headers_of(ask(path))
        found[path] = ask(path, **headers, **more).status
    return found


def at_each(value, paths=PUBLIC):
    return dict.fromkeys(paths, value)


def test_h1_everybody_gets_the_same_bytes(ask, mine):
    for path in (*PUBLIC, mine):
        plain = ask(path)
        answers = [
            ask(path, **{name.replace("-", "_"): value for name, value in agent.items()})
            for agent in AGENTS
        ]

        assert (plain.status, broken(plain.body, now=NOON + timedelta(days=1))) == (200, []), path
        assert [(one.status, one.body) for one in answers] == [(200, plain.body)] * len(AGENTS)


def test_h2_the_type_is_that_of_calendars(ask, mine):
    paths = [*PUBLIC, mine]

    found = {path: ask(path)["Content-Type"] for path in paths}

    assert found == at_each("text/calendar; charset=utf-8", paths)


def test_h3_head_answers_as_get_does_without_a_body(ask, mine):
    for path in (*PUBLIC, mine):
        got, head = ask(path), ask(path, method="HEAD")

        assert (head.status, head.body) == (200, b"")
        for name in ("Content-Type", "Last-Modified", "Cache-Control", "Content-Disposition"):
            assert head[name] == got[name], name
        assert head["ETag"] in {"", got["ETag"]}
        assert head["Content-Length"] in {"", "0", got["Content-Length"]}


def test_h4_who_has_the_newest_gets_304(ask):
    for form in ("{tag}", '"other", {tag}', '{tag},"other"', "W/{tag}", '"a,b" , W/{tag}', "*"):
        assert statuses(
            ask, lambda first, form=form: {"If_None_Match": form.format(tag=first["ETag"])}
        ) == at_each(304), form


def test_h4_304_has_no_body_and_the_headers_that_caches_need(ask):
    for path in PUBLIC:
        first = ask(path)
        second = ask(path, If_None_Match=first["ETag"])

        assert second.body == b""
        assert second["Content-Length"] in {"", "0", first["Content-Length"]}
        for name in ("ETag", "Cache-Control", "Vary", "Last-Modified"):
            assert second[name] == first[name], name


def test_h4_the_tag_is_strong_and_who_has_something_old_gets_200(ask):
    assert {path: bool(re.fullmatch(r'"[^"]+"', ask(path)["ETag"])) for path in PUBLIC} == at_each(
        True
    )
    assert statuses(ask, lambda _first: {"If_None_Match": '"other"'}) == at_each(200)


def test_h4_a_zipped_answer_is_known_again_by_its_tag(ask):
    for path in PUBLIC:
        zipped = ask(path, Accept_Encoding="gzip")
        assert ask(path, Accept_Encoding="gzip", If_None_Match=zipped["ETag"]).status == 304


def renamed():
    event = Event.objects.get(slug="course")
    event.title = "Another"
    lifecycle.apply_changes(event, by=None)


def described():
    event = Event.objects.get(slug="course")
    event.description = "<p>More</p>"
    lifecycle.apply_changes(event, by=None)


def cancelled():
    lifecycle.cancel(Event.objects.get(slug="course"), by=None)


def test_h4_h5_whatever_is_shown_changes_tag_and_date(ask):
    for change in (renamed, described, cancelled):
        before = {path: ask(path) for path in PUBLIC}

        change()

        for path, first in before.items():
            assert ask(path, If_None_Match=first["ETag"]).status == 200, path
            assert ask(path, If_Modified_Since=first["Last-Modified"]).status == 200, path


def test_h4_an_event_that_goes_changes_the_tag_of_feeds(ask):
    before = {path: ask(path) for path in FEEDS}

    Event.objects.filter(slug="other").delete()

    for path, first in before.items():
        assert ask(path, If_None_Match=first["ETag"]).status == 200, path


def test_h4_h5_an_event_that_has_been_shown_long_enough_changes_tag_and_date(ask, time_machine):
    end = NOON - timedelta(days=364, hours=1)
    EventFactory(slug="old", starts_at=end - timedelta(hours=2), ends_at=end, changed_at=end)
    before = ask("/calendar/all.ics")
    assert b"/events/old/" in before.body

    time_machine.shift(timedelta(days=2))
    after = ask("/calendar/all.ics", If_None_Match=before["ETag"])

    assert (after.status, b"/events/old/" in after.body) == (200, False)
    assert ask("/calendar/all.ics", If_Modified_Since=before["Last-Modified"]).status == 200


def test_h5_if_modified_since_compares_dates(ask):
    steps = {
        timedelta(): 304,
        timedelta(days=1): 304,
        -timedelta(seconds=1): 200,
        -timedelta(days=900): 200,
    }
    for step, status in steps.items():

        def headers(first, step=step):
            then = parsedate_to_datetime(first["Last-Modified"])
            return {"If_Modified_Since": format_datetime(then + step, usegmt=True)}

        assert statuses(ask, headers) == at_each(status), step


def test_h5_no_date_is_no_condition(ask):
    assert statuses(ask, lambda _first: {"If_Modified_Since": "yesterday"}) == at_each(200)


def test_h5_if_none_match_wins(ask):
    def old_tag(first):
        return {"If_None_Match": '"old"', "If_Modified_Since": first["Last-Modified"]}

    def old_date(first):
        date = "Thu, 01 Jan 2015 00:00:00 GMT"
        return {"If_None_Match": first["ETag"], "If_Modified_Since": date}

    assert statuses(ask, old_tag) == at_each(200)
    assert statuses(ask, old_date) == at_each(304)


def test_h5_the_date_is_one_of_http_and_not_ahead(ask):
    for path in PUBLIC:
        said = ask(path)["Last-Modified"]

        assert format_datetime(parsedate_to_datetime(said), usegmt=True) == said
        assert NOON - timedelta(days=3) <= parsedate_to_datetime(said) <= NOON


def test_h6_the_same_data_give_the_same_bytes_hours_later(ask, mine, time_machine):
    paths = [*PUBLIC, mine]
    before = {path: ask(path) for path in paths}

    time_machine.shift(timedelta(hours=6))

    for path, first in before.items():
        again = ask(path)
        assert again.body == first.body, path
        assert again["ETag"] == first["ETag"], path


def test_h7_zipped_on_request_alone(ask, mine):
    for path in (*FEEDS, mine):
        plain, zipped = ask(path), ask(path, Accept_Encoding="br, gzip;q=0.8")

        assert (plain["Content-Encoding"], zipped["Content-Encoding"]) == ("", "gzip")
        assert gzip.decompress(zipped.body) == plain.body
        assert len(zipped.body) < len(plain.body)
        for one in (plain, zipped):
            assert "Accept-Encoding" in re.split(r",\s*", one["Vary"]), path


def test_h7_who_does_not_want_it_zipped_gets_it_plain(ask):
    for wanted in ("identity", "br", "*;q=0", "x-gzip2"):
        found = {path: ask(path, Accept_Encoding=wanted)["Content-Encoding"] for path in PUBLIC}

        assert found == at_each(""), wanted


def test_h7_who_refuses_gzip_gets_it_plain(ask):
    for wanted in ("gzip;q=0", "identity, gzip;q=0.0"):
        found = {path: ask(path, Accept_Encoding=wanted)["Content-Encoding"] for path in PUBLIC}

        assert found == at_each(""), wanted


def test_h8_public_files_are_kept_a_day_at_most(ask):
    for path in PUBLIC:
        said = ask(path)["Cache-Control"]

        assert "public" in said
        assert int(re.search(r"max-age=(\d+)", said)[1]) <= 24 * 3600


def test_h9_a_file_has_a_name_and_a_feed_is_no_download(ask, mine):
    files = {path: ask(path)["Content-Disposition"] for path in FILES}
    feeds = {path: ask(path)["Content-Disposition"] for path in (*FEEDS, mine)}

    assert files == at_each('attachment; filename="course.ics"', FILES)
    assert feeds == at_each("", feeds)


def test_h10_nobody_is_known_and_nothing_is_remembered(ask, mine):
    user = UserFactory()
    visitor = Client()
    visitor.force_login(user)
    cookies = "; ".join(f"{name}={one.value}" for name, one in visitor.cookies.items())

    for path in (*PUBLIC, mine):
        stranger, known = ask(path), ask(path, Cookie=cookies)

        assert known.body == stranger.body
        for answer in (stranger, known):
            assert (answer.status, answer["Set-Cookie"]) == (200, "")
            assert "cookie" not in answer["Vary"].lower()


def test_h11_a_wrong_token_is_404_and_leads_nowhere(ask, mine):
    token = mine.rstrip("/").rpartition("/")[2].removesuffix(".ics")
    wrong = mine.replace(token, token[:-1] + ("a" if token[-1] != "a" else "b"))

    answer = ask(wrong)

    assert (answer.status, answer["Location"], answer["Set-Cookie"]) == (404, "", "")


def test_h12_the_length_is_said(ask, mine):
    for path in (*PUBLIC, mine):
        for encoding in ("identity", "gzip"):
            answer = ask(path, Accept_Encoding=encoding)

            assert int(answer["Content-Length"]) == len(answer.body)


def test_h13_robots_lets_programs_in_that_fetch_calendars(ask):
    rules = RobotFileParser()
    rules.parse(ask("/robots.txt").body.decode().splitlines())

    found = {path: rules.can_fetch("Google-Calendar-Importer", path) for path in PUBLIC}

    assert found == at_each(True)


def test_h14_an_unknown_query_changes_nothing(ask, mine):
    for path in (*PUBLIC, mine):
        plain = ask(path)
        join = "&" if "?" in path else "?"
        for query in ("nocache=1763900000", "utm_source=mail&utm_medium=x", "%FF=%FF", "a[]=1&&=2"):
            asked = ask(f"{path}{join}{query}")

            assert (asked.status, asked.body) == (200, plain.body), (path, query)
            assert asked["ETag"] == plain["ETag"]


def test_h15_ones_own_feed_is_for_nobody_else(ask, mine):
    answer = ask(mine)

    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "no-referrer"


def test_h16_calendars_are_only_read(ask, mine):
    for path in (*PUBLIC, mine):
        for method in ("POST", "PUT", "DELETE", "PATCH", "PROPFIND", "REPORT"):
            answer = ask(path, method=method, Content_Length="0")

            assert answer.status == 405, (method, path)
            assert set(answer["Allow"].split(", ")) == {"GET", "HEAD"}
