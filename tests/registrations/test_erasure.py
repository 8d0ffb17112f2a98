"""Erasing people: what goes, what stays, and that nobody hears of it by mail."""

import os
from datetime import timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from events import lifecycle
from events.models import EventOrganisation
from outbox import control, delivery, lists, returns
from outbox.models import Message, State, Suppression, Unsubscription
from registrations import (
    answers,
    attendance,
    colleagues,
    erasure,
    figures,
    links,
    seats,
    swaps,
    tasks,
)
from registrations.answers import Given
from registrations.models import (
    Answer,
    Erasure,
    Invitation,
    OpeningNotice,
    PendingImport,
    PersonalFeed,
    Registration,
    UsedLink,
)
from registrations.models.questions import private_storage
from tests.delivering import deliver
from tests.factories import (
    EventFactory,
    InvitationFactory,
    JurisdictionFactory,
    OrganisationFactory,
    QuestionFactory,
    UserFactory,
    person,
    registered,
    terms,
    verified,
)
from tests.telling import settle

pytestmark = pytest.mark.django_db
ASKED = Erasure.Reason.ASKED


def held_past_event(days_ago, **fields):
    """An event that was over so many days ago."""
    ends_at = timezone.now() - timedelta(days=days_ago)
    return EventFactory(starts_at=ends_at - timedelta(hours=8), ends_at=ends_at, **fields)


def was_at(event, n=1, **said):
    """Somebody who had a place at an event that is over, and was present."""
    with time_machine.travel(event.starts_at - timedelta(days=20), tick=False):
        registration = verified(event, n, **said)
    attendance.tick(
        event, day=event.first_day, present={registration.pk}, shown={registration.pk}, by=None
    )
    return registration


def everything_said():
    """All that is stored of people in text, as one text."""
    rows = [
        *Registration.objects.values_list("given_name", "family_name", "email", "organisation"),
        *Message.objects.values_list(
            "recipient", "mailbox", "recipient_name", "subject", "text", "html", "calendar"
        ),
        *Message.objects.values_list("key", "last_error"),
        *Invitation.objects.values_list("email", "name"),
        *OpeningNotice.objects.values_list("email"),
        *PersonalFeed.objects.values_list("email"),
        *Answer.objects.values_list("value"),
    ]
    return " ".join(str(row) for row in rows)


def test_what_says_who_it_was_goes_and_what_counts_stays():
    event = held_past_event(3)
    scotland = JurisdictionFactory(code="GB-SCT", country="GB", name="Scotland")
    was = was_at(event, 1, given_name="Ελένη", family_name="Παπαδοπούλου", jurisdiction=scotland)
    was.note(why="asked Ελένη on the telephone")
    before = figures.count(event)
    token = links.token_of(was)

    assert erasure.erase([was], reason=ASKED) == 1

    was.refresh_from_db()
    assert (was.name, was.organisation, was.pending_email) == ("", "", "")
    assert was.email == f"{was.reference}@erased.invalid"
    assert was.erased_at is not None
    assert (was.status, was.jurisdiction, was.attendances.count()) == ("confirmed", scotland, 1)
    assert figures.count(event) == before
    assert links.find(token) is None
    said = everything_said()
    assert "Ελένη" not in said
    assert "person1@example.org" not in said
    assert set(was.changes.values_list("reason", flat=True)) == {"", "erased"}
    [row] = Erasure.objects.values("event_id", "reason", "people", "answers")
    assert row == {"event_id": event.pk, "reason": "asked", "people": 1, "answers": 0}


def test_a_place_at_a_coming_event_goes_to_the_next_and_the_erased_hear_nothing():
    event = EventFactory(capacity_in_person=1)
    comes, waits = verified(event, 1), verified(event, 2)
    erasure.erase([comes], reason=ASKED)
    comes.refresh_from_db()
    waits.refresh_from_db()
    assert (comes.status, comes.seat) == ("cancelled", None)
    assert waits.status == "offered"
    assert not Message.objects.filter(key=f"registration/{comes.pk}/cancelled").exists()
    assert {m.state for m in Message.objects.filter(recipient="")} == {State.STOPPED}


