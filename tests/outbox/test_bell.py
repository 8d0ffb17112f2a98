"""The broker is only a bell: dead or frozen, visitors do not feel it, and the message is there."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import pytest
import redis
from django.conf import settings as site
from django.db import connection

from events_site.celery import app
from outbox import delivery
from outbox.models import Message, State
from outbox.posting import Bell, post
from registrations.models import Registration, Status
from tests.factories import EventFactory, JurisdictionFactory
from tests.servers import wait_until

SECONDS = 3


@contextlib.contextmanager
def broker_at(address):
    """Publish to that broker, with no connection kept from before."""
    stored = app.conf.broker_url, app.conf.broker_write_url, app.conf.broker_transport_options
    app.conf.broker_url = app.conf.broker_write_url = address
    app.conf.broker_transport_options = {"socket_timeout": 2, "socket_connect_timeout": 2}
    app.amqp._producer_pool = None
    yield
    app.conf.broker_url, app.conf.broker_write_url, app.conf.broker_transport_options = stored
    app.amqp._producer_pool = None


@pytest.fixture(params=["dead", "frozen"])
def ill_broker(request):
    """A broker that nobody answers for: the port is closed, or takes connections and stays silent."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(10)
        if request.param == "frozen":
            door.listen(100)
        with broker_at(f"redis://127.0.0.1:{door.getsockname()[1]}/0"):
            yield request.param, door


@pytest.fixture
def bell():
    """A bell whose rings do not go on into the next test."""
    one = Bell("outbox.tasks.deliver")
    yield one
    one._rung.clear()


@pytest.mark.django_db(transaction=True)
def test_registering_answers_within_three_seconds_while_the_broker_is_ill(ill_broker, client):
    event, jurisdiction = EventFactory(), JurisdictionFactory()
    start = time.monotonic()

    answer = client.post(
        f"/events/{event.slug}/register/",
        {
            "given_name": "Ana",
            "family_name": "Müller",
            "email": "ana@example.org",
            "organisation": "",
            "jurisdiction": jurisdiction.pk,
        },
    )

    assert time.monotonic() - start < SECONDS
    assert answer.status_code == 302
    assert Registration.objects.get().status == Status.UNVERIFIED
    assert Message.objects.get().state == State.WAITING
    kind, door = ill_broker
    if kind == "frozen":
        door.accept()[0].close()  # the bell did ring there


def test_ringing_never_waits_and_never_fails_however_many_wait(ill_broker, bell):
    start = time.monotonic()

    for _n in range(1500):
        bell.ring()

    assert time.monotonic() - start < SECONDS
    assert bell._ringer.daemon


def test_a_bell_that_is_heard_puts_a_task_into_the_broker(redis_server, bell):
    with broker_at(redis_server), redis.Redis.from_url(redis_server) as broker:
        bell.ring()
        wait_until(lambda: rings(broker), seconds=10, what="the ring is in the broker")
        rung = rings(broker)[0]

    assert b'"content-type": "application/json"' in rung
    assert b'"task": "outbox.tasks.deliver"' in rung


@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_time_is_over_leaves_the_rest_and_rings_for_more(redis_server):
    post("frame", {}, key="a", to="ana@example.org")
    with broker_at(redis_server), redis.Redis.from_url(redis_server) as broker:
        wait_until(lambda: rings(broker), seconds=10, what="the message has rung")
        broker.flushall()
        assert delivery.deliver_due(seconds=0) == 0
        wait_until(lambda: rings(broker), seconds=10, what="the worker has rung")
        broker.flushall()
        assert delivery.deliver_due() == 1
        assert delivery.deliver_due(seconds=0) == 0
        assert not rings(broker)
    assert Message.objects.get().attempts == 1


def rings(broker):
    return broker.lrange("celery", 0, -1)


@pytest.mark.django_db(transaction=True)
def test_a_process_ends_although_the_broker_is_ill(ill_broker, tmp_path):
    """A web process that is told to stop does not hang on its bell."""
    if connection.vendor != "postgresql":
        pytest.skip("another process cannot see the test's SQLite")
    code = "from outbox.posting import bell\n[bell.ring() for n in range(100)]\n"
    start = time.monotonic()

    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        env=os.environ | {"REDIS_URL": app.conf.broker_url, "VAR_DIR": str(tmp_path)},
        cwd=site.BASE_DIR,
        check=True,
        timeout=60,
    )

    assert time.monotonic() - start < 45
