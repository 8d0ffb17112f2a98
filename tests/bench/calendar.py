"""What calendar feeds cost, against the icalendar library alone that serialises the same events.

`python -m tests.bench.calendar` fills a PostgreSQL of its own with 200, 2,000 and 20,000 events, serves it with
gunicorn and one worker, and asks for the feed of all of them: cold (an event has just changed), warm (unchanged since
somebody else asked) and by those who have it (304). It prints the times over HTTP and their ratio to the time that the
library takes for `to_ical` of the same calendar (aims: cold at most 1.5, warm and 304 at most 0.05), how the time of
one event grows with the feed (aim: at most 1.2), by how much the worker grew while it wrote the longest feed, and the
time of a 304 against that of an empty view (aim: at most 2).
"""

import http.client
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import psycopg
from icalendar import Calendar

from tests.bench import stage
from tests.bench.reminders import Watch

SIZES = (200, 2_000, 20_000)
FEED = "/calendar/all.ics"
ROUNDS = 5
FILL = """
from datetime import timedelta
from django.utils import timezone
from events.models import *
from tests.factories import *
start = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0)
topics = list(Topic.objects.all()[:8]) or [TopicFactory(name=f"Topic {n}, part") for n in range(8)]
venues = list(Venue.objects.all()[:20]) or [
    VenueFactory(name=f"Centre for Legal Studies {n}", latitude=41.38, longitude=2.17) for n in range(20)
]
leads = list(Organisation.objects.all()[:10]) or [OrganisationFactory() for n in range(10)]
have = Event.objects.count()
events = Event.objects.bulk_create(
    (
        Event(
            slug=f"course-{n}", title=f"Workshop {n}: prison, probation; and more", kind="workshop", status="published",
            summary="One day on the way out of prison, with people who did it.", timezone="Europe/Madrid",
            description="<p>Wörter &amp; mehr, für alle.</p>" * (n % 20), venue=venues[n % 20],
            starts_at=start + timedelta(days=n % 600 - 300),
            ends_at=start + timedelta(days=n % 600 - 300 + n % 3, hours=8), contact_email="contact@organiser.example",
            changed_at=start - timedelta(days=1, seconds=n),
        )
        for n in range(have, {size})
    ),
    batch_size=1000,
)
Event.topics.through.objects.bulk_create(
    [Event.topics.through(event=event, topic=topics[(event.pk + k) % 8]) for event in events for k in range(2)],
    batch_size=1000,
)
EventOrganisation.objects.bulk_create(
    [EventOrganisation(event=event, organisation=leads[event.pk % 10], role="organiser") for event in events],
    batch_size=1000,
)
Session.objects.bulk_create(
    [
        Session(event=event, title=f"Part {k}", starts_at=event.starts_at + timedelta(hours=2 * k),
                ends_at=event.starts_at + timedelta(hours=2 * k + 1))
        for event in events for k in range(event.pk % 4)
    ],
    batch_size=1000,
)
"""


def fetch(port: int, path: str, **headers: str) -> tuple[float, bytes, http.client.HTTPResponse]:
    """Return the seconds, the content and the answer of one request on a connection of its own."""
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return time.perf_counter() - start, content, answer


def median(timed: Callable[[], float], rounds: int = ROUNDS) -> float:
    return statistics.median(timed() for _round in range(rounds))


def clocked(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    with stage.environment() as site:
        stage.build(site, with_demo=False)
        with stage.served(site, workers=1) as (port, pid, _first):
            [worker] = stage.children(pid)
            with psycopg.connect(site["DATABASE_URL"], autocommit=True) as sql:
                run(site, port, worker, sql)


def run(site: dict[str, str], port: int, worker: int, sql: psycopg.Connection) -> None:
    """Measure each size in turn; `worker` is the process that answers."""

    def cold() -> float:
        sql.execute("UPDATE events_event SET changed_at = now() WHERE slug = 'course-0'")
        return fetch(port, FEED)[0]

    print(f"\n{'events':>8}{'MB':>7}{'library':>10}{'cold':>9}{'warm':>9}{'304':>9}")
    each = []
    for size in SIZES:
        stage.manage(site, "shell", "-v0", "-c", FILL.replace("{size}", str(size)))
        cold()  # the first one starts the worker
        watch = Watch(worker)
        watch.start()
        of_cold = median(cold)
        watch.is_over.set()
        _seconds, content, answer = fetch(port, FEED)
        of_warm = median(lambda: fetch(port, FEED)[0])
        of_304 = median(not_changed(port, answer.headers["ETag"]))
        alone = time_of_library(content, size)
        print(
            f"{size:>8}{len(content) / 1e6:7.1f}{alone:9.3f}s"
            f"{of_cold / alone:9.2f}{of_warm / alone:9.4f}{of_304 / alone:9.4f}"
            f"   (worker grew by {watch.most - watch.before:.1f} MB)"
        )
        each.append(of_cold / size)
    for (small, large), (less, more) in zip(pairwise(SIZES), pairwise(each), strict=True):
        print(f"time of one event, {large:,} to {small:,}: {more / less:.2f}")
    compare_with_nothing(port)


def not_changed(port: int, tag: str) -> Callable[[], float]:
    """Return what asks for the feed as one who has it, and gives the seconds."""

    def ask() -> float:
        seconds, _content, answer = fetch(port, FEED, **{"If-None-Match": tag})
        assert answer.status == 304
        return seconds

    return ask


def time_of_library(content: bytes, size: int) -> float:
    """Return the seconds in which the library writes the same calendar."""
    library = Calendar.from_ical(content)
    assert len(library.events) == size
    return median(lambda: clocked(library.to_ical), 3)


def compare_with_nothing(port: int) -> None:
    """Print the time of a 304 against that of an empty view, in turns."""
    ask = not_changed(port, fetch(port, FEED)[2].headers["ETag"])
    pairs = [(ask(), fetch(port, "/bench/empty/")[0]) for _round in range(400)]
    of_304, of_empty = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"304 to an empty view: {of_304 / of_empty:.2f} ({of_304 * 1000:.2f} ms)")


if __name__ == "__main__":
    main()
