"""The forms with which people register: what a person is, what an event asks beyond that, and the public page's own."""

import difflib
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Jurisdiction
from events.models import Event, Mode
from outbox.posting import RefusedAddress, clean_address
from registrations import answers, colleagues, questions
from registrations.answers import Given
from registrations.guards import GuardedForm
from registrations.models import Moment, Registration, Status, Terms, terms_of
from registrations.seating import RefusedSeat
from registrations.seats import Person

#: Where most private addresses are; a near miss of one is probably a slip of the finger.
COMMON_DOMAINS = (
    "gmail.com", "googlemail.com", "hotmail.com", "outlook.com", "yahoo.com", "icloud.com", "live.com",
    "proton.me", "protonmail.com", "gmx.net", "gmx.de", "web.de", "orange.fr", "laposte.net", "justice.gov.uk",
)  # fmt: skip


def likely_address(email: str) -> str:
    """Return the address that was probably meant, or an empty text where nothing looks wrong."""
    local, _at, domain = email.rpartition("@")
    domain = domain.lower()
    if domain in COMMON_DOMAINS:
        return ""
    near = difflib.get_close_matches(domain, COMMON_DOMAINS, n=1, cutoff=0.88)
    return f"{local}@{near[0]}" if near else ""


def address_field(*, help_text: Any = "") -> forms.EmailField:
    """One's own address, for a form that is a `TypedAddress`."""
    return forms.EmailField(
        label=_("E-mail address"),
        help_text=help_text,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
        error_messages={
            "required": _("Enter your e-mail address."),
            "invalid": _("Enter an e-mail address like name@example.org."),
        },
    )


class TypedAddress(forms.BaseForm):
    """An address that somebody typed: one address, and a likely slip in its domain is asked about once."""

    def clean_email(self) -> str:
        try:
            email = clean_address(self.cleaned_data["email"])
        except RefusedAddress as error:
            raise forms.ValidationError(str(error.why)) from error
        meant = likely_address(email)
        if meant and self.data.get("kept_email") != email:
            data: Any = self.data.copy()  # type: ignore[attr-defined]
            data["kept_email"] = email
            self.data = data
            raise forms.ValidationError(
                _(
                    "Did you mean %(meant)s? Correct the address, or send the form again to keep it as it is."
                ),
                params={"meant": meant},
            )
        return email


class RegistrationForm(TypedAddress, forms.ModelForm):
    """Name, address, organisation and jurisdiction; for a hybrid event the way of attending."""

    mode = forms.ChoiceField(
        label=_("How will you attend?"), choices=Mode.choices, widget=forms.RadioSelect
    )
    kept_email = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Registration
        fields = ["mode", "given_name", "family_name", "email", "organisation", "jurisdiction"]
        widgets = {
            "given_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "family_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
            "organisation": forms.TextInput(attrs={"autocomplete": "organization"}),
            "jurisdiction": forms.Select(attrs={"autocomplete": "country-name"}),
        }
        help_texts = {
            "email": _("We send a link to this address, to confirm your registration."),
            "jurisdiction": _(
                "Where you work. We count people by jurisdiction: Scotland and Catalonia count by themselves."
            ),
        }
        error_messages = {
            "given_name": {"required": _("Enter your given name.")},
            "family_name": {"required": _("Enter your family name.")},
            "email": {
                "required": _("Enter your e-mail address."),
                "invalid": _("Enter an e-mail address like name@example.org."),
            },
        }

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["jurisdiction"].required = True
        self.fields["jurisdiction"].error_messages["required"] = _(
            "Choose your country or jurisdiction."
        )
        self.fields["jurisdiction"].queryset = Jurisdiction.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["jurisdiction"].empty_label = _("Choose one")  # type: ignore[attr-defined]
        self.fields["mode"].error_messages["required"] = _("Choose how you will attend.")
        if len(event.modes) == 1:
            self.only_mode = event.modes[0].value
            del self.fields["mode"]

    def person(self, *, language: str) -> Person:
        """Return what the person said. Call it on a valid form."""
        data = self.cleaned_data
        return Person(
            given_name=data["given_name"],
            family_name=data["family_name"],
            email=data["email"],
            organisation=data["organisation"],
            jurisdiction=data["jurisdiction"],
            language=language,
        )

    def chosen_mode(self) -> str:
        """Return the way of attending. Call it on a valid form."""
        return self.cleaned_data.get("mode") or self.only_mode


class RefusableForm(forms.BaseForm):
    """A form that can show at a field why `seats` refuses it."""

    def refuse(self, refusal: RefusedSeat) -> bool:
        """Put a refusal to the field that it names; return whether the form has that field."""
        if refusal.field not in self.fields:
            return False
        self.add_error(refusal.field, str(refusal))
        return True


