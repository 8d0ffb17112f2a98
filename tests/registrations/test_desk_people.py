"""The desk's list of an event's people, and the page of one person."""

import re

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from events.models import Entry, Mode
from registrations import answers, decisions, erasure, seats, swaps
from registrations.answers import Given
from registrations.models import (
    Erasure,
    Invitation,
    QuestionKind,
    Registration,
    Special,
    Status,
)
from tests.factories import (
    EventFactory,
    InvitationFactory,
    JurisdictionFactory,
    MembershipFactory,
    OptionFactory,
    QuestionFactory,
    enrolled,
    person,
    registered,
    terms,
    verified,
)

pytestmark = pytest.mark.django_db

#: Wagtail's frame and the tabs (15); the event with its facts (3); questions with options and readers (3); the count,
#: states, people, answers, queue, whose mail comes back, what was erased; and the jurisdictions to choose from.
LIST = 29

#: Text that would do something if it were not text.
ODD = '<b onclick="x()">=1+1</b>'


@pytest.fixture
def event(organisation):
    return EventFactory(organiser=organisation, hybrid=True, capacity_in_person=2)


def page_of(event, query=""):
    return reverse("desk_participants", args=[event.pk]) + query


def found(desk, event, query=""):
    """The numbers of the people on the first page, in its order."""
    page = desk.get(page_of(event, query)).context["page"]
    return [int(one.family_name.split()[-1]) for one in page]


def one_page(event, registration):
    return reverse("desk_participant", args=[event.pk, registration.pk])


def answer(registration, question, value, **more):
    answers.store(registration, [Given(question, value, **more)])
    return registration.answers.get(question=question)


# -- The list -------------------------------------------------------------------------------------


def test_filters_narrow_the_list_each_and_together(desk, event):
    scotland = JurisdictionFactory(code="GB-SCT", name="Scotland", country="GB")
    enrolled(event, 1, jurisdiction=scotland, organisation="Police Academy")
    enrolled(event, 2, mode=Mode.ONLINE)
    registered(event, 3, jurisdiction=scotland)
    seats.cancel(enrolled(event, 4, mode=Mode.ONLINE))

    for query, people in (
        ("", [1, 2, 3, 4]),
        ("?q=scot", [1, 3]),
        ("?q=person2@example.org", [2]),
        ("?q=müller+2", [2]),
        ("?state=unverified", [3]),
        ("?state=live", [1, 2, 3]),
        ("?mode=online", [2, 4]),
        ("?mode=online&state=confirmed", [2]),
        ("?jurisdiction=GB-SCT", [1, 3]),
        ("?organisation=academy", [1]),
        ("?jurisdiction=GB-SCT&organisation=academy&q=ana", [1]),
        ("?q=nobody", []),
        ("?state=no-such-state", [1, 2, 3, 4]),
    ):
        assert found(desk, event, query) == people, query


@pytest.mark.sqlite_too
def test_people_are_found_by_their_answers(desk, event):
    lunch = QuestionFactory(event=event, kind=QuestionKind.CHOICE, label="Lunch")
    options = OptionFactory.create_batch(12, question=lunch)
    first, twelfth = options[0], options[11]
    visits = QuestionFactory(event=event, kind=QuestionKind.YES_NO, label="Visit?")
    one, two, three = (enrolled(event, n, mode=Mode.ONLINE) for n in (1, 2, 3))
    answer(one, lunch, [first.pk])
    answer(two, lunch, [twelfth.pk])
    answer(one, visits, True)
    answer(three, visits, False)
    lunch_name, visits_name = answers.field_name(lunch), answers.field_name(visits)

    for query, people in (
        (f"?{lunch_name}={first.pk}", [1]),
        (f"?{lunch_name}={twelfth.pk}", [2]),
        (f"?{lunch_name}=none", [3]),
        (f"?{visits_name}=yes", [1]),
        (f"?{visits_name}=no", [3]),
        (f"?{visits_name}=none", [2]),
        (f"?{lunch_name}={first.pk}&{visits_name}=no", []),
        (f"?{lunch_name}=1+or+1", [1, 2, 3]),
    ):
        assert found(desk, event, query) == people, query


def test_sorting_and_columns_stand_in_the_address(desk, event):
    hotel = QuestionFactory(event=event, label="Which hotel?")
    one, _two = enrolled(event, 1, organisation="B"), enrolled(event, 2, organisation="A")
    answer(one, hotel, "The Ritz")

    assert found(desk, event, "?sort=-name") == [2, 1]
    assert found(desk, event, "?sort=organisation") == [2, 1]
    assert found(desk, event, "?sort=-registered") == [2, 1]
    assert found(desk, event, "?sort=password") == [1, 2]
    query = f"?col=reference&col={answers.field_name(hotel)}&sort=name"
    page = desk.get(page_of(event, query))
    assert [str(column.label) for column in page.context["listed"].columns] == [
        "Reference",
        "Which hotel?",
    ]
    assert [text for _key, text in page.context["rows"][0]["cells"]] == [one.reference, "The Ritz"]
    assert "The Ritz" in page.text
    assert f'name="col" value="{answers.field_name(hotel)}"' in page.text


