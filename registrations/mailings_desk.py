"""The desk's page of what is told to many people of an event: what waits, how far it is, and what may be done."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.permissions import manageable
from events.desk import frame
from events.models import Event
from outbox.models import Message, State
from registrations import announcements, mailings, news
from registrations.models import Mailing, MailingKind, MailingState

PER_PAGE = 20
NOW = ("now", gettext_lazy("Tell them now"))
HOLD = ("hold", gettext_lazy("Hold it back"))
STOP = ("stop", gettext_lazy("Stop"))
NEVER = ("stop", gettext_lazy("Do not tell them at all"))


@dataclass
class Row:
    """A mailing as the desk shows it: in a sentence, with what it tells, how far it is, and what may be done."""

    mailing: Mailing
    number: int
    sent: dict[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it is: the subject of a letter, or which news."""
        if self.mailing.kind == MailingKind.LETTER:
            return self.mailing.subject
        name: str = self.mailing.get_kind_display()
        return name[:1].upper() + name[1:]

    @property
    def lines(self) -> list[news.Line]:
        """What has changed and is still to be told."""
        is_news = (
            self.mailing.kind == MailingKind.CHANGED and self.mailing.state in announcements.OPEN
        )
        told = (news.lines(self.mailing.event, record) for record in self.mailing.records)
        return next(filter(None, told), []) if is_news else []

    @property
    def has_news(self) -> bool:
        """Whether there is anything left to tell: a change that was taken back is told to nobody."""
        if self.mailing.kind != MailingKind.CHANGED:
            return True
        return any(news.is_news(self.mailing.event, record) for record in self.mailing.records)

    @property
    def moment(self) -> str:
        """When it goes out: `later`, `now`, `held`, `writing` or `over`."""
        if self.mailing.state == MailingState.WAITING:
            return "later" if self.mailing.due_at > timezone.now() else "now"
        return {MailingState.HELD: "held", MailingState.WRITING: "writing"}.get(
            MailingState(self.mailing.state), "over"
        )

    @property
    def done(self) -> int:
        """To how many people it has come."""
        return self.mailing.written + self.mailing.left_out

    @property
    def unsent(self) -> int:
        """How many of its messages are written and not sent."""
        return self.sent.get(State.WAITING, 0) + self.sent.get(State.SENDING, 0)

    @property
    def moves(self) -> list[tuple[str, Any]]:
        """What may be done with it."""
        found = {"later": [NOW, HOLD], "now": [STOP], "held": [NOW, NEVER], "writing": [STOP]}
        return found.get(self.moment, [STOP] if self.unsent else [])


@scoped
@require_safe
def mailing_list(request: StaffRequest, pk: int) -> HttpResponse:
    """What was written to many people of the event, newest first."""
    event = _managed(request, pk)
    page = Paginator(event.mailings.select_related("by"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    return TemplateResponse(
        request,
        "desk/mailings.html",
        frame(
            request, _("Mails to many"), event=event, page=page, rows=rows(event, page.object_list)
        ),
    )


@scoped
@require_POST
def mailing_move(request: StaffRequest, pk: int, mailing_id: int) -> HttpResponse:
    """Hold news back, let it go at once, or stop a mailing; say what came of it."""
    event = _managed(request, pk)
    mailing = get_object_or_404(event.mailings, pk=mailing_id)
    moves = {"hold": _hold, "now": _tell_now, "stop": _stop}
    if move := moves.get(request.POST.get("move", "")):
        move(request, mailing)
    else:
        messages.error(request, _("Choose what is to be done with it."))
    return redirect("desk_mailings", pk=event.pk)


def rows(event: Event, shown: Iterable[Mailing]) -> list[Row]:
    """Return mailings of an event as the desk shows them, in a number of queries that does not grow with those over."""
    shown = list(shown)
    counted = _counted([mailing.batch for mailing in shown])
    found = []
    for mailing in shown:
        mailing.event = event
        is_open = mailing.state in announcements.OPEN
        number = mailings.number_of_people(mailing) if is_open else mailing.written
        found.append(Row(mailing, number, counted.get(mailing.batch, {})))
    return found


def under_way(event: Event) -> list[Row]:
    """Return what waits, is held back or is being written, for the pages of the event."""
    return rows(event, event.mailings.filter(state__in=announcements.OPEN).select_related("by"))


def _counted(batches: list[str]) -> dict[str, dict[str, int]]:
    """The number of messages of each batch by state."""
    messages_of = Message.objects.filter(batch__in=batches).order_by()
    found: dict[str, dict[str, int]] = {}
    for batch, state, number in messages_of.values_list("batch", "state").annotate(
        number=Count("pk")
    ):
        found.setdefault(batch, {})[state] = number
    return found


def _hold(request: StaffRequest, mailing: Mailing) -> None:
    if announcements.hold(mailing):
        messages.success(request, _("Held back: nobody is told until you let it go."))
    else:
        messages.error(request, _("Too late: it is being written, or is written already."))


def _tell_now(request: StaffRequest, mailing: Mailing) -> None:
    if announcements.tell_now(mailing):
        messages.success(request, _("It is being written now."))
    else:
        messages.info(request, _("It does not wait any more."))


def _stop(request: StaffRequest, mailing: Mailing) -> None:
    is_stopped, sent = announcements.stop(mailing)
    if not is_stopped:
        messages.error(request, _("Too late: all of it has gone out."))
    elif sent:
        messages.success(
            request,
            ngettext(
                "Stopped. %(number)s mail had gone out by then.",
                "Stopped. %(number)s mails had gone out by then.",
                sent,
            )
            % {"number": sent},
        )
    else:
        messages.success(request, _("Stopped. No mail had gone out."))


def _managed(request: StaffRequest, pk: int) -> Event:
    return get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)


urlpatterns = [
    path("events/<int:pk>/mailings/", mailing_list, name="desk_mailings"),
    path("events/<int:pk>/mailings/<int:mailing_id>/", mailing_move, name="desk_mailing_move"),
]
