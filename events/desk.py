"""The desk's pages of an event: new, edit, programme, and the moves of its life; each looks up among one's own."""

from collections.abc import Callable, Iterable
from copy import copy
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import ProtectedError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from wagtail import hooks

from accounts.desk import StaffRequest, scoped
from accounts.models import User
from accounts.permissions import MANAGING, has_role, manageable
from events import lifecycle
from events.forms import EventForm, ProgrammeFormSet, VenueForm
from events.lifecycle import RefusedChange
from events.models import Event, Format, Status
from events.programme import apply_programme, outside

GET_AND_POST = ["GET", "HEAD", "POST"]


def links_of(event: Event, user: User) -> list[tuple[str, str]]:
    """Return label and address of the pages of an event that this person may open."""
    links = [link for fn in hooks.get_hooks("plenary_event_links") for link in fn()]
    allowed = {shown_to: shown_to(user, event) for shown_to in {link.shown_to for link in links}}
    return [
        (str(link.label), reverse(link.url_name, args=[event.pk]))
        for link in sorted(links, key=lambda link: link.order)
        if allowed[link.shown_to]
    ]


def frame(
    request: StaffRequest, title: str, *, event: Event | None = None, **more: Any
) -> dict[str, Any]:
    """Return what every page of ours needs inside Wagtail's frame: title, way back, tabs of the event."""
    tabs = links_of(event, request.user) if event else []
    crumbs = [{"url": reverse("wagtailadmin_home"), "label": _("Home")}]
    if event and has_role(request.user, MANAGING):
        crumbs.append({"url": reverse("desk_events"), "label": _("Events")})
    if not event:
        crumbs.append({"url": "", "label": title})
    return {
        "header_title": f"{title} - {event.title}" if event else title,
        "heading": title,
        "breadcrumbs_items": crumbs,
        "event": event,
        "tabs": tabs,
        **more,
    }


def consequences(event: Event, action: str, changed: Iterable[str] = ()) -> list[str]:
    """Return in sentences with numbers what an action does to people: `cancel`, `postpone`, `publish` or `change`.

    Apps above answer through the hook `plenary_event_consequences`.
    """
    changed = set(changed)
    return [
        str(sentence)
        for fn in hooks.get_hooks("plenary_event_consequences")
        for sentence in fn(event, action, changed)
    ]


def outside_in_words(event: Event) -> list[str]:
    """Return a sentence about the items of the programme that do not lie within the event, if there are any."""
    if not (number := len(outside(event))):
        return []
    return [
        ngettext(
            "%(number)s item of the programme lies outside the time of the event. Move or remove it.",
            "%(number)s items of the programme lie outside the time of the event. Move or remove them.",
            number,
        )
        % {"number": number}
    ]


@scoped
@require_http_methods(GET_AND_POST)
def event_new(request: StaffRequest) -> HttpResponse:
    """A new draft."""
    if not has_role(request.user, MANAGING):
        raise Http404
    form = EventForm(request.POST or None, instance=Event(), user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            event = _store(request, form)
        except RefusedChange as refusal:
            form.add_error(None, str(refusal))
        else:
            if not request.POST.get("next"):
                messages.success(request, _("The draft is saved. Only your organisation sees it."))
            return redirect(_next(request, event))
    return _form_page(request, form, _("New event"), event=None)


@scoped
@require_http_methods(GET_AND_POST)
def event_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """Change an event; where a change is news to people, the page asks with their number whether to tell them."""
    event = get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)
    form = EventForm(request.POST or None, instance=copy(event), user=request.user)
    warnings: list[str] = []
    if request.method == "POST" and form.is_valid():
        warnings = _news(event, form) if event.is_public else []
        if not warnings or request.POST.get("confirmed") == " ".join(warnings):
            try:
                _store(request, form, is_told=request.POST.get("tell") != "no")
            except RefusedChange as refusal:
                form.add_error(None, str(refusal))
                warnings = []
            else:
                if not request.POST.get("next"):
                    messages.success(request, _("Saved."))
                return redirect(_next(request, event))
    return _form_page(request, form, _("Edit"), event=event, warnings=warnings)


@scoped
@require_http_methods(GET_AND_POST)
def programme(request: StaffRequest, pk: int) -> HttpResponse:
    """The sessions of an event with their speakers."""
    event = get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)
    formset = ProgrammeFormSet(
        request.POST or None,
        instance=event,
        queryset=event.sessions.prefetch_related("speakers"),
        form_kwargs={"event": event},
    )
    if request.method == "POST" and formset.is_valid():
        apply_programme(event, items=formset.items(), removed=formset.removed())
        messages.success(request, _("The programme is saved."))
        return redirect("desk_programme", pk=event.pk)
    return TemplateResponse(
        request,
        "desk/programme.html",
        frame(
            request,
            _("Programme"),
            event=event,
            formset=formset,
            notes=[] if formset.is_bound else outside_in_words(event),
        ),
        status=422 if formset.is_bound else 200,
    )


