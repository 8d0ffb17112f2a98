"""The desk's home: next events, mail in trouble, things to do; each of one's own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import CharField, Count, Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.admin.ui.components import Component

from accounts.models import User
from accounts.permissions import (
    EDITING,
    MANAGING,
    attendable,
    has_role,
    manageable,
    reportable,
)
from events.models import Event, EventQuerySet, Status
from events_site import alarms
from events_site.desk import rows
from events_site.illness.database import stands_still
from outbox.models import Message, State
from recaps.models import Article, Kind
from registrations.models import Figures, Registration
from registrations.models import Status as RegistrationStatus

NEXT = 8
TO_DO = 5
#: A message that waits longer than this past its time is late.
LATE = timedelta(minutes=10)
#: What is older is history: nobody is asked to do anything about it.
RECENT = timedelta(days=120)


class NextEventsPanel(Component):
    """The events ahead that this person works on, each with a link to what the person may do there."""

    name = "next_events"
    template_name = "desk/home_events.html"
    order = 10

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        user = parent_context["request"].user
        found = attendable(Event.objects.all(), user) | reportable(Event.objects.all(), user)
        ahead = found.exclude(status=Status.DRAFT).upcoming()[:NEXT]
        return {
            "rows": _with_links(rows(list(ahead)), user),
            "may_manage": has_role(user, MANAGING),
        }


class IllnessPanel(Component):
    """What is ill, for administrators; nothing where all is well. Looks at nothing but what the last look found."""

    name = "illness"
    template_name = "desk/home_illness.html"
    order = 1

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        user = parent_context["request"].user
        return {"alarms": alarms.current(timezone.now()) if user.is_superuser else []}


class MailPanel(Component):
    """Messages that failed or are late, and that no mail goes out at all; nothing where all is well."""

    name = "mail_in_trouble"
    template_name = "desk/home_mail.html"
    order = 5

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        user = parent_context["request"].user
        now = timezone.now()
        troubled = _mail_of(user).filter(
            Q(state=State.FAILED, created_at__gt=now - RECENT)
            | Q(state__in=[State.WAITING, State.SENDING], send_after__lt=now - LATE)
        )
        by_topic = (
            troubled.values("topic")
            .annotate(
                failed=Count("pk", filter=Q(state=State.FAILED)),
                late=Count("pk", filter=~Q(state=State.FAILED)),
            )
            .order_by("-failed", "-late", "topic")[:TO_DO]
        )
        found = {row["topic"]: row for row in by_topic}
        events = Event.objects.in_bulk(filter(None, map(_event_id, found)))
        return {
            "stands_still": has_role(user, MANAGING) and stands_still(now),
            "rows": [
                {
                    "event": events.get(_event_id(topic)),
                    "failed": row["failed"],
                    "late": row["late"],
                }
                for topic, row in found.items()
            ],
        }


class ToDoPanel(Component):
    """People to decide about, drafts to publish, figures to sign off, recaps to write."""

    name = "to_do"
    template_name = "desk/home_to_do.html"
    order = 30

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        user = parent_context["request"].user
        return {"items": list(_things_to_do(user))}


def _things_to_do(user: User) -> Iterator[tuple[str, str]]:
    """Yield what there is to do in words, each with its address."""
    now = timezone.now()
    mine = manageable(Event.objects.all(), user)
    signed_off = Exists(Figures.objects.filter(event=OuterRef("pk")))
    over = Q(status=Status.PUBLISHED, ends_at__lte=now, ends_at__gt=now - RECENT)
    deciding = mine.filter(status=Status.PUBLISHED).upcoming().annotate(applied=_applied())
    for asking in deciding.filter(applied__gt=0)[:TO_DO]:
        yield (
            ngettext(
                "%(number)s person waits for your decision: “%(title)s”",
                "%(number)s people wait for your decision: “%(title)s”",
                asking.applied,
            )
            % {"number": asking.applied, "title": asking.title},
            reverse("desk_participants", args=[asking.pk]) + "?state=applied&sort=registered",
        )
    for event in mine.filter(status=Status.DRAFT).upcoming()[:TO_DO]:
        yield (
            _("Finish and publish the draft “%(title)s”") % {"title": event.title},
            reverse("desk_event", args=[event.pk]),
        )
    attended = Exists(Registration.objects.confirmed().filter(event=OuterRef("pk")))
    for event in mine.filter(over, ~signed_off, attended).order_by("-ends_at")[:TO_DO]:
        yield (
            _("Sign off the figures of “%(title)s”") % {"title": event.title},
            reverse("desk_figures", args=[event.pk]),
        )
    if has_role(user, EDITING):
        written = Exists(Article.objects.filter(event=OuterRef("pk"), kind=Kind.RECAP))
        ready = reportable(Event.objects.all(), user).filter(over, signed_off, ~written)
        for event in ready.order_by("-ends_at")[:TO_DO]:
            yield (
                _("Write the recap of “%(title)s”") % {"title": event.title},
                reverse("desk_figures", args=[event.pk]),
            )


def _applied() -> Coalesce:
    """How many people wait for a decision, counted by the event's own index."""
    waiting = Registration.objects.filter(event=OuterRef("pk"), status=RegistrationStatus.APPLIED)
    counted = waiting.order_by().values("event").values(number=Count("pk"))
    return Coalesce(Subquery(counted), 0)


def _with_links(found: list[dict[str, Any]], user: User) -> list[dict[str, Any]]:
    """The rows with the address of the best page that this person may open of each event."""
    events: EventQuerySet = Event.objects.filter(pk__in=[row["event"].pk for row in found])
    ranked = [
        ("desk_event", _ids(manageable(events, user))),
        ("desk_figures", _ids(reportable(events, user))),
        ("desk_attendance", _ids(attendable(events, user))),
    ]
    for row in found:
        pk = row["event"].pk
        row["url"] = next(reverse(name, args=[pk]) for name, ids in ranked if pk in ids)
    return found


def _ids(events: EventQuerySet) -> set[int]:
    return set(events.values_list("pk", flat=True))


def _mail_of(user: User) -> Any:
    """The messages that this person may see at the desk."""
    if user.is_superuser:
        return Message.objects.all()
    topics = manageable(Event.objects.order_by(), user).annotate(
        named=Concat(Value("event/"), Cast("pk", CharField()))
    )
    return Message.objects.filter(topic__in=topics.values("named"))


def _event_id(topic: str) -> int | None:
    kind, _slash, number = topic.partition("/")
    return int(number) if kind == "event" and number.isdecimal() else None
