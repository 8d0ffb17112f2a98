"""The questions of an event as fields of a form: adds them, checks them together, reads the answers.

    add_fields(form, questions, registration=None)   at the end of the form's __init__
    clean(form)                                      in its clean(), after super().clean()
    given(form)                                      on a valid form: list of Given for `seats` and `swaps`

A question's field is `answers.field_name(question)`; special questions have `…_consent` beside it, second preferences
`…_second`, and a file that was sent earlier `…_remove`. Templates draw them with `partials/form_fields.html`.
"""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.files import File
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registrations import answers
from registrations.answers import Given, field_name
from registrations.models import Question, QuestionKind, Registration
from registrations.question_fields import (
    Asked,
    add_field,
    consent_in_words,
    gather,
    has_filled_up,
)

FILE_BY_PAGE = gettext_lazy("Files are sent with the form on the event's page.")


def add_fields(
    form: forms.BaseForm,
    questions: Iterable[Question],
    *,
    registration: Registration | None = None,
) -> None:
    """Add the fields of questions to a form, with the answers of `registration` filled in.

    It asks the database as often for one question as for many. A question that depends on one outside the form is
    left out unless the stored answer asks for it.
    """
    if isinstance(questions, QuerySet):
        questions = questions.with_options()  # type: ignore[attr-defined]
    asked = gather(list(questions), registration)
    form.asked = asked  # type: ignore[attr-defined]
    inside = {question.pk for question in asked.questions}
    asked.questions = [
        question
        for question in asked.questions
        if question.shown_if_id in inside or answers.is_asked(question, asked.values())
    ]
    by_id = {question.pk: question for question in asked.questions}
    for question in asked.questions:
        add_field(form, question, asked, by_id.get(question.shown_if_id or 0))


def clean(form: forms.BaseForm) -> None:
    """Check the answers together: forget those to questions that are not asked, ask for consent, look for places."""
    asked, cleaned = form.asked, form.cleaned_data  # type: ignore[attr-defined]
    shown = _shown(form)
    for question in asked.questions:
        name = field_name(question)
        if question.pk not in shown:
            for each in _names(form, question):
                form.errors.pop(each, None)
                cleaned[each] = None
        elif name not in form.errors:
            _warn_of_lost_file(form, question)
            _check_consent(form, question)
            _check_places(form, question, asked)


def given(form: forms.BaseForm) -> list[Given]:
    """Return the answers of a valid form; what is not asked, or was left empty, is taken back."""
    shown = _shown(form)
    found = []
    for question in form.asked.questions:  # type: ignore[attr-defined]
        if question.pk not in shown:
            found.append(Given(question, None))
        elif question.kind == QuestionKind.FILE:
            found.extend(_given_file(form, question))
        elif _is_left_alone(form, question):
            continue
        else:
            found.append(
                Given(question, _value(form, question), consents=_consents(form, question))
            )
    return found


def from_json(
    questions: Iterable[Question], answered: dict[str, Any]
) -> tuple[QueryDict, dict[str, Any]]:
    """Return answers of the API, by the id of the question, as a form takes them, and what is wrong by field."""
    data, wrong = QueryDict(mutable=True), dict[str, Any]()
    known = {str(question.pk): question for question in questions}
    for key, value in answered.items():
        if key not in known:
            wrong["answers"] = _("There is no question %(number)s.") % {"number": key[:20]}
            continue
        question, name = known[key], field_name(known[key])
        if question.special and isinstance(value, dict):
            data.setlist(f"{name}_consent", ["yes"] if value.get("consents") is True else [])
            value = value.get("value")
        if question.kind == QuestionKind.FILE:
            wrong[name] = FILE_BY_PAGE
        elif (typed := _typed(question, value)) is None:
            wrong[name] = _("This is not an answer to the question.")
        elif question.has_second_preference:
            data.setlist(name, typed[:1])
            data.setlist(f"{name}_second", typed[1:])
        else:
            data.setlist(name, typed)
    return data, wrong


def describe(questions: QuerySet[Question]) -> list[dict[str, Any]]:
    """Return questions as the API shows them, with the places that are left of each option."""
    listed = list(questions.with_options())  # type: ignore[attr-defined]
    asked = gather(listed, None)
    return [
        {
            "id": question.pk,
            "kind": question.kind,
            "label": question.label,
            "help_text": question.help_text,
            "purpose": question.purpose,
            "is_required": question.is_required,
            "special": question.special,
            "consent": consent_in_words(question, asked) if question.special else "",
            "has_second_preference": question.has_second_preference,
            "shown_if": question.shown_if_id,
            "shown_if_answer": question.shown_if_answer,
            "options": [
                {
                    "id": option.pk,
                    "label": option.label,
                    "left": asked.left.get(str(option.pk)),
                }
                for option in question.options.all()
            ],
        }
        for question in listed
    ]


def _names(form: forms.BaseForm, question: Question) -> list[str]:
    name = field_name(question)
    every = [name, *(f"{name}_{part}" for part in ("second", "remove", "consent"))]
    return [each for each in every if each in form.fields]


