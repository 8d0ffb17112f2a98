"""The questions of an event, as organisers write and change them."""

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils.html import escape

from accounts.models import Role
from registrations import answers, seats
from registrations.answers import Given
from registrations.models import Moment, Question, QuestionKind, Special
from tests.factories import (
    EventFactory,
    MembershipFactory,
    OptionFactory,
    QuestionFactory,
    enrolled,
)

pytestmark = pytest.mark.django_db

ODD = "<script>alert(1)</script>"


@pytest.fixture
def event(organisation):
    return EventFactory(organiser=organisation)


@pytest.fixture
def visits(event):
    """A choice of two visits, one with three places."""
    question = QuestionFactory(event=event, kind=QuestionKind.CHOICE, label="Which visit?")
    OptionFactory(question=question, label="Prison", places=3, position=0)
    OptionFactory(question=question, label="Court", position=1)
    return question


def list_of(event):
    return reverse("desk_questions", args=[event.pk])


def form(**changes):
    """What the page of a question sends."""
    return {"label": "Which visit?", "moment": "registration", "purpose": "", **changes}


def new(desk, event, kind, **changes):
    path = reverse("desk_question_new", args=[event.pk]) + f"?kind={kind}"
    return desk.post(path, form(**changes))


def change(desk, question, **changes):
    path = reverse("desk_question", args=[question.event_id, question.pk])
    return desk.post(path, form(label=question.label, **changes))


def press(desk, question, name, **sent):
    return desk.post(reverse(name, args=[question.event_id, question.pk]), sent)


def chooses(registration, question, *labels):
    ids = [question.options.get(label=label).pk for label in labels]
    answers.store(registration, [Given(question, ids)])


def errors(page):
    assert page.status_code == 422
    return {name: " ".join(lines) for name, lines in page.context["form"].errors.items()}


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def options(question):
    return list(question.options.values_list("label", "places"))


# -- Writing --------------------------------------------------------------------------------------


def test_a_choice_is_written_with_options_one_a_line(desk, event):
    answer = new(
        desk,
        event,
        "choice",
        options="Study visit | 20\n\n Workshop A \n",
        has_second_preference="on",
        is_required="on",
        help_text="One of them.",
        purpose="We order the bus by it.",
        moment="confirmed",
    )
    assert answer["Location"] == list_of(event)
    question = Question.objects.get()
    assert options(question) == [("Study visit", 20), ("Workshop A", None)]
    assert (question.kind, question.moment) == (QuestionKind.CHOICE, Moment.CONFIRMED)
    assert (question.has_second_preference, question.is_required) == (True, True)
    assert question.purpose == "We order the bus by it."


@pytest.mark.parametrize("kind", QuestionKind.values)
def test_every_kind_can_be_written_and_asks_only_for_what_fits(desk, event, kind):
    page = desk.get(reverse("desk_question_new", args=[event.pk]) + f"?kind={kind}")
    fields = page.context["form"].fields
    assert ("options" in fields) == (kind in {"choice", "choices"})
    assert ("has_second_preference" in fields) == (kind == "choice")
    assert "readers" not in fields
    assert new(desk, event, kind, options="A\nB").status_code == 302
    assert Question.objects.get().kind == kind


