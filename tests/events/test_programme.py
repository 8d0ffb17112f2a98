"""The programme: whose SEQUENCE rises, when the event becomes newer, and how it goes along with its event."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from events import lifecycle, programme
from events.models import Event, Session
from tests.factories import (
    EventFactory,
    MembershipFactory,
    OrganisationFactory,
    SessionFactory,
    SpeakerFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)
START = datetime(2027, 6, 1, 7, tzinfo=UTC)  # 09:00 in Madrid


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def event():
    """Two days with one item each, the first with a speaker."""
    event = EventFactory(
        starts_at=START, ends_at=START + timedelta(days=1, hours=8), changed_at=NOW
    )
    SpeakerFactory(session=SessionFactory(event=event, title="Opening"), name="Ana", affiliation="")
    SessionFactory(event=event, title="Closing", starts_at=START + timedelta(days=1))
    return event


def store(event, *sessions, voices=(), removed=()):
    programme.apply_programme(event, items=[(one, voices) for one in sessions], removed=removed)


def sequences(event) -> dict[str, int]:
    return dict(event.sessions.values_list("title", "sequence"))


def newer(event) -> timedelta:
    """By how much the stored event is newer than when it was made."""
    stored = Event.objects.get(pk=event.pk)
    assert stored.sequence == 0
    return stored.changed_at - NOW


def local(event) -> list[str]:
    """When its items begin, by the clock of the event."""
    return [f"{one.starts_at.astimezone(event.zone):%d %H:%M}" for one in event.sessions.all()]


@pytest.mark.parametrize(
    ("name", "value", "sequence"),
    [
        ("title", "Another", 1),
        ("starts_at", START - timedelta(minutes=5), 1),
        ("ends_at", START + timedelta(minutes=5), 1),
        ("details", "Hall 2", 0),
    ],
)
def test_a_change_of_an_item_raises_its_own_sequence_where_calendars_show_it(
    event, name, value, sequence
):
    opening = event.sessions.get(title="Opening")
    setattr(opening, name, value)

    store(event, opening, voices=[("Ana", "")])

    opening.refresh_from_db()
    assert (opening.sequence, sequences(event)["Closing"]) == (sequence, 0)
    assert newer(event) == timedelta(seconds=1)
    assert event.changed_at == NOW + timedelta(seconds=1)


def test_other_speakers_make_the_event_newer_without_a_new_sequence(event):
    opening = event.sessions.get(title="Opening")

    store(event, opening, voices=[("Jo", "CEP"), ("Ana", "")])

    assert (sequences(event)["Opening"], newer(event)) == (0, timedelta(seconds=1))
    assert list(opening.speakers.values_list("name", flat=True)) == ["Jo", "Ana"]


def test_an_item_stored_as_it_was_leaves_the_event_as_it_was(event):
    store(event, event.sessions.get(title="Opening"), voices=[("Ana", "")])
    store(event)

    assert (newer(event), sequences(event)["Opening"]) == (timedelta(), 0)


def test_items_come_with_their_offsets_and_go(event):
    opening = event.sessions.get(title="Opening")
    lunch = Session(title="Lunch", starts_at=START, ends_at=START + timedelta(hours=1))

    store(event, lunch, removed=[opening])

    assert sequences(event) == {"Lunch": 0, "Closing": 0}
    assert event.sessions.get(title="Lunch").offsets == {"starts_at": 7200, "ends_at": 7200}
    assert newer(event) == timedelta(seconds=1)


def test_an_item_that_somebody_removed_meanwhile_is_stored_anew(event):
    opening = event.sessions.get(title="Opening")
    Session.objects.all().delete()
    opening.title = "Another"

    store(event, opening, voices=[("Ana", "")])

    assert sequences(event) == {"Another": 0}


def test_an_item_of_another_event_is_not_removed(event):
    other = SessionFactory()

    store(event, removed=[other])

    assert (Session.objects.filter(pk=other.pk).exists(), newer(event)) == (True, timedelta())


def test_items_of_a_draft_count_no_revisions(event):
    Event.objects.filter(pk=event.pk).update(status="draft")
    opening = event.sessions.get(title="Opening")
    opening.title = "Another"

    store(event, opening)

    assert sequences(event)["Another"] == 0


def test_the_desk_stores_nothing_where_nothing_was_typed():
    organisation = OrganisationFactory()
    event = EventFactory(organiser=organisation, changed_at=NOW)
    SessionFactory(event=event, title="Opening")
    client = _desk(organisation)
    page = reverse("desk_programme", args=[event.pk])

    client.post(page, _sent(client.get(page).context["formset"]))
    assert newer(event) == timedelta()

    sent = _sent(client.get(page).context["formset"]) | {"sessions-0-title": "Welcome"}
    client.post(page, sent)
    assert (sequences(event), newer(event)) == ({"Welcome": 1}, timedelta(seconds=1))


def _desk(organisation) -> Client:
    client = Client()
    client.force_login(MembershipFactory(organisation=organisation, role=Role.MANAGER).user)
    return client


def _sent(formset) -> dict[str, object]:
    """What the page sends back when nobody changes anything."""
    fields = [*formset.management_form, *(field for form in formset for field in form)]
    sent = {field.html_name: field.value() for field in fields if field.value() is not None}
    return {
        name: value.strftime("%Y-%m-%dT%H:%M") if isinstance(value, datetime) else value
        for name, value in sent.items()
    }


# -- Going along with the event -------------------------------------------------------------------


def change(event, **fields):
    event = Event.objects.get(pk=event.pk)
    for name, value in fields.items():
        setattr(event, name, value)
    return lifecycle.apply_changes(event, by=None)


def test_the_programme_goes_along_when_the_event_moves_by_days(event):
    later = timedelta(days=6)
    moved = change(event, starts_at=event.starts_at + later, ends_at=event.ends_at + later)

    assert local(moved) == ["07 09:00", "08 09:00"]
    assert sequences(event) == {"Opening": 1, "Closing": 1}


def test_the_programme_keeps_its_hours_over_a_change_of_clocks(event):
    # From summer to winter: the same wall times are another distance in hours.
    later = timedelta(days=160, hours=1)
    moved = change(event, starts_at=event.starts_at + later, ends_at=event.ends_at + later)

    assert local(moved) == ["08 09:00", "09 09:00"]


def test_the_programme_stays_where_the_event_only_begins_or_ends_otherwise(event):
    change(event, starts_at=START - timedelta(days=1))
    change(event, starts_at=START - timedelta(days=1, hours=-1))
    stays = change(event, ends_at=START + timedelta(days=4))

    assert local(stays) == ["01 09:00", "02 09:00"]
    assert sequences(event) == {"Opening": 0, "Closing": 0}


def test_the_programme_goes_along_when_the_event_moves_by_hours(event):
    later = timedelta(days=1, hours=-2)
    moved = change(event, starts_at=event.starts_at + later, ends_at=event.ends_at + later)

    assert local(moved) == ["02 07:00", "03 07:00"]
    assert programme.outside(moved) == []


def test_the_programme_keeps_its_hours_where_the_event_moves_and_has_others(event):
    moved = change(
        event,
        starts_at=event.starts_at + timedelta(days=6, hours=1),
        ends_at=event.ends_at + timedelta(days=6, hours=-1),
    )

    assert local(moved) == ["07 09:00", "08 09:00"]


def test_items_before_the_event_or_after_it_are_outside(event):
    event.starts_at += timedelta(hours=3)
    event.ends_at -= timedelta(days=1)

    assert {one.title for one in programme.outside(event)} == {"Opening", "Closing"}


def test_the_programme_keeps_its_wall_times_in_another_zone(event):
    hour = timedelta(hours=1)
    moved = change(
        event,
        timezone="Europe/Lisbon",
        starts_at=event.starts_at + hour,
        ends_at=event.ends_at + hour,
    )

    assert (moved.sequence, local(moved)) == (1, ["01 09:00", "02 09:00"])
    assert {one.starts_at.hour for one in event.sessions.all()} == {8}
    assert sequences(event) == {"Opening": 1, "Closing": 1}
