"""People change places: mode, substitute, details, address."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import MailDomain
from events import lifecycle
from events.models import Mode
from outbox.models import Message
from registrations import announcements, links, seats, swaps
from registrations.answers import Given
from registrations.models import PersonalFeed, QuestionKind, Registration, Status
from registrations.seats import RefusedSeat
from tests.factories import (
    EventFactory,
    OptionFactory,
    OrganisationFactory,
    QuestionFactory,
    person,
    registered,
    terms,
    verified,
)
from tests.registrations.standing import gaps_are_written_down, reasons, shares, standing
from tests.telling import write

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def member_domain():
    organisation = OrganisationFactory()
    return MailDomain.objects.create(organisation=organisation, domain="ministry.example")


@pytest.fixture
def hybrid():
    return EventFactory(hybrid=True, capacity_in_person=2, capacity_online=1)


# -- Mode -----------------------------------------------------------------------------------------


def test_the_mode_changes_at_once_where_a_seat_is_free(hybrid):
    registration = verified(hybrid)

    swaps.change_mode(registration, Mode.ONLINE)

    registration.refresh_from_db()
    assert (registration.status, registration.mode, registration.seat) == (
        Status.CONFIRMED,
        Mode.ONLINE,
        1,
    )
    assert reasons(registration)[-1].startswith("mode/")
    assert gaps_are_written_down(hybrid, Mode.IN_PERSON)


def test_the_seat_that_is_left_goes_to_the_next_in_line():
    event = EventFactory(hybrid=True, capacity_in_person=1)
    first, second = verified(event, 1), verified(event, 2)

    swaps.change_mode(first, Mode.ONLINE)

    assert standing(second) == (Status.OFFERED, 1)


def test_a_wish_can_be_taken_back(hybrid):
    verified(hybrid, 1, mode=Mode.ONLINE)
    registration = verified(hybrid, 2)

    assert swaps.change_mode(registration, Mode.ONLINE).wished_mode == Mode.ONLINE
    assert swaps.change_mode(registration, Mode.IN_PERSON).wished_mode == ""


def test_who_waits_changes_the_queue_or_gets_a_free_seat(hybrid):
    verified(hybrid, 1), verified(hybrid, 2)
    waiting, other = verified(hybrid, 3), verified(hybrid, 4)

    swaps.change_mode(waiting, Mode.ONLINE)
    swaps.change_mode(other, Mode.ONLINE)

    assert (standing(waiting), waiting.mode) == ((Status.CONFIRMED, 1), Mode.ONLINE)
    assert (standing(other), other.mode) == ((Status.WAITING, None), Mode.ONLINE)


def test_an_unconfirmed_person_takes_the_seat_along(hybrid):
    registration = registered(hybrid)

    swaps.change_mode(registration, Mode.ONLINE)

    assert (standing(registration), registration.mode) == ((Status.UNVERIFIED, 1), Mode.ONLINE)
    assert registered(hybrid, 2).seat == 1


def test_the_limit_of_an_organisation_counts_a_person_once_in_either_mode(hybrid):
    terms(hybrid, most_per_organisation=1)
    registration = verified(hybrid)

    assert swaps.change_mode(registration, Mode.ONLINE).mode == Mode.ONLINE
    assert shares(registration) == {"organisation:probation service": 1}


def test_the_mode_stays_when_the_event_has_begun(hybrid, time_machine):
    registration = verified(hybrid)
    time_machine.move_to(hybrid.starts_at, tick=False)

    with pytest.raises(RefusedSeat, match="before an event begins"):
        swaps.change_mode(registration, Mode.ONLINE)


def test_an_event_has_only_its_own_modes():
    with pytest.raises(RefusedSeat, match="Choose another"):
        swaps.change_mode(verified(EventFactory()), Mode.ONLINE)


def test_who_has_yet_to_confirm_takes_the_place_of_a_choice_along(hybrid):
    question = QuestionFactory(event=hybrid, kind=QuestionKind.CHOICE)
    tour = OptionFactory(question=question, places=1)
    registration = seats.register(
        hybrid, person=person(1), mode=Mode.IN_PERSON, given=[Given(question, [tour.pk])]
    )

    swaps.change_mode(registration, Mode.ONLINE)

    assert shares(seats.verify(registration)) == {tour.share: 1}


def test_who_waits_for_a_decision_holds_no_seat_of_the_other_mode_either():
    event = EventFactory(hybrid=True, entry="approval")

    assert swaps.change_mode(registered(event), Mode.ONLINE).seat is None


def test_a_general_place_that_is_left_for_another_mode_is_offered():
    event = EventFactory(hybrid=True, capacity_in_person=2)
    terms(event, kept_in_person=1, kept_until=NOW + timedelta(days=1))
    first, second = verified(event, 1), verified(event, 2)
    assert second.status == Status.WAITING

    swaps.change_mode(first, Mode.ONLINE)

    assert standing(second) == (Status.OFFERED, 1)


# -- Substitutes ----------------------------------------------------------------------------------


def test_a_substitute_takes_the_seat_when_confirming_and_not_before():
    event = EventFactory(capacity_in_person=1)
    first, waiting = verified(event, 1), verified(event, 2)

    substitute = swaps.name_substitute(first, person=person(3))
    assert standing(first) == (Status.CONFIRMED, 1)
    assert standing(substitute) == (Status.UNVERIFIED, None)
    seats.verify(substitute)

    assert standing(first) == (Status.CANCELLED, None)
    assert standing(substitute) == (Status.CONFIRMED, 1)
    assert standing(waiting) == (Status.WAITING, None)
    assert reasons(first)[-1] == "replaced"
    assert reasons(substitute) == [f"substitute/{first.pk}", "confirmed"]
    withdrawn = Message.objects.get(key__endswith="/replaced")
    assert (withdrawn.calendar_method, withdrawn.recipient) == ("CANCEL", first.email)


def test_somebody_in_line_may_be_the_substitute():
    event = EventFactory(capacity_in_person=1)
    first, _second, third = (verified(event, n) for n in (1, 2, 3))

    assert swaps.name_substitute(first, person=person(3)) == third
    swaps.accept_swap(third)

    assert standing(first) == (Status.CANCELLED, None)
    assert standing(third) == (Status.CONFIRMED, 1)


def test_somebody_with_a_place_is_left_alone():
    event = EventFactory()
    first, other = verified(event, 1), verified(event, 2)

    swaps.name_substitute(first, person=person(2))

    assert standing(first)[0] == standing(other)[0] == Status.CONFIRMED
    other.refresh_from_db()
    assert other.replaces is None


def test_a_substitute_comes_too_late_for_a_seat_that_was_given_up():
    event = EventFactory(capacity_in_person=1)
    first, waiting = verified(event, 1), verified(event, 2)
    substitute = swaps.name_substitute(first, person=person(3))
    seats.cancel(first)

    seats.verify(substitute)

    assert standing(waiting) == (Status.OFFERED, 1)
    assert standing(substitute) == (Status.WAITING, None)


def test_a_substitute_who_has_not_confirmed_cannot_skip_that():
    event = EventFactory()
    terms(event, declaration="I work for a public body.")
    first = verified(event, 1, declares=True)
    substitute = swaps.name_substitute(first, person=person(2))

    with pytest.raises(RefusedSeat, match="Confirm your registration first"):
        swaps.accept_swap(substitute)
    with pytest.raises(RefusedSeat, match="declaration"):
        seats.verify(substitute)

    assert seats.verify(substitute, declares=True).status == Status.CONFIRMED


def test_another_substitute_is_named_instead_of_one_who_is_silent():
    event = EventFactory()
    first = verified(event, 1)
    silent = swaps.name_substitute(first, person=person(2))

    seats.verify(swaps.name_substitute(first, person=person(3)))

    assert standing(silent) == (Status.CANCELLED, None)
    assert Message.objects.filter(recipient=silent.email, state="waiting").count() == 0


def test_a_rule_keeps_a_substitute_of_another_organisation_out_and_nothing_moves():
    event = EventFactory()
    terms(event, most_per_organisation=1)
    first = verified(event, 1, organisation="A")
    verified(event, 2, organisation="B")
    substitute = swaps.name_substitute(first, person=person(3, organisation="B"))

    with pytest.raises(RefusedSeat, match="taken for yours"):
        seats.verify(substitute)

    assert standing(first)[0] == Status.CONFIRMED
    assert standing(substitute) == (Status.UNVERIFIED, None)


def test_a_substitute_of_the_same_organisation_takes_its_share():
    event = EventFactory()
    terms(event, most_per_organisation=1)
    first = verified(event, 1)

    substitute = seats.verify(swaps.name_substitute(first, person=person(2)))

    assert shares(substitute) == {"organisation:probation service": 1}
    assert shares(first) == {}


def test_only_a_confirmed_place_is_passed_on_and_not_to_oneself():
    event = EventFactory(capacity_in_person=1)
    first, waiting = verified(event, 1), verified(event, 2)

    with pytest.raises(RefusedSeat, match="confirmed place"):
        swaps.name_substitute(waiting, person=person(3))
    with pytest.raises(RefusedSeat, match="other person"):
        swaps.name_substitute(first, person=person(1))


# -- Details --------------------------------------------------------------------------------------


def details(registration, **changed):
    said = {
        "given_name": "Ana",
        "family_name": "Müller",
        "organisation": registration.organisation,
        "jurisdiction": None,
        "is_listed": False,
    }
    return swaps.change_details(registration, **{**said, **changed})


def test_another_organisation_counts_in_its_own_share():
    event = EventFactory()
    terms(event, most_per_organisation=1)
    registration = verified(event, 1, organisation="A")
    verified(event, 2, organisation="B")

    with pytest.raises(RefusedSeat, match="taken for yours") as refusal:
        details(registration, organisation="B")
    assert refusal.value.field == "organisation"
    registration.refresh_from_db()
    assert (registration.organisation, shares(registration)) == ("A", {"organisation:a": 1})

    details(registration, organisation="C")
    assert shares(registration) == {"organisation:c": 1}


def test_a_changed_answer_gives_up_the_old_place_and_takes_the_new_one():
    event = EventFactory()
    question = QuestionFactory(event=event, kind=QuestionKind.CHOICE)
    tour, talk = (
        OptionFactory(question=question, places=1),
        OptionFactory(question=question, places=1),
    )
    first = seats.register(
        event, person=person(1), mode=Mode.IN_PERSON, given=[Given(question, [tour.pk])]
    )
    second = seats.register(
        event, person=person(2), mode=Mode.IN_PERSON, given=[Given(question, [talk.pk])]
    )

    with pytest.raises(RefusedSeat, match="all places are taken"):
        details(second, given=[Given(question, [tour.pk])])
    assert shares(second) == {talk.share: 1}
    details(first, given=[Given(question, None)])
    details(second, given=[Given(question, [tour.pk])])

    assert (shares(first), shares(second)) == ({}, {tour.share: 1})


# -- Address --------------------------------------------------------------------------------------


def test_a_new_address_is_proved_and_the_old_one_told():
    registration = verified(EventFactory())
    PersonalFeed.objects.create(email="person1@example.org")
    old_token = links.token_of(registration)

    swaps.ask_new_address(registration, email="new@example.org")
    registration.refresh_from_db()
    assert registration.email == "person1@example.org"
    assert links.find_by_address(links.address_token(registration)) == registration
    asked = Message.objects.get(recipient="new@example.org")
    assert links.address_token(registration) in asked.text
    assert old_token not in asked.text
    swaps.prove_new_address(registration)

    registration.refresh_from_db()
    assert (registration.email, registration.pending_email) == ("new@example.org", "")
    assert links.find(old_token) is None
    told = Message.objects.get(key__contains="address-left")
    taken = Message.objects.get(key__contains="address-taken")
    assert (told.recipient, told.calendar_method) == ("person1@example.org", "CANCEL")
    assert links.token_of(registration) not in told.text + told.html
    assert (taken.recipient, taken.calendar_method) == ("new@example.org", "REQUEST")
    assert list(PersonalFeed.objects.get().kept.all()) == [registration]


def test_a_feed_of_an_old_address_never_shows_the_events_of_the_new_one():
    registration, other = verified(EventFactory(), 1), verified(EventFactory(), 1)
    verified(EventFactory(), 2)
    PersonalFeed.objects.create(email="person1@example.org")
    swaps.ask_new_address(registration, email="person2@example.org")
    registration.refresh_from_db()

    swaps.prove_new_address(registration)

    assert other.email == PersonalFeed.objects.get().email == "person1@example.org"


def test_only_the_address_whose_link_was_followed_is_taken():
    registration = verified(EventFactory())
    swaps.ask_new_address(registration, email="mine@example.org")
    found = links.find_by_address(links.address_token(Registration.objects.get()))
    swaps.ask_new_address(registration, email="victim@example.org")

    with pytest.raises(RefusedSeat, match="asked for since"):
        swaps.prove_new_address(found)

    assert Registration.objects.get().email == "person1@example.org"


def test_a_new_address_obeys_the_rules_of_the_event(member_domain):
    event = EventFactory()
    terms(event, mail_domains="justice.example\nministry.example", most_per_organisation=1)
    registration = verified(event, email="a@justice.example")
    verified(event, email="b@ministry.example")

    with pytest.raises(RefusedSeat, match="open to addresses"):
        swaps.ask_new_address(registration, email="a@company.example")
    swaps.ask_new_address(registration, email="c@ministry.example")
    registration.refresh_from_db()
    with pytest.raises(RefusedSeat, match="taken for yours"):
        swaps.prove_new_address(registration)

    registration.refresh_from_db()
    assert registration.email == "a@justice.example"


def test_a_letter_of_staff_that_still_waits_goes_to_the_new_address():
    registration = verified(EventFactory())
    words = {"subject": "Bus", "text": "It leaves at nine.", "key": "one"}
    announcements.write_to(registration.event, [registration.pk], **words, by=None)
    write()
    swaps.ask_new_address(registration, email="new@example.org")
    registration.refresh_from_db()

    swaps.prove_new_address(registration)

    letter = Message.objects.get(key__contains="/letter/")
    assert (letter.state, letter.recipient) == ("waiting", "new@example.org")


def test_an_address_that_is_registered_already_is_not_taken():
    event = EventFactory()
    registration = verified(event, 1)
    verified(event, 2)
    swaps.ask_new_address(registration, email="person2@example.org")
    registration.refresh_from_db()

    with pytest.raises(RefusedSeat, match="already"):
        swaps.prove_new_address(registration)

    registration.refresh_from_db()
    assert registration.email == "person1@example.org"


def test_a_link_for_one_new_address_is_no_good_for_another():
    registration = verified(EventFactory())
    swaps.ask_new_address(registration, email="new@example.org")
    registration.refresh_from_db()
    token = links.address_token(registration)

    swaps.ask_new_address(registration, email="other@example.org")

    assert links.find_by_address(token) is None
    assert links.find_by_address(links.token_of(registration)) is None


def test_nothing_moves_after_the_event_was_called_off(hybrid):
    registration = verified(hybrid)
    lifecycle.cancel(hybrid, by=None)

    with pytest.raises(RefusedSeat):
        swaps.change_mode(registration, Mode.ONLINE)
    with pytest.raises(RefusedSeat):
        swaps.name_substitute(registration, person=person(2))
    assert Registration.objects.count() == 1
