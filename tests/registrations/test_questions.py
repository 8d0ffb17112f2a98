"""The questions of an event as fields of a form: every kind, conditions, places, consent, files."""

import io
import zlib
from datetime import UTC, date, datetime

import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from PIL import Image

from registrations import answers, questions, seats, swaps
from registrations.models import Question, QuestionKind
from tests.factories import (
    EventFactory,
    OptionFactory,
    QuestionFactory,
    UserFactory,
    person,
    registered,
    verified,
)

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


class AskingForm(forms.Form):
    """A form of questions alone."""

    def __init__(self, *args, event, registration=None, **kwargs):
        super().__init__(*args, **kwargs)
        questions.add_fields(self, event.questions.all(), registration=registration)

    def clean(self):
        questions.clean(self)


@pytest.fixture
def event(time_machine):
    time_machine.move_to(datetime(2027, 1, 15, 9, tzinfo=UTC))
    return EventFactory(
        starts_at=datetime(2027, 3, 1, 8, tzinfo=UTC), ends_at=datetime(2027, 3, 2, 16, tzinfo=UTC)
    )


def ask(event, kind=QuestionKind.TEXT, **more):
    return QuestionFactory(event=event, kind=kind, label=more.pop("label", "What?"), **more)


def name(question, part=""):
    return answers.field_name(question) + part


def fill(event, said, *, files=None, registration=None):
    """The form with what a person filled in: values, or lists of values, by the name of the field."""
    data = MultiValueDict(
        {key: value if isinstance(value, list) else [value] for key, value in said.items()}
    )
    return AskingForm(data, files, event=event, registration=registration)


def values(form):
    """What a valid form gives, by question."""
    assert form.errors == {}
    return {one.question: one.value for one in questions.given(form)}


def picture(kind="PNG", size=(4, 4), name=None):
    content = io.BytesIO()
    Image.new("RGB", size).save(content, kind)
    return SimpleUploadedFile(name or f"picture.{kind.lower()}", content.getvalue())


def drawn(form):
    return render_to_string("partials/form_fields.html", {"form": form})


# -- Kinds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("text", "  from Zürich <b>  ", "from Zürich <b>"),
        ("long-text", "one\ntwo", "one\ntwo"),
        ("yes-no", "yes", True),
        ("yes-no", "no", False),
        ("number", "3", "3"),
        ("number", "2,50", "2.5"),
        ("number", "100", "100"),
        ("number", "-0.5", "-0.5"),
        ("date", "2027-03-31", "2027-03-31"),
        ("date", "31.03.2027", "2027-03-31"),
        ("consent", "yes", True),
    ],
)
def test_each_kind_is_read_as_it_is_stored(event, kind, typed, value):
    question = ask(event, kind)
    assert values(fill(event, {name(question): typed})) == {question: value}


@pytest.mark.parametrize(
    "kind", ["text", "long-text", "choice", "choices", "yes-no", "number", "date", "consent"]
)
def test_a_question_that_need_not_be_answered_may_stay_empty(event, kind):
    question = ask(event, kind)
    assert values(fill(event, {})) == {question: None}
    assert values(fill(event, {name(question): ""})) == {question: None}


@pytest.mark.parametrize("kind", ["text", "long-text", "choice", "choices", "yes-no", "number"])
def test_a_question_that_must_be_answered_says_so_at_its_field(event, kind):
    question = ask(event, kind, label="Why you?", is_required=True)
    for said in ({}, {name(question): ""}):
        assert fill(event, said).errors == {name(question): ["Answer the question “Why you?”."]}


def test_a_consent_that_is_needed_must_be_ticked(event):
    question = ask(event, "consent", label="I agree to be filmed.", is_required=True)
    assert fill(event, {}).errors == {
        name(question): ["Tick this to go on: “I agree to be filmed.”."]
    }
    assert values(fill(event, {name(question): "yes"})) == {question: True}


def test_a_file_that_is_needed_must_be_sent(event):
    question = ask(event, "file", is_required=True)
    assert fill(event, {}).errors == {name(question): ["Choose a file."]}


