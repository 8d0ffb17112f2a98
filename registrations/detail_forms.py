"""The forms with which somebody changes what was said when registering, the address, or who comes."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Jurisdiction
from registrations import questions
from registrations.answers import Given
from registrations.forms import RegistrationForm, TypedAddress
from registrations.models import Moment, Question, Registration, Status, Terms
from registrations.seats import Person


class PersonForm(forms.ModelForm):
    """Name, organisation and jurisdiction of one person."""

    class Meta(RegistrationForm.Meta):
        fields = ["given_name", "family_name", "organisation", "jurisdiction"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        jurisdiction: Any = self.fields["jurisdiction"]
        jurisdiction.required = True
        jurisdiction.error_messages["required"] = _("Choose your country or jurisdiction.")
        jurisdiction.queryset = Jurisdiction.objects.order_by("name")
        jurisdiction.empty_label = _("Choose one")


class DetailsForm(PersonForm):
    """What somebody said of themselves, and the answers to all questions whose moment has come."""

    class Meta(PersonForm.Meta):
        fields = [*PersonForm.Meta.fields, "is_listed"]
        labels = {"is_listed": _("My name may stand in the public list of participants")}
        help_texts = {
            **PersonForm.Meta.help_texts,
            "is_listed": _(
                "With your organisation and jurisdiction, once your place is confirmed."
            ),
        }

    def __init__(self, *args: Any, terms: Terms, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not terms.shows_participants:
            del self.fields["is_listed"]
        questions.add_fields(self, asked_of(self.instance), registration=self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        questions.clean(self)
        return cleaned

    def _post_clean(self) -> None:
        """Leave the registration alone: `swaps` stores what was said, under the lock."""

    def details(self) -> dict[str, Any]:
        """Return what `swaps.change_details` takes. Call it on a valid form."""
        data = self.cleaned_data
        return {
            "given_name": data["given_name"],
            "family_name": data["family_name"],
            "organisation": data["organisation"],
            "jurisdiction": data["jurisdiction"],
            "is_listed": data.get("is_listed", self.instance.is_listed),
        }

    def given(self) -> list[Given]:
        """Return the answers. Call it on a valid form."""
        return questions.given(self)


class AddressForm(TypedAddress, forms.Form):
    """Another address for a registration."""

    email = forms.EmailField(
        label=_("New e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
        error_messages={
            "required": _("Enter your new e-mail address."),
            "invalid": _("Enter an e-mail address like name@example.org."),
        },
    )
    kept_email = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, present: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.present = present

    def clean_email(self) -> str:
        email = super().clean_email()
        if email == self.present:
            raise forms.ValidationError(_("This is your address already. Enter the new one."))
        return email


class SubstituteForm(TypedAddress, PersonForm):
    """Who comes instead."""

    kept_email = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta(PersonForm.Meta):
        fields = ["given_name", "family_name", "email", "organisation", "jurisdiction"]
        help_texts = {
            "email": _("We ask this person there whether they come."),
            "jurisdiction": _("Where the person works."),
        }
        error_messages = {
            "given_name": {"required": _("Enter the given name of the other person.")},
            "family_name": {"required": _("Enter the family name of the other person.")},
            "email": {
                "required": _("Enter the e-mail address of the other person."),
                "invalid": _("Enter an e-mail address like name@example.org."),
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["jurisdiction"].error_messages["required"] = _(
            "Choose the country or jurisdiction of the other person."
        )
        for field in fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def person(self, *, language: str) -> Person:
        """Return what was said of the other person. Call it on a valid form."""
        data = self.cleaned_data
        return Person(
            given_name=data["given_name"],
            family_name=data["family_name"],
            email=data["email"],
            organisation=data["organisation"],
            jurisdiction=data["jurisdiction"],
            language=language,
        )


def asked_of(registration: Registration) -> list[Question]:
    """The questions of the event whose moment has come for this person."""
    moments = Q(moment=Moment.REGISTRATION)
    if registration.status == Status.CONFIRMED:
        moments |= Q(moment=Moment.CONFIRMED)
    return list(Question.objects.filter(moments, event=registration.event_id).with_options())
