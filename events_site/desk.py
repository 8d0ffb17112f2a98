"""The desk's pages that join several floors: home, the list of events, an event's overview and preview, all mail.

The pages of all mail are not scoped, so `DeskGate` keeps all but administrators out.
"""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import CharField, Count, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.permissions import MANAGING, editable, has_role, manageable
from events.desk import GET_AND_POST, frame, outside_in_words
from events.importing import drafts
from events.models import Event, ImportedEntry, Status
from events_site.pages import event_context, with_record
from outbox.models import Message
from recaps.models import Article
from registrations import availability, figures, mailings_desk, maillog

PER_PAGE = 25
VIEWS = ("upcoming", "past", "drafts")


@scoped
@require_safe
def event_list(request: StaffRequest) -> HttpResponse:
    """One's own events: upcoming, past or drafts, with search by title."""
    if not has_role(request.user, MANAGING):
        raise Http404
    mine = manageable(Event.objects.all(), request.user)
    view = request.GET.get("show", "upcoming")
    if view not in VIEWS:
        raise Http404
    public = mine.exclude(status=Status.DRAFT)
    chosen = {
        "upcoming": public.upcoming(),
        "past": public.past(),
        "drafts": mine.filter(status=Status.DRAFT).order_by("starts_at", "pk"),
    }
    query = request.GET.get("q", "").strip()
    found = chosen[view].filter(title__icontains=query) if query else chosen[view]
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    counted = mine.order_by().aggregate(
        upcoming=Count("pk", filter=~Q(status=Status.DRAFT) & Q(ends_at__gt=timezone.now())),
        past=Count("pk", filter=~Q(status=Status.DRAFT) & Q(ends_at__lte=timezone.now())),
        drafts=Count("pk", filter=Q(status=Status.DRAFT)),
    )
    labels = {"upcoming": _("Upcoming"), "past": _("Past"), "drafts": _("Drafts")}
    return TemplateResponse(
        request,
        "desk/event_list.html",
        frame(
            request,
            _("Events"),
            page=page,
            rows=rows(list(page.object_list)),
            query=query,
            view=view,
            views=[(key, label, counted[key]) for key, label in labels.items()],
        ),
    )


@scoped
@require_safe
def event_overview(request: StaffRequest, pk: int) -> HttpResponse:
    """How an event stands: state, numbers, and what can be done next."""
    mine = manageable(Event.objects.with_facts(), request.user)
    event = get_object_or_404(mine.annotate(**figures.newest()), pk=pk)
    imported = ImportedEntry.objects.filter(event=event).select_related("imported_by").first()
    mails = dict(
        Message.objects.about(f"event/{event.pk}")
        .order_by()
        .values_list("state")
        .annotate(number=Count("pk"))
    )
    return TemplateResponse(
        request,
        "desk/event.html",
        frame(
            request,
            _("Overview"),
            event=event,
            availability=availability.of_event(event),
            tally=figures.tally_on(event),
            present=event.registrations.present().count(),
            articles=_articles_to_see(request, event),
            mails=mails,
            under_way=mailings_desk.under_way(event),
            programme_items=event.sessions.count(),
            notes=outside_in_words(event),
            imported=imported,
            leftovers=drafts.in_words(imported.leftovers) if imported else [],
        ),
    )


@scoped
@require_safe
def event_preview(request: StaffRequest, pk: int) -> HttpResponse:
    """The public page as it would be now, for those who work on the event."""
    mine = manageable(Event.objects.all(), request.user)
    event = get_object_or_404(with_record(mine), pk=pk)
    response = TemplateResponse(
        request, "desk/event_preview.html", {**event_context(event), "is_preview": True}
    )
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def outbox(request: StaffRequest) -> HttpResponse:
    """All messages, for administrators; those about events whose titles have the words that are asked for."""
    mails = Message.objects.all()
    title = request.GET.get("event", "").strip()
    if title:
        topic = Concat(Value("event/"), Cast("pk", CharField()))
        found = Event.objects.filter(title__icontains=title).order_by().annotate(topic=topic)
        mails = mails.filter(topic__in=found.values("topic"))
    more = {"searches_events": True, "title": title}
    return TemplateResponse(
        request,
        "desk/outbox.html",
        {**frame(request, _("All mail")), **maillog.listing(request, mails), **more},
    )


@require_safe
def outbox_message(request: StaffRequest, message_id: int) -> HttpResponse:
    """One message in full, with the links in it."""
    found = get_object_or_404(Message, pk=message_id)
    return maillog.page_of(request, found)


@require_POST
def outbox_retry(request: StaffRequest, message_id: int) -> HttpResponse:
    """Send a message again."""
    maillog.retry(request, get_object_or_404(Message, pk=message_id))
    return redirect("desk_outbox_message", message_id=message_id)


@require_http_methods(GET_AND_POST)
def outbox_again(request: StaffRequest, message_id: int) -> HttpResponse:
    """Ask, and send a message once more that was sent."""
    found = get_object_or_404(Message, pk=message_id)
    return maillog.ask_again(request, found, back=reverse("desk_outbox_message", args=[found.pk]))


@require_POST
def outbox_stop(request: StaffRequest, message_id: int) -> HttpResponse:
    """Keep a message from being sent."""
    maillog.stop(request, get_object_or_404(Message, pk=message_id))
    return redirect("desk_outbox_message", message_id=message_id)


def rows(events: list[Event]) -> list[dict[str, Any]]:
    """Return events with their seats and queue, in one query for all."""
    said = availability.of_events(events)
    return [
        {
            "event": event,
            "availability": said[event.pk],
            "queue": sum(places.waiting for places in said[event.pk].places),
        }
        for event in events
    ]


def _articles_to_see(request: StaffRequest, event: Event) -> QuerySet[Article]:
    """The public articles about an event, and the drafts of one's own organisations: others may lead it too."""
    about = Article.objects.filter(event=event)
    mine = editable(about, request.user).values("pk")
    return about.filter(Q(live=True) | Q(pk__in=mine)).select_related("organisation")


urlpatterns = [
    path("events/", event_list, name="desk_events"),
    path("events/<int:pk>/", event_overview, name="desk_event"),
    path("events/<int:pk>/preview/", event_preview, name="desk_event_preview"),
    path("outbox/", outbox, name="desk_outbox"),
    path("outbox/<int:message_id>/", outbox_message, name="desk_outbox_message"),
    path("outbox/<int:message_id>/retry/", outbox_retry, name="desk_outbox_retry"),
    path("outbox/<int:message_id>/again/", outbox_again, name="desk_outbox_again"),
    path("outbox/<int:message_id>/stop/", outbox_stop, name="desk_outbox_stop"),
]
