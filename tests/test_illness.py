"""The system says when it is ill: each part is looked at, told apart from the others, and none hangs the look."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings as site
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from events_site import illness
from events_site.environment import mailers
from events_site.illness import Severity, broker, clocks, database, machine, patience
from outbox import heartbeat
from outbox.models import Heartbeat, Lane, Message, State
from tests import servers

ILL, NOTE, UNKNOWN, WELL = Severity.ILL, Severity.NOTE, Severity.UNKNOWN, Severity.WELL


def worked(**ages):
    """What was noted of each name, so many seconds ago."""
    now = timezone.now()
    return {name: now - timedelta(seconds=age) for name, age in ages.items()}


def severities(heartbeats):
    now = timezone.now()
    return (
        database.judge_worker(heartbeats, now).severity,
        database.judge_beat(heartbeats, now).severity,
    )


def found(name, *, only=None):
    [finding] = illness.look(timezone.now(), only=[only or name])
    assert finding.name == name
    return finding


def message(n=0, **fields):
    said = {"key": f"test/{n}", "recipient": "a@example.org", "subject": "S", "text": "T"}
    return Message.objects.create(**said | fields)


@pytest.mark.parametrize(
    ("heartbeats", "worker", "beat"),
    [
        ({"worker": 10, "beat": 10}, WELL, WELL),
        ({"worker": 239, "beat": 239}, WELL, WELL),
        ({"worker": 600, "beat": 10}, ILL, WELL),
        ({"beat": 10}, ILL, WELL),
        ({"worker": 10, "beat": 600}, WELL, ILL),
        ({"worker": 10}, WELL, ILL),
        ({}, ILL, ILL),
        # The worker stopped when the beat did: it had nothing to do.
        ({"worker": 600, "beat": 620}, UNKNOWN, ILL),
        # It stopped long before.
        ({"worker": 6000, "beat": 600}, ILL, ILL),
        # It was given work by others, and took it or did not.
        ({"worker": 20, "beat": 600, "bell": 20}, WELL, ILL),
        ({"worker": 600, "beat": 620, "bell": 20}, ILL, ILL),
    ],
)  # fmt: skip
def test_worker_and_beat_are_told_apart(heartbeats, worker, beat):
    assert severities(worked(**heartbeats)) == (worker, beat)


def test_a_worker_whose_clock_runs_ahead_hides_no_silence():
    ahead = worked(worker=-3600, beat=1)
    told = database.judge_worker(ahead, timezone.now())
    assert told.severity is ILL
    assert "ahead" in told.words


@pytest.mark.django_db
def test_work_is_noted_now_and_then_by_whoever_comes_first():
    assert heartbeat.note("worker") is True
    assert heartbeat.note("worker") is False
    Heartbeat.objects.update(beaten_at=timezone.now() - timedelta(seconds=21))
    assert heartbeat.note("worker") is True
    # A clock that ran ahead is put right.
    Heartbeat.objects.update(beaten_at=timezone.now() + timedelta(hours=1))
    assert heartbeat.note("worker") is True
    assert Heartbeat.objects.get().beaten_at <= timezone.now()


@pytest.mark.django_db(transaction=True)
def test_of_many_who_note_at_once_one_writes():
    wrote, start = [], threading.Barrier(8)

    def note():
        start.wait()
        wrote.append(heartbeat.claim("beat", every=timedelta(seconds=20)))
        connection.close()

    for _round in range(2):
        threads = [threading.Thread(target=note) for _n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        Heartbeat.objects.update(beaten_at=timezone.now() - timedelta(minutes=1))
    assert (len(wrote), sum(wrote)) == (16, 2)


@pytest.mark.django_db(transaction=True)
def test_a_message_that_is_late_is_told_and_one_that_waits_for_its_time_is_not():
    now = timezone.now()
    message(1, send_after=now + timedelta(hours=1))
    assert found("outbox").severity is WELL
    message(2, send_after=now - timedelta(minutes=9))
    assert found("outbox").severity is WELL
    message(3, send_after=now - timedelta(minutes=11))
    told = found("outbox")
    assert (told.severity, told.since) == (ILL, now - timedelta(minutes=11))
    assert "11 minutes" in told.words


@pytest.mark.django_db(transaction=True)
def test_a_long_newsletter_is_no_illness_while_it_goes_out():
    now = timezone.now()
    message(1, lane=Lane.SLOW, send_after=now - timedelta(minutes=30))
    assert found("outbox").severity is ILL
    message(2, lane=Lane.SLOW, state=State.SENT, sent_at=now)
    assert found("outbox").severity is WELL
    message(3, send_after=now - timedelta(minutes=11))
    assert found("outbox").severity is ILL


@pytest.mark.django_db(transaction=True)
def test_messages_that_were_given_up_in_the_last_day_are_worth_knowing():
    now = timezone.now()
    message(1, state=State.FAILED, send_after=now - timedelta(hours=25))
    assert found("failures").severity is WELL
    # Written three days ago, and given up now after two days of trying.
    message(2, state=State.FAILED, send_after=now, created_at=now - timedelta(days=3))
    told = found("failures")
    assert (told.severity, told.words) == (NOTE, "1 message was given up in the last day.")


@pytest.mark.parametrize(
    ("ahead", "severity", "word"),
    [(1.9, WELL, "agrees"), (-1.9, WELL, "agrees"), (3, NOTE, "ahead"), (-31, ILL, "behind")],
)
def test_clocks_that_differ_are_told(ahead, severity, word):
    told = clocks.judge("x", ahead=ahead, whose="the database")
    assert told.severity is severity
    assert word in told.words


@pytest.mark.django_db(transaction=True)
def test_the_clocks_of_database_and_broker_are_this_machine_s(settings, redis_server):
    settings.REDIS_URL = redis_server
    assert found("database-clock").severity is WELL
    assert found("broker-clock").severity is WELL


@pytest.mark.parametrize(
    ("policy", "severity"),
    [("noeviction", WELL), ("allkeys-lru", ILL), ("volatile-ttl", ILL)],
)
def test_a_broker_that_drops_what_it_accepted_is_ill(settings, redis_server, policy, severity):
    settings.REDIS_URL = redis_server
    with redis.from_url(redis_server) as server:
        server.config_set("maxmemory-policy", policy)
    told = found("broker-policy")
    assert told.severity is severity
    assert (policy in told.words) == (severity is ILL)


def test_a_broker_that_forgets_is_worth_knowing_and_a_full_one_is_ill(settings, redis_server):
    settings.REDIS_URL = redis_server
    assert found("broker-disk").severity is NOTE
    assert found("broker-room").severity is WELL
    with redis.from_url(redis_server) as server:
        server.config_set("save", "3600 1")
        server.config_set("maxmemory", server.info("memory")["used_memory"])
    assert found("broker-disk").severity is WELL
    assert found("broker-room").severity is ILL


def test_a_hosted_broker_that_keeps_its_settings_to_itself_is_not_called_ill(
    settings, redis_server
):
    with redis.from_url(redis_server) as server:
        server.acl_setuser(
            "hosted", enabled=True, passwords=["+secret"], keys=["*"],
            commands=["+@all", "-config", "-info", "-time"],
        )  # fmt: skip
    settings.REDIS_URL = redis_server.replace("redis://", "redis://hosted:secret@")
    told = {f.name: f.severity for f in illness.look(timezone.now(), only=broker.NAMES)}
    assert told == {
        "broker": WELL, "broker-policy": UNKNOWN, "broker-room": WELL, "broker-disk": UNKNOWN,
        "broker-clock": UNKNOWN,
    }  # fmt: skip


def test_a_frozen_broker_hangs_nothing(settings, redis_server):
    settings.REDIS_URL = redis_server
    with redis.from_url(redis_server) as server:
        pid = server.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        told = found("broker")
        taken = time.monotonic() - begun
    finally:
        os.kill(pid, signal.SIGCONT)
    assert told.severity is ILL
    assert taken < 3
    servers.wait_until(lambda: found("broker").severity is WELL, seconds=5, what="it is well again")


def test_a_mail_server_is_greeted_and_sent_nothing(smtp_server):
    assert found("mail").severity is WELL
    assert (smtp_server.connections, smtp_server.taken) == (1, [])


def test_a_mail_server_that_is_away_or_refuses_us_is_ill(settings, smtp_server):
    settings.MAILERS = mailers(f"smtp://127.0.0.1:{servers.free_port()}")
    assert found("mail").severity is ILL
    settings.MAILERS = mailers(smtp_server.url.replace("smtp://", "smtp://us:wrong@"))
    assert found("mail").severity is ILL


def test_a_mail_server_that_says_nothing_hangs_nothing(settings):
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        settings.MAILERS = mailers(f"smtp://127.0.0.1:{door.getsockname()[1]}")
        begun = time.monotonic()
        told = found("mail")
        assert time.monotonic() - begun < 6
    assert told.severity is ILL


def test_a_folder_for_mail_that_takes_nothing_is_ill(settings, tmp_path):
    settings.MAILERS = mailers(f"file://{tmp_path / 'mail'}")
    assert found("mail").severity is WELL
    (tmp_path / "file").touch()
    settings.MAILERS = mailers(f"file://{tmp_path / 'file' / 'mail'}")
    assert found("mail").severity is ILL


@pytest.mark.parametrize(("free", "severity"), [(50, WELL), (1.5, NOTE), (0.2, ILL)])
def test_a_disk_that_is_nearly_full_is_told(free, severity):
    [told] = machine.judge_disks({"/srv/a": 100.0, "/srv/b": free}, timezone.now())
    assert told.severity is severity
    assert "/srv/b" in told.words


def test_the_room_of_each_folder_is_read(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "not" / "there" / "yet")
    assert settings.MEDIA_ROOT in machine.read_disks()
    assert found("disk").severity is not UNKNOWN


def test_static_files_that_are_not_collected_are_ill(settings, tmp_path):
    assert found("static").severity is WELL
    hashed = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = settings.STORAGES | {"staticfiles": hashed}
    assert found("static").severity is ILL


def test_debug_is_ill_and_a_site_without_https_worth_knowing(settings):
    told = found("settings")
    assert told.severity is NOTE
    assert "HTTPS" in told.words
    settings.DEBUG = True
    assert found("settings").severity is ILL


@pytest.mark.django_db(transaction=True)
def test_pending_migrations_are_ill():
    from django.db.migrations.recorder import MigrationRecorder

    assert found("migrations").severity is WELL
    last = MigrationRecorder.Migration.objects.filter(app="outbox").order_by("-name")[0]
    last.delete()
    try:
        told = found("migrations")
    finally:
        last.save(force_insert=True)
    assert (told.severity, told.words) == (ILL, "1 migration is pending.")


def test_what_hangs_is_asked_once_and_the_answer_is_shared():
    asked, go = [], threading.Event()

    def work():
        asked.append(1)
        go.wait(10)
        return "answer"

    with pytest.raises(patience.TookTooLong):
        patience.ask("test", work).answer(0.05)
    second = patience.ask("test", work)
    go.set()
    assert second.answer(5) == "answer"
    assert asked == [1]


def doctor(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", *arguments],
        cwd=site.BASE_DIR, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done


@pytest.fixture
def well_system(transactional_db, redis_server, smtp_server, tmp_path):
    """The environment of a system in which nothing is ill."""
    address = urlsplit(os.environ["DATABASE_URL"])
    if address.scheme == "sqlite":
        pytest.skip("SQLite has no server")
    (tmp_path / "var").mkdir()
    environment = {
        "DATABASE_URL": address._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "REDIS_URL": redis_server,
        "EMAIL_URL": smtp_server.url,
        "VAR_DIR": str(tmp_path / "var"),
    }
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"],
        cwd=site.BASE_DIR, env=os.environ | environment, check=True,
    )  # fmt: skip
    for name in ("worker", "beat"):
        heartbeat.note(name)
    return environment


@pytest.mark.processes
def test_the_doctor_says_how_everything_stands(well_system):
    done = doctor(**well_system)
    said = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines() if line[0] != " "}
    assert done.returncode == 0, done.stdout
    assert set(said) == set(illness.NAMES)
    assert said["worker"] == said["mail"] == said["broker-policy"] == "OK"

    Heartbeat.objects.filter(name="worker").update(beaten_at=timezone.now() - timedelta(minutes=6))
    done = doctor("--json", **well_system)
    answer = json.loads(done.stdout)
    ill = [one["name"] for one in answer["findings"] if one["severity"] == "ill"]
    assert (done.returncode, answer["ill"], ill) == (1, True, ["worker"])
    assert doctor("--only", "beat", **well_system).returncode == 0
    assert doctor("--only", "worker", **well_system).returncode == 1


@pytest.mark.processes
def test_the_doctor_works_when_nothing_else_does(well_system):
    nowhere = f"127.0.0.1:{servers.free_port()}"
    done = doctor(
        "--json", VAR_DIR=well_system["VAR_DIR"], DATABASE_URL=f"postgres://us@{nowhere}/x", REDIS_URL=f"redis://{nowhere}/0",
        EMAIL_URL=f"smtp://{nowhere}",
    )  # fmt: skip
    said = {one["name"]: one["severity"] for one in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert {name for name, severity in said.items() if severity == "ill"} == {
        "database",
        "broker",
        "mail",
    }
    assert said["worker"] == said["outbox"] == said["broker-policy"] == "unknown"


def test_the_doctor_knows_no_other_name():
    from django.core.management import CommandError

    with pytest.raises(CommandError):
        call_command("doctor", "--only", "astrology")
