"""A broker that is frozen or gone: visitors do not feel it, and the mail leaves without its help."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from django.db import connection

from outbox import delivery
from registrations.models import Registration
from tests import servers
from tests.factories import EventFactory, JurisdictionFactory

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def frozen(url: str):
    """A Redis that takes connections and answers nothing, until the end of the block."""
    with redis.from_url(url) as client:
        pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def web_server(folder: Path, *, broker: str):
    """A gunicorn on the test's own database; gives its port. Nothing of it is left afterwards."""
    address = urlsplit(os.environ["DATABASE_URL"])
    port = servers.free_port()
    environment = os.environ | {
        "DATABASE_URL": address._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "REDIS_URL": broker,
        "VAR_DIR": str(folder / "var"),
    }
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "events_site.wsgi", "--workers", "1", "--no-control-socket",
            "--log-level", "warning", "--bind", f"127.0.0.1:{port}",
        ],
        cwd=ROOT, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        servers.wait_until(
            lambda: ask(port, "GET", "/ready") == 200, seconds=60, what="The web server answers."
        )
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def ask(port, method, path, body=None):
    """The status that the web server answers with; None while it does not answer."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Host": "events.plenary.test", "Content-Type": "application/json"}
    try:
        client.request(method, path, json.dumps(body) if body else None, headers)
        return client.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        client.close()


@pytest.mark.parametrize("broker_is", ["frozen", "gone"])
def test_a_visitor_does_not_feel_an_ill_broker(broker_is, redis_server, smtp_server, tmp_path):
    event, country = EventFactory(), JurisdictionFactory()
    said = {
        "given_name": "Ana",
        "family_name": "Müller",
        "email": "ana@probation.example",
        "jurisdiction": country.code,
    }
    nobody = f"redis://127.0.0.1:{servers.free_port()}/0"
    broker = nobody if broker_is == "gone" else redis_server
    with web_server(tmp_path, broker=broker) as port, frozen(redis_server):
        begun = time.monotonic()
        status = ask(port, "POST", f"/api/v1/events/{event.slug}/registrations/", said)
        taken = time.monotonic() - begun
    assert status == 202
    assert taken < 3
    assert Registration.objects.get().seat == 1
    assert smtp_server.taken == []
    assert delivery.deliver_due() == 1
    [received] = smtp_server.messages
    assert received["To"].addresses[0].addr_spec == "ana@probation.example"
    assert delivery.deliver_due() == 0
