"""What the Python readers of calendars see: icalendar, recurring-ical-events with x-wr-timezone, vobject."""

from datetime import UTC, date, datetime
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


@pytest.fixture(params=[by_icalendar, by_recurring_ical_events, by_vobject])
def read(request, site):
    """Reads the calendar at a path as one of the readers does."""

    def ask(path):
        with urlopen(site.here(path)) as answer:
            return request.param(answer.read())

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
    found = []
    for one in seen:
        moments = {
            name: one[name].astimezone(UTC) if isinstance(one[name], datetime) else one[name]
            for name in ("starts", "ends")
        }
        facts = {name: value for name, value in one.items() if name != "description"}
        found.append(life.Entry(**facts | moments))
    return life.in_order(found)


def test_python_follows_the_life_of_an_event(read):
    event, others = life.course(), life.neighbours()
    assert entries(read("/calendar/all.ics")) == life.in_order(others)

    for step in life.live(event):
        assert entries(read("/calendar/all.ics")) == life.in_order([*others, step])
        assert entries(read("/events/course/calendar.ics")) == [step]


def test_python_gives_odd_words_back(read):
    life.odd_words()

    [seen] = read("/events/odd/calendar.ics")

    assert seen["title"] == life.TITLE
    assert seen["description"] == life.odd_text()


def test_python_follows_somebodys_own_calendar(read):
    event = life.course()
    steps = life.live(event)
    first = next(steps)
    person = verified(Event.objects.get(pk=event.pk))
    address = links.feed_link(own_calendar.renew(person.email))

    assert entries(read(address)) == [first]
    for step in steps:
        assert entries(read(address)) == [step]
