"""The desk's lists in and out: people imported from a file after a dry run, and the list of people to take home."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.desk import StaffRequest, scoped
from events.desk import GET_AND_POST, frame
from events.models import Event
from registrations import bulk, imports, tables
from registrations.forms import declaration_field
from registrations.models import PendingImport, terms_of
from registrations.participants import ParticipantList
from registrations.people_desk import managed, takes_people
from registrations.tables import RefusedTable

FORMATS = {
    "csv": (tables.write_csv, "text/csv; charset=utf-8"),
    "xlsx": (
        tables.write_xlsx,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}
AT_A_TIME = 500


class UploadForm(forms.Form):
    """The file, and how people attend of whom it does not say."""

    file = forms.FileField(
        label=gettext_lazy("List of people"),
        help_text=gettext_lazy("CSV or XLSX, 5 MB at most."),
        error_messages={"required": gettext_lazy("Choose a file.")},
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("People attend, where the list does not say"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose how they attend.")},
    )

    def __init__(self, *args: Any, event: Event) -> None:
        super().__init__(*args)
        self.fields["mode"].choices = bulk.modes_to_choose(event)  # type: ignore[attr-defined]
        self.only_mode = event.modes[0].value
        if len(event.modes) == 1:
            del self.fields["mode"]
        terms = terms_of(event)
        if terms.declaration:
            self.fields["declares"] = declaration_field(terms)
            self.fields["declares"].help_text = _(
                "Everybody on the list declares this; you have asked."
            )

    def mode_to_take(self) -> str:
        """The way of attending for lines without one. Call it on a valid form."""
        return self.cleaned_data.get("mode") or self.only_mode


@scoped
@require_http_methods(GET_AND_POST)
def import_people(request: StaffRequest, pk: int) -> HttpResponse:
    """Take a file; nothing happens but that it is kept for the dry run."""
    event = managed(request, pk)
    refusal = "" if takes_people(event) else _("Publish the event before you add people.")
    is_sent = request.method == "POST" and not refusal
    form = UploadForm(*((request.POST, request.FILES) if is_sent else ()), event=event)
    if is_sent and form.is_valid():
        try:
            pending = imports.keep(
                event, form.cleaned_data["file"], mode=form.mode_to_take(), by=request.user
            )
        except RefusedTable as error:
            form.add_error("file", str(error))
        else:
            return redirect("desk_import_check", pk=event.pk, import_id=pending.pk)
    return TemplateResponse(
        request,
        "desk/import.html",
        frame(
            request,
            _("Import people"),
            event=event,
            form=form,
            refusal=refusal,
            most=imports.MOST_PEOPLE,
        ),
        status=422 if form.is_bound else 200,
    )


@scoped
@require_http_methods(GET_AND_POST)
def import_check(request: StaffRequest, pk: int, import_id: int) -> HttpResponse:
    """Show what would happen with each line; on the button do it, and show what happened.

    Only lines that were shown are taken in; the others are kept, to be shown next.
    """
    event = managed(request, pk)
    if not takes_people(event):
        messages.error(request, _("Nobody was added: the event is cancelled, or not public."))
        return redirect("desk_participants", pk=event.pk)
    mine = PendingImport.objects.filter(
        event=event,
        uploaded_by=request.user,
        uploaded_at__gt=timezone.now() - imports.KEPT,
    )
    is_done = request.method == "POST"
    entries = _entries(mine, import_id, are_taken=is_done)
    if entries is None:
        messages.info(request, _("That list has been taken in already, or was given up."))
        return redirect("desk_participants", pk=event.pk)
    if is_done:
        shown = _number_shown(request, entries)
        outcomes = imports.run(event, entries[:shown], by=request.user)
        outcomes += [imports.Outcome(entry, "left") for entry in entries[shown:]]
    else:
        outcomes = imports.try_out(event, entries, by=request.user)
    left = imports.keep_left(event, outcomes, by=request.user) if is_done else None
    counted = imports.numbers(outcomes)
    new = sum(number for key, _words, number in counted if key in {"place", "waiting"})
    return TemplateResponse(
        request,
        "desk/import_check.html",
        frame(
            request,
            _("What happened") if is_done else _("What would happen"),
            event=event,
            is_done=is_done,
            left=left,
            shown=sum(outcome.result != "left" for outcome in outcomes),
            is_part=any(outcome.result == "left" for outcome in outcomes),
            outcomes=outcomes,
            numbers=counted,
            new=new,
            button=imports.in_words(new) if new else _("Go on"),
            may_go_on=any(key in {"place", "waiting", "left"} for key, _words, _number in counted),
            is_told=not event.is_over,
        ),
    )


@scoped
@require_safe
def export(request: StaffRequest, pk: int, file_format: str) -> StreamingHttpResponse:
    """The list as the address asks for it, as a file; answers of special categories are never in it."""
    event = managed(request, pk)
    if file_format not in FORMATS:
        raise Http404
    listed = ParticipantList(event, request.GET)
    write, content_type = FORMATS[file_format]
    columns = listed.columns
    header = [_("Given name"), _("Family name"), _("E-mail"), *(str(one.label) for one in columns)]

    def rows() -> Iterator[list[str]]:
        for one in listed.people.iterator(chunk_size=AT_A_TIME):
            cells = (column.text(one) for column in columns)
            yield [one.given_name, one.family_name, "" if one.erased_at else one.email, *cells]

    day = timezone.now().astimezone(event.zone)
    response = StreamingHttpResponse(write(header, rows()), content_type=content_type)
    response["Content-Disposition"] = (
        f'attachment; filename="{event.slug}-participants-{day:%Y-%m-%d}.{file_format}"'
    )
    response["Cache-Control"] = "private, no-store"
    return response


def _number_shown(request: StaffRequest, entries: list[imports.Entry]) -> int:
    """How many lines, from the first, the dry run had looked at when the button was pressed."""
    said = request.POST.get("shown", "")
    return int(said) if said.isdecimal() and len(said) < 10 else len(entries)


def _entries(mine: Any, import_id: int, *, are_taken: bool) -> list[imports.Entry] | None:
    """The lines of a kept list, None where there is none; whoever takes them in is the first and the last to do so."""
    with transaction.atomic():
        pending = mine.select_for_update().filter(pk=import_id).first()
        if pending is None:
            return None
        entries = imports.entries_of(pending)
        if are_taken:
            pending.delete()
        return entries


urlpatterns = [
    path("events/<int:pk>/participants/import/", import_people, name="desk_import"),
    path(
        "events/<int:pk>/participants/import/<int:import_id>/",
        import_check,
        name="desk_import_check",
    ),
    path("events/<int:pk>/participants/export.<str:file_format>", export, name="desk_export"),
]
