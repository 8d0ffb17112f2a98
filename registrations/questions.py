"""The questions of an event as fields of a form: adds them, checks them together, reads the answers.

    add_fields(form, questions, registration=None)   at the end of the form's __init__
    clean(form)                                      in its clean(), after super().clean()
    given(form)                                      on a valid form: list of Given for `seats` and `swaps`

A question's field is `answers.field_name(question)`; special questions have `…_consent` beside it, second preferences
`…_second`, and a file that was sent earlier `…_remove`. Templates draw them with `partials/form_fields.html`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.files import File
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from events.models import Event
from registrations import answers, shares
from registrations.answers import Given, field_name
from registrations.models import Answer, Option, Question, QuestionKind, Registration
from registrations.privacy import SPECIAL_DAYS
from registrations.uploads import UploadField

LONGEST_TEXT = 300
LONGEST_LONG_TEXT = 5000
FILE_BY_PAGE = gettext_lazy("Files are sent with the form on the event's page.")


class Radios(forms.RadioSelect):
    """Radio buttons of which none is chosen until somebody does; options may be full, and have a note."""

    full: frozenset[str] = frozenset()
    notes: dict[str, str] = {}

    def format_value(self, value: Any) -> list[str]:
        return [] if value is None else super().format_value(value)

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        return _with_places(option, str(value), self)


class Ticks(forms.CheckboxSelectMultiple):
    """Boxes to tick; options may be full, and have a note."""

    full: frozenset[str] = frozenset()
    notes: dict[str, str] = {}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return [value for value in super().value_from_datadict(data, files, name) or [] if value]

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        return _with_places(option, str(value), self)


class Menu(forms.Select):
    """A menu; options may be full, and then say so."""

    full: frozenset[str] = frozenset()
    notes: dict[str, str] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option = _with_places(option, str(value), self)
        if option["note"]:
            option["label"] = f"{option['label']} ({option['note']})"
        return option


class NumberField(forms.DecimalField):
    """A number as people write it, with a point or a comma."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.replace(",", ".") if isinstance(value, str) else value)


