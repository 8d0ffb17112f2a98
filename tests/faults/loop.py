"""The loop in which proxies and the post office of the tests work, in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any


class Loop:
    """An asyncio loop that other threads give work to."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="faults", daemon=True)
        self._thread.start()

    def do[Answer](self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run the work in the loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def stop(self) -> None:
        """End all that still runs in the loop, and the loop."""
        self.do(self._end_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    async def _end_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
