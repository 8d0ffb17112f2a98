"""A list from a subquery, on PostgreSQL and SQLite: what a page needs beside an event, in the event's own query."""

from typing import Any

from django.db.models import Func, JSONField, Subquery


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
