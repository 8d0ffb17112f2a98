"""What the JavaScript readers of calendars see: ical.js, which is in Thunderbird, and node-ical."""

import json

import pytest

from events.models import Event
from registrations import links, own_calendar
from tests.clients import life
from tests.factories import verified

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("clients")]


#: node-ical 0.26.1 takes an escaped backslash before an n for a line break (RFC 5545 3.3.11 says otherwise).
MISREADS = {
    "ical_js.mjs": lambda text: text,
    "node_ical.mjs": lambda text: text.replace("\\n", "\\\n"),
}


@pytest.fixture(params=MISREADS)
def read(request, node, site):
    """Reads the calendar at a path as one of the readers does, somewhere in the world."""

    def ask(path, *, timezone="UTC"):
        return json.loads(node(request.param, site.here(path), timezone=timezone))

    ask.script = request.param
    return ask


def entries(seen):
    return life.in_order(
        [life.told({k: v for k, v in one.items() if k != "description"}) for one in seen]
    )


def test_javascript_follows_the_life_of_an_event(read):
    event, others = life.course(), life.neighbours()
    assert entries(read("/calendar/all.ics")) == life.in_order(others)

    for step in life.live(event):
        assert entries(read("/calendar/all.ics")) == life.in_order([*others, step])
        assert entries(read("/events/course/calendar.ics")) == [step]


@pytest.mark.parametrize("timezone", ["America/Los_Angeles", "Asia/Tokyo"])
def test_javascript_sees_the_same_instants_wherever_it_runs(read, timezone):
    others = life.neighbours()

    assert entries(read("/calendar/all.ics", timezone=timezone)) == life.in_order(others)


def test_javascript_gives_odd_words_back(read):
    life.odd_words()

    [seen] = read("/events/odd/calendar.ics")

    assert seen["title"] == life.TITLE
    assert seen["description"] == MISREADS[read.script](life.odd_text())


def test_javascript_follows_somebodys_own_calendar(read):
    event = life.course()
    steps = life.live(event)
    first = next(steps)
    person = verified(Event.objects.get(pk=event.pk))
    address = links.feed_link(own_calendar.renew(person.email))

    assert entries(read(address)) == [first]
    for step in steps:
        assert entries(read(address)) == [step]
