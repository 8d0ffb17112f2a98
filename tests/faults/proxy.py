"""A TCP proxy between the product and one of its servers: it passes, freezes, refuses or cuts."""

import asyncio
import contextlib

from tests.faults.loop import Loop
from tests.servers import free_port


class Proxy:
    """Stands on a port of its own before a server, which is a port of this machine or the path of a socket."""

    def __init__(self, loop: Loop, target: int | str) -> None:
        self.port = free_port()
        #: The port of the client behind each port that the server sees.
        self.clients: dict[int, int] = {}
        self._loop = loop
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._passes = asyncio.Event()
        self._passes.set()
        loop.do(self._open())

    def pass_on(self) -> None:
        """Serve as if there were no proxy, and let go what was held back."""
        self._loop.do(self._open())

    def freeze(self) -> None:
        """Take connections and bytes, and hand on nothing."""
        self._loop.do(self._freeze())

    def cut(self) -> None:
        """End all connections at once, in the middle of whatever they carry; new ones are served."""
        self._loop.do(self._cut())

    def refuse(self) -> None:
        """End all connections and take no new ones: nobody listens."""
        self._loop.do(self._close())

    async def _open(self) -> None:
        self._passes.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def _freeze(self) -> None:
        self._passes.clear()

    async def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        further = None
        try:
            await self._passes.wait()
            back, further = await self._dial()
            self._writers.add(further)
            self._note(writer, further)
            ways = {
                asyncio.create_task(self._pump(reader, further)),
                asyncio.create_task(self._pump(back, writer)),
            }
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        except OSError:
            pass  # the server is away: the client sees its connection end
        finally:
            for end in (writer, further):
                if end is not None:
                    self._writers.discard(end)
                    end.close()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection("127.0.0.1", self._target)

    def _note(self, writer: asyncio.StreamWriter, further: asyncio.StreamWriter) -> None:
        if isinstance(self._target, int):
            seen = further.get_extra_info("sockname")[1]
            self.clients[seen] = writer.get_extra_info("peername")[1]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while content := await reader.read(65536):
                await self._passes.wait()
                writer.write(content)
                await writer.drain()