@scoped
@require_http_methods(GET_AND_POST)
def event_publish(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask, then make the event public."""
    return _move(
        request,
        pk,
        lifecycle.publish,
        action="publish",
        heading=_("Publish this event?"),
        button=_("Publish"),
        done=_("The event is public."),
    )


@scoped
@require_http_methods(GET_AND_POST)
def event_postpone(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask, then say that the event does not take place on its date."""
    return _move(
        request,
        pk,
        lifecycle.postpone,
        action="postpone",
        heading=_("Postpone this event?"),
        button=_("Postpone"),
        done=_("The event is postponed. Give it a new date, then publish it again."),
    )


@scoped
@require_http_methods(GET_AND_POST)
def event_cancel(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask with the consequence in numbers, then call the event off."""
    return _move(
        request,
        pk,
        lifecycle.cancel,
        action="cancel",
        heading=_("Cancel this event for good?"),
        button=_("Cancel the event"),
        done=_("The event is cancelled."),
    )


@scoped
@require_http_methods(GET_AND_POST)
def event_delete(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask, then delete a draft. What was public is cancelled instead."""
    event = get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)
    refusal = ""
    if event.status != Status.DRAFT:
        refusal = _("Only a draft can be deleted. A public event can be cancelled.")
    elif request.method == "POST":
        try:
            event.delete()
        except ProtectedError:
            refusal = _("People have been registered for this draft. Publish it, then cancel it.")
        else:
            messages.success(request, _("The draft is deleted."))
            return redirect("desk_events")
    return _confirmation(
        request,
        event,
        heading=_("Delete this draft?"),
        refusal=refusal,
        button=_("Delete the draft"),
        warnings=[_("It is gone for good, with its programme.")],
    )


@scoped
@require_http_methods(GET_AND_POST)
def venue_new(request: StaffRequest) -> HttpResponse:
    """A new venue for everybody's use; with `event` it becomes the venue of that draft."""
    if not has_role(request.user, MANAGING):
        raise Http404
    event = None
    if wanted := request.GET.get("event", ""):
        mine = manageable(Event.objects.with_facts(), request.user)
        event = get_object_or_404(mine, pk=wanted if wanted.isdecimal() else 0)
    form = VenueForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        venue = form.save()
        messages.success(request, _("%(venue)s is on the list now.") % {"venue": venue})
        if event is None:
            return redirect("desk_event_new")
        if event.status == Status.DRAFT:
            event.venue = venue
            lifecycle.apply_changes(event, by=request.user)
        return redirect("desk_event_edit", pk=event.pk)
    return TemplateResponse(
        request,
        "desk/venue_form.html",
        frame(request, _("New venue"), form=form, for_event=event),
        status=422 if form.is_bound else 200,
    )


def _store(request: StaffRequest, form: EventForm, *, is_told: bool = True) -> Event:
    return lifecycle.apply_changes(
        form.instance,
        by=request.user,
        is_told=is_told,
        organisations=form.roles(),
        topics=form.cleaned_data["topics"],
    )


def _news(event: Event, form: EventForm) -> list[str]:
    """What the changes mean for people, who are then told."""
    names = [field.attname for field in Event._meta.concrete_fields]
    changed = [name for name in names if getattr(event, name) != getattr(form.instance, name)]
    return consequences(event, "change", changed)


def _next(request: StaffRequest, event: Event) -> str:
    """Where the pressed button leads once the event is saved."""
    wanted = request.POST.get("next", "")
    if wanted == "venue":
        return reverse("desk_venue_new") + f"?event={event.pk}"
    pages = {"preview": "desk_event_preview", "publish": "desk_event_publish"}
    return reverse(pages.get(wanted, "desk_event"), args=[event.pk])


def _form_page(
    request: StaffRequest, form: EventForm, title: str, *, event: Event | None, **more: Any
) -> HttpResponse:
    return TemplateResponse(
        request,
        "desk/event_form.html",
        frame(request, title, event=event, form=form, formats=Format, **more),
        status=422 if form.is_bound else 200,
    )


def _move(
    request: StaffRequest,
    pk: int,
    move: Callable[..., Event],
    *,
    action: str,
    heading: str,
    button: str,
    done: str,
) -> HttpResponse:
    event = get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)
    refusal = ""
    if request.method == "POST":
        try:
            move(event, by=request.user)
        except RefusedChange as error:
            refusal = str(error)
            event.refresh_from_db()
        else:
            messages.success(request, done)
            return redirect("desk_event", pk=event.pk)
    return _confirmation(
        request,
        event,
        heading=heading,
        button=button,
        refusal=refusal,
        warnings=[*_what_happens(event, action), *consequences(event, action)],
        is_dangerous=action != "publish",
    )


def _what_happens(event: Event, action: str) -> list[str]:
    address = settings.SITE_URL + event.get_absolute_url()
    return {
        "publish": [
            _("Everybody can see it, at %(address)s.") % {"address": address},
            *outside_in_words(event),
        ],
        "postpone": [_("Its page says that a new date follows. Nobody can register until then.")],
        "cancel": [_("Its page stays, and says that it is cancelled. This cannot be undone.")],
    }[action]


def _confirmation(
    request: StaffRequest, event: Event, *, heading: str, refusal: str = "", **said: Any
) -> HttpResponse:
    context = frame(request, heading, event=event, refusal=refusal, **said)
    context.setdefault("is_dangerous", True)
    return TemplateResponse(
        request,
        "desk/confirm.html",
        context,
        status=409 if refusal and request.method == "POST" else 200,
    )


urlpatterns = [
    path("events/new/", event_new, name="desk_event_new"),
    path("events/<int:pk>/edit/", event_edit, name="desk_event_edit"),
    path("events/<int:pk>/programme/", programme, name="desk_programme"),
    path("events/<int:pk>/publish/", event_publish, name="desk_event_publish"),
    path("events/<int:pk>/postpone/", event_postpone, name="desk_event_postpone"),
    path("events/<int:pk>/cancel/", event_cancel, name="desk_event_cancel"),
    path("events/<int:pk>/delete/", event_delete, name="desk_event_delete"),
    path("venues/new/", venue_new, name="desk_venue_new"),
]
