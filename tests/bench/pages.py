"""How fast the main pages are, against a constant view and a small template, all from one run.

Each page stands there twice: as visitors meet it, and "cold", at a new address each time, so that it is rendered anew.

`python -m tests.bench.pages` loads the demo network into a PostgreSQL of its own, serves it with gunicorn and two
workers, asks for each page in turn, round after round, and prints requests per second, the time of one request, and
its ratio to the plain views, with one client and with four; then the memory of a worker and the time to the
first answer.
"""

import http.client
import itertools
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench import stage

PAGES = {
    "constant 20 kB": "/bench/constant/",
    "small template": "/bench/small/",
    "home": "/",
    "event list": "/events/",
    "past event": "/events/transition-workshop-barcelona-2025/",
    "coming event": "",
    "article": "/news/recap-transition-workshop-2025/",
    "news": "/news/",
}
ROUNDS = 8
REQUESTS = 25  # a round, page and client
NUMBERS = itertools.count()


def ask(port: int, path: str) -> float:
    """Return the seconds that one request on a connection of its own takes; `{n}` in the path is a new number."""
    path = path.format(n=next(NUMBERS))
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        sys.exit(f"{path} answers {answer.status}")
    return time.perf_counter() - start


def measure(port: int, paths: dict[str, str], clients: int) -> dict[str, tuple[float, float]]:
    """Return for each page the median seconds of a request and the requests per second, over all rounds."""
    taken: dict[str, list[float]] = {name: [] for name in paths}
    passed: dict[str, float] = dict.fromkeys(paths, 0.0)
    with ThreadPoolExecutor(clients) as pool:
        for _round in range(ROUNDS):
            for name, path in paths.items():
                start = time.perf_counter()
                taken[name] += pool.map(
                    lambda _n, path=path: ask(port, path), range(REQUESTS * clients)
                )
                passed[name] += time.perf_counter() - start
    return {
        name: (statistics.median(times), len(times) / passed[name]) for name, times in taken.items()
    }


def show(results: dict[str, tuple[float, float]], clients: int) -> None:
    """Print a table; the ratios are of requests per second, plain view to page: 2.0 is half as fast."""
    constant, small = results["constant 20 kB"][1], results["small template"][1]
    print(f"\n{clients} client{'s' if clients > 1 else ''}")
    print(f"{'page':20}{'requests/s':>12}{'ms':>8}{'to constant':>13}{'to small':>10}")
    for name, (seconds, rate) in results.items():
        print(
            f"{name:20}{rate:12.0f}{seconds * 1000:8.1f}{constant / rate:13.2f}{small / rate:10.2f}"
        )


def main() -> None:
    with stage.environment() as site:
        run(site)


def run(site: dict[str, str]) -> None:
    stage.build(site, with_demo=True)
    slug = stage.manage(
        site, "shell", "-v0", "-c",
        "from events.models import Event; print(Event.objects.public().upcoming()[0].slug)",
    )  # fmt: skip
    paths = {**PAGES, "coming event": f"/events/{slug}/"}
    paths |= {
        f"{name}, cold": f"{path}?n={{n}}" for name, path in paths.items() if "/bench/" not in path
    }
    with stage.served(site) as (port, pid, first_answer):
        for path in paths.values():
            for _warming in range(10):
                ask(port, path)
        for clients in (1, 4):
            show(measure(port, paths, clients), clients)
        memory = max(stage.resident_mb(child) for child in stage.children(pid))
        print(f"\nmemory of a worker: {memory:.0f} MB; first answer after {first_answer:.1f} s")


if __name__ == "__main__":
    main()
