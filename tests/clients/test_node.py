"""What the JavaScript readers of calendars see: ical.js, which is in Thunderbird, and node-ical."""

import json
from dataclasses import replace
from itertools import chain

import pytest

from events.models import Event
from registrations import links, own_calendar
from tests.clients import life
from tests.factories import verified

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("clients")]

SCRIPTS = ("ical_js.mjs", "node_ical.mjs")


@pytest.fixture
def read(node, site):
    """Reads the calendars at some paths as each of the readers does, somewhere in the world."""

    def ask(*paths, timezone="UTC"):
        addresses = [site.here(path) for path in paths]
        return {name: json.loads(node(name, *addresses, timezone=timezone)) for name in SCRIPTS}

    return ask


def entries(seen):
    """The entries that each reader told of each calendar, without their descriptions."""
    return {
        name: [life.in_order([life.told(one) for one in calendar]) for calendar in told]
        for name, told in seen.items()
    }


def by_each(*calendars):
    return {name: [life.in_order(entries) for entries in calendars] for name in SCRIPTS}


def test_javascript_follows_the_life_of_an_event(read):
    event, others = life.course(), life.neighbours()
    assert entries(read("/calendar/all.ics")) == by_each(others)

    for step in life.live(event):
        seen = entries(read("/calendar/all.ics", "/events/course/calendar.ics"))
        assert seen == by_each([*others, step], [step])


def test_javascript_sees_the_same_instants_wherever_it_runs(read):
    others = life.neighbours()

    for timezone in ("America/Los_Angeles", "Asia/Tokyo"):
        assert entries(read("/calendar/all.ics", timezone=timezone)) == by_each(others)


def test_javascript_gives_odd_words_back(read):
    life.odd_words()

    seen = read("/events/odd/calendar.ics")

    told = {name: (one["title"], one["description"]) for name, [[one]] in seen.items()}
    assert told == {
        "ical_js.mjs": (life.TITLE, life.odd_text()),
        # node-ical 0.26.1 takes an escaped backslash before an n for a line break (RFC 5545 3.3.11 says otherwise).
        "node_ical.mjs": (life.TITLE, life.odd_text().replace("\\n", "\\\n")),
    }


def test_javascript_follows_somebodys_own_calendar(read):
    event = life.course()
    steps = life.live(event)
    first = next(steps)
    person = verified(Event.objects.get(pk=event.pk))
    address = links.feed_link(own_calendar.renew(person.email))

    for step in chain([first], steps):
        assert entries(read(address)) == by_each([step])


def test_javascript_sees_an_entry_for_each_session_on_request(read):
    uids = set()

    for step in life.live_by_session(life.several_days()):
        seen = entries(
            read("/events/several/calendar.ics?sessions=1", "/calendar/all.ics?sessions=1")
        )
        for calendar in chain(*seen.values()):
            uids |= {one.uid for one in calendar}
            assert [replace(one, uid="") for one in calendar] == step

    assert len(uids) == 3
