"""Somebody's own calendar: what stands in it, what never does, and who may read it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone, translation
from icalendar import Calendar

from events import lifecycle
from registrations import decisions, erasure, links, own_calendar, privacy, seats, swaps
from registrations.models import Departure, Erasure, PersonalFeed
from tests.events.calendar_rules import broken
from tests.factories import EventFactory, SessionFactory, person, registered, verified
from tests.registrations.test_me import signed_in

pytestmark = pytest.mark.django_db


def entries(feed):
    """The entries by UID: title, status, whether it blocks time."""
    calendar = Calendar.from_ical(own_calendar.content(feed))
    return {
        str(entry["UID"]): (str(entry["SUMMARY"]), str(entry["STATUS"]), str(entry["TRANSP"]))
        for entry in calendar.walk("VEVENT")
    }


def revision(feed):
    """SEQUENCE and LAST-MODIFIED of the one entry of a feed."""
    [entry] = Calendar.from_ical(own_calendar.content(feed)).walk("VEVENT")
    return int(entry["SEQUENCE"]), entry["LAST-MODIFIED"].dt


@pytest.fixture
def feed():
    return own_calendar.renew("Person1@example.org")


def path_of(feed):
    return f"/calendar/personal/{links.feed_token(feed)}.ics"


def titles(feed):
    return sorted(title for title, _status, _busy in entries(feed).values())


def moved(registration, email):
    """The registration once its new address is proved."""
    swaps.ask_new_address(registration, email=email)
    registration.refresh_from_db()
    return swaps.prove_new_address(registration)


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


def test_sequence_rises_with_ones_own_state_and_never_falls(feed):
    event = EventFactory(capacity_in_person=1)
    first = verified(event, 2)
    waits = verified(event, 1)
    seen = []

    def look():
        [entry] = Calendar.from_ical(own_calendar.content(feed)).walk("VEVENT")
        seen.append((str(entry["SUMMARY"]).partition(":")[0], int(entry["SEQUENCE"])))

    look()
    seats.cancel(first)
    look()
    waits.refresh_from_db()
    seats.accept_offer(waits)
    look()
    seats.cancel(waits)
    verified(event, 1)
    look()

    states, revisions = zip(*seen, strict=True)
    assert states == ("Waiting list", "Place offered", event.title, event.title)
    assert list(revisions) == sorted(set(revisions))


def test_a_place_confirmed_at_once_has_the_revision_of_the_event(feed):
    event = EventFactory()
    verified(event, 1)
    assert revision(feed)[0] == event.sequence


@pytest.fixture
def two(feed, time_machine):
    """Two registrations for an event in one feed: one that has moved to another address, and one that waits."""
    time_machine.move_to(timezone.now(), tick=True)
    event = EventFactory(title="Both", capacity_in_person=1)
    first = moved(verified(event, 1), "boss@example.org")
    time_machine.shift(60)
    verified(event, 1)
    time_machine.shift(60)
    first.note(why="details changed")
    time_machine.shift(60)
    return first


@pytest.mark.parametrize(
    "leaves",
    [
        seats.cancel,
        lambda one: seats.verify(swaps.name_substitute(one, person=person(3))),
        lambda one: own_calendar.leave_others(one.email),
        lambda one: erasure.erase([one], reason=Erasure.Reason.ASKED),
        lambda one: erasure.erase_address(one.email),
    ],
)
def test_an_entry_goes_on_when_the_surer_of_two_registrations_leaves(feed, two, leaves):
    assert titles(feed) == ["Both"]
    before = revision(feed)
    leaves(two)
    assert titles(feed) in (["Waiting list: Both"], ["Place offered: Both"])
    sequence, changed_at = revision(feed)
    assert sequence > before[0]
    assert changed_at > before[1]


def test_an_entry_that_leaves_and_comes_back_goes_on(feed):
    event = EventFactory()
    registration = moved(verified(event, 1), "boss@example.org")
    seen = [revision(feed)[0]]
    for _n in range(2):
        own_calendar.leave_others("boss@example.org")
        assert titles(feed) == []
        registration = moved(registration, "person1@example.org")
        seen.append(revision(feed)[0])
        registration = moved(registration, "boss@example.org")
    assert seen == sorted(set(seen))


def test_erasing_an_older_registration_leaves_the_entry_where_it_is(feed):
    event = EventFactory()
    old = verified(event, 1)
    seats.cancel(old)
    verified(event, 1)
    before = revision(feed)
    erasure.erase([old], reason=Erasure.Reason.ASKED)
    sequence, changed_at = revision(feed)
    assert sequence >= before[0]
    assert changed_at >= before[1]


def test_what_left_a_feed_leaves_nothing_behind_once_it_is_erased(feed, time_machine):
    verified(EventFactory(title="Stays"), 1)
    event = EventFactory()
    erased = verified(event, 1)
    seats.cancel(erased)
    second = verified(event, 1)
    erasure.erase([erased], reason=Erasure.Reason.ASKED)
    [left] = privacy.export("person1@example.org")["calendar_feed"]["events_taken_out"]
    assert left["event"]["title"] == event.title
    erasure.erase([second], reason=Erasure.Reason.ASKED)
    assert Departure.objects.count() == 0

    moved(verified(event, 1), "boss@example.org")
    own_calendar.leave_others("boss@example.org")
    assert Departure.objects.count() == 1
    time_machine.move_to(event.ends_at + timedelta(days=800))
    erasure.erase_overdue(timezone.now())
    assert Departure.objects.count() == 0


def test_the_address_is_the_only_key_and_can_be_renewed(client):
    verified(EventFactory(title="Mine"), 1)
    me = signed_in()
    assert PersonalFeed.objects.count() == 0
    made = me.post("/me/calendar/")
    assert "This is your calendar" in me.get(made["Location"]).text
    old = PersonalFeed.objects.get()
    address = links.feed_link(old)
    assert address in me.get("/me/").text
    path = re.sub(r"^https?://[^/]+", "", address)
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert b"SUMMARY:Mine" in answer.content
    assert not answer.cookies

    renewed = me.post("/me/calendar/")
    said = '<p class="notice" role="status">This is the new address. The old one no longer works: subscribe again.</p>'
    assert said in me.get(renewed["Location"]).text
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


def test_the_way_to_join_stands_there_for_a_sure_place_online_alone(feed):
    event = EventFactory(hybrid=True, capacity_online=1, join_url="https://meet.example/room")
    page = f"/events/{event.slug}/join/"
    verified(event, 2, mode="online")
    mine = verified(event, 1, mode="online")
    assert page not in own_calendar.content(feed).decode().replace("\r\n ", "")
    seats.cancel(event.registrations.get(email="person2@example.org"))
    mine.refresh_from_db()
    seats.accept_offer(mine)
    text = own_calendar.content(feed).decode().replace("\r\n ", "")
    assert page in text
    assert "meet.example" not in text
    mine.refresh_from_db()
    swaps.change_mode(mine, "in-person")
    assert page not in own_calendar.content(feed).decode().replace("\r\n ", "")


# -- Another address ------------------------------------------------------------------------------


def test_the_feed_goes_on_when_its_only_event_moves_to_another_address(client, feed):
    registration = verified(EventFactory(title="Mine"), 1)
    moved(registration, "new@example.org")
    assert b"SUMMARY:Mine" in client.get(path_of(feed)).content
    seats.cancel(registration)
    assert titles(feed) == []


def test_who_moves_an_event_to_a_strangers_mailbox_sees_nothing_of_the_stranger(feed):
    verified(EventFactory(title="The stranger's"), 2)
    moved(verified(EventFactory(title="Mine"), 1), "person2@example.org")
    verified(EventFactory(title="The stranger's, later"), 2)
    assert titles(feed) == ["Mine"]
    assert titles(own_calendar.renew("person2@example.org")) == [
        "Mine",
        "The stranger's",
        "The stranger's, later",
    ]


def test_an_event_that_moves_on_stays_in_each_feed_that_it_stood_in(feed):
    second, third = (own_calendar.renew(f"person{n}@example.org") for n in (2, 3))
    registration = verified(EventFactory(title="Mine"), 1)
    moved(registration, "person2@example.org")
    moved(registration, "person3@example.org")
    assert [titles(one) for one in (feed, second, third)] == [["Mine"]] * 3


def test_there_and_back_it_stands_there_once(feed):
    registration = verified(EventFactory(title="Mine"), 1)
    moved(registration, "person2@example.org")
    moved(registration, "person1@example.org")
    verified(EventFactory(title="Later"), 1)
    assert titles(feed) == ["Later", "Mine"]


def test_of_two_registrations_for_an_event_the_surer_one_stands_there(feed):
    event = EventFactory(title="Both", capacity_in_person=1)
    moved(verified(event, 1), "boss@example.org")
    verified(event, 1)
    assert entries(feed) == {str(event.uid): ("Both", "CONFIRMED", "OPAQUE")}


def test_the_page_of_the_new_address_offers_a_feed_and_leaves_the_old_one(feed):
    registration = verified(EventFactory(title="Mine"), 1)
    moved(registration, "person2@example.org")
    me = signed_in("person2@example.org")
    page = me.get("/me/").text
    assert "Make my calendar" in page
    assert links.feed_link(feed) not in page
    [older] = privacy.export("person2@example.org")["registrations"][0]["older_calendar_feeds"]
    assert older["made_at"]

    left = me.post("/me/calendar/", {"leave": "yes"})
    assert "The other calendar no longer shows" in me.get(left["Location"]).text
    assert PersonalFeed.objects.count() == 1
    assert titles(feed) == []
    assert "other calendar" not in me.get("/me/").text
    assert privacy.export("person2@example.org")["registrations"][0]["older_calendar_feeds"] == []


def test_a_substitute_has_the_event_in_the_own_feed_and_the_first_person_no_more(feed):
    other = own_calendar.renew("person2@example.org")
    first = verified(EventFactory(title="Mine"), 1)
    seats.verify(swaps.name_substitute(first, person=person(2)))
    assert (titles(feed), titles(other)) == ([], ["Mine"])


@pytest.mark.parametrize("is_overdue", [False, True])
def test_a_feed_that_kept_the_erased_registration_alone_ends_with_it(client, feed, is_overdue):
    registration = moved(verified(EventFactory(), 1), "new@example.org")
    if is_overdue:
        with time_machine.travel(registration.event.ends_at + timedelta(days=800), tick=False):
            erasure.erase_overdue(timezone.now())
    else:
        erasure.erase([registration], reason=Erasure.Reason.ASKED)
    assert client.get(path_of(feed)).status_code == 404
    assert PersonalFeed.objects.count() == 0


def test_a_feed_with_more_in_it_loses_what_is_erased_alone(feed):
    verified(EventFactory(title="Stays"), 1)
    moved(verified(EventFactory(title="Goes"), 1), "new@example.org")
    erasure.erase_address("new@example.org")
    assert titles(feed) == ["Stays"]
    assert feed.kept.count() == 0
    erasure.erase_address("person1@example.org")
    assert PersonalFeed.objects.count() == 0


# -- What changes it, and what does not ------------------------------------------------------------


def test_it_is_in_the_language_of_its_newest_registration_whoever_asks(feed):
    starts_at = timezone.now().replace(year=timezone.now().year + 1, month=3, day=9, hour=9)
    event = EventFactory(starts_at=starts_at, ends_at=starts_at + timedelta(days=1, hours=8))
    SessionFactory(event=event)
    verified(event, 1, language="en")
    assert "9 March" in own_calendar.content(feed).decode()
    verified(EventFactory(), 1, language="de")
    german = own_calendar.content(feed)
    assert "9 März" in german.decode()
    with translation.override("fr"):
        assert own_calendar.content(feed) == german


def test_an_event_that_was_called_off_stays_for_90_days(feed):
    event = EventFactory(title="Off", starts_at=timezone.now() + timedelta(days=300))
    verified(event, 1)
    lifecycle.cancel(event, by=None)
    event.refresh_from_db()
    for days, found in ((90, ["Cancelled: Off"]), (91, [])):
        with time_machine.travel(event.cancelled_at + timedelta(days=days), tick=False):
            assert titles(feed) == found


def test_it_changes_by_the_clock_at_midnight_only(feed):
    full = EventFactory(title="Full", capacity_in_person=1)
    verified(full, 2)
    verified(full, 1)
    verified(EventFactory(title="Sure"), 1)
    noon = full.ends_at.replace(hour=0)
    with time_machine.travel(noon, tick=False):
        content = own_calendar.content(feed)
    with time_machine.travel(noon.replace(hour=23, minute=59), tick=False):
        assert own_calendar.content(feed) == content
    with time_machine.travel(noon + timedelta(days=1), tick=False):
        assert titles(feed) == ["Sure"]


# -- Over HTTP ------------------------------------------------------------------------------------


def test_the_answer_is_the_same_twice_and_kept_by_nobody(client, feed):
    verified(EventFactory(), 1)
    first, second = client.get(path_of(feed)), client.get(path_of(feed))
    assert first.content == second.content
    assert first["ETag"] == second["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', first["ETag"])
    assert {"no-store", "private"} <= set(re.split(r", *", first["Cache-Control"]))
    assert first["X-Robots-Tag"] == "noindex"
    assert first["Referrer-Policy"] == "no-referrer"
    assert "Content-Disposition" not in first
    assert "Cookie" not in first.get("Vary", "")
    assert not first.cookies


def test_whoever_has_it_is_told_so_and_whoever_has_an_older_one_gets_the_new(client, feed):
    event = EventFactory()
    verified(event, 1)
    tag = client.get(path_of(feed))["ETag"]
    for known in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        answer = client.get(path_of(feed), headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer["ETag"] == tag
        assert "no-store" in answer["Cache-Control"]
    event.title = "Another"
    lifecycle.apply_changes(event, by=None)
    answer = client.get(path_of(feed), headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer["ETag"] != tag


def test_it_can_be_looked_at_and_takes_nothing(client, feed):
    verified(EventFactory(), 1)
    answer = client.head(path_of(feed))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    for send in (client.post, client.put, client.delete):
        assert send(path_of(feed)).status_code == 405


def test_each_feed_may_be_fetched_so_often_whoever_sits_behind_the_network(
    client, feed, settings, time_machine
):
    time_machine.move_to(timezone.now().replace(minute=5), tick=False)
    settings.FETCHES_OF_A_FEED = 3
    other = own_calendar.renew("person2@example.org")
    statuses = [client.get(path_of(feed)).status_code for _n in range(4)]
    assert statuses == [200, 200, 200, 429]
    answer = Client(REMOTE_ADDR="192.0.2.9").get(path_of(feed))
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 600
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert {"no-store", "private"} <= set(re.split(r", *", answer["Cache-Control"]))
    assert client.get(path_of(other)).status_code == 200
    time_machine.shift(600)
    assert client.get(path_of(feed)).status_code == 200


def test_wrong_addresses_are_counted_by_network_and_close_no_right_one(client, feed, settings):
    settings.REQUESTS_FROM_A_NETWORK = 2
    cache.clear()
    wrong = f"/calendar/personal/{'A' * 8}-{'a' * 32}.ics"
    assert [client.get(wrong).status_code for _n in range(3)] == [404, 404, 429]
    assert client.get(path_of(feed)).status_code == 200
    assert Client(REMOTE_ADDR="192.0.2.9").get(wrong).status_code == 404


def test_while_nobody_can_count_it_still_answers(client, feed, settings):
    settings.CACHES = settings.CACHES | {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert client.get(path_of(feed)).status_code == 200
    assert client.get("/calendar/personal/x.ics").status_code == 404