@pytest.mark.parametrize(
    ("kind", "typed", "message"),
    [
        ("number", "three", "Enter a number, as in 3 or 2.5."),
        ("number", "NaN", "Enter a number, as in 3 or 2.5."),
        ("number", "Infinity", "Enter a number, as in 3 or 2.5."),
        ("date", "yesterday", "Enter a date like 2027-03-31."),
        ("date", "2027-02-30", "Enter a date like 2027-03-31."),
        ("yes-no", "perhaps", "Choose among the answers that stand here."),
        ("choice", "0", "Choose among the answers that stand here."),
        ("choices", "0", "Choose among the answers that stand here."),
    ],
)
def test_what_cannot_be_read_is_said_in_plain_words(event, kind, typed, message):
    question = ask(event, kind)
    assert fill(event, {name(question): typed}).errors == {name(question): [message]}


def test_a_text_has_an_end(event):
    short, long = ask(event), ask(event, "long-text")
    form = fill(event, {name(short): "a" * 301, name(long): "a" * 5001})
    assert list(form.errors) == [name(short), name(long)]


def test_choices_are_read_as_numbers_of_options(event):
    one, several = ask(event, "choice"), ask(event, "choices")
    first = OptionFactory(question=one)
    options = [OptionFactory(question=several) for _n in range(3)]
    said = {name(one): f"{first.pk}", name(several): [f"{options[2].pk}", f"{options[0].pk}"]}
    assert values(fill(event, said)) == {one: [first.pk], several: [options[2].pk, options[0].pk]}


def test_an_option_of_another_question_is_no_answer(event):
    question, other = ask(event, "choice"), ask(event, "choice")
    OptionFactory(question=question)
    foreign = OptionFactory(question=other)
    assert list(fill(event, {name(question): f"{foreign.pk}"}).errors) == [name(question)]


def test_nothing_is_chosen_before_somebody_does(event):
    for kind in ("choice", "choices"):
        OptionFactory(question=ask(event, kind))
    ask(event, "yes-no"), ask(event, "consent")
    page = drawn(AskingForm(event=event))
    assert "checked" not in page
    assert "selected" not in page


def test_labels_and_explanations_are_text(event):
    evil = '<script>alert("1")</script> \' {{ form }}'
    parent = ask(event, "yes-no", label=evil, help_text=evil, purpose=evil)
    child = ask(event, "choice", label=evil, shown_if=parent, shown_if_answer='"><script>')
    OptionFactory(question=child, label=evil, places=3)
    ask(event, "choice", label=evil, has_second_preference=True)
    OptionFactory(question=Question.objects.last(), label=evil, places=3)
    ask(event, label=evil, special="diet").readers.add(UserFactory(first_name=evil[:30]))
    page = drawn(fill(event, {name(parent): evil}))
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &#x27; {{ form }}") >= 9


def test_the_purpose_stands_beside_the_question_and_is_tied_to_its_field(event):
    question = ask(event, help_text="as on your passport", purpose="the visitors' list")
    page = drawn(AskingForm(event=event))
    words = (
        "As on your passport What we need it for: the visitors&#x27; list"  # two sentences of help
    )
    assert f'<p class="help" id="id_{name(question)}_helptext">{words}</p>' in page
    assert f'aria-describedby="id_{name(question)}_helptext"' in page


# -- Conditions ---------------------------------------------------------------------------------------------------


@pytest.fixture
def hotel(event):
    """Do you need a room? Then: which nights (a number, needed), and from there a remark."""
    room = ask(event, "yes-no", label="Do you need a room?", is_required=True)
    nights = ask(
        event, "number", label="Nights?", is_required=True, shown_if=room, shown_if_answer="yes"
    )
    return room, nights


def test_a_question_is_needed_only_while_it_is_shown(event, hotel):
    room, nights = hotel
    assert values(fill(event, {name(room): "no"})) == {room: False, nights: None}
    assert fill(event, {name(room): "yes"}).errors == {
        name(nights): ["Answer the question “Nights?”."]
    }


@pytest.mark.parametrize("typed", ["2", "rubbish"])
def test_the_answer_to_a_question_that_is_not_shown_is_ignored(event, hotel, typed):
    room, nights = hotel
    form = fill(event, {name(room): "no", name(nights): typed})
    assert values(form) == {room: False, nights: None}


