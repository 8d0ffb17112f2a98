"""Whoever runs the system hears of an illness once, past the outbox, from whichever process sees it first."""

import logging
import threading
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from events_site import alarms, watch
from events_site.environment import mailers
from events_site.illness import findings
from outbox import heartbeat
from outbox.models import Alarm, Heartbeat, Message, State
from tests import servers

pytestmark = pytest.mark.django_db(transaction=True)

ILL = findings.ill("worker", "No worker works.", "Start it.")
WELL = findings.well("worker", "A worker works.")
UNKNOWN = findings.unknown("worker", "Not known.")


@pytest.fixture(autouse=True)
def operator(settings):
    settings.OPERATOR_EMAIL = "operator@plenary.test"
    alarms._told_alone.clear()


def subjects(mailbox):
    return [str(message["Subject"]) for message in mailbox.messages]


def told_in(caplog):
    return [(r.levelname, r.message) for r in caplog.records if r.name == "events_site.alarms"]


def test_an_illness_and_its_end_are_told_once_in_the_log_and_by_mail(smtp_server, caplog):
    caplog.set_level(logging.INFO)
    now = timezone.now()
    for minute, finding in enumerate([ILL, ILL, UNKNOWN, ILL, WELL, WELL]):
        alarms.tell([finding], now + timedelta(minutes=minute))
    assert subjects(smtp_server) == [
        "Probation Network is ill: worker",
        "Probation Network is well again: worker",
    ]
    assert told_in(caplog) == [
        ("ERROR", "Ill: worker: No worker works. Start it."),
        ("WARNING", "Well again: worker: A worker works."),
    ]
    first = smtp_server.messages[0]
    assert "No worker works. Start it." in first.get_content()
    assert "http://events.plenary.test/desk/system/" in first.get_content()
    assert (first["To"], first["Auto-Submitted"]) == ("operator@plenary.test", "auto-generated")
    assert not Message.objects.exists()


def test_what_comes_and_goes_is_told_again_after_six_hours_only(smtp_server):
    now = timezone.now()
    for minutes in range(0, 360, 20):
        alarms.tell([ILL], now + timedelta(minutes=minutes))
        alarms.tell([WELL], now + timedelta(minutes=minutes + 10))
    assert len(subjects(smtp_server)) == 2
    alarms.tell([ILL], now + timedelta(hours=6))
    assert subjects(smtp_server)[2:] == ["Probation Network is ill: worker"]


def test_what_stays_ill_is_told_every_six_hours(smtp_server):
    now = timezone.now()
    for hour in range(13):
        alarms.tell([ILL], now + timedelta(hours=hour))
    assert len(subjects(smtp_server)) == 3


def test_processes_that_see_it_at_once_tell_it_once(smtp_server, caplog):
    now, start = timezone.now(), threading.Barrier(6)
    news = []

    def see():
        start.wait()
        news.append(alarms._record([ILL], now))
        connection.close()

    threads = [threading.Thread(target=see) for _n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(one.fallen) for one in news) == 1
    assert sum(len(one.owed) for one in news) == 1


def test_an_alarm_that_could_not_be_mailed_is_in_the_log_and_mailed_later(
    settings, smtp_server, caplog
):
    there = settings.MAILERS
    settings.MAILERS = mailers(f"smtp://127.0.0.1:{servers.free_port()}")
    now = timezone.now()
    alarms.tell([ILL], now)
    assert ("ERROR", "Ill: worker: No worker works. Start it.") in told_in(caplog)
    settings.MAILERS = there
    alarms.tell([ILL], now + timedelta(minutes=1))
    alarms.tell([ILL], now + timedelta(minutes=2))
    assert subjects(smtp_server) == ["Probation Network is ill: worker"]
    assert [level for level, _words in told_in(caplog)].count("ERROR") == 1


def test_no_mail_is_tried_while_the_mail_server_is_ill(smtp_server, caplog):
    now = timezone.now()
    away = findings.ill("mail", "The mail server is away.", "Start it.")
    alarms.tell([ILL, away], now)
    assert smtp_server.connections == 0
    assert [level for level, _words in told_in(caplog)] == ["ERROR", "ERROR"]
    alarms.tell([ILL, findings.well("mail", "It answers.")], now + timedelta(minutes=1))
    [letter] = smtp_server.messages
    assert letter["Subject"] == "Probation Network is ill: worker, mail"


