"""The desk's pages of rules for reminders: of an event, and of the network."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events import lifecycle
from outbox.models import Message
from registrations import attendance, reminders
from registrations.models import ReminderRule
from registrations.reminder_rules import name_of, rules_of
from tests.factories import EventFactory, UserFactory, enrolled

pytestmark = pytest.mark.django_db

#: Ten days before the event, in the summer of Madrid.
NOW = datetime(2027, 5, 25, 10, tzinfo=UTC)
START = datetime(2027, 6, 4, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def event(organisation):
    return EventFactory(
        organiser=organisation, starts_at=START, ends_at=START + timedelta(hours=8), hybrid=True
    )


@pytest.fixture
def administrator():
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    return client


@pytest.fixture
def at(desk, manager):
    """Goes to a moment, and signs in anew there: sessions end."""

    @contextmanager
    def go(moment):
        with time_machine.travel(moment, tick=False):
            desk.force_login(manager)
            yield

    return go


def page_of(event):
    return reverse("desk_reminders", args=[event.pk])


def said(**changes):
    """What the page sends for the day before at nine."""
    return {
        "when": "day-before", "number": "", "unit": "hours", "days": "1", "clock": "09:00", "at": "",
        "audience": "confirmed", **changes,
    }  # fmt: skip


def rows(page) -> list[tuple[str, str, str, str]]:
    return [(row.when, row.moment, row.to, row.state) for row in page.context["rows"]]


def errors(page):
    assert page.status_code == 422
    return {name: " ".join(lines) for name, lines in page.context["form"].errors.items()}


def names(event) -> list[str]:
    return [name_of(rule) for rule in rules_of(event)]


def test_each_rule_says_when_whom_and_how_many(desk, event):
    for n in (1, 2):
        enrolled(event, n)
    enrolled(event, 3, mode="online")
    everybody, online = "everybody with a place", "those who attend online"
    page = desk.get(page_of(event))
    assert rows(page) == [
        ("7 times 24 hours before the start", "Fri 28 May 2027, 09:00 (UTC+2)", everybody, "Goes to 3 people by now."),
        ("24 hours before the start", "Thu 3 June 2027, 09:00 (UTC+2)", everybody, "Goes to 3 people by now."),
        ("1 hour before the start", "Fri 4 June 2027, 08:00 (UTC+2)", online, "Goes to 1 person by now."),
    ]  # fmt: skip
    assert "goes by the network's rules" in page.text.replace("&#x27;", "'")


def test_the_page_tells_24_hours_before_from_the_day_before(desk, organisation):
    start = datetime(2027, 10, 31, 11, tzinfo=UTC)  # noon on the day on which the clocks go back
    event = EventFactory(organiser=organisation, starts_at=start)
    ReminderRule.objects.create(event=event, minutes=24 * 60)
    ReminderRule.objects.create(event=event, when="day-before", days=1, clock="12:00")
    assert [row[:2] for row in rows(desk.get(page_of(event)))] == [
        ("The day before at 12:00, by the event's clock", "Sat 30 October 2027, 12:00 (UTC+2)"),
        ("24 hours before the start", "Sat 30 October 2027, 13:00 (UTC+2)"),
    ]


def test_a_rule_is_added_and_the_others_become_the_events_own(desk, event):
    assert desk.post(page_of(event), said())["Location"] == page_of(event)
    assert names(event) == ["7d", "1d", "1h-online", "1days-before-09:00"]
    assert all(rule.event_id == event.pk for rule in rules_of(event))
    assert "rules of its own" in desk.get(page_of(event)).text


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"when": "before-start", "number": "3"}, "3h"),
        ({"when": "before-start", "number": "2", "unit": "days", "audience": "online"}, "2d-online"),
        ({"when": "after-end", "number": "0", "audience": "absent"}, "after-0m-absent"),
        ({"when": "at", "at": "2027-06-01T12:00"}, "at-2027-06-01T10:00:00Z"),
        ({"when": "at", "at": "2027-06-07T12:00", "audience": "present"}, "at-2027-06-07T10:00:00Z-present"),
    ],
)  # fmt: skip
def test_every_way_of_saying_when_is_stored(desk, event, changes, name):
    assert desk.post(page_of(event), said(**changes)).status_code == 302
    assert names(event)[-1] == name


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"when": ""}, "when", "Choose one of the ways"),
        ({"when": "before-start"}, "number", "Say how long, as in 2."),
        ({"when": "before-start", "number": "0"}, "number", "Write 1 or a higher number."),
        ({"when": "before-start", "number": "x"}, "number", "Write a whole number, as in 2."),
        ({"when": "before-start", "number": "-1"}, "number", "Write 0 or a higher number."),
        ({"when": "before-start", "number": "366", "unit": "days"}, "number", "at most 365 days"),
        ({"when": "after-end", "number": "61", "unit": "days"}, "number", "at most 60 days"),
        ({"days": ""}, "days", "Say how many days before"),
        ({"clock": ""}, "clock", "Say at what time"),
        ({"clock": "9 o'clock"}, "clock", "Write a time of day"),
        ({"audience": "present"}, "audience", "known only after the event"),
        ({"when": "before-start", "number": "1", "audience": "absent"}, "audience", "known only after"),
        ({"when": "at"}, "at", "Say on which day"),
        ({"when": "at", "at": "2027-06-04T12:00"}, "at", "The event is on then."),
        ({"when": "at", "at": "2027-10-01T12:00"}, "at", "at most 60 days after the end"),
        ({"when": "at", "at": "2026-01-01T12:00"}, "at", "at most 365 days before"),
        ({"when": "at", "at": "2027-03-28T02:30"}, "at", "does not exist"),
        ({"when": "at", "at": "2027-06-01T12:00", "audience": "present"}, "audience", "known only after"),
        ({"when": "before-start", "number": "24"}, "when", "There is a rule that says the same."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(desk, event, changes, field, words):
    assert words in errors(desk.post(page_of(event), said(**changes)))[field]
    assert names(event) == ["7d", "1d", "1h-online"]


def test_an_event_in_one_way_asks_for_no_way_of_attending(desk, organisation):
    event = EventFactory(organiser=organisation, starts_at=START)
    form = desk.get(page_of(event)).context["form"]
    assert [key for key, _label in form.fields["audience"].choices] == [
        "confirmed", "present", "absent",
    ]  # fmt: skip


def test_a_moment_in_the_past_is_taken_once_its_mails_are_agreed_to(desk, event, at):
    enrolled(event, 1)
    with at(START - timedelta(days=2)):
        sent = said(when="before-start", number="72")
        page = desk.post(page_of(event), sent)
        assert page.context["warnings"] == [
            "Its moment has passed (Tue 1 June 2027, 09:00 (UTC+2)), so 1 person gets the mail within minutes."
        ]
        assert names(event) == ["7d", "1d", "1h-online"]
        confirmed = " ".join(page.context["warnings"])
        assert desk.post(page_of(event), {**sent, "confirmed": confirmed}).status_code == 302
        assert "3d" in names(event)


def test_rules_are_switched_off_on_and_removed(desk, event):
    def press(what, name):
        return desk.post(reverse(f"desk_reminder_{what}", args=[event.pk, name]))

    assert press("off", "1d")["Location"] == page_of(event)
    assert rows(desk.get(page_of(event)))[1][3] == "Not in use."
    press("on", "1d")
    press("remove", "7d")
    assert [(name_of(rule), rule.is_on) for rule in rules_of(event)] == [
        ("1d", True), ("1h-online", True),
    ]  # fmt: skip
    press("remove", "1h-online")
    answer = press("remove", "1d")
    assert "last rule" in str(list(get_messages(answer.wsgi_request))[-1])
    assert names(event) == ["1d"]


def test_switching_on_what_goes_out_at_once_asks_first(desk, event, at):
    enrolled(event, 1)
    desk.post(reverse("desk_reminder_off", args=[event.pk, "7d"]))
    on = reverse("desk_reminder_on", args=[event.pk, "7d"])
    with at(START - timedelta(days=5)):
        assert f'href="{on}"' in desk.get(page_of(event)).text
        page = desk.get(on)
        assert "1 person gets the mail within minutes" in page.text
        assert not rules_of(event)[0].is_on
        desk.post(on)
    assert rules_of(event)[0].is_on
    assert desk.get(reverse("desk_reminder_on", args=[event.pk, "9d"])).status_code == 404


def test_switching_off_stops_what_still_waits(desk, event, at):
    enrolled(event, 1)
    moment = START - timedelta(days=7)
    reminders.post_due(moment)
    with at(moment):
        assert rows(desk.get(page_of(event)))[0][3] == "Written to 1 person."
        answer = desk.post(reverse("desk_reminder_off", args=[event.pk, "7d"]))
    assert [str(one) for one in get_messages(answer.wsgi_request)] == [
        "Saved. 1 mail that waited is stopped."
    ]
    assert not Message.objects.filter(key__contains="/reminder/").exists()
    with at(moment):
        desk.post(reverse("desk_reminder_on", args=[event.pk, "7d"]))
    assert reminders.post_due(moment) == 1


def test_going_back_to_the_networks_rules_asks(desk, event):
    drop = reverse("desk_reminders_drop", args=[event.pk])
    desk.post(page_of(event), said())
    page = desk.get(drop)
    assert page.context["warnings"] == [
        "The rules of this event are removed.",
        "These hold instead: 7 times 24 hours before the start, to everybody with a place;"
        " 24 hours before the start, to everybody with a place;"
        " 1 hour before the start, to those who attend online.",
    ]
    assert len(names(event)) == 4
    desk.post(drop)
    assert names(event) == ["7d", "1d", "1h-online"]
    assert not event.reminder_rules.exists()


def test_after_the_event_the_page_says_what_it_waits_for(desk, event, at):
    present = enrolled(event, 1)
    enrolled(event, 2)
    ReminderRule.objects.create(event=event, when="after-end", minutes=60)
    assert rows(desk.get(page_of(event)))[0][3] == "Goes out once it is recorded who was there."
    after = START + timedelta(hours=10)
    with at(after):
        assert rows(desk.get(page_of(event)))[0][3] == "Waits until it is recorded who was there."
        attendance.check_in(present, day=event.first_day, by=None)
        reminders.post_due(after)
        assert rows(desk.get(page_of(event)))[0][3] == "Written to 1 person."


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (lifecycle.postpone, "Nothing goes out while the event is not public, or is called off."),
        (lifecycle.cancel, "Nothing goes out while the event is not public, or is called off."),
    ],
)
def test_an_event_that_does_not_take_place_says_that_nothing_goes_out(desk, event, move, state):
    move(event, by=None)
    assert {row[3] for row in rows(desk.get(page_of(event)))} == {state}


def test_the_page_asks_as_often_for_many_rules_as_for_few(desk, event):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert desk.get(page_of(event)).status_code == 200
        return len(asked)

    ReminderRule.objects.create(event=event, minutes=60)
    queries()
    with_one = queries()
    for minutes in (120, 180):
        ReminderRule.objects.create(event=event, minutes=minutes)
    assert queries() == with_one


def test_administrators_change_the_rules_of_all_events(administrator, event):
    page, drop = reverse("desk_network_reminders"), reverse("desk_network_reminders_drop")
    assert [row.name for row in administrator.get(page).context["rows"]] == [
        "7d",
        "1d",
        "1h-online",
    ]
    assert administrator.post(page, said())["Location"] == page
    assert names(event)[-1] == "1days-before-09:00"
    administrator.post(reverse("desk_network_reminder_off", args=["7d"]))
    administrator.post(reverse("desk_network_reminder_remove", args=["1d"]))
    assert [(name_of(rule), rule.is_on) for rule in rules_of(event)] == [
        ("7d", False), ("1h-online", True), ("1days-before-09:00", True),
    ]  # fmt: skip
    administrator.post(reverse("desk_network_reminder_on", args=["7d"]))
    assert rules_of(event)[0].is_on
    assert "usual rules" in administrator.get(drop).text
    administrator.post(drop)
    assert names(event) == ["7d", "1d", "1h-online"]
    assert "at" not in administrator.get(page).context["form"].fields


def test_rules_of_the_network_ask_before_they_write_to_many_at_once(administrator, event, at):
    enrolled(event, 1)
    network = reverse("desk_network_reminders")
    on = reverse("desk_network_reminder_on", args=["7d"])
    administrator.post(reverse("desk_network_reminder_off", args=["7d"]))
    with at(START - timedelta(days=5)):
        administrator.force_login(get_user_model().objects.get(is_superuser=True))
        assert f'href="{on}"' in administrator.get(network).text
        assert "1 person gets a mail within minutes" in administrator.get(on).text
        assert not rules_of(event)[0].is_on
        drop = administrator.get(reverse("desk_network_reminders_drop"))
        assert "1 person gets a mail within minutes" in drop.text
        new = said(when="before-start", number="6", unit="days")
        asked = administrator.post(network, new)
        assert "1 person gets a mail within minutes" in asked.text
        assert "6d" not in names(event)
        administrator.post(network, new | {"confirmed": " ".join(asked.context["warnings"])})
        assert "6d" in names(event)


def test_the_page_is_a_tab_of_the_event(desk, event):
    assert ("Reminders", page_of(event)) in desk.get(page_of(event)).context["tabs"]


# -- Copy this event ------------------------------------------------------------------------------
def test_a_copy_is_asked_for_its_start_and_opens_in_the_editor(desk, event):
    copy = reverse("desk_event_copy", args=[event.pk])
    assert copy in desk.get(reverse("desk_event", args=[event.pk])).text
    answer = desk.post(copy, {"starts_at": "2027-12-03T09:00"})
    draft = type(event).objects.latest("pk")
    assert answer["Location"] == reverse("desk_event_edit", args=[draft.pk])
    assert draft.starts_at == datetime(2027, 12, 3, 8, tzinfo=UTC)
    assert desk.get(answer["Location"]).status_code == 200


def test_a_copy_of_whole_days_is_asked_for_its_first_day(desk, event):
    event.starts_at = datetime(2027, 6, 3, 22, tzinfo=UTC)
    event.ends_at, event.is_whole_day = event.starts_at + timedelta(days=1), True
    event.save()
    copy = reverse("desk_event_copy", args=[event.pk])
    assert list(desk.get(copy).context["form"].fields) == ["starts_on"]
    desk.post(copy, {"starts_on": "2027-12-03"})
    assert type(event).objects.latest("pk").starts_at == datetime(2027, 12, 2, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "Say when it starts."),
        ("soon", "Enter a day and a time"),
        ("0001-01-01T09:00", "Check the year."),
        ("2028-03-26T02:30", "does not exist"),
    ],
)
def test_a_copy_without_a_start_is_not_made(desk, event, value, words):
    page = desk.post(reverse("desk_event_copy", args=[event.pk]), {"starts_at": value})
    assert words in errors(page)["starts_at"]
    assert type(event).objects.count() == 1
