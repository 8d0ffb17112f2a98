"""Which moment sends which message, and how the entry in the calendar is put in, moved and taken out."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from icalendar import Calendar

from events import lifecycle
from outbox import delivery
from outbox.models import Message, State
from registrations import seats
from tests.factories import EventFactory, VenueFactory, enrolled, person, registered, verified
from tests.telling import settle

pytestmark = pytest.mark.django_db


def messages(registration):
    """The last part of the key and the state of each message to one person, oldest first."""
    prefix = f"registration/{registration.pk}/"
    found = Message.objects.filter(key__startswith=prefix).order_by("pk")
    return [(message.key.removeprefix(prefix), message.state) for message in found]


def entry(message):
    calendar = Calendar.from_ical(message.calendar)
    [found] = calendar.events
    return calendar["METHOD"], found


def test_registering_and_confirming_sends_two_messages_in_turn():
    registration = registered(EventFactory())
    delivery.deliver_due()
    seats.verify(registration)
    seats.verify(registration)
    assert messages(registration) == [("verify", State.SENT), ("confirmed", State.WAITING)]


def test_every_message_begins_with_the_event_and_says_when_where_and_whom_to_ask():
    event = EventFactory(title="Expert Group on Research", capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)
    seats.cancel(first)
    seats.accept_offer(second)
    event.starts_at += timedelta(hours=1)
    lifecycle.apply_changes(event, by=None)
    settle()
    lifecycle.postpone(event, by=None)
    settle()
    lifecycle.cancel(event, by=None)
    settle()
    assert Message.objects.count() >= 9
    for message in Message.objects.all():
        assert message.subject.startswith("Expert Group on Research: ")
        start = message.text[:600]
        assert "http://events.plenary.test/r/" in start
        assert "When: " in start
        assert "Madrid time (UTC+" in start
        assert "Where: Palau de Congressos, Carrer de la Pau 7, Barcelona" in start
        assert "Questions: contact@organiser.example" in start
        for fact in ("Palau de Congressos", "contact@organiser.example", "Madrid time"):
            assert fact in message.html
        assert "src=" not in message.html
        assert message.reply_to == "contact@organiser.example"


def test_not_yet_confirmed_stands_in_the_subject_while_it_is_so():
    event = EventFactory(capacity_in_person=1)
    verified(event, 1)
    verified(event, 2)
    said = {message.key.split("/")[-1]: message.subject for message in Message.objects.all()}
    assert "(not yet confirmed)" in said["verify"]
    assert "(not yet confirmed)" in said["waiting"]
    assert "(not yet confirmed)" not in said["confirmed"]


def test_the_entry_keeps_its_uid_and_its_sequence_rises_from_move_to_withdrawal_to_return():
    event = EventFactory()
    first = verified(event, 1)
    event.venue = VenueFactory(city="Girona")
    lifecycle.apply_changes(event, by=None)
    settle()
    seats.cancel(first)
    again = verified(event, 1)
    lifecycle.cancel(event, by=None)
    settle()
    sent = [entry(message) for message in Message.objects.exclude(calendar="").order_by("pk")]
    assert [method for method, _found in sent] == [
        "REQUEST",
        "REQUEST",
        "CANCEL",
        "REQUEST",
        "CANCEL",
    ]
    sequences = [found["SEQUENCE"] for _method, found in sent]
    assert sequences == sorted(set(sequences))
    assert {found["UID"] for _method, found in sent} == {str(event.uid)}
    assert {str(found["ATTENDEE"]) for _method, found in sent} == {f"mailto:{again.email}"}
    assert {str(found["ORGANIZER"]) for _method, found in sent} == {"mailto:events@plenary.test"}
    assert [found["STATUS"] for method, found in sent if method == "CANCEL"] == ["CANCELLED"] * 2


def test_people_without_a_place_get_no_entry():
    event = EventFactory(capacity_in_person=1)
    verified(event, 1)
    waiting = verified(event, 2)
    event.starts_at += timedelta(hours=1)
    lifecycle.apply_changes(event, by=None)
    settle()
    told = Message.objects.filter(key__startswith=f"registration/{waiting.pk}/")
    assert set(told.values_list("calendar", flat=True)) == {""}


def test_a_cancelled_registration_gets_nothing_more():
    event = EventFactory()
    registration = verified(event, 1)
    seats.cancel(registration)
    assert messages(registration) == [
        ("verify", State.STOPPED),
        ("confirmed", State.STOPPED),
        ("cancelled", State.WAITING),
    ]
    lifecycle.cancel(event, by=None)
    settle()
    assert len(messages(registration)) == 3


def test_a_cancelled_event_stops_what_waited_and_tells_everybody_once():
    event = EventFactory(capacity_in_person=1)
    comes, waits, unproven = verified(event, 1), verified(event, 2), registered(event, 3)
    lifecycle.cancel(event, by=None)
    settle()
    delivery.deliver_due()
    assert sorted(message.subject.rsplit(": ")[-1] for message in mail.outbox) == ["cancelled"] * 2
    assert messages(comes)[-1] == messages(waits)[-1] == ("event-cancelled", State.SENT)
    assert messages(unproven) == [("verify", State.STOPPED)]


def test_a_change_that_is_no_news_tells_nobody():
    event = EventFactory()
    registration = verified(event, 1)
    before = messages(registration)
    event.summary = "Another summary"
    event.capacity_in_person = 40
    lifecycle.apply_changes(event, by=None)
    settle()
    assert messages(registration) == before


def test_nobody_is_told_of_an_event_that_is_over():
    now = timezone.now()
    event = EventFactory(starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1))
    enrolled(event, 1)
    event.starts_at -= timedelta(hours=1)
    lifecycle.apply_changes(event, by=None)
    settle()
    assert Message.objects.count() == 0


def test_someone_who_registers_again_hears_where_things_stand_at_most_three_times_a_day():
    with time_machine.travel("2027-01-10T08:00Z", tick=False) as clock:
        event = EventFactory()
        registration = verified(event, 1)
        for _again in range(10):
            seats.register(event, person=person(1), mode="in-person")
        assert len(messages(registration)) == 2
        for _again in range(20):
            clock.shift(timedelta(minutes=11))
            seats.register(event, person=person(1), mode="in-person")
    standings = [key for key, _state in messages(registration) if key.startswith("standing/")]
    assert len(standings) == 3


def test_every_subject_says_what_is_not_yet_confirmed_while_it_is_so():
    event = EventFactory(capacity_in_person=1)
    comes, waits = verified(event, 1), verified(event, 2)
    event.starts_at += timedelta(hours=1)
    lifecycle.apply_changes(event, by=None)
    settle()
    delivery.deliver_due()
    event.venue = VenueFactory(name="Elsewhere")
    lifecycle.apply_changes(event, by=None)
    settle()
    lifecycle.postpone(event, by=None)
    settle()

    subjects = [message.subject.removeprefix(f"{event.title}: ") for message in written(comes)]
    assert subjects[-3:] == ["new time", "new place", "postponed"]
    subjects = [message.subject.removeprefix(f"{event.title}: ") for message in written(waits)]
    assert subjects[-3:] == [
        "new time (not yet confirmed)",
        "new place (not yet confirmed)",
        "postponed (not yet confirmed)",
    ]
    for message in written(waits)[-3:]:
        assert "You are on the waiting list." in message.text


def written(registration):
    """The messages to one person, oldest first."""
    prefix = f"registration/{registration.pk}/"
    return list(Message.objects.filter(key__startswith=prefix).order_by("pk"))
