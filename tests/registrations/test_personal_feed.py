"""Somebody's own calendar: what stands in it, what never does, and who may read it."""

import re

import pytest
from icalendar import Calendar

from events import lifecycle
from registrations import decisions, erasure, links, own_calendar, seats
from registrations.models import Erasure, PersonalFeed
from tests.events.calendar_rules import broken
from tests.factories import EventFactory, registered, verified
from tests.registrations.test_me import signed_in

pytestmark = pytest.mark.django_db


def entries(feed):
    """The entries by UID: title, status, whether it blocks time."""
    calendar = Calendar.from_ical(own_calendar.content(feed))
    return {
        str(entry["UID"]): (str(entry["SUMMARY"]), str(entry["STATUS"]), str(entry["TRANSP"]))
        for entry in calendar.walk("VEVENT")
    }


@pytest.fixture
def feed():
    return own_calendar.renew("Person1@example.org")


def test_the_state_stands_in_the_title_and_only_a_sure_place_blocks_time(feed):
    sure = EventFactory(title="Sure")
    full = EventFactory(title="Full", capacity_in_person=1)
    offer = EventFactory(title="Offer", capacity_in_person=1)
    decided = EventFactory(title="Decided", entry="approval")
    verified(sure, 1)
    verified(full, 2)
    verified(full, 1)
    first = verified(offer, 2)
    verified(offer, 1)
    seats.cancel(first)
    verified(decided, 1)
    assert entries(feed) == {
        str(sure.uid): ("Sure", "CONFIRMED", "OPAQUE"),
        str(full.uid): ("Waiting list: Full", "TENTATIVE", "TRANSPARENT"),
        str(offer.uid): ("Place offered: Offer", "TENTATIVE", "TRANSPARENT"),
        str(decided.uid): ("Not yet decided: Decided", "TENTATIVE", "TRANSPARENT"),
    }


def test_only_what_one_still_has_or_waits_for_stands_in_it(feed):
    registered(EventFactory(), 1)
    seats.cancel(verified(EventFactory(), 1))
    decisions.decline(verified(EventFactory(entry="approval"), 1), by=None)
    verified(EventFactory(), 2)
    assert entries(feed) == {}


def test_a_cancelled_event_stays_as_cancelled(feed):
    event = EventFactory(title="Off")
    verified(event, 1)
    lifecycle.cancel(event, by=None)
    assert entries(feed) == {str(event.uid): ("Cancelled: Off", "CANCELLED", "TRANSPARENT")}


def test_no_secret_and_no_other_person_is_in_the_file(feed):
    event = EventFactory(online=True, join_url="https://meet.example/secret-room")
    mine, other = (verified(event, n, mode="online") for n in (1, 2))
    text = own_calendar.content(feed).decode().replace("\r\n ", "")
    for secret in (
        "secret-room",
        links.token_of(mine),
        "/r/",
        mine.reference,
        other.reference,
        "person1",
        "person2",
        "Müller",
        "ATTENDEE",
        "METHOD",
    ):
        assert secret not in text


def test_the_file_keeps_the_rules_and_its_bytes(feed, settings):
    settings.SITE_URL = "https://events.plenary.test"
    event = EventFactory(title="Ελλάδα; 中文, العربية", capacity_in_person=1)
    verified(event, 2)
    verified(event, 1)
    content = own_calendar.content(feed)
    assert broken(content, channel="feed") == []
    assert own_calendar.content(feed) == content


def test_a_change_of_ones_own_state_makes_the_entry_newer(feed):
    event = EventFactory(capacity_in_person=1)
    first = verified(event, 2)
    mine = verified(event, 1)

    def changed_at():
        [entry] = Calendar.from_ical(own_calendar.content(feed)).walk("VEVENT")
        return entry["LAST-MODIFIED"].dt

    before = changed_at()
    seats.cancel(first)
    mine.changes.update(changed_at=before.replace(year=before.year + 1))
    assert changed_at() == before.replace(year=before.year + 1)


def test_the_address_is_the_only_key_and_can_be_renewed(client):
    verified(EventFactory(title="Mine"), 1)
    me = signed_in()
    assert PersonalFeed.objects.count() == 0
    me.post("/me/calendar/")
    old = PersonalFeed.objects.get()
    address = links.feed_link(old)
    assert address in me.get("/me/").text
    path = re.sub(r"^https?://[^/]+", "", address)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert b"SUMMARY:Mine" in answer.content
    assert not answer.cookies

    me.post("/me/calendar/")
    assert PersonalFeed.objects.count() == 1
    assert client.get(path).status_code == 404
    assert links.feed_link(PersonalFeed.objects.get()) in me.get("/me/").text


def test_a_token_for_another_purpose_opens_no_feed(client, feed):
    registration = verified(EventFactory(), 1)
    registration.reference, registration.link_key = feed.reference, feed.link_key
    for token in (links.token_of(registration), feed.reference, "x"):
        assert client.get(f"/calendar/personal/{token}.ics").status_code == 404


def test_the_feed_ends_with_the_erasure(client, feed):
    path = f"/calendar/personal/{links.feed_token(feed)}.ics"
    registration = verified(EventFactory(), 1)
    assert client.get(path).status_code == 200
    erasure.erase([registration], reason=Erasure.Reason.ASKED)
    assert client.get(path).status_code == 404


def test_the_feed_takes_as_many_queries_for_three_events_as_for_one(
    feed, django_assert_num_queries
):
    verified(EventFactory(), 1)
    with django_assert_num_queries(5):
        own_calendar.content(feed)
    verified(EventFactory(), 1)
    verified(EventFactory(), 1)
    with django_assert_num_queries(5):
        own_calendar.content(feed)
