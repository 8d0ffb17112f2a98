"""The messages that can be said in other words: when each is sent, and which named values its words may hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from registrations.models import Status

#: What stands for each value, said to those who write the words.
EVENT_VALUES: dict[str, Any] = {
    "event": _("the title of the event"),
    "when": _("days, hours and zone of the event"),
    "date": _("the days of the event"),
    "where": _("the place, or “Online”"),
    "organiser": _("who organises it"),
    "contact": _("the address for questions"),
    "event_page": _("the address of the event's page"),
}
PERSON_VALUES: dict[str, Any] = {
    "name": _("the person's full name"),
    "given_name": _("the person's given name"),
    "family_name": _("the person's family name"),
    "organisation": _("where the person works"),
    "mode": _("how the person attends"),
    "reference": _("the reference of the registration"),
    "link": _("the person's own link, which the button has too"),
    "attendance": _("a sentence on how the person attends"),
    "standing": _("a sentence on where the registration stands"),
}
NEXT: dict[str, Any] = {"next": _("what the person does now, and until when")}
NOTE: dict[str, Any] = {"note": _("what the organisers add by hand, where they do")}
UNTIL: dict[str, Any] = {"until": _("until when a place is held")}

#: A sentence that nobody may miss: where the words lack it, it goes behind them.
ALWAYS_SAID = ("next", "note", "changes")


@dataclass(frozen=True)
class Notice:
    """One message: its name, when it is sent in plain words, and what its words may hold.

    `status` is the state of a person who gets it, for previews. `tells_standing` says that its subject ends in "(not
    yet confirmed)" while that is so. `is_of_event` is false for what concerns no single event.
    """

    key: str
    label: Any
    when: Any
    values: dict[str, Any]
    status: str = ""
    tells_standing: bool = True
    is_of_event: bool = True


def _of_person(key: str, label: Any, when: Any, *more: dict[str, Any], **said: Any) -> Notice:
    values = {**EVENT_VALUES, **PERSON_VALUES}
    for one in more:
        values |= one
    return Notice(key, label, when, values, **said)


GROUPS: tuple[tuple[Any, tuple[Notice, ...]], ...] = (
    (
        _("Registering"),
        (
            _of_person(
                "verify",
                _("Please confirm"),
                _("when somebody has registered, to check the address"),
                NEXT,
                UNTIL,
                status=Status.UNVERIFIED,
            ),
            _of_person(
                "colleague",
                _("Registered by a colleague"),
                _("when somebody has been registered by a colleague"),
                {"colleague": _("the name of the colleague")},
                NEXT,
                UNTIL,
                status=Status.UNVERIFIED,
            ),
            _of_person(
                "applied",
                _("Registration has arrived"),
                _("when the address is checked and the organisers decide"),
                status=Status.APPLIED,
            ),
            _of_person(
                "confirmed",
                _("Place confirmed"),
                _("when somebody gets a place"),
                status=Status.CONFIRMED,
            ),
            _of_person(
                "waiting",
                _("On the waiting list"),
                _("when no place is free for somebody"),
                {"why": _("why there is no place now")},
                NOTE,
                status=Status.WAITING,
            ),
            _of_person(
                "standing",
                _("Registered already"),
                _("when somebody registers again with the same address"),
                UNTIL,
            ),
            _of_person(
                "link",
                _("Personal link, again"),
                _("when you send somebody the link once more"),
                UNTIL,
            ),
            _of_person(
                "join",
                _("Way to join online"),
                _("when somebody who has a place asks for it on the page for joining online"),
                status=Status.CONFIRMED,
            ),
            Notice(
                "my-page",
                _("Page of all registrations"),
                _("when somebody asks for the page of all registrations of an address"),
                {"email": _("the address that was asked for"), **NEXT, "link": _("the link")},
                is_of_event=False,
            ),
        ),
    ),
    (
        _("Decisions and places"),
        (
            _of_person(
                "accepted",
                _("Accepted"),
                _("when you accept somebody who applied, and a place is free"),
                NOTE,
                status=Status.CONFIRMED,
            ),
            _of_person(
                "declined",
                _("Declined"),
                _("when you turn somebody down"),
                NOTE,
                status=Status.DECLINED,
            ),
            _of_person(
                "offered",
                _("Place offered"),
                _("when a place comes free for somebody on the waiting list"),
                NEXT,
                UNTIL,
                status=Status.OFFERED,
            ),
            _of_person(
                "lapsed",
                _("Offer has run out"),
                _("when an offered place was not taken in time"),
                status=Status.EXPIRED,
            ),
            _of_person(
                "mode-changed",
                _("Attends in another way"),
                _("when a place in person or online, as asked for, has come free"),
                status=Status.CONFIRMED,
            ),
            _of_person(
                "substitute",
                _("Asked to come instead"),
                _("when somebody who has a place names a substitute, to the substitute"),
                {"colleague": _("the name of the person who has the place")},
                NEXT,
                UNTIL,
                status=Status.UNVERIFIED,
            ),
            _of_person(
                "replaced",
                _("Substitute has the place"),
                _("when the substitute has confirmed, to the person who named them"),
                {"substitute": _("the name of the substitute")},
                status=Status.CANCELLED,
            ),
        ),
    ),
    (
        _("News of the event"),
        (
            _of_person(
                "reminder",
                _("Reminder"),
                _("before the event, by the rules for reminders"),
                status=Status.CONFIRMED,
            ),
            _of_person(
                "changed",
                _("Date, place or link has changed"),
                _("when you have changed a public event"),
                {
                    "news": _("what is new in two words, as in “new time”"),
                    "change": _("a sentence on what has changed"),
                    "changes": _("each change with the old and the new"),
                },
                UNTIL,
                status=Status.CONFIRMED,
            ),
            _of_person(
                "postponed",
                _("Event postponed"),
                _("when you postpone the event"),
                UNTIL,
                status=Status.CONFIRMED,
            ),
            _of_person(
                "event-cancelled",
                _("Event cancelled"),
                _("when you call the event off"),
                status=Status.CONFIRMED,
                tells_standing=False,
            ),
            _of_person(
                "after-present",
                _("After the event, to those who were there"),
                _("after the event, by the rules for reminders"),
                {
                    "certificate": _("where the certificate of attendance is, once there is one"),
                    "materials": _("where to read what came of the event"),
                },
                status=Status.CONFIRMED,
            ),
            _of_person(
                "after-absent",
                _("After the event, to those who were not there"),
                _("after the event, by the rules for reminders"),
                {"materials": _("where to read what came of the event")},
                status=Status.CONFIRMED,
            ),
        ),
    ),
    (
        _("Invitations"),
        (
            Notice(
                "invitation",
                _("Invitation"),
                _("when you invite somebody by name"),
                {
                    **EVENT_VALUES,
                    "name": _("the person's full name, where it is known"),
                    "email": _("the address that is invited"),
                    "link": _("the person's own link, which the button has too"),
                    **NOTE,
                },
            ),
            Notice(
                "invitation-reminder",
                _("Reminder of the invitation"),
                _("when you remind people who have not answered the invitation"),
                {
                    **EVENT_VALUES,
                    "name": _("the person's full name, where it is known"),
                    "email": _("the address that is invited"),
                    "link": _("the person's own link, which the button has too"),
                    **NOTE,
                },
            ),
            Notice(
                "opening",
                _("Registering has opened"),
                _("when registering opens, to those who asked to be told"),
                {**EVENT_VALUES, "link": _("the address of the form")},
            ),
        ),
    ),
    (
        _("Cancelling, and other addresses"),
        (
            _of_person(
                "cancelled",
                _("Cancelled by the person"),
                _("when somebody cancels the registration"),
                status=Status.CANCELLED,
            ),
            _of_person(
                "cancelled-by-organiser",
                _("Cancelled by you"),
                _("when you cancel somebody's registration"),
                status=Status.CANCELLED,
            ),
            _of_person(
                "prove-address",
                _("Confirm the new address"),
                _("when somebody wants to use another address, to the new one"),
                tells_standing=False,
            ),
            _of_person(
                "address-changed",
                _("Address was changed"),
                _("when the new address is confirmed, to the old one"),
                tells_standing=False,
            ),
            _of_person(
                "address-taken",
                _("New address is in use"),
                _("when the new address is confirmed, to the new one"),
                UNTIL,
            ),
        ),
    ),
)
NOTICES: dict[str, Notice] = {one.key: one for _title, group in GROUPS for one in group}

#: What staff write to many people at once: not a template, but its text holds the same values.
LETTER = _of_person("letter", _("Letter"), _("when you write to people of the event"), UNTIL)


def grouped(*, of_event: bool) -> Iterator[tuple[Any, list[Notice]]]:
    """The messages by subject: those of one event, or all that the network sends."""
    for title, group in GROUPS:
        yield title, [one for one in group if one.is_of_event or not of_event]


def named(key: str) -> Notice:
    """Return a message by its key, the letter too. Raises KeyError."""
    return LETTER if key == LETTER.key else NOTICES[key]
