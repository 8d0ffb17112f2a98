"""Fills the next editions with registrations: people register and confirm their address, or the organiser adds them."""

from random import Random

from accounts.models import User
from events.models import Event, Mode
from events_site.demo.parts import Part
from events_site.demo.people import People, home_of
from registrations import seats
from registrations.models import Registration

#: How many people register in person and online. An event that is open to all has a number by chance.
BOOKED: dict[Part, tuple[int, int]] = {
    Part.FEW: (21, 0),
    Part.FULL: (32, 0),
    Part.ONLINE: (0, 25),
    Part.HYBRID: (12, 9),
    Part.INVITATION: (10, 0),
    Part.POSTPONED: (8, 0),
    Part.CANCELLED: (8, 0),
}
FEWEST, MOST = 8, 14


def book(event: Event, part: Part, *, people: People, by: User) -> None:
    """Register people for a published event.

    Where it is plainly open one of them has cancelled, and one has not yet confirmed the address.
    """
    in_person, online = BOOKED.get(part) or (Random(event.slug).randint(FEWEST, MOST), 0)
    modes = [Mode.IN_PERSON] * in_person + [Mode.ONLINE] * online
    if len(event.modes) == 1:
        modes = [event.modes[0]] * len(modes)
    crowd = people.crowd(
        seed=event.slug,
        people=len(modes),
        jurisdictions=max(6, len(modes) * 2 // 3),
        home=home_of(event.venue.city, event.venue.country) if event.venue else "",
    )
    for number, (person, mode) in enumerate(zip(crowd, modes, strict=True), start=1):
        if part == Part.INVITATION:
            seats.enrol(event, person=person, mode=mode, by=by)
            continue
        registration = seats.register(event, person=person, mode=mode)
        if part == Part.OPEN and number == len(crowd):
            continue
        registration = seats.verify(registration)
        if part == Part.OPEN and number == FEWEST // 2:
            _cancel(registration)


def _cancel(registration: Registration) -> None:
    seats.cancel(registration, why="cannot come after all")
