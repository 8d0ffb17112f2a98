"""Publishing, postponing, cancelling, changing: what is allowed, who hears of it, and what undoes it all."""

import contextlib
from datetime import timedelta

import pytest

from events import lifecycle, revisions
from events.lifecycle import RefusedChange
from events.models import Entry, Event, OrganisationRole, Status
from events.signals import event_cancelled, event_changed
from tests.factories import EventFactory, OrganisationFactory, TopicFactory, UserFactory

pytestmark = pytest.mark.django_db

MOVES = {
    (Status.DRAFT, "publish"): Status.PUBLISHED,
    (Status.PUBLISHED, "postpone"): Status.POSTPONED,
    (Status.PUBLISHED, "cancel"): Status.CANCELLED,
    (Status.POSTPONED, "publish"): Status.PUBLISHED,
    (Status.POSTPONED, "cancel"): Status.CANCELLED,
}


@pytest.fixture
def news():
    """What was told of events: a list of (what, event, changes or nothing, by)."""
    heard = []

    def changed(sender, event, changes, by, **_more):
        heard.append(("changed", event, changes, by))

    def cancelled(sender, event, by, **_more):
        heard.append(("cancelled", event, None, by))

    event_changed.connect(changed)
    event_cancelled.connect(cancelled)
    yield heard
    event_changed.disconnect(changed)
    event_cancelled.disconnect(cancelled)


@contextlib.contextmanager
def refusing(signal):
    """Someone who hears the news and refuses."""

    def refuse(sender, **_more):
        raise RefusedChange("No.")

    signal.connect(refuse)
    yield
    signal.disconnect(refuse)


@pytest.mark.parametrize("move", ["publish", "postpone", "cancel"])
@pytest.mark.parametrize("status", Status.values)
def test_only_the_moves_of_the_table_are_made(status, move):
    event = EventFactory(status=status)
    to = MOVES.get((status, move))

    if to:
        getattr(lifecycle, move)(event, by=None)
    else:
        with pytest.raises(RefusedChange):
            getattr(lifecycle, move)(event, by=None)

    event.refresh_from_db()
    assert event.status == (to or status)


def test_publish_of_a_draft_is_no_news(news):
    lifecycle.publish(EventFactory(draft=True), by=None)

    assert news == []


def test_publish_needs_a_venue_unless_online():
    with pytest.raises(RefusedChange, match=r"^Choose a venue first"):
        lifecycle.publish(EventFactory(draft=True, venue=None), by=None)

    assert lifecycle.publish(EventFactory(draft=True, online=True), by=None).is_public


def test_publish_needs_the_address_of_a_registration_elsewhere():
    event = EventFactory(draft=True, entry=Entry.ELSEWHERE)

    with pytest.raises(RefusedChange, match=r"^Give the address where people register first"):
        lifecycle.publish(event, by=None)


def test_postponing_and_going_ahead_is_told_as_a_change(news):
    event, staff = EventFactory(), UserFactory()

    lifecycle.postpone(event, by=staff)
    lifecycle.publish(event, by=staff)

    assert news == [
        ("changed", event, {"status": ("published", "postponed")}, staff),
        ("changed", event, {"status": ("postponed", "published")}, staff),
    ]


def test_cancelling_is_told_as_such(news):
    event, staff = EventFactory(), UserFactory()

    lifecycle.cancel(event, by=staff)

    assert news == [("cancelled", event, None, staff)]


def test_a_change_names_the_fields_with_old_and_new(news):
    event = EventFactory(title="One")
    event.title, event.capacity_in_person = "Two", 5

    lifecycle.apply_changes(event, by=None)

    assert [(what, changes) for what, _event, changes, _by in news] == [
        ("changed", {"title": ("One", "Two"), "capacity_in_person": (None, 5)})
    ]


def test_a_change_of_a_draft_and_a_change_of_nothing_are_no_news(news):
    draft = EventFactory(draft=True)
    draft.title = "Two"

    lifecycle.apply_changes(draft, by=None)
    lifecycle.apply_changes(EventFactory(), by=None)

    assert news == []


def test_a_change_does_not_touch_what_only_the_lifecycle_writes():
    event = EventFactory()
    stale = Event.objects.get(pk=event.pk)
    lifecycle.postpone(event, by=None)
    stale.title = "Another"
    stale.status, stale.sequence = Status.CANCELLED, 99

    lifecycle.apply_changes(stale, by=None)
    event.refresh_from_db()

    assert (event.title, event.status, event.sequence) == ("Another", Status.POSTPONED, 2)


def test_a_public_event_cannot_lose_its_venue():
    event = EventFactory()
    event.venue = None

    with pytest.raises(RefusedChange, match=r"^Choose a venue first"):
        lifecycle.apply_changes(event, by=None)


def test_organisations_are_stored_in_their_order_with_their_roles():
    one, other, host = OrganisationFactory(), OrganisationFactory(), OrganisationFactory()
    event = EventFactory(organiser=other)
    assert event.organisers == [other]

    lifecycle.apply_changes(
        event,
        by=None,
        organisations=[
            (host, OrganisationRole.HOST),
            (one, OrganisationRole.ORGANISER),
            (other, OrganisationRole.CO_ORGANISER),
        ],
    )

    assert (event.organisers, event.hosts, event.partners) == ([one, other], [host], [])


def test_topics_are_replaced():
    event, topic = EventFactory(), TopicFactory()
    event.topics.add(TopicFactory())

    lifecycle.apply_changes(event, by=None, topics=[topic])

    assert list(event.topics.all()) == [topic]


def test_someone_who_refuses_undoes_the_change():
    event = EventFactory(title="One")
    event.title = "Two"

    with refusing(event_changed), pytest.raises(RefusedChange):
        lifecycle.apply_changes(event, by=None, topics=[TopicFactory()])

    event.refresh_from_db()
    assert (event.title, event.sequence, event.topics.count()) == ("One", 0, 0)


def test_someone_who_refuses_undoes_a_cancellation():
    event = EventFactory()

    with refusing(event_cancelled), pytest.raises(RefusedChange):
        lifecycle.cancel(event, by=None)

    event.refresh_from_db()
    assert (event.status, event.sequence) == (Status.PUBLISHED, 0)


def test_two_who_cancel_at_once_cancel_once(news):
    event = EventFactory()
    other = Event.objects.get(pk=event.pk)
    lifecycle.cancel(event, by=None)

    with pytest.raises(RefusedChange, match=r"^Someone else has just changed this event\. Reload"):
        lifecycle.cancel(other, by=None)

    assert len(news) == 1


def test_touch_makes_the_event_newer(time_machine):
    event = EventFactory()
    time_machine.move_to(event.changed_at, tick=False)

    revisions.touch(event)
    event.refresh_from_db()

    assert event.sequence == 0
    assert event.changed_at >= event.created_at + timedelta(seconds=1)
