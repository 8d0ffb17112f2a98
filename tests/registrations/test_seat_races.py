"""Many people at the same moment, with real threads: no seat is given twice, nobody is refused for nothing."""

from functools import partial

import pytest
from django.db.models import Count

from events.models import Event, Mode
from outbox.models import Message
from registrations import seating, seats, swaps
from registrations.answers import Given
from registrations.models import Registration, Status
from tests.factories import EventFactory, OptionFactory, person, registered, terms, verified
from tests.registrations.standing import gaps_are_written_down
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, SEATS = 60, 10
#: Twenty on PostgreSQL, where people really race; one on SQLite, where writers wait for one another.
ROUNDS = [pytest.param(0, marks=pytest.mark.sqlite_too), *range(1, 20)]
#: Without the lock people try again and again for one seat, which takes long.
FEW_ROUNDS = ROUNDS[:4]


def states(event: Event) -> dict[str, int]:
    """How many registrations are in each state."""
    counted = event.registrations.order_by().values("status").annotate(number=Count("pk"))
    return {row["status"]: row["number"] for row in counted}


def held_seats(event: Event) -> list[int]:
    return sorted(event.registrations.seated().values_list("seat", flat=True))


def rush(event: Event) -> list[Registration]:
    """Sixty people register at once."""
    registrations = at_once(
        [
            partial(seats.register, event, person=person(n), mode=Mode.IN_PERSON)
            for n in range(PEOPLE)
        ]
    )
    assert [one for one in registrations if isinstance(one, Exception)] == []
    return registrations


@pytest.mark.parametrize("turn", ROUNDS)
def test_the_last_seats_go_once_when_sixty_people_want_ten(turn):
    event = EventFactory(capacity_in_person=SEATS)

    registrations = rush(event)
    assert held_seats(event) == list(range(1, SEATS + 1))
    answers = at_once([partial(seats.verify, one) for one in registrations])

    assert [one for one in answers if isinstance(one, Exception)] == []
    assert states(event) == {Status.CONFIRMED: SEATS, Status.WAITING: PEOPLE - SEATS}
    assert held_seats(event) == list(range(1, SEATS + 1))
    assert Message.objects.count() == 2 * PEOPLE


@pytest.mark.parametrize("turn", FEW_ROUNDS)
def test_the_constraint_alone_never_overbooks(turn, monkeypatch):
    monkeypatch.setattr(seating, "lock_event", lambda event: Event.objects.get(pk=event.pk))
    event = EventFactory(capacity_in_person=SEATS)

    rush(event)

    assert states(event) == {Status.UNVERIFIED: PEOPLE}
    assert held_seats(event) == list(range(1, SEATS + 1))


@pytest.mark.parametrize("locked", [True, False], ids=["with the lock", "without the lock"])
def test_the_same_form_ten_times_at_once_gives_one_registration_and_one_mail(locked, monkeypatch):
    if not locked:
        monkeypatch.setattr(seating, "lock_event", lambda event: Event.objects.get(pk=event.pk))
    event = EventFactory(capacity_in_person=SEATS)

    answers = at_once([partial(registered, event) for _n in range(10)])

    registration = Registration.objects.get()
    assert answers == [registration] * 10
    assert held_seats(event) == [1]
    assert Message.objects.get().key == f"registration/{registration.pk}/verify"


def test_the_same_button_ten_times_at_once_confirms_once():
    event = EventFactory(capacity_in_person=SEATS)
    registration = registered(event)

    answers = at_once([partial(seats.verify, registration) for _n in range(10)])

    assert [answer.status for answer in answers] == [Status.CONFIRMED] * 10
    assert registration.changes.count() == 2
    assert Message.objects.count() == 2