def test_a_condition_may_hang_on_an_option(event):
    parent = ask(event, "choices")
    train, plane = OptionFactory(question=parent), OptionFactory(question=parent)
    child = ask(event, shown_if=parent, shown_if_answer=f"{plane.pk}", is_required=True)
    assert values(fill(event, {name(parent): [f"{train.pk}"]}))[child] is None
    both = {name(parent): [f"{train.pk}", f"{plane.pk}"]}
    assert list(fill(event, both).errors) == [name(child)]


def test_what_hangs_on_a_hidden_question_is_hidden_too(event, hotel):
    room, nights = hotel
    nights.kind = QuestionKind.YES_NO
    nights.save()
    last = ask(event, shown_if=nights, shown_if_answer="yes", is_required=True)
    form = fill(event, {name(room): "no", name(nights): "yes", name(last): "more"})
    assert values(form) == {room: False, nights: None, last: None}


def test_the_order_of_questions_does_not_matter_for_conditions(event):
    child = ask(event, is_required=True, position=1)
    parent = ask(event, "yes-no", position=2)
    Question.objects.filter(pk=child.pk).update(shown_if=parent, shown_if_answer="yes")
    assert values(fill(event, {name(parent): "no"})) == {child: None, parent: False}
    assert list(fill(event, {name(parent): "yes"}).errors) == [name(child)]


def test_questions_that_ask_for_one_another_in_a_ring_are_not_asked(event):
    first = ask(event, "yes-no", is_required=True)
    second = ask(event, "yes-no", is_required=True, shown_if=first, shown_if_answer="yes")
    Question.objects.filter(pk=first.pk).update(shown_if=second, shown_if_answer="yes")
    said = {name(first): "yes", name(second): "yes"}
    assert set(values(fill(event, said)).values()) == {None}


def test_without_script_a_condition_is_said_in_words(event, hotel):
    room, _nights = hotel
    page = drawn(AskingForm(event=event))
    assert "Only if you answered “Yes” to “Do you need a room?” above." in page
    assert f'data-shown-if="{name(room)}" data-shown-if-answer="yes"' in page
    assert page.count("data-shown-if=") == 1
    assert "hidden" not in page


def test_a_condition_on_an_earlier_answer_counts_once_it_is_stored(event):
    room = ask(event, "yes-no")
    nights = ask(event, moment="confirmed", shown_if=room, shown_if_answer="yes")
    registration = registered(event)

    def asked():
        form = forms.Form()
        later = event.questions.asked_when("confirmed")
        questions.add_fields(form, later, registration=registration)
        return list(form.fields)

    assert asked() == []
    swaps.answers.store(registration, [answers.Given(room, True)])
    assert asked() == [name(nights)]


# -- Places -------------------------------------------------------------------------------------------------------


@pytest.fixture
def visits(event):
    """Two visits, one with a single place."""
    question = ask(event, "choice", label="Which visit?")
    return (
        question,
        OptionFactory(question=question, label="Prison", places=1),
        OptionFactory(question=question, label="Court"),
    )


def choose(event, question, option, n):
    given = [answers.Given(question, [option.pk])]
    return seats.register(event, person=person(n), mode="in-person", given=given)


def test_places_left_are_said_and_a_full_option_cannot_be_chosen(event, visits):
    question, prison, court = visits
    assert "1 place left" in drawn(AskingForm(event=event))
    choose(event, question, prison, 1)
    page = drawn(AskingForm(event=event))
    assert '<span class="choice-note">full</span>' in page
    assert page.count("disabled") == 1
    form = fill(event, {name(question): f"{prison.pk}"})
    assert form.errors == {
        name(question): ["“Prison”: all places are taken. Choose something else."]
    }
    assert values(fill(event, {name(question): f"{court.pk}"})) == {question: [court.pk]}


def test_ones_own_place_counts_as_free(event, visits):
    question, prison, _court = visits
    own = choose(event, question, prison, 1)
    form = fill(event, {name(question): f"{prison.pk}"}, registration=own)
    assert values(form) == {question: [prison.pk]}
    assert "disabled" not in drawn(AskingForm(event=event, registration=own))