@dataclass
class Asked:
    """What a form asks, and what is known already of the person who answers."""

    questions: list[Question]
    stored: dict[int, Answer]
    left: dict[str, int]
    erased_on: date | None

    @property
    def full(self) -> frozenset[str]:
        """The options without a place, as a form names them."""
        return frozenset(pk for pk, number in self.left.items() if not number)

    @property
    def notes(self) -> dict[str, str]:
        """What to say of the places of each limited option."""
        return {
            pk: ngettext("%(number)s place left", "%(number)s places left", number)
            % {"number": number}
            if number
            else _("full")
            for pk, number in self.left.items()
        }

    def values(self) -> dict[int, Any]:
        """The stored answers by id of the question."""
        return {pk: answer.value for pk, answer in self.stored.items()}


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
    asked = _gather(list(questions), registration)
    form.asked = asked  # type: ignore[attr-defined]
    inside = {question.pk for question in asked.questions}
    asked.questions = [
        question
        for question in asked.questions
        if question.shown_if_id in inside or answers.is_asked(question, asked.values())
    ]
    by_id = {question.pk: question for question in asked.questions}
    for question in asked.questions:
        _add(form, question, asked, by_id.get(question.shown_if_id or 0))


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
    asked = _gather(listed, None)
    return [
        {
            "id": question.pk,
            "kind": question.kind,
            "label": question.label,
            "help_text": question.help_text,
            "purpose": question.purpose,
            "is_required": question.is_required,
            "special": question.special,
            "consent": _consent_in_words(question, asked) if question.special else "",
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


# -- Fields -------------------------------------------------------------------------------------------------------


def _gather(questions: list[Question], registration: Registration | None) -> Asked:
    stored = {}
    if registration and registration.pk and questions:
        stored = {answer.question_id: answer for answer in registration.answers.all()}
    limited = [
        option
        for question in questions
        if question.is_choice
        for option in question.options.all()
        if option.places is not None
    ]
    left = _left(questions[0].event_id, limited, registration) if limited else {}
    erased_on = None
    if any(question.special for question in questions):
        event: Event = registration.event if registration else questions[0].event
        erased_on = event.last_day + timedelta(days=SPECIAL_DAYS)
    return Asked(questions, stored, left, erased_on)


def _left(
    event_id: int, limited: list[Option], registration: Registration | None
) -> dict[str, int]:
    """How many places of each limited option are left; one's own counts as free."""
    taken = shares.taken(Event(pk=event_id), [option.share for option in limited])
    own: set[str] = set()
    if registration and registration.pk:
        own = set(registration.allotments.values_list("share", flat=True))
    return {
        str(option.pk): max(
            0, (option.places or 0) - taken.get(option.share, 0) + (option.share in own)
        )
        for option in limited
    }


def _add(form: forms.BaseForm, question: Question, asked: Asked, parent: Question | None) -> None:
    name, answer = field_name(question), asked.stored.get(question.pk)
    field: Any = _field(question, asked, answer)
    field.label = question.label
    field.help_text = " ".join(filter(None, [_condition(question, parent), *_words(question)]))
    group = [(name, field)]
    if question.has_second_preference:
        group.append((f"{name}_second", _second(question, asked)))
    if answer and answer.file and not question.is_required:
        group.append((f"{name}_remove", _remove(answer)))
    if question.special:
        group.append((f"{name}_consent", _consent(question, asked)))
    for each_name, each in group:
        each.question = question
        form.fields[each_name] = each
    field.begins = group[-1][1].ends = True
    if parent:
        field.shown_if, field.shown_if_answer = field_name(parent), question.shown_if_answer
    if answer:
        _fill_in(form, question, answer)


def _field(question: Question, asked: Asked, answer: Answer | None) -> forms.Field:
    """The field of one kind of question. Every message says what to do."""
    needed: dict[str, Any] = {
        "required": question.is_required
        and not _has_filled_up(question, asked)
        and answers.has_room(question, asked.full)
    }
    empty = _("Answer the question “%(question)s”.") % {"question": question.label}
    said: dict[str, Any] = {**needed, "error_messages": {"required": empty}}
    off = {"autocomplete": "off"}
    match question.kind:
        case QuestionKind.LONG_TEXT:
            area = forms.Textarea(attrs={"rows": 4, **off})
            return forms.CharField(max_length=LONGEST_LONG_TEXT, widget=area, **said)
        case QuestionKind.CHOICE:
            return _choice(question, asked, said)
        case QuestionKind.CHOICES:
            options = [(str(option.pk), option.label) for option in question.options.all()]
            boxes = _limited(Ticks(), asked)
            _name_unknown(said)
            return forms.MultipleChoiceField(choices=options, widget=boxes, **said)
        case QuestionKind.YES_NO:
            _name_unknown(said)
            options = [("yes", _("Yes")), ("no", _("No")), *_no_answer(question)]
            return forms.ChoiceField(choices=options, widget=Radios(), **said)
        case QuestionKind.NUMBER:
            said["error_messages"]["invalid"] = _("Enter a number, as in 3 or 2.5.")
            return NumberField(max_digits=15, decimal_places=4, **said)
        case QuestionKind.DATE:
            said["error_messages"]["invalid"] = _("Enter a date like 2027-03-31.")
            day = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", **off})
            return forms.DateField(widget=day, input_formats=["%Y-%m-%d", "%d.%m.%Y"], **said)
        case QuestionKind.FILE:
            is_needed = question.is_required and not (answer and answer.file)
            return UploadField(max_length=200, required=is_needed)
        case QuestionKind.CONSENT:
            said["error_messages"]["required"] = _("Tick this to go on: “%(question)s”.") % {
                "question": question.label
            }
            return forms.BooleanField(widget=_tick(), **said)
        case _:
            return forms.CharField(
                max_length=LONGEST_TEXT, widget=forms.TextInput(attrs=off), **said
            )


def _choice(question: Question, asked: Asked, said: dict[str, Any]) -> forms.Field:
    _name_unknown(said)
    options = [(str(option.pk), option.label) for option in question.options.all()]
    options += _no_answer(question)
    return forms.ChoiceField(choices=options, widget=_limited(Radios(), asked), **said)


def _second(question: Question, asked: Asked) -> forms.Field:
    options = [(str(option.pk), option.label) for option in question.options.all()]
    return forms.ChoiceField(
        label=_("If that is full: your second preference"),
        help_text=_("For the question “%(question)s”.") % {"question": question.label},
        choices=[("", _("None")), *options],
        required=False,
        widget=_limited(Menu(), asked),
    )


def _remove(answer: Answer) -> forms.Field:
    return forms.BooleanField(
        label=_("Remove the file “%(name)s”") % {"name": answer.value},
        required=False,
        widget=_tick(),
    )


def _consent(question: Question, asked: Asked) -> forms.Field:
    return forms.BooleanField(
        label=_consent_in_words(question, asked), required=False, widget=_tick()
    )


def _consent_in_words(question: Question, asked: Asked) -> str:
    """The consent to special data names who reads them and until when."""
    names = get_text_list([str(reader) for reader in question.readers.all()], _("and"))
    return _("I agree that %(readers)s may read this, and that it is deleted on %(day)s.") % {
        "readers": names or _("the organisers of the event"),
        "day": date_format(asked.erased_on) if asked.erased_on else "",
    }


def _tick() -> forms.CheckboxInput:
    return forms.CheckboxInput(attrs={"value": "yes"})


def _no_answer(question: Question) -> list[tuple[str, str]]:
    """A way to take back a press on a radio button, where the question need not be answered."""
    return [] if question.is_required else [("", _("No answer"))]


def _name_unknown(said: dict[str, Any]) -> None:
    said["error_messages"] |= {
        "invalid_choice": _("Choose among the answers that stand here."),
        "invalid_list": _("Choose among the answers that stand here."),
    }


def _limited[Widget: (Radios, Ticks, Menu)](widget: Widget, asked: Asked) -> Widget:
    widget.full, widget.notes = asked.full, asked.notes
    return widget


def _with_places(option: dict[str, Any], value: str, widget: Any) -> dict[str, Any]:
    option["note"] = widget.notes.get(value, "")
    if value in widget.full:
        option["attrs"] = {**option["attrs"], "disabled": True}
    return option


def _condition(question: Question, parent: Question | None) -> str:
    """What a person without script must know of a question that depends on another."""
    if parent is None:
        return ""
    labels = {str(option.pk): option.label for option in parent.options.all()}
    labels |= {"yes": _("Yes"), "no": _("No")}
    said = {"answer": labels.get(question.shown_if_answer, ""), "question": parent.label}
    if parent.kind == QuestionKind.CONSENT:
        return _("Only if you ticked “%(question)s” above.") % said
    return _("Only if you answered “%(answer)s” to “%(question)s” above.") % said


def _words(question: Question) -> list[str]:
    """Explanation and purpose, and what a file may be."""
    said = [question.help_text]
    if question.kind == QuestionKind.FILE:
        said.append(_("A PDF or an image, 5 MB at most."))
    if question.purpose:
        said.append(_("What we need it for: %(purpose)s") % {"purpose": question.purpose})
    return [capfirst(text) for text in said if text]


def _fill_in(form: forms.BaseForm, question: Question, answer: Answer) -> None:
    """Show the stored answer."""
    name, value = field_name(question), answer.value
    filled: dict[str, Any] = {name: value}
    match question.kind:
        case QuestionKind.CHOICE:
            filled[name] = str(value[0]) if value else None
            if question.has_second_preference and len(value) > 1:
                filled[f"{name}_second"] = str(value[1])
        case QuestionKind.CHOICES:
            filled[name] = [str(pk) for pk in value]
        case QuestionKind.YES_NO:
            filled[name] = "yes" if value else "no"
        case QuestionKind.FILE:
            del filled[name]
            field: Any = form.fields[name]
            sent = _("You have sent “%(name)s”; another file takes its place.") % {"name": value}
            field.help_text = f"{field.help_text} {sent}"
    if question.special:
        filled[f"{name}_consent"] = answer.consented_at is not None
    for each, initial in filled.items():
        form.initial.setdefault(each, initial)


# -- Answers ------------------------------------------------------------------------------------------------------


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


def _has_filled_up(question: Question, asked: Asked) -> bool:
    """Whether a place that was chosen earlier, and not had, is full now: then it cannot be sent again."""
    answer = asked.stored.get(question.pk)
    chosen = answer.value if answer and question.is_choice else []
    return any(str(pk) in asked.full for pk in chosen)


def _is_left_alone(form: forms.BaseForm, question: Question) -> bool:
    """Whether a choice that is full stays on record, since nothing else was chosen."""
    is_sent = form.add_prefix(field_name(question)) in form.data
    return not is_sent and _has_filled_up(question, form.asked)  # type: ignore[attr-defined]


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
