"""What the registrations app brings to the desk: its addresses, its tabs, and what a change means for people."""

from collections.abc import Iterable
from copy import copy

from django.conf import settings
from django.db.models import Count
from django.urls import URLPattern, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from wagtail import hooks
from wagtail.admin.menu import AdminOnlyMenuItem

from accounts.permissions import can_check_in, can_manage
from events.models import Event
from events.models import Status as EventStatus
from events.tabs import EventLink
from registrations.audiences import TOLD
from registrations.models import Status
from registrations.news import NEWS


@hooks.register("register_admin_urls")
def addresses() -> list[URLPattern]:
    from registrations import (
        bulk_desk,
        desk,
        invitations_desk,
        lists_desk,
        mailings_desk,
        maillog,
        people_desk,
        questions_desk,
        reminders_desk,
        terms_desk,
        wordings_desk,
    )

    rooms = (
        people_desk,
        bulk_desk,
        lists_desk,
        invitations_desk,
        desk,
        terms_desk,
        questions_desk,
        reminders_desk,
        mailings_desk,
        maillog,
        wordings_desk,
    )
    return [pattern for room in rooms for pattern in room.urlpatterns]


@hooks.register("plenary_event_links")
def tabs() -> list[EventLink]:
    return [
        EventLink(gettext_lazy("Who may come"), "desk_terms", can_manage, order=34),
        EventLink(gettext_lazy("Questions"), "desk_questions", can_manage, order=36),
        EventLink(gettext_lazy("Participants"), "desk_participants", can_manage, order=40),
        EventLink(gettext_lazy("Invitations"), "desk_invitations", can_manage, order=45),
        EventLink(gettext_lazy("Attendance"), "desk_attendance", can_check_in, order=50),
        EventLink(gettext_lazy("Reminders"), "desk_reminders", can_manage, order=60),
        EventLink(gettext_lazy("Mail texts"), "desk_wordings", can_manage, order=65),
        EventLink(gettext_lazy("Mail"), "desk_mail", can_manage, order=70),
    ]


@hooks.register("register_network_menu_item")
def words_item() -> AdminOnlyMenuItem:
    url = reverse_lazy("desk_network_wordings")
    label = gettext_lazy("Mail texts")
    return AdminOnlyMenuItem(label, url, name="wordings", icon_name="edit", order=75)


@hooks.register("plenary_event_consequences")
def mails_that_follow(event: Event, action: str, changed: set[str]) -> Iterable[str]:
    """Say how many people an action concerns and who is told by mail."""
    if action == "publish" and event.status == EventStatus.DRAFT:
        return [_when_people_may_register(event)]
    if event.is_over or event.status == EventStatus.DRAFT:
        return []
    if action == "change" and (event.status != EventStatus.PUBLISHED or not changed & NEWS):
        return []
    counted = dict(
        event.registrations.filter(status__in=TOLD)
        .order_by()
        .values_list("status")
        .annotate(number=Count("pk"))
    )
    holding = counted.get(Status.CONFIRMED, 0) + counted.get(Status.OFFERED, 0)
    others = counted.get(Status.WAITING, 0) + counted.get(Status.APPLIED, 0)
    if not holding and not others:
        return [] if action == "change" else [_("Nobody is registered, so no mail is sent.")]
    said = [
        ngettext(
            "%(number)s person holds a place and gets a mail.",
            "%(number)s people hold a place and get a mail.",
            holding,
        )
        % {"number": holding}
    ]
    if others:
        said.append(
            ngettext(
                "%(number)s person waits and gets a mail too.",
                "%(number)s people wait and get a mail too.",
                others,
            )
            % {"number": others}
        )
    if action == "change":
        said.append(_when_people_hear())
    return said


def _when_people_hear() -> str:
    minutes = round(settings.CHANGES_SETTLE_SECONDS / 60)
    if not minutes:
        return _("They hear of it at once.")
    return ngettext(
        "They hear of it in %(minutes)s minute, with all that you change until then.",
        "They hear of it in %(minutes)s minutes, with all that you change until then.",
        minutes,
    ) % {"minutes": minutes}


def _when_people_may_register(event: Event) -> str:
    """What `availability` says of the event once it is public."""
    from registrations import availability

    published = copy(event)
    published.status = EventStatus.PUBLISHED
    said = availability.of_event(published)
    if said.can_register:
        return _("People can register at once: %(state)s.") % {"state": said.headline.lower()}
    return f"{said.headline}."
