"""Many people want the last place of a choice at the same moment, with real threads: it is given once."""

from functools import partial

import pytest

from registrations import answers, seats, shares, swaps
from registrations.models import Allotment, Registration
from registrations.seating import RefusedSeat
from tests.factories import EventFactory, OptionFactory, QuestionFactory, person, verified
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 20
ROUNDS = range(5)


def chosen(option) -> int:
    """How many people have a place in an option."""
    return Allotment.objects.filter(share=option.share).count()


def choosing(event, question, *options):
    """So many people who register at once with the same choice."""
    given = [answers.Given(question, [option.pk for option in options])]
    return [
        partial(seats.register, event, person=person(n), mode="in-person", given=given)
        for n in range(PEOPLE)
    ]


@pytest.mark.parametrize("turn", ROUNDS)
def test_the_last_place_of_a_choice_goes_once_and_others_read_that_it_is_full(turn):
    event = EventFactory()
    option = OptionFactory(question__event=event, label="Prison", places=3)

    results = at_once(choosing(event, option.question, option))

    refused = [one for one in results if isinstance(one, Exception)]
    assert {type(one) for one in refused} == {RefusedSeat}
    assert {one.field for one in refused} == {answers.field_name(option.question)}
    assert (chosen(option), Registration.objects.count(), len(refused)) == (3, 3, PEOPLE - 3)


@pytest.mark.parametrize("turn", ROUNDS)
def test_who_finds_the_first_preference_full_gets_the_second(turn):
    event = EventFactory()
    question = QuestionFactory(event=event, kind="choice", has_second_preference=True)
    first = OptionFactory(question=question, places=4)
    second = OptionFactory(question=question, places=6)

    results = at_once(choosing(event, question, first, second))

    assert (chosen(first), chosen(second)) == (4, 6)
    assert len([one for one in results if isinstance(one, RefusedSeat)]) == PEOPLE - 10
    assert Allotment.objects.count() == 10


@pytest.mark.parametrize("turn", ROUNDS)
def test_people_who_change_their_answer_at_once_share_no_place(turn):
    event = EventFactory()
    question = QuestionFactory(event=event, kind="choice")
    option = OptionFactory(question=question, places=1)
    people = [verified(event, n) for n in range(8)]

    results = at_once(
        [
            partial(
                swaps.change_details,
                one,
                given_name=one.given_name,
                family_name=one.family_name,
                organisation=one.organisation,
                jurisdiction=None,
                is_listed=False,
                given=[answers.Given(question, [option.pk])],
            )
            for one in people
        ]
    )

    assert len([one for one in results if isinstance(one, RefusedSeat)]) == 7
    assert chosen(option) == 1


@pytest.mark.parametrize("turn", ROUNDS)
def test_the_constraint_alone_gives_no_place_twice(turn):
    event = EventFactory()
    option = OptionFactory(question__event=event, places=3)
    people = [verified(event, n) for n in range(8)]

    results = at_once([partial(shares.take, one, option.share, limit=3) for one in people])

    numbers = Allotment.objects.filter(share=option.share).values_list("number", flat=True)
    assert sorted(numbers) == [1, 2, 3]
    assert (results.count(True), results.count(False)) == (3, 5)