def test_an_unknown_kind_is_a_404(desk, event):
    assert new(desk, event, "essay").status_code == 404


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Give two answers to choose from at least"),
        ("Only one", "Give two answers to choose from at least"),
        ("A\nB | many", "“B | many”: write the number of places behind the bar"),
        ("A\nB | 0", "write the number of places"),
        ("A\nB\nA | 5", "“A” stands there twice."),
        ("A\n" + "x" * 201, "one to 200 letters"),
        ("\n".join(f"Option {n}" for n in range(51)), "At most 50 answers"),
    ],
)
def test_what_is_wrong_with_options_is_said(desk, event, typed, words):
    assert words in errors(new(desk, event, "choice", options=typed))["options"]
    assert not Question.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"label": ""}, "label", "Write the question."),
        ({"label": "x" * 201}, "label", "Shorten it to 200 characters; it has 201 now."),
        ({"moment": ""}, "moment", "Choose when it is asked."),
        ({"condition": "0:yes"}, "condition", "Choose an answer from this list."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(desk, event, changes, field, words):
    assert errors(new(desk, event, "text", **changes)) == {field: words}


def test_a_question_can_depend_on_an_earlier_answer(desk, event, visits):
    court = visits.options.get(label="Court")
    condition = f"{visits.pk}:{court.pk}"
    page = desk.get(reverse("desk_question_new", args=[event.pk]) + "?kind=text")
    choices = page.context["form"].fields["condition"].choices
    assert (condition, "Of those who answer “Court” to “Which visit?”") in choices

    new(desk, event, "text", label="Why?", condition=condition)
    question = Question.objects.get(label="Why?")
    assert (question.shown_if, question.shown_if_answer) == (visits, str(court.pk))
    assert "only after “Which visit?”" in desk.get(list_of(event)).text

    assert "condition" in errors(new(desk, event, "text", condition=f"{visits.pk}:999"))
    later = f"{question.pk}:yes"
    assert "condition" in errors(change(desk, visits, options="Prison | 3\nCourt", condition=later))
    change(desk, question, condition="")
    question.refresh_from_db()
    assert (question.shown_if, question.shown_if_answer) == (None, "")


def test_moments_follow_the_order_of_conditions(desk, event, visits):
    court = visits.options.get(label="Court")
    Question.objects.filter(pk=visits.pk).update(moment=Moment.CONFIRMED)
    sent = {"label": "Why?", "condition": f"{visits.pk}:{court.pk}"}
    assert "so must this be" in errors(new(desk, event, "text", **sent))["moment"]
    Question.objects.filter(pk=visits.pk).update(moment=Moment.REGISTRATION)
    new(desk, event, "text", **sent)
    wrong = change(desk, visits, options="Prison | 3\nCourt", moment="confirmed")
    assert "depends on this one" in errors(wrong)["moment"]


def test_ready_made_questions_are_added_by_one_button_each(desk, manager, event):
    for special in (Special.DIET, Special.ACCESS):
        path = reverse("desk_question_ready_made", args=[event.pk])
        answer = desk.post(path, {"special": special})
        question = Question.objects.get(special=special)
        assert answer["Location"] == reverse("desk_question", args=[event.pk, question.pk])
        assert list(question.readers.all()) == [manager]
        assert (question.is_required, question.purpose != "") == (False, True)
    again = desk.post(path, {"special": Special.DIET})
    assert said(again)[-1] == "The event has this question already."
    desk.post(path, {"special": "religion"})
    assert Question.objects.count() == 2
    assert desk.get(list_of(event)).context["ready_made"] == []


def test_readers_are_those_who_manage_the_event(desk, manager, organisation, event):
    colleague = MembershipFactory(organisation=organisation, role=Role.ORGANISER).user
    editor = MembershipFactory(organisation=organisation, role=Role.EDITOR).user
    stranger = MembershipFactory().user
    desk.post(reverse("desk_question_ready_made", args=[event.pk]), {"special": "diet"})
    question = Question.objects.get()
    shown = desk.get(reverse("desk_question", args=[event.pk, question.pk])).context["form"]
    assert set(shown.fields["readers"].queryset) == {manager, colleague}
    assert shown.initial["readers"] == [manager]

    for wrong in (editor, stranger):
        assert "readers" in errors(change(desk, question, readers=[wrong.pk]))
    assert errors(change(desk, question, readers=[])) == {
        "readers": "Say who may read the answers."
    }
    change(desk, question, readers=[colleague.pk])
    assert list(question.readers.all()) == [colleague]


def test_who_has_answered_is_read_by_nobody_who_was_not_named(desk, manager, organisation, event):
    first = MembershipFactory(organisation=organisation, role=Role.ORGANISER).user
    second = MembershipFactory(organisation=organisation, role=Role.ORGANISER).user
    diet = QuestionFactory(event=event, special="diet")
    change(desk, diet, readers=[manager.pk, first.pk])
    answers.store(enrolled(event, 1), [Given(diet, "vegan", consents=True)])

    added = change(desk, diet, readers=[manager.pk, second.pk])
    assert "remove the question" in errors(added)["readers"]
    assert set(diet.readers.all()) == {manager, first}

    assert change(desk, diet, readers=[first.pk]).status_code == 302
    assert list(diet.readers.all()) == [first]


def test_what_staff_type_is_text_on_the_pages(desk, event):
    new(desk, event, "choice", label=ODD, options=f"{ODD}\nB", help_text=ODD, purpose=ODD)
    question = Question.objects.get()
    for path in (
        list_of(event),
        reverse("desk_question", args=[event.pk, question.pk]),
        reverse("desk_question_remove", args=[event.pk, question.pk]),
        reverse("desk_question_new", args=[event.pk]),
    ):
        text = desk.get(path).text
        assert ODD not in text
        assert escape(ODD) in text


# -- Changing -------------------------------------------------------------------------------------


def test_more_places_are_given_to_those_who_found_none(desk, event, visits):
    prison = visits.options.get(label="Prison")
    people = [enrolled(event, n) for n in range(2)]
    prison.places = 1
    prison.save()
    chooses(people[0], visits, "Prison")
    people[1].answers.create(question=visits, value=[prison.pk])
    change(desk, visits, options="Prison | 2\nCourt")
    held = event.allotments.filter(share=prison.share).values_list("registration", "number")
    assert list(held) == [(people[0].pk, 1), (people[1].pk, 2)]


def test_fewer_places_than_are_taken_are_refused_with_the_number(desk, event, visits):
    for n in range(2):
        chooses(enrolled(event, n), visits, "Prison")
    wrong = change(desk, visits, options="Prison | 1\nCourt")
    assert errors(wrong)["options"] == "“Prison”: 2 places are taken. Give at least as many."
    assert options(visits) == [("Prison", 3), ("Court", None)]
    assert change(desk, visits, options="Prison | 2\nCourt").status_code == 302


def test_a_first_limit_counts_those_who_chose_before(desk, event, visits):
    people = [enrolled(event, n) for n in range(2)]
    for one in people:
        chooses(one, visits, "Court")
    wrong = change(desk, visits, options="Prison | 3\nCourt | 1")
    assert "2 places are taken" in errors(wrong)["options"]
    change(desk, visits, options="Prison | 3\nCourt | 2")
    court = visits.options.get(label="Court")
    held = event.allotments.filter(share=court.share).values_list("registration", "number")
    assert list(held) == [(people[0].pk, 1), (people[1].pk, 2)]


def test_an_option_that_people_chose_cannot_be_taken_away(desk, event, visits):
    for n in range(2):
        chooses(enrolled(event, n), visits, "Prison")
    OptionFactory(question=visits, label="Zoo", position=2)
    wrong = change(desk, visits, options="Court\nZoo")
    assert errors(wrong)["options"] == "“Prison” was chosen by 2 people. Keep it."
    assert change(desk, visits, options="Prison | 3\nCourt").status_code == 302
    assert options(visits) == [("Prison", 3), ("Court", None)]


def test_an_option_that_another_question_depends_on_cannot_be_taken_away(desk, event, visits):
    OptionFactory(question=visits, label="Zoo", position=2)
    court = visits.options.get(label="Court")
    QuestionFactory(event=event, position=1, shown_if=visits, shown_if_answer=str(court.pk))
    wrong = change(desk, visits, options="Prison | 3\nZoo")
    assert "Another question is shown to those who choose “Court”" in errors(wrong)["options"]


def test_a_new_text_keeps_what_people_chose_after_asking(desk, event, visits):
    one = enrolled(event, 1)
    chooses(one, visits, "Prison")
    page = change(desk, visits, options="Women's prison | 3\nCourt")
    assert page.context["warnings"] == [
        "1 person chose “Prison” and will have chosen “Women's prison”."
    ]
    assert options(visits) == [("Prison", 3), ("Court", None)]
    change(desk, visits, options="Women's prison | 3\nCourt", confirmed=page.context["warnings"])
    assert options(visits) == [("Women's prison", 3), ("Court", None)]
    assert answers.in_words(visits, one.answers.get().value) == "Women's prison"


def test_options_change_places_without_losing_anything(desk, event, visits):
    one = enrolled(event, 1)
    chooses(one, visits, "Prison")
    change(desk, visits, options="Zoo\nCourt\nPrison | 3")
    assert options(visits) == [("Zoo", None), ("Court", None), ("Prison", 3)]
    assert answers.in_words(visits, one.answers.get().value) == "Prison"


def test_questions_move_up_and_down_but_not_before_what_they_depend_on(desk, event, visits):
    court = visits.options.get(label="Court")
    second = QuestionFactory(
        event=event, position=0, label="Why?", shown_if=visits, shown_if_answer=str(court.pk)
    )
    third = QuestionFactory(event=event, position=0, label="When?")

    def order():
        return [one.label for one in event.questions.all()]

    press(desk, third, "desk_question_move", to="up")
    assert order() == ["Which visit?", "When?", "Why?"]
    press(desk, third, "desk_question_move", to="up")
    assert order() == ["When?", "Which visit?", "Why?"]
    refused = press(desk, second, "desk_question_move", to="up")
    assert said(refused)[-1].startswith("“Why?” is shown by what people answer")
    press(desk, visits, "desk_question_move", to="down")
    assert order() == ["When?", "Which visit?", "Why?"]
    press(desk, second, "desk_question_move", to="down")
    press(desk, third, "desk_question_move", to="up")
    assert order() == ["When?", "Which visit?", "Why?"]


def test_removing_a_question_says_how_many_answers_go_and_erases_them(
    desk, event, visits, django_capture_on_commit_callbacks
):
    court = visits.options.get(label="Court")
    follower = QuestionFactory(
        event=event, position=1, shown_if=visits, shown_if_answer=str(court.pk)
    )
    for n in range(2):
        chooses(enrolled(event, n), visits, "Prison")
    path = reverse("desk_question_remove", args=[event.pk, visits.pk])
    page = desk.get(path)
    assert page.context["warnings"][1:] == [
        "2 answers are erased for good.",
        "1 other question depends on it and will be asked of everybody.",
    ]
    assert Question.objects.count() == 2
    desk.post(path)
    follower.refresh_from_db()
    assert (follower.shown_if, follower.shown_if_answer) == (None, "")
    assert list(Question.objects.all()) == [follower]
    assert not event.allotments.exists()

    files = QuestionFactory(event=event, kind=QuestionKind.FILE)
    one = event.registrations.first()
    answers.store(one, [Given(files, "a.pdf", file=ContentFile(b"x", name="a.pdf"))])
    stored = one.answers.get().file
    with django_capture_on_commit_callbacks(execute=True):
        press(desk, files, "desk_question_remove")
    assert not stored.storage.exists(stored.name)


def test_a_seat_given_up_keeps_limits_right(desk, event, visits):
    one = enrolled(event, 1)
    chooses(one, visits, "Prison")
    seats.cancel(one)
    assert change(desk, visits, options="Prison | 1\nCourt").status_code == 302


@pytest.mark.parametrize("amount", [1, 3])
def test_the_list_asks_the_database_as_often_for_three_as_for_one(
    desk, manager, event, django_assert_num_queries, amount
):
    for n in range(amount):
        question = QuestionFactory(event=event, kind=QuestionKind.CHOICE, position=n)
        OptionFactory.create_batch(amount, question=question)
        question.readers.set([manager])
    desk.get(list_of(event))
    with django_assert_num_queries(QUERIES):
        desk.get(list_of(event))


#: Wagtail's frame and the tabs (16); the event with its facts (3); questions with options and readers (3).
QUERIES = 21
