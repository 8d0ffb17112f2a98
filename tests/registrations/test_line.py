"""The queue: its order, its ranks, offers by the clock and by hand."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.apps import apps

from events import lifecycle
from events.models import Mode
from registrations import line, seats, swaps
from registrations.models import Status, Vacancy
from registrations.seats import RefusedSeat
from tests.factories import EventFactory, UserFactory, enrolled, terms, verified
from tests.registrations.standing import gaps_are_written_down, reasons, standing

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def test_each_mode_has_a_queue_with_ranks_of_its_own():
    event = EventFactory(hybrid=True, capacity_in_person=1, capacity_online=1)
    verified(event, 1), verified(event, 2, mode=Mode.ONLINE)

    here = [verified(event, n) for n in (3, 4)]
    there = [verified(event, n, mode=Mode.ONLINE) for n in (5, 6)]

    assert [line.rank(one) for one in here + there] == [1, 2, 1, 2]


@pytest.mark.parametrize(("hours", "expected"), [(48, 48), (3, 3), (24 * 60, 21 * 24 - 1 / 60)])
def test_an_offer_stands_as_long_as_the_event_says_but_ends_before_it_begins(hours, expected):
    event = EventFactory(capacity_in_person=1, starts_at=NOW + timedelta(days=21))
    terms(event, offer_hours=hours)
    first, second = verified(event, 1), verified(event, 2)

    seats.cancel(first)

    second.refresh_from_db()
    assert second.expires_at == NOW + timedelta(hours=expected)


def test_silence_passes_the_place_on_to_one_person_at_a_time(time_machine):
    event = EventFactory(capacity_in_person=1, starts_at=NOW + timedelta(days=30))
    terms(event, offer_hours=10)
    first, *queue = (verified(event, n) for n in range(1, 5))
    seats.cancel(first)

    for turn, one in enumerate(queue):
        offered = [other for other in queue if standing(other)[0] == Status.OFFERED]
        assert offered == [one]
        moment = NOW + timedelta(hours=10 * (turn + 1))
        time_machine.move_to(moment, tick=False)
        seats.expire_lapsed(moment)
    assert [standing(one)[0] for one in queue] == [Status.EXPIRED] * 3


def test_more_places_are_offered_at_once():
    event = EventFactory(capacity_in_person=1)
    _first, second, third = (verified(event, n) for n in (1, 2, 3))

    event.capacity_in_person = 2
    lifecycle.apply_changes(event, by=None)

    assert standing(second) == (Status.OFFERED, 2)
    assert standing(third) == (Status.WAITING, None)


def test_an_organiser_offers_out_of_turn_where_a_rule_keeps_the_first_from_it():
    event = EventFactory(capacity_in_person=2)
    terms(event, most_per_organisation=1)
    verified(event, 1, organisation="A")
    waiting = verified(event, 2, organisation="A")

    with pytest.raises(RefusedSeat, match="taken for yours"):
        line.offer(waiting, by=None)
    event.refresh_from_db()
    waiting.organisation = "B"
    waiting.save()
    organiser = UserFactory()
    line.offer(waiting, by=organiser)

    assert standing(waiting) == (Status.OFFERED, 2)
    assert waiting.changes.last().changed_by == organiser
    assert reasons(waiting)[-1] == "offered"


def test_no_place_is_offered_by_hand_that_is_not_free():
    event = EventFactory(capacity_in_person=1)
    verified(event, 1)

    with pytest.raises(RefusedSeat, match="No place is free"):
        line.offer(verified(event, 2), by=None)


def test_who_does_not_wait_is_offered_nothing():
    with pytest.raises(RefusedSeat, match="not on the waiting list"):
        line.offer(verified(EventFactory()), by=None)


def test_smaller_rooms_renumber_the_seats_and_keep_the_gaps_true():
    event = EventFactory(capacity_in_person=5)
    people = [enrolled(event, n) for n in range(1, 6)]
    seats.cancel(people[0]), seats.cancel(people[2])

    event.capacity_in_person = 3
    lifecycle.apply_changes(event, by=None)

    assert sorted(standing(people[n])[1] for n in (1, 3, 4)) == [1, 2, 3]
    assert gaps_are_written_down(event, Mode.IN_PERSON)
    assert enrolled(event, 9).status == Status.WAITING


def test_free_seats_of_before_are_written_down_when_migrating():
    event = EventFactory(hybrid=True)
    people = [enrolled(event, n) for n in range(1, 6)]
    seats.cancel(people[1]), seats.cancel(people[3])
    Vacancy.objects.all().delete()

    migration = import_module("registrations.migrations.0003_write_down_free_seats")
    for _time in range(2):
        migration.write_down(apps, None)

    assert sorted(Vacancy.objects.values_list("seat", flat=True)) == [2, 4]


def test_a_wish_for_another_mode_stands_in_line_by_the_first_submission(time_machine):
    event = EventFactory(hybrid=True, capacity_in_person=2, capacity_online=1)
    early = verified(event, 1)
    holder = verified(event, 2, mode=Mode.ONLINE)
    time_machine.shift(60)
    late = verified(event, 3, mode=Mode.ONLINE)

    swaps.change_mode(early, Mode.ONLINE)
    early.refresh_from_db()
    assert (early.status, early.mode, early.wished_mode) == (
        Status.CONFIRMED,
        Mode.IN_PERSON,
        Mode.ONLINE,
    )
    assert (line.rank(early), line.rank(late)) == (1, 2)
    seats.cancel(holder)

    early.refresh_from_db()
    assert (early.status, early.mode, early.wished_mode, early.seat) == (
        Status.CONFIRMED,
        Mode.ONLINE,
        "",
        1,
    )
    assert standing(late) == (Status.WAITING, None)
    assert gaps_are_written_down(event, Mode.IN_PERSON)


def test_a_seat_left_for_another_mode_is_offered_in_turn():
    event = EventFactory(hybrid=True, capacity_in_person=1, capacity_online=1)
    here, there = verified(event, 1), verified(event, 2, mode=Mode.ONLINE)
    waits_here = verified(event, 3)
    swaps.change_mode(here, Mode.ONLINE)

    seats.cancel(there)

    assert standing(here) == (Status.CONFIRMED, 1)
    assert here.mode == Mode.ONLINE
    assert standing(waits_here) == (Status.OFFERED, 1)
