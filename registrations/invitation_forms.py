"""The forms of invitations: that of the invited person, and those with which organisers invite and ask again."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from events.models import Event
from registrations import guests
from registrations.forms import AskingForm
from registrations.guests import GuestList
from registrations.models import Invitation
from registrations.tables import RefusedTable

LONGEST_SENTENCE = 500


class InvitedForm(AskingForm):
    """The form to register for an invited person: the address is that of the invitation, the rest may be put right."""

    def __init__(self, *args: Any, event: Event, invitation: Invitation, **kwargs: Any) -> None:
        given_name, family_name = _parted(invitation.name)
        initial = {
            "given_name": given_name,
            "family_name": family_name,
            "organisation": invitation.organisation,
        }
        super().__init__(*args, event=event, initial=initial, **kwargs)
        self.invitation = invitation
        for name in ("email", "kept_email"):
            self.fields.pop(name, None)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["email"] = self.invitation.email
        return cleaned


class SentenceForm(forms.Form):
    """A sentence of the organiser for a mail."""

    sentence = forms.CharField(
        label=_("A sentence of yours in the mail (optional)"),
        max_length=LONGEST_SENTENCE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class InviteForm(SentenceForm):
    """A list of people to invite, pasted or uploaded."""

    people = forms.CharField(
        label=_("Paste addresses, one person a line"),
        required=False,
        max_length=200_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "Like name@example.org, or Ana Novak <ana@example.org>, or Ana Novak, ana@example.org, Probation Service."
        ),
    )
    file = forms.FileField(
        label=_("Or upload a table (CSV or XLSX)"),
        required=False,
        help_text=_(
            "Its first line names the columns: one is “e-mail”, others may be “name” and “organisation”."
        ),
    )
    field_order = ["people", "file", "sentence"]

    found: GuestList

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        text, file = cleaned.get("people", "").strip(), cleaned.get("file")
        if self.errors:
            return cleaned
        if bool(text) == bool(file):
            self.add_error(
                "people",
                _("Paste addresses or upload a table: one of both.")
                if text
                else _("Paste addresses, or upload a table."),
            )
            return cleaned
        try:
            self.found = guests.read_upload(file) if file else guests.read_text(cleaned["people"])
        except RefusedTable as refusal:
            self.add_error("file" if file else "people", str(refusal))
        return cleaned


def _parted(name: str) -> tuple[str, str]:
    """Given and family name of a name in one piece: a guess for the person to put right."""
    family, comma, given = name.partition(",")
    if comma:
        return given.strip()[:100], family.strip()[:100]
    given, _blank, family = name.rpartition(" ")
    return (given or family).strip()[:100], (family if given else "").strip()[:100]
