"""What the ORM has no words for, on PostgreSQL and SQLite: a list from a subquery, and reading one state."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Func, JSONField, Subquery

#: Begins to read one state. Not `atomic`: on SQLite that would keep everybody else from writing meanwhile.
BEGIN = {"postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "sqlite": "BEGIN"}


@contextmanager
def one_state() -> Iterator[None]:
    """Let all reads inside see the database as the first of them does, whatever others store meanwhile.

    Nothing may be written inside. In a transaction of the caller, that one goes on as it is.
    """
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(BEGIN[connection.vendor])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("COMMIT")


class JSONList(Subquery):
    """The rows of a queryset as a list; the queryset gives one JSON value a row, named `item`."""

    output_field = JSONField()
    template = (
        "(SELECT COALESCE(JSONB_AGG(listed.item), '[]'::jsonb) FROM (%(subquery)s) AS listed)"
    )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(SELECT JSON_GROUP_ARRAY(JSON(listed.item)) FROM (%(subquery)s) AS listed)"
        return self.as_sql(compiler, connection, template=template, **context)


class JSONText(Func):
    """A text as a JSON value."""

    output_field = JSONField()
    function = "TO_JSONB"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSON_QUOTE", **context)
