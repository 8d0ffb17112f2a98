"""The two questions of a supervisor: does the process live, and may it get visitors?"""

import copy

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from events_site import health


@pytest.fixture
def dead_database(db, monkeypatch):
    """Settings of a database where nobody listens, in the place of ours."""
    alive = connections["default"]
    settings = copy.deepcopy(alive.settings_dict)
    settings |= {"HOST": "127.0.0.1", "PORT": "1", "CONN_HEALTH_CHECKS": False}
    dead = type(alive)(settings, "default")
    connections["default"] = dead
    monkeypatch.setattr(health, "connection", dead)
    yield dead
    dead.close()
    connections["default"] = alive


def test_live_asks_the_database_nothing(client, dead_database):
    answer = client.get("/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


@pytest.mark.django_db
def test_ready_once_the_tables_are_those_of_this_version(client):
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.django_db
def test_not_ready_while_migrations_are_pending(client):
    applied = MigrationRecorder.Migration.objects.filter(app="registrations")
    applied.order_by("-name")[0].delete()
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "migrations are pending"})


def test_not_ready_without_a_database(client, dead_database):
    if connection.vendor == "sqlite":
        dead_database.settings_dict["NAME"] = "/nowhere/at/all.sqlite3"
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "the database does not answer"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/live", "/ready"])
def test_answers_are_never_kept_and_set_no_cookie(client, path):
    answer = client.get(path)
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert client.post(path).status_code == 405
