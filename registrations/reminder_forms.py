"""The form of one rule for reminders, of an event or of the network."""

from datetime import time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from events.inputs import WallTimeField, WallTimes
from events.models import Event
from registrations.models import Audience, ReminderRule, When
from registrations.reminder_rules import KNOWN_AFTERWARDS, LONGEST_AFTER, MINUTES_A_DAY

UNITS = {"minutes": 1, "hours": 60, "days": MINUTES_A_DAY}
MOST_DAYS = 365
A_NUMBER = {
    "invalid": gettext_lazy("Write a whole number, as in 2."),
    "min_value": gettext_lazy("Write %(limit_value)s or a higher number."),
    "max_value": gettext_lazy("Write %(limit_value)s or a lower number."),
}


class RuleForm(WallTimes, forms.Form):
    """When, and to whom. What a way of saying when does not need is not looked at."""

    when = forms.ChoiceField(
        label=gettext_lazy("When"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose one of the ways to say when.")},
    )
    number = forms.IntegerField(
        label=gettext_lazy("How long before or after"),
        required=False,
        min_value=0,
        max_value=MOST_DAYS * MINUTES_A_DAY,
        error_messages=A_NUMBER,
    )
    unit = forms.ChoiceField(
        label=gettext_lazy("Counted in"),
        required=False,
        choices=[
            ("hours", gettext_lazy("hours")),
            ("minutes", gettext_lazy("minutes")),
            ("days", gettext_lazy("days of 24 hours")),
        ],
        help_text=gettext_lazy("24 hours pass, also when the clocks change."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("How many days before"),
        required=False,
        initial=1,
        min_value=1,
        max_value=MOST_DAYS,
        error_messages=A_NUMBER,
    )
    clock = forms.TimeField(
        label=gettext_lazy("At"),
        required=False,
        initial="09:00",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": gettext_lazy("Write a time of day, as in 09:00.")},
        help_text=gettext_lazy("By the event's clock."),
    )
    at = WallTimeField(
        label=gettext_lazy("Date and time"),
        help_text=gettext_lazy("By the event's clock."),
        required=False,
    )
    audience = forms.ChoiceField(label=gettext_lazy("To"), choices=Audience.choices)

    def __init__(self, data: Any = None, *, event: Event | None) -> None:
        super().__init__(data)
        self.event = event
        fields: dict[str, Any] = self.fields
        ways = [(key, capfirst(label)) for key, label in When.choices if event or key != When.AT]
        fields["when"].choices = ways
        if event is None:
            del fields["at"]
        elif len(event.modes) == 1:
            one_mode = {Audience.IN_PERSON, Audience.ONLINE}
            fields["audience"].choices = [
                (key, label) for key, label in Audience.choices if key not in one_mode
            ]

    def clean_clock(self) -> time | None:
        clock: time | None = self.cleaned_data["clock"]
        return clock.replace(second=0, microsecond=0) if clock else None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        checks = {
            When.BEFORE_START: self._check_span,
            When.AFTER_END: self._check_span,
            When.DAY_BEFORE: self._check_day,
            When.AT: self._check_instant,
        }
        if when := data.get("when"):
            checks[When(when)](data)
        return data

    def _check_span(self, data: dict[str, Any]) -> None:
        is_after = data["when"] == When.AFTER_END
        if "number" not in self.errors:
            number, unit = data.get("number"), data.get("unit") or "hours"
            most = LONGEST_AFTER.days if is_after else MOST_DAYS
            if number is None:
                self.add_error("number", _("Say how long, as in 2."))
            elif not number and not is_after:
                self.add_error("number", A_NUMBER["min_value"] % {"limit_value": 1})
            elif number * UNITS[unit] > most * MINUTES_A_DAY:
                self.add_error("number", _("Choose at most %(number)s days.") % {"number": most})
        if not is_after:
            self._check_audience(data)

    def _check_day(self, data: dict[str, Any]) -> None:
        for name, words in (
            ("days", _("Say how many days before, as in 1.")),
            ("clock", _("Say at what time, as in 09:00.")),
        ):
            if data.get(name) is None and name not in self.errors:
                self.add_error(name, words)
        self._check_audience(data)

    def _check_instant(self, data: dict[str, Any]) -> None:
        event, wall = self.event, data.get("at")
        assert event
        if wall is None:
            if "at" not in self.errors:
                self.add_error("at", _("Say on which day and at what time."))
            return
        try:
            moment = self.instant_in("at")
        except ValidationError as error:
            self.add_error("at", error)
            return
        data["at"] = moment
        if event.starts_at <= moment < event.ends_at:
            self.add_error(
                "at", _("The event is on then. Choose a time before it starts or after it ends.")
            )
        elif moment > event.ends_at + LONGEST_AFTER:
            said = _("Choose a time at most %(number)s days after the end of the event.")
            self.add_error("at", said % {"number": LONGEST_AFTER.days})
        elif moment < event.starts_at - timedelta(days=MOST_DAYS):
            said = _("Choose a time at most %(number)s days before the event.")
            self.add_error("at", said % {"number": MOST_DAYS})
        elif moment < event.starts_at:
            self._check_audience(data)

    def _check_audience(self, data: dict[str, Any]) -> None:
        if data.get("audience") in KNOWN_AFTERWARDS:
            self.add_error(
                "audience",
                _(
                    "Who was there is known only after the event."
                    " Choose a moment after it, or write to everybody with a place."
                ),
            )

    def rule(self) -> ReminderRule:
        """Return the rule that was asked for, not stored. Call it on a valid form."""
        data, when = self.cleaned_data, self.cleaned_data["when"]
        rule = ReminderRule(event=self.event, when=when, audience=data["audience"])
        if when in {When.BEFORE_START, When.AFTER_END}:
            rule.minutes = data["number"] * UNITS[data.get("unit") or "hours"]
        elif when == When.DAY_BEFORE:
            rule.days, rule.clock = data["days"], data["clock"]
        else:
            rule.at = data["at"]
        return rule