def test_without_a_database_each_process_tells_it_once(smtp_server, monkeypatch):
    ours = connections.settings["default"]
    if ours["ENGINE"].endswith("sqlite3"):
        pytest.skip("SQLite is a file")
    gone = findings.ill("database", "The database does not answer.", "Start it.")
    now = timezone.now()
    with monkeypatch.context() as away:
        nowhere = ours | {"HOST": "127.0.0.1", "PORT": str(servers.free_port())}
        away.setitem(connections.settings, "default", nowhere)
        alarms.tell([gone, UNKNOWN], now)
        alarms.tell([gone, UNKNOWN], now + timedelta(minutes=1))
    assert subjects(smtp_server) == ["Probation Network is ill: database"]
    back = findings.well("database", "The database answers.")
    alarms.tell([back, WELL], now + timedelta(minutes=2))
    alarms.tell([back, WELL], now + timedelta(minutes=3))
    assert subjects(smtp_server)[1:] == ["Probation Network is well again: database"]


def test_without_an_address_the_log_has_it(settings, smtp_server, caplog):
    settings.OPERATOR_EMAIL = ""
    alarms.tell([ILL], timezone.now())
    assert smtp_server.connections == 0
    assert len(told_in(caplog)) == 1


def test_the_desk_shows_what_was_seen_lately():
    now = timezone.now()
    alarms.tell([ILL], now)
    assert [alarm.name for alarm in alarms.current(now + timedelta(minutes=3))] == ["worker"]
    assert alarms.current(now + timedelta(minutes=5)) == []
    alarms.tell([WELL], now)
    assert alarms.current(now) == []


@pytest.fixture
def settled(settings, monkeypatch):
    """A process that has run for long enough to judge the others."""
    settings.WATCH_SECONDS = 60
    monkeypatch.setattr(watch, "AGAIN", 0.1)
    monkeypatch.setattr(watch, "_started", watch.time.monotonic() - 1000)


def all_work():
    for name in (heartbeat.WORKER, heartbeat.BEAT):
        heartbeat.note(name)


def old(name):
    Heartbeat.objects.create(name=name, beaten_at=timezone.now() - timedelta(minutes=6))


def test_one_look_serves_all_processes_for_a_minute(settled, smtp_server):
    old("worker")
    heartbeat.note("beat")
    for _process in range(3):
        watch.look_around(here=())
    assert subjects(smtp_server) == ["Probation Network is ill: worker"]
    assert smtp_server.connections == 2  # the look and the alarm
    assert Alarm.objects.get().name == "worker"


def test_what_is_ill_for_a_moment_is_not_told(settled, settings, smtp_server, monkeypatch):
    there = settings.MAILERS
    settings.MAILERS = mailers(f"smtp://127.0.0.1:{servers.free_port()}")
    all_work()

    def pause(_seconds):
        settings.MAILERS = there

    monkeypatch.setattr(watch.time, "sleep", pause)
    watch.look_around(here=())
    assert not Alarm.objects.exists()
    assert (smtp_server.connections, smtp_server.taken) == (1, [])


def test_a_process_that_has_just_started_does_not_judge_the_others(
    settings, smtp_server, monkeypatch
):
    settings.WATCH_SECONDS = 60
    monkeypatch.setattr(watch, "_started", watch.time.monotonic())
    old("worker")
    watch.look_around()
    assert smtp_server.connections == 0
    assert not Alarm.objects.filter(name="worker").exists()


def test_requests_have_a_look_taken_and_do_not_wait_for_it(
    settled, smtp_server, client, monkeypatch
):
    monkeypatch.setattr(watch, "_looked", watch.time.monotonic() - 61)
    old("worker")
    heartbeat.note("beat")
    client.get("/live")
    servers.wait_until(lambda: smtp_server.taken, seconds=20, what="the alarm is mailed")
    client.get("/live")
    servers.wait_until(
        lambda: not any(t.name == "ask-watch" for t in threading.enumerate()),
        seconds=20,
        what="the look is over",
    )
    assert subjects(smtp_server) == ["Probation Network is ill: worker"]


def test_a_worker_without_a_beat_is_given_work_and_shows_that_it_does_it(settled, smtp_server):
    from outbox.tasks import deliver

    old("worker")
    old("beat")
    Message.objects.create(key="a", recipient="a@example.org", subject="S", text="T")
    watch.look_around(here=())
    assert heartbeat.BELL in heartbeat.all_noted()
    deliver()  # what the worker does with the task
    assert Message.objects.get().state == State.SENT
    told = {alarm.name for alarm in Alarm.objects.filter(over_at=None)}
    assert told == {"beat"}
