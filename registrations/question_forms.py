"""The form in which organisers write one question: fields by the kind of its answer, options one a line."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from accounts.models import User
from accounts.permissions import MANAGING
from events.models import Event
from registrations import questionnaire
from registrations.models import Moment, Question, QuestionKind
from registrations.questionnaire import Wanted

MOST_OPTIONS = 50
TOO_LONG = {
    "max_length": gettext_lazy(
        "Shorten it to %(limit_value)s characters; it has %(show_value)s now."
    )
}


class OptionsField(forms.CharField):
    """Answers to choose, one a line, each with its places behind a bar where they are limited."""

    widget = forms.Textarea(attrs={"rows": 6})

    def to_python(self, value: Any) -> Any:
        found = []
        for typed in (super().to_python(value) or "").splitlines():
            label, bar, number = typed.rpartition("|")
            label, number = (label.strip(), number.strip()) if bar else (typed.strip(), "")
            if not label and not number:
                continue
            if bar and not (
                number.isascii() and number.isdecimal() and 0 < int(number) < 1_000_000
            ):
                raise ValidationError(
                    _("“%(line)s”: write the number of places behind the bar, as in: Visit | 20")
                    % {"line": typed.strip()[:100]}
                )
            if not label or len(label) > 200:
                raise ValidationError(_("Each answer has one to 200 letters."))
            found.append(Wanted(label, int(number) if bar else None))
        labels = [one.label for one in found]
        twice = next((label for label in labels if labels.count(label) > 1), "")
        if twice:
            raise ValidationError(_("“%(label)s” stands there twice.") % {"label": twice})
        if len(found) > MOST_OPTIONS:
            raise ValidationError(
                _("At most %(number)s answers, please.") % {"number": MOST_OPTIONS}
            )
        return found

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(
                one.label if one.places is None else f"{one.label} | {one.places}" for one in value
            )
        return value

    def validate(self, value: Any) -> None:
        if len(value) < 2:
            raise ValidationError(_("Give two answers to choose from at least, one a line."))

    def run_validators(self, value: Any) -> None:
        """Lines are checked one by one above."""


class QuestionForm(forms.ModelForm):
    """One question. Its kind is fixed; only what fits that kind is asked for."""

    options = OptionsField(
        label=gettext_lazy("Answers to choose from"),
        help_text=gettext_lazy(
            "One a line. Where places are limited, write their number behind a bar: Study visit | 20"
        ),
    )
    condition = forms.ChoiceField(
        label=gettext_lazy("Ask it"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose an answer from this list.")},
    )

    class Meta:
        model = Question
        fields = [
            "label",
            "help_text",
            "options",
            "has_second_preference",
            "is_required",
            "moment",
            "condition",
            "purpose",
            "readers",
        ]
        error_messages = {
            "label": {"required": gettext_lazy("Write the question."), **TOO_LONG},
            "help_text": TOO_LONG,
            "purpose": TOO_LONG,
            "moment": {
                "required": gettext_lazy("Choose when it is asked."),
                "invalid_choice": gettext_lazy("Choose when it is asked."),
            },
            "readers": {"invalid_choice": gettext_lazy("Choose people from this list.")},
        }
        widgets = {"moment": forms.RadioSelect, "readers": forms.CheckboxSelectMultiple}

    def __init__(self, data: Any = None, *, instance: Question) -> None:
        super().__init__(data, instance=instance)
        self.event: Event = instance.event
        fields: dict[str, Any] = self.fields
        if instance.is_choice:
            self.initial["options"] = list(instance.options.all()) if instance.pk else []
        else:
            del fields["options"]
        if instance.kind != QuestionKind.CHOICE:
            del fields["has_second_preference"]
        if instance.special:
            del fields["is_required"], fields["condition"]
            fields["readers"].queryset = possible_readers(self.event, instance)
            fields["readers"].required = True
            fields["readers"].error_messages["required"] = _("Say who may read the answers.")
        else:
            del fields["readers"]
            fields["condition"].choices = self._conditions()
            self.initial["condition"] = (
                f"{instance.shown_if_id}:{instance.shown_if_answer}" if instance.shown_if_id else ""
            )

    def _conditions(self) -> list[tuple[str, Any]]:
        """Every answer that an earlier question may have."""
        choices: list[tuple[str, Any]] = [("", _("Of everybody"))]
        for other in _earlier(self.instance):
            if other.is_choice:
                answers = [(str(one.pk), one.label) for one in other.options.all()]
            else:
                answers = [("yes", pgettext("answer", "yes"))]
                if other.kind == QuestionKind.YES_NO:
                    answers.append(("no", pgettext("answer", "no")))
            choices += [
                (
                    f"{other.pk}:{key}",
                    _("Of those who answer “%(answer)s” to “%(question)s”")
                    % {"answer": label, "question": other.label},
                )
                for key, label in answers
            ]
        return choices

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        question = self.instance
        number, _colon, answer = (data.get("condition") or "").partition(":")
        question.shown_if = next((q for q in _earlier(question) if str(q.pk) == number), None)
        question.shown_if_answer = answer if question.shown_if else ""
        moment = data.get("moment")
        if question.shown_if and moment == Moment.REGISTRATION:
            if question.shown_if.moment == Moment.CONFIRMED:
                self.add_error(
                    "moment",
                    _("“%(question)s” is asked only once the place is confirmed; so must this be.")
                    % {"question": question.shown_if.label},
                )
        elif question.pk and moment == Moment.CONFIRMED:
            follower = question.followed_by.filter(moment=Moment.REGISTRATION).first()
            if follower:
                self.add_error(
                    "moment",
                    _("“%(question)s” depends on this one and is asked when registering.")
                    % {"question": follower.label},
                )
        return data

    def warnings(self) -> list[str]:
        """What the change means for those who have answered. Call it on a valid form."""
        question = self.instance
        if not question.pk or not question.is_choice:
            return []
        return [
            ngettext(
                "%(number)s person chose “%(old)s” and will have chosen “%(new)s”.",
                "%(number)s people chose “%(old)s” and will have chosen “%(new)s”.",
                number,
            )
            % {"number": number, "old": option.label, "new": label}
            for option, label, number in questionnaire.renamed(
                question, self.cleaned_data["options"]
            )
            if number
        ]

    def store(self) -> Question:
        """Store the question. Raises RefusedQuestion. Call it on a valid form."""
        return questionnaire.save(
            self.instance,
            options=self.cleaned_data.get("options", ()),
            readers=self.cleaned_data.get("readers"),
        )


def possible_readers(event: Event, question: Question) -> Any:
    """Those who may be named as readers: who manages the event, and who is named already."""
    managing = User.objects.filter(
        is_active=True,
        memberships__role__in=MANAGING,
        memberships__organisation__in=[one.pk for one in event.organisers],
    )
    named = question.readers.all() if question.pk else User.objects.none()
    pks = {*managing.values_list("pk", flat=True), *named.values_list("pk", flat=True)}
    return User.objects.filter(pk__in=pks).order_by("last_name", "first_name", "pk")


def _earlier(question: Question) -> list[Question]:
    """The questions before this one whose answers are few."""
    found = question.event.questions.filter(
        special="",
        kind__in=[
            QuestionKind.CHOICE,
            QuestionKind.CHOICES,
            QuestionKind.YES_NO,
            QuestionKind.CONSENT,
        ],
    ).prefetch_related("options")
    if question.pk is None:
        return list(found)
    place = (question.position, question.pk)
    return [one for one in found if (one.position, one.pk) < place]
