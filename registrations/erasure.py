"""Erases people and answers: by the person's own wish, when the time of keeping is over, and special data early.

What is needed for counting and for the facts of the audit trail stays: states, times, jurisdiction, attendance.
"""

import calendar
import logging
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat, Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from events.models import Event, PendingCalendar, Status
from outbox import control, lists, returns
from outbox.models import Message
from registrations import answers, own_calendar, seating, seats, withdrawals
from registrations.models import (
    Allotment,
    Answer,
    Departure,
    Erasure,
    Invitation,
    OpeningNotice,
    PendingImport,
    PersonalFeed,
    Registration,
    StatusChange,
    UsedLink,
    Withdrawal,
    new_link_key,
)
from registrations.models.questions import private_storage
from registrations.privacy import SPECIAL_DAYS, of_address

logger = logging.getLogger(__name__)

NOWHERE = "@erased.invalid"
USUAL_MONTHS = 24
AT_ONCE = 500
FORGOTTEN_AFTER = timedelta(days=1)
OF_A_REGISTRATION = re.compile(r"registration/(\d+)/")
ASKS_TO_COME_INSTEAD_OF = re.compile(r"registration/\d+/substitute/(\d+)$")
FILES = "answers"


def erase_address(email: str) -> int:
    """Erase all that is kept on an address, and send it no more mail; return how many registrations."""
    known = list(Registration.objects.of_address(email).known())
    count = erase(known, reason=Erasure.Reason.ASKED)
    with transaction.atomic():
        of_address(Invitation.objects.all(), email).delete()
        of_address(OpeningNotice.objects.all(), email).delete()
        for event in Event.objects.filter(withdrawals__address=withdrawals.digest_of(email)):
            withdrawals.forget(event, [email])
        for feed in of_address(PersonalFeed.objects.select_for_update(), email):
            feed.delete()
        _forget_in(Registration.objects.all(), PendingImport.objects.all(), {email.lower()})
        # First off the lists: whoever writes to a list holds its readers, and what was written by then is emptied here.
        lists.forget(email)
        messages = Message.objects.alias(address=Lower("recipient"))
        control.empty(messages.filter(address=email.lower()))
        returns.lift(email)
    return count


def erase(registrations: Iterable[Registration], *, reason: Erasure.Reason) -> int:
    """Erase the people behind registrations, one transaction an event; return how many. Harmless when repeated.

    Who still has, or waits for, a place at an event that is not over gives it up; nobody is told by mail.
    """
    by_event: dict[int, list[int]] = {}
    for registration in registrations:
        by_event.setdefault(registration.event_id, []).append(registration.pk)
    return sum(_erase_of_event(event_id, pks, reason) for event_id, pks in by_event.items())


def is_past(event: Event) -> bool:
    """Whether an event is over for good: one that is postponed is not, whatever its old date."""
    return event.is_over and event.status != Status.POSTPONED


def erase_special(now: datetime) -> int:
    """Erase the answers of special categories some days after each event; return how many answers."""
    due = (
        Answer.objects.exclude(question__special="")
        .exclude(registration__event__status=Status.POSTPONED)
        .filter(registration__event__ends_at__lte=now - timedelta(days=SPECIAL_DAYS))
    )
    count = 0
    for event_id in due.order_by().values_list("registration__event_id", flat=True).distinct():
        with transaction.atomic():
            event = seating.lock_event(Event(pk=event_id))
            found = due.filter(registration__event=event)
            people = found.order_by().values("registration").distinct().count()
            erased = _delete_answers(found)
            _note(event, Erasure.Reason.SPECIAL, people=people, answers=erased)
            count += erased
    return count


def erase_overdue(now: datetime) -> int:
    """Erase the people of events whose time of keeping is over at `now`; return how many registrations."""
    count = 0
    rows_of = {"event": OuterRef("pk")}
    ended = Event.objects.filter(
        Exists(Registration.objects.known().filter(**rows_of))
        | Exists(Invitation.objects.filter(**rows_of))
        | Exists(OpeningNotice.objects.filter(**rows_of))
        | Exists(Withdrawal.objects.filter(**rows_of))
        | Exists(Departure.objects.filter(**rows_of)),
        ends_at__lte=_months_before(now, 1),
    )
    ended = ended.exclude(status=Status.POSTPONED)
    for event in ended.with_organisations().order_by("pk"):
        months = event.organisers[0].retention_months if event.organisers else USUAL_MONTHS
        if event.ends_at > _months_before(now, months):
            continue
        Invitation.objects.filter(event=event).delete()
        OpeningNotice.objects.filter(event=event).delete()
        pks = list(event.registrations.known().values_list("pk", flat=True))
        if pks:
            count += _erase_of_event(event.pk, pks, Erasure.Reason.RETENTION)
        event.withdrawals.all().delete()
        event.departures.all().delete()
    return count


