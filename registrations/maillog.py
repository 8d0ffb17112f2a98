"""The desk's pages of the mail about one event: what was sent, what waits, what failed and why."""

import re
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.permissions import manageable
from events.desk import GET_AND_POST, frame
from events.models import Event
from outbox import control, standing
from outbox.models import Message, State
from registrations import resending
from registrations.mailings_desk import under_way

PER_PAGE = 50
PERSONAL_LINK = re.compile(r"(/(?:r|i|me|address|mail/unsubscribe)/)[^/\s\"'<>]+")


@scoped
@require_safe
def mail(request: StaffRequest, pk: int) -> HttpResponse:
    """The messages about an event, newest first."""
    event = _managed(request, pk)
    return TemplateResponse(
        request,
        "desk/mail.html",
        frame(
            request,
            _("Mail"),
            event=event,
            mailings=event.mailings.count(),
            under_way=under_way(event),
            **listing(request, _of(event)),
        ),
    )


@scoped
@require_safe
def message(request: StaffRequest, pk: int, message_id: int) -> HttpResponse:
    """One message as it goes out, but for the personal link, which is its reader's alone."""
    event = _managed(request, pk)
    found = get_object_or_404(_of(event), pk=message_id)
    return page_of(request, without_links(found), event=event, links_hidden=True)


@scoped
@require_POST
def message_retry(request: StaffRequest, pk: int, message_id: int) -> HttpResponse:
    """Send a message again that was given up or stopped."""
    event = _managed(request, pk)
    found = get_object_or_404(_of(event), pk=message_id)
    retry(request, found)
    return redirect("desk_message", pk=event.pk, message_id=found.pk)


@scoped
@require_http_methods(GET_AND_POST)
def message_again(request: StaffRequest, pk: int, message_id: int) -> HttpResponse:
    """Ask, and send a message once more that was sent."""
    event = _managed(request, pk)
    found = get_object_or_404(_of(event), pk=message_id)
    back = reverse("desk_message", args=[event.pk, found.pk])
    return ask_again(request, found, back=back, event=event)


@scoped
@require_POST
def message_stop(request: StaffRequest, pk: int, message_id: int) -> HttpResponse:
    """Keep a message that waits from being sent."""
    event = _managed(request, pk)
    found = get_object_or_404(_of(event), pk=message_id)
    stop(request, found)
    return redirect("desk_message", pk=event.pk, message_id=found.pk)


def listing(request: StaffRequest, mails: QuerySet[Message]) -> dict[str, object]:
    """Return the page of a list of messages that was asked for, with search and the numbers by state."""
    query, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    if batch := request.GET.get("batch", ""):
        mails = mails.filter(batch=batch)
    counted = dict(mails.order_by().values_list("state").annotate(number=Count("pk")))
    if state in State.values:
        mails = mails.filter(state=state)
    if query:
        mails = mails.filter(recipient__icontains=query) | mails.filter(subject__icontains=query)
    rows = mails.defer("text", "html", "calendar").order_by("-created_at", "-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    for one in page:
        one.subject = hide_links(one.subject)
    return {
        "page": page,
        "rows": [(one, standing.in_words(one)) for one in page],
        "query": query,
        "state": state,
        "batch": batch,
        "states": [(key, label, counted.get(key, 0)) for key, label in State.choices],
        "total": sum(counted.values()),
    }


def without_links(found: Message) -> Message:
    """Return a message with the personal links in it cut short: they are the reader's alone."""
    found.subject, found.text, found.html = map(hide_links, (found.subject, found.text, found.html))
    return found


def page_of(request: StaffRequest, found: Message, **more: Any) -> TemplateResponse:
    """Show one message: where it stands in words, with what the other server said below, and how it looks."""
    return TemplateResponse(
        request,
        "desk/message.html",
        frame(
            request,
            found.subject,
            message=found,
            standing=standing.in_words(found),
            said="" if found.last_error in standing.OURS else found.last_error,
            **more,
        ),
    )


def hide_links(text: str) -> str:
    """Return a text with the personal links in it cut short."""
    return PERSONAL_LINK.sub(r"\1…", text)


def retry(request: StaffRequest, found: Message) -> None:
    """Send a message again that was given up or stopped, unless that is of no use any more; say which."""
    if refusal := resending.why_not(found):
        messages.error(request, refusal)
    elif control.retry(found):
        messages.success(request, _("The message goes out in a moment."))
    else:
        messages.info(request, _("The message is on its way already."))


def ask_again(request: StaffRequest, found: Message, *, back: str, **more: Any) -> HttpResponse:
    """Ask whether a message that was sent is to go once more, word for word; post it as a new one, and say so."""
    refusal = resending.why_not(found) or resending.what_changed(found)
    if found.state != State.SENT or not found.recipient:
        refusal = _("Only what was sent, and is still kept, can be sent once more.")
    if request.method == "POST" and not refusal:
        if control.again(found, now=timezone.now()):
            messages.success(request, _("The message goes out once more in a moment."))
        else:
            messages.info(request, _("It was sent once more in this minute already."))
        return redirect(back)
    warnings = [
        _("%(address)s gets the same words a second time, as a message of its own.")
        % {"address": found.recipient},
        _("They are those of %(when)s. Read them first: the event may have changed since.")
        % {"when": date_format(timezone.localtime(found.created_at), "j F Y, H:i")},
    ]
    return TemplateResponse(
        request,
        "desk/confirm.html",
        frame(
            request,
            _("Send once more"),
            refusal=refusal,
            warnings=warnings,
            button=_("Send it once more"),
            back=back,
            **more,
        ),
    )


def stop(request: StaffRequest, found: Message) -> None:
    """Stop a message if it still waits; say whether it was in time."""
    if control.stop(found):
        messages.success(request, _("The message is stopped."))
    else:
        messages.error(request, _("Too late: the message does not wait any more."))


def _managed(request: StaffRequest, pk: int) -> Event:
    return get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)


def _of(event: Event) -> QuerySet[Message]:
    return Message.objects.about(f"event/{event.pk}")


urlpatterns = [
    path("events/<int:pk>/mail/", mail, name="desk_mail"),
    path("events/<int:pk>/mail/<int:message_id>/", message, name="desk_message"),
    path("events/<int:pk>/mail/<int:message_id>/retry/", message_retry, name="desk_message_retry"),
    path("events/<int:pk>/mail/<int:message_id>/again/", message_again, name="desk_message_again"),
    path("events/<int:pk>/mail/<int:message_id>/stop/", message_stop, name="desk_message_stop"),
]
