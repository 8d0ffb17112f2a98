"""The desk's pages of people: the list of an event, one person with all that is known, and adding by hand."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.permissions import manageable
from events.desk import GET_AND_POST, frame
from events.models import Event
from events.models import Status as EventStatus
from outbox import returns
from registrations import answers, bulk, line, seats
from registrations.forms import RegistrationForm, declaration_field
from registrations.models import Answer, Question, Registration, Status, terms_of
from registrations.participants import ParticipantList
from registrations.seating import RefusedSeat
from registrations.seats import Person

PER_PAGE = 50


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
        terms = terms_of(event)
        if terms.declaration:
            fields["declares"] = declaration_field(terms)
            fields["declares"].help_text = _("The person declares this; you have asked.")
        for field in fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def person(self, *, language: str) -> Person:
        """Return what was said of the person. Call it on a valid form."""
        declares = bool(self.cleaned_data.get("declares"))
        return replace(super().person(language=language), declares=declares)


@scoped
@require_safe
def participants(request: StaffRequest, pk: int) -> HttpResponse:
    """Everybody who registered, as the address asks: narrowed, in order, with columns; and what to do with them."""
    event = managed(request, pk)
    listed = ParticipantList(event, request.GET)
    page = Paginator(listed.people, PER_PAGE).get_page(request.GET.get("page"))
    counted = listed.counted()
    return TemplateResponse(
        request,
        "desk/participants.html",
        frame(
            request,
            _("Participants"),
            event=event,
            listed=listed,
            fields=_filter_fields(listed, counted),
            page=page,
            rows=_rows(listed, list(page.object_list)),
            chosen={column.key for column in listed.columns},
            asked=[
                (key, value)
                for key, values in request.GET.lists()
                if key not in {"page", "action", "person", "whom"}
                for value in values
                if value
            ],
            applied=counted.get(Status.APPLIED, 0),
            total=sum(counted.values()),
            actions=bulk.possible(event, [state for state, n in counted.items() if n]),
            can_add=takes_people(event),
            erasures=event.erasures.all(),
        ),
    )


@scoped
@require_http_methods(GET_AND_POST)
def participant_new(request: StaffRequest, pk: int) -> HttpResponse:
    """Add somebody by hand: confirmed if a place can be had, else on the waiting list; the rules hold."""
    event = managed(request, pk)
    form = ParticipantForm(request.POST or None, event=event)
    refusal = "" if takes_people(event) else _("Publish the event before you add people.")
    if request.method == "POST" and not refusal and form.is_valid():
        person = form.person(language=get_language() or "en")
        try:
            registration = seats.enrol(
                event, person=person, mode=form.chosen_mode(), by=request.user
            )
        except RefusedSeat as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
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
@require_http_methods(GET_AND_POST)
def participant(request: StaffRequest, pk: int, registration_id: int) -> HttpResponse:
    """One person with everything that is known and happened; a press shows the special answers to their readers."""
    event, registration = managed_registration(request, pk, registration_id)
    if request.method == "POST" and "write_again" in request.POST:
        return _write_again(request, registration)
    with_questions = Prefetch("question", Question.objects.with_options())
    answered = list(registration.answers.prefetch_related(with_questions))
    special = [one for one in answered if one.question.special]
    mine = [one for one in special if request.user in one.question.readers.all()]
    reads = request.method == "POST" and "read" in request.POST and bool(mine)
    if reads:
        names = ", ".join(one.question.label for one in mine)
        registration.note(by=request.user, why=_("read: %(names)s") % {"names": names})
    response = TemplateResponse(
        request,
        "desk/participant.html",
        frame(
            request,
            registration.name or registration.reference,
            event=event,
            registration=registration,
            actions=_actions(event, registration),
            rank=_rank(registration),
            returned=_returned(registration),
            answers=[(one, _words(one)) for one in answered if not one.question.special],
            special=[(one, _words(one) if reads and one in mine else "") for one in special],
            may_read=bool(mine) and not reads,
            colleagues=registration.colleagues.order_by("created_at", "pk"),
            substitutes=registration.substitutes.order_by("created_at", "pk"),
            changes=registration.changes.select_related("changed_by"),
            attendances=registration.attendances.select_related("recorded_by"),
        ),
    )
    response["Cache-Control"] = "private, no-store"
    return response


@scoped
@require_safe
def answer_file(
    request: StaffRequest, pk: int, registration_id: int, answer_id: int
) -> HttpResponse:
    """A file that somebody uploaded, to save and never to be shown by the browser as a page."""
    _event, registration = managed_registration(request, pk, registration_id)
    found = registration.answers.filter(question__special="").exclude(file="")
    answer = get_object_or_404(found, pk=answer_id)
    try:
        file = answer.file.open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    name = (answer.file.name or "").rpartition("/")[2]
    with file:
        response = HttpResponse(file.read(), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response


def managed(request: StaffRequest, pk: int) -> Event:
    """The event, if this person manages it; a 404 otherwise."""
    return get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)


def managed_registration(
    request: StaffRequest, pk: int, registration_id: int
) -> tuple[Event, Registration]:
    """One person of an event that the one who asks manages; a 404 otherwise."""
    event = managed(request, pk)
    registration = get_object_or_404(
        event.registrations.select_related("jurisdiction", "brought_by", "replaces", "invitation"),
        pk=registration_id,
    )
    registration.event = event
    return event, registration


def takes_people(event: Event) -> bool:
    """Whether staff may add people: an event that is not public has none."""
    return event.status in {EventStatus.PUBLISHED, EventStatus.POSTPONED}


def _rows(listed: ParticipantList, people: list[Registration]) -> list[dict[str, Any]]:
    """The lines of a page, with rank and deadline where they matter, and whose mail comes back."""
    rows = listed.rows(people)
    came_back = returns.of_many([person.email for person in people])
    for row in rows:
        person = row["person"]
        row["rank"] = listed.ranks.get(person.pk) if _waits(person) else None
        offered = person.status == Status.OFFERED
        row["until"] = listed.in_event_time(person.expires_at) if offered else ""
        row["returned"] = person.email.lower() in came_back
    return rows


def _waits(person: Registration) -> bool:
    return person.status == Status.WAITING or bool(person.wished_mode)


def _filter_fields(listed: ParticipantList, counted: dict[str, int]) -> dict[str, Any]:
    """The fields of the filter by what is always seen and what is behind "more"; states say how many are in them."""
    fields = listed.filter.form
    state: Any = fields.fields["state"]
    state.choices = [
        (key, f"{label} ({counted[key]})" if key in counted else label)
        for key, label in state.choices
        if key in counted or key not in Status.values or key == listed.asked.get("state")
    ]
    return {
        "main": [fields["q"], fields["state"]],
        "more": [field for field in fields if field.name not in {"q", "state"}],
    }


def _actions(event: Event, registration: Registration) -> list[bulk.Action]:
    if registration.erased_at:
        return []
    return bulk.possible(event, [registration.status])


def _rank(registration: Registration) -> int | None:
    return line.rank(registration) if _waits(registration) else None


def _returned(registration: Registration) -> str:
    """What came back from the person's address, in words; an empty text where nothing did."""
    row = None if registration.erased_at else returns.of(registration.email)
    return returns.in_words(row) if row else ""


def _write_again(request: StaffRequest, registration: Registration) -> HttpResponse:
    """Count what came back from the person's address as over: the next mail goes out."""
    if returns.lift(registration.email):
        registration.note(by=request.user, why=_("mail to this address is tried again"))
        messages.success(request, _("Mail to this address goes out again from now on."))
    return redirect("desk_participant", pk=registration.event_id, registration_id=registration.pk)


def _words(answer: Answer) -> str:
    return answers.in_words(answer.question, answer.value)


def _added(registration: Registration) -> str:
    said = {"name": registration.name}
    if registration.status == Status.CONFIRMED:
        return _("%(name)s has a place, and gets a confirmation by mail.") % said
    return _("%(name)s is on the waiting list. %(why)s") % {
        **said,
        "why": bulk.why_waiting(registration),
    }


urlpatterns = [
    path("events/<int:pk>/participants/", participants, name="desk_participants"),
    path("events/<int:pk>/participants/new/", participant_new, name="desk_participant_new"),
    path(
        "events/<int:pk>/participants/<int:registration_id>/", participant, name="desk_participant"
    ),
    path(
        "events/<int:pk>/participants/<int:registration_id>/files/<int:answer_id>/",
        answer_file,
        name="desk_answer_file",
    ),
]
