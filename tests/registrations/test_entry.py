"""Who may come: each rule of an event for a person whom it stops, and for one whom it does not."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import MailDomain
from events.models import Entry, Mode
from outbox.models import Message
from registrations import line, seats
from registrations.entry import Entrance, rules_in_words
from registrations.models import OpeningNotice, Registration, Status, Terms
from registrations.seats import RefusedSeat
from tests.factories import (
    EventFactory,
    InvitationFactory,
    JurisdictionFactory,
    OrganisationFactory,
    enrolled,
    person,
    registered,
    terms,
    verified,
)
from tests.registrations.standing import shares, standing

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


@pytest.fixture(autouse=True)
def _frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def invited(event, n: int = 1, **said) -> Registration:
    """Somebody who registers with an invitation."""
    who = person(n, **said)
    invitation = InvitationFactory(event=event, email=who.email)
    return seats.register(event, person=who, mode=event.modes[0], invitation=invitation)


# -- Members first --------------------------------------------------------------------------------


@pytest.fixture
def member():
    organisation = OrganisationFactory(name="Ministry of Justice", short_name="MoJ", is_member=True)
    MailDomain.objects.create(organisation=organisation, domain="justice.example")
    return organisation


@pytest.fixture
def for_members(member):
    event = EventFactory(capacity_in_person=2)
    terms(event, members_only_until=LATER)
    return event


@pytest.mark.parametrize("email", ["a@justice.example", "a@mail.JUSTICE.example"])
def test_a_member_by_the_domain_of_the_address_gets_a_seat(for_members, email):
    assert standing(verified(for_members, email=email)) == (Status.CONFIRMED, 1)


@pytest.mark.parametrize(
    "said",
    [
        {"email": "a@else.example"},
        {"email": "a@notjustice.example"},
        {"email": "a@else.example", "organisation": "Ministry of Justice"},
    ],
)
def test_others_wait_until_the_members_have_had_their_time(for_members, said):
    other = verified(for_members, **said)

    assert standing(other) == (Status.WAITING, None)
    assert "member organisations first" in Message.objects.latest("pk").text


def test_a_member_without_domains_is_known_by_name(for_members):
    OrganisationFactory(name="Reclassering Nederland", is_member=True)

    assert verified(for_members, 1, organisation="reclassering  NEDERLAND").seat == 1
    assert verified(for_members, 2, organisation="Somebody else").seat is None


def test_the_queue_is_served_when_the_time_of_members_is_over(for_members, time_machine):
    first, second, third = (verified(for_members, n) for n in (1, 2, 3))

    assert line.open_to_all(NOW + timedelta(hours=1)) == 0
    time_machine.move_to(LATER, tick=False)
    assert line.open_to_all(LATER) == 1
    assert line.open_to_all(LATER) == 0

    assert standing(first) == (Status.OFFERED, 1)
    assert standing(second) == (Status.OFFERED, 2)
    assert standing(third) == (Status.WAITING, None)


def test_a_newcomer_does_not_pass_those_who_may_just_have_a_place(for_members, time_machine):
    """The time of members is over, and the clock has not yet come round to serve the queue."""
    verified(for_members, 1)
    time_machine.move_to(LATER + timedelta(seconds=5), tick=False)

    assert registered(for_members, 2).seat is None


def test_an_invited_person_comes_as_a_member_does(for_members):
    assert standing(invited(for_members)) == (Status.CONFIRMED, 1)


def test_a_later_date_for_members_is_heeded_again(for_members, time_machine):
    time_machine.move_to(LATER, tick=False)
    line.open_to_all(LATER)
    stored = Terms.objects.get()
    stored.members_only_until = LATER + timedelta(days=2)
    line.apply_terms(stored)

    assert registered(for_members).seat is None
    time_machine.move_to(LATER + timedelta(days=2), tick=False)
    assert line.open_to_all(LATER + timedelta(days=2)) == 1


# -- Organisations and jurisdictions --------------------------------------------------------------


def test_an_organisation_sends_so_many_and_the_next_waits():
    event = EventFactory()
    terms(event, most_per_organisation=2)

    names = ["Ministry of Justice", "ministry of  justice", "MINISTRY-OF-JUSTICE", "Another"]
    people = [verified(event, n, organisation=name) for n, name in enumerate(names)]

    assert [one.status for one in people] == [
        Status.CONFIRMED,
        Status.CONFIRMED,
        Status.WAITING,
        Status.CONFIRMED,
    ]
    assert shares(people[1]) == {"organisation:ministry of justice": 2}
    assert shares(people[2]) == {}


def test_colleagues_of_one_domain_are_of_one_organisation_whatever_they_call_it(member):
    event = EventFactory()
    terms(event, most_per_organisation=1)

    first = verified(event, email="a@justice.example", organisation="MoJ")
    second = verified(event, email="b@prisons.justice.example", organisation="Prison Service")

    assert (first.status, second.status) == (Status.CONFIRMED, Status.WAITING)


def test_a_place_given_up_goes_to_the_next_of_the_same_organisation():
    event = EventFactory()
    terms(event, most_per_organisation=1)
    first, second, third = (verified(event, n) for n in (1, 2, 3))

    seats.cancel(first)

    assert standing(second) == (Status.OFFERED, first.seat or 1)
    assert standing(third) == (Status.WAITING, None)


def test_who_may_not_have_the_place_is_passed_over_and_stays_in_line():
    event = EventFactory(capacity_in_person=2)
    terms(event, most_per_organisation=1)
    holder = verified(event, 1, organisation="A")
    leaving = verified(event, 2, organisation="B")
    passed = verified(event, 3, organisation="A")
    served = verified(event, 4, organisation="C")

    seats.cancel(leaving)

    assert standing(holder)[0] == Status.CONFIRMED
    assert standing(passed) == (Status.WAITING, None)
    assert standing(served) == (Status.OFFERED, 2)


def test_a_jurisdiction_sends_so_many():
    event = EventFactory()
    terms(event, most_per_jurisdiction=1)
    scotland, spain = JurisdictionFactory(), JurisdictionFactory()

    people = [
        verified(event, n, jurisdiction=one) for n, one in enumerate([scotland, spain, spain])
    ]

    assert [one.status for one in people] == [Status.CONFIRMED, Status.CONFIRMED, Status.WAITING]


@pytest.mark.parametrize(
    ("rule", "field"),
    [("most_per_organisation", "organisation"), ("most_per_jurisdiction", "jurisdiction")],
)
@pytest.mark.parametrize("way", [registered, enrolled])
def test_who_does_not_say_where_from_is_asked(rule, field, way):
    event = EventFactory()
    terms(event, **{rule: 1})

    with pytest.raises(RefusedSeat) as refusal:
        way(event, organisation=" ", jurisdiction=None)

    assert refusal.value.field == field
    assert Registration.objects.count() == 0


def test_the_desk_obeys_the_rules_too():
    event = EventFactory()
    terms(event, most_per_organisation=1)

    assert [enrolled(event, n).status for n in (1, 2)] == [Status.CONFIRMED, Status.WAITING]


def test_a_new_limit_leaves_everybody_seated_and_counts_them():
    event = EventFactory()
    people = [verified(event, n) for n in (1, 2, 3)]

    terms(event, most_per_organisation=2)

    assert [one.status for one in people] == [Status.CONFIRMED] * 3
    assert [shares(one) for one in people] == [
        {"organisation:probation service": number} for number in (1, 2, 3)
    ]
    seats.cancel(people[0])
    assert verified(event, 4).status == Status.WAITING


def test_a_limit_that_is_lifted_serves_the_queue():
    event = EventFactory()
    terms(event, most_per_organisation=1)
    waiting = [verified(event, n) for n in (1, 2, 3)][1:]
    stored = Terms.objects.get()
    stored.most_per_organisation = None

    line.apply_terms(stored)

    assert [standing(one)[0] for one in waiting] == [Status.OFFERED] * 2


# -- Addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [registered, enrolled])
def test_only_addresses_of_the_named_domains_register(way):
    event = EventFactory()
    terms(event, mail_domains="justice.example\n@Prisons.example")

    assert way(event, 1, email="a@justice.example").pk
    assert way(event, 2, email="b@mail.prisons.example").pk
    with pytest.raises(RefusedSeat, match=r"justice\.example, prisons\.example") as refusal:
        way(event, 3, email="c@company.example")
    assert refusal.value.field == "email"


def test_an_invited_person_registers_with_any_address():
    event = EventFactory()
    terms(event, mail_domains="justice.example")

    assert invited(event).status == Status.CONFIRMED


# -- Places kept for invited people ---------------------------------------------------------------


def test_kept_places_are_for_invited_people_until_a_date(time_machine):
    event = EventFactory(capacity_in_person=3)
    terms(event, kept_in_person=2, kept_until=LATER)

    first, second = verified(event, 1), verified(event, 2)
    assert (first.status, second.status) == (Status.CONFIRMED, Status.WAITING)
    assert "kept for invited people" in Message.objects.latest("pk").text
    assert invited(event, 3).status == Status.CONFIRMED

    time_machine.move_to(LATER, tick=False)
    line.open_to_all(LATER)

    assert standing(second) == (Status.OFFERED, 3)


def test_invited_people_get_past_the_kept_places_too():
    event = EventFactory(capacity_in_person=2)
    terms(event, kept_in_person=1, kept_until=LATER)

    assert [invited(event, n).status for n in (1, 2, 3)] == [
        Status.CONFIRMED,
        Status.CONFIRMED,
        Status.WAITING,
    ]


def test_places_of_one_mode_are_kept_in_that_mode_alone():
    event = EventFactory(hybrid=True, capacity_in_person=1, capacity_online=1)
    terms(event, kept_in_person=1, kept_until=LATER)

    assert verified(event, 1).status == Status.WAITING
    assert verified(event, 2, mode=Mode.ONLINE).status == Status.CONFIRMED


# -- Invitations ----------------------------------------------------------------------------------


def test_an_invitation_opens_an_event_that_is_by_invitation_only():
    event = EventFactory(entry=Entry.INVITATION)

    with pytest.raises(RefusedSeat):
        registered(event, 1)
    assert standing(invited(event, 1)) == (Status.CONFIRMED, 1)


def test_an_invitation_needs_no_decision():
    event = EventFactory(entry=Entry.APPROVAL)

    assert invited(event).status == Status.CONFIRMED


def test_an_invitation_leaves_the_general_place_to_others():
    event = EventFactory(capacity_in_person=2)
    terms(event, kept_in_person=1, kept_until=LATER)
    first = verified(event, 1)
    assert shares(first) == {"general:in-person": 1}

    assert invited(event, 1).pk == first.pk

    assert shares(first) == {}
    assert verified(event, 2).status == Status.CONFIRMED


def test_an_invitation_moves_on_who_was_there_already():
    event = EventFactory(capacity_in_person=2)
    terms(event, kept_in_person=1, kept_until=LATER)
    verified(event, 1)
    unverified, waiting = registered(event, 2), verified(event, 3)
    seats.cancel(verified(event, 4))

    assert standing(invited(event, 2)) == (Status.CONFIRMED, 2)
    assert standing(unverified) == (Status.CONFIRMED, 2)
    assert invited(event, 3).pk == waiting.pk
    assert standing(waiting) == (Status.WAITING, None)


# -- Address check --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, Status.CONFIRMED),
        ({"entry": Entry.APPROVAL}, Status.APPLIED),
        ({"capacity_in_person": 0}, Status.WAITING),
    ],
)
def test_without_the_check_of_addresses_the_state_goes_straight_on(fields, status):
    event = EventFactory(**fields)
    terms(event, checks_address=False)

    assert registered(event).status == status


# -- Being told -----------------------------------------------------------------------------------


def test_who_asked_is_told_once_when_registering_opens(time_machine):
    event = EventFactory(opens_at=NOW + timedelta(days=1))
    terms(event, members_only_until=LATER)
    OpeningNotice.objects.create(event=event, email="a@example.org")

    for moment, told in [(NOW, 0), (NOW + timedelta(days=2), 0), (LATER, 1), (LATER, 0)]:
        time_machine.move_to(moment, tick=False)
        assert line.tell_of_openings(moment) == told

    message = Message.objects.get()
    assert (message.recipient, message.key[:8]) == ("a@example.org", "opening/")
    assert OpeningNotice.objects.count() == 0


def test_nobody_is_told_of_an_event_that_was_called_off():
    event = EventFactory(status="cancelled")
    OpeningNotice.objects.create(event=event, email="a@example.org")

    assert line.tell_of_openings(NOW) == 0
    assert OpeningNotice.objects.count() == 0


# -- Words ----------------------------------------------------------------------------------------


def test_the_rules_are_said_in_words():
    event = EventFactory(timezone="Europe/Madrid")
    stored = terms(
        event,
        members_only_until=LATER,
        mail_domains="justice.example",
        most_per_organisation=3,
        most_per_jurisdiction=1,
    )

    assert rules_in_words(stored, NOW) == [
        "Until 4 March, 13:00 (UTC+1) places go to member organisations first."
        " Others join the waiting list until then.",
        "Registering is open to addresses at justice.example.",
        "At most 3 people from one organisation have a place; others join the waiting list.",
        "At most 1 person from one country or jurisdiction has a place; others join the waiting list.",
    ]


def test_somebody_with_a_seat_is_not_hindered_by_being_counted():
    event = EventFactory()
    terms(event, most_per_organisation=1)
    registration = verified(event)

    assert Entrance(event).hindrance(registration, Mode.IN_PERSON) == ""
