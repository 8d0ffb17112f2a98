"""How fast mail leaves, against a plain loop that sends the same bytes to the same server, all from one run.

`python -m tests.bench.mail` prints, on a PostgreSQL of its own (a number behind it takes the place of 20,000):

1. messages per second that one worker delivers (claim, build, send, mark), with a calendar file as confirmations have
   it and without, and how many smtplib alone sends over one kept connection: to a server whose answers take 2 ms, as
   they do from another machine; to aiosmtpd; and to a server that does next to nothing;
2. time for each message and memory of the worker, for a tenth of 20,000 messages that are due (before and after, as
   other work on the machine comes and goes) and for all;
3. how long a confirmation takes through a Celery worker of one process while 20,000 messages of a newsletter go out.
"""

import contextlib
import itertools
import logging
import multiprocessing
import os
import smtplib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email import policy
from pathlib import Path
from typing import Any

from tests.bench import stage

ROUNDS = 5
A_ROUND = 200  # messages
CONFIRMATIONS = 40
NUMBERS = itertools.count(1)


# -- The servers, each in a process of its own ----------------------------------------------------


def serve_bare(pipe: Any, way: float = 0) -> None:
    """A server that reads and forgets."""
    from tests.faults.loop import Loop
    from tests.faults.post_office import PostOffice

    office = PostOffice(Loop(), None)
    office.way = way
    pipe.send(office.port)
    pipe.recv()


def serve_far(pipe: Any) -> None:
    """The same, in a machine near by."""
    serve_bare(pipe, 0.002)


def serve_aiosmtpd(pipe: Any) -> None:
    from tests.servers import Mailbox

    class Forgetful(Mailbox):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            return "250 OK"

    mailbox = Forgetful()
    mailbox.start()
    pipe.send(int(mailbox.url.rpartition(":")[2]))
    pipe.recv()


