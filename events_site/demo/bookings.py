"""Fills the next editions with registrations: people register, apply, answer invitations and questions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from django.utils import timezone

from accounts.models import User
from events.models import Event, Mode
from events_site.demo.parts import Part
from events_site.demo.people import People, home_of
from registrations import decisions, invitations, seats, swaps
from registrations.answers import Given
from registrations.guests import Guest
from registrations.models import Invitation, Moment, Question, Registration, Special, Status
from registrations.seats import Person

#: People with the way in which each attends.
Crowd = Sequence[tuple[Person, Mode]]

#: How many people register in person and online. An event that is open to all has a number by chance.
BOOKED: dict[Part, tuple[int, int]] = {
    Part.FEW: (21, 0),
    Part.FULL: (32, 0),
    Part.ONLINE: (0, 25),
    Part.HYBRID: (16, 11),
    Part.INVITATION: (18, 0),
    Part.APPROVAL: (13, 0),
    Part.MEMBERS: (22, 0),
    Part.QUESTIONS: (24, 0),
    Part.LISTED: (0, 14),
    Part.POSTPONED: (8, 0),
    Part.CANCELLED: (8, 0),
}
FEWEST, MOST = 8, 14
#: Fewer places than people, so that some come from the same.
CLOSE_TOGETHER = {Part.MEMBERS: 8}
DIETS = ("vegetarian", "", "no pork", "", "", "vegan", "lactose-free", "")
NEEDS = {3: "A seat near the front: I read lips.", 11: "I use a wheelchair."}
INVITED_AGO = timedelta(days=4)


def book(event: Event, part: Part, *, people: People, by: User) -> None:
    """Register people for a published event, in the way of its part."""
    in_person, online = BOOKED.get(part) or (Random(event.slug).randint(FEWEST, MOST), 0)
    modes = [Mode.IN_PERSON] * in_person + [Mode.ONLINE] * online
    if len(event.modes) == 1:
        modes = [event.modes[0]] * len(modes)
    crowd = people.crowd(
        seed=event.slug,
        people=len(modes),
        jurisdictions=CLOSE_TOGETHER.get(part) or max(6, len(modes) * 2 // 3),
        home=home_of(event.venue.city, event.venue.country) if event.venue else "",
    )
    ways: dict[Part, Callable[[Event, Crowd, User], None]] = {
        Part.OPEN: _register_and_cancel,
        Part.HYBRID: _register_and_wish,
        Part.APPROVAL: _apply,
        Part.INVITATION: _answer_invitations,
        Part.MEMBERS: _register_for_an_organisation,
        Part.QUESTIONS: _answer_questions,
        Part.LISTED: _agree_to_be_named,
    }
    ways.get(part, _register)(event, list(zip(crowd, modes, strict=True)), by)


def _register(event: Event, crowd: Crowd, _by: User) -> None:
    for person, mode in crowd:
        _come(event, person, mode)


def _come(event: Event, person: Person, mode: Mode, given: Sequence[Given] = ()) -> Registration:
    """Register and confirm the address."""
    return seats.verify(seats.register(event, person=person, mode=mode, given=given))


def _register_and_cancel(event: Event, crowd: Crowd, _by: User) -> None:
    """One has cancelled, and the last has not yet confirmed the address."""
    for number, (person, mode) in enumerate(crowd[:-1], start=1):
        registration = _come(event, person, mode)
        if number == FEWEST // 2:
            seats.cancel(registration, why="cannot come after all")
    for person, mode in crowd[-1:]:
        seats.register(event, person=person, mode=mode)


def _register_and_wish(event: Event, crowd: Crowd, by: User) -> None:
    """Both ways of attending are full; two people who come in person would rather stay at home."""
    _register(event, crowd, by)
    for registration in event.registrations.confirmed().filter(mode=Mode.IN_PERSON)[1:3]:
        swaps.change_mode(registration, Mode.ONLINE)


def _apply(event: Event, crowd: Crowd, by: User) -> None:
    """Some are accepted, one is declined, and the others wait for a decision."""
    applied = [_come(event, replace(person, declares=True), mode) for person, mode in crowd]
    for registration in applied[:5]:
        decisions.accept(registration, by=by, note="We look forward to your report.")
    for registration in applied[5:6]:
        decisions.decline(registration, by=by, note="This course is for people who train others.")


def _answer_invitations(event: Event, crowd: Crowd, by: User) -> None:
    """Most are silent, some have opened the invitation, some come, two cannot; all were invited some days ago."""
    guests = [
        Guest(line, person.email, f"{person.given_name} {person.family_name}", person.organisation)
        for line, (person, _mode) in enumerate(crowd, start=1)
    ]
    invitations.invite(event, guests, by=by, sentence="We would be glad to have you with us.")
    for number, (person, mode) in enumerate(crowd):
        invitation = event.invitations.get(email=person.email)
        if number < 7:
            invitations.register(invitation, person=person, mode=mode)
        elif number < 9:
            invitations.decline(invitation)
        elif number < 12:
            invitations.press(invitation)
    Invitation.objects.filter(event=event).update(invited_at=timezone.now() - INVITED_AGO)


def _register_for_an_organisation(event: Event, crowd: Crowd, by: User) -> None:
    """Each names an organisation with its country, so that the limit counts those that are one."""
    named = [
        (replace(person, organisation=f"{person.organisation}, {person.jurisdiction}"), mode)
        for person, mode in crowd
    ]
    _register(event, named, by)


def _agree_to_be_named(event: Event, crowd: Crowd, by: User) -> None:
    """Three of four agree to stand in the public list."""
    agreeing = [
        (replace(person, is_listed=number % 4 != 0), mode)
        for number, (person, mode) in enumerate(crowd)
    ]
    _register(event, agreeing, by)


def _answer_questions(event: Event, crowd: Crowd, _by: User) -> None:
    asked = list(event.questions.with_options())
    for number, (person, mode) in enumerate(crowd):
        first = [one for one in asked if one.moment == Moment.REGISTRATION]
        registration = _come(event, person, mode, [_answer(one, number) for one in first])
        if registration.status == Status.CONFIRMED and number % 3 != 0:
            later = [one for one in asked if one.moment == Moment.CONFIRMED]
            hotel = [Given(later[0], number % 2 == 0)]
            nights = [Given(later[1], str(1 + number % 3))] if number % 2 == 0 else []
            _tell_later(registration, hotel + nights)


def _answer(question: Question, number: int) -> Given:
    """What the person of that number says when registering."""
    options = [option.pk for option in question.options.all()]
    if question.special == Special.DIET:
        return Given(question, DIETS[number % len(DIETS)], consents=True)
    if question.special == Special.ACCESS:
        return Given(question, NEEDS.get(number, ""), consents=True)
    if question.has_second_preference:
        first = (0, 0, 1, 2)[number % 4]
        return Given(question, [options[first], options[(first + 1 + number % 2) % 3]])
    return Given(question, [options[1 if number % 4 == 3 else 0]])


def _tell_later(registration: Registration, given: list[Given]) -> None:
    """Answer what is asked once the place is sure, on the person's own page."""
    swaps.change_details(
        registration,
        given_name=registration.given_name,
        family_name=registration.family_name,
        organisation=registration.organisation,
        jurisdiction=registration.jurisdiction,
        is_listed=registration.is_listed,
        given=given,
    )
