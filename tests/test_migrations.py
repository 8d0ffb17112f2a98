"""Migrations leave room for processes of the version before, which go on while a new version starts."""

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader

pytestmark = pytest.mark.django_db

OWN = ("accounts", "events", "outbox", "recaps", "registrations")


def columns_to_fill_in(table: str) -> set[str]:
    """The columns without which the database takes no row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
            " AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}


def first_version() -> dict[str, set[str]]:
    """The columns of each table as the first migrations made them."""
    loader = MigrationLoader(connection)
    nodes = [node for node in loader.graph.nodes if node[0] in OWN and node[1] == "0001_initial"]
    models = loader.project_state(nodes).apps.get_models()
    return {
        model._meta.db_table: {field.column for field in model._meta.concrete_fields}
        for model in models
        if model._meta.app_label in OWN
    }


def test_rows_of_the_version_before_are_still_taken():
    kept = {model._meta.db_table for model in apps.get_models()}
    known = {table: columns for table, columns in first_version().items() if table in kept}
    assert len(known) > 10
    left_out = {table: columns_to_fill_in(table) - columns for table, columns in known.items()}
    assert {table: columns for table, columns in left_out.items() if columns} == {}
