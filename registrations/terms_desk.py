"""The desk's page of who may come: the terms of an event, with what a change of them does to people."""

from collections import Counter
from copy import copy
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts.desk import StaffRequest, scoped
from events.desk import GET_AND_POST, frame
from events.inputs import WallTimeField, WallTimes, wall_time
from events.models import Entry, Mode
from registrations import line
from registrations.entry import Entrance
from registrations.models import Status, Terms, terms_of
from registrations.people_desk import managed

INSTANTS = ("members_only_until", "kept_until", "answers_until")
KEPT = {Mode.IN_PERSON: "kept_in_person", Mode.ONLINE: "kept_online"}
GROUPS = (
    (
        gettext_lazy("Who comes first"),
        gettext_lazy("Who comes too early joins the waiting list and moves up by itself later."),
        ("members_only_until", "kept_in_person", "kept_online", "kept_until"),
    ),
    (
        gettext_lazy("Limits"),
        gettext_lazy(
            "Above a limit people join the waiting list. Invited people may come from any domain."
        ),
        ("most_per_organisation", "most_per_jurisdiction", "mail_domains"),
    ),
    (
        gettext_lazy("What people do"),
        "",
        ("checks_address", "declaration", "answers_until", "offer_hours"),
    ),
    (gettext_lazy("Who is named"), "", ("shows_participants",)),
)

NUMBER = {
    "invalid": gettext_lazy("Write a whole number, as in 12."),
    "min_value": gettext_lazy("Write 0 or a higher number."),
    "max_value": gettext_lazy("Write %(limit_value)s or a lower number."),
}
NUMBER_FROM_ONE = NUMBER | {"min_value": gettext_lazy("Write 1 or a higher number.")}


