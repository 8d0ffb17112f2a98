"""The revision of an event in calendars: what raises SEQUENCE, what LAST-MODIFIED, and what never changes."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from events import calendar, lifecycle, revisions
from events.models import Event, Format, OrganisationRole, Status
from tests.factories import (
    EventFactory,
    OrganisationFactory,
    SeriesFactory,
    TopicFactory,
    VenueFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
START = datetime(2027, 6, 1, 9, tzinfo=UTC)

#: Each field of an event that staff change, with another value and whether it raises SEQUENCE.
FIELDS = {
    "slug": ("another", False),
    "title": ("Another", True),
    "kind": ("training", False),
    "format": (Format.HYBRID, True),
    "summary": ("Another", False),
    "description": ("<p>Another</p>", False),
    "starts_at": (START - timedelta(minutes=1), True),
    "ends_at": (START + timedelta(hours=9), True),
    "timezone": ("Europe/Lisbon", True),
    "is_whole_day": (True, True),
    "venue_id": (lambda: VenueFactory().pk, True),
    "join_url": ("https://meet.example/1", False),
    "series_id": (lambda: SeriesFactory().pk, False),
    "entry": ("none", False),
    "entry_url": ("https://register.example", False),
    "audience": ("Everybody", False),
    "capacity_in_person": (12, False),
    "capacity_online": (12, False),
    "opens_at": (START - timedelta(days=9), False),
    "closes_at": (START - timedelta(days=2), False),
    "contact_email": ("b@organiser.example", False),
}
#: What is not theirs to change.
OURS = {
    "id", "uid", "status", "sequence", "created_at", "changed_at", "cancelled_at", "offsets",
    "zone_rules",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def event():
    return EventFactory(starts_at=START, ends_at=START + timedelta(hours=8), changed_at=NOW)


def revision(event) -> tuple[int, datetime]:
    event = Event.objects.get(pk=event.pk)
    return event.sequence, event.changed_at


def test_every_field_of_an_event_is_tried():
    assert FIELDS.keys() | OURS == {field.attname for field in Event._meta.concrete_fields}


@pytest.mark.parametrize("name", FIELDS)
def test_a_change_raises_sequence_where_calendars_show_it(event, name):
    value, is_shown = FIELDS[name]
    setattr(event, name, value() if callable(value) else value)

    lifecycle.apply_changes(event, by=None)

    assert revision(event) == (int(is_shown), NOW + timedelta(seconds=1))


def test_several_changes_at_once_are_one_revision(event):
    event.title, event.starts_at, event.venue = (
        "Another",
        START - timedelta(hours=1),
        VenueFactory(),
    )

    lifecycle.apply_changes(event, by=None)

    assert revision(event)[0] == 1


def test_organisations_and_topics_make_the_event_newer_without_a_new_sequence(event):
    partner = [(OrganisationFactory(), OrganisationRole.ORGANISER)]

    lifecycle.apply_changes(event, by=None, organisations=partner)
    assert revision(event) == (0, NOW + timedelta(seconds=1))

    lifecycle.apply_changes(event, by=None, topics=[TopicFactory()])
    assert revision(event) == (0, NOW + timedelta(seconds=2))


def test_what_is_stored_as_it_was_leaves_the_bytes_as_they_were(event):
    topics = [TopicFactory(), TopicFactory()]
    lifecycle.apply_changes(event, by=None, topics=topics)
    before = revision(event), calendar.event_file(Event.objects.get(pk=event.pk))

    links = [(link.organisation, link.role) for link in event.organisation_links.all()]
    again = Event.objects.get(pk=event.pk)
    lifecycle.apply_changes(again, by=None, organisations=links, topics=reversed(topics))

    assert (revision(event), calendar.event_file(Event.objects.get(pk=event.pk))) == before


def test_touching_many_is_in_step_with_the_seconds_and_leaves_drafts_alone(event):
    old = EventFactory(changed_at=NOW - timedelta(days=1))
    draft = EventFactory(draft=True, changed_at=NOW - timedelta(days=1))

    with transaction.atomic():
        revisions.touch_all(Event.objects.all())
        revisions.touch_all(Event.objects.filter(pk=event.pk), raises_sequence=True)

    assert revision(event) == (1, NOW + timedelta(seconds=2))
    assert revision(old) == (0, NOW)
    assert revision(draft) == (0, NOW - timedelta(days=1))


# -- The identity ---------------------------------------------------------------------------------


def test_uid_stays_whatever_becomes_of_the_event(event, settings):
    uid = str(event.uid)
    event.slug, event.title, event.uid = "another", "Another", uuid.uuid4()
    lifecycle.apply_changes(event, by=None)
    settings.SITE_NAME, settings.SITE_URL = "Another Network", "https://another.example"
    for move in (lifecycle.postpone, lifecycle.publish, lifecycle.cancel):
        move(event, by=None)

    stored = Event.objects.get(pk=event.pk)

    assert (str(stored.uid), stored.slug, stored.status) == (uid, "another", Status.CANCELLED)
    assert uid in calendar.event_file(stored).decode()


def test_a_copy_has_a_uid_and_a_first_revision_of_its_own(event):
    event.title = "Another"
    lifecycle.apply_changes(event, by=None)

    draft = lifecycle.copy(event, by=None, starts_at=START + timedelta(days=7))

    assert (draft.uid == event.uid, draft.sequence) == (False, 0)
    assert draft.offsets == {"starts_at": 7200, "ends_at": 7200}
