"""The fields of questions: one for each kind of answer, with its words, places and what was answered before."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.models import Event
from registrations import answers, shares
from registrations.answers import field_name
from registrations.models import Answer, Option, Question, QuestionKind, Registration
from registrations.privacy import SPECIAL_DAYS
from registrations.uploads import UploadField

LONGEST_TEXT = 300
LONGEST_LONG_TEXT = 5000


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


def gather(questions: list[Question], registration: Registration | None) -> Asked:
    """Return the questions with what is stored and which places are left, in as many queries for one as for many."""
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


def add_field(
    form: forms.BaseForm, question: Question, asked: Asked, parent: Question | None
) -> None:
    """Add the fields of one question to a form; `parent` is the question in the same form that it depends on."""
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
        and not has_filled_up(question, asked)
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
        label=consent_in_words(question, asked), required=False, widget=_tick()
    )


def consent_in_words(question: Question, asked: Asked) -> str:
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


def has_filled_up(question: Question, asked: Asked) -> bool:
    """Whether a place that was chosen earlier, and not had, is full now: then it cannot be sent again."""
    answer = asked.stored.get(question.pk)
    chosen = answer.value if answer and question.is_choice else []
    return any(str(pk) in asked.full for pk in chosen)
