"""What is kept of a person, what for and how long; and all that is kept on one address, to hand it over."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from outbox import returns
from outbox.models import Message, Unsubscription
from registrations.models import (
    Answer,
    Attendance,
    Departure,
    Invitation,
    OpeningNotice,
    PersonalFeed,
    Registration,
    StatusChange,
    Withdrawal,
)
from registrations.withdrawals import digest_of

Words = str | Promise

UNTIL_RETENTION: Words = gettext_lazy(
    "Until the organiser's time of keeping is over (24 months after the event, unless the organiser has another),"
    " or until you ask for erasure."
)
FOR_EVER: Words = gettext_lazy("For good, but no longer tied to you after erasure.")
MAIL: Words = gettext_lazy("90 days, or until you ask for erasure.")
UNTIL_TOLD: Words = gettext_lazy("Until you have been told, or ask for erasure.")
#: Special data go so many days after the end of the event.
SPECIAL_DAYS = 14
SPECIAL: Words = gettext_lazy(
    "14 days after the event, or until you take your consent back or ask for erasure."
)
TO_REGISTER: Words = gettext_lazy("To run the event: to know who comes, and in what order.")
TO_WRITE: Words = gettext_lazy("To write to you about the event.")
TO_REACH: Words = gettext_lazy("To send nothing to an address that takes nothing, and to tell you.")
UNTIL_LIFTED: Words = gettext_lazy("Until mail reaches you again, or you ask for erasure.")
TO_LEAVE: Words = gettext_lazy("To send you no more of what you do not want.")
UNTIL_JOINED: Words = gettext_lazy("Until you join the list again, or ask for erasure.")
TO_UPDATE: Words = gettext_lazy(
    "To keep the event in your calendar true: your program takes a change only if it is newer than the last."
)
UNTIL_ERASED: Words = gettext_lazy(
    "Until the organiser's time of keeping is over, or you ask for erasure; with a digest in place of your address."
)
TO_COUNT: Words = gettext_lazy("To count participants; the figures stay when people are erased.")
TO_TRACE: Words = gettext_lazy("To be able to say afterwards what happened and when.")


@dataclass(frozen=True)
class Kept:
    """What one field is for, and how long it is kept."""

    purpose: Words
    retention: Words


#: Every field that is handed over, by record and name in the file. A test holds this equal to what `export` writes.
KEPT: dict[str, dict[str, Kept]] = {
    "registrations": {
        "reference": Kept(gettext_lazy("To name the registration."), FOR_EVER),
        "event": Kept(TO_REGISTER, FOR_EVER),
        "state": Kept(TO_REGISTER, FOR_EVER),
        "attends": Kept(TO_REGISTER, FOR_EVER),
        "would_rather_attend": Kept(TO_REGISTER, FOR_EVER),
        "seat": Kept(gettext_lazy("To keep the event from being overbooked."), FOR_EVER),
        "given_name": Kept(TO_REGISTER, UNTIL_RETENTION),
        "family_name": Kept(TO_REGISTER, UNTIL_RETENTION),
        "email": Kept(TO_WRITE, UNTIL_RETENTION),
        "new_email": Kept(
            gettext_lazy("To prove a new address before it counts."), UNTIL_RETENTION
        ),
        "language": Kept(TO_WRITE, FOR_EVER),
        "organisation": Kept(
            gettext_lazy("To share places among organisations, and for the list of participants."),
            UNTIL_RETENTION,
        ),
        "jurisdiction": Kept(TO_COUNT, FOR_EVER),
        "is_listed": Kept(
            gettext_lazy("Your consent to be named in the public list of participants."),
            gettext_lazy("Until you take it back, or until erasure."),
        ),
        "declared_at": Kept(
            gettext_lazy("To show that you made the declaration that the event asks for."), FOR_EVER
        ),
        "comes_instead_of": Kept(TO_TRACE, FOR_EVER),
        "registered_by": Kept(TO_TRACE, FOR_EVER),
        "registered_at": Kept(gettext_lazy("The rank in the queue goes by it."), FOR_EVER),
        "confirmed_at": Kept(TO_TRACE, FOR_EVER),
        "held_until": Kept(TO_REGISTER, FOR_EVER),
        "older_calendar_feeds": Kept(
            gettext_lazy(
                "To keep the calendar that you subscribed to true although you changed your address."
            ),
            gettext_lazy("Until you take the event out of it, or until erasure."),
        ),
        "limited_places": Kept(
            gettext_lazy("The numbered places that you hold in a limited part of the event."),
            UNTIL_RETENTION,
        ),
        "answers": Kept(gettext_lazy("What the organiser asks for this event."), UNTIL_RETENTION),
        "moves": Kept(TO_TRACE, FOR_EVER),
        "attendance": Kept(TO_COUNT, FOR_EVER),
    },
    "answers": {
        "question": Kept(gettext_lazy("What the organiser asks for this event."), FOR_EVER),
        "answer": Kept(
            gettext_lazy("Stands with each answer, as the organiser wrote it."), UNTIL_RETENTION
        ),
        "file": Kept(
            gettext_lazy("Stands with each answer, as the organiser wrote it."), UNTIL_RETENTION
        ),
        "consented_at": Kept(gettext_lazy("To show that you consented."), UNTIL_RETENTION),
        "answered_at": Kept(TO_TRACE, UNTIL_RETENTION),
    },
    "moves": {
        "from": Kept(TO_TRACE, FOR_EVER),
        "to": Kept(TO_TRACE, FOR_EVER),
        "at": Kept(TO_TRACE, FOR_EVER),
        "why": Kept(TO_TRACE, UNTIL_RETENTION),
    },
    "attendance": {
        "day": Kept(TO_COUNT, FOR_EVER),
        "attended": Kept(TO_COUNT, FOR_EVER),
        "known_from": Kept(TO_COUNT, FOR_EVER),
        "recorded_at": Kept(TO_COUNT, FOR_EVER),
    },
    "invitations": {
        "event": Kept(gettext_lazy("To invite you."), UNTIL_RETENTION),
        "email": Kept(gettext_lazy("To invite you."), UNTIL_RETENTION),
        "name": Kept(gettext_lazy("To invite you."), UNTIL_RETENTION),
        "organisation": Kept(gettext_lazy("To invite you."), UNTIL_RETENTION),
        "language": Kept(gettext_lazy("To invite you."), UNTIL_RETENTION),
        "invited_at": Kept(TO_TRACE, UNTIL_RETENTION),
        "opened_at": Kept(gettext_lazy("To remind only those who are silent."), UNTIL_RETENTION),
        "declined_at": Kept(gettext_lazy("To remind only those who are silent."), UNTIL_RETENTION),
        "reminded_at": Kept(gettext_lazy("To remind only once."), UNTIL_RETENTION),
    },
    "notices_of_opening": {
        "event": Kept(gettext_lazy("To tell you when registering opens."), UNTIL_TOLD),
        "email": Kept(gettext_lazy("To tell you when registering opens."), UNTIL_TOLD),
        "language": Kept(gettext_lazy("To tell you when registering opens."), UNTIL_TOLD),
        "asked_at": Kept(gettext_lazy("To tell you when registering opens."), UNTIL_TOLD),
    },
    "messages": {
        "subject": Kept(gettext_lazy("To show what we wrote to you."), MAIL),
        "to": Kept(gettext_lazy("To show what we wrote to you."), MAIL),
        "state": Kept(gettext_lazy("To show what we wrote to you."), MAIL),
        "written_at": Kept(gettext_lazy("To show what we wrote to you."), MAIL),
        "sent_at": Kept(gettext_lazy("To show what we wrote to you."), MAIL),
    },
    "returned_mail": {
        "hard_bounces": Kept(TO_REACH, UNTIL_LIFTED),
        "complained_at": Kept(TO_REACH, UNTIL_LIFTED),
        "reason": Kept(TO_REACH, UNTIL_LIFTED),
        "changed_at": Kept(TO_REACH, UNTIL_LIFTED),
    },
    "lists_left": {
        "list": Kept(TO_LEAVE, UNTIL_JOINED),
        "left_at": Kept(TO_LEAVE, UNTIL_JOINED),
    },
    "entries_withdrawn": {
        "event": Kept(TO_UPDATE, UNTIL_ERASED),
        "times": Kept(TO_UPDATE, UNTIL_ERASED),
    },
    "calendar_feed": {
        "made_at": Kept(
            gettext_lazy("To give you a calendar of your own events."),
            gettext_lazy(
                "Until nothing that stands in it is kept any more, or you ask for erasure."
            ),
        ),
        "events_taken_out": Kept(TO_UPDATE, UNTIL_RETENTION),
    },
}


#: What the records are called on the page that says what is kept.
RECORDS: dict[str, Words] = {
    "registrations": gettext_lazy("Your registrations"),
    "answers": gettext_lazy("Your answers to the organiser's questions"),
    "moves": gettext_lazy("What happened to a registration"),
    "attendance": gettext_lazy("When you were there"),
    "invitations": gettext_lazy("Invitations to you"),
    "notices_of_opening": gettext_lazy("Your wish to hear when registering opens"),
    "messages": gettext_lazy("Mail to you"),
    "returned_mail": gettext_lazy("Mail to you that came back"),
    "lists_left": gettext_lazy("Mailing lists that you left"),
    "entries_withdrawn": gettext_lazy("Entries that we took out of your calendar"),
    "calendar_feed": gettext_lazy("Your calendar feed"),
}


#: What apps above keep of an address: by record, what hands it over. They say so by `add_record`.
ABOVE: dict[str, Callable[[str], Any]] = {}


def add_record(
    record: str, *, title: Words, fields: dict[str, Kept], of: Callable[[str], Any]
) -> None:
    """Make a record of an app above part of what is shown and handed over; `of` returns that of an address, or None."""
    KEPT[record], RECORDS[record], ABOVE[record] = fields, title, of


@dataclass(frozen=True)
class Group:
    """Fields of one record that are kept for the same purpose and time."""

    names: list[str]
    kept: Kept


def in_groups() -> list[tuple[Words, list[Group]]]:
    """Return what is kept, by record, with the fields of the same purpose and time together."""
    found: list[tuple[Words, list[Group]]] = []
    for record, fields in KEPT.items():
        groups: dict[tuple[str, str], Group] = {}
        for name, kept in fields.items():
            key = (str(kept.purpose), str(kept.retention))
            groups.setdefault(key, Group([], kept)).names.append(name.replace("_", " "))
        found.append((RECORDS[record], list(groups.values())))
    return found


def is_known(email: str) -> bool:
    """Whether anything at all is kept on an address, besides messages. It takes the same steps in any case."""
    tables = (Registration, Invitation, OpeningNotice, PersonalFeed)
    found = [of_address(table.objects.all(), email).exists() for table in tables]
    found.append(_withdrawals(email).exists())
    found += [of(email) is not None for of in ABOVE.values()]
    return any(found)


def export(email: str) -> dict[str, Any]:
    """Return all that is kept on an address, with what each field is for and how long it is kept."""
    registrations = (
        Registration.objects.of_address(email)
        .select_related("event", "jurisdiction", "replaces", "brought_by")
        .prefetch_related(
            "answers__question__options", "changes", "attendances", "allotments", "kept_in"
        )
    )
    feed = of_address(PersonalFeed.objects.all(), email).first()
    return {
        "site": settings.SITE_NAME,
        "address": email,
        "written_at": _moment(timezone.now()),
        "what_for_and_how_long": {
            record: {
                name: {key: str(words) for key, words in asdict(kept).items()}
                for name, kept in fields.items()
            }
            for record, fields in KEPT.items()
        },
        "registrations": [_registration(one) for one in registrations],
        "invitations": [
            _invitation(one)
            for one in of_address(Invitation.objects.select_related("event"), email)
        ],
        "notices_of_opening": [
            _notice(one) for one in of_address(OpeningNotice.objects.select_related("event"), email)
        ],
        "messages": [_message(one) for one in messages_to(email, list(registrations))],
        "returned_mail": _returned_mail(email),
        "lists_left": [
            {"list": one.list_name, "left_at": _moment(one.left_at)}
            for one in Unsubscription.objects.filter(address=email.lower()).order_by("pk")
        ],
        "entries_withdrawn": [
            {"event": _event(one), "times": one.times}
            for one in _withdrawals(email).select_related("event").order_by("pk")
        ],
        "calendar_feed": _feed(feed) if feed else None,
        **{record: of(email) for record, of in ABOVE.items()},
    }


def messages_to(email: str, registrations: list[Registration]) -> QuerySet[Message]:
    """The messages to an address, and those about its registrations that went to an earlier one."""
    about = Q()
    for registration in registrations:
        about |= Q(key__startswith=f"registration/{registration.pk}/")
    found = Message.objects.alias(address=Lower("recipient")).exclude(recipient="")
    return found.filter(Q(address=email.lower()) | about).order_by("created_at", "pk")


def of_address(rows: QuerySet[Any], email: str) -> QuerySet[Any]:
    """The rows of an address, whatever the case of its letters; their indexes are on the lower case."""
    return rows.alias(address=Lower("email")).filter(address=email.lower())


def retention_of(answer: Answer) -> Words:
    """How long one answer is kept."""
    return SPECIAL if answer.question.special else UNTIL_RETENTION


def in_words(answer: Answer) -> Any:
    """The answer as people read it: the words of the options instead of their numbers."""
    if not answer.question.is_choice:
        return answer.value
    options = {option.pk: option.label for option in answer.question.options.all()}
    return [options.get(pk, "") for pk in answer.value]


def _registration(one: Registration) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "event": _event(one),
        "state": one.get_status_display(),
        "attends": one.get_mode_display(),
        "would_rather_attend": one.get_wished_mode_display(),
        "seat": one.seat,
        "given_name": one.given_name,
        "family_name": one.family_name,
        "email": one.email,
        "new_email": one.pending_email,
        "language": one.language,
        "organisation": one.organisation,
        "jurisdiction": one.jurisdiction.name if one.jurisdiction else None,
        "is_listed": one.is_listed,
        "declared_at": _moment(one.declared_at),
        "comes_instead_of": one.replaces.reference if one.replaces else None,
        "registered_by": one.brought_by.reference if one.brought_by else None,
        "registered_at": _moment(one.created_at),
        "confirmed_at": _moment(one.confirmed_at),
        "held_until": _moment(one.expires_at),
        "older_calendar_feeds": [
            {"made_at": _moment(feed.created_at)}
            for feed in one.kept_in.all()
            if feed.email.lower() != one.email.lower()
        ],
        "limited_places": [place.share.partition(":")[0] for place in one.allotments.all()],
        "answers": [_answer(answer) for answer in one.answers.all()],
        "moves": [_move(change) for change in one.changes.all()],
        "attendance": [_day(attendance) for attendance in one.attendances.all()],
    }


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question.label,
        "what_for": answer.question.purpose or str(KEPT["registrations"]["answers"].purpose),
        "how_long": str(retention_of(answer)),
        "answer": in_words(answer),
        "file": answer.file.name or None,
        "consented_at": _moment(answer.consented_at),
        "answered_at": _moment(answer.answered_at),
    }


def _move(change: StatusChange) -> dict[str, Any]:
    return {
        "from": change.from_status,
        "to": change.to_status,
        "at": _moment(change.changed_at),
        "why": change.reason,
    }


def _day(attendance: Attendance) -> dict[str, Any]:
    return {
        "day": attendance.day.isoformat(),
        "attended": attendance.get_mode_display(),
        "known_from": attendance.get_source_display(),
        "recorded_at": _moment(attendance.recorded_at),
    }


def _invitation(one: Invitation) -> dict[str, Any]:
    return {
        "event": _event(one),
        "email": one.email,
        "name": one.name,
        "organisation": one.organisation,
        "language": one.language,
        "invited_at": _moment(one.invited_at),
        "opened_at": _moment(one.opened_at),
        "declined_at": _moment(one.declined_at),
        "reminded_at": _moment(one.reminded_at),
    }


def _notice(one: OpeningNotice) -> dict[str, Any]:
    return {
        "event": _event(one),
        "email": one.email,
        "language": one.language,
        "asked_at": _moment(one.asked_at),
    }


def _returned_mail(email: str) -> dict[str, Any] | None:
    row = returns.of(email)
    if row is None:
        return None
    return {
        "hard_bounces": row.hard_bounces,
        "complained_at": _moment(row.complained_at),
        "reason": row.reason,
        "changed_at": _moment(row.changed_at),
    }


def _message(one: Message) -> dict[str, Any]:
    return {
        "subject": one.subject,
        "to": one.recipient,
        "state": one.get_state_display(),
        "written_at": _moment(one.created_at),
        "sent_at": _moment(one.sent_at),
    }


def _feed(one: PersonalFeed) -> dict[str, Any]:
    departures = one.departures.select_related("event").order_by("pk")
    return {
        "made_at": _moment(one.created_at),
        "events_taken_out": [
            {"event": _event(left), "at": _moment(left.left_at)} for left in departures
        ],
    }


def _withdrawals(email: str) -> QuerySet[Withdrawal]:
    return Withdrawal.objects.filter(address=digest_of(email))


def _event(
    one: Registration | Invitation | OpeningNotice | Withdrawal | Departure,
) -> dict[str, Any]:
    event = one.event
    return {
        "title": event.title,
        "page": settings.SITE_URL + event.get_absolute_url()
        if event.is_public
        else _("not public"),
        "starts_at": event.local_start.isoformat(),
        "ends_at": event.local_end.isoformat(),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