def test_a_seat_that_ten_withdraw_at_once_is_offered_once_each():
    event = EventFactory(capacity_in_person=SEATS)
    holders = [verified(event, n) for n in range(SEATS)]
    queue = [verified(event, n) for n in range(SEATS, SEATS + 15)]

    at_once([partial(seats.cancel, holder) for holder in holders])

    for one in queue:
        one.refresh_from_db()
    assert [one.status for one in queue] == [Status.OFFERED] * 10 + [Status.WAITING] * 5
    assert sorted(one.seat for one in queue[:10]) == list(range(1, SEATS + 1))


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("locked", [True, False], ids=["with the lock", "without the lock"])
def test_the_last_places_of_an_organisation_go_once(locked, turn, monkeypatch):
    if not locked:
        monkeypatch.setattr(seating, "lock_event", lambda event: Event.objects.get(pk=event.pk))
    event = EventFactory()
    terms(event, most_per_organisation=3)

    registrations = rush(event)

    assert sum(one.seat is not None for one in registrations) == 3
    numbers = event.allotments.values_list("number", flat=True)
    assert sorted(numbers) == [1, 2, 3]


@pytest.mark.parametrize("locked", [True, False], ids=["with the lock", "without the lock"])
def test_the_last_place_of_a_choice_goes_once(locked, monkeypatch):
    if not locked:
        monkeypatch.setattr(seating, "lock_event", lambda event: Event.objects.get(pk=event.pk))
    event = EventFactory()
    tour = OptionFactory(question__event=event, places=1)
    given = [Given(tour.question, [tour.pk])]

    answers = at_once(
        [
            partial(seats.register, event, person=person(n), mode=Mode.IN_PERSON, given=given)
            for n in range(12)
        ]
    )

    [winner] = [one for one in answers if isinstance(one, Registration)]
    refused = [one for one in answers if isinstance(one, seats.RefusedSeat)]
    assert len(refused) == 11
    assert {one.field for one in refused} == {f"question_{tour.question.pk}"}
    assert event.registrations.get() == winner
    assert winner.allotments.get().share == tour.share


def test_two_substitutes_at_once_end_with_one_seat_and_one_person_on_it():
    event = EventFactory(capacity_in_person=1)
    first = verified(event, 1)
    waiting = [verified(event, n) for n in (2, 3)]
    for one in waiting:
        swaps.name_substitute(first, person=person(int(one.family_name.split()[1])))

    answers = at_once([partial(swaps.accept_swap, one) for one in waiting])

    assert sum(isinstance(one, Registration) for one in answers) == 1
    assert states(event) == {Status.CANCELLED: 1, Status.CONFIRMED: 1, Status.WAITING: 1}
    assert held_seats(event) == [1]


def test_everybody_changes_mode_at_once_and_no_seat_is_lost():
    event = EventFactory(hybrid=True, capacity_in_person=5, capacity_online=5)
    people = [verified(event, n) for n in range(5)]
    people += [verified(event, n, mode=Mode.ONLINE) for n in range(5, 8)]

    answers = at_once(
        [
            partial(
                swaps.change_mode,
                one,
                Mode.ONLINE if one.mode == Mode.IN_PERSON else Mode.IN_PERSON,
            )
            for one in people
        ]
    )

    assert [one for one in answers if isinstance(one, Exception)] == []
    assert states(event) == {Status.CONFIRMED: 8}
    for mode in Mode:
        assert gaps_are_written_down(event, mode)


def test_taking_an_offer_and_its_expiry_at_once_end_in_one_of_both():
    event = EventFactory(capacity_in_person=1)
    first, second, third = (verified(event, n) for n in (1, 2, 3))
    seats.cancel(first)
    second.refresh_from_db()

    at_once(
        [
            partial(seats.accept_offer, second),
            partial(seats.expire_lapsed, second.expires_at),
            partial(seats.expire_lapsed, second.expires_at),
        ]
    )

    second.refresh_from_db(), third.refresh_from_db()
    assert (second.status, third.status) in {
        (Status.CONFIRMED, Status.WAITING),
        (Status.EXPIRED, Status.OFFERED),
    }
    assert held_seats(event) == [1]
