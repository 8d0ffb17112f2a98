"""A site to measure: a PostgreSQL of its own, filled by commands, served by gunicorn."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from tests.servers import Postgres, free_port


@contextlib.contextmanager
def environment(**more: str) -> Iterator[dict[str, str]]:
    """Give the environment of a site with an empty database and folders that vanish."""
    with tempfile.TemporaryDirectory(prefix="plenary-bench-") as folder:
        postgres = Postgres(Path(folder, "postgres"))
        try:
            with psycopg.connect(
                postgres.url.replace("/plenary", "/postgres", 1), autocommit=True
            ) as sql:
                sql.execute("CREATE DATABASE plenary")
            yield {
                **os.environ,
                "DATABASE_URL": postgres.url,
                "VAR_DIR": str(Path(folder, "var")),
                "SITE_URL": f"http://127.0.0.1:{free_port()}",
                "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
                **more,
            }
        finally:
            postgres.stop()


def manage(site: dict[str, str], *words: str) -> str:
    """Run a command of manage.py in the site and return what it prints."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        env=site,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()


def build(site: dict[str, str], *, with_demo: bool) -> None:
    """Make the tables and files of the site, and fill it."""
    commands = [["migrate", "-v0"], ["setup_site"], ["collectstatic", "--noinput", "-v0"]]
    if with_demo:
        commands.insert(2, ["demo"])
    for words in commands:
        print(f"{words[0]} ...", flush=True)
        manage(site, *words)


@contextlib.contextmanager
def served(site: dict[str, str], *, workers: int = 2) -> Iterator[tuple[int, int, float]]:
    """Serve the site; gives its port, the id of the first process, and the seconds to the first answer."""
    port = int(site["SITE_URL"].rpartition(":")[2])
    started = time.perf_counter()
    server = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "events_site.wsgi", "--workers", str(workers), "--no-control-socket",
            "--bind", f"127.0.0.1:{port}", "--log-level", "warning", "--timeout", "120",
        ],
        env=site,
    )  # fmt: skip
    try:
        while not _answers(port):
            time.sleep(0.02)
        yield port, server.pid, time.perf_counter() - started
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds, in MB (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/live")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
