"""A CalDAV server keeps the entry that our mails and files bring, as programs store it: one, under one UID."""

from datetime import UTC, datetime
from itertools import chain
from urllib.request import urlopen

import caldav
import pytest

from events.models import Event
from outbox.models import Message
from registrations import seats
from registrations.models import Status
from tests.clients import life
from tests.factories import verified
from tests.telling import settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("clients")]

JUNE = {"start": datetime(2027, 6, 1, tzinfo=UTC), "end": datetime(2027, 7, 1, tzinfo=UTC)}


@pytest.fixture
def calendar(radicale):
    """An empty calendar on the server."""
    with caldav.DAVClient(
        radicale, username="ana", password="", enable_rfc6764=False, require_tls=False
    ) as client:
        yield client.principal().make_calendar(name="Work")


def store(calendar, content):
    """Put an entry where its UID says, without the METHOD of the mail, as programs do (RFC 4791 4.1)."""
    lines = content.split("\r\n")
    bare = "\r\n".join(line for line in lines if not line.startswith("METHOD:"))
    # Left to itself caldav would count SEQUENCE on.
    caldav.Event(parent=calendar, data=bare).save(increase_seqno=False)


def kept(calendar):
    """The entries of June as a search for single times gives them, and how many objects there are."""
    found = []
    for entry in calendar.search(event=True, expand=True, **JUNE):
        [event] = entry.icalendar_instance.events
        starts, ends = (event[edge].dt.astimezone(UTC) for edge in ("DTSTART", "DTEND"))
        found.append(
            life.Entry(
                title=str(event["SUMMARY"]),
                starts=starts,
                ends=ends,
                status=str(event["STATUS"]),
                sequence=event["SEQUENCE"],
                uid=str(event["UID"]),
            )
        )
    return found, len(calendar.get_events())


def test_caldav_keeps_one_entry_of_a_file_that_is_saved_again(site, calendar):
    for step in life.live(life.course()):
        with urlopen(site.here("/events/course/calendar.ics")) as answer:
            store(calendar, answer.read().decode())

        assert kept(calendar) == ([step], 1)


def calendar_mails():
    """The mails that carry an entry, as they were written."""
    return Message.objects.exclude(calendar="").order_by("pk")


def test_caldav_keeps_one_entry_of_the_mails_of_an_event(site, calendar):
    event = life.course()
    methods = []
    steps = life.live(event)
    first = next(steps)
    verified(Event.objects.get(pk=event.pk))

    for step in chain([first], steps):
        settle()
        new = calendar_mails()[len(methods) :]
        methods += [mail.calendar_method for mail in new]
        for mail in new:
            store(calendar, mail.calendar)
        if new:  # another title alone is not mailed: the next mail brings it
            assert kept(calendar) == ([step], 1)

    assert methods == ["REQUEST"] * 5 + ["CANCEL"]
    assert kept(calendar) == ([step], 1)


def test_caldav_keeps_one_entry_of_somebody_who_withdraws_and_comes_back(site, calendar):
    event = life.course()
    announced = next(life.live(event))
    event = Event.objects.get(pk=event.pk)
    states, sequences = [], []

    for number in range(4):
        if number % 2:
            seats.cancel(event.registrations.get(status=Status.CONFIRMED))
        else:
            verified(event)
        store(calendar, calendar_mails().last().calendar)
        [entry], objects = kept(calendar)
        assert (entry.uid, entry.starts, objects) == (announced.uid, announced.starts, 1)
        states.append(entry.status)
        sequences.append(entry.sequence)

    assert states == ["CONFIRMED", "CANCELLED"] * 2
    assert sequences == sorted(set(sequences))
