"""The desk's pages for calendar files: take one, show what would come of it, and make the drafts on the button."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts.desk import StaffRequest, scoped
from accounts.models import Organisation, User
from accounts.permissions import MANAGING, has_role, organisations_of
from events.desk import GET_AND_POST, frame
from events.importing import drafts, reading
from events.importing.drafts import RESULTS, Made
from events.importing.files import MOST_BYTES, RefusedCalendar
from events.importing.recurrence import MOST_TIMES
from events.models import Event, Format, Kind, PendingCalendar

MONTHS = (3, 6, 12, 24)
#: Events that could not be made which are named one by one.
MOST_REFUSED = 10


class CalendarForm(forms.Form):
    """The file, for whom it is, and what it does not say of its events."""

    file = forms.FileField(
        label=gettext_lazy("Calendar file"),
        help_text=gettext_lazy("An .ics file, 2 MB at most."),
        widget=forms.FileInput(attrs={"accept": ".ics,.ical,.ifb,text/calendar"}),
        error_messages={"required": gettext_lazy("Choose a file.")},
    )
    organisation = forms.ModelChoiceField(
        label=gettext_lazy("Organised by"),
        queryset=Organisation.objects.none(),
        empty_label=None,
        error_messages={"required": gettext_lazy("Say who organises these events.")},
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("", gettext_lazy("Choose one")), *Kind.choices],
        error_messages={"required": gettext_lazy("Choose what sort of events they are.")},
    )
    format = forms.ChoiceField(
        label=gettext_lazy("Format"),
        help_text=gettext_lazy("Events whose place is “Online” or a link become online events."),
        choices=Format.choices,
    )
    months = forms.TypedChoiceField(
        label=gettext_lazy("Events that repeat"), coerce=int, choices=[], initial=12
    )
    with_past = forms.BooleanField(label=gettext_lazy("Show what is over too"), required=False)

    def __init__(self, *args: Any, user: User) -> None:
        super().__init__(*args)
        fields: dict[str, Any] = self.fields
        own = organisations_of(user, MANAGING)
        fields["organisation"].queryset = own
        fields["organisation"].initial = own.first()
        fields["months"].choices = [
            (number, _("in the coming %(number)s months") % {"number": number}) for number in MONTHS
        ]


@scoped
@require_http_methods(GET_AND_POST)
def calendar_import(request: StaffRequest) -> HttpResponse:
    """Take a file; nothing happens but that it is kept for the page that shows what would come of it."""
    if not has_role(request.user, MANAGING):
        raise Http404
    is_sent = request.method == "POST"
    form = CalendarForm(*((request.POST, request.FILES) if is_sent else ()), user=request.user)
    if is_sent and form.is_valid():
        said = dict(form.cleaned_data)
        file = said.pop("file")
        try:
            pending = drafts.keep(
                file.read(MOST_BYTES + 1), file_name=file.name, by=request.user, **said
            )
        except RefusedCalendar as error:
            form.add_error("file", str(error))
        else:
            return redirect("desk_calendar_check", calendar_id=pending.pk)
    context = frame(
        request,
        _("Import from a calendar file"),
        form=form,
        most=reading.MOST_EVENTS,
        most_times=MOST_TIMES,
    )
    return TemplateResponse(
        request,
        "desk/calendar_import.html",
        _below_events(context),
        status=422 if form.is_bound else 200,
    )


@scoped
@require_http_methods(GET_AND_POST)
def calendar_check(request: StaffRequest, calendar_id: int) -> HttpResponse:
    """Show what would come of each event of a kept file; on the button make drafts of those that are ticked."""
    if not has_role(request.user, MANAGING):
        raise Http404
    with transaction.atomic():
        pending = _mine(request.user).select_for_update().filter(pk=calendar_id).first()
        if pending is None:
            messages.info(request, _("That file has been imported already, or was given up."))
            return redirect("desk_calendar_import")
        ticked = set(request.POST.getlist("take"))
        if request.method == "POST" and ticked:
            made = drafts.make(pending, ticked, by=request.user)
            pending.delete()
            _say(request, made)
            if len(made.drafts) == 1:
                return redirect("desk_event", pk=made.drafts[0].pk)
            return redirect(_drafts())
    outcomes = drafts.outcomes(pending, by=request.user)
    counted = [outcome.result for outcome in outcomes]
    context = frame(
        request,
        _("What would come of it"),
        pending=pending,
        notes=pending.content["notes"],
        outcomes=outcomes,
        numbers=[
            (key, words, counted.count(key)) for key, words in RESULTS.items() if key in counted
        ],
        may_go_on=any(outcome.may_be_taken for outcome in outcomes),
        problem=_("Tick at least one event.") if request.method == "POST" else "",
    )
    return TemplateResponse(
        request,
        "desk/calendar_check.html",
        _below_events(context),
        status=422 if request.method == "POST" else 200,
    )


def _mine(user: User) -> Any:
    """The files that this person uploaded in the last day, for organisations that are still the person's."""
    return PendingCalendar.objects.filter(
        uploaded_by=user,
        uploaded_at__gt=timezone.now() - drafts.KEPT,
        organisation__in=organisations_of(user, MANAGING).values("pk"),
    )


def _say(request: StaffRequest, made: Made) -> None:
    """Say how many drafts there are now, what they need, and which could not be made."""
    _say_refused(request, made.refused)
    if made.drafts:
        _say_made(request, made.drafts)
    elif not made.refused:
        messages.info(request, _("No draft was made: these events are on the site already."))


def _say_refused(request: StaffRequest, refused: list[Event]) -> None:
    """Say of each event that could not be made which it is, of very many only how many more."""
    for event in refused[:MOST_REFUSED]:
        words = _("“%(title)s” on %(day)s could not be made. Enter it by hand.")
        day = date_format(event.first_day, "j F Y")
        messages.error(request, words % {"title": event.title, "day": day})
    if more := len(refused[MOST_REFUSED:]):
        said = ngettext(
            "%(number)s more event could not be made.",
            "%(number)s more events could not be made.",
            more,
        )
        messages.error(request, said % {"number": more})


def _say_made(request: StaffRequest, made: list[Event]) -> None:
    said = ngettext(
        "%(number)s draft is made. Only your organisation sees it.",
        "%(number)s drafts are made. Only your organisation sees them.",
        len(made),
    )
    messages.success(request, said % {"number": len(made)})
    homeless = sum(event.venue_id is None and event.format != Format.ONLINE for event in made)
    if homeless:
        said = ngettext(
            "%(number)s of them needs a venue before it can be published.",
            "%(number)s of them need a venue before they can be published.",
            homeless,
        )
        messages.warning(request, said % {"number": homeless})


def _drafts() -> str:
    return reverse("desk_events") + "?show=drafts"


def _below_events(context: dict[str, Any]) -> dict[str, Any]:
    """The context with the list of events among the ways back."""
    context["breadcrumbs_items"].insert(1, {"url": reverse("desk_events"), "label": _("Events")})
    return context


urlpatterns = [
    path("events/import/", calendar_import, name="desk_calendar_import"),
    path("events/import/<int:calendar_id>/", calendar_check, name="desk_calendar_check"),
]
