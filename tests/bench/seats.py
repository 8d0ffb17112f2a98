"""How fast seats are given, against the same work without us, all from one run.

`python -m tests.bench.seats` prints, on a PostgreSQL of its own:

1. registrations per second through `seats.register` with 8 threads on one event, and how many the same statements
   reach when psycopg alone sends them, with the same lock and the same commits;
2. the same through HTTP (gunicorn with 2 workers, 8 clients), and how many a view reaches that only reads the form;
3. the time of one `seats.register` with 10, 1,000 and 100,000 registrations in the event.
"""

import http.client
import itertools
import os
import re
import statistics
import threading
import time
import urllib.parse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from tests.bench import stage

THREADS = 8
ROUNDS = 5
A_ROUND = 160  # registrations
PEERS_BEST = 6.0  # registrations a second through HTTP, the best of the peers in this setting
SIZES = (10, 1_000, 100_000)
NUMBERS = itertools.count(1)


def in_threads(job: Callable[[], None]) -> float:
    """Do a job so many times with all threads, and return how often a second."""
    left = itertools.repeat(None, A_ROUND)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if next(left, "none left") == "none left":
                    return
            job()

    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(work) for _n in range(THREADS)]:
            done.result()
    return A_ROUND / (time.perf_counter() - start)


# -- 1. Against psycopg alone ---------------------------------------------------------------------


class Replay:
    """The statements of one registration, sent again for other people by psycopg alone."""

    def __init__(self, url: str, event: Any) -> None:
        from django.db import connection

        from registrations import seats
        from registrations.models import Registration

        self.url = url
        self.statements: list[tuple[str, Any]] = []
        self.local = threading.local()

        def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            self.statements.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(listen):
            seats.register(event, person=somebody(), mode="in-person")
        self.model = Registration.objects.latest("pk")

    def __call__(self) -> None:
        """Register one more person."""
        if not hasattr(self.local, "connection"):
            self.local.connection = psycopg.connect(self.url, cursor_factory=psycopg.ClientCursor)
        said = self.model
        known: dict[Any, Any] = {
            said.email: f"replayed{next(NUMBERS)}@example.org",
            said.reference: f"R{next(NUMBERS):07}",
            said.seat: said.seat,
            said.pk: said.pk,
        }
        with self.local.connection.transaction(), self.local.connection.cursor() as cursor:
            for sql, params in self.statements:
                cursor.execute(sql, self._adapt(params, known))
                if 'MAX("registrations_registration"."seat")' in sql:
                    known[said.seat] = cursor.fetchone()[0] + 1
                elif sql.startswith('INSERT INTO "registrations_registration"'):
                    known[said.pk] = cursor.fetchone()[0]

    def _adapt(self, params: Any, known: dict[Any, Any]) -> Any:
        return tuple(self._one(value, known) for value in params) if params else None

    def _one(self, value: Any, known: dict[Any, Any]) -> Any:
        said = self.model
        if isinstance(value, str):
            value = value.replace(said.email, known[said.email])
            value = value.replace(said.reference, known[said.reference])
            return value.replace(f"registration/{said.pk}/", f"registration/{known[said.pk]}/")
        if isinstance(value, int) and not isinstance(value, bool) and value in known:
            return int(known[value])
        return value


def somebody() -> Any:
    from accounts.models import Jurisdiction
    from registrations.seats import Person

    if not hasattr(somebody, "jurisdiction"):
        somebody.jurisdiction = Jurisdiction.objects.get(code="NL")  # type: ignore[attr-defined]
    number = next(NUMBERS)
    return Person(
        given_name="Ana",
        family_name=f"Müller {number}",
        email=f"person{number}@example.org",
        organisation="Probation Service",
        jurisdiction=somebody.jurisdiction,  # type: ignore[attr-defined]
    )


def against_psycopg(url: str) -> None:
    from registrations import seats

    events = [event_with(1_000) for _n in range(2)]
    replay = Replay(url, events[1])

    def ours() -> None:
        seats.register(events[0], person=somebody(), mode="in-person")

    rates: dict[str, list[float]] = {"seats.register": [], "psycopg alone": []}
    for _round in range(ROUNDS):
        rates["seats.register"].append(in_threads(ours))
        rates["psycopg alone"].append(in_threads(replay))
    print(f"\n1. One event, {THREADS} threads, {len(replay.statements)} statements each")
    show(rates, "psycopg alone")