@contextlib.contextmanager
def serving(server: Callable[[Any], None]) -> Iterator[int]:
    """Run a server; gives its port."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=server, args=[theirs], daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


SERVERS = {"2 ms away": serve_far, "aiosmtpd": serve_aiosmtpd, "bare": serve_bare}


# -- The messages ---------------------------------------------------------------------------------


def confirmation() -> Any:
    """The message that somebody gets who has a place, as the product writes it."""
    from outbox.models import Message
    from tests.factories import EventFactory, enrolled

    enrolled(EventFactory(title="Working with families: what we know and what we do"))
    return Message.objects.get(key__endswith="/confirmed")


def written(like: Any, **fields: Any) -> Any:
    """A message like that one for somebody else, due now and not yet stored."""
    from outbox.models import Message

    number = next(NUMBERS)
    own = {
        "id",
        "mailbox",
        "state",
        "claimed_at",
        "sent_at",
        "attempts",
        "send_after",
        "created_at",
    }
    same = {
        field.attname: getattr(like, field.attname)
        for field in Message._meta.concrete_fields
        if field.attname not in own
    }
    for_whom = {"key": f"bench/{number}", "recipient": f"person{number}@example.org"}
    return Message(**same | for_whom | fields)


def fill(number: int, *, like: Any, **fields: Any) -> list[Any]:
    """Empty the outbox and put so many messages into it that are due and like that one."""
    from django.db import connection

    from outbox.models import Message

    Message.objects.all().delete()
    rows = [written(like, **fields) for _n in range(number)]
    Message.objects.bulk_create(rows, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE outbox_message")
    return rows


# -- 1. Against smtplib alone ---------------------------------------------------------------------


def against_smtplib(like: Any, servers: dict[str, Callable[[Any], None]]) -> None:
    from outbox.mime import as_mail

    print(f"\n1. {A_ROUND} messages over one connection, {ROUNDS} rounds")
    print(f"{'':34}{'smtplib':>10}{'a worker':>10}{'ratio':>8}")
    for (name, server), (words, fields) in itertools.product(
        servers.items(), {"with calendar": {}, "without": {"calendar": ""}}.items()
    ):
        rates: tuple[list[float], list[float]] = ([], [])
        with serving(server) as port:
            use(port)
            for _round in range(ROUNDS):
                rows = fill(A_ROUND, like=like, **fields)
                contents = [as_mail(row).message(policy=policy.SMTP).as_bytes() for row in rows]
                rates[0].append(A_ROUND / timed(lambda: send_plainly(port, rows, contents)))  # noqa: B023
                rates[1].append(A_ROUND / timed(deliver_all))
        plain, ours = map(statistics.median, rates)
        print(f"{f'{name}, {words}':34}{plain:10.0f}{ours:10.0f}{ours / plain:8.2f}")


def send_plainly(port: int, rows: list[Any], contents: list[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for row, content in zip(rows, contents, strict=True):
            server.sendmail("events@example.org", [row.recipient], content)


def deliver_all() -> None:
    """Send all that is due, as one worker does, but without a pause between its tasks."""
    from outbox import delivery

    delivery.deliver_due(seconds=3600)


def use(port: int) -> None:
    """Have mail go to this port."""
    from django.conf import settings

    from events_site.environment import mailers

    settings.MAILERS = mailers(f"smtp://127.0.0.1:{port}")


# -- 2. Many --------------------------------------------------------------------------------------


def among_many(like: Any, most: int, server: Callable[[Any], None]) -> None:
    print("\n2. One worker, all of them due")
    print(f"{'messages':>14}{'ms each':>10}{'to the fewest':>15}{'memory, MB':>12}")
    with serving(server) as port:
        use(port)
        fill(100, like=like)
        deliver_all()
        measured = []
        for number in (most // 10, most, most // 10):
            fill(number, like=like)
            each = timed(deliver_all) / number
            measured.append((number, each, stage.resident_mb(os.getpid())))
    fewest = (measured[0][1] + measured[2][1]) / 2
    for number, each, memory in measured:
        print(f"{number:14,}{each * 1000:10.2f}{each / fewest:15.2f}{memory:12.0f}")


# -- 3. A confirmation among a newsletter ---------------------------------------------------------


def beside_a_newsletter(
    like: Any, most: int, site: dict[str, str], server: Callable[[Any], None]
) -> None:
    from outbox.models import Message, State
    from outbox.posting import post_all

    with serving(server) as port, worker({**site, "EMAIL_URL": f"smtp://127.0.0.1:{port}"}):
        fill(most, like=like, lane="slow", calendar="")
        slow = Message.objects.filter(lane="slow", state=State.WAITING)
        for _n in range(CONFIRMATIONS):
            post_all([written(like)])
            time.sleep(0.25)
        left = slow.count()
        fast = Message.objects.filter(lane="fast")
        while fast.filter(sent_at=None).exists():
            time.sleep(0.1)
        delays = sorted(
            (sent - written).total_seconds()
            for sent, written in fast.values_list("sent_at", "created_at")
        )
    p50, p95 = delays[len(delays) // 2], delays[int(len(delays) * 0.95)]
    print(
        f"\n3. {CONFIRMATIONS} confirmations while {most:,} slow messages go out ({left:,} left at the end)"
    )
    print(f"seconds to the mail server: p50 {p50:.2f}, p95 {p95:.2f}, most {delays[-1]:.2f}")
    if not left:
        print("The newsletter ended before the confirmations did: take more messages.")


@contextlib.contextmanager
def worker(site: dict[str, str]) -> Iterator[None]:
    """A Celery worker of one process."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "celery", "-A", "events_site", "worker", "--concurrency", "1",
                "--without-gossip", "--without-mingle", "--loglevel", "INFO",
            ],
            env=site, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            while " ready." not in (log.seek(0), log.read())[1]:
                time.sleep(0.2)
            yield
        finally:
            process.kill()
            process.wait()


# -- What they share ------------------------------------------------------------------------------


def timed(job: Callable[[], None]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    from tests.servers import redis

    with (
        tempfile.TemporaryDirectory(prefix="plenary-redis-") as folder,
        redis(Path(folder)) as broker,
        stage.environment(REDIS_URL=broker) as site,
    ):
        stage.build(site, with_demo=False)
        os.environ |= site
        import django

        django.setup()
        logging.disable(logging.WARNING)
        like = confirmation()
        against_smtplib(like, SERVERS)
        among_many(like, most, serve_bare)
        beside_a_newsletter(like, most, site, serve_bare)


if __name__ == "__main__":
    main()
