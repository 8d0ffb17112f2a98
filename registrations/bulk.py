"""What staff do to one person or to many at once: each person in a transaction of its own, with an account."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from events.models import Event, Mode
from registrations import availability, decisions, line, notices, seating, seats, swaps
from registrations.entry import Entrance
from registrations.models import LIVE, Registration, RegistrationQuerySet, Status, terms_of
from registrations.seating import RefusedSeat

#: A request that goes on for longer is given up by the server; what is left is done by the next press.
SECONDS = 15


@dataclass(frozen=True)
class Order:
    """What staff ask for besides the action itself, and who asks."""

    by: User | None
    note: str = ""
    mode: str = ""


@dataclass
class Account:
    """What came of an order: for how many it was done, for whom otherwise or not at all and why, and who is left."""

    done: int = 0
    noted: list[tuple[Registration, str]] = field(default_factory=list)
    refused: list[tuple[Registration, str]] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Action:
    """One thing to do to people in certain states. `asks` names what the page asks for: note, why or mode.

    `do` returns what is worth saying of this one person, or an empty text. It is None for a letter, which is not done
    person by person: it has pages of its own (`letters_desk`).
    """

    key: str
    label: Any
    button: Any
    states: tuple[str, ...]
    do: Callable[[Registration, Order], str] | None
    done: Callable[[int], str]
    asks: str = ""
    is_dangerous: bool = False


def run(action: Action, event: Event, people: Iterable[int], order: Order) -> Account:
    """Do something to each of these people of the event; what time does not allow for is left."""
    assert action.do, "letters are written on pages of their own"
    account, ids = Account(), list(people)
    ends_at = time.monotonic() + SECONDS
    while ids and time.monotonic() < ends_at:
        registration = event.registrations.filter(pk=ids.pop(0)).first()
        if registration is None:
            continue
        registration.event = event
        try:
            with transaction.atomic():
                check_state(action, registration)
                words = action.do(registration, order)
        except RefusedSeat as refusal:
            account.refused.append((registration, str(refusal)))
            continue
        account.done += 1
        if words:
            account.noted.append((registration, words))
    account.left = ids
    return account


def check_state(action: Action, registration: Registration) -> None:
    """Raise RefusedSeat for somebody in a state that the action is not for."""
    if registration.status not in action.states or registration.erased_at:
        raise RefusedSeat(
            _("This cannot be done in the state “%(state)s”.")
            % {"state": registration.get_status_display()}
        )


def consequences(action: Action, event: Event, people: Iterable[int]) -> tuple[int, list[str]]:
    """Return how many of these people an action is for, and in sentences with numbers what it does to them."""
    chosen = event.registrations.filter(pk__in=set(people))
    seats_held = list(_meant(action, chosen).values_list("seat", flat=True))
    number, others = len(seats_held), chosen.count() - len(seats_held)
    said = _what_happens(action, event, number, sum(seat is not None for seat in seats_held))
    if others:
        said.append(
            ngettext(
                "%(number)s more person is in a state in which this cannot be done, and stays as is.",
                "%(number)s more people are in a state in which this cannot be done, and stay as they are.",
                others,
            )
            % {"number": others}
        )
    return number, said


def hindrance(action: Action, event: Event, people: Iterable[int]) -> str:
    """Why an action cannot give a place to any of these people: none is free for them; else an empty text."""
    if action.key not in {"offer", "confirm"}:
        return ""
    meant = _meant(action, event.registrations.filter(pk__in=set(people)))
    if meant.seated().exists():
        return ""
    wanted = set(meant.order_by().values_list("mode", flat=True))
    places = [one for one in availability.of_event(event).places if one.mode in wanted]
    if not places or any(one.left != 0 for one in places):
        return ""
    modes = ", ".join(str(one.mode.label).lower() for one in places)
    return _("No place is free (%(mode)s). Give the event more places first.") % {"mode": modes}


def why_waiting(registration: Registration) -> str:
    """Say why somebody waits although staff let them in: the rule that is against it, or that no place is free."""
    rule = Entrance(registration.event).hindrance(registration, registration.mode)
    return rule or _("No place is free.")


def _meant(action: Action, chosen: RegistrationQuerySet) -> RegistrationQuerySet:
    return chosen.known().filter(status__in=action.states)


def _what_happens(action: Action, event: Event, number: int, seated: int) -> list[str]:
    said: list[str] = []
    if action.key in {"accept", "offer", "confirm", "mode"}:
        said += [
            _("Places left (%(mode)s): %(number)s.")
            % {
                "mode": places.mode.label.lower(),
                "number": _("no limit") if places.left is None else places.left,
            }
            for places in availability.of_event(event).places
        ]
    if action.key == "accept":
        said.append(_("Who finds no place joins the waiting list."))
    elif action.key == "offer":
        hours = terms_of(event).offer_hours
        said.append(
            ngettext(
                "An offered place is held for %(hours)s hour, then it goes to the next in line.",
                "An offered place is held for %(hours)s hours, then it goes to the next in line.",
                hours,
            )
            % {"hours": hours}
        )
    elif action.key == "confirm":
        said.append(_("They have their places at once, before all others who wait."))
    elif action.key == "mode":
        said.append(_("Who finds no place there keeps the present one and waits for the other."))
    elif action.key == "decline":
        said.append(_("This cannot be undone: they would have to register again."))
    elif action.key == "cancel":
        said += _what_cancelling_does(event, seated)
    if action.key != "mode" and not event.is_over:
        said.append(
            ngettext("%(number)s person gets a mail.", "%(number)s people get a mail.", number)
            % {"number": number}
        )
    return said


def _what_cancelling_does(event: Event, seated: int) -> list[str]:
    said = [_("This cannot be undone: they would have to register again.")]
    if seated:
        waiting = event.registrations.waiting().count()
        given_up = ngettext("%(number)s place comes free.", "%(number)s places come free.", seated)
        passed_on = ngettext(
            "%(number)s person is on the waiting list and may be offered one.",
            "%(number)s people are on the waiting list and may be offered one.",
            waiting,
        )
        said += [given_up % {"number": seated}, passed_on % {"number": waiting}]
    return said


def _accept(registration: Registration, order: Order) -> str:
    accepted = decisions.accept(registration, by=order.by, note=order.note)
    if accepted.status == Status.WAITING:
        return _("On the waiting list. %(why)s") % {"why": why_waiting(accepted)}
    return ""


def _decline(registration: Registration, order: Order) -> str:
    decisions.decline(registration, by=order.by, note=order.note)
    return ""


def _offer(registration: Registration, order: Order) -> str:
    line.offer(registration, by=order.by)
    return ""


def _confirm(registration: Registration, order: Order) -> str:
    decisions.confirm(registration, by=order.by)
    return ""


def _cancel(registration: Registration, order: Order) -> str:
    seats.cancel(registration, by=order.by, why=order.note)
    return ""


def _change_mode(registration: Registration, order: Order) -> str:
    if registration.mode == order.mode and not registration.wished_mode:
        raise RefusedSeat(_("Attends in this way already."))
    changed = swaps.change_mode(registration, order.mode, by=order.by)
    if changed.wished_mode:
        return _("Keeps the present place and waits for the other: %(why)s") % {
            "why": Entrance(changed.event).hindrance(changed, changed.wished_mode)
            or _("No place is free.")
        }
    return ""


def _send_link(registration: Registration, order: Order) -> str:
    _event, registration = seating.lock(registration)
    notices.link_again(registration)
    registration.note(by=order.by, why=_("link sent again"))
    return ""


def _people(one: str, many: str) -> Callable[[int], str]:
    return lambda number: ngettext(one, many, number) % {"number": number}


ACTIONS = {
    action.key: action
    for action in (
        Action(
            "accept",
            gettext_lazy("Accept"),
            gettext_lazy("Accept"),
            (Status.APPLIED,),
            _accept,
            _people("%(number)s person is accepted.", "%(number)s people are accepted."),
            asks="note",
        ),
        Action(
            "decline",
            gettext_lazy("Decline"),
            gettext_lazy("Decline"),
            (Status.APPLIED, Status.WAITING),
            _decline,
            _people("%(number)s person is declined.", "%(number)s people are declined."),
            asks="note",
            is_dangerous=True,
        ),
        Action(
            "offer",
            gettext_lazy("Offer a place"),
            gettext_lazy("Offer a place"),
            (Status.WAITING,),
            _offer,
            _people("%(number)s place is offered.", "%(number)s places are offered."),
        ),
        Action(
            "confirm",
            gettext_lazy("Confirm"),
            gettext_lazy("Confirm"),
            (Status.UNVERIFIED, Status.APPLIED, Status.WAITING, Status.OFFERED),
            _confirm,
            _people("%(number)s person is confirmed.", "%(number)s people are confirmed."),
        ),
        Action(
            "mode",
            gettext_lazy("Move to another way of attending"),
            gettext_lazy("Move"),
            (Status.UNVERIFIED, Status.APPLIED, Status.WAITING, Status.CONFIRMED),
            _change_mode,
            _people("Done for %(number)s person.", "Done for %(number)s people."),
            asks="mode",
        ),
        Action(
            "link",
            gettext_lazy("Send the link again"),
            gettext_lazy("Send"),
            LIVE,
            _send_link,
            _people("%(number)s person gets the link.", "%(number)s people get the link."),
        ),
        Action(
            "letter",
            gettext_lazy("Write a mail"),
            gettext_lazy("Go on"),
            LIVE,
            None,
            _people("The mail goes to %(number)s person.", "The mail goes to %(number)s people."),
        ),
        Action(
            "cancel",
            gettext_lazy("Cancel the registration"),
            gettext_lazy("Cancel the registration"),
            LIVE,
            _cancel,
            _people(
                "%(number)s registration is cancelled.", "%(number)s registrations are cancelled."
            ),
            asks="why",
            is_dangerous=True,
        ),
    )
}


def possible(event: Event, states: Iterable[str]) -> list[Action]:
    """The actions that are of use for people in these states of this event."""
    there = Counter(states)
    return [
        action
        for action in ACTIONS.values()
        if any(there[state] for state in action.states)
        and (action.key != "mode" or len(event.modes) > 1)
    ]


def modes_to_choose(event: Event) -> list[tuple[str, Any]]:
    """The ways of attending of an event, to choose from."""
    return [(mode.value, Mode(mode).label) for mode in event.modes]
