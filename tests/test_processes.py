"""The real processes: worker and beat tell the operator of each other's silence (tests/faults has what kills them)."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as site
from django.db import connection

from outbox import heartbeat
from outbox.models import Message, State
from tests.servers import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@contextlib.contextmanager
def running(*command: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen]:
    """A Python program in a process group of its own, which is gone at the end whatever happens."""
    with log.open("ab") as lines:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            cwd=site.BASE_DIR,
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    """Kill -9 a process with its children, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@pytest.fixture
def environment(transactional_db, redis_server, smtp_server, tmp_path):
    """The environment of processes that work on the test's own database, broker and mail server."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    return os.environ | {
        "DATABASE_URL": database.geturl(),
        "REDIS_URL": redis_server,
        "EMAIL_URL": smtp_server.url,
        "OUTBOX_CLAIM_SECONDS": "5",
        "OUTBOX_SWEEP_SECONDS": "2",
        "VAR_DIR": str(tmp_path / "var"),
    }


@pytest.fixture
def worker(environment, tmp_path):
    """Starts a worker that sends one mail at a time; gives a context manager."""

    @contextlib.contextmanager
    def start():
        command = ["-m", "celery", "-A", "events_site", "worker", "--concurrency=1", "-l", "info"]
        log = tmp_path / "worker.log"
        before = log.read_text().count(" ready.") if log.exists() else 0
        with running(*command, environment=environment, log=log) as process:
            wait_until(
                lambda: log.read_text().count(" ready.") > before,
                seconds=60,
                what="the worker is ready",
            )
            yield process

    return start


@pytest.fixture
def beat(environment, tmp_path):
    command = [
        "-m",
        "celery",
        "-A",
        "events_site",
        "beat",
        "-s",
        str(tmp_path / "beat"),
        "-l",
        "info",
    ]
    with running(*command, environment=environment, log=tmp_path / "beat.log") as process:
        yield process


@pytest.fixture
def short_patience(environment):
    """Processes that look each two seconds, and call silent what did nothing for eight."""
    environment |= {
        "WATCH_SECONDS": "2",
        "SILENT_SECONDS": "8",
        "OPERATOR_EMAIL": "operator@plenary.test",
    }
    return environment


def told_of(name: str, mailbox) -> list[str]:
    """What the operator was told of one thing by mail, in order: `ill` or `well again`."""
    subjects = [
        str(mail["Subject"]).removeprefix("Probation Network is ").partition(": ")
        for mail in mailbox.messages
        if mail["To"] == "operator@plenary.test"
    ]
    return [kind for kind, _colon, names in subjects if name in names.split(", ")]


def test_a_silent_beat_is_told_by_the_worker_and_does_not_hold_up_the_mail(
    short_patience, worker, beat, smtp_server
):
    with worker():
        wait_until(
            lambda: set(heartbeat.all_noted()) >= {"worker", "beat"},
            seconds=90,
            what="worker and beat have noted their work",
        )
        os.kill(beat.pid, signal.SIGSTOP)
        wait_until(lambda: told_of("beat", smtp_server), seconds=90, what="beat is told")
        Message.objects.create(key="a", recipient="a@example.org", subject="Late?", text="T")
        wait_until(
            lambda: Message.objects.get(key="a").state == State.SENT, seconds=60, what="it is sent"
        )
        os.kill(beat.pid, signal.SIGCONT)
        wait_until(lambda: len(told_of("beat", smtp_server)) > 1, seconds=90, what="it is over")
    assert told_of("beat", smtp_server) == ["ill", "well again"]


def test_a_silent_worker_is_told_by_the_beat(short_patience, worker, beat, smtp_server):
    with worker() as working:
        wait_until(
            lambda: set(heartbeat.all_noted()) >= {"worker", "beat"},
            seconds=90,
            what="worker and beat have noted their work",
        )
        os.killpg(working.pid, signal.SIGSTOP)
        wait_until(lambda: told_of("worker", smtp_server), seconds=90, what="the worker is told")
        os.killpg(working.pid, signal.SIGCONT)
        wait_until(lambda: len(told_of("worker", smtp_server)) > 1, seconds=90, what="it is over")
    assert told_of("worker", smtp_server) == ["ill", "well again"]