def test_no_mail_leaves_after_erasure_whatever_happens_to_the_event(smtp_server):
    event = EventFactory(capacity_in_person=3)
    gone = verified(event, 1)
    with time_machine.travel(event.ends_at + timedelta(days=1), tick=False):
        erasure.erase([gone], reason=ASKED)
        event.starts_at += timedelta(days=60)
        event.ends_at += timedelta(days=60)
        lifecycle.apply_changes(event, by=None)
        settle()
        lifecycle.cancel(event, by=None)
        settle()
        delivery.deliver_due()
    assert smtp_server.envelopes == []
    gone.refresh_from_db()
    assert gone.status == "confirmed"


def test_emptied_messages_keep_their_key_and_cannot_be_sent_again():
    registration = registered(EventFactory(), 1)
    message = Message.objects.get()
    key, written_at = message.key, message.created_at
    erasure.erase([registration], reason=ASKED)
    message.refresh_from_db()
    assert (message.key, message.created_at) == (key, written_at)
    assert (message.recipient, message.subject, message.text, message.html) == ("", "", "", "")
    assert not control.retry(message)
    assert not deliver(message.pk)


def test_a_message_on_its_way_is_not_taken_up_again():
    registration = registered(EventFactory(), 1)
    Message.objects.update(state=State.SENDING, claimed_at=timezone.now())
    erasure.erase([registration], reason=ASKED)
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        assert delivery.deliver_due() == 0
    assert Message.objects.get().state == State.STOPPED


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The private storage, in a folder of the test's own."""
    storage = private_storage()
    monkeypatch.setattr(storage, "location", str(tmp_path))
    return storage


def stored_files(storage):
    return set(storage.listdir("answers")[1])


def sends(registration, question, words=b"%PDF"):
    """Answer with a file; return its name."""
    sent = Given(question, "cv.pdf", file=ContentFile(words, "cv.pdf"))
    with transaction.atomic():
        answers.store(registration, [sent])
    return registration.answers.get(question=question).file.name


def age(storage, name, hours):
    at = (timezone.now() - timedelta(hours=hours)).timestamp()
    os.utime(storage.path(name), (at, at))


def test_answers_go_with_their_files(django_capture_on_commit_callbacks):
    event = EventFactory()
    question = QuestionFactory(event=event, kind="file")
    registration = verified(event, 1)
    answers.store(registration, [Given(question, "cv.pdf", file=ContentFile(b"%PDF", "cv.pdf"))])
    file = Answer.objects.get().file
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase([registration], reason=ASKED)
        assert file.storage.exists(file.name)
    assert not file.storage.exists(file.name)
    assert Answer.objects.count() == 0
    assert Erasure.objects.get().answers == 1


def test_a_file_that_is_replaced_goes_once_the_new_one_stands(
    files, django_capture_on_commit_callbacks
):
    question = QuestionFactory(kind="file")
    registration = verified(question.event, 1)
    old = sends(registration, question)
    with django_capture_on_commit_callbacks(execute=True):
        new = sends(registration, question, b"%PDF-2")
        assert files.exists(old)
    assert (files.exists(old), files.exists(new)) == (False, True)
    with django_capture_on_commit_callbacks(execute=True):
        answers.store(registration, [Given(question, None)])
        assert files.exists(new)
    assert not files.exists(new)


def test_files_that_no_answer_names_go_after_a_day(files):
    question = QuestionFactory(kind="file")
    named = sends(verified(question.event, 1), question)
    stray, young = (files.save(f"answers/{name}.pdf", ContentFile(b"x")) for name in "ab")
    age(files, named, 25)
    age(files, stray, 25)
    age(files, young, 23)
    tasks.erase_due()
    assert {f"answers/{name}" for name in stored_files(files)} == {named, young}


