"""Asks what may never answer, and waits for so long at most: each question in a thread of its own."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


class TookTooLong(Exception):
    """The answer did not come in time; the question still hangs."""


class Question:
    """A piece of work that is under way; several may wait for its end."""

    def __init__(self, name: str, work: Callable[[], Any]) -> None:
        self._work = work
        self._answer: Any = None
        self._error: Exception | None = None
        self.is_over = threading.Event()
        threading.Thread(target=self._run, name=f"ask-{name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self._answer = self._work()
        except Exception as error:
            self._error = error
        finally:
            connections.close_all()  # those of this thread
            self.is_over.set()

    def answer(self, seconds: float) -> Any:
        """Return what the work returned, or raise what it raised; raise TookTooLong after so many seconds."""
        if not self.is_over.wait(max(0, seconds)):
            raise TookTooLong("There was no answer in time.")
        if self._error:
            raise self._error
        return self._answer


_open: dict[str, Question] = {}
_lock = threading.Lock()


def ask(name: str, work: Callable[[], Any]) -> Question:
    """Begin a piece of work, or join the one of that name that is under way: nothing piles up behind what hangs."""
    with _lock:
        question = _open.get(name)
        if question is None or question.is_over.is_set():
            question = _open[name] = Question(name, work)
        return question
