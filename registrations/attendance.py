"""Notes who was present on which day of an event."""

from collections.abc import Collection
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from events.models import Event
from registrations.models import Attendance, Registration, Source, Status


class RefusedAttendance(Exception):
    """This person cannot be checked in; the text says why."""


def check_in(
    registration: Registration, *, day: date, by: User | None, source: str = Source.MANUAL
) -> Attendance:
    """Note that a confirmed person is present on one day. Harmless when repeated.

    Raises RefusedAttendance for people without a place and for days outside the event.
    """
    if registration.status != Status.CONFIRMED:
        raise RefusedAttendance(_("%(name)s has no confirmed place.") % {"name": registration.name})
    _check_day(registration.event, day)
    attendance, _is_new = Attendance.objects.get_or_create(
        registration=registration,
        day=day,
        defaults={"mode": registration.mode, "source": source, "recorded_by": by},
    )
    return attendance


def undo(registration: Registration, *, day: date) -> None:
    """Take back a check-in."""
    Attendance.objects.filter(registration=registration, day=day).delete()


def tick(
    event: Event, *, day: date, present: Collection[int], shown: Collection[int], by: User | None
) -> None:
    """Make one day's list so that of the `shown` registrations exactly those in `present` (both ids) are checked in.

    Raises RefusedAttendance for a day outside the event.
    """
    with transaction.atomic():
        _check_day(event, day)
        people = list(event.registrations.confirmed().filter(pk__in=shown).select_for_update())
        here = [one for one in people if one.pk in present]
        Attendance.objects.bulk_create(
            (
                Attendance(
                    registration=one, day=day, mode=one.mode, source=Source.MANUAL, recorded_by=by
                )
                for one in here
            ),
            ignore_conflicts=True,
        )
        away = [one.pk for one in people if one.pk not in present]
        Attendance.objects.filter(registration__in=away, day=day).delete()


def _check_day(event: Event, day: date) -> None:
    if day not in event.days:
        raise RefusedAttendance(_("The event does not take place on %(day)s.") % {"day": day})