def test_the_queue_is_shown_with_its_numbers_and_offers_with_their_deadline(desk, event):
    seated = [enrolled(event, n) for n in (1, 2)]
    enrolled(event, 3)
    enrolled(event, 4)
    seats.cancel(seated[0])

    rows = {row["person"].email: row for row in desk.get(page_of(event)).context["rows"]}

    assert rows["person4@example.org"]["rank"] == 1
    assert rows["person3@example.org"]["until"] != ""
    page = desk.get(page_of(event)).text
    assert "number 1 in the queue" in page
    assert f"until {rows['person3@example.org']['until']}" in page


def test_who_waits_for_a_decision_is_said_on_top(desk, organisation):
    event = EventFactory(organiser=organisation, entry=Entry.APPROVAL)
    assert "your decision" not in desk.get(page_of(event)).text
    verified(event, 1)
    assert "1 person waits for your decision" in desk.get(page_of(event)).text
    verified(event, 2)
    assert "2 people wait for your decision" in desk.get(page_of(event)).text
    assert found(desk, event, "?state=applied&sort=registered") == [1, 2]


def test_special_answers_are_in_no_list_whatever_the_address_asks(desk, manager, event):
    diet = QuestionFactory(event=event, label="Diet?", special=Special.DIET)
    diet.readers.set([manager])
    answer(enrolled(event, 1), diet, "no nuts", consents=True)
    name = answers.field_name(diet)

    page = desk.get(page_of(event, f"?col={name}&{name}=yes&q=nuts&sort={name}"))
    listed = page.context["listed"]

    assert name not in {column.key for column in listed.all_columns}
    assert name not in listed.filter.filters
    assert "Diet?" not in page.text


def test_what_people_type_is_text_in_the_list_and_on_their_page(desk, event):
    question = QuestionFactory(event=event, label=f"Why? {ODD}")
    one = enrolled(event, 1, given_name=ODD, organisation=ODD)
    answer(one, question, ODD)
    query = f"?col=organisation&col={answers.field_name(question)}"

    for page in (page_of(event, query), one_page(event, one), page_of(event, f"?q={ODD}")):
        text = desk.get(page).text
        assert ODD not in text
        assert escape(ODD) in text


@pytest.mark.parametrize("amount", [1, 3])
def test_the_list_asks_the_database_as_often_for_three_as_for_one(
    desk, event, django_assert_num_queries, amount
):
    question = QuestionFactory(event=event, kind=QuestionKind.CHOICE)
    option = OptionFactory(question=question)
    for n in range(amount):
        OptionFactory(question=question)
        one = enrolled(event, n, jurisdiction=JurisdictionFactory())
        answer(one, question, [option.pk])
        seats.enrol(event, person=person(n + 10), mode=Mode.IN_PERSON, by=None)
    for n in range(3):
        enrolled(event, n + 20)
    desk.get(page_of(event))
    query = f"?col=organisation&col={answers.field_name(question)}&state=live"
    with django_assert_num_queries(LIST):
        desk.get(page_of(event, query))


# -- One person -----------------------------------------------------------------------------------


def test_a_persons_page_shows_everything_that_is_known(desk, manager, event):
    invitation = InvitationFactory(event=event, name="Dr. Ana")
    hotel = QuestionFactory(event=event, label="Which hotel?")
    one = seats.register(event, person=person(1), mode=Mode.IN_PERSON, invitation=invitation)
    answer(one, hotel, "The Ritz")
    mate = seats.register(event, person=person(2), mode=Mode.IN_PERSON, brought_by=one)
    substitute = swaps.name_substitute(one, person=person(3))
    enrolled(event, 4)
    Registration.objects.filter(pk=one.pk).update(wished_mode=Mode.ONLINE)

    page = desk.get(one_page(event, one))

    for words in ("The Ritz", "Dr. Ana, invited on", "Would rather attend", "Named a substitute"):
        assert words in page.text, words
    for other in (mate, substitute):
        assert one_page(event, other) in page.text
        assert one_page(event, one) in desk.get(one_page(event, other)).text
    assert "no-store" in page["Cache-Control"]
    assert Invitation.objects.count() == 1


def test_special_answers_are_shown_to_their_readers_alone_and_each_reading_is_noted(
    desk, manager, organisation, event
):
    diet = QuestionFactory(event=event, label="Diet?", special=Special.DIET)
    diet.readers.set([manager])
    one = enrolled(event, 1)
    answer(one, diet, "no nuts", consents=True)
    colleague = Client()
    colleague.force_login(MembershipFactory(organisation=organisation).user)
    path = one_page(event, one)

    for page in (desk.get(path), colleague.get(path), colleague.post(path, {"read": "yes"})):
        assert "no nuts" not in page.text
        assert f"Only these people may read it: {manager}" in re.sub(r"\s+", " ", page.text)
    assert not one.changes.exclude(reason="").exists()
    assert "Read the answers" not in colleague.get(path).text

    assert "no nuts" in desk.post(path, {"read": "yes"}).text
    noted = one.changes.exclude(reason="").get()
    assert (noted.changed_by, noted.reason) == (manager, "read: Diet?")
    assert "no nuts" not in desk.get(path).text


