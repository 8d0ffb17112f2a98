"""A tag stands for one body, also while events change: what is told and what is written are of one state."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.db import connection
from psycopg.pq import TransactionStatus

from events import lifecycle, views
from events.models import Event
from tests.factories import EventFactory, SessionFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("threads")]

ADDRESSES = [
    "/calendar/all.ics",
    "/calendar/all.ics?sessions=1",
    "/calendar/all.ics?q=course",
    "/events/course/calendar.ics",
    "/events/course/calendar.ics?sessions=1",
]


@pytest.fixture(autouse=True)
def event(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    caches["pages"].clear()
    event = EventFactory(slug="course", title="Course before")
    SessionFactory(event=event, title="Item")
    return event


class Meanwhile:
    """Has somebody else give the event another title, once, just before a query that reads from a table."""

    def __init__(self, table: str) -> None:
        self._words = f'FROM "{table}"'
        self._column = {"events_event": '"summary"', "events_session": '"title"'}[table]
        self.is_done = False

    def __call__(self, execute, sql, params, many, context):
        if not self.is_done and self._words in sql and self._column in sql.split(self._words)[0]:
            self.is_done = True
            with ThreadPoolExecutor(1) as pool:
                pool.submit(self._change).result()
        return execute(sql, params, many, context)

    @staticmethod
    def _change():
        try:
            event = Event.objects.get()
            event.title = "Course after"
            lifecycle.apply_changes(event, by=None)
        finally:
            connection.close()


def is_idle() -> bool:
    return connection.connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("table", ["events_event", "events_session"])
def test_what_changes_while_a_file_is_written_has_another_tag(client, address, table):
    with connection.execute_wrapper(meanwhile := Meanwhile(table)):
        first = client.get(address)
    second = client.get(address)

    assert meanwhile.is_done
    assert b"Course after" in second.content
    assert (first["ETag"] == second["ETag"]) == (first.content == second.content)
    assert client.get(address, headers={"If-None-Match": second["ETag"]}).status_code == 304
    assert is_idle()


def test_a_long_feed_is_of_one_state_to_its_end(client, monkeypatch):
    monkeypatch.setattr(views, "LONG", 10)
    with connection.execute_wrapper(Meanwhile("events_session")):
        first = client.get(ADDRESSES[1])
        assert first.streaming
        before = first.getvalue()
    second = client.get(ADDRESSES[1])

    assert (b"Course before" in before, b"Course after" in second.getvalue()) == (True, True)
    assert first["ETag"] != second["ETag"]
    assert is_idle()


def test_a_change_that_was_stored_late_has_a_tag_of_its_own(client, event):
    """Its moment is earlier than that of another change, which was seen already."""
    EventFactory()
    plain = client.get(ADDRESSES[0])
    earlier = event.changed_at - timedelta(milliseconds=1)
    Event.objects.filter(pk=event.pk).update(title="Course after", changed_at=earlier)

    zipped = client.get(ADDRESSES[0], headers={"Accept-Encoding": "gzip"})

    assert b"Course after" in gzip.decompress(zipped.content)
    assert plain["ETag"].strip('"') not in zipped["ETag"]


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_reader_who_leaves_a_long_feed_leaves_nothing_open(client, monkeypatch, tmp_path, method):
    monkeypatch.setattr(views, "LONG", 10)

    getattr(client, method)(ADDRESSES[0]).close()

    assert is_idle()
    assert list((tmp_path / "calendars").iterdir()) == []