class AskingForm(RefusableForm, RegistrationForm):
    """A person, and what the event asks: its questions, its declaration, and whether one may be named in public.

    `terms` are those of the event, read anew if they are not given.
    """

    def __init__(self, *args: Any, event: Event, terms: Terms | None = None, **kwargs: Any) -> None:
        super().__init__(*args, event=event, **kwargs)
        self.terms = terms or terms_of(event)
        if self.terms.most_per_organisation:
            self.fields["organisation"].required = True
            self.fields["organisation"].error_messages["required"] = _(
                "Places are limited for each organisation: say which one you come from."
            )
        questions.add_fields(self, event.questions.asked_when(Moment.REGISTRATION))
        if self.terms.shows_participants:
            self.fields["is_listed"] = listing_field()
        if self.terms.declaration:
            self.fields["declares"] = declaration_field(self.terms)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        questions.clean(self)
        return cleaned

    def person(self, *, language: str) -> Person:
        """Return what the person said. Call it on a valid form."""
        return replace(
            super().person(language=language),
            declares=bool(self.cleaned_data.get("declares")),
            is_listed=bool(self.cleaned_data.get("is_listed")),
        )

    def given(self) -> list[Given]:
        """Return the answers. Call it on a valid form."""
        return questions.given(self)


class RegisterForm(GuardedForm, AskingForm):
    """The form of the public page: with colleagues, and guarded against programs."""

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, event=event, **kwargs)
        self.fields["organisation"].widget.attrs["list"] = "organisations"
        colleagues.add_fields(self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        colleagues.clean(self)
        return cleaned


class ConfirmForm(RefusableForm, forms.Form):
    """What a person must still say before the button confirms: colleagues and substitutes were asked nothing yet.

    It is empty for those who have said it all, and for registrations that are confirmed already.
    """

    def __init__(self, *args: Any, registration: Registration, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_open = registration.status == Status.UNVERIFIED
        open_questions = answers.unanswered(registration) if is_open else []
        questions.add_fields(self, open_questions, registration=registration)
        if is_open and registration.declared_at is None:
            terms = terms_of(registration.event)
            if terms.declaration:
                self.fields["declares"] = declaration_field(terms)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        questions.clean(self)
        return cleaned

    def given(self) -> list[Given]:
        """Return the answers. Call it on a valid form."""
        return questions.given(self)

    def declares(self) -> bool:
        """Return whether the declaration was ticked. Call it on a valid form."""
        return bool(self.cleaned_data.get("declares"))


class ApiForm(forms.Form):
    """The answers and the declaration as the API takes them, checked as those of the page are."""

    def __init__(self, answered: dict[str, Any], *, event: Event, declares: bool) -> None:
        asked = event.questions.asked_when(Moment.REGISTRATION).with_options()
        data, self.wrong = questions.from_json(asked, answered)
        data.setlist("declares", ["yes"] if declares else [])
        super().__init__(data)
        questions.add_fields(self, asked)
        for field in self.fields.values():
            if isinstance(field, forms.FileField):
                field.error_messages["required"] = questions.FILE_BY_PAGE
        self.terms = terms_of(event)
        if self.terms.declaration:
            self.fields["declares"] = declaration_field(self.terms)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        questions.clean(self)
        for name, message in self.wrong.items():
            self.errors.pop(name, None)
            self.add_error(name if name in self.fields else None, message)
        return cleaned

    def given(self) -> list[Given]:
        """Return the answers. Call it on a valid form."""
        return questions.given(self)


class NoticeForm(GuardedForm, TypedAddress, forms.Form):
    """An address that wants to be told when registering opens."""

    email = address_field(
        help_text=_("We write to it once, when registering opens to all, and then forget it.")
    )
    kept_email = forms.CharField(widget=forms.HiddenInput, required=False)


class LinkForm(GuardedForm, TypedAddress, forms.Form):
    """An address that wants its own link sent to it."""

    email = address_field(help_text=_("The one that you registered with."))
    kept_email = forms.CharField(widget=forms.HiddenInput, required=False)


def listing_field() -> forms.BooleanField:
    """The consent to be named in public, never ticked beforehand."""
    return forms.BooleanField(
        label=_("Name me in the public list of participants"),
        help_text=_(
            "With organisation and country or jurisdiction. You can take this back at any time."
        ),
        required=False,
        widget=forms.CheckboxInput(attrs={"value": "yes"}),
    )


def declaration_field(terms: Terms) -> forms.BooleanField:
    """The declaration that people must make to register."""
    return forms.BooleanField(
        label=terms.declaration,
        error_messages={
            "required": gettext("Tick the declaration to register: “%(declaration)s”.")
            % {"declaration": terms.declaration}
        },
        widget=forms.CheckboxInput(attrs={"value": "yes"}),
    )