def test_a_file_is_saved_under_our_name_and_never_shown(desk, event):
    question = QuestionFactory(event=event, kind=QuestionKind.FILE)
    one = enrolled(event, 1)
    given = ContentFile(b"<script>alert(1)</script>", name='../"evil".html')
    stored = answer(one, question, "evil.html", file=given)
    path = reverse("desk_answer_file", args=[event.pk, one.pk, stored.pk])

    answered = desk.get(path)

    assert path in desk.get(one_page(event, one)).text
    assert answered.content == b"<script>alert(1)</script>"
    assert answered["Content-Disposition"].startswith(
        f'attachment; filename="{one.reference}-{question.pk}'
    )
    assert "evil" not in answered["Content-Disposition"]
    assert answered["Content-Type"] == "application/octet-stream"
    assert answered["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answered["Cache-Control"]


def test_a_file_of_a_special_question_or_that_is_gone_is_a_404(desk, manager, event):
    one = enrolled(event, 1)
    special = QuestionFactory(event=event, kind=QuestionKind.FILE, special=Special.ACCESS)
    plain = QuestionFactory(event=event, kind=QuestionKind.FILE)
    for question in (special, plain):
        question.readers.set([manager])
        answer(one, question, "a.pdf", file=ContentFile(b"x", name="a.pdf"), consents=True)
    one.answers.get(question=plain).file.storage.delete(one.answers.get(question=plain).file.name)

    for stored in one.answers.all():
        path = reverse("desk_answer_file", args=[event.pk, one.pk, stored.pk])
        assert desk.get(path).status_code == 404


# -- Adding by hand -------------------------------------------------------------------------------


def add(desk, event, n=1, **more):
    form = {
        "given_name": "Ana",
        "family_name": f"Müller {n}",
        "email": f"person{n}@example.org",
        "organisation": "",
        "mode": "in-person",
        **more,
    }
    return desk.post(reverse("desk_participant_new", args=[event.pk]), form, follow=True)


def test_the_rules_of_the_event_hold_for_people_added_by_hand(desk, event):
    terms(event, mail_domains="justice.example", most_per_organisation=1)

    page = add(desk, event)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["email"]
    page = add(desk, event, email="ana@justice.example")
    assert list(page.context["form"].errors) == ["organisation"]
    assert not Registration.objects.exists()

    said = {"organisation": "Police", "email": "ana@justice.example"}
    assert "has a place" in add(desk, event, **said).text
    said["email"] = "bea@justice.example"
    assert (
        "is on the waiting list. The 1 place for people of one organisation is taken for yours."
        in add(desk, event, **said).text
    )


def test_the_declaration_holds_for_people_added_by_hand(desk, event):
    terms(event, declaration="I work for a public body.")
    said = {
        "given_name": "Ana",
        "family_name": "Novak",
        "email": "ana@example.org",
        "mode": "in-person",
    }
    path = reverse("desk_participant_new", args=[event.pk])

    refused = desk.post(path, said)
    assert refused.status_code == 422
    assert event.registrations.count() == 0
    desk.post(path, {**said, "declares": "yes"})

    assert event.registrations.get().declared_at


def test_somebody_added_to_a_full_event_waits_and_staff_hear_why(desk, event):
    enrolled(event, 1)
    enrolled(event, 2)
    assert "Ana Müller 3 is on the waiting list. No place is free." in add(desk, event, 3).text
    assert Registration.objects.get(email="person3@example.org").status == Status.WAITING


def test_what_was_erased_is_said_without_saying_who(desk, event):
    registration = verified(event)
    erasure.erase([registration], reason=Erasure.Reason.ASKED)

    page = desk.get(reverse("desk_participants", args=[event.pk])).text

    assert "What was erased" in page
    assert "1 person" in page
    assert "the person asked for it" in page
    assert registration.email not in page


def test_the_erased_stand_last_without_name_or_address_and_are_counted(desk, event):
    gone, stays = enrolled(event, 1), enrolled(event, 2)
    erasure.erase([gone], reason=Erasure.Reason.ASKED)

    page = desk.get(page_of(event))

    assert [row["person"].pk for row in page.context["rows"]] == [stays.pk, gone.pk]
    assert page.context["total"] == 2
    assert "@erased.invalid" not in page.text
    assert f'name="person" value="{gone.pk}"' not in page.text
    assert re.search(r">erased<span", page.text)
    assert "@erased.invalid" not in desk.get(one_page(event, gone)).text


def test_home_says_where_people_wait_for_a_decision(desk, organisation):
    event = EventFactory(organiser=organisation, entry=Entry.APPROVAL, title="Quetzal")
    EventFactory(entry=Entry.APPROVAL, title="Of others")
    one = verified(event, 1)
    verified(event, 2)
    home = desk.get("/desk/").text
    assert "2 people wait for your decision: “Quetzal”" in home
    assert f"{page_of(event)}?state=applied&amp;sort=registered" in home
    assert "Of others" not in home

    decisions.accept(one, by=None)
    assert "1 person waits for your decision: “Quetzal”" in desk.get("/desk/").text
