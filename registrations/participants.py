"""The list of an event's people at the desk: how it is narrowed, in which order it stands, which columns it shows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import django_filters
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import IsNull
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Jurisdiction
from events.models import Event, Mode
from registrations import answers
from registrations.models import (
    LIVE,
    Answer,
    Question,
    QuestionKind,
    Registration,
    Status,
)

#: What a list can be narrowed by: answers that are one of a few.
NARROWING = (QuestionKind.CHOICE, QuestionKind.CHOICES, QuestionKind.YES_NO, QuestionKind.CONSENT)
LIVE_STATES = "live"

ORDERS = {
    "name": ("family_name", "given_name", "pk"),
    "organisation": ("organisation", "family_name", "pk"),
    "jurisdiction": ("jurisdiction__name", "family_name", "pk"),
    "state": ("status", "family_name", "pk"),
    "place": ("mode", "seat", "pk"),
    "registered": ("created_at", "pk"),
}


@dataclass(frozen=True)
class Column:
    """One column: its name in the address, its heading, and what it says of a person."""

    key: str
    label: Any
    text: Callable[[Registration], str]

    @property
    def is_sortable(self) -> bool:
        return self.key in ORDERS


class ParticipantFilter(django_filters.FilterSet):
    """Words, state, way of attending, jurisdiction, organisation, and the answers to questions with few answers."""

    q = django_filters.CharFilter(
        method="in_words", label=_("Name, address, organisation, country")
    )
    state = django_filters.ChoiceFilter(
        method="in_state",
        label=_("State"),
        choices=[(LIVE_STATES, _("all that are not over")), *Status.choices],
        empty_label=_("All"),
    )
    mode = django_filters.ChoiceFilter(
        label=_("Attends"), choices=Mode.choices, empty_label=_("All")
    )
    jurisdiction = django_filters.ModelChoiceFilter(
        label=_("Jurisdiction"),
        to_field_name="code",
        queryset=Jurisdiction.objects.none(),
        empty_label=_("All"),
    )
    organisation = django_filters.CharFilter(
        lookup_expr="icontains", label=_("Organisation, or a part of it")
    )

    class Meta:
        model = Registration
        fields: list[str] = []

    def __init__(self, data: Any, *, event: Event, questions: Iterable[Question]) -> None:
        super().__init__(data, queryset=Registration.objects.filter(event=event))
        present = Registration.objects.filter(event=event, jurisdiction=OuterRef("pk"))
        self.filters["jurisdiction"].queryset = Jurisdiction.objects.filter(Exists(present))
        if len(event.modes) == 1:
            del self.filters["mode"]
        for question in questions:
            if question.kind in NARROWING and not question.special:
                one = django_filters.ChoiceFilter(
                    field_name=answers.field_name(question),
                    method="answered",
                    label=question.label,
                    choices=_possible(question),
                    empty_label=_("All"),
                )
                one.parent, one.model = self, Registration
                self.filters[answers.field_name(question)] = one

    def in_words(
        self, queryset: QuerySet[Registration], name: str, value: str
    ) -> QuerySet[Registration]:
        return with_words(queryset, value)

    def in_state(
        self, queryset: QuerySet[Registration], name: str, value: str
    ) -> QuerySet[Registration]:
        return queryset.filter(status__in=LIVE if value == LIVE_STATES else [value])

    def answered(
        self, queryset: QuerySet[Registration], name: str, value: str
    ) -> QuerySet[Registration]:
        given = Answer.objects.filter(
            registration=OuterRef("pk"), question=int(name.rpartition("_")[2])
        )
        if value == "none":
            return queryset.filter(~Exists(given))
        if value in {"yes", "no"}:
            return queryset.filter(Exists(given.filter(value=value == "yes")))
        # A list of numbers as text: SQLite cannot look into JSON lists.
        chosen = given.alias(chosen=Cast("value", TextField())).filter(
            chosen__regex=rf"(^|[^0-9]){int(value)}([^0-9]|$)"
        )
        return queryset.filter(Exists(chosen))


class ParticipantList:
    """The people of one event as an address asks for them: filter, order and columns all stand in it."""

    def __init__(self, event: Event, asked: QueryDict) -> None:
        self.event, self.asked = event, asked
        self.filter = ParticipantFilter(asked, event=event, questions=self.questions)

    @cached_property
    def questions(self) -> list[Question]:
        """The questions whose answers may stand in lists: never those of a special category."""
        return list(Question.objects.filter(event=self.event, special="").with_options())

    @cached_property
    def people(self) -> QuerySet[Registration]:
        """Everybody who matches, in the order that was asked for."""
        found = self.filter.qs.select_related("jurisdiction")
        if any(column.key.startswith("question_") for column in self.columns):
            found = found.prefetch_related(
                Prefetch("answers", Answer.objects.filter(question__special=""))
            )
        order = ORDERS[self.sort.removeprefix("-")]
        if self.sort.startswith("-"):
            return found.order_by(*(F(name).desc(nulls_last=True) for name in order))
        # Without a name the erased would come first.
        is_erased = [IsNull(F("erased_at"), False)] if self.sort == "name" else []
        return found.order_by(*is_erased, *(F(name).asc(nulls_last=True) for name in order))

    @cached_property
    def sort(self) -> str:
        wanted = self.asked.get("sort", "")
        return wanted if wanted.removeprefix("-") in ORDERS else "name"

    @cached_property
    def all_columns(self) -> list[Column]:
        return [*_fixed_columns(self), *(_answer_column(one) for one in self.questions)]

    @cached_property
    def columns(self) -> list[Column]:
        """The columns beside the name that were chosen, else the usual ones."""
        chosen = set(self.asked.getlist("col"))
        found = [column for column in self.all_columns if column.key in chosen]
        usual = {"organisation", "jurisdiction", "state", "place", "registered"}
        return found or [column for column in self.all_columns if column.key in usual]

    @cached_property
    def ranks(self) -> dict[int, int]:
        """The places in their queues of all who wait, or wish for another way of attending, in one query."""
        ranks: dict[int, int] = {}
        numbers: dict[str, int] = {}
        queue = self.event.registrations.filter(Q(status=Status.WAITING) | ~Q(wished_mode=""))
        for pk, mode, wished in queue.order_by("created_at", "pk").values_list(
            "pk", "mode", "wished_mode"
        ):
            numbers[wished or mode] = ranks[pk] = numbers.get(wished or mode, 0) + 1
        return ranks

    @property
    def is_narrowed(self) -> bool:
        """Whether anybody is left out."""
        return any(self.asked.get(name) for name in self.filter.filters)

    @property
    def has_chosen_more(self) -> bool:
        """Whether anything behind "more" is chosen."""
        behind = [name for name in self.filter.filters if name not in {"q", "state"}]
        return any(self.asked.get(name) for name in [*behind, "col"])

    def counted(self) -> dict[str, int]:
        """How many people of the whole event are in each state."""
        return dict(
            self.event.registrations.order_by().values_list("status").annotate(number=Count("pk"))
        )

    def rows(self, people: Iterable[Registration]) -> list[dict[str, Any]]:
        """The people with the texts of their cells."""
        return [
            {"person": one, "cells": [(column.key, column.text(one)) for column in self.columns]}
            for one in people
        ]

    def in_event_time(self, moment: datetime | None) -> str:
        """A moment by the event's clock, short; an empty text for none."""
        if moment is None:
            return ""
        return date_format(moment.astimezone(self.event.zone), "j M Y, H:i")


