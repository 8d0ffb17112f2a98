"""Each due reminder goes out once, never early, again for a moved event, and never for one that is called off."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import lifecycle
from events.models import Event, Mode
from outbox import control
from outbox.models import Lane, Message
from registrations import attendance, notices, reminder_rules, reminders, seats
from registrations.models import Registration, ReminderRule
from tests.factories import EventFactory, VenueFactory, enrolled, verified
from tests.threads import at_once

pytestmark = pytest.mark.django_db

START = datetime(2027, 6, 16, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
#: The events with their rules, those of the network; the people; and one chunk of them, with the words in one language.
QUERIES = 16


@pytest.fixture
def event():
    with time_machine.travel(START - timedelta(days=30), tick=False):
        event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8))
        verified(event, 1)
        return event


def due(moment: datetime) -> int:
    with time_machine.travel(moment, tick=False):
        return reminders.post_due(moment)


def keys() -> list[str]:
    return sorted(Message.objects.filter(key__contains="reminder").values_list("key", flat=True))


@pytest.mark.parametrize(("rule", "before"), [("7d", timedelta(days=7)), ("1d", timedelta(days=1))])
def test_a_reminder_is_posted_at_its_moment_and_not_a_second_before(event, rule, before):
    if rule == "1d":
        due(START - timedelta(days=7))
    posted = len(keys())
    assert due(START - before - timedelta(seconds=1)) == 0
    assert due(START - before) == 1
    assert due(START - before) == 0
    registration = event.registrations.get()
    assert len(keys()) == posted + 1
    assert f"registration/{registration.pk}/reminder/{rule}/2027-06-16T07:00Z" in keys()


def test_a_late_run_still_reminds_until_the_event_begins(event):
    assert due(START - timedelta(seconds=1)) == 2
    assert due(START) == 0


def test_whoever_was_confirmed_after_the_moment_is_not_reminded(event):
    with time_machine.travel(START - timedelta(days=3), tick=False):
        verified(event, 2)
    assert due(START - timedelta(days=3)) == 1
    assert due(START - timedelta(days=1)) == 2


def test_only_confirmed_people_are_reminded(event):
    with time_machine.travel(START - timedelta(days=29), tick=False):
        seats.cancel(event.registrations.get())
    assert due(START - timedelta(days=7)) == 0


@pytest.mark.parametrize("end", [lifecycle.cancel, lifecycle.postpone])
def test_an_event_that_does_not_take_place_reminds_nobody(event, end):
    with time_machine.travel(START - timedelta(days=20), tick=False):
        end(event, by=None)
    assert due(START - timedelta(days=7)) == 0


def test_a_moved_event_reminds_again_and_the_old_reminder_is_withdrawn(event):
    assert due(START - timedelta(days=7)) == 1
    with time_machine.travel(START - timedelta(days=6), tick=False):
        event.starts_at += timedelta(days=10)
        event.ends_at += timedelta(days=10)
        lifecycle.apply_changes(event, by=None)
    assert keys() == []
    assert due(START - timedelta(days=1)) == 0
    assert due(START + timedelta(days=3)) == 1


def saved(event, **fields) -> None:
    with time_machine.travel(START - timedelta(days=6), tick=False):
        for name, value in fields.items():
            setattr(event, name, value)
        lifecycle.apply_changes(event, by=None)


def test_a_reminder_that_waits_is_written_anew_with_the_facts_that_hold_now(event):
    assert due(START - timedelta(days=7)) == 1
    saved(event, venue=VenueFactory(name="Town Hall"))
    assert keys() == []
    assert due(START - timedelta(days=6)) == 1
    assert "Town Hall" in Message.objects.get(key__contains="reminder").text


def test_an_event_that_is_moved_and_moved_back_reminds(event):
    assert due(START - timedelta(days=7)) == 1
    end = event.ends_at
    saved(event, starts_at=START + timedelta(days=90), ends_at=end + timedelta(days=90))
    saved(event, starts_at=START, ends_at=end)
    assert due(START - timedelta(days=6)) == 1


def test_whoever_changes_the_address_is_reminded_there(event):
    assert due(START - timedelta(days=7)) == 1
    person = event.registrations.get()
    old, person.email = person.email, "new@example.org"
    person.save()
    notices.address_changed(person, old=old)
    assert due(START - timedelta(days=6)) == 1
    assert Message.objects.get(key__contains="reminder").recipient == "new@example.org"


def test_a_reminder_that_staff_stopped_or_that_was_sent_is_not_written_again(event):
    assert due(START - timedelta(days=7)) == 1
    assert control.stop(Message.objects.get(key__contains="reminder"))
    saved(event, venue=VenueFactory(name="Town Hall"))
    assert due(START - timedelta(days=6)) == 0
    Message.objects.filter(key__contains="reminder").update(state="sent", sent_at=START)
    saved(event, venue=VenueFactory(name="Old Hall"))
    assert due(START - timedelta(days=6)) == 0


def test_an_event_that_cannot_be_written_of_holds_up_no_other(event, caplog, monkeypatch):
    with time_machine.travel(START - timedelta(days=30), tick=False):
        broken = EventFactory(starts_at=START - SECOND, ends_at=START + timedelta(hours=8))
        verified(broken, 2)
    post_all = reminders.post_all

    def post(messages):
        if messages[0].topic == f"event/{broken.pk}":
            raise OSError("The table is broken.")
        return post_all(messages)

    monkeypatch.setattr(reminders, "post_all", post)
    assert due(START - timedelta(days=7)) == 1
    assert f"of event {broken.pk} cannot be written" in caplog.text


def test_a_day_is_twenty_four_hours_also_when_the_clocks_change():
    start = datetime(
        2027, 3, 28, 10, tzinfo=UTC
    )  # noon in Madrid, ten hours after the spring change
    with time_machine.travel(start - timedelta(days=30), tick=False):
        event = EventFactory(starts_at=start, ends_at=start + timedelta(hours=2))
        verified(event, 1)
    due(start - timedelta(days=7))
    assert due(start - timedelta(hours=24, seconds=1)) == 0
    assert due(start - timedelta(hours=24)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_remind_once():
    with time_machine.travel(START - timedelta(days=30), tick=False):
        event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8))
        for n in range(5):
            verified(event, n)
    moment = START - timedelta(days=7)
    results = at_once([lambda: reminders.post_due(moment)] * 2)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert len(keys()) == Registration.objects.count() == 5
    assert Event.objects.count() == 1


# -- By the rules of the event --------------------------------------------------------------------
def long_ago(event, number, **more) -> list[Registration]:
    """So many people who have had a place for months."""
    people = Registration.objects.bulk_create(
        Registration(
            **{
                "event": event,
                "mode": Mode.IN_PERSON,
                "seat": seat,
                "status": "confirmed",
                "confirmed_at": START - timedelta(days=90),
                "given_name": "Ana",
                "family_name": f"Müller {seat}",
                "email": f"early{seat}@example.org",
            }
            | more
        )
        for seat in range(1, number + 1)
    )
    return list(people)


def test_the_rules_of_the_event_say_when_and_whom(event):
    hybrid = EventFactory(hybrid=True, starts_at=START, ends_at=START + timedelta(hours=8))
    with time_machine.travel(START - timedelta(days=30), tick=False):
        there = verified(hybrid, 2)
        online = verified(hybrid, 3, mode=Mode.ONLINE)
    ReminderRule.objects.create(event=hybrid, minutes=120, audience="in-person")
    ReminderRule.objects.create(event=hybrid, minutes=60, audience="online")
    ReminderRule.objects.create(event=hybrid, minutes=180, is_on=False)
    ReminderRule.objects.create(event=event, minutes=60, is_on=False)
    assert due(START - timedelta(minutes=120)) == 1
    assert due(START - timedelta(minutes=60)) == 1
    assert due(START - SECOND) == 0
    assert keys() == [
        f"registration/{there.pk}/reminder/2h-in-person/2027-06-16T07:00Z",
        f"registration/{online.pk}/reminder/1h-online/2027-06-16T07:00Z",
    ]


def test_the_day_before_at_nine_by_the_clock_of_the_event(event):
    ReminderRule.objects.create(event=event, when="day-before", days=1, clock="09:00")
    nine_in_madrid = datetime(2027, 6, 15, 7, tzinfo=UTC)
    assert due(nine_in_madrid - SECOND) == 0
    assert due(nine_in_madrid) == 1


def test_the_network_reminds_where_the_event_has_no_rules(event):
    ReminderRule.objects.create(minutes=120)
    assert due(START - timedelta(days=1)) == 0
    assert due(START - timedelta(hours=2)) == 1


def test_making_the_rules_ones_own_repeats_nothing(event):
    assert due(START - timedelta(days=7)) == 1
    reminder_rules.add(event, ReminderRule(when="before-start", minutes=30))
    assert due(START - timedelta(days=7)) == 0
    reminder_rules.drop_own(event)
    assert due(START - timedelta(days=6)) == 0


def test_a_reminder_sent_by_an_earlier_version_is_not_sent_again(event):
    registration = event.registrations.get()
    for rule in ("7d", "1d"):
        Message.objects.create(
            key=f"registration/{registration.pk}/reminder/{rule}/2027-06-16T07:00Z",
            recipient="person1@example.org",
            subject="S",
            text="T",
        )
    assert due(START - timedelta(hours=1)) == 0


def test_reminders_go_first_and_say_what_they_were_written_with(event):
    due(START - timedelta(days=7))
    message = Message.objects.get(key__contains="/reminder/")
    assert (message.lane, message.batch) == (Lane.FAST, f"reminder/{event.pk}/7d")


def test_a_draft_reminds_nobody(event):
    Event.objects.filter(pk=event.pk).update(status="draft")
    assert due(START - timedelta(days=1)) == 0


def test_a_run_ends_in_time_and_the_next_goes_on(event, monkeypatch):
    monkeypatch.setattr(reminders, "CHUNK", 2)
    event.registrations.update(confirmed_at=START - timedelta(days=90))
    long_ago(EventFactory(starts_at=START, ends_at=START + timedelta(hours=8)), 5)
    moment = START - timedelta(days=7)
    assert reminders.post_due(moment, seconds=0) == 0
    assert due(moment) == 6
    assert due(moment) == 0


def test_a_run_after_one_that_died_in_the_middle_writes_to_the_others(event):
    with time_machine.travel(START - timedelta(days=30), tick=False):
        for n in range(2, 6):
            verified(event, n)
    moment = START - timedelta(days=7)
    [(found, rule)] = reminders.due_rules(moment)
    first_two = tuple(event.registrations.values_list("pk", flat=True)[:2])
    assert reminders._post_chunk(found, rule, first_two, moment) == 2
    assert due(moment) == 3
    assert len(keys()) == 5


def test_whoever_cancels_meanwhile_is_not_written_to(event):
    with time_machine.travel(START - timedelta(days=30), tick=False):
        verified(event, 2)
    moment = START - timedelta(days=7)
    [(found, rule)] = reminders.due_rules(moment)
    ids = tuple(event.registrations.values_list("pk", flat=True))
    with time_machine.travel(moment, tick=False):
        seats.cancel(event.registrations.first())
    assert reminders._post_chunk(found, rule, ids, moment) == 1


def test_a_person_who_cannot_be_written_to_holds_up_nobody(event, caplog):
    event.registrations.update(email="ana;ben@example.org")
    with time_machine.travel(START - timedelta(days=30), tick=False):
        verified(event, 2)
    assert due(START - timedelta(days=7)) == 1
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
    assert "example.org" not in caplog.records[0].getMessage()


@pytest.mark.parametrize("number", [3, 300])
def test_a_chunk_takes_as_many_queries_for_many_as_for_few(number, monkeypatch):
    monkeypatch.setattr(reminders, "CHUNK", 1000)
    long_ago(EventFactory(starts_at=START, ends_at=START + timedelta(hours=8)), number)
    with CaptureQueriesContext(connection) as queries:
        assert due(START - timedelta(days=7)) == number
    assert len(queries) == QUERIES


def test_an_event_that_is_moved_meanwhile_is_left_alone(event, monkeypatch):
    [(found, rule)] = reminders.due_rules(START - timedelta(days=7))
    with time_machine.travel(START - timedelta(days=7), tick=False):
        event.starts_at += timedelta(days=10)
        event.ends_at += timedelta(days=10)
        lifecycle.apply_changes(event, by=None)
    ids = tuple(event.registrations.values_list("pk", flat=True))
    assert reminders._post_chunk(found, rule, ids, START - timedelta(days=7)) is None


@pytest.mark.django_db(transaction=True)
def test_several_runs_at_once_write_each_chunk_once(monkeypatch):
    monkeypatch.setattr(reminders, "CHUNK", 7)
    event = EventFactory(starts_at=START, ends_at=START + timedelta(hours=8))
    long_ago(event, 60)
    moment = START - timedelta(days=7)
    results = at_once([lambda: reminders.post_due(moment)] * 3)
    assert sum(results) == len(keys()) == 60


# -- After the event ------------------------------------------------------------------------------
END = START + timedelta(hours=8)


@pytest.fixture
def over():
    """An event whose rule thanks an hour after the end, with three people in person and one online."""
    event = EventFactory(hybrid=True, starts_at=START, ends_at=END)
    with time_machine.travel(START - timedelta(days=30), tick=False):
        for n in range(1, 4):
            verified(event, n)
        verified(event, 4, mode=Mode.ONLINE)
    ReminderRule.objects.create(event=event, when="after-end", minutes=60)
    return event


def tick(event, registration, moment):
    with time_machine.travel(moment, tick=False):
        attendance.check_in(registration, day=event.first_day, by=None)


def told(event) -> dict[str, str]:
    """Who has which subject."""
    found = Message.objects.filter(batch=f"reminder/{event.pk}/after-1h")
    return {one.recipient: one.subject.removeprefix(f"{event.title}: ") for one in found}


THANKS, MISSED = "thank you for coming", "we missed you"


def test_those_present_are_thanked_and_those_absent_are_missed(over):
    first, second = over.registrations.filter(mode=Mode.IN_PERSON)[:2]
    tick(over, first, START)
    tick(over, second, START)
    assert due(END + timedelta(hours=1) - SECOND) == 0
    assert due(END + timedelta(hours=1)) == 3
    assert told(over) == {
        "person1@example.org": THANKS,
        "person2@example.org": THANKS,
        "person3@example.org": MISSED,
    }
    assert due(END + timedelta(days=14)) == 0
    assert set(Message.objects.filter(batch__contains="after").values_list("lane", flat=True)) == {
        Lane.SLOW
    }


def test_the_kit_holds_what_people_want_then(over):
    first = over.registrations.get(email="person1@example.org")
    tick(over, first, START)
    due(END + timedelta(hours=1))
    thanks = Message.objects.get(recipient=first.email, batch__contains="after")
    missed = Message.objects.get(recipient="person2@example.org", batch__contains="after")
    for part in (thanks.text, thanks.html):
        assert "certificate of attendance is on your page" in part
        assert f"/r/{first.reference}-" in part
        assert over.get_absolute_url() in part
        assert "contact@organiser.example" in part
    assert "certificate" not in missed.text
    assert over.get_absolute_url() in missed.text


def test_nobody_is_written_to_before_attendance_is_recorded(over):
    assert due(END + timedelta(days=2)) == 0
    tick(over, over.registrations.first(), END + timedelta(days=2))
    assert due(END + timedelta(days=2)) == 1
    assert told(over) == {"person1@example.org": THANKS}


def test_nobody_is_missed_while_the_list_is_being_ticked(over):
    ticking = END + timedelta(days=2)
    tick(over, over.registrations.first(), ticking)
    assert due(ticking + timedelta(hours=1) - SECOND) == 1
    assert due(ticking + timedelta(hours=1)) == 2


def test_those_online_are_missed_only_once_it_is_known_who_was(over):
    tick(over, over.registrations.get(email="person1@example.org"), START)
    due(END + timedelta(days=1))
    assert "person4@example.org" not in told(over)
    with time_machine.travel(START - timedelta(days=20), tick=False):
        other = verified(over, 5, mode=Mode.ONLINE)
    tick(over, other, END + timedelta(days=1))
    due(END + timedelta(days=2))
    assert told(over)["person4@example.org"] == MISSED
    assert told(over)["person5@example.org"] == THANKS


@pytest.mark.parametrize(
    ("audience", "recipients"),
    [
        ("present", ["person1@example.org", "person4@example.org"]),
        ("absent", ["person2@example.org", "person3@example.org"]),
        ("in-person", ["person1@example.org", "person2@example.org", "person3@example.org"]),
        ("online", ["person4@example.org"]),
    ],
)
def test_each_audience_is_written_to_alone(over, audience, recipients):
    over.reminder_rules.update(audience=audience)
    for n in (1, 4):
        tick(over, over.registrations.get(email=f"person{n}@example.org"), START)
    due(END + timedelta(hours=1))
    sent = Message.objects.filter(batch__contains="/after-").order_by("recipient")
    assert list(sent.values_list("recipient", flat=True)) == recipients


def test_whoever_was_added_after_the_event_is_thanked_but_never_missed(over):
    with time_machine.travel(END + timedelta(minutes=30), tick=False):
        walked_in = enrolled(over, 8)
        enrolled(over, 9)
    tick(over, walked_in, END + timedelta(minutes=30))
    due(END + timedelta(days=1))
    assert told(over)["person8@example.org"] == THANKS
    assert "person9@example.org" not in told(over)


def test_an_instant_after_the_end_writes_to_those_present_and_absent(over):
    tick(over, over.registrations.first(), START)
    moment = END + timedelta(days=3)
    over.reminder_rules.update(when="at", at=moment, minutes=None)
    assert due(moment - SECOND) == 0
    assert due(moment) == 3


def test_hours_put_right_in_the_record_thank_nobody_twice(over):
    tick(over, over.registrations.first(), START)
    assert due(END + timedelta(hours=3)) == 3
    with time_machine.travel(END + timedelta(hours=4), tick=False):
        over.starts_at += timedelta(minutes=30)
        over.ends_at += timedelta(minutes=30)
        lifecycle.apply_changes(over, by=None)
    assert due(END + timedelta(hours=5)) == 0


def test_nothing_follows_an_event_that_was_called_off(over):
    tick(over, over.registrations.first(), START)
    Event.objects.filter(pk=over.pk).update(status="cancelled")
    assert due(END + timedelta(hours=1)) == 0
