"""The API: public events and their places, and registering by the same rules as the form."""

import pytest

from registrations.models import Registration
from tests.factories import EventFactory, JurisdictionFactory, registered

pytestmark = pytest.mark.django_db

SAID = {"given_name": "Ana", "family_name": "Müller", "email": "ana@example.org"}


@pytest.fixture
def jurisdiction():
    return JurisdictionFactory(code="GB-SCT", country="GB", name="Scotland")


def send(client, event, **more):
    said = {**SAID, "jurisdiction": "GB-SCT", **more}
    return client.post(
        f"/api/v1/events/{event.slug}/registrations/", said, content_type="application/json"
    )


def test_the_list_holds_public_events_that_are_not_over(client):
    event = EventFactory(capacity_in_person=3)
    EventFactory(draft=True)
    registered(event, 1)
    [listed] = client.get("/api/v1/events/").json()["results"]
    assert listed["slug"] == event.slug
    assert listed["availability"]["places"] == [
        {"mode": "in-person", "capacity": 3, "taken": 1, "left": 2, "waiting": 0}
    ]
    assert client.get("/api/v1/events/?when=past").json()["count"] == 0


def test_registering_answers_neutrally_and_holds_a_place(client, jurisdiction):
    event = EventFactory()
    first, second = send(client, event), send(client, event)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.status_code == 202
    registration = Registration.objects.get()
    assert (registration.jurisdiction, registration.seat) == (jurisdiction, 1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "ana"}, "email"),
        ({"email": "a@example.org,b@example.org"}, "email"),
        ({"jurisdiction": "ZZ"}, "jurisdiction"),
        ({"given_name": ""}, "given_name"),
        ({"mode": "by-post"}, "mode"),
    ],
)
def test_a_wrong_field_is_named(client, jurisdiction, wrong, field):
    answer = send(client, EventFactory(), **wrong)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert Registration.objects.count() == 0


def test_a_hybrid_event_wants_to_know_how_one_attends(client, jurisdiction):
    event = EventFactory(hybrid=True)
    assert list(send(client, event).json()) == ["mode"]
    assert send(client, event, mode="online").status_code == 202


def test_a_closed_event_refuses_with_its_reason(client, jurisdiction):
    answer = send(client, EventFactory(entry="invitation"))
    assert answer.status_code == 409
    assert answer.json() == {"detail": "This event is by invitation only."}


def test_a_draft_is_not_there(client, jurisdiction):
    draft = EventFactory(draft=True)
    assert send(client, draft).status_code == 404
    assert client.get(f"/api/v1/events/{draft.slug}/").status_code == 404


def test_the_description_names_our_addresses_and_no_others(client):
    schema = client.get("/api/v1/schema/", HTTP_ACCEPT="application/json").json()
    assert sorted(schema["paths"]) == [
        "/api/v1/articles/",
        "/api/v1/articles/{slug}/",
        "/api/v1/events/",
        "/api/v1/events/{slug}/",
        "/api/v1/events/{slug}/registrations/",
        "/api/v1/jurisdictions/",
        "/api/v1/jurisdictions/{code}/",
    ]