def _typed(question: Question, value: Any) -> list[str] | None:
    """An answer of the API as a person would type it, or None where it is of another sort."""
    most = {QuestionKind.CHOICES: 1000, QuestionKind.CHOICE: 1 + question.has_second_preference}
    if value is None:
        return []
    if question.is_choice:
        chosen = value if isinstance(value, list) else [value]
        are_numbers = all(type(one) is int for one in chosen)
        return (
            [str(one) for one in chosen]
            if are_numbers and len(chosen) <= most[QuestionKind(question.kind)]
            else None
        )
    if question.kind in {QuestionKind.YES_NO, QuestionKind.CONSENT}:
        words = {True: ["yes"], False: ["no"] if question.kind == QuestionKind.YES_NO else []}
        return words[value] if isinstance(value, bool) else None
    if question.kind == QuestionKind.NUMBER and type(value) in {int, float}:
        return [str(value)]
    return [value] if isinstance(value, str) else None


def _value(form: forms.BaseForm, question: Question) -> Any:
    """The answer as it is stored, None where there is none."""
    value = form.cleaned_data.get(field_name(question))
    if value in (None, "", []):
        return None
    match question.kind:
        case QuestionKind.CHOICE:
            second = form.cleaned_data.get(f"{field_name(question)}_second")
            return [int(value), *([int(second)] if second else [])]
        case QuestionKind.CHOICES:
            return [int(pk) for pk in value]
        case QuestionKind.YES_NO:
            return value == "yes"
        case QuestionKind.NUMBER:
            return f"{value.normalize():f}"
        case QuestionKind.DATE:
            return value.isoformat()
        case QuestionKind.CONSENT:
            return True if value else None
        case QuestionKind.FILE:
            return " ".join(value.name.split())[:200]
    return value


def _given_file(form: forms.BaseForm, question: Question) -> list[Given]:
    """A new file, or none any more; a file that was sent earlier stays."""
    upload = form.cleaned_data.get(field_name(question))
    agrees = _consents(form, question)
    if upload:
        content: File = File(upload, name=f"answer.{upload.ending}")
        return [Given(question, _value(form, question), file=content, consents=agrees)]
    is_kept = question.pk in form.asked.stored and (agrees or not question.special)  # type: ignore[attr-defined]
    if is_kept and not form.cleaned_data.get(f"{field_name(question)}_remove"):
        return []
    return [Given(question, None)]


def _consents(form: forms.BaseForm, question: Question) -> bool:
    return bool(form.cleaned_data.get(f"{field_name(question)}_consent"))


def _is_left_alone(form: forms.BaseForm, question: Question) -> bool:
    """Whether a choice that is full stays on record, since nothing else was chosen."""
    is_sent = form.add_prefix(field_name(question)) in form.data
    return not is_sent and has_filled_up(question, form.asked)  # type: ignore[attr-defined]


def _shown(form: forms.BaseForm) -> set[int]:
    """The questions that are asked, given the answers in the form and those that are stored."""
    asked = form.asked  # type: ignore[attr-defined]
    inside = {question.pk: question for question in asked.questions}
    stored = {pk: value for pk, value in asked.values().items() if pk not in inside}
    found: dict[int, bool] = {}

    def is_shown(question: Question) -> bool:
        if question.pk not in found:
            found[question.pk] = (
                False  # where questions ask for one another in a ring, none is shown
            )
            parent = inside.get(question.shown_if_id or 0)
            values = dict(stored)
            if parent and is_shown(parent):
                values[parent.pk] = _value(form, parent)
            found[question.pk] = answers.is_asked(question, values)
        return found[question.pk]

    return {question.pk for question in asked.questions if is_shown(question)}


def _warn_of_lost_file(form: forms.BaseForm, question: Question) -> None:
    """Where the form is shown again, browsers do not keep the file."""
    if question.kind == QuestionKind.FILE and _value(form, question):
        again = _("Choose the file once more: it is not kept until the form is complete.")
        field = form.fields[field_name(question)]
        field.help_text = f"{field.help_text} {again}"


def _check_consent(form: forms.BaseForm, question: Question) -> None:
    """Special data need their own consent: ask for it rather than drop what somebody has typed."""
    name = f"{field_name(question)}_consent"
    if question.special and _value(form, question) is not None and not _consents(form, question):
        message = _("Tick this, or leave “%(question)s” empty.") % {"question": question.label}
        form.add_error(name, message)


def _check_places(form: forms.BaseForm, question: Question, asked: Asked) -> None:
    """Say at the field which choice is full, or given twice. The place itself is taken with the seat."""
    name = field_name(question)
    value = _value(form, question)
    second = form.cleaned_data.get(f"{name}_second")
    if not question.is_choice:
        return
    if second and value is None:
        form.add_error(name, _("Choose your first preference too."))
    elif second and len(set(value)) == 1:
        message = _("Choose two different answers, or one alone.")
        form.add_error(f"{name}_second", message)
    labels = {option.pk: option.label for option in question.options.all()}
    full = [pk for pk in value or [] if str(pk) in asked.full]
    if full and not (second and len(full) == 1):
        names = ", ".join(f"“{labels[pk]}”" for pk in full)
        message = _("%(names)s: all places are taken. Choose something else.") % {"names": names}
        form.add_error(name, message)