def test_a_file_that_cannot_be_deleted_stops_nobody(
    files, monkeypatch, django_capture_on_commit_callbacks
):
    def refuse(name):
        tried.append(name)
        raise PermissionError(name)

    tried = []
    event = held_past_event(20)
    question = QuestionFactory(event=event, kind="file", special="diet")
    for n in (1, 2):
        sent = Given(question, "a.pdf", file=ContentFile(b"x", "a.pdf"), consents=True)
        answers.store(was_at(event, n), [sent])
    for name in "ab":
        age(files, files.save(f"answers/{name}.pdf", ContentFile(b"x")), 25)
    UsedLink.objects.create(digest="1", used_at=timezone.now() - timedelta(days=2))
    monkeypatch.setattr(files, "delete", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.erase_due()
    assert len(tried) == 4
    assert (Answer.objects.count(), UsedLink.objects.count()) == (0, 0)


def test_who_named_a_substitute_or_a_colleague_is_named_in_no_mail_after_erasure():
    event = EventFactory()
    terms(event)
    said = person(1, given_name="Ελένη")
    first = colleagues.register(
        event, person=said, mode="in-person", colleagues={1: person(2), 2: person(3)}
    )
    seats.verify(first)
    first.refresh_from_db()
    swaps.name_substitute(first, person=person(4))
    Message.objects.filter(recipient="person2@example.org").update(
        state=State.SENT, sent_at=timezone.now()
    )
    assert (
        Message.objects.filter(text__contains="Ελένη")
        .exclude(recipient="person1@example.org")
        .count()
        == 3
    )
    erasure.erase([first], reason=ASKED)
    assert "Ελένη" not in everything_said()
    assert not Message.objects.filter(state=State.WAITING, text="").exists()


def test_a_substitute_is_named_in_no_mail_after_erasure():
    event = EventFactory()
    first = verified(event, 1)
    comes = swaps.name_substitute(first, person=person(2, given_name="Ελένη"))
    seats.verify(comes)
    comes.refresh_from_db()
    assert Message.objects.filter(recipient="person1@example.org", text__contains="Ελένη").exists()
    erasure.erase([comes], reason=ASKED)
    assert "Ελένη" not in everything_said()
    assert Message.objects.get(key=f"registration/{first.pk}/replaced").state == State.STOPPED


def test_a_substitute_who_never_came_takes_no_mail_of_another_along():
    event = EventFactory()
    first = verified(event, 1)
    silent = swaps.name_substitute(first, person=person(2))
    seats.verify(swaps.name_substitute(first, person=person(3)))
    erasure.erase([silent], reason=ASKED)
    assert Message.objects.get(key=f"registration/{first.pk}/replaced").state == State.WAITING


def test_an_address_leaves_unproved_changes_and_lists_to_import():
    event, other = EventFactory(), EventFactory()
    here, there = verified(event, 1), verified(other, 2)
    Registration.objects.filter(pk__in=[here.pk, there.pk]).update(pending_email="Eve@example.org")
    rows = [{"line": 2, "email": "EVE@example.org"}, {"line": 3, "email": "bo@example.org"}]
    for one in (event, other):
        PendingImport.objects.create(event=one, uploaded_by=UserFactory(), rows=rows)
    erasure.erase([verified(event, 3, email="eve@example.org")], reason=ASKED)
    pending = Registration.objects.in_bulk([here.pk, there.pk])
    assert pending[here.pk].pending_email == ""
    assert pending[there.pk].pending_email == "Eve@example.org"
    assert event.pending_imports.get().rows == rows[1:]
    assert other.pending_imports.get().rows == rows
    erasure.erase_address("eve@example.org")
    there.refresh_from_db()
    assert there.pending_email == ""
    assert other.pending_imports.get().rows == rows[1:]


def test_a_postponed_event_is_not_over_by_its_old_date():
    event = EventFactory(capacity_in_person=2)
    diet = QuestionFactory(event=event, special="diet")
    comes, stays = verified(event, 1), verified(event, 2)
    answers.store(stays, [Given(diet, "vegan", consents=True)])
    lifecycle.postpone(event, by=None)
    with time_machine.travel(event.ends_at + timedelta(days=1000), tick=False):
        tasks.erase_due()
        stays.refresh_from_db()
        assert (stays.erased_at, stays.answers.count()) == (None, 1)
        erasure.erase([comes], reason=ASKED)
        comes.refresh_from_db()
        assert (comes.status, comes.seat) == ("cancelled", None)


def test_an_address_is_erased_everywhere_in_any_case_of_its_letters():
    first, second = EventFactory(), EventFactory()
    verified(first, 1, email="Ana@Example.org")
    verified(second, 1, email="ana@example.org")
    other = verified(second, 2)
    InvitationFactory(event=first, email="ANA@example.org")
    OpeningNotice.objects.create(event=second, email="ana@example.ORG")
    PersonalFeed.objects.create(email="ana@example.org")
    assert erasure.erase_address("ana@example.org") == 2
    assert "ana@example.org" not in everything_said().lower()
    assert Erasure.objects.count() == 2
    other.refresh_from_db()
    assert other.email == "person2@example.org"
    assert Message.objects.filter(recipient="person2@example.org", state="waiting").exists()


def test_one_event_can_be_erased_and_the_others_stay():
    here, there = verified(EventFactory(), 1), verified(EventFactory(), 1)
    PersonalFeed.objects.create(email="person1@example.org")
    erasure.erase([here], reason=ASKED)
    there.refresh_from_db()
    assert there.email == "person1@example.org"
    assert PersonalFeed.objects.count() == 1
    assert Message.objects.filter(
        key__startswith=f"registration/{there.pk}/", recipient="person1@example.org"
    ).exists()
    erasure.erase([there], reason=ASKED)
    assert PersonalFeed.objects.count() == 0


def test_erasing_an_older_registration_leaves_the_present_one_of_the_address_alone():
    event = EventFactory(entry="invitation")
    invitation = InvitationFactory(event=event, email="person1@example.org")
    old = seats.register(event, person=person(1), mode="in-person", invitation=invitation)
    seats.cancel(old)
    new = seats.register(event, person=person(1), mode="in-person", invitation=invitation)
    others = InvitationFactory(event=event)
    other = seats.register(event, person=person(2), mode="in-person", invitation=others)
    swaps.ask_new_address(other, email="person1@example.org")
    of_the_old = Message.objects.get(key=f"registration/{old.pk}/cancelled")
    erasure.erase([old], reason=ASKED)

    confirmation = Message.objects.get(key=f"registration/{new.pk}/confirmed")
    assert (confirmation.state, confirmation.recipient) == (State.WAITING, "person1@example.org")
    assert "DTSTART" in confirmation.calendar
    of_the_old.refresh_from_db()
    assert (of_the_old.state, of_the_old.recipient) == (State.STOPPED, "")
    before = invitation.link_key
    invitation.refresh_from_db()
    assert (invitation.email, invitation.link_key) == ("person1@example.org", before)
    other.refresh_from_db()
    assert other.pending_email == "person1@example.org"

    new.refresh_from_db()
    erasure.erase([new], reason=ASKED)
    assert "person1@example.org" not in everything_said()


def test_an_invitation_that_a_substitute_came_in_by_stays_without_a_name():
    event = EventFactory()
    invitation = InvitationFactory(event=event, name="Ana Müller", email="person1@example.org")
    first = seats.register(event, person=person(1), mode="in-person", invitation=invitation)
    second = seats.verify(swaps.name_substitute(first, person=person(2)))
    first.refresh_from_db()
    erasure.erase([first], reason=ASKED)
    second.refresh_from_db()
    assert second.invitation == invitation
    invitation.refresh_from_db()
    assert (invitation.name, invitation.email.partition("@")[2]) == ("", "erased.invalid")


def test_erasing_twice_does_nothing_more():
    registration = verified(EventFactory(), 1)
    assert erasure.erase([registration], reason=ASKED) == 1
    registration.refresh_from_db()
    once = registration.erased_at
    assert erasure.erase([registration], reason=ASKED) == 0
    registration.refresh_from_db()
    assert registration.erased_at == once
    assert Erasure.objects.count() == 1


def test_the_organisation_leaves_the_names_of_shares():
    event = held_past_event(1)
    terms(event, most_per_organisation=2)
    registration = was_at(event, 1)
    assert registration.allotments.filter(share__contains="probation").exists()
    erasure.erase([registration], reason=ASKED)
    assert not registration.allotments.exists()


def test_special_answers_go_fourteen_days_after_the_event_and_others_stay():
    recent, older = held_past_event(13), held_past_event(14)
    for event in (recent, older):
        diet = QuestionFactory(event=event, special="diet")
        plain = QuestionFactory(event=event)
        answers.store(
            was_at(event, 1), [Given(diet, "vegan", consents=True), Given(plain, "by train")]
        )
    now = timezone.now()
    assert erasure.erase_special(now) == 1
    assert erasure.erase_special(now) == 0
    left = Answer.objects.order_by("pk").values_list("registration__event", "value")
    assert list(left) == [
        (recent.pk, "vegan"),
        (recent.pk, "by train"),
        (older.pk, "by train"),
    ]
    [row] = Erasure.objects.values("event_id", "reason", "people", "answers")
    assert row == {"event_id": older.pk, "reason": "special", "people": 1, "answers": 1}


def test_people_go_once_the_leading_organiser_keeps_them_no_longer():
    brief = OrganisationFactory(retention_months=6)
    ended = timezone.now() - timedelta(days=200)
    over = EventFactory(starts_at=ended - timedelta(hours=8), ends_at=ended, organiser=brief)
    kept = EventFactory(starts_at=ended - timedelta(hours=8), ends_at=ended)
    EventOrganisation.objects.create(
        event=kept, organisation=brief, role="co-organiser", position=1
    )
    InvitationFactory(event=over, email="silent@example.org")
    gone, stays = was_at(over, 1), was_at(kept, 2)
    before = figures.count(over)
    assert erasure.erase_overdue(timezone.now()) == 1
    gone.refresh_from_db()
    stays.refresh_from_db()
    assert gone.erased_at is not None
    assert stays.erased_at is None
    assert figures.count(over) == before
    assert Invitation.objects.count() == 0
    assert Erasure.objects.get().reason == "retention"
    assert erasure.erase_overdue(timezone.now()) == 0
    assert Erasure.objects.count() == 1


def test_the_daily_job_forgets_leftovers_and_runs_twice_without_harm():
    event = EventFactory()
    now = timezone.now()
    for age in (2, 25):
        at = now - timedelta(hours=age)
        UsedLink.objects.create(digest=f"{age}", used_at=at)
        PendingImport.objects.create(
            event=event, uploaded_by=UserFactory(), uploaded_at=at, rows=[]
        )
    tasks.erase_due()
    tasks.erase_due()
    assert [link.digest for link in UsedLink.objects.all()] == ["2"]
    assert PendingImport.objects.count() == 1


@pytest.mark.parametrize(
    ("moment", "months", "earlier"),
    [
        ("2027-03-31T10:00+00:00", 1, "2027-02-28T10:00+00:00"),
        ("2028-03-31T10:00+00:00", 1, "2028-02-29T10:00+00:00"),
        ("2027-01-15T10:00+00:00", 24, "2025-01-15T10:00+00:00"),
        ("2027-12-31T10:00+00:00", 12, "2026-12-31T10:00+00:00"),
        ("2027-06-15T10:00+00:00", 18, "2025-12-15T10:00+00:00"),
    ],
)
def test_months_are_those_of_the_calendar(moment, months, earlier):
    at = timezone.datetime.fromisoformat
    assert erasure._months_before(at(moment), months) == at(earlier)


def test_what_came_back_from_an_address_and_what_it_left_is_forgotten_with_it():
    for address in ("person1@example.org", "person2@example.org"):
        returns.note_bounce(address, is_hard=True, reason="550 5.1.1", message=None)
        lists.leave(address, "event/1")
    erasure.erase_address("PERSON1@example.org")
    for table in (Suppression, Unsubscription):
        assert list(table.objects.values_list("address", flat=True)) == ["person2@example.org"]
