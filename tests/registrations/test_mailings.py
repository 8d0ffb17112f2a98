"""What is told to many people of an event: when changes have settled, to whom, in which words, and exactly once."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from icalendar import Calendar

from events import clocks, lifecycle
from events.models import Event, Format, Mode
from outbox import delivery
from outbox.models import Lane, Message, State, Suppression, Unsubscription
from registrations import (
    announcements,
    mailings,
    mailings_desk,
    news,
    notices,
    reminders,
    seats,
    swaps,
)
from registrations.models import Mailing, MailingKind, MailingState, Registration
from tests.factories import EventFactory, VenueFactory, enrolled, person, registered, verified
from tests.telling import settle, write
from tests.threads import at_once

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
START = datetime(2027, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def event(clock):
    """With one person who comes and one who waits, who have their mail."""
    event = EventFactory(
        title="Meeting", starts_at=START, ends_at=START + timedelta(hours=8), capacity_in_person=1
    )
    verified(event, 1)
    verified(event, 2)
    delivery.deliver_due()
    return event


def change(event, *, is_told=True, **fields):
    """Give an event other values, as staff do."""
    current = Event.objects.get(pk=event.pk)
    for name, value in fields.items():
        setattr(current, name, value)
    return lifecycle.apply_changes(current, by=None, is_told=is_told)


def later(event, hours=1):
    return {"starts_at": START + timedelta(hours=hours)}


def told(part="/changed/"):
    """The messages of news, oldest first."""
    return list(Message.objects.filter(key__contains=part).order_by("pk"))


# -- Settling -------------------------------------------------------------------------------------


def test_a_new_title_is_told_so_that_saved_entries_have_it(event, clock):
    change(event, title="Course")
    clock.shift(timedelta(minutes=11))
    write()

    comes, _waits = told()
    assert comes.subject == "Course: new title"
    assert "Course has a new title. It was called “Meeting” until now." in comes.text
    assert "Title: Meeting → Course" in comes.text
    assert "SUMMARY:Course\r\n" in comes.calendar
    assert "METHOD:REQUEST" in comes.calendar


def test_a_new_title_is_told_beside_a_new_time_with_the_one_that_readers_know(event, clock):
    change(event, title="Course", **later(event))
    clock.shift(timedelta(minutes=11))
    write()

    comes, _waits = told()
    assert comes.subject == "Course: new title and time"
    assert "The time of Course has changed. It was called “Meeting” until now." in comes.text


def test_edits_within_ten_minutes_are_told_as_one_with_the_oldest_values(event, clock):
    change(event, **later(event, 1))
    clock.shift(timedelta(minutes=9))
    change(event, **later(event, 2))
    clock.shift(timedelta(minutes=5))
    change(event, venue=VenueFactory(name="Town Hall", address="Square 1", city="Girona"))
    clock.shift(timedelta(minutes=9, seconds=59))
    write()
    assert told() == []

    clock.shift(timedelta(seconds=1))
    write()
    write()

    comes, waits = told()
    for message in (comes, waits):
        assert (
            "When: Tuesday 1 June 2027, 11:00–19:00, Madrid time (UTC+2)"
            " → Tuesday 1 June 2027, 13:00–19:00, Madrid time (UTC+2)\n"
            "Where: Palau de Congressos, Carrer de la Pau 7, Barcelona → Town Hall, Square 1, Girona"
        ) in message.text
        assert "11:00–19:00, Madrid time (UTC+2) → Tuesday" in message.html
        assert (message.batch, message.lane) == (Mailing.objects.get().batch, Lane.FAST)
    assert Calendar.from_ical(comes.calendar)["METHOD"] == "REQUEST"
    assert waits.calendar == ""
    mailing = Mailing.objects.get()
    assert (mailing.state, mailing.written, mailing.left_out) == (MailingState.DONE, 2, 0)


def test_a_change_that_is_taken_back_in_time_is_told_to_nobody(event):
    change(event, **later(event))
    change(event, starts_at=START)
    settle()
    assert told() == []
    assert Mailing.objects.get().state == MailingState.STOPPED


def test_a_change_taken_back_without_a_word_is_told_to_nobody(event):
    change(event, **later(event))
    change(event, starts_at=START, is_told=False)
    settle()
    assert told() == []
    assert Mailing.objects.get().state == MailingState.STOPPED


def rename(event, **fields):
    """Call or place the venue of an event otherwise, as an administrator does."""
    venue = Event.objects.get(pk=event.pk).venue
    for name, value in fields.items():
        setattr(venue, name, value)
    venue.save()


def test_a_venue_that_is_called_otherwise_is_told_with_old_and_new_words(event):
    rename(event, name="Palau Nou", address="Carrer de la Pau 9")
    rename(event, address="Carrer de la Pau 11")
    settle()

    comes, waits = told()
    assert (
        "Where: Palau de Congressos, Carrer de la Pau 7, Barcelona"
        " → Palau Nou, Carrer de la Pau 11, Barcelona"
    ) in comes.text
    assert Calendar.from_ical(comes.calendar)["METHOD"] == "REQUEST"
    assert "Where: Palau de Congressos" in waits.text
    assert Mailing.objects.get().by is None


def test_a_venue_that_gets_its_old_name_back_or_other_coordinates_is_no_news(event):
    rename(event, name="Palau Nou")
    rename(event, name="Palau de Congressos")
    rename(event, latitude=41, longitude=2)
    settle()

    assert told() == []
    assert Event.objects.get().sequence == 3


def test_a_venue_of_the_same_words_is_no_news(event):
    change(event, venue=VenueFactory())
    settle()

    assert told() == []


def test_a_venue_renamed_while_the_event_is_postponed_is_told_when_it_takes_place(event):
    lifecycle.postpone(event, by=None)
    write()
    rename(event, name="Palau Nou")
    settle()
    assert told() == []

    lifecycle.publish(Event.objects.get(), by=None)
    write()
    assert "Where: Palau de Congressos, Carrer de la Pau 7" in told()[0].text


def test_other_rules_of_the_zone_are_told_as_another_offset_of_the_same_hours(event):
    # As if summer time were noted for what is winter time by the rules of today.
    winter = datetime(2027, 12, 1, 8, tzinfo=UTC)
    change(event, starts_at=winter, ends_at=winter + timedelta(hours=8), is_told=False)
    now = {"starts_at": winter - timedelta(hours=1), "ends_at": winter + timedelta(hours=7)}
    summer = {"starts_at": 7200, "ends_at": 7200}
    Event.objects.filter(pk=event.pk).update(**now, offsets=summer)

    assert clocks.keep_wall_times(NOW) == 1
    settle()

    comes, _waits = told()
    assert (
        "When: Wednesday 1 December 2027, 09:00–17:00, Madrid time (UTC+2)"
        " → Wednesday 1 December 2027, 09:00–17:00, Madrid time (UTC+1)"
    ) in comes.text
    entry = Calendar.from_ical(comes.calendar).events[0]
    assert entry["DTSTART"].dt.astimezone(UTC) == winter


def test_whole_days_under_other_rules_are_told_to_nobody(event):
    midnight = datetime(2027, 12, 1, 23, tzinfo=UTC)
    change(
        event,
        starts_at=midnight,
        ends_at=midnight + timedelta(days=1),
        is_whole_day=True,
        is_told=False,
    )
    an_hour = timedelta(hours=1)
    Event.objects.filter(pk=event.pk).update(
        starts_at=midnight - an_hour,
        ends_at=midnight + timedelta(days=1) - an_hour,
        offsets={"starts_at": 7200, "ends_at": 7200},
    )

    assert clocks.keep_wall_times(NOW) == 1
    settle()

    assert (told(), Event.objects.get().starts_at) == ([], midnight)


def test_what_is_saved_without_telling_is_told_to_nobody_and_holds_up_nothing_else(event):
    change(event, **later(event), is_told=False)
    settle()
    assert (told(), Mailing.objects.count()) == ([], 0)

    change(event, venue=VenueFactory(name="Town Hall"))
    change(event, **later(event, 3), is_told=False)
    settle()
    assert len(told()) == 2
    assert "When: Tuesday" not in told()[0].text.replace("When: Tuesday 1 June 2027, 14:00", "")
    assert "→ Town Hall" in told()[0].text


def test_who_registers_after_a_change_is_not_told_of_it(event, clock):
    change(event, **later(event))
    clock.shift(timedelta(minutes=1))
    verified(event, 3)
    settle()
    assert [message.recipient for message in told()] == [
        "person1@example.org",
        "person2@example.org",
    ]


def test_news_that_has_not_gone_out_is_told_with_the_next(event, clock):
    """Nobody gets a mail with a time that holds no more, and nobody misses that the place is another."""
    change(event, venue=VenueFactory(name="Town Hall"))
    settle()
    assert {message.state for message in told()} == {State.WAITING}

    clock.shift(timedelta(hours=1))
    change(event, **later(event))
    assert {message.state for message in told()} == {State.STOPPED}
    settle()

    assert len(told()) == 4
    for message in told()[2:]:
        assert "When: " in message.text
        assert "→ Town Hall" in message.text


def test_news_that_was_told_to_some_and_is_taken_back_is_told(event, clock, monkeypatch):
    monkeypatch.setattr(mailings, "CHUNK", 1)
    change(event, **later(event))
    mailing = Mailing.objects.get()
    clock.shift(timedelta(minutes=10))
    assert mailings._write_chunk(mailing, timezone.now())
    delivery.deliver_due()

    change(event, starts_at=START)
    settle()

    last = told()[-1]
    assert "13:00" not in last.text
    assert "12:00–19:00, Madrid time (UTC+2) → Tuesday 1 June 2027, 11:00–19:00" in last.text
    mailing.refresh_from_db()
    assert (mailing.state, mailing.written) == (MailingState.STOPPED, 1)


def test_reminders_with_the_old_time_are_taken_back_at_once(event, clock):
    clock.move_to(START - timedelta(days=7))
    reminders.post_due(timezone.now())
    assert {message.state for message in told("/reminder/")} == {State.WAITING}
    change(event, **later(event), is_told=False)
    assert list(told("/reminder/")) == []


def test_an_event_that_is_over_when_the_news_is_due_tells_nobody(event, clock):
    clock.move_to(START + timedelta(hours=7, minutes=55))
    change(event, venue=VenueFactory(name="Town Hall"))
    clock.shift(timedelta(minutes=10))
    write()
    assert told() == []
    assert Mailing.objects.get().state == MailingState.STOPPED


# -- Who is told of something between two changes --------------------------------------------------


@pytest.fixture
def course(clock):
    """Two people have a place, and know that it begins at 11:00 in Madrid."""
    event = EventFactory(hybrid=True, starts_at=START, ends_at=START + timedelta(hours=8))
    verified(event, 1)
    verified(event, 2)
    delivery.deliver_due()
    clock.shift(timedelta(minutes=1))
    return event


def entry_of(number):
    """What the last calendar file to somebody says: when the event begins, and its revision."""
    sent = Message.objects.filter(calendar_method="REQUEST")
    message = sent.filter(recipient=f"person{number}@example.org").latest("pk")
    [entry] = Calendar.from_ical(message.calendar).walk("VEVENT")
    return entry["DTSTART"].dt, int(entry["SEQUENCE"])


def hours_told():
    """The hours of "When: old → new" in the news to each address."""
    return {
        message.recipient.partition("@")[0]: tuple(re.findall(r", (\d\d:\d\d)–", line))
        for message in told()
        if message.state != State.STOPPED
        for line in message.text.splitlines()
        if "→" in line
    }


def registers_third(event):
    verified(event, 3)


def attends_otherwise(event):
    swaps.change_mode(event.registrations.get(email="person1@example.org"), "online")


def takes_another_address(event):
    found = event.registrations.get(email="person1@example.org")
    swaps.prove_new_address(swaps.ask_new_address(found, email="person3@example.org"))


def sends_a_substitute(event):
    found = event.registrations.get(email="person1@example.org")
    seats.verify(swaps.name_substitute(found, person=person(3)))


@pytest.mark.parametrize(
    ("between", "number"),
    [
        (registers_third, 3),
        (attends_otherwise, 1),
        (takes_another_address, 3),
        (sends_a_substitute, 3),
    ],
)
def test_of_what_is_taken_back_those_hear_who_got_a_mail_in_between(course, clock, between, number):
    change(course, **later(course))
    clock.shift(timedelta(minutes=1))
    between(course)
    moved, revision = entry_of(number)
    assert moved == START + timedelta(hours=1)
    clock.shift(timedelta(minutes=1))
    change(course, starts_at=START)
    settle()

    assert hours_told() == {f"person{number}": ("12:00", "11:00")}
    at, newer = entry_of(number)
    assert at == START
    assert newer > revision
    mailing = Mailing.objects.get()
    assert (mailing.state, mailing.written, mailing.left_out) == (MailingState.DONE, 1, 0)


def test_each_hears_of_the_hours_that_were_said_to_them(course, clock):
    for number, hours in ((3, 1), (4, 2), (5, 3)):
        change(course, **later(course, hours))
        clock.shift(timedelta(minutes=1))
        verified(course, number)
        clock.shift(timedelta(minutes=1))
    change(course, **later(course, 2))
    settle()

    assert hours_told() == {
        "person1": ("11:00", "13:00"),
        "person2": ("11:00", "13:00"),
        "person3": ("12:00", "13:00"),
        "person5": ("14:00", "13:00"),
    }
    starts = {entry_of(number)[0] for number in range(1, 6)}
    assert starts == {START + timedelta(hours=2)}
    assert Mailing.objects.get().left_out == 1


def test_who_asks_for_the_link_in_between_still_hears_of_the_change(course, clock):
    change(course, **later(course))
    clock.shift(timedelta(minutes=1))
    notices.link_again(course.registrations.get(email="person1@example.org"))
    clock.shift(timedelta(minutes=1))
    change(course, title="Course")
    settle()
    assert hours_told()["person1"] == ("11:00", "12:00")


def test_the_desk_counts_those_alone_who_are_told_of_what_was_taken_back(course, clock):
    change(course, **later(course))
    clock.shift(timedelta(minutes=1))
    verified(course, 3)
    clock.shift(timedelta(minutes=1))
    change(course, starts_at=START)
    [row] = mailings_desk.under_way(Event.objects.with_facts().get(pk=course.pk))
    assert (row.number, row.has_news) == (1, True)
    [line] = row.lines
    assert re.findall(r", (\d\d:\d\d)–", str(line)) == ["12:00", "11:00"]


# -- Holding, letting go, stopping ----------------------------------------------------------------


def test_news_is_held_back_and_let_go(event, clock):
    change(event, **later(event))
    mailing = Mailing.objects.get()
    assert announcements.hold(mailing)
    assert not announcements.hold(mailing)
    clock.shift(timedelta(days=1))
    settle()
    assert told() == []

    assert announcements.tell_now(mailing)
    write()
    assert len(told()) == 2
    assert not announcements.tell_now(mailing)


def test_news_that_waits_is_told_at_once_by_a_press(event):
    change(event, **later(event))
    assert announcements.tell_now(Mailing.objects.get())
    write()
    assert len(told()) == 2


def test_what_is_held_back_is_told_with_the_next_change(event):
    change(event, **later(event))
    announcements.hold(Mailing.objects.get())
    change(event, venue=VenueFactory(name="Town Hall"))
    settle()
    assert "→ Town Hall" in told()[0].text
    assert "When: Tuesday 1 June 2027, 11:00" in told()[0].text


def test_a_mailing_is_stopped_in_the_middle_and_says_how_many_had_gone_out(event, monkeypatch):
    monkeypatch.setattr(mailings, "CHUNK", 1)
    for n in (3, 4):
        verified(event, n)
    delivery.deliver_due()
    people = list(event.registrations.values_list("pk", flat=True))
    letter = announcements.write_to(event, people, subject="Bus", text="At 9.", key="a", by=None)
    assert mailings._write_chunk(letter, timezone.now())
    delivery.deliver_due()
    assert mailings._write_chunk(letter, timezone.now())

    assert announcements.stop(letter) == (True, 1)

    write()
    delivery.deliver_due()
    states = Message.objects.filter(batch=letter.batch).order_by("pk")
    assert list(states.values_list("state", flat=True)) == [State.SENT, State.STOPPED]
    letter.refresh_from_db()
    assert letter.state == MailingState.STOPPED
    assert announcements.stop(letter) == (False, 1)


# -- Cancelled, postponed, resumed ----------------------------------------------------------------


def test_a_cancelled_event_is_told_at_once_and_swallows_what_waits(event):
    change(event, **later(event))
    letter = announcements.write_to(
        event,
        list(event.registrations.values_list("pk", flat=True)),
        subject="See you",
        text="Tomorrow!",
        key="a",
        by=None,
    )
    write()
    lifecycle.cancel(Event.objects.get(pk=event.pk), by=None)
    write()
    settle()

    assert told() == []
    comes, waits = told("/event-cancelled")
    assert Calendar.from_ical(comes.calendar)["METHOD"] == "CANCEL"
    assert waits.calendar == ""
    assert {message.state for message in told("/letter/")} == {State.STOPPED}
    letter.refresh_from_db()
    assert Mailing.objects.get(kind=MailingKind.CHANGED).state == MailingState.STOPPED


def test_who_cancelled_just_before_the_event_is_cancelled_hears_of_that_and_no_more(event):
    gone = event.registrations.get(status="confirmed")
    seats.cancel(gone)
    lifecycle.cancel(Event.objects.get(pk=event.pk), by=None)
    settle()
    unsent = Message.objects.filter(key__startswith=f"registration/{gone.pk}/").unsent()
    assert [message.key.split("/", 2)[2] for message in unsent] == ["cancelled"]


def test_a_resumed_event_tells_what_has_changed_since_people_last_heard(event, clock):
    change(event, venue=VenueFactory(name="Town Hall"))  # nobody is told before it is postponed
    lifecycle.postpone(Event.objects.get(pk=event.pk), by=None)
    write()
    assert [message.subject for message in told("/postponed/")] == [
        "Meeting: postponed",
        "Meeting: postponed (not yet confirmed)",
    ]
    clock.shift(timedelta(days=3))
    change(event, starts_at=START + timedelta(days=7), ends_at=START + timedelta(days=7, hours=8))
    settle()
    assert told() == []

    lifecycle.publish(Event.objects.get(pk=event.pk), by=None)
    write()

    comes, _waits = told()
    assert "Meeting had been postponed and now takes place." in comes.text
    assert "When: Tuesday 1 June 2027, 11:00" in comes.text
    assert "→ Tuesday 8 June 2027, 11:00" in comes.text
    assert "→ Town Hall" in comes.text


def test_a_resumed_event_that_is_as_it_was_is_told_without_a_list(event):
    lifecycle.postpone(Event.objects.get(pk=event.pk), by=None)
    settle()
    lifecycle.publish(Event.objects.get(pk=event.pk), by=None)
    write()
    assert len(told()) == 2
    assert "→" not in told()[0].text
    assert {message.state for message in told("/postponed/")} == {State.STOPPED}


def test_the_entry_rises_from_change_to_change(event):
    change(event, **later(event, 1))
    settle()
    delivery.deliver_due()
    change(event, **later(event, 2))
    settle()
    sequences = [
        Calendar.from_ical(message.calendar).events[0]["SEQUENCE"]
        for message in told()
        if message.calendar
    ]
    assert sequences == [1, 2]


# -- In words -------------------------------------------------------------------------------------


def lines(event, record, **more):
    return [str(line) for line in news.lines(event, record, **more)]


def test_old_times_are_said_by_the_old_clock():
    event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8))
    record = news.record_of({"timezone": ("Europe/Madrid", "Europe/Lisbon")})
    event.timezone = "Europe/Lisbon"
    assert lines(event, record) == [
        "When: Tuesday 1 June 2027, 11:00–19:00, Madrid time (UTC+2)"
        " → Tuesday 1 June 2027, 10:00–18:00, Lisbon time (UTC+1)"
    ]


def test_a_move_online_and_its_link_are_said_without_the_link():
    event = EventFactory(online=True, join_url="https://meet.example/secret")
    venue = VenueFactory(name="Town Hall", address="", city="Girona")
    record = news.record_of(
        {
            "format": (Format.IN_PERSON, Format.ONLINE),
            "venue_id": (venue.pk, None),
            "join_url": ("", event.join_url),
        }
    )
    assert lines(event, record, sees_link=True) == [
        "Where: Town Hall, Girona → Online",
        "Way of attending: In person → Online",
        "Link to join online: it stands on the page of your registration now",
    ]
    assert lines(event, record)[-1] == (
        "Link to join online: it is new; those who attend online find it on the page of their registration"
    )
    assert "secret" not in str(record)


def test_hours_that_nobody_knows_yet_are_not_said():
    event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8))
    record = news.record_of({"is_whole_day": (True, False)})
    assert lines(event, record) == [
        "When: Tuesday 1 June 2027, Madrid time (UTC+2)"
        " → Tuesday 1 June 2027, 11:00–19:00, Madrid time (UTC+2)"
    ]


def test_a_change_that_nobody_would_notice_is_no_news():
    event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8), is_whole_day=True)
    record = news.record_of({"starts_at": (START - timedelta(hours=1), START)})
    assert not news.is_news(event, record)


def test_each_reader_hears_it_in_the_own_language(event):
    event.registrations.filter(status="waiting").update(language="fr")
    change(event, venue=VenueFactory(name="Town Hall"), **later(event))
    settle()
    english, french = told()
    assert "Tuesday 1 June 2027" in english.text
    assert "mardi 1 juin 2027" in french.text
    assert "Tuesday" not in french.text


# -- Letters --------------------------------------------------------------------------------------


def letter_to(event, people, **more):
    words = {"subject": "Bus for {name}", "text": "Dear {given_name}", "key": "a", "by": None}
    ids = [one.pk for one in people]
    return announcements.write_to(event, ids, **words | more)


def test_a_letter_to_many_goes_in_the_slow_lane_on_a_list_that_can_be_left(event):
    people = list(event.registrations.all())
    letter_to(event, people)
    letter_to(event, people)
    write()
    found = told("/letter/")
    assert [message.subject for message in found] == [
        "Meeting: Bus for Ana Müller 1",
        "Meeting: Bus for Ana Müller 2 (not yet confirmed)",
    ]
    assert {(message.lane, message.list_name) for message in found} == {
        (Lane.SLOW, f"event/{event.pk}")
    }
    assert Mailing.objects.count() == 1


def test_a_letter_passes_over_who_left_the_list_or_whose_mail_comes_back(event):
    for n in (3, 4, 5):
        verified(event, n)
    people = list(event.registrations.all())
    Unsubscription.objects.create(address="person3@example.org", list_name=f"event/{event.pk}")
    Unsubscription.objects.create(address="person4@example.org", list_name="event/0")
    Suppression.objects.create(address="person5@example.org", hard_bounces=1)
    letter = letter_to(event, people)
    write()
    assert [message.recipient[:7] for message in told("/letter/")] == [
        "person1",
        "person2",
        "person4",
    ]
    letter.refresh_from_db()
    assert (letter.written, letter.left_out) == (3, 2)


def test_a_letter_to_one_is_sent_at_once_and_needs_no_list(event):
    Unsubscription.objects.create(address="person1@example.org", list_name=f"event/{event.pk}")
    letter_to(event, [event.registrations.get(status="confirmed")])
    write()
    [message] = told("/letter/")
    assert (message.lane, message.list_name) == (Lane.FAST, "")


def test_a_letter_reaches_nobody_who_cancelled_meanwhile(event, monkeypatch):
    monkeypatch.setattr(mailings, "CHUNK", 1)
    first, second = event.registrations.order_by("pk")
    letter = letter_to(event, [first, second])
    assert mailings._write_chunk(letter, timezone.now())
    seats.cancel(first)
    seats.cancel(Registration.objects.get(pk=second.pk))
    write()
    assert [message.state for message in told("/letter/")] == [State.STOPPED]
    letter.refresh_from_db()
    assert (letter.state, letter.written, letter.left_out) == (MailingState.DONE, 1, 1)


# -- The worker -----------------------------------------------------------------------------------


def many(event, number):
    for n in range(10, 10 + number):
        enrolled(event, n, mode=Mode.ONLINE)
    delivery.deliver_due()


@pytest.fixture
def crowd(clock):
    event = EventFactory(hybrid=True, starts_at=START, ends_at=START + timedelta(hours=8))
    many(event, 7)
    return event


class Killed(BaseException):
    """As when the process is gone from one moment to the next."""


def test_a_worker_that_dies_between_two_chunks_leaves_whole_ones_behind(crowd, monkeypatch):
    change(crowd, **later(crowd))
    monkeypatch.setattr(mailings, "CHUNK", 3)
    store, calls = mailings.post_all, []

    def dies_at_the_second(messages):
        stored = store(messages)
        calls.append(stored)
        if len(calls) == 2:
            raise Killed
        return stored

    monkeypatch.setattr(mailings, "post_all", dies_at_the_second)
    with pytest.raises(Killed):
        settle()
    mailing = Mailing.objects.get()
    assert (len(told()), mailing.written, mailing.state) == (3, 3, MailingState.WRITING)

    settle()
    assert len({message.recipient for message in told()}) == len(told()) == 7
    mailing.refresh_from_db()
    assert (mailing.written, mailing.state) == (7, MailingState.DONE)


def test_when_time_is_over_the_rest_is_left(crowd):
    change(crowd, **later(crowd))
    at = timezone.now() + timedelta(minutes=10)
    assert mailings.write_due(at, seconds=0)
    assert told() == []
    assert not mailings.write_due(at)
    assert not mailings.write_due(at, seconds=0)


def test_a_cancellation_in_the_middle_ends_the_news_of_a_change(crowd, monkeypatch, clock):
    monkeypatch.setattr(mailings, "CHUNK", 3)
    change(crowd, **later(crowd))
    clock.shift(timedelta(minutes=10))
    assert mailings._write_chunk(Mailing.objects.get(), timezone.now())
    lifecycle.cancel(Event.objects.get(pk=crowd.pk), by=None)
    settle()
    assert [message.state for message in told()] == [State.STOPPED] * 3
    assert len(told("/event-cancelled")) == 7


def test_news_goes_before_letters(crowd):
    letter_to(crowd, list(crowd.registrations.all()))
    change(crowd, **later(crowd))
    settle()
    assert told()[-1].pk < told("/letter/")[0].pk


def test_a_mailing_that_cannot_be_written_holds_up_no_other(crowd, caplog):
    broken = Mailing.objects.create(
        event=crowd, kind="changed", key="broken", changes={"starts_at": ["nonsense"]}
    )
    lifecycle.cancel(EventFactory(), by=None)
    letter_to(crowd, list(crowd.registrations.all()))
    write()
    assert len(told("/letter/")) == 7
    broken.refresh_from_db()
    assert broken.state == MailingState.WAITING
    assert "cannot be written" in caplog.text


def test_an_address_that_takes_no_mail_is_passed_over(crowd):
    Registration.objects.filter(email="person11@example.org").update(email="not an address")
    change(crowd, **later(crowd))
    settle()
    mailing = Mailing.objects.get()
    assert (mailing.written, mailing.left_out, mailing.state) == (6, 1, MailingState.DONE)


@pytest.mark.parametrize("number", [2, 9])
def test_a_chunk_asks_as_often_for_many_as_for_few(clock, number, django_assert_num_queries):
    event = EventFactory(hybrid=True, starts_at=START, ends_at=START + timedelta(hours=8))
    many(event, number)
    change(event, venue=VenueFactory(name="Town Hall"))
    clock.shift(timedelta(minutes=10))
    with django_assert_num_queries(16):
        assert not mailings._write_chunk(Mailing.objects.get(), timezone.now())
    assert len(told()) == number


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_to_each_person_once(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    monkeypatch.setattr(mailings, "CHUNK", 2)
    event = EventFactory(hybrid=True)
    many(event, 15)
    people = list(event.registrations.values_list("pk", flat=True))
    for key in ("a", "b"):
        announcements.write_to(event, people, subject="Bus", text="At 9.", key=key, by=None)

    results = at_once([lambda: mailings.write_due(timezone.now()) for _n in range(3)])

    assert results == [False] * 3
    assert len(told("/letter/")) == 30
    for mailing in Mailing.objects.all():
        assert (mailing.state, mailing.written) == (MailingState.DONE, 15)


@pytest.mark.django_db(transaction=True)
def test_a_cancellation_against_a_running_worker_leaves_no_news_behind(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer")
    monkeypatch.setattr(mailings, "CHUNK", 1)
    event = EventFactory(hybrid=True)
    many(event, 12)
    change(event, venue=VenueFactory(name="Town Hall"))
    announcements.tell_now(Mailing.objects.get())

    results = at_once(
        [
            lambda: mailings.write_due(timezone.now()),
            lambda: lifecycle.cancel(Event.objects.get(pk=event.pk), by=None),
        ]
    )

    assert not any(isinstance(result, Exception) for result in results)
    write()
    assert not Message.objects.unsent().filter(key__contains="/changed/").exists()
    assert len(told("/event-cancelled")) == 12


def test_unverified_people_are_not_told(event):
    registered(event, 9)
    change(event, **later(event))
    settle()
    assert len(told()) == 2
