"""The form with which a person registers."""

import difflib
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Jurisdiction
from events.models import Event, Mode
from outbox.posting import RefusedAddress, clean_address
from registrations.models import Registration
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


class TypedAddress(forms.BaseForm):
    """An address that somebody typed: one address, and a likely slip in its domain is asked about once."""

    def clean_email(self) -> str:
        try:
            email = clean_address(self.cleaned_data["email"])
        except RefusedAddress as error:
            raise forms.ValidationError(
                _("Enter one e-mail address like name@example.org.")
            ) from error
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
            "email": _("We send a link to this address, to confirm your place."),
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