def test_a_second_preference_stands_behind_the_first(event, visits):
    question, prison, court = visits
    question.has_second_preference = True
    question.save()
    said = {name(question): f"{prison.pk}", name(question, "_second"): f"{court.pk}"}
    assert values(fill(event, said)) == {question: [prison.pk, court.pk]}
    choose(event, question, prison, 1)
    assert values(fill(event, said)) == {question: [prison.pk, court.pk]}
    assert "Prison (full)" in drawn(AskingForm(event=event))


def test_a_second_preference_needs_a_first_and_another(event, visits):
    question, prison, _court = visits
    question.has_second_preference = True
    question.save()
    alone = {name(question, "_second"): f"{prison.pk}"}
    assert fill(event, alone).errors == {name(question): ["Choose your first preference too."]}
    twice = {**alone, name(question): f"{prison.pk}"}
    assert fill(event, twice).errors == {
        name(question, "_second"): ["Choose two different answers, or one alone."]
    }


# -- Special data -------------------------------------------------------------------------------------------------


@pytest.fixture
def diet(event):
    question = ask(event, label="What do you not eat?", special="diet")
    question.readers.add(UserFactory(first_name="Maja", last_name="Novak"))
    return question


def test_special_data_name_their_readers_and_their_last_day(event, diet):
    page = drawn(AskingForm(event=event))
    words = "I agree that Maja Novak may read this, and that it is deleted on 16 March 2027."
    assert words in page
    assert '<fieldset class="question special">\n<legend>Diet</legend>' in page
    assert page.count("<fieldset") == page.count("</fieldset>") == 1


def test_special_data_without_named_readers_name_the_organisers(event):
    ask(event, special="access")
    assert "I agree that the organisers of the event may read this" in drawn(
        AskingForm(event=event)
    )


def test_special_data_are_kept_with_consent_alone(event, diet):
    without = fill(event, {name(diet): "nuts"})
    assert without.errors == {
        name(diet, "_consent"): ["Tick this, or leave “What do you not eat?” empty."]
    }
    form = fill(event, {name(diet): "nuts", name(diet, "_consent"): "yes"})
    assert form.errors == {}
    [one] = questions.given(form)
    assert (one.value, one.consents) == ("nuts", True)


def test_special_data_need_not_be_told(event, diet):
    assert values(fill(event, {})) == {diet: None}
    assert values(fill(event, {name(diet, "_consent"): "yes"})) == {diet: None}


# -- Files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("upload", "ending"),
    [
        (SimpleUploadedFile("cv.pdf", PDF), "pdf"),
        (SimpleUploadedFile("cv.html", PDF), "pdf"),
        (picture("PNG"), "png"),
        (picture("JPEG", name="photo.png"), "jpg"),
        (picture("WEBP"), "webp"),
        (picture("GIF"), "gif"),
    ],
    ids=["pdf", "pdf as html", "png", "jpg as png", "webp", "gif"],
)
def test_a_file_is_known_by_its_content(event, upload, ending):
    question = ask(event, "file")
    form = fill(event, {}, files={name(question): upload})
    assert form.errors == {}
    [one] = questions.given(form)
    assert (one.value, one.file.name) == (upload.name, f"answer.{ending}")
    content = b"".join(one.file.chunks())
    upload.seek(0)
    assert content == upload.read() != b""