class TermsForm(WallTimes, forms.ModelForm):
    """Who may register and how. Times are typed by the event's clock."""

    members_only_until = WallTimeField(
        label=gettext_lazy("Member organisations first, until"),
        help_text=gettext_lazy("Empty: places are for everybody at once."),
        required=False,
    )
    kept_until = WallTimeField(
        label=gettext_lazy("Kept until"),
        help_text=gettext_lazy("Then what is left goes to the waiting list."),
        required=False,
    )
    answers_until = WallTimeField(
        label=gettext_lazy("People may change their answers until"),
        help_text=gettext_lazy("Empty: until the event begins."),
        required=False,
    )

    class Meta:
        model = Terms
        fields = [name for _title, _words, names in GROUPS for name in names]
        widgets = {"mail_domains": forms.Textarea(attrs={"rows": 3})}
        error_messages = {
            "offer_hours": NUMBER_FROM_ONE
            | {"required": gettext_lazy("Say for how many hours an offered place is held.")},
            "most_per_organisation": NUMBER_FROM_ONE,
            "most_per_jurisdiction": NUMBER_FROM_ONE,
            "kept_in_person": NUMBER,
            "kept_online": NUMBER,
            "declaration": {
                "max_length": gettext_lazy(
                    "Shorten it to %(limit_value)s characters; it has %(show_value)s now."
                )
            },
        }

    def __init__(self, data: Any = None, *, instance: Terms) -> None:
        super().__init__(data, instance=instance)
        self.event = instance.event
        self.stored = {name: getattr(instance, name) for name in INSTANTS}
        for name, moment in self.stored.items():
            self.initial[name] = wall_time(moment, self.event.timezone) if moment else None
        for mode, name in KEPT.items():
            self.fields[name].required = False
            if mode not in self.event.modes:
                del self.fields[name]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The fields by subject."""
        return [
            {"title": title, "words": words, "fields": [self[n] for n in names if n in self.fields]}
            for title, words, names in GROUPS
        ]

    def clean_mail_domains(self) -> str:
        is_domain, found = DomainNameValidator(accept_idna=False), []
        for typed in self.cleaned_data["mail_domains"].replace(",", " ").split():
            domain = typed.lower().rpartition("@")[2].lstrip(".")
            try:
                is_domain(domain)
            except ValidationError as error:
                raise ValidationError(
                    _("“%(text)s” is no domain. Write it as in justice.example.")
                    % {"text": typed[:100]}
                ) from error
            found.append(domain)
        return "\n".join(dict.fromkeys(found))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in INSTANTS:
            wall: datetime | None = data.get(name)
            if wall is None:
                continue
            try:
                data[name] = self.instant_in(name, stored=self.stored[name])
            except ValidationError as error:
                self.add_error(name, error)
        kept = 0
        for mode, name in KEPT.items():
            if name in self.fields and name not in self.errors:
                number = data[name] = data.get(name) or 0
                kept += number
                self._check_kept(name, number, self.event.capacity(mode))
        if kept and not data.get("kept_until") and "kept_until" not in self.errors:
            self.add_error("kept_until", _("Say until when the places are kept."))
        return data

    def _check_kept(self, name: str, number: int, capacity: int | None) -> None:
        if not number:
            return
        if capacity is None:
            self.add_error(
                name, _("The event has no limit of places. Give it one before you keep some.")
            )
        elif number > capacity:
            self.add_error(
                name,
                _("The event has %(number)s places. Keep at most so many.") % {"number": capacity},
            )


@scoped
@require_http_methods(GET_AND_POST)
def terms(request: StaffRequest, pk: int) -> HttpResponse:
    """Who may come; where a change does something to people, the page asks once more with their number."""
    event = managed(request, pk)
    found = terms_of(event)
    found.event = event
    form = TermsForm(request.POST or None, instance=copy(found))
    warnings: list[str] = []
    if request.method == "POST" and form.is_valid():
        warnings = _consequences(form.instance, found)
        if not warnings or request.POST.get("confirmed") == " ".join(warnings):
            line.apply_terms(form.instance)
            messages.success(request, _("Saved."))
            return redirect("desk_terms", pk=event.pk)
    return TemplateResponse(
        request,
        "desk/terms.html",
        frame(
            request,
            _("Who may come"),
            event=event,
            form=form,
            warnings=warnings,
            is_open=event.entry in {Entry.OPEN, Entry.APPROVAL},
        ),
        status=422 if form.is_bound else 200,
    )


def _consequences(terms: Terms, before: Terms) -> list[str]:
    """What new terms do to people, found by trying them out: nothing is kept, and no mail leaves."""
    said = []
    with transaction.atomic():
        event = terms.event
        had = dict(event.registrations.live().values_list("pk", "status"))
        was_too_full = _too_full(Entrance(event))
        tried = copy(terms)
        line.apply_terms(tried)
        offered = sum(
            status == Status.OFFERED and had[pk] != Status.OFFERED
            for pk, status in event.registrations.live().values_list("pk", "status")
        )
        too_full = _too_full(Entrance(event))
        transaction.set_rollback(True)
    if offered:
        said.append(
            ngettext(
                "%(number)s person on the waiting list is offered a place at once.",
                "%(number)s people on the waiting list are offered places at once.",
                offered,
            )
            % {"number": offered}
        )
    if too_full > was_too_full:
        said.append(
            ngettext(
                "%(number)s person is above a limit already, and keeps the place.",
                "%(number)s people are above a limit already, and keep their places.",
                too_full,
            )
            % {"number": too_full}
        )
    if before.checks_address and not terms.checks_address:
        said.append(
            _("Whoever types an address registers it: nobody checks that it is the person's own.")
        )
    if terms.shows_participants and not before.shows_participants:
        named = event.registrations.listed().count()
        said.append(
            ngettext(
                "The event's page names %(number)s person, who agreed to it.",
                "The event's page names %(number)s people, who agreed to it.",
                named,
            )
            % {"number": named}
        )
    return said


def _too_full(entrance: Entrance) -> int:
    """How many people are above the limits that hold now."""
    limits: dict[str, int] = {}
    counted: Counter[str] = Counter()
    for one in entrance.event.registrations.seated():
        for share in entrance.shares(one, one.mode):
            limits[share.name] = share.limit
            counted[share.name] += 1
    return sum(max(0, number - limits[name]) for name, number in counted.items())


urlpatterns = [
    path("events/<int:pk>/terms/", terms, name="desk_terms"),
]
