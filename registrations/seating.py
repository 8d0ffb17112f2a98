"""Gives and takes single seats under the lock of the event: the only caller of `Registration.move`.

The unique constraint on (event, mode, seat) is the guarantee that no seat is given twice; the lock only keeps people
from being refused for nothing.
"""

from django.db.models import Max, Min

from accounts.models import User
from events.models import Event
from registrations.models import Registration, Status, Vacancy


class RefusedSeat(Exception):
    """The event does not take this registration or this move now; the text says why and what to do.

    `field` names what the person should change, where it is one thing: as in a form, or in the API.
    """

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


def lock_event(event: Event) -> Event:
    """Return the event's row as it is now, locked to the end of the transaction.

    The names of its venue, series and organisations, if they were read along with `event`, are not read again.
    """
    locked = Event.objects.select_for_update(no_key=True).get(pk=event.pk)
    for name in ("venue", "series"):
        if Event._meta.get_field(name).is_cached(event):  # type: ignore[union-attr]
            known = getattr(event, name)
            if known and known.pk == getattr(locked, f"{name}_id"):
                setattr(locked, name, known)
    if known := getattr(event, "_prefetched_objects_cache", None):
        locked._prefetched_objects_cache = known  # type: ignore[attr-defined]
    return locked


def lock(registration: Registration) -> tuple[Event, Registration]:
    """Return the event and the registration as they are now, both locked to the end of the transaction."""
    event = lock_event(Event(pk=registration.event_id))
    registration = Registration.objects.select_for_update().get(pk=registration.pk)
    registration.event = event
    return event, registration


def lowest_free_seat(event: Event, mode: str) -> int | None:
    """Return the lowest number from 1 to the capacity that nobody holds, or None if all are held.

    It looks at both ends of an index, so it takes as long among a hundred thousand as among ten.
    """
    capacity = event.capacity(mode)
    given_up = Vacancy.objects.filter(event_id=event.pk, mode=mode).aggregate(Min("seat"))
    seat: int | None = given_up["seat__min"]
    if seat is None:
        held = Registration.objects.filter(event_id=event.pk, mode=mode, seat__isnull=False)
        seat = held.aggregate(highest=Max("seat", default=0))["highest"] + 1
    return seat if capacity is None or seat <= capacity else None


def find_vacancies(event: Event, mode: str) -> None:
    """Write down anew which seats below the highest are free. The caller holds the event's lock."""
    seats = event.registrations.filter(mode=mode).seated().values_list("seat", flat=True)
    held = {seat for seat in seats if seat is not None}
    event.vacancies.filter(mode=mode).delete()
    Vacancy.objects.bulk_create(
        Vacancy(event=event, mode=mode, seat=seat)
        for seat in range(1, max(held, default=0))
        if seat not in held
    )


def move(
    registration: Registration,
    to: Status,
    *,
    seat: int | None,
    by: User | None = None,
    why: str = "",
) -> None:
    """Move a registration to a state with or without a seat; whoever gives up a seat leaves all shares too."""
    registration.move(to, seat=seat, by=by, why=why)
    if seat is None:
        registration.allotments.all().delete()


def move_over(
    registration: Registration, mode: str, *, seat: int | None, by: User | None, why: str
) -> None:
    """Let a person attend in another way, in the same state."""
    registration.sit_elsewhere(mode, seat=seat, by=by, why=why)
