"""The desk's pages to write once to many people of an event: the text, a true preview with the number, and sending."""

import secrets
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.desk import StaffRequest
from events.desk import frame
from events.models import Event
from outbox.models import Message
from outbox.posting import RefusedAddress
from registrations import announcements, audiences, maillog, moments, wordings
from registrations.batches import Batch
from registrations.models import Mailing, MailingKind, RegistrationQuerySet


class LetterForm(forms.Form):
    """A text to people, with named values. `key` makes one letter of a form that is sent twice."""

    subject = forms.CharField(
        label=gettext_lazy("Subject"),
        help_text=gettext_lazy("The title of the event stands before it."),
        max_length=150,
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        help_text=gettext_lazy(
            "Plain text. The greeting, where the registration stands, the link and the facts of the event are added."
        ),
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 12}),
    )
    key = forms.RegexField(r"\A[0-9a-f]{16}\Z", widget=forms.HiddenInput)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"key": secrets.token_hex(8)})

    def clean_subject(self) -> str:
        subject: str = self.cleaned_data["subject"]
        wordings.check_subject(subject, moments.LETTER.values)
        return subject

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        wordings.check(text, moments.LETTER.values)
        return text


def write(request: StaffRequest, event: Event, people: list[int], *, back: str) -> HttpResponse:
    """Ask for the words; show them as the first of these people would read them, with the number; then send."""
    readers = audiences.of_letter(event, people, is_bulk=not audiences.is_personal(people))
    number = readers.count()
    form = LetterForm(request.POST if request.method == "POST" else None)
    is_last_step = form.is_valid() and "again" not in request.POST
    if is_last_step and number and "sure" in request.POST:
        return _send(request, event, people, form, number=number)
    return TemplateResponse(
        request,
        "desk/letter.html",
        frame(
            request,
            _("Write a mail"),
            event=event,
            form=form,
            people=",".join(map(str, people)),
            number=number,
            left_out=audiences.left_out(event, people),
            values=moments.LETTER.values,
            preview=_preview(event, people, readers, form) if is_last_step else None,
            is_last_step=is_last_step,
            back=back,
        ),
        status=422 if form.errors else 200,
    )


def _send(
    request: StaffRequest, event: Event, people: list[int], form: LetterForm, *, number: int
) -> HttpResponse:
    announcements.write_to(event, people, by=request.user, **form.cleaned_data)
    messages.success(
        request,
        ngettext(
            "The mail goes to %(number)s person.", "The mail goes to %(number)s people.", number
        )
        % {"number": number},
    )
    if audiences.is_personal(people):
        return redirect("desk_participant", pk=event.pk, registration_id=people[0])
    return redirect("desk_mailings", pk=event.pk)


def _preview(
    event: Event, people: list[int], readers: RegistrationQuerySet, form: LetterForm
) -> Message | None:
    """The letter to the first of its readers, as it would go out, but for the personal link."""
    first = readers.order_by("pk").first()
    if first is None:
        return None
    letter = Mailing(
        pk=0,
        event=event,
        kind=MailingKind.LETTER,
        key=form.cleaned_data["key"],
        subject=form.cleaned_data["subject"],
        text=form.cleaned_data["text"],
        people=people,
        created_at=timezone.now(),
    )
    try:
        message = Batch(letter, event, [first]).message_to(first)
    except RefusedAddress:
        return None
    return maillog.without_links(message)
