"""The desk's list to tick at the door, among one's own events."""

from datetime import date

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.desk import StaffRequest, scoped
from accounts.permissions import attendable
from events.desk import GET_AND_POST, frame
from events.models import Event
from registrations import attendance
from registrations.models import Attendance
from registrations.participants import with_words

#: Each person shown is up to three fields of the form, and Django takes a thousand.
ON_ONE_LIST = 200


@scoped
@require_http_methods(GET_AND_POST)
def attendance_list(request: StaffRequest, pk: int) -> HttpResponse:
    """The confirmed people of one day, to tick who is there."""
    event = get_object_or_404(attendable(Event.objects.with_facts(), request.user), pk=pk)
    day = _day(request, event)
    if request.method == "POST":
        return _save_ticks(request, event, day)
    confirmed = event.registrations.confirmed()
    here = Attendance.objects.filter(registration=OuterRef("pk"), day=day)
    found = (
        with_words(confirmed, request.GET.get("q", ""))
        .select_related("jurisdiction")
        .annotate(is_present=Exists(here))
        .order_by("family_name", "given_name", "pk")
    )
    return TemplateResponse(
        request,
        "desk/attendance.html",
        frame(
            request,
            _("Attendance"),
            event=event,
            day=day,
            days=event.days,
            page=Paginator(found, ON_ONE_LIST).get_page(request.GET.get("page")),
            query=request.GET.get("q", ""),
            present=confirmed.filter(attendances__day=day).count(),
            total=confirmed.count(),
        ),
    )


def _save_ticks(request: StaffRequest, event: Event, day: date) -> HttpResponse:
    """Store what this person changed, and leave alone what a colleague ticked meanwhile on another phone."""
    present, before = _ids(request, "present"), _ids(request, "before")
    changed = _ids(request, "shown") & (present ^ before)
    try:
        attendance.tick(event, day=day, present=present, shown=changed, by=request.user)
    except attendance.RefusedAttendance as refusal:
        messages.error(request, str(refusal))
    else:
        number = event.registrations.confirmed().filter(attendances__day=day).count()
        messages.success(
            request,
            ngettext(
                "Saved: %(number)s person is present.",
                "Saved: %(number)s people are present.",
                number,
            )
            % {"number": number},
        )
    return redirect(request.get_full_path())


def _day(request: StaffRequest, event: Event) -> date:
    """The day that was asked for, else today if the event takes place today, else its first day."""
    wanted = request.GET.get("day")
    if wanted:
        try:
            day = date.fromisoformat(wanted)
        except ValueError as error:
            raise Http404 from error
        if day not in event.days:
            raise Http404
        return day
    today = timezone.now().astimezone(event.zone).date()
    return today if today in event.days else event.first_day


def _ids(request: StaffRequest, name: str) -> set[int]:
    return {int(value) for value in request.POST.getlist(name) if value.isdecimal()}


urlpatterns = [
    path("events/<int:pk>/attendance/", attendance_list, name="desk_attendance"),
]
