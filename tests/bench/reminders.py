"""How long it takes to post the reminders of one event, and what memory that needs.

`python -m tests.bench.reminders` makes events of 2,000 and 20,000 people in a PostgreSQL of its own, posts the
reminders that are due as the worker does, slice after slice, and prints the rate (aim: 150 a second or more), how far
the memory of this process grew (aim: not at all), and how long one chunk holds the event's lock, for which whoever
registers meanwhile waits; then how the time for one reminder grows with the event (aim: at most 1.2 times).
"""

import os
import statistics
import threading
import time
from datetime import timedelta
from itertools import batched
from typing import Any

from tests.bench import stage

SIZES = (2_000, 20_000)
LANGUAGES = ("en", "fr")


class Watch(threading.Thread):
    """Keeps the most memory that a process, else this one, held while something ran, in MB."""

    def __init__(self, pid: int | None = None) -> None:
        super().__init__(daemon=True)
        self.pid = pid or os.getpid()
        self.before = self.most = stage.resident_mb(self.pid)
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(0.05):
            self.most = max(self.most, stage.resident_mb(self.pid))


def event_with(number: int) -> Any:
    """An event in five days, online, with so many people who registered long ago."""
    from django.db import connection
    from django.utils import timezone

    from registrations.models import Registration
    from tests.factories import EventFactory

    now = timezone.now()
    start = now + timedelta(days=5)
    event = EventFactory(online=True, starts_at=start, ends_at=start + timedelta(hours=8))
    people = (
        Registration(
            event=event,
            mode="online",
            seat=seat,
            status="confirmed",
            confirmed_at=now - timedelta(days=30),
            given_name="Ana",
            family_name=f"Müller {seat}",
            email=f"person{seat}@example.org",
            language=LANGUAGES[seat % len(LANGUAGES)],
        )
        for seat in range(1, number + 1)
    )
    for some in batched(
        people, 500
    ):  # so that memory given back does not hide what the reminders take
        Registration.objects.bulk_create(some)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return event


def post_all_of(number: int) -> tuple[float, float, list[float]]:
    """Post the reminders of an event of so many; return seconds, MB of growth, and the seconds of each chunk."""
    from django.utils import timezone

    from outbox.models import Message
    from registrations import reminders

    event = event_with(number)
    chunks: list[float] = []
    write = reminders._post_chunk

    def timed(*said: Any) -> Any:
        start = time.perf_counter()
        new = write(*said)
        chunks.append(time.perf_counter() - start)
        return new

    reminders._post_chunk = timed
    watch = Watch()
    watch.start()
    start = time.perf_counter()
    while reminders.post_due(timezone.now()):
        pass
    seconds = time.perf_counter() - start
    watch.is_over.set()
    watch.join()
    reminders._post_chunk = write
    posted = Message.objects.about(f"event/{event.pk}").count()
    if posted != number:
        raise SystemExit(f"{posted} of {number} reminders are posted")
    return seconds, watch.most - watch.before, chunks


def main() -> None:
    with stage.environment() as site:
        stage.build(site, with_demo=False)
        os.environ |= site
        import django

        django.setup()
        post_all_of(200)  # warms up
        print(
            f"\n{'reminders':>10}{'s':>8}{'a second':>10}{'MB more':>9}{'ms a chunk':>12}{'worst':>7}"
        )
        each: dict[int, list[float]] = {size: [] for size in SIZES}
        for number in (
            SIZES[0],
            *SIZES,
            SIZES[0],
        ):  # around the large one, since a machine has its moods
            seconds, growth, chunks = post_all_of(number)
            each[number].append(seconds / number)
            median, worst = statistics.median(chunks) * 1000, max(chunks) * 1000
            rate = number / seconds
            print(f"{number:10,}{seconds:8.1f}{rate:10.0f}{growth:9.1f}{median:12.0f}{worst:7.0f}")
        small, large = (statistics.mean(each[size]) for size in SIZES)
        print(f"\nTime per reminder, {SIZES[1]:,} to {SIZES[0]:,}: {large / small:.2f}")


if __name__ == "__main__":
    main()
