"""Approval: accepted people get a seat or the queue, and every mail says where things stand."""

import pytest

from events import lifecycle
from events.models import Entry
from outbox.models import Message
from registrations import decisions, seats
from registrations.models import Status
from registrations.seats import RefusedSeat
from tests.factories import EventFactory, UserFactory, registered, terms, verified
from tests.registrations.standing import reasons, standing

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]


@pytest.fixture
def event():
    return EventFactory(entry=Entry.APPROVAL, capacity_in_person=1, title="Meeting of experts")


def test_an_application_holds_no_seat(event):
    assert registered(event, 1).seat is None
    assert standing(verified(event, 2)) == (Status.APPLIED, None)


def test_accepting_gives_a_seat_while_there_is_one_and_then_the_queue(event):
    first, second = verified(event, 1), verified(event, 2)
    organiser = UserFactory()

    decisions.accept(first, by=organiser, note="We are glad that you come.")
    decisions.accept(second, by=organiser)

    assert standing(first) == (Status.CONFIRMED, 1)
    assert standing(second) == (Status.WAITING, None)
    assert first.changes.last().changed_by == organiser
    assert reasons(first) == ["verify", "applied", "confirmed"]
    message = Message.objects.get(key__endswith=f"/{first.pk}/confirmed")
    assert "We are glad that you come." in message.text
    assert "not yet confirmed" in Message.objects.get(key__endswith=f"/{second.pk}/waiting").subject


def test_accepting_twice_is_harmless(event):
    registration = verified(event)

    for _time in range(2):
        assert decisions.accept(registration, by=None).status == Status.CONFIRMED

    assert reasons(registration).count("confirmed") == 1


def test_a_rule_keeps_an_accepted_person_in_the_queue(event):
    event.capacity_in_person = 5
    event.save()
    terms(event, most_per_organisation=1)
    first, second = verified(event, 1), verified(event, 2)

    decisions.accept(first, by=None), decisions.accept(second, by=None)

    assert standing(second) == (Status.WAITING, None)


def test_declining_says_so_with_a_sentence(event):
    registration = verified(event)

    decisions.decline(registration, by=None, note="This time <b>experts</b> only.")
    decisions.decline(registration, by=None)

    assert standing(registration) == (Status.DECLINED, None)
    message = Message.objects.get(key__endswith="/declined")
    assert "This time <b>experts</b> only." in message.text
    assert "This time &lt;b&gt;experts&lt;/b&gt; only." in message.html


def test_who_has_a_place_is_not_declined():
    registration = verified(EventFactory())

    with pytest.raises(RefusedSeat, match="confirmed"):
        decisions.decline(registration, by=None)


def test_nobody_is_accepted_to_an_event_that_was_called_off(event):
    registration = verified(event)
    lifecycle.cancel(event, by=None)

    with pytest.raises(RefusedSeat, match="cancelled"):
        decisions.accept(registration, by=None)


@pytest.mark.parametrize("state", ["unverified", "applied", "offered"])
def test_an_organiser_confirms_without_waiting_for_the_person(event, state):
    if state == "offered":
        first, second = verified(event, 1), verified(event, 2)
        decisions.accept(first, by=None), decisions.accept(second, by=None)
        seats.cancel(first)
        registration = second
    else:
        registration = registered(event) if state == "unverified" else verified(event)
    registration.refresh_from_db()
    assert registration.status == state

    decisions.confirm(registration, by=None)

    assert standing(registration) == (Status.CONFIRMED, 1)
    assert reasons(registration)[-1] == "confirmed"


def test_nobody_is_confirmed_beyond_the_places(event):
    decisions.confirm(verified(event, 1), by=None)

    with pytest.raises(RefusedSeat, match="No place is free"):
        decisions.confirm(verified(event, 2), by=None)


def test_who_has_withdrawn_is_not_confirmed(event):
    registration = seats.cancel(verified(event))

    with pytest.raises(RefusedSeat, match="cancelled"):
        decisions.confirm(registration, by=None)
