"""The desk's pages of who comes: participants, and the list to tick at the door; each among one's own events."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.permissions import attendable, manageable
from events.desk import GET_AND_POST, frame
from events.models import Event
from events.models import Status as EventStatus
from registrations import attendance, availability, seats
from registrations.forms import RegistrationForm
from registrations.models import Attendance, Registration, Status
from registrations.seating import RefusedSeat

PER_PAGE = 50
#: Each person shown is up to three fields of the form, and Django takes a thousand.
ON_ONE_LIST = 200


class ParticipantForm(RegistrationForm):
    """Somebody whom staff add by hand."""

    class Meta(RegistrationForm.Meta):
        help_texts = {
            "email": gettext_lazy("The confirmation goes to this address."),
            "jurisdiction": gettext_lazy("Where the person works; the figures count by it."),
        }

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, event=event, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["jurisdiction"].required = False
        fields["jurisdiction"].empty_label = _("Not known")
        if "mode" in fields:
            fields["mode"].label = _("How does the person attend?")
        for field in fields.values():
            field.widget.attrs["autocomplete"] = "off"


@scoped
@require_safe
def participants(request: StaffRequest, pk: int) -> HttpResponse:
    """Everybody who registered, with search and a filter by state."""
    event = _managed(request, pk)
    found = _search(event.registrations.all(), request.GET.get("q", ""))
    state = request.GET.get("state", "")
    if state in Status.values:
        found = found.filter(status=state)
    people = found.select_related("jurisdiction").order_by("family_name", "given_name", "pk")
    counted = dict(
        event.registrations.order_by().values_list("status").annotate(number=Count("pk"))
    )
    return TemplateResponse(
        request,
        "desk/participants.html",
        frame(
            request,
            _("Participants"),
            event=event,
            page=Paginator(people, PER_PAGE).get_page(request.GET.get("page")),
            query=request.GET.get("q", ""),
            state=state,
            states=[(key, label, counted.get(key, 0)) for key, label in Status.choices],
            total=sum(counted.values()),
            availability=availability.of_event(event),
            can_add=_takes_people(event),
        ),
    )


@scoped
@require_http_methods(GET_AND_POST)
def participant_new(request: StaffRequest, pk: int) -> HttpResponse:
    """Add somebody by hand: confirmed if a seat is free, else on the waiting list."""
    event = _managed(request, pk)
    form = ParticipantForm(request.POST or None, event=event)
    refusal = "" if _takes_people(event) else _("Publish the event before you add people.")
    if request.method == "POST" and not refusal and form.is_valid():
        person = form.person(language=get_language() or "en")
        try:
            registration = seats.enrol(
                event, person=person, mode=form.chosen_mode(), by=request.user
            )
        except RefusedSeat as error:
            form.add_error("email", str(error))
        else:
            messages.success(request, _added(registration))
            return redirect("desk_participants", pk=event.pk)
    return TemplateResponse(
        request,
        "desk/participant_form.html",
        frame(request, _("Add a participant"), event=event, form=form, refusal=refusal),
        status=422 if form.is_bound else 200,
    )


@scoped
@require_safe
def participant(request: StaffRequest, pk: int, registration_id: int) -> HttpResponse:
    """One registration with everything that happened to it."""
    event, registration = _managed_registration(request, pk, registration_id)
    return TemplateResponse(
        request,
        "desk/participant.html",
        frame(
            request,
            registration.name,
            event=event,
            registration=registration,
            changes=registration.changes.select_related("changed_by"),
            attendances=registration.attendances.select_related("recorded_by"),
            state_names=dict(Status.choices),
        ),
    )


@scoped
@require_http_methods(GET_AND_POST)
def participant_cancel(request: StaffRequest, pk: int, registration_id: int) -> HttpResponse:
    """Ask, then withdraw somebody's registration; the seat goes to the next in the queue."""
    event, registration = _managed_registration(request, pk, registration_id)
    if request.method == "POST":
        why = request.POST.get("why", "").strip()[:300]
        seats.cancel(registration, by=request.user, why=why)
        messages.success(request, _("%(name)s no longer takes part.") % {"name": registration.name})
        return redirect("desk_participants", pk=event.pk)
    warnings = [_("%(name)s gets a mail.") % {"name": registration.name}]
    if registration.seat:
        warnings.append(
            _("The place goes to the first person on the waiting list, if there is one.")
        )
    return TemplateResponse(
        request,
        "desk/confirm.html",
        frame(
            request,
            _("Cancel the registration of %(name)s?") % {"name": registration.name},
            event=event,
            warnings=[] if event.is_over else warnings,
            button=_("Cancel the registration"),
            refusal="" if registration.is_live else _("This registration is over already."),
            is_dangerous=True,
            asks_why=True,
            back=reverse("desk_participant", args=[event.pk, registration.pk]),
        ),
    )


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
        _search(confirmed, request.GET.get("q", ""))
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


def _managed(request: StaffRequest, pk: int) -> Event:
    return get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)


def _managed_registration(
    request: StaffRequest, pk: int, registration_id: int
) -> tuple[Event, Registration]:
    event = _managed(request, pk)
    registration = get_object_or_404(
        event.registrations.select_related("jurisdiction"), pk=registration_id
    )
    registration.event = event
    return event, registration


def _takes_people(event: Event) -> bool:
    return event.status in {EventStatus.PUBLISHED, EventStatus.POSTPONED}


def _search(registrations: QuerySet[Registration], words: str) -> QuerySet[Registration]:
    """Registrations in which every word is in the name, address, organisation, jurisdiction or reference."""
    for word in words.split():
        registrations = registrations.filter(
            Q(given_name__icontains=word)
            | Q(family_name__icontains=word)
            | Q(email__icontains=word)
            | Q(organisation__icontains=word)
            | Q(jurisdiction__name__icontains=word)
            | Q(reference__iexact=word)
        )
    return registrations


def _added(registration: Registration) -> str:
    said = {"name": registration.name}
    if registration.status == Status.CONFIRMED:
        return _("%(name)s has a place, and gets a confirmation by mail.") % said
    return _("No place is free: %(name)s is on the waiting list.") % said


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
    path("events/<int:pk>/participants/", participants, name="desk_participants"),
    path("events/<int:pk>/participants/new/", participant_new, name="desk_participant_new"),
    path(
        "events/<int:pk>/participants/<int:registration_id>/", participant, name="desk_participant"
    ),
    path(
        "events/<int:pk>/participants/<int:registration_id>/cancel/",
        participant_cancel,
        name="desk_participant_cancel",
    ),
    path("events/<int:pk>/attendance/", attendance_list, name="desk_attendance"),
]
