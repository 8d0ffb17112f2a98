"""People present are counted by jurisdiction; a sign-off freezes the numbers."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from registrations import attendance, figures
from registrations.models import Attendance
from tests.factories import EventFactory, JurisdictionFactory, UserFactory, enrolled

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    start = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=3)
    return EventFactory(starts_at=start, ends_at=start + timedelta(days=1, hours=8))


def test_a_person_counts_once_however_many_days(event):
    scotland, catalonia = (
        JurisdictionFactory(name="Scotland"),
        JurisdictionFactory(name="Catalonia"),
    )
    for n, jurisdiction in enumerate([scotland, scotland, catalonia]):
        registration = enrolled(event, n, jurisdiction=jurisdiction)
        for day in event.days:
            attendance.check_in(registration, day=day, by=None)
    enrolled(event, 9, jurisdiction=JurisdictionFactory())  # did not come
    tally = figures.count(event)
    assert (tally.participants, tally.jurisdictions, tally.unstated) == (3, 2, 0)
    assert [(share.name, share.people) for share in tally.shares] == [
        ("Scotland", 2),
        ("Catalonia", 1),
    ]


def test_people_without_a_jurisdiction_count_as_people(event):
    attendance.check_in(enrolled(event, 1), day=event.first_day, by=None)
    tally = figures.count(event)
    assert (tally.participants, tally.jurisdictions, tally.unstated) == (1, 0, 1)
    assert tally.all_european is False


def test_one_jurisdiction_elsewhere_makes_the_figures_not_european(event):
    for n, is_european in enumerate([True, False]):
        registration = enrolled(event, n, jurisdiction=JurisdictionFactory(is_european=is_european))
        attendance.check_in(registration, day=event.first_day, by=None)
    assert figures.count(event).all_european is False


def test_a_sign_off_freezes_the_numbers_and_a_later_one_replaces_them(event):
    jurisdiction, staff = JurisdictionFactory(), UserFactory()
    first = enrolled(event, 1, jurisdiction=jurisdiction)
    attendance.check_in(first, day=event.first_day, by=None)
    signed = figures.sign_off(event, by=staff)
    second = enrolled(event, 2, jurisdiction=jurisdiction)
    attendance.check_in(second, day=event.last_day, by=None)
    assert figures.tally_of(figures.signed_off(event)).participants == 1
    assert figures.tally_of(signed) != figures.count(event)
    figures.sign_off(event, by=staff)
    assert figures.tally_of(figures.signed_off(event)) == figures.count(event)
    assert event.figures.count() == 2


def test_figures_are_not_signed_off_before_the_event_begins():
    with pytest.raises(figures.RefusedSignOff):
        figures.sign_off(EventFactory(), by=None)


def test_only_confirmed_people_are_checked_in_and_only_on_days_of_the_event(event):
    event.capacity_in_person = 1
    event.save()
    confirmed, waiting = enrolled(event, 1), enrolled(event, 2)
    with pytest.raises(attendance.RefusedAttendance):
        attendance.check_in(waiting, day=event.first_day, by=None)
    with pytest.raises(attendance.RefusedAttendance):
        attendance.check_in(confirmed, day=date(2001, 1, 1), by=None)
    attendance.check_in(confirmed, day=event.first_day, by=None)
    attendance.check_in(confirmed, day=event.first_day, by=None)
    assert Attendance.objects.count() == 1
    attendance.undo(confirmed, day=event.first_day)
    assert Attendance.objects.count() == 0


def test_a_ticked_list_changes_only_who_was_on_it(event):
    shown_and_ticked, shown, elsewhere = (enrolled(event, n) for n in range(3))
    for registration in (shown, elsewhere):
        attendance.check_in(registration, day=event.first_day, by=None)
    attendance.tick(
        event,
        day=event.first_day,
        present=[shown_and_ticked.pk],
        shown=[shown_and_ticked.pk, shown.pk],
        by=None,
    )
    present = set(event.registrations.present().values_list("pk", flat=True))
    assert present == {shown_and_ticked.pk, elsewhere.pk}
