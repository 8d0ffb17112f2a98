"""Lets one person register colleagues of the same organisation in one go; each of them confirms alone.

add_fields(form)   at the end of the form's __init__
clean(form)        in its clean()
people(form, …)    on a valid form: the colleagues as persons
register(…)        the person and the colleagues, all or none
"""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Jurisdiction
from events.models import Event
from outbox.posting import RefusedAddress, clean_address
from registrations import seating, seats
from registrations.answers import Given
from registrations.models import Registration
from registrations.seating import RefusedSeat
from registrations.seats import Person

MOST = 5
PARTS = ("given_name", "family_name", "email", "jurisdiction")


def add_fields(form: forms.BaseForm) -> None:
    """Add up to five rows of fields to a form that asks for a person; all of them may stay empty."""

    @cache
    def jurisdictions() -> list[tuple[str, str]]:
        field: Any = form.fields["jurisdiction"]
        known = [(str(one.pk), one.name) for one in field.queryset]
        return [("", _("The same as mine")), *known]

    for row in range(1, MOST + 1):
        for part, each in _row(jurisdictions).items():
            each.is_apart = True
            each.required = False
            form.fields[_name(row, part)] = each


def rows(form: forms.BaseForm) -> list[list[forms.BoundField]]:
    """Return the fields row by row, to be drawn."""
    return [[form[_name(row, part)] for part in PARTS] for row in range(1, MOST + 1)]


def are_named(form: forms.BaseForm) -> bool:
    """Whether anything was typed in the rows, so that they should stand open."""
    return any(field.value() for row in rows(form) for field in row)


def clean(form: forms.BaseForm) -> None:
    """Check each row that is not empty, and that no address stands there twice."""
    seen = {str(form.cleaned_data.get("email", "")).lower()}
    for row in range(1, MOST + 1):
        typed = {part: form.cleaned_data.get(_name(row, part)) or "" for part in PARTS}
        if not any(typed.values()) and not any(_name(row, part) in form.errors for part in PARTS):
            continue
        _check_names(form, row, typed)
        name = _name(row, "email")
        if name in form.errors:
            continue
        try:
            email = clean_address(typed["email"])
        except RefusedAddress as error:
            form.add_error(name, str(error.why))
            continue
        if email.lower() in seen:
            form.add_error(name, _("This address stands in the form already. Give another."))
        seen.add(email.lower())


def people(form: forms.BaseForm, *, first: Person) -> dict[int, Person]:
    """Return the colleagues of `first` by the number of the row. Call it on a valid form."""
    found = {}
    for row in range(1, MOST + 1):
        typed = {part: form.cleaned_data.get(_name(row, part)) or "" for part in PARTS}
        if typed["email"]:
            found[row] = Person(
                given_name=typed["given_name"],
                family_name=typed["family_name"],
                email=clean_address(typed["email"]),
                organisation=first.organisation,
                jurisdiction=_jurisdiction(typed["jurisdiction"], first),
                language=first.language,
            )
    return found


def register(
    event: Event,
    *,
    person: Person,
    mode: str,
    given: Collection[Given] = (),
    colleagues: Mapping[int, Person],
) -> Registration:
    """Register a person and the colleagues, all or none; each colleague gets a mail and confirms alone.

    Raises RefusedSeat; where it is about a colleague, `field` is that of the row.
    """
    if not colleagues:
        return seats.register(event, person=person, mode=mode, given=given)
    with transaction.atomic():
        event = seating.lock_event(event)
        known = seats.live_registration(event, person.email)
        first = seats.register(event, person=person, mode=mode, given=given)
        is_namesake = (
            known is not None and known.name != f"{person.given_name} {person.family_name}"
        )
        # Colleagues read the name that was typed: the registered one would tell that the address is known.
        first.given_name, first.family_name = person.given_name, person.family_name
        for row, colleague in colleagues.items():
            is_new = seats.live_registration(event, colleague.email) is None
            try:
                new = seats.register(event, person=colleague, mode=mode, brought_by=first)
            except RefusedSeat as refusal:
                raise _about(colleague, row, refusal) from refusal
            if is_new and is_namesake:
                Registration.objects.filter(pk=new.pk).update(brought_by=None)
        return first


def _about(colleague: Person, row: int, refusal: RefusedSeat) -> RefusedSeat:
    said = {
        "name": f"{colleague.given_name} {colleague.family_name}",
        "why": str(refusal),
    }
    field = _name(row, refusal.field) if refusal.field in PARTS else refusal.field
    return RefusedSeat(_("%(name)s: %(why)s") % said, field=field)


def _name(row: int, part: str) -> str:
    return f"colleague_{row}_{part}"


def _row(jurisdictions: Callable[[], list[tuple[str, str]]]) -> dict[str, Any]:
    off = {"autocomplete": "off"}
    return {
        "given_name": forms.CharField(
            label=_("given name"), max_length=100, widget=forms.TextInput(attrs=off)
        ),
        "family_name": forms.CharField(
            label=_("family name"), max_length=100, widget=forms.TextInput(attrs=off)
        ),
        "email": forms.CharField(
            label=_("e-mail address"),
            max_length=254,
            widget=forms.EmailInput(attrs={"inputmode": "email", **off}),
        ),
        "jurisdiction": forms.ChoiceField(
            label=_("country or jurisdiction"),
            choices=jurisdictions,
            widget=forms.Select(attrs=off),
        ),
    }


def _check_names(form: forms.BaseForm, row: int, typed: dict[str, Any]) -> None:
    said = {"number": row}
    needed = {
        "given_name": _("Enter the given name of colleague %(number)s.") % said,
        "family_name": _("Enter the family name of colleague %(number)s.") % said,
        "email": _("Enter the e-mail address of colleague %(number)s.") % said,
    }
    for part, message in needed.items():
        if not typed[part] and _name(row, part) not in form.errors:
            form.add_error(_name(row, part), message)


def _jurisdiction(chosen: str, first: Person) -> Jurisdiction | None:
    return Jurisdiction.objects.get(pk=chosen) if chosen else first.jurisdiction