# -- 2. Through HTTP ------------------------------------------------------------------------------


class Client:
    """One visitor who sends the form again and again, each time as somebody else."""

    def __init__(self, port: int, slug: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.connection.request("GET", f"/events/{slug}/register/")
        answer = self.connection.getresponse()
        page = answer.read().decode()
        self.cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        self.hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        self.jurisdiction = re.search(r'<option value="(\d+)">Netherlands', page)[1]  # type: ignore[index]

    def send(self, path: str) -> None:
        said = {
            **self.hidden,
            "given_name": "Ana",
            "family_name": "Müller",
            "email": f"person{next(NUMBERS)}@example.org",
            "organisation": "Probation Service",
            "jurisdiction": self.jurisdiction,
        }
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", path, urllib.parse.urlencode(said), headers)
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 302:
            raise SystemExit(f"{path} answers {answer.status}")


def through_http(site: dict[str, str]) -> None:
    slug = event_with(1_000).slug
    paths = {
        "register": f"/events/{slug}/register/",
        "the form alone": f"/bench/form/{slug}/",
    }
    rates: dict[str, list[float]] = {name: [] for name in paths}
    with stage.served(site) as (port, _pid, _first):
        local = threading.local()

        def send(path: str) -> None:
            if not hasattr(local, "client"):
                local.client = Client(port, slug)
            local.client.send(path)

        for _round in range(ROUNDS + 1):
            for name, path in paths.items():
                rates[name].append(in_threads(lambda path=path: send(path)))  # type: ignore[misc]
    rates = {name: measured[1:] for name, measured in rates.items()}  # the first round warms up
    print(f"\n2. Through HTTP, 2 workers, {THREADS} clients")
    show(rates, "the form alone")
    rate = statistics.median(rates["register"])
    print(f"{rate / PEERS_BEST:.1f} times the best of the peers ({PEERS_BEST:.0f} a second)")


# -- 3. Many in one event -------------------------------------------------------------------------


def among_many() -> None:
    from registrations import seats

    events = {size: event_with(size) for size in SIZES}
    taken: dict[int, list[float]] = {size: [] for size in SIZES}
    for _turn in range(ROUNDS * 40):
        for size, event in events.items():
            start = time.perf_counter()
            seats.register(event, person=somebody(), mode="in-person")
            taken[size].append(time.perf_counter() - start)
    print("\n3. One registration at a time")
    print(f"{'in the event':>14}{'ms':>8}{'to the smallest':>17}")
    smallest = statistics.median(taken[SIZES[0]])
    for size, times in taken.items():
        median = statistics.median(times)
        print(f"{size:14,}{median * 1000:8.2f}{median / smallest:17.2f}")


# -- What they share ------------------------------------------------------------------------------


def event_with(number: int) -> Any:
    """An event that so many people have registered for, with places for all and more."""
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    from events.models import Event
    from registrations.models import Registration
    from tests.factories import EventFactory

    event = EventFactory(capacity_in_person=number + 100_000)
    now = timezone.now()
    Registration.objects.bulk_create(
        (
            Registration(
                event=event,
                mode="in-person",
                seat=seat,
                status="confirmed",
                confirmed_at=now,
                created_at=now - timedelta(days=1),
                given_name="Ana",
                family_name=f"Müller {seat}",
                email=f"early{seat}@example.org",
            )
            for seat in range(1, number + 1)
        ),
        batch_size=5_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Event.objects.with_facts().get(pk=event.pk)  # as the views read it


def show(rates: dict[str, list[float]], base: str) -> None:
    """Print each rate, and its ratio to the base."""
    against = statistics.median(rates[base])
    print(f"{'':20}{'a second':>10}{'ratio':>8}")
    for name, measured in rates.items():
        rate = statistics.median(measured)
        print(f"{name:20}{rate:10.0f}{rate / against:8.2f}")


def main() -> None:
    limits = {"FORM_SECONDS": "0", "REGISTRATIONS_FROM_A_NETWORK": "10000000"}
    with stage.environment(**limits) as site:
        stage.build(site, with_demo=False)
        os.environ |= site
        import django

        django.setup()
        among_many()
        against_psycopg(site["DATABASE_URL"])
        through_http(site)


if __name__ == "__main__":
    main()
