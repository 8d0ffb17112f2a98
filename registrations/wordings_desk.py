"""The desk's pages of the words of messages, of an event for its organisers and of the network for administrators."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.desk import StaffRequest, scoped
from events.desk import GET_AND_POST, frame
from events.models import Event
from outbox.posting import RefusedAddress
from registrations import moments, previews, wordings
from registrations.moments import Notice
from registrations.people_desk import managed
from registrations.wording_forms import WordingForm


@scoped
@require_safe
def of_event(request: StaffRequest, pk: int) -> HttpResponse:
    """The messages of an event, with whose words each has."""
    return _list(request, managed(request, pk))


@scoped
@require_http_methods(GET_AND_POST)
def one_of_event(request: StaffRequest, pk: int, notice: str, language: str) -> HttpResponse:
    """Write a message of an event in other words, look at it, send it to oneself."""
    return _edit(request, managed(request, pk), notice, language)


@scoped
@require_http_methods(GET_AND_POST)
def reset_of_event(request: StaffRequest, pk: int, notice: str, language: str) -> HttpResponse:
    """Ask, then forget the words of an event for a message."""
    return _reset(request, managed(request, pk), notice, language)


@require_safe
def of_network(request: StaffRequest) -> HttpResponse:
    """All messages, with whose words each has, for administrators."""
    return _list(request, None)


@require_http_methods(GET_AND_POST)
def one_of_network(request: StaffRequest, notice: str, language: str) -> HttpResponse:
    """Write a message in other words for all events."""
    return _edit(request, None, notice, language)


@require_http_methods(GET_AND_POST)
def reset_of_network(request: StaffRequest, notice: str, language: str) -> HttpResponse:
    """Ask, then forget the words of the network for a message."""
    return _reset(request, None, notice, language)


def _list(request: StaffRequest, event: Event | None) -> HttpResponse:
    own, network = (
        set(wordings.own(whose).values_list("notice", "language")) for whose in (event, None)
    )
    groups = []
    for title, notices in moments.grouped(of_event=event is not None):
        rows = [
            {
                "notice": one,
                "languages": [
                    {
                        "name": name,
                        "url": address("wording", event, one.key, code),
                        "source": _source((one.key, code), own if event else set(), network),
                    }
                    for code, name in settings.LANGUAGES
                ],
            }
            for one in notices
        ]
        groups.append((title, rows))
    return TemplateResponse(
        request,
        "desk/wordings.html",
        frame(request, _("Mail texts"), event=event, groups=groups),
    )


def _source(wanted: tuple[str, str], own: set[Any], network: set[Any]) -> str:
    if wanted in own:
        return "event"
    return "network" if wanted in network else "ours"


def _edit(request: StaffRequest, event: Event | None, key: str, language: str) -> HttpResponse:
    notice = _notice(event, key, language)
    text = wordings.in_force(event, key, language)
    form = WordingForm(request.POST or None, notice=notice, text=text)
    if request.method == "POST" and form.is_valid():
        text = form.words()
        wanted = request.POST.get("do", "save")
        if wanted == "save":
            _keep(request, event, notice, language, form)
            return redirect(address("wording", event, key, language))
        if wanted == "send":
            _send(request, event, notice, language, form)
    shown = previews.preview(event, notice, text, language=language)
    return TemplateResponse(
        request,
        "desk/wording.html",
        _page(
            request,
            notice.label,
            event,
            form=form,
            notice=notice,
            language=dict(settings.LANGUAGES)[language],
            is_one_of_many=len(settings.LANGUAGES) > 1,
            source=wordings.in_force(event, key, language).source,
            reset=address("wording_reset", event, key, language)
            if wordings.own(event).filter(notice=key, language=language).exists()
            else "",
            preview=shown,
            allowed=[(name, notice.values[name], value) for name, value in shown.said.items()],
        ),
        status=422 if form.is_bound and not form.is_valid() else 200,
    )


def _keep(
    request: StaffRequest, event: Event | None, notice: Notice, language: str, form: WordingForm
) -> None:
    if wordings.keep(event, notice.key, language, form.words()):
        messages.success(request, _("Saved. From now on the message has these words."))
    else:
        messages.success(request, _("These are the words that hold anyway; nothing is changed."))


def _send(
    request: StaffRequest, event: Event | None, notice: Notice, language: str, form: WordingForm
) -> None:
    said = {"address": request.user.email}
    try:
        is_new = previews.send_to(request.user, event, notice, form.words(), language=language)
    except RefusedAddress:
        messages.error(
            request, _("We cannot write to your own address. Change it in your account.")
        )
        return
    if is_new:
        messages.success(request, _("A test mail goes to %(address)s.") % said)
    else:
        messages.info(request, _("The test mail to %(address)s is on its way already.") % said)


def _reset(request: StaffRequest, event: Event | None, key: str, language: str) -> HttpResponse:
    notice = _notice(event, key, language)
    if request.method == "POST":
        wordings.reset(event, key, language)
        messages.success(request, _("The words that you wrote for this message are gone."))
        return redirect(address("wording", event, key, language))
    then = wordings.without_own(event, key, language)
    return TemplateResponse(
        request,
        "desk/wording_reset.html",
        _page(
            request,
            _("Take back the words of “%(message)s”?") % {"message": notice.label},
            event,
            then=then,
            is_ours=then.source == "ours",
            back=address("wording", event, key, language),
        ),
    )


def _page(request: StaffRequest, title: str, event: Event | None, **more: Any) -> dict[str, Any]:
    """The frame of a page below the list, with the way back to it."""
    context = frame(request, title, event=event, **more)
    back = {"url": address("wordings", event), "label": _("Mail texts")}
    context["breadcrumbs_items"].insert(1 if event is None else 2, back)
    return context


def _notice(event: Event | None, key: str, language: str) -> Notice:
    notice = moments.NOTICES.get(key)
    is_there = notice and (notice.is_of_event or event is None)
    if not notice or not is_there or language not in dict(settings.LANGUAGES):
        raise Http404
    return notice


def address(name: str, event: Event | None, *more: str) -> str:
    """The address of a page of an event, or of the same page of the network."""
    if event is None:
        return reverse(f"desk_network_{name}", args=more)
    return reverse(f"desk_{name}", args=[event.pk, *more])


ONE = "<slug:notice>/<slug:language>/"
urlpatterns = [
    path("events/<int:pk>/wordings/", of_event, name="desk_wordings"),
    path(f"events/<int:pk>/wordings/{ONE}", one_of_event, name="desk_wording"),
    path(f"events/<int:pk>/wordings/{ONE}reset/", reset_of_event, name="desk_wording_reset"),
    path("wordings/", of_network, name="desk_network_wordings"),
    path(f"wordings/{ONE}", one_of_network, name="desk_network_wording"),
    path(f"wordings/{ONE}reset/", reset_of_network, name="desk_network_wording_reset"),
]
