"""The two questions of a supervisor: does the process live, and may it get visitors?"""

import socket
import time

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from tests import servers


@pytest.fixture
def database_at(monkeypatch):
    """Sends all connections that are made from now on, which are those of other threads, to a port of this machine."""

    def send(port):
        ours = connections.settings["default"]
        if ours["ENGINE"].endswith("sqlite3"):
            pytest.skip("SQLite is a file")
        there = ours | {"HOST": "127.0.0.1", "PORT": str(port)}
        monkeypatch.setitem(connections.settings, "default", there)

    return send


@pytest.fixture
def dead_database(db, database_at):
    """Nobody listens where the database was."""
    database_at(servers.free_port())


@pytest.fixture
def frozen_database(db, database_at):
    """Something takes connections where the database was, and answers nothing."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(100)
        database_at(door.getsockname()[1])
        yield door


def test_live_asks_the_database_nothing(client, dead_database):
    answer = client.get("/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


@pytest.mark.django_db
def test_ready_once_the_tables_are_those_of_this_version(client):
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.django_db(transaction=True)
def test_not_ready_while_migrations_are_pending(client):
    assert client.get("/ready").status_code == 200
    last = MigrationRecorder.Migration.objects.filter(app="outbox").order_by("-name")[0]
    last.delete()
    try:
        answer = client.get("/ready")
    finally:
        last.save(force_insert=True)
    assert (answer.status_code, answer.json()) == (503, {"status": "migrations are pending"})
    assert client.get("/ready").status_code == 200


def test_not_ready_without_a_database(client, dead_database):
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "the database does not answer"}


def test_a_frozen_database_is_told_within_three_seconds(client, frozen_database):
    for asking in (client, Client()):
        begun = time.monotonic()
        answer = asking.get("/ready")
        assert time.monotonic() - begun < 3
        assert (answer.status_code, answer.json()) == (
            503,
            {"status": "the database does not answer"},
        )
    frozen_database.close()


@pytest.mark.django_db
def test_ready_needs_one_short_query_once_it_knows(client, monkeypatch):
    client.get("/ready")
    monkeypatch.delattr("django.db.migrations.executor.MigrationExecutor.migration_plan")
    assert client.get("/ready").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/live", "/ready"])
def test_answers_are_never_kept_and_set_no_cookie(client, path):
    answer = client.get(path)
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert client.post(path).status_code == 405