def with_words(queryset: QuerySet[Registration], words: str) -> QuerySet[Registration]:
    """Registrations in which every word is in the name, address, organisation, jurisdiction or reference."""
    for word in words.split()[:8]:
        queryset = queryset.filter(
            Q(given_name__icontains=word)
            | Q(family_name__icontains=word)
            | Q(email__icontains=word)
            | Q(organisation__icontains=word)
            | Q(jurisdiction__name__icontains=word)
            | Q(reference__iexact=word)
        )
    return queryset


def _possible(question: Question) -> list[tuple[str, Any]]:
    nothing = ("none", _("not answered"))
    if question.is_choice:
        return [*((str(one.pk), one.label) for one in question.options.all()), nothing]
    if question.kind == QuestionKind.CONSENT:
        return [("yes", pgettext_lazy("answer", "yes")), nothing]
    return [("yes", pgettext_lazy("answer", "yes")), ("no", pgettext_lazy("answer", "no")), nothing]


def _fixed_columns(listed: ParticipantList) -> list[Column]:
    def state(one: Registration) -> str:
        return one.get_status_display()

    def place(one: Registration) -> str:
        return f"{one.seat}, {one.get_mode_display()}" if one.seat else one.get_mode_display()

    def rank(one: Registration) -> str:
        return str(listed.ranks.get(one.pk, ""))

    return [
        Column("organisation", _("Organisation"), lambda one: one.organisation),
        Column("jurisdiction", _("Jurisdiction"), lambda one: str(one.jurisdiction or "")),
        Column("state", _("State"), state),
        Column("place", _("Place"), place),
        Column("rank", _("Number in the queue"), rank),
        Column("until", _("Held until"), lambda one: listed.in_event_time(one.expires_at)),
        Column("wish", _("Would rather attend"), lambda one: one.get_wished_mode_display()),
        Column("registered", _("Registered"), lambda one: listed.in_event_time(one.created_at)),
        Column("confirmed", _("Confirmed"), lambda one: listed.in_event_time(one.confirmed_at)),
        Column("language", _("Language"), lambda one: one.language),
        Column("reference", _("Reference"), lambda one: one.reference),
    ]


def _answer_column(question: Question) -> Column:
    options = {option.pk: option.label for option in question.options.all()}

    def text(one: Registration) -> str:
        found = [answer for answer in one.answers.all() if answer.question_id == question.pk]
        return answers.in_words(question, found[0].value, options) if found else ""

    return Column(answers.field_name(question), question.label, text)
