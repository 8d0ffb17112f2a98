"""The list of an event's people as a file."""

import csv
import io

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from registrations import answers, erasure, seats
from registrations.answers import Given
from registrations.models import Erasure, QuestionKind, Special
from tests.factories import (
    EventFactory,
    JurisdictionFactory,
    OptionFactory,
    QuestionFactory,
    enrolled,
)

pytestmark = pytest.mark.django_db

FORMULA = '=HYPERLINK("http://evil.example")'


@pytest.fixture
def event(organisation):
    return EventFactory(organiser=organisation, slug="meeting")


def export(desk, event, file_format, query=""):
    answer = desk.get(reverse("desk_export", args=[event.pk, file_format]) + query)
    assert answer.status_code == 200
    return answer, b"".join(answer.streaming_content)


def rows(desk, event, query=""):
    """The list as both files give it, which is the same."""
    _answer, as_csv = export(desk, event, "csv", query)
    found = list(csv.reader(io.StringIO(as_csv.decode("utf-8-sig"), newline="")))
    _answer, as_xlsx = export(desk, event, "xlsx", query)
    sheet = load_workbook(io.BytesIO(as_xlsx)).active
    in_xlsx = [[cell.value or "" for cell in row] for row in sheet.iter_rows()]
    assert [[cell.lstrip("'") for cell in row] for row in found] == in_xlsx
    return in_xlsx


def test_the_file_holds_those_who_match_with_the_columns_that_were_chosen(desk, event):
    lunch = QuestionFactory(event=event, kind=QuestionKind.CHOICES, label="Lunch on")
    days = [OptionFactory(question=lunch, label=label) for label in ("Monday", "Tuesday")]
    one = enrolled(event, 1, jurisdiction=JurisdictionFactory(name="Scotland"))
    enrolled(event, 2)
    seats.cancel(enrolled(event, 3))
    answers.store(one, [Given(lunch, [day.pk for day in days])])
    query = f"?state=confirmed&sort=-name&col=jurisdiction&col={answers.field_name(lunch)}"

    assert rows(desk, event, query) == [
        ["Given name", "Family name", "E-mail", "Jurisdiction", "Lunch on"],
        ["Ana", "Müller 2", "person2@example.org", "", ""],
        ["Ana", "Müller 1", "person1@example.org", "Scotland", "Monday, Tuesday"],
    ]


def test_who_was_erased_has_no_made_up_address_in_the_file(desk, event):
    erasure.erase([enrolled(event)], reason=Erasure.Reason.ASKED)

    _answer, data = export(desk, event, "csv")

    assert b"erased.invalid" not in data
    assert len(data.splitlines()) == 2


def test_special_answers_are_never_in_the_file(desk, manager, event):
    diet = QuestionFactory(event=event, label="Diet?", special=Special.DIET)
    diet.readers.set([manager])
    one = enrolled(event, 1)
    answers.store(one, [Given(diet, "no nuts", consents=True)])
    for query in ("", f"?col={answers.field_name(diet)}", f"?{answers.field_name(diet)}=no+nuts"):
        for file_format in ("csv", "xlsx"):
            _answer, data = export(desk, event, file_format, query)
            text = data if file_format == "csv" else repr(rows(desk, event, query)).encode()
            assert b"nuts" not in text
            assert b"Diet" not in text


def test_what_people_type_is_no_formula_in_the_file(desk, event):
    question = QuestionFactory(event=event, label=FORMULA)
    one = enrolled(event, 1, given_name=FORMULA, family_name="+1", organisation="@SUM(A1)")
    answers.store(one, [Given(question, FORMULA)])
    query = f"?col=organisation&col={answers.field_name(question)}"

    _answer, as_csv = export(desk, event, "csv", query)
    for row in csv.reader(io.StringIO(as_csv.decode("utf-8-sig"), newline="")):
        assert not [cell for cell in row if cell[:1] in {"=", "+", "-", "@"}]
    _answer, as_xlsx = export(desk, event, "xlsx", query)
    cells = [cell for row in load_workbook(io.BytesIO(as_xlsx)).active.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells].count(FORMULA) == 3


def test_the_file_is_to_be_saved_and_kept_by_nobody_on_the_way(desk, event):
    enrolled(event, 1)
    for file_format, content_type in (
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ):
        answer, _data = export(desk, event, file_format)
        assert answer["Content-Type"] == content_type
        assert answer["Content-Disposition"].startswith(
            'attachment; filename="meeting-participants-2'
        )
        assert "no-store" in answer["Cache-Control"]
    assert desk.get(reverse("desk_export", args=[event.pk, "pdf"])).status_code == 404


@pytest.mark.parametrize("amount", [1, 3])
def test_exporting_asks_the_database_as_often_for_three_as_for_one(
    desk, event, django_assert_num_queries, amount
):
    question = QuestionFactory(event=event)
    for n in range(amount):
        one = enrolled(event, n, jurisdiction=JurisdictionFactory())
        answers.store(one, [Given(question, "yes")])
    query = f"?col=jurisdiction&col=rank&col={answers.field_name(question)}"
    # Session, user, membership, profile; the event with its facts (3); questions with options and readers (3);
    # people, answers, queue.
    with django_assert_num_queries(QUERIES):
        export(desk, event, "csv", query)


QUERIES = 13