def forget_leftovers(now: datetime) -> None:
    """Forget one-time links that would have run out, lists that nobody said yes to, and files of no answer."""
    UsedLink.objects.filter(used_at__lte=now - FORGOTTEN_AFTER).delete()
    PendingImport.objects.filter(uploaded_at__lte=now - FORGOTTEN_AFTER).delete()
    PendingCalendar.objects.filter(uploaded_at__lte=now - FORGOTTEN_AFTER).delete()
    _delete_stray_files(now)


def _erase_of_event(event_id: int, pks: Collection[int], reason: Erasure.Reason) -> int:
    with transaction.atomic():
        event = seating.lock_event(Event(pk=event_id))
        people = Registration.objects.known().filter(event=event, pk__in=pks)
        known = list(people.select_for_update().order_by("pk"))
        if not is_past(event):
            for registration in known:
                seats.cancel(registration, is_told=False)
        addresses = {registration.email.lower() for registration in known}
        ids = {registration.pk for registration in known}
        staying = addresses & _other_addresses(event, ids)
        _empty_messages(event, ids, addresses - staying)
        erased = _delete_answers(Answer.objects.filter(registration__in=ids))
        _delete_invitations(event, ids, addresses, staying)
        _forget_in(event.registrations.all(), event.pending_imports.all(), addresses - staying)
        feeds = _leave_feeds(event, ids, addresses)
        for start in range(0, len(known), AT_ONCE):
            _blank(known[start : start + AT_ONCE])
        if known:
            _note(event, reason, people=len(known), answers=erased)
        _delete_empty(feeds)
        withdrawals.forget(event, addresses)
        return len(known)


def _other_addresses(event: Event, ids: set[int]) -> set[str]:
    """The addresses of all others at an event: what belongs to them stays, although somebody erases an older one."""
    known = event.registrations.known().values_list("pk", "email")
    return {email.lower() for pk, email in known.iterator() if pk not in ids}


def _blank(people: list[Registration]) -> None:
    """Take names, addresses and links from registrations; the log keeps its facts and loses its words."""
    pks = [registration.pk for registration in people]
    StatusChange.objects.filter(registration__in=pks).update(reason="")
    # An organisation stands in the name of its share. Nobody counts any more who is out, or whose event is over.
    Allotment.objects.filter(registration__in=pks).delete()
    Registration.objects.filter(pk__in=pks).update(
        given_name="",
        family_name="",
        organisation="",
        email=Concat("reference", Value(NOWHERE)),
        pending_email="",
        is_listed=False,
        link_key=new_link_key(),
        erased_at=timezone.now(),
    )
    words = _("erased")
    StatusChange.objects.bulk_create(
        StatusChange(registration_id=pk, from_status=status, to_status=status, reason=words)
        for pk, status in Registration.objects.filter(pk__in=pks).values_list("pk", "status")
    )


def _delete_answers(found: QuerySet[Answer]) -> int:
    """Delete answers, and their files once that stands."""
    for answer in found.exclude(file=""):
        answers.delete_file(answer)
    return found.delete()[0]


def _delete_stray_files(now: datetime) -> None:
    """Delete files that no answer names: their transaction was undone, or deleting them failed at first.

    Young ones stay: their transaction may still be open.
    """
    storage = private_storage()
    try:
        found = [f"{FILES}/{name}" for name in storage.listdir(FILES)[1]]
    except FileNotFoundError:
        return
    known = set(Answer.objects.exclude(file="").values_list("file", flat=True))
    for name in found:
        try:
            if name not in known and storage.get_modified_time(name) <= now - FORGOTTEN_AFTER:
                storage.delete(name)
        except OSError:
            logger.exception("A file of no answer could not be deleted: %s", name)


