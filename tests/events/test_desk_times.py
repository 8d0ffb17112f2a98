"""Times that staff type at the desk: by the clock of the zone that they chose, over every change of clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from accounts.models import Role
from events import calendar
from events.models import Event
from tests.factories import EventFactory, MembershipFactory, OrganisationFactory, SessionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    return OrganisationFactory()


@pytest.fixture
def desk(organisation):
    client = Client()
    client.force_login(MembershipFactory(organisation=organisation, role=Role.MANAGER).user)
    return client


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def edited(desk, event, **typed) -> Event:
    """Send the page of an event back with other values, and return the event as it is stored then."""
    page = reverse("desk_event_edit", args=[event.pk])
    fields = [field for field in desk.get(page).context["form"] if field.name != "description"]
    sent = {field.html_name: _as_sent(field.value()) for field in fields}
    sent = {name: value for name, value in sent.items() if value not in (None, False, "")}
    answer = desk.post(page, sent | typed)
    assert answer.status_code == 302, answer.context["form"].errors
    return Event.objects.get(pk=event.pk)


def _as_sent(value):
    if isinstance(value, list):
        return [_as_sent(one) for one in value]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M}"
    return getattr(value, "pk", value)


@pytest.mark.parametrize(
    ("zone", "typed", "instants"),
    [
        # Berlin on the day of the spring gap, and after the autumn hour that comes twice.
        ("Europe/Berlin", ("2027-03-28T01:30", "2027-03-28T05:00"), ("00:30", "03:00")),
        ("Europe/Berlin", ("2027-10-31T03:00", "2027-10-31T05:00"), ("02:00", "04:00")),
        # New York has switched on 14 March, Europe has not.
        ("America/New_York", ("2027-03-14T09:00", "2027-03-14T17:00"), ("13:00", "21:00")),
        ("Europe/Berlin", ("2027-03-14T09:00", "2027-03-14T17:00"), ("08:00", "16:00")),
        # Summer in January.
        ("Australia/Sydney", ("2027-01-20T20:00", "2027-01-20T22:00"), ("09:00", "11:00")),
        ("America/Santiago", ("2027-01-20T09:00", "2027-01-20T17:00"), ("12:00", "20:00")),
        ("Asia/Kolkata", ("2027-06-01T22:00", "2027-06-02T02:00"), ("16:30", "20:30")),
        ("Asia/Kathmandu", ("2027-06-01T09:00", "2027-06-01T17:00"), ("03:15", "11:15")),
    ],
)
def test_what_is_typed_is_the_instant_by_the_clock_of_the_zone(
    desk, organisation, zone, typed, instants
):
    event = EventFactory(organiser=organisation, draft=True)

    event = edited(desk, event, timezone=zone, starts_at=typed[0], ends_at=typed[1])

    assert (f"{event.starts_at:%H:%M}", f"{event.ends_at:%H:%M}") == instants
    shown = desk.get(reverse("desk_event_edit", args=[event.pk])).context["form"]
    assert f"{shown['starts_at'].value():%Y-%m-%dT%H:%M}" == typed[0]
    [entry] = Calendar.from_ical(calendar.event_file(event)).events
    assert entry["DTSTART"].dt.astimezone(UTC) == event.starts_at
    assert entry["DTEND"].dt.astimezone(UTC) == event.ends_at


@pytest.mark.parametrize(("turn", "hours"), [("first", "003000Z"), ("second", "013000Z")])
def test_of_a_time_that_comes_twice_the_entry_says_the_chosen_one_in_utc(
    desk, organisation, turn, hours
):
    event = EventFactory(organiser=organisation, draft=True)
    typed = {"starts_at": "2027-10-31T02:30", "ends_at": "2027-10-31T05:00"}

    event = edited(desk, event, timezone="Europe/Berlin", **typed, starts_at_turn=turn)

    assert f"DTSTART:20271031T{hours}\r\n".encode() in calendar.event_file(event)


@pytest.mark.parametrize(
    ("old", "new", "instant"),
    [
        ("Europe/Berlin", "Europe/Lisbon", "2027-06-01 08:00"),
        ("Europe/Lisbon", "Europe/Berlin", "2027-06-01 07:00"),
        ("Europe/Berlin", "Asia/Kolkata", "2027-06-01 03:30"),
        ("Europe/Berlin", "Pacific/Auckland", "2027-05-31 21:00"),
        ("Europe/Berlin", "UTC", "2027-06-01 09:00"),
    ],
)
def test_another_zone_keeps_the_wall_times_of_event_and_programme(
    desk, organisation, old, new, instant
):
    event = EventFactory(organiser=organisation, starts_at=utc("2027-06-01 07:00"))
    event = edited(
        desk, event, timezone=old, starts_at="2027-06-01T09:00", ends_at="2027-06-01T17:00"
    )
    session = SessionFactory(event=event)
    before = event.sequence

    event = edited(desk, event, timezone=new)

    session.refresh_from_db()
    assert event.starts_at == session.starts_at == utc(instant)
    assert event.ends_at - event.starts_at == timedelta(hours=8)
    assert (event.sequence, session.sequence) == (before + 1, 1)
    assert event.offsets.keys() == {"starts_at", "ends_at"}


def test_a_time_that_the_new_zone_skips_is_refused(desk, organisation):
    # 01:30 on 28 March 2027 exists in Berlin; in Lisbon the clocks go from 01:00 to 02:00.
    event = EventFactory(
        organiser=organisation, starts_at=utc("2027-03-28 00:30"), timezone="Europe/Berlin"
    )
    with pytest.raises(AssertionError, match="01:30 does not exist in Europe/Lisbon"):
        edited(desk, event, timezone="Europe/Lisbon")

    assert Event.objects.get().starts_at == utc("2027-03-28 00:30")


def test_whole_days_stay_the_days_in_another_zone(desk, organisation):
    event = EventFactory(
        organiser=organisation,
        starts_at=utc("2027-06-01 22:00"),
        ends_at=utc("2027-06-03 22:00"),
        is_whole_day=True,
    )
    days = event.days

    event = edited(desk, event, timezone="America/New_York")

    assert (event.days, event.starts_at) == (days, utc("2027-06-02 04:00"))
