"""The desk's pages of the mail about one event: what was sent, what waits, what failed and why."""

import re

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.permissions import manageable
from events.desk import frame
from events.models import Event
from outbox import control
from outbox.models import Message, State
from registrations.mailings_desk import under_way
from registrations.models import Invitation, Mailing, MailingKind, MailingState, Registration

PER_PAGE = 50
PERSONAL_LINK = re.compile(r"(/(?:r|i|me|address|mail/unsubscribe)/)[^/\s\"'<>]+")
#: What a person is told although the registration is over.
PARTING_WORDS = (
    "cancelled",
    "declined",
    "lapsed",
    "replaced",
    "event-cancelled",
)


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
    found = without_links(found)
    return TemplateResponse(
        request,
        "desk/message.html",
        frame(request, found.subject, event=event, message=found, links_hidden=True),
    )


@scoped
@require_POST
def message_retry(request: StaffRequest, pk: int, message_id: int) -> HttpResponse:
    """Send a message again that was given up or stopped."""
    event = _managed(request, pk)
    found = get_object_or_404(_of(event), pk=message_id)
    retry(request, found)
    return redirect("desk_message", pk=event.pk, message_id=found.pk)


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
    return {
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "query": query,
        "state": state,
        "batch": batch,
        "states": [(key, label, counted.get(key, 0)) for key, label in State.choices],
        "total": sum(counted.values()),
    }


def without_links(found: Message) -> Message:
    """Return a message with the personal links in it cut short: they are the reader's alone."""
    found.text, found.html = (PERSONAL_LINK.sub(r"\1…", part) for part in (found.text, found.html))
    return found


def retry(request: StaffRequest, found: Message) -> None:
    """Send a message again, unless it speaks of what is over; say which."""
    if is_outdated(found):
        messages.error(request, _why_not(found))
    elif control.retry(found):
        messages.success(request, _("The message goes out in a moment."))
    else:
        messages.info(request, _("The message is on its way already."))


def _why_not(found: Message) -> str:
    if found.key.startswith("invitation/"):
        return _("It was not sent: the invitation was withdrawn, or the person cannot come.")
    if _is_old_news(found.batch):
        return _("It was not sent: it says what holds no more.")
    return _("It was not sent: this person no longer takes part in the event.")


def stop(request: StaffRequest, found: Message) -> None:
    """Stop a message if it still waits; say whether it was in time."""
    if control.stop(found):
        messages.success(request, _("The message is stopped."))
    else:
        messages.error(request, _("Too late: the message does not wait any more."))


def is_outdated(found: Message) -> bool:
    """Whether it speaks of a registration that is over, of an invitation that was withdrawn, or is old news."""
    kind, _slash, rest = found.key.partition("/")
    number, _slash, reason = rest.partition("/")
    if kind == "invitation" and number.isdecimal():
        return not Invitation.objects.filter(pk=number, declined_at=None).exists()
    if kind != "registration" or not number.isdecimal() or reason in PARTING_WORDS:
        return False
    if _is_old_news(found.batch):
        return True
    return not Registration.objects.live().filter(pk=number).exists()


def _is_old_news(batch: str) -> bool:
    """Whether it is news of an event of which there has been other news since, or is to be."""
    kind, _slash, number = batch.partition("/")
    if kind != "mailing":
        return False
    news = Mailing.objects.exclude(kind=MailingKind.LETTER)
    told = news.filter(pk=number if number.isdecimal() else 0).first()
    if told is None:
        return False
    later = news.filter(event_id=told.event_id, pk__gt=told.pk)
    return told.state == MailingState.STOPPED or later.exists()


def _managed(request: StaffRequest, pk: int) -> Event:
    return get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)


def _of(event: Event) -> QuerySet[Message]:
    return Message.objects.about(f"event/{event.pk}")


urlpatterns = [
    path("events/<int:pk>/mail/", mail, name="desk_mail"),
    path("events/<int:pk>/mail/<int:message_id>/", message, name="desk_message"),
    path("events/<int:pk>/mail/<int:message_id>/retry/", message_retry, name="desk_message_retry"),
    path("events/<int:pk>/mail/<int:message_id>/stop/", message_stop, name="desk_message_stop"),
]
