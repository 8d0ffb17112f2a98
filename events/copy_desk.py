"""The desk's page that copies an event into a draft for another date."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.desk import StaffRequest, scoped
from accounts.permissions import manageable
from events import lifecycle
from events.desk import GET_AND_POST, frame
from events.inputs import WallTimeField, WallTimes, start_of_day
from events.models import Event


class CopyForm(WallTimes, forms.Form):
    """When the copy starts, by the clock of the event; an event of whole days is asked for its first day."""

    starts_at = WallTimeField(
        label=gettext_lazy("The copy starts"),
        help_text=gettext_lazy("By the event's clock. All other times keep their distance."),
        error_messages={"required": gettext_lazy("Say when it starts.")},
    )
    starts_on = forms.DateField(
        label=gettext_lazy("The first day of the copy"),
        help_text=gettext_lazy("All other times keep their distance."),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={
            "required": gettext_lazy("Say on which day it starts."),
            "invalid": gettext_lazy("Enter a day, as in 2027-03-31."),
        },
    )

    def __init__(self, data: Any = None, *, event: Event) -> None:
        super().__init__(data)
        self.event = event
        del self.fields["starts_at" if event.is_whole_day else "starts_on"]

    def clean_starts_on(self) -> datetime:
        day = self.cleaned_data["starts_on"]
        if not 1970 <= day.year <= 2100:
            raise ValidationError(_("Check the year."))
        return start_of_day(day, self.event.timezone)

    def clean_starts_at(self) -> datetime:
        return self.instant_in("starts_at")

    def instant(self) -> datetime:
        """Return the start of the copy. Call it on a valid form."""
        found: datetime = self.cleaned_data["starts_on" if self.event.is_whole_day else "starts_at"]
        return found


@scoped
@require_http_methods(GET_AND_POST)
def event_copy(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask when the copy starts, make the draft, and go on to its page of changes."""
    event = get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)
    form = CopyForm(request.POST or None, event=event)
    if request.method == "POST" and form.is_valid():
        draft = lifecycle.copy(event, by=request.user, starts_at=form.instant())
        messages.success(request, _("This is the copy, a draft. Look through it, then publish it."))
        return redirect("desk_event_edit", pk=draft.pk)
    return TemplateResponse(
        request,
        "desk/event_copy.html",
        frame(request, _("Copy this event"), event=event, form=form),
        status=422 if form.is_bound else 200,
    )


urlpatterns = [
    path("events/<int:pk>/copy/", event_copy, name="desk_event_copy"),
]
