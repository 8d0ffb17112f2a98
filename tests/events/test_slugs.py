"""Short addresses: an event that gets another is found by those that it had."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from events import lifecycle
from events.forms import EventForm
from events.lifecycle import RefusedChange
from events.models import Event, FormerSlug
from events.slugs import free_slug
from tests.factories import EventFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

PAGES = ("event", "event_join", "register", "event_calendar", "participants", "notice_noted")


def give_slug(event, slug) -> None:
    event.slug = slug
    lifecycle.apply_changes(event, by=None)


@pytest.fixture
def moved() -> Event:
    """An event that was at /events/first/ and at /events/second/, and is at /events/third/."""
    event = EventFactory(slug="first", hybrid=True)
    give_slug(event, "second")
    give_slug(event, "third")
    return event


@pytest.mark.parametrize("name", PAGES)
def test_every_former_address_leads_to_the_same_page_with_its_query(client, moved, name):
    for former in ("first", "second"):
        answer = client.get(reverse(name, args=[former]) + "?sessions=1&q=a%20b")

        assert answer.status_code == 301
        assert answer["Location"] == reverse(name, args=["third"]) + "?sessions=1&q=a%20b"
        assert answer["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert client.head(reverse(name, args=["first"])).status_code == 301
    assert client.get("/events/first/calendar.ics", follow=True).status_code == 200


def test_a_form_that_was_open_meanwhile_goes_to_the_new_address_as_it_is(client, moved):
    answer = client.post("/events/first/join/", {"email": "a@example.org"})

    assert (answer.status_code, answer["Location"]) == (308, "/events/third/join/")


def test_an_address_that_is_there_costs_no_question_more(client, moved):
    def asked(event):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(event.get_absolute_url()).status_code == 200
        return [query["sql"] for query in queries]

    never_moved = asked(EventFactory(hybrid=True))

    assert len(asked(moved)) == len(never_moved)
    assert not any(FormerSlug._meta.db_table in sql for sql in never_moved)


def test_unknown_addresses_and_those_of_drafts_lead_nowhere(client):
    draft = EventFactory(slug="first", draft=True)
    give_slug(draft, "second")

    assert not FormerSlug.objects.exists()
    for path in ("/events/first/", "/events/second/", "/events/third/join/", "/events/"):
        assert client.get(path).status_code == (200 if path == "/events/" else 404)


def test_an_event_may_take_its_own_address_back(client, moved):
    give_slug(moved, "first")

    assert client.get("/events/first/").status_code == 200
    for former in ("second", "third"):
        assert client.get(f"/events/{former}/")["Location"] == "/events/first/"


def test_no_other_event_gets_an_address_that_leads_somewhere(moved):
    other = EventFactory(slug="other")
    for event in (other, EventFactory.build(slug="first", organiser=None)):
        event.slug = "first"
        with pytest.raises(RefusedChange, match="Another event had this address before"):
            lifecycle.apply_changes(event, by=None)

    form = EventForm({"slug": "first"}, instance=Event.objects.get(pk=other.pk), user=UserFactory())
    assert "Another event had this address" in form.errors["slug"][0]
    assert "slug" not in EventForm({"slug": "first"}, instance=moved, user=UserFactory()).errors
    assert free_slug("First") == "first-2"


def test_what_is_forgotten_goes_with_its_event(moved):
    moved.organisation_links.all().delete()
    moved.delete()

    assert not FormerSlug.objects.exists()
