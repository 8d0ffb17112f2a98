"""Real threads that begin at the same moment, each with a database connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

#: Open connections that no thread uses now: a new one costs PostgreSQL more than the work of one thread.
IDLE: list[BaseDatabaseWrapper] = []


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all calls at once and return what each returned, or the exception that it raised.

    The connections stay open for the next call; `close_idle` closes them.
    """
    barrier = Barrier(len(calls))
    mine = [IDLE.pop() if IDLE else _new_connection() for _call in calls]

    def run(call: Callable[[], Any], own: BaseDatabaseWrapper) -> Any:
        connections[DEFAULT_DB_ALIAS] = own
        try:
            connection.ensure_connection()
            barrier.wait()
            return call()
        except Exception as error:
            return error
        finally:
            # What a call left broken or open is not handed on.
            if connection.in_atomic_block or not connection.is_usable():
                connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(run, calls, mine))
    IDLE.extend(mine)
    return answers


def close_idle() -> None:
    """Close the connections that earlier calls have left open."""
    while IDLE:
        IDLE.pop().close()


def _new_connection() -> BaseDatabaseWrapper:
    """A connection that is opened in one thread and closed in another."""
    new = connections.create_connection(DEFAULT_DB_ALIAS)
    new.inc_thread_sharing()
    return new
