"""The form for the words of a message: what stands in braces must be a value that the message has."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from registrations import wordings
from registrations.models import Wording
from registrations.moments import Notice
from registrations.wordings import Text

LONGEST_SUBJECT = Wording._meta.get_field("subject").max_length
LONGEST_TEXT = Wording._meta.get_field("text").max_length
TOO_LONG = _("Shorten it to %(limit_value)s characters; it has %(show_value)s now.")


class WordingForm(forms.Form):
    """Subject and text of a message."""

    subject = forms.CharField(
        label=_("Subject"),
        max_length=LONGEST_SUBJECT,
        error_messages={"required": _("Write a subject."), "max_length": TOO_LONG},
    )
    text = forms.CharField(
        label=_("Text"),
        help_text=_("An empty line begins a new paragraph. Full addresses become links."),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 10, "dir": "auto"}),
        error_messages={"required": _("Write a text."), "max_length": TOO_LONG},
    )

    def __init__(self, data: Any = None, *, notice: Notice, text: Text) -> None:
        super().__init__(data, initial={"subject": text.subject, "text": text.words})
        self.notice = notice
        if notice.is_of_event:
            self.fields["subject"].help_text = _("The title of the event goes before it.")
        self.fields["subject"].widget.attrs |= {"dir": "auto", "autocomplete": "off"}

    def clean_subject(self) -> str:
        subject = " ".join(self.cleaned_data["subject"].split())
        wordings.check_subject(subject, self.notice.values)
        return subject

    def clean_text(self) -> str:
        text = "\n".join(self.cleaned_data["text"].splitlines())
        wordings.check(text, self.notice.values)
        return text

    def words(self) -> Text:
        """Return what was written. Call it on a valid form."""
        return Text(self.cleaned_data["subject"], self.cleaned_data["text"], "written")