def bomb():
    """A PNG of a few bytes that says that it has 169 megapixels."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    size = (13_000).to_bytes(4, "big") * 2
    head = chunk(b"IHDR", size + bytes([1, 0, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("sent_as", "content", "message"),
    [
        ("a.pdf", b"", "The file is empty. Choose another."),
        ("a.svg", SVG, "Choose a PDF or an image (PNG, JPEG, WebP or GIF)."),
        ("a.png", SVG, "Choose a PDF or an image (PNG, JPEG, WebP or GIF)."),
        ("a.pdf", b"MZ\x90\x00" * 50, "Choose a PDF or an image (PNG, JPEG, WebP or GIF)."),
        (
            "a.png",
            b"\x89PNG\r\n\x1a\n" + b"x" * 300,
            "The picture cannot be read. Save it anew, and choose it again.",
        ),
        (
            "a.pdf",
            PDF + b" " * 5 * 1024 * 1024,
            "The file is larger than 5 MB. Choose a smaller one.",
        ),
        (
            "a.png",
            bomb(),
            "The picture has too many pixels. Save a smaller one, and choose it again.",
        ),
    ],
    ids=["empty", "svg", "svg as png", "program", "broken", "large", "bomb"],
)
def test_a_file_that_is_not_taken_says_why(event, sent_as, content, message):
    question = ask(event, "file")
    upload = SimpleUploadedFile(sent_as, content)
    form = fill(event, {}, files={name(question): upload})
    assert form.errors == {name(question): [message]}


def test_a_name_of_a_file_is_only_shown(event):
    question = ask(event, "file")
    upload = SimpleUploadedFile("../../a\nb.pdf", PDF)
    form = _valid(fill(event, {}, files={name(question): upload}))
    registration = registered(event)
    answers.store(registration, questions.given(form))
    answer = registration.answers.get()
    assert answer.value == "a b.pdf"
    assert answer.file.name.endswith(".pdf")
    assert answer.file.name.startswith(f"answers/{registration.reference}-{question.pk}")


def test_a_file_that_was_sent_stays_until_another_comes_or_it_is_removed(event):
    question = ask(event, "file")
    registration = registered(event)
    first = _valid(fill(event, {}, files={name(question): SimpleUploadedFile("cv.pdf", PDF)}))
    answers.store(registration, questions.given(first))

    page = drawn(AskingForm(event=event, registration=registration))
    assert "You have sent “cv.pdf”; another file takes its place." in page
    kept = fill(event, {}, registration=registration)
    assert kept.errors == {}
    assert questions.given(kept) == []
    removed = fill(event, {name(question, "_remove"): "yes"}, registration=registration)
    assert values(removed) == {question: None}


def test_a_file_that_is_needed_and_was_sent_need_not_be_sent_again(event):
    question = ask(event, "file", is_required=True)
    registration = registered(event)
    first = _valid(fill(event, {}, files={name(question): SimpleUploadedFile("cv.pdf", PDF)}))
    answers.store(registration, questions.given(first))
    again = AskingForm({}, event=event, registration=registration)
    assert again.is_valid()
    assert name(question, "_remove") not in again.fields


# -- Stored answers, and the database -----------------------------------------------------------------------------


def test_stored_answers_stand_in_the_form(event, visits, diet):
    question, prison, court = visits
    question.has_second_preference = True
    question.save()
    text, number, day = ask(event), ask(event, "number"), ask(event, "date")
    several, yes, agrees = ask(event, "choices"), ask(event, "yes-no"), ask(event, "consent")
    option = OptionFactory(question=several)
    said = {
        name(question): f"{prison.pk}",
        name(question, "_second"): f"{court.pk}",
        name(diet): "nuts",
        name(diet, "_consent"): "yes",
        name(text): "some",
        name(number): "2.5",
        name(day): "2027-03-31",
        name(several): [f"{option.pk}"],
        name(yes): "no",
        name(agrees): "yes",
    }
    registration = verified(event)
    answers.store(registration, questions.given(_valid(fill(event, said))))
    form = AskingForm(event=event, registration=registration)
    shown = {each: form[each].value() for each in form.fields}
    assert shown == {
        **said,
        name(diet, "_consent"): True,
        name(agrees): True,
        name(day): "2027-03-31",
    }
    assert date(2027, 3, 31).isoformat() in drawn(form)
    again = fill(event, said, registration=registration)
    assert values(again)[question] == [prison.pk, court.pk]


def _valid(form):
    assert form.errors == {}
    return form


@pytest.mark.parametrize("amount", [1, 3])
def test_the_database_is_asked_as_often_for_one_question_as_for_many(
    event, amount, django_assert_num_queries
):
    for n in range(amount):
        for special in ("", "diet"):
            question = ask(event, "choice", special=special)
            question.readers.add(UserFactory())
            for _m in range(amount):
                OptionFactory(question=question, places=5)
        parent = ask(event, "yes-no")
        ask(event, shown_if=parent, shown_if_answer="yes", label=f"{n}")
    registration = registered(event)
    with django_assert_num_queries(6):
        form = AskingForm(event=event, registration=registration)
    with django_assert_num_queries(0):
        drawn(form)
