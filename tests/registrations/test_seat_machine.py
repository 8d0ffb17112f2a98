"""Seats under any order of moves: hypothesis looks for one that breaks a promise."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from events import lifecycle
from events.models import Event, Mode
from events.models import Status as EventStatus
from registrations import seating, seats
from registrations.models import LIVE, MOVES, Registration, Status, StatusChange
from registrations.seats import RefusedSeat
from tests.factories import EventFactory, enrolled, registered

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
PEOPLE = st.integers(0, 7)
MODES = st.sampled_from(Mode.values)
PLACES = st.none() | st.integers(0, 4)


class SeatMachine(RuleBasedStateMachine):
    """A hybrid event of few places and eight people who do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(START, tick=False)
        self.traveller = self.clock.start()
        self.story = transaction.atomic()
        self.story.__enter__()
        self.seen_changes = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.story.__exit__(None, None, None)
        self.clock.stop()

    @initialize(in_person=PLACES, online=PLACES)
    def begin(self, in_person, online):
        self.event = EventFactory(
            hybrid=True,
            starts_at=START + timedelta(days=200),
            capacity_in_person=in_person,
            capacity_online=online,
        )

    # -- What people, staff and the clock do ---------------------------------------------------

    @rule(n=PEOPLE, mode=MODES)
    def register(self, n, mode):
        self._tick()
        try:
            registration = registered(self.event, n, mode=mode)
        except RefusedSeat:
            assert self._event().status == EventStatus.POSTPONED
        else:
            assert registration.status in LIVE

    @rule(n=PEOPLE, mode=MODES)
    def enrol(self, n, mode):
        self._tick()
        known = self._live(n)
        try:
            registration = enrolled(self.event, n, mode=mode)
        except RefusedSeat:
            assert known
        else:
            assert not known
            assert registration.status in {Status.CONFIRMED, Status.WAITING}

    @rule(n=PEOPLE)
    def verify(self, n):
        for registration in self._live(n):
            lapsed = registration.expires_at and registration.expires_at <= self._now()
            try:
                after = seats.verify(registration)
            except RefusedSeat:
                assert lapsed or self._event().status == EventStatus.POSTPONED
            else:
                assert after.status != Status.UNVERIFIED

    @rule(n=PEOPLE)
    def accept(self, n):
        for registration in self._live(n):
            try:
                after = seats.accept_offer(registration)
            except RefusedSeat:
                assert registration.status != Status.CONFIRMED
            else:
                assert (after.status, after.seat) == (Status.CONFIRMED, registration.seat)

    @rule(n=PEOPLE)
    def cancel(self, n):
        for registration in self._live(n):
            assert seats.cancel(registration).status == Status.CANCELLED

    @rule(mode=MODES, places=PLACES)
    def resize(self, mode, places):
        event = self._event()
        held = event.registrations.filter(mode=mode).seated().count()
        setattr(event, f"capacity_{mode.replace('-', '_')}", places)
        try:
            lifecycle.apply_changes(event, by=None)
        except lifecycle.RefusedChange:
            assert places is not None
            assert held > places
        else:
            assert places is None or held <= places

    @rule(hours=st.integers(1, 60))
    def wait(self, hours):
        self.traveller.shift(timedelta(hours=hours))

    @rule()
    def expire(self):
        seats.expire_lapsed(self._now())
        assert not Registration.objects.lapsed(self._now()).exists()

    @precondition(lambda self: self._event().status == EventStatus.PUBLISHED)
    @rule()
    def postpone(self):
        lifecycle.postpone(self._event(), by=None)

    @precondition(lambda self: self._event().status == EventStatus.POSTPONED)
    @rule()
    def resume(self):
        lifecycle.publish(self._event(), by=None)

    # -- What always holds ---------------------------------------------------------------------

    @invariant()
    def seats_are_given_once_and_within_the_capacity(self):
        event = self._event()
        for mode in Mode:
            held = sorted(
                event.registrations.filter(mode=mode).seated().values_list("seat", flat=True)
            )
            capacity = event.capacity(mode)
            assert len(held) == len(set(held))
            assert all(seat >= 1 for seat in held)
            assert capacity is None or all(seat <= capacity for seat in held)

    @invariant()
    def nobody_waits_while_a_seat_is_free(self):
        event = self._event()
        if event.status != EventStatus.PUBLISHED:
            return
        for mode in Mode:
            if event.registrations.waiting().filter(mode=mode).exists():
                assert seating.lowest_free_seat(event, mode) is None

    @invariant()
    def each_person_has_one_live_registration(self):
        live = list(Registration.objects.live().values_list("email", flat=True))
        assert len(live) == len(set(live))

    @invariant()
    def the_changes_of_each_registration_are_a_chain_of_allowed_moves(self):
        for registration in Registration.objects.prefetch_related("changes"):
            changes = list(registration.changes.all())
            assert changes[0].from_status == ""
            assert changes[-1].to_status == registration.status
            assert all(change.to_status in MOVES[change.from_status] for change in changes)
            assert all(one.to_status == other.from_status for one, other in pairwise(changes))

    @invariant()
    def offers_go_to_those_who_came_first(self):
        new = StatusChange.objects.filter(pk__gt=self.seen_changes).order_by("pk")
        for change in new.filter(to_status=Status.OFFERED).select_related("registration"):
            offered = change.registration
            passed = (
                self._event()
                .registrations.waiting()
                .filter(mode=offered.mode, created_at__lt=offered.created_at)
            )
            assert list(passed) == []
        self.seen_changes = new.values_list("pk", flat=True).last() or self.seen_changes

    def _event(self) -> Event:
        return Event.objects.get(pk=self.event.pk)

    def _live(self, n: int) -> list[Registration]:
        return list(Registration.objects.live().filter(email=f"person{n}@example.org"))

    def _now(self) -> datetime:
        return datetime.now(UTC)

    def _tick(self) -> None:
        """No two people come at the very same moment."""
        self.traveller.shift(timedelta(seconds=1))


@pytest.mark.django_db
@pytest.mark.sqlite_too
def test_seats_hold_their_promises_in_any_order():
    run_state_machine_as_test(
        SeatMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
