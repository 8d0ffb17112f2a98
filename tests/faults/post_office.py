"""A mail server that does to each recipient what a test says, and notes in the ledger what it took."""

import asyncio
import contextlib
from collections.abc import Callable
from enum import Enum
from typing import Any

from tests.faults.ledger import Ledger
from tests.faults.loop import Loop
from tests.servers import free_port


class Fate(Enum):
    """What becomes of one attempt to send a mail."""

    TAKE = "taken"
    LATER = "451 at the recipient: not now"
    NEVER = "550 at the recipient: no such mailbox"
    CUT_BEFORE_DATA = "the connection ends when the content is announced"
    CUT_AFTER_DOT = "taken, and the connection ends in place of the answer"
    HANG = "no answer to the recipient, ever"


class Cut(Exception):
    """The server ends the connection without a word."""


class PostOffice:
    """Speaks just enough of SMTP (RFC 5321), one line after another."""

    def __init__(self, loop: Loop, ledger: Ledger | None) -> None:
        self.port = free_port()
        self.letters: dict[str, list[bytes]] = {}
        self._loop = loop
        self._ledger = ledger
        self.calm()
        self._server = loop.do(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 24)
        )

    def calm(self) -> None:
        """Take everything from everybody at once."""
        self.fate_of: Callable[[str], Fate] = lambda _recipient: Fate.TAKE
        #: Hears of each recipient before it is answered, with the port that the connection comes from.
        self.watch: Callable[[str, int], None] = lambda _recipient, _port: None
        self.seconds = 0.0  # that each mail takes
        self.way = (
            0.0  # seconds that each answer takes, as from a server that is not in this machine
        )

    def stop(self) -> None:
        self._loop.do(self._close())

    async def _close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self, reader, writer)
        with contextlib.suppress(OSError, Cut, asyncio.IncompleteReadError):
            await session.run()
        writer.transport.abort()

    async def take(self, recipient: str, content: bytes, *, is_answered: bool) -> None:
        """Keep a mail for good, before anybody hears that it is kept."""
        if self._ledger is None:
            return
        self._ledger.note_taken(recipient, content, is_answered=is_answered)
        self.letters.setdefault(recipient, []).append(content)
        if self.seconds:
            await asyncio.sleep(self.seconds)


class Session:
    """One connection."""

    def __init__(self, office: PostOffice, reader: asyncio.StreamReader, writer: Any) -> None:
        self.office, self.reader, self.writer = office, reader, writer
        self.recipient, self.fate = "", Fate.TAKE

    async def run(self) -> None:
        self._say(b"220 post office")
        while line := await self.reader.readline():
            await self._wait()
            verb = line[:4].upper()
            if verb == b"RCPT":
                await self._name(line)
            elif verb == b"DATA":
                await self._read_content()
            elif verb == b"QUIT":
                self._say(b"221 bye")
                await self.writer.drain()
                return
            else:
                self._say(b"250 OK")

    async def _name(self, line: bytes) -> None:
        self.recipient = line.split(b"<")[1].split(b">")[0].decode()
        self.office.watch(self.recipient, self.writer.get_extra_info("peername")[1])
        self.fate = self.office.fate_of(self.recipient)
        if self.fate is Fate.HANG:
            await asyncio.sleep(3600)
        refusal = {Fate.LATER: b"451 not now", Fate.NEVER: b"550 no such mailbox"}
        self._say(refusal.get(self.fate, b"250 OK"))

    async def _read_content(self) -> None:
        if self.fate is Fate.CUT_BEFORE_DATA:
            raise Cut
        self._say(b"354 go on")
        content = await self.reader.readuntil(b"\r\n.\r\n")
        await self._wait()
        is_cut = self.fate is Fate.CUT_AFTER_DOT
        await self.office.take(self.recipient, content, is_answered=not is_cut)
        if is_cut:
            raise Cut
        self._say(b"250 taken")

    async def _wait(self) -> None:
        if self.office.way:
            await asyncio.sleep(self.office.way)

    def _say(self, line: bytes) -> None:
        self.writer.write(line + b"\r\n")
