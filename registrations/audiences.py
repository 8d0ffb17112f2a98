"""Who is written to when many are written to at once, and who is left out of a letter, and why."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.models import Event
from outbox import returns
from outbox.models import Unsubscription
from registrations.models import RegistrationQuerySet, Status

#: Those who hear what becomes of an event.
TOLD = (Status.APPLIED, Status.WAITING, Status.OFFERED, Status.CONFIRMED)


def of_news(event: Event, *, made_at: datetime) -> RegistrationQuerySet:
    """Those who are told of what happened to an event at `made_at`; who registered later knows it already."""
    return event.registrations.known().filter(status__in=TOLD, created_at__lte=made_at)


def of_letter(event: Event, people: Collection[int], *, is_bulk: bool) -> RegistrationQuerySet:
    """Those of the chosen people to whom a letter goes."""
    living = event.registrations.filter(pk__in=people).known().live()
    return _with_sound_address(_still_on_the_list(living, event)) if is_bulk else living


def is_personal(people: Collection[int]) -> bool:
    """Whether a letter goes to one person: it is then sent at once, and has no list that the reader could leave."""
    return len(people) == 1


def list_of(event: Event) -> str:
    """The name of the list of an event's letters, which a reader may leave."""
    return f"event/{event.pk}"


def list_in_words(list_name: str) -> str:
    """What the list of an event's letters holds, to go on after “mail about”."""
    number = list_name.partition("/")[2]
    event = Event.objects.filter(pk=number if number.isdecimal() else 0).first()
    return event.title if event else _("this event")


def left_out(event: Event, people: Collection[int]) -> list[str]:
    """Say in sentences with numbers who of the chosen people gets no letter, and why."""
    chosen = event.registrations.filter(pk__in=people)
    known, living = chosen.known(), chosen.known().live()
    erased, over = chosen.count() - known.count(), known.count() - living.count()
    said = []
    if erased:
        said.append(
            ngettext("%(number)s person is erased.", "%(number)s people are erased.", erased)
            % {"number": erased}
        )
    if over:
        said.append(
            ngettext(
                "%(number)s person does not take part any more.",
                "%(number)s people do not take part any more.",
                over,
            )
            % {"number": over}
        )
    if not is_personal(people):
        said += _that_want_none(event, living)
    return said


def _that_want_none(event: Event, living: RegistrationQuerySet) -> list[str]:
    staying = _still_on_the_list(living, event)
    left = living.count() - staying.count()
    refused = staying.count() - _with_sound_address(staying).count()
    said = []
    if left:
        said.append(
            ngettext(
                "%(number)s person has left the list of this event's mails.",
                "%(number)s people have left the list of this event's mails.",
                left,
            )
            % {"number": left}
        )
    if refused:
        said.append(
            ngettext(
                "Mail to %(number)s person came back, or was called spam.",
                "Mail to %(number)s people came back, or was called spam.",
                refused,
            )
            % {"number": refused}
        )
    return said


def _still_on_the_list(people: RegistrationQuerySet, event: Event) -> RegistrationQuerySet:
    left = Unsubscription.objects.filter(list_name=list_of(event), address=OuterRef("address"))
    return people.alias(address=Lower("email")).filter(~Exists(left))


def _with_sound_address(people: RegistrationQuerySet) -> RegistrationQuerySet:
    bad = returns.unfit_for_many().filter(address=OuterRef("address"))
    return people.alias(address=Lower("email")).filter(~Exists(bad))