def _forget_in(
    registrations: QuerySet[Registration], imports: QuerySet[PendingImport], addresses: set[str]
) -> None:
    """Take addresses out of changes that nobody proved and of lists that nobody said yes to."""
    unproved = registrations.alias(address=Lower("pending_email"))
    unproved.filter(address__in=addresses).update(pending_email="")
    for pending in imports.select_for_update():
        rows = [row for row in pending.rows if row["email"].strip().lower() not in addresses]
        if len(rows) < len(pending.rows):
            pending.rows = rows
            pending.save(update_fields=["rows"])


def _delete_invitations(
    event: Event, ids: set[int], addresses: set[str], staying: set[str]
) -> None:
    """Delete what invited these people, but those who stay by another registration.

    An invitation that a substitute came in by stays, without a name.
    """
    invitations = Invitation.objects.filter(event=event).alias(address=Lower("email"))
    theirs = invitations.filter(registrations__in=ids).exclude(address__in=staying)
    for invitation in theirs.distinct():
        if invitation.registrations.known().exclude(pk__in=ids).exists():
            invitation.email, invitation.name = f"{invitation.reference}{NOWHERE}", ""
            invitation.organisation, invitation.link_key = "", new_link_key()
            invitation.save()
        else:
            invitation.delete()
    for table in (Invitation, OpeningNotice):
        event_rows = table.objects.filter(event=event).alias(address=Lower("email"))
        event_rows.filter(address__in=addresses - staying).delete()


def _leave_feeds(event: Event, ids: set[int], addresses: set[str]) -> list[PersonalFeed]:
    """Take registrations that are about to be erased out of the feeds that show them, which are returned, locked."""
    keeping = PersonalFeed.kept.through.objects.filter(registration__in=ids)
    feeds = PersonalFeed.objects.alias(address=Lower("email")).filter(
        Q(address__in=addresses) | Q(pk__in=keeping.values("personalfeed"))
    )
    found: list[PersonalFeed] = [*feeds.select_for_update().order_by("pk")]
    for feed in found:
        own_calendar.let_go(feed, event, ids)
    keeping.delete()
    return found


def _delete_empty(feeds: Iterable[PersonalFeed]) -> None:
    """Delete those of these feeds that hold nothing any more."""
    for feed in feeds:
        if not Registration.objects.of_address(feed.email).exists() and not feed.kept.exists():
            feed.delete()


def _empty_messages(event: Event, ids: set[int], addresses: set[str]) -> None:
    """Empty the messages of the event about or naming these people or to these addresses; nothing waiting goes out."""
    naming = _keys_naming(ids)
    rows = Message.objects.about(f"event/{event.pk}").exclude(recipient="")
    found = [
        pk
        for pk, key, recipient in rows.values_list("pk", "key", "recipient").iterator()
        if recipient.lower() in addresses
        or key in naming
        or ((match := OF_A_REGISTRATION.match(key)) and int(match[1]) in ids)
        or ((match := ASKS_TO_COME_INSTEAD_OF.match(key)) and int(match[1]) in ids)
    ]
    for start in range(0, len(found), AT_ONCE):
        control.empty(Message.objects.filter(pk__in=found[start : start + AT_ONCE]))


def _keys_naming(ids: set[int]) -> set[str]:
    """The keys of messages to others that name these people: to their colleagues, and to whom they came instead of."""
    brought = Registration.objects.filter(brought_by__in=ids).values_list("pk", flat=True)
    came = Registration.objects.filter(pk__in=ids, replaces__isnull=False).exclude(
        confirmed_at=None
    )
    return {f"registration/{pk}/verify" for pk in brought} | {
        f"registration/{pk}/replaced" for pk in came.values_list("replaces", flat=True)
    }


def _note(event: Event, reason: Erasure.Reason, *, people: int, answers: int) -> None:
    Erasure.objects.create(event=event, reason=reason, people=people, answers=answers)
    logger.info(
        "Erased of event %s (%s): %s people, %s answers.", event.pk, reason.value, people, answers
    )


def _months_before(moment: datetime, months: int) -> datetime:
    """The same day and hour so many months earlier, or the last day of that month where it is shorter."""
    utc = moment.astimezone(UTC)
    year, month = divmod(utc.year * 12 + utc.month - 1 - months, 12)
    day = min(utc.day, calendar.monthrange(year, month + 1)[1])
    return utc.replace(year=year, month=month + 1, day=day)
