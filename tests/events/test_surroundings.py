"""A venue, topic, series or organisation that is called otherwise makes the events newer that show it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Organisation
from events import surroundings
from events.models import Event, Format, Series, Status, Topic, Venue
from events.signals import event_changed
from tests.factories import (
    EventFactory,
    OrganisationFactory,
    SeriesFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
OLD = NOW - timedelta(days=2)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def heard():
    """The changes that the floors above hear of."""
    heard = []

    def hear(sender, event, changes, **_more):
        heard.append((event, changes))

    event_changed.connect(hear)
    yield heard
    event_changed.disconnect(hear)


def revision(event) -> tuple[int, datetime]:
    event = Event.objects.get(pk=event.pk)
    return event.sequence, event.changed_at


def old_event(**fields) -> Event:
    event = EventFactory(**fields)
    Event.objects.filter(pk=event.pk).update(changed_at=OLD)
    return event


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "Town Hall"),
        ("address", "Square 1"),
        ("city", "Girona"),
        ("latitude", Decimal("41.5")),
        ("longitude", 2.5),
        ("is_city_only", True),
    ],
)
def test_a_venue_that_is_placed_otherwise_is_another_revision_of_its_events(name, value):
    venue = VenueFactory(latitude="41.38790", longitude="2.16992")
    ahead, past = (
        old_event(venue=venue),
        old_event(venue=venue, starts_at=NOW - timedelta(days=400), status=Status.CANCELLED),
    )
    elsewhere, draft = old_event(), old_event(venue=venue, draft=True)

    setattr(venue, name, value)
    venue.save()

    assert [revision(event) for event in (ahead, past)] == [(1, NOW)] * 2
    assert [revision(event) for event in (elsewhere, draft)] == [(0, OLD)] * 2


@pytest.mark.parametrize(("name", "value"), [("slug", "x"), ("timezone", "Europe/Lisbon")])
def test_what_no_calendar_shows_of_a_venue_leaves_its_events_as_they_are(name, value, heard):
    event = old_event()
    setattr(event.venue, name, value)

    event.venue.save()

    assert (revision(event), heard) == ((0, OLD), [])


@pytest.mark.parametrize(
    ("name", "value", "fields"),
    [
        ("country", "PT", {}),
        ("name", "Another that stays unsaid", {"is_city_only": True}),
    ],
)
def test_what_feeds_are_narrowed_by_makes_events_newer_without_a_new_sequence(
    name, value, fields, heard
):
    event = old_event(venue=VenueFactory(**fields))
    setattr(event.venue, name, value)

    event.venue.save()

    assert (revision(event), heard) == ((0, NOW), [])


def test_a_feed_of_a_country_that_an_event_has_left_has_changed(client, time_machine):
    stays, leaves = (old_event(venue=VenueFactory(country="ES")) for _n in range(2))
    before = client.get("/calendar/all.ics?country=ES")
    time_machine.shift(2)
    leaves.venue.country = "PT"

    leaves.venue.save()
    caches["pages"].clear()

    after = client.get(
        "/calendar/all.ics?country=ES", headers={"If-Modified-Since": before["Last-Modified"]}
    )
    assert after.status_code == 200
    assert str(stays.uid) in after.text
    assert str(leaves.uid) not in after.text


def test_a_venue_saved_as_it_was_or_in_other_fields_leaves_its_events_as_they_are():
    venue = Venue.objects.get(pk=VenueFactory(latitude=41.3879, longitude=2.17).pk)
    event = old_event(venue=venue)

    venue.save()
    venue.name = "Town Hall"
    venue.save(update_fields=["slug"])

    assert revision(event) == (0, OLD)


def test_the_floors_above_hear_of_a_venue_of_published_events_ahead_alone(heard):
    venue = VenueFactory()
    told = old_event(venue=venue, format=Format.HYBRID)
    for fields in (
        {"status": Status.POSTPONED},
        {"status": Status.CANCELLED},
        {"draft": True},
        {"starts_at": NOW - timedelta(days=1)},
        {"format": Format.ONLINE},
    ):
        old_event(venue=venue, **fields)

    venue.name = "Town Hall"
    venue.save()

    [(event, changes)] = heard
    assert (event, event.sequence, changes.keys()) == (told, 1, {"venue"})
    assert [one.name for one in changes["venue"]] == ["Palau de Congressos", "Town Hall"]


def test_an_online_event_becomes_newer_without_a_new_sequence():
    event = old_event(venue=VenueFactory(), format=Format.ONLINE)

    event.venue.city = "Girona"
    event.venue.save()

    assert revision(event) == (0, NOW)


@pytest.mark.parametrize(
    ("address", "find"),
    [
        ("/calendar/topics/empty.ics", Topic.objects.get),
        ("/calendar/all.ics?topic=empty", Topic.objects.get),
        ("/calendar/series/empty.ics", Series.objects.get),
        ("/calendar/organisations/empty.ics", lambda: Organisation.objects.get(slug="empty")),
    ],
)
def test_a_feed_that_holds_no_event_has_its_new_name_at_once(client, time_machine, address, find):
    old_event()
    TopicFactory(slug="empty", name="Before")
    SeriesFactory(slug="empty", name="Before")
    OrganisationFactory(slug="empty", name="Before", short_name="")
    time_machine.shift(timedelta(minutes=5))
    before = client.get(address)
    assert "NAME:Probation Network: Before" in before.text
    known = {"If-None-Match": before["ETag"]}, {"If-Modified-Since": before["Last-Modified"]}
    assert [client.get(address, headers=one).status_code for one in known] == [304, 304]

    time_machine.shift(timedelta(minutes=1))
    row = find()
    row.name = "After"
    row.save()

    for headers in known:
        after = client.get(address, headers=headers)
        assert after.status_code == 200
        assert "NAME:Probation Network: After" in after.text
        assert after["ETag"] != before["ETag"]
    time_machine.shift(timedelta(minutes=1))
    after = client.get(address)
    known = {"If-None-Match": after["ETag"]}, {"If-Modified-Since": after["Last-Modified"]}
    assert [client.get(address, headers=one).status_code for one in known] == [304, 304]


def test_a_new_name_is_noted_while_events_are_ahead_of_the_clock(client, time_machine):
    """Each change of an event moves it a second: after many at once it says a moment to come."""
    topic = TopicFactory(slug="empty", name="Before")
    Event.objects.filter(pk=old_event().pk).update(changed_at=NOW + timedelta(seconds=9))
    before = client.get("/calendar/topics/empty.ics")
    time_machine.shift(2)

    topic.name = "After"
    topic.save()

    after = client.get("/calendar/topics/empty.ics", headers={"If-None-Match": before["ETag"]})
    assert after.status_code == 200


def test_the_moment_of_a_name_stays_where_the_name_stays(time_machine):
    for model, make in (
        (Topic, TopicFactory),
        (Series, SeriesFactory),
        (Organisation, OrganisationFactory),
    ):
        row = make()
        time_machine.shift(60)
        stale = model.objects.get(pk=row.pk)
        row.name = "Another"
        row.save()
        named_at = model.objects.get(pk=row.pk).named_at
        assert named_at == row.named_at > stale.named_at

        time_machine.shift(60)
        row.slug = "another"
        row.save()
        stale.save(update_fields=["slug", "named_at"])

        assert model.objects.get(pk=row.pk).named_at == named_at


def test_a_save_that_somebody_refuses_changes_nothing():
    event = old_event()

    def refuse(sender, **_more):
        raise RuntimeError

    event_changed.connect(refuse)
    event.venue.name = "Town Hall"
    try:
        with pytest.raises(RuntimeError):
            event.venue.save()
    finally:
        event_changed.disconnect(refuse)

    assert (revision(event), Venue.objects.get().name) == ((0, OLD), "Palau de Congressos")


def test_a_topic_series_or_organisation_of_another_name_makes_its_events_newer():
    topic, series, organisation = TopicFactory(), SeriesFactory(), OrganisationFactory()
    about, within = old_event(), old_event(series=series)
    organised, other = old_event(organiser=organisation), old_event()
    about.topics.add(topic)

    for row in (topic, series, organisation):
        row.slug = f"another-{row.slug}"
        row.save()
    everything = (about, within, organised, other)
    assert [revision(event) for event in everything] == [(0, OLD)] * 4

    for row in (topic, series, organisation):
        row.name = "Another"
        row.save()
    assert [revision(event) for event in everything] == [*[(0, NOW)] * 3, (0, OLD)]

    organisation.short_name = "AN"
    organisation.save()
    assert revision(organised) == (0, NOW + timedelta(seconds=1))


def test_a_topic_or_series_that_is_deleted_makes_its_events_newer():
    topic, series = TopicFactory(), SeriesFactory()
    about, within = old_event(), old_event(series=series)
    about.topics.add(topic)

    topic.delete()
    series.delete()

    assert [revision(event) for event in (about, within)] == [(0, NOW)] * 2


@pytest.mark.parametrize("model", surroundings.SHOWN)
def test_a_save_asks_as_often_whatever_the_number_of_its_events(model):
    def asked(events: int) -> int:
        row = {
            Venue: VenueFactory,
            Topic: TopicFactory,
            Series: SeriesFactory,
            Organisation: OrganisationFactory,
        }[model]()
        for _n in range(events):
            event = EventFactory(starts_at=NOW - timedelta(days=9))
            if model is Topic:
                event.topics.add(row)
            elif model is Organisation:
                event.organisation_links.create(organisation=row, role="partner")
            else:
                Event.objects.filter(pk=event.pk).update(**{f"{model._meta.model_name}_id": row.pk})
        with CaptureQueriesContext(connection) as queries:
            row.name = "Another"
            row.save()
        return len(queries)

    assert asked(1) == asked(3)


def test_an_administrator_who_renames_a_venue_at_the_desk_makes_its_events_newer(client):
    event = old_event()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = reverse("network_venues:edit", args=[event.venue_id])
    form = client.get(page).context["form"]
    sent = {field.html_name: field.value() for field in form if field.value() not in (None, False)}

    answer = client.post(page, sent | {"name": "Town Hall"})

    assert answer.status_code == 302
    assert revision(event) == (1, NOW)
