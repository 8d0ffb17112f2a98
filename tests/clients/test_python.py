"""What the Python readers of calendars see: icalendar, recurring-ical-events with x-wr-timezone, vobject."""

from dataclasses import replace
from datetime import date
from urllib.request import urlopen

import pytest
import recurring_ical_events
import vobject
import x_wr_timezone
from icalendar import Calendar

from events.models import Event
from registrations import links, own_calendar
from tests.clients import life
from tests.factories import verified

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("clients")]


def by_icalendar(content):
    return [_said(entry) for entry in Calendar.from_ical(content).events]


def by_recurring_ical_events(content):
    calendar = x_wr_timezone.to_standard(Calendar.from_ical(content))
    found = recurring_ical_events.of(calendar).between(date(2026, 1, 1), date(2028, 12, 31))
    return [_said(entry) for entry in found]


def by_vobject(content):
    calendar = vobject.readOne(content.decode())
    return [
        {
            "uid": entry.uid.value,
            "title": entry.summary.value,
            "starts": entry.dtstart.value,
            "ends": entry.dtend.value,
            "status": entry.status.value,
            "sequence": int(entry.sequence.value),
            "description": entry.description.value,
        }
        for entry in calendar.contents.get("vevent", [])
    ]


READERS = {
    "icalendar": by_icalendar,
    "recurring-ical-events": by_recurring_ical_events,
    "vobject": by_vobject,
}


@pytest.fixture
def read(site):
    """Reads the calendar at a path as each of the readers does."""

    def ask(path):
        with urlopen(site.here(path)) as answer:
            content = answer.read()
        return {name: reader(content) for name, reader in READERS.items()}

    return ask


def _said(entry):
    return {
        "uid": str(entry["UID"]),
        "title": str(entry["SUMMARY"]),
        "starts": entry["DTSTART"].dt,
        "ends": entry["DTEND"].dt,
        "status": str(entry["STATUS"]),
        "sequence": int(entry["SEQUENCE"]),
        "description": str(entry["DESCRIPTION"]),
    }


def entries(seen):
    """The entries that each reader told, without their descriptions."""
    return {name: life.in_order([life.told(one) for one in told]) for name, told in seen.items()}


def by_each(step):
    return dict.fromkeys(READERS, life.in_order(step))


def test_python_follows_the_life_of_an_event(read):
    event, others = life.course(), life.neighbours()
    assert entries(read("/calendar/all.ics")) == by_each(others)

    for step in life.live(event):
        assert entries(read("/calendar/all.ics")) == by_each([*others, step])
        assert entries(read("/events/course/calendar.ics")) == by_each([step])


def test_python_gives_odd_words_back(read):
    life.odd_words()

    seen = read("/events/odd/calendar.ics")

    assert {name: (told[0]["title"], told[0]["description"]) for name, told in seen.items()} == (
        dict.fromkeys(READERS, (life.TITLE, life.odd_text()))
    )


def test_python_follows_somebodys_own_calendar(read):
    event = life.course()
    steps = life.live(event)
    first = next(steps)
    person = verified(Event.objects.get(pk=event.pk))
    address = links.feed_link(own_calendar.renew(person.email))

    assert entries(read(address)) == by_each([first])
    for step in steps:
        assert entries(read(address)) == by_each([step])


def test_python_sees_an_entry_for_each_session_on_request(read):
    uids = set()

    for step in life.live_by_session(life.several_days()):
        for path in ("/events/several/calendar.ics?sessions=1", "/calendar/all.ics?sessions=1"):
            for seen in entries(read(path)).values():
                uids |= {one.uid for one in seen}
                assert [replace(one, uid="") for one in seen] == step

    assert len(uids) == 3
