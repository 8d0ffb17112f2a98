"""Every rule of our list holds over a life: of files and feeds as fetched, of mails as a mail server takes them."""

from datetime import timedelta
from urllib.request import urlopen

import pytest

from events.models import Event
from outbox import delivery
from registrations import seats
from registrations.models import Status
from tests.clients import life
from tests.events.calendar_rules import broken
from tests.events.life_rules import broken_over
from tests.events.mail_rules import broken_mail
from tests.factories import verified
from tests.telling import settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("clients")]


def fetch(site, path):
    with urlopen(site.here(path)) as answer:
        return answer.read()


def test_rules_hold_for_every_file_and_feed_of_a_life(site, time_machine):
    event, _others = life.course(), life.neighbours()
    files, faults = [], []

    for _step in life.live(event):
        # Each change is stamped a second later than the last at least, so many in a row run ahead of the clock.
        time_machine.shift(timedelta(hours=1))
        files.append(fetch(site, "/events/course/calendar.ics"))
        faults += broken(files[-1]) + broken(fetch(site, "/calendar/all.ics"), channel="feed")

    assert faults == []
    assert broken_over(files) == []


def carried(mails):
    """The calendar files of mails, and the mails that carry one."""
    found = []
    for content, mail in zip(mails.taken, mails.messages, strict=True):
        for part in mail.iter_attachments():
            found.append((content, part.get_payload(decode=True)))
    return found


def test_rules_hold_for_every_mail_of_a_life(site, smtp_server, time_machine):
    event = life.course()
    for number, _step in enumerate(life.live(event)):
        if number == 0:
            person = verified(Event.objects.get(pk=event.pk))
        time_machine.shift(timedelta(hours=1))
        settle()
        delivery.deliver_due()

    faults = [
        fault
        for content, _calendar in carried(smtp_server)
        for fault in broken_mail(content, recipient=person.email)
    ]
    assert faults == []
    assert broken_over([calendar for _content, calendar in carried(smtp_server)]) == []
    assert len(carried(smtp_server)) == 6


def test_rules_hold_for_every_mail_to_somebody_who_withdraws_and_comes_back(
    site, smtp_server, time_machine
):
    event = life.course()
    next(life.live(event))
    event = Event.objects.get(pk=event.pk)
    for number in range(4):
        if number % 2:
            seats.cancel(event.registrations.get(status=Status.CONFIRMED))
        else:
            verified(event)
        time_machine.shift(timedelta(hours=1))
        delivery.deliver_due()

    faults = [
        fault
        for content, _calendar in carried(smtp_server)
        for fault in broken_mail(content, recipient="person1@example.org")
    ]
    assert faults == []
    assert broken_over([calendar for _content, calendar in carried(smtp_server)]) == []
    assert len(carried(smtp_server)) == 4
