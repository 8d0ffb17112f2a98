"""Giving and taking seats, one move at a time."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from events import lifecycle
from events.models import Entry, Event, Mode
from events.models import Status as EventStatus
from outbox.models import Message
from registrations import seating, seats
from registrations.models import MOVES, RefusedMove, Registration, Status, StatusChange
from registrations.seats import RefusedSeat
from tests.factories import (
    EventFactory,
    JurisdictionFactory,
    UserFactory,
    enrolled,
    person,
    registered,
    verified,
)
from tests.registrations.standing import reasons, standing

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def changes(registration: Registration) -> list[tuple[str, str]]:
    return list(registration.changes.values_list("from_status", "to_status"))


# -- Registering ----------------------------------------------------------------------------------


def test_register_holds_the_lowest_free_seat_for_a_day():
    event = EventFactory(capacity_in_person=2)

    registration = registered(event)

    assert standing(registration) == (Status.UNVERIFIED, 1)
    assert registration.expires_at == NOW + timedelta(hours=24)
    assert changes(registration) == [("", Status.UNVERIFIED)]
    assert reasons(registration) == ["verify"]


def test_register_stores_what_the_person_said():
    event = EventFactory()
    jurisdiction = JurisdictionFactory()

    registration = registered(event, 7, jurisdiction=jurisdiction, language="fr")
    registration.refresh_from_db()

    assert registration.name == "Ana Müller 7"
    assert registration.email == "person7@example.org"
    assert registration.organisation == "Probation Service"
    assert registration.jurisdiction == jurisdiction
    assert registration.language == "fr"


def test_register_fills_seats_from_one_upwards():
    event = EventFactory(capacity_in_person=3)

    assert [registered(event, n).seat for n in (1, 2, 3)] == [1, 2, 3]


def test_register_takes_a_gap_before_a_higher_seat():
    event = EventFactory(capacity_in_person=4)
    people = [registered(event, n) for n in (1, 2, 3)]
    seats.cancel(people[1])

    assert registered(event, 4).seat == 2


def test_register_takes_the_first_seat_when_it_came_free():
    event = EventFactory()
    people = [registered(event, n) for n in (1, 2)]
    seats.cancel(people[0])

    assert registered(event, 3).seat == 1


def test_register_without_a_limit_always_holds_a_seat():
    event = EventFactory()

    assert [registered(event, n).seat for n in range(1, 13)] == list(range(1, 13))


def test_register_for_a_full_event_holds_no_seat():
    event = EventFactory(capacity_in_person=1)
    registered(event, 1)

    late = registered(event, 2)

    assert standing(late) == (Status.UNVERIFIED, None)
    assert reasons(late) == ["verify"]


def test_register_counts_seats_of_each_mode_by_themselves():
    event = EventFactory(hybrid=True, capacity_in_person=1, capacity_online=1)

    assert registered(event, 1, mode=Mode.IN_PERSON).seat == 1
    assert registered(event, 2, mode=Mode.ONLINE).seat == 1
    assert registered(event, 3, mode=Mode.ONLINE).seat is None


def test_register_again_at_once_gives_one_registration_and_one_mail():
    event = EventFactory()

    first, again = registered(event), registered(event)

    assert again == first
    assert Registration.objects.count() == 1
    assert reasons(first) == ["verify"]


def test_register_knows_an_address_in_capitals_again():
    event = EventFactory()

    first, again = registered(event), registered(event, email="PERSON1@Example.ORG")

    assert again == first
    assert Message.objects.count() == 1


def test_register_again_changes_nothing_of_what_was_said_before():
    event = EventFactory()
    registration = registered(event)

    registered(event, given_name="Mallory")
    registration.refresh_from_db()

    assert registration.given_name == "Ana"


def test_register_again_after_ten_minutes_says_once_where_things_stand(time_machine):
    event = EventFactory()
    registration = verified(event)
    time_machine.shift(timedelta(minutes=11))

    for _n in range(3):
        registered(event)

    assert reasons(registration) == ["verify", "confirmed", "standing/2027-03-01T12:11Z"]
    assert Registration.objects.count() == 1


def test_register_again_within_ten_minutes_sends_nothing(time_machine):
    event = EventFactory()
    registration = registered(event)
    time_machine.shift(timedelta(minutes=9, seconds=59))

    registered(event)

    assert reasons(registration) == ["verify"]


def test_register_again_is_answered_at_most_three_times_a_day(time_machine):
    event = EventFactory()
    registration = verified(event)

    for _n in range(8):
        time_machine.shift(timedelta(hours=1))
        registered(event)

    assert reasons(registration) == [
        "verify",
        "confirmed",
        "standing/2027-03-01T13:00Z",
        "standing/2027-03-01T14:00Z",
        "standing/2027-03-01T15:00Z",
    ]


def test_register_again_is_answered_anew_the_next_day(time_machine):
    event = EventFactory()
    registration = verified(event)
    for _n in range(4):
        time_machine.shift(timedelta(hours=1))
        registered(event)

    time_machine.shift(timedelta(hours=24))
    registered(event)

    assert reasons(registration)[-1] == "standing/2027-03-02T16:00Z"


def test_register_after_cancelling_is_a_new_registration():
    event = EventFactory()
    first = verified(event)
    seats.cancel(first)

    second = verified(event)

    assert second != first
    assert standing(first) == (Status.CANCELLED, None)
    assert standing(second) == (Status.CONFIRMED, 1)


def test_register_for_two_events_gives_two_registrations():
    one, other = registered(EventFactory()), registered(EventFactory())

    assert one != other
    assert reasons(one) == reasons(other) == ["verify"]


DAY = timedelta(days=1)
REFUSALS = {
    "draft": ({"status": EventStatus.DRAFT}, "This event is not public yet."),
    "cancelled": ({"status": EventStatus.CANCELLED}, "This event has been cancelled."),
    "postponed": (
        {"status": EventStatus.POSTPONED},
        "This event has been postponed. Registration opens again with the new date.",
    ),
    "over": ({"starts_at": NOW - 2 * DAY, "ends_at": NOW}, "This event is over."),
    "begun": (
        {"starts_at": NOW, "ends_at": NOW + DAY},
        "Registration is closed. Ask the organiser whether a place can still be found.",
    ),
    "invitation": ({"entry": Entry.INVITATION}, "This event is by invitation only."),
    "elsewhere": (
        {"entry": Entry.ELSEWHERE, "entry_url": "https://partner.example/"},
        "Registration for this event is on another site; its page has the link.",
    ),
    "none": ({"entry": Entry.NONE}, "This event takes no registrations."),
    "not yet open": (
        {"opens_at": NOW + timedelta(seconds=1)},
        "Registration has not opened yet. The event's page says when it does.",
    ),
    "closed": (
        {"closes_at": NOW},
        "Registration is closed. Ask the organiser whether a place can still be found.",
    ),
}


@pytest.mark.parametrize(("state", "words"), REFUSALS.values(), ids=REFUSALS)
def test_register_is_refused_with_the_reason(state, words):
    event = EventFactory(**state)

    with pytest.raises(RefusedSeat) as refusal:
        registered(event)

    assert str(refusal.value) == words
    assert Registration.objects.count() == Message.objects.count() == 0


def test_register_is_refused_for_a_way_of_attending_that_is_not_offered():
    event = EventFactory(online=True)

    with pytest.raises(RefusedSeat, match=r"^The event cannot be attended in this way\. Choose"):
        registered(event, mode=Mode.IN_PERSON)


def test_register_looks_at_the_event_as_stored_not_as_handed_in():
    event = EventFactory()
    lifecycle.cancel(Event.objects.get(pk=event.pk), by=None)

    with pytest.raises(RefusedSeat, match="cancelled"):
        registered(event)


# -- Confirming the address -----------------------------------------------------------------------


def test_verify_confirms_the_held_seat():
    event = EventFactory(capacity_in_person=1)
    registration = registered(event)

    seats.verify(registration)

    assert standing(registration) == (Status.CONFIRMED, 1)
    assert registration.confirmed_at == NOW
    assert registration.expires_at is None
    assert reasons(registration) == ["verify", "confirmed"]
    assert changes(registration) == [("", Status.UNVERIFIED), (Status.UNVERIFIED, Status.CONFIRMED)]


def test_verify_again_changes_nothing_and_sends_nothing():
    registration = verified(EventFactory())

    seats.verify(registration)

    assert standing(registration) == (Status.CONFIRMED, 1)
    assert reasons(registration) == ["verify", "confirmed"]
    assert registration.changes.count() == 2


def test_verify_without_a_seat_joins_the_queue():
    event = EventFactory(capacity_in_person=1)
    verified(event, 1)

    late = verified(event, 2)

    assert standing(late) == (Status.WAITING, None)
    assert reasons(late) == ["verify", "waiting"]


def test_verify_without_a_seat_takes_one_that_came_free_when_nobody_waits():
    event = EventFactory(capacity_in_person=1)
    first, second = registered(event, 1), registered(event, 2)
    seats.cancel(first)

    seats.verify(second)

    assert standing(second) == (Status.CONFIRMED, 1)


def test_verify_without_a_seat_does_not_pass_those_who_wait():
    event = EventFactory(capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)
    third = registered(event, 3)
    seats.cancel(first)

    seats.verify(third)

    assert standing(second) == (Status.OFFERED, 1)
    assert standing(third) == (Status.WAITING, None)


def test_verify_with_approval_waits_for_the_decision():
    event = EventFactory(entry=Entry.APPROVAL, capacity_in_person=1)

    registration = verified(event)

    assert standing(registration) == (Status.APPLIED, None)
    assert reasons(registration) == ["verify", "applied"]


def test_verify_at_the_deadline_is_refused(time_machine):
    registration = registered(EventFactory())
    time_machine.shift(timedelta(hours=24))

    with pytest.raises(RefusedSeat, match=r"^The time to confirm has run out"):
        seats.verify(registration)

    assert standing(registration) == (Status.UNVERIFIED, 1)


def test_verify_a_second_before_the_deadline_confirms(time_machine):
    registration = registered(EventFactory())
    time_machine.shift(timedelta(hours=24) - timedelta(seconds=1))

    seats.verify(registration)

    assert standing(registration) == (Status.CONFIRMED, 1)


@pytest.mark.parametrize("call_off", [lifecycle.cancel, lifecycle.postpone])
def test_verify_is_refused_when_the_event_does_not_go_ahead(call_off):
    event = EventFactory()
    registration = registered(event)
    call_off(event, by=None)

    with pytest.raises(RefusedSeat, match=r"^This event has been"):
        seats.verify(registration)


# -- Cancelling and passing on --------------------------------------------------------------------


def test_cancel_gives_the_seat_back():
    event = EventFactory(capacity_in_person=1)
    registration = verified(event)

    seats.cancel(registration)

    assert standing(registration) == (Status.CANCELLED, None)
    assert seating.lowest_free_seat(event, Mode.IN_PERSON) == 1
    assert reasons(registration) == ["verify", "confirmed", "cancelled"]


def test_cancel_notes_who_and_why():
    registration = verified(EventFactory())
    staff = UserFactory()

    seats.cancel(registration, by=staff, why="asked by telephone")
    last = registration.changes.last()

    assert (last.from_status, last.to_status) == (Status.CONFIRMED, Status.CANCELLED)
    assert (last.changed_by, last.reason, last.changed_at) == (staff, "asked by telephone", NOW)


def test_cancel_again_changes_nothing_and_sends_nothing():
    registration = verified(EventFactory())
    seats.cancel(registration)

    seats.cancel(registration)

    assert registration.changes.count() == 3
    assert reasons(registration) == ["verify", "confirmed", "cancelled"]


def test_cancel_offers_the_seat_to_the_first_in_the_queue():
    event = EventFactory(capacity_in_person=1)
    first, second, third = (verified(event, n) for n in (1, 2, 3))

    seats.cancel(first)

    assert standing(second) == (Status.OFFERED, 1)
    assert second.expires_at == NOW + timedelta(hours=48)
    assert standing(third) == (Status.WAITING, None)
    assert reasons(second) == ["verify", "waiting", "offered"]
    assert reasons(third) == ["verify", "waiting"]


def test_offers_go_in_the_order_of_first_submission_not_of_confirmation(time_machine):
    event = EventFactory(capacity_in_person=1)
    holder = verified(event, 1)
    early = registered(event, 2)
    time_machine.shift(timedelta(minutes=1))
    late = verified(event, 3)
    time_machine.shift(timedelta(minutes=1))
    seats.verify(early)

    seats.cancel(holder)

    assert standing(early) == (Status.OFFERED, 1)
    assert standing(late) == (Status.WAITING, None)


def test_offers_stay_within_a_mode():
    event = EventFactory(hybrid=True, capacity_in_person=1, capacity_online=1)
    holder = verified(event, 1, mode=Mode.IN_PERSON)
    verified(event, 2, mode=Mode.ONLINE)
    waits_online = verified(event, 3, mode=Mode.ONLINE)
    waits_here = verified(event, 4, mode=Mode.IN_PERSON)

    seats.cancel(holder)

    assert standing(waits_online) == (Status.WAITING, None)
    assert standing(waits_here) == (Status.OFFERED, 1)


def test_offer_ends_before_the_event_begins():
    event = EventFactory(starts_at=NOW + timedelta(hours=6), capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)

    seats.cancel(first)
    second.refresh_from_db()

    assert second.expires_at == event.starts_at - timedelta(minutes=1)


def test_nothing_is_offered_once_the_event_has_begun(time_machine):
    event = EventFactory(starts_at=NOW + timedelta(hours=6), capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)
    time_machine.move_to(event.starts_at)

    seats.cancel(first)

    assert standing(second) == (Status.WAITING, None)


def test_nothing_is_offered_while_the_event_is_postponed():
    event = EventFactory(capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)
    lifecycle.postpone(event, by=None)

    seats.cancel(first)

    assert standing(second) == (Status.WAITING, None)


def test_a_postponed_event_that_goes_ahead_offers_what_came_free():
    event = EventFactory(capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)
    lifecycle.postpone(event, by=None)
    seats.cancel(first)

    lifecycle.publish(event, by=None)

    assert standing(second) == (Status.OFFERED, 1)


# -- Taking an offer ------------------------------------------------------------------------------


def offered(event: Event) -> Registration:
    """The second of two people, to whom the only seat was passed on."""
    first, second = verified(event, 1), verified(event, 2)
    seats.cancel(first)
    second.refresh_from_db()
    return second


def test_accept_confirms_the_offered_seat():
    registration = offered(EventFactory(capacity_in_person=1))

    seats.accept_offer(registration)

    assert standing(registration) == (Status.CONFIRMED, 1)
    assert reasons(registration) == ["verify", "waiting", "offered", "confirmed"]


def test_accept_again_changes_nothing_and_sends_nothing():
    registration = offered(EventFactory(capacity_in_person=1))
    seats.accept_offer(registration)

    seats.accept_offer(registration)

    assert registration.changes.count() == 4
    assert reasons(registration) == ["verify", "waiting", "offered", "confirmed"]


def test_accept_at_the_deadline_is_refused(time_machine):
    registration = offered(EventFactory(capacity_in_person=1))
    time_machine.move_to(registration.expires_at)

    with pytest.raises(RefusedSeat, match=r"^This place is no longer held for you"):
        seats.accept_offer(registration)

    assert standing(registration) == (Status.OFFERED, 1)


def test_accept_is_refused_to_those_who_were_offered_nothing():
    event = EventFactory(capacity_in_person=1)
    verified(event, 1)
    waiting = verified(event, 2)

    with pytest.raises(RefusedSeat, match=r"^This place is no longer held for you"):
        seats.accept_offer(waiting)


def test_accept_is_refused_when_the_event_was_cancelled():
    event = EventFactory(capacity_in_person=1)
    registration = offered(event)
    lifecycle.cancel(event, by=None)

    with pytest.raises(RefusedSeat, match="cancelled"):
        seats.accept_offer(registration)


def test_cancelling_an_offer_passes_it_on():
    event = EventFactory(capacity_in_person=1)
    second = offered(event)
    third = verified(event, 3)

    seats.cancel(second)

    assert standing(third) == (Status.OFFERED, 1)


# -- Time runs out --------------------------------------------------------------------------------


def test_expiry_of_a_hold_passes_the_seat_on():
    event = EventFactory(capacity_in_person=1)
    silent, next_one = registered(event, 1), verified(event, 2)

    count = seats.expire_lapsed(NOW + timedelta(hours=24))

    assert count == 1
    assert standing(silent) == (Status.EXPIRED, None)
    assert standing(next_one) == (Status.OFFERED, 1)


def test_expiry_of_a_hold_tells_nobody_and_stops_what_was_to_be_sent():
    registration = registered(EventFactory())

    seats.expire_lapsed(NOW + timedelta(hours=24))

    assert list(Message.objects.values_list("key", "state")) == [
        (f"registration/{registration.pk}/verify", "stopped")
    ]


def test_expiry_of_an_offer_passes_the_seat_on_and_says_so():
    event = EventFactory(capacity_in_person=1)
    second = offered(event)
    third = verified(event, 3)

    seats.expire_lapsed(second.expires_at)

    assert standing(second) == (Status.EXPIRED, None)
    assert standing(third) == (Status.OFFERED, 1)
    assert reasons(second)[-1] == "lapsed"


def test_expiry_leaves_what_has_time_left():
    registration = registered(EventFactory())

    count = seats.expire_lapsed(NOW + timedelta(hours=24) - timedelta(seconds=1))

    assert count == 0
    assert standing(registration) == (Status.UNVERIFIED, 1)


def test_expiry_leaves_the_confirmed_and_the_waiting():
    event = EventFactory(capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)

    seats.expire_lapsed(NOW + timedelta(days=20))

    assert standing(first) == (Status.CONFIRMED, 1)
    assert standing(second) == (Status.WAITING, None)


def test_expiry_takes_each_event_by_itself():
    one, other = EventFactory(capacity_in_person=1), EventFactory(capacity_in_person=1)
    registered(one, 1), registered(other, 1)
    waits_here, waits_there = verified(one, 2), verified(other, 2)

    assert seats.expire_lapsed(NOW + timedelta(hours=24)) == 2
    assert standing(waits_here) == standing(waits_there) == (Status.OFFERED, 1)


# -- By hand --------------------------------------------------------------------------------------


def test_enrol_confirms_at_once():
    staff = UserFactory()

    registration = seats.enrol(EventFactory(), person=person(), mode=Mode.IN_PERSON, by=staff)

    assert standing(registration) == (Status.CONFIRMED, 1)
    assert registration.changes.get().changed_by == staff
    assert reasons(registration) == ["confirmed"]


@pytest.mark.parametrize("status", [EventStatus.CANCELLED, EventStatus.DRAFT])
def test_nobody_is_enrolled_for_an_event_that_is_not_public(status):
    event = EventFactory()
    Event.objects.filter(pk=event.pk).update(status=status)
    with pytest.raises(RefusedSeat):
        enrolled(event)
    assert not Registration.objects.exists()
    assert not Message.objects.exists()


def test_staff_enrol_people_for_an_event_that_is_postponed():
    event = EventFactory()
    Event.objects.filter(pk=event.pk).update(status=EventStatus.POSTPONED)
    assert standing(enrolled(event)) == (Status.CONFIRMED, 1)


def test_enrol_into_a_full_event_joins_the_queue():
    event = EventFactory(capacity_in_person=1)
    enrolled(event, 1)

    second = enrolled(event, 2)

    assert standing(second) == (Status.WAITING, None)
    assert reasons(second) == ["waiting"]


def test_enrol_works_by_invitation_and_after_the_event_and_then_sends_nothing():
    event = EventFactory(entry=Entry.INVITATION, starts_at=NOW - 3 * DAY, ends_at=NOW - 2 * DAY)

    registration = enrolled(event)

    assert standing(registration) == (Status.CONFIRMED, 1)
    assert reasons(registration) == []


def test_enrol_is_refused_for_someone_who_is_registered():
    event = EventFactory()
    registered(event)

    with pytest.raises(RefusedSeat, match=r"^Person1@example\.org is registered already\.$"):
        enrolled(event, email="Person1@example.org", given_name="Ana")


# -- Other capacities -----------------------------------------------------------------------------


def give(event: Event, **fields) -> None:
    """Change fields of an event as the desk does."""
    event = Event.objects.get(pk=event.pk)
    for name, value in fields.items():
        setattr(event, name, value)
    lifecycle.apply_changes(event, by=None)


def test_more_places_are_offered_in_order():
    event = EventFactory(capacity_in_person=1)
    verified(event, 1)
    second, third, fourth = (verified(event, n) for n in (2, 3, 4))

    give(event, capacity_in_person=3)

    assert [standing(one) for one in (second, third, fourth)] == [
        (Status.OFFERED, 2),
        (Status.OFFERED, 3),
        (Status.WAITING, None),
    ]


def test_no_limit_any_more_offers_to_everybody():
    event = EventFactory(capacity_in_person=1)
    people = [verified(event, n) for n in range(1, 5)]

    give(event, capacity_in_person=None)

    assert [standing(one)[1] for one in people] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        (1, "1 place is taken (in person). Give at least as many places."),
        (3, "3 places are taken (in person). Give at least as many places."),
    ],
)
def test_fewer_places_than_are_taken_are_refused_with_the_number(taken, words):
    event = EventFactory(capacity_in_person=5)
    for n in range(taken):
        verified(event, n)

    with pytest.raises(lifecycle.RefusedChange) as refusal:
        give(event, capacity_in_person=taken - 1)

    event.refresh_from_db()
    assert str(refusal.value) == words
    assert event.capacity_in_person == 5


def test_fewer_places_count_held_seats_too():
    event = EventFactory(capacity_in_person=2)
    registered(event, 1), registered(event, 2)

    with pytest.raises(lifecycle.RefusedChange, match=r"^2 places are taken"):
        give(event, capacity_in_person=1)


def test_fewer_places_renumber_the_seats_above():
    event = EventFactory(capacity_in_person=5)
    people = [verified(event, n) for n in range(1, 6)]
    for one in people[:3]:
        seats.cancel(one)

    give(event, capacity_in_person=2)

    assert [standing(one) for one in people[3:]] == [(Status.CONFIRMED, 1), (Status.CONFIRMED, 2)]


def test_a_way_of_attending_that_people_have_chosen_cannot_be_dropped():
    event = EventFactory(hybrid=True)
    verified(event, 1, mode=Mode.ONLINE)

    with pytest.raises(lifecycle.RefusedChange) as refusal:
        give(event, format="in-person")

    assert str(refusal.value) == (
        "1 person holds a place (online). Keep this way of attending, or move them first."
    )


# -- The state table ------------------------------------------------------------------------------


@pytest.mark.parametrize("to", Status.values)
@pytest.mark.parametrize("start", ["", *Status.values])
def test_a_move_that_the_table_lacks_is_refused(start, to):
    event = EventFactory()
    registration = Registration(
        event=event, mode=Mode.IN_PERSON, status=start, email="a@example.org", expires_at=NOW
    )
    seat = 1 if to in {Status.OFFERED, Status.CONFIRMED} else None
    if to in MOVES[start]:
        registration.move(to, seat=seat)

        assert standing(registration) == (to, seat)
        assert changes(registration) == [(start, to)]
    else:
        with pytest.raises(RefusedMove):
            registration.move(to, seat=seat)

        assert Registration.objects.count() == StatusChange.objects.count() == 0


def test_nobody_leaves_a_final_state():
    assert {state for state, onward in MOVES.items() if not onward} == {
        Status.DECLINED,
        Status.CANCELLED,
        Status.EXPIRED,
    }


def test_status_change_survives_the_one_who_made_it():
    registration = verified(EventFactory())
    staff = UserFactory()
    seats.cancel(registration, by=staff)

    User.objects.filter(pk=staff.pk).delete()

    assert registration.changes.last().changed_by is None
