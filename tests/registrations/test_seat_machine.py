"""Seats under any order of moves: hypothesis looks for one that breaks a promise."""

from collections import Counter
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
from events.models import Entry, Event, Mode
from events.models import Status as EventStatus
from outbox.models import Message
from registrations import decisions, erasure, line, seating, seats, swaps
from registrations.answers import Given
from registrations.entry import Entrance
from registrations.models import (
    LIVE,
    MOVES,
    Allotment,
    Erasure,
    QuestionKind,
    Registration,
    Status,
    StatusChange,
    Terms,
)
from registrations.seats import RefusedSeat
from tests.factories import (
    EventFactory,
    OptionFactory,
    QuestionFactory,
    UserFactory,
    person,
    terms,
)
from tests.registrations.standing import gaps_are_written_down

START = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
PEOPLE = st.integers(0, 7)
MODES = st.sampled_from(Mode.values)
PLACES = st.none() | st.integers(0, 3)


class SeatMachine(RuleBasedStateMachine):
    """A hybrid event of few places and eight people of three organisations who do what they like.

    The organisations send so many people at most, and one of two study visits has a single place.
    """

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

    @initialize(
        in_person=PLACES,
        online=PLACES,
        entry=st.sampled_from([Entry.OPEN, Entry.APPROVAL]),
        most=st.none() | st.integers(1, 2),
        checks=st.booleans(),
        crowd=st.lists(MODES, max_size=8),
    )
    def begin(self, in_person, online, entry, most, checks, crowd):
        self.event = EventFactory(
            hybrid=True,
            entry=entry,
            starts_at=START + timedelta(days=200),
            capacity_in_person=in_person,
            capacity_online=online,
        )
        terms(self.event, most_per_organisation=most, checks_address=checks)
        self.visits = QuestionFactory(
            event=self.event, kind=QuestionKind.CHOICE, has_second_preference=True
        )
        self.options = [
            OptionFactory(question=self.visits, places=places).pk for places in (1, None)
        ]
        self.organiser = UserFactory()
        for n, mode in enumerate(crowd):
            self.register(n, mode, 1)
            self.verify(n)
            self.decide(n, True)

    # -- What people, staff and the clock do ---------------------------------------------------

    @rule(n=PEOPLE, mode=MODES, visit=st.integers(0, 2))
    def register(self, n, mode, visit):
        self._tick()
        preferences = [[], self.options, self.options[1:]][visit]
        try:
            registration = seats.register(
                self.event, person=_person(n), mode=mode, given=[Given(self.visits, preferences)]
            )
        except RefusedSeat:
            assert self._event().status == EventStatus.POSTPONED
        else:
            assert registration.status in LIVE

    @rule(n=PEOPLE, mode=MODES)
    def enrol(self, n, mode):
        self._tick()
        known = self._live(n)
        try:
            registration = seats.enrol(self.event, person=_person(n), mode=mode, by=self.organiser)
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
                assert (
                    lapsed
                    or self._event().status == EventStatus.POSTPONED
                    or (registration.replaces_id and self._most())
                )
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

    @rule(n=PEOPLE, is_let_in=st.booleans())
    def decide(self, n, is_let_in):
        for registration in self._live(n):
            decide = decisions.accept if is_let_in else decisions.decline
            try:
                after = decide(registration, by=self.organiser)
            except RefusedSeat:
                assert registration.status not in {Status.APPLIED} or (
                    self._event().status == EventStatus.POSTPONED
                )
            else:
                assert after.status != Status.APPLIED

    @rule(n=PEOPLE)
    def confirm(self, n):
        for registration in self._live(n):
            try:
                after = decisions.confirm(registration, by=self.organiser)
            except RefusedSeat:
                assert registration.seat is None
            else:
                assert after.seat

    @rule(n=PEOPLE)
    def offer_by_hand(self, n):
        for registration in self._live(n):
            try:
                after = line.offer(registration, by=self.organiser)
            except RefusedSeat:
                continue
            assert (registration.status, after.status) == (Status.WAITING, Status.OFFERED)

    @rule(n=PEOPLE, mode=MODES)
    def change_mode(self, n, mode):
        for registration in self._live(n):
            try:
                after = swaps.change_mode(registration, mode)
            except RefusedSeat:
                assert (
                    registration.status == Status.OFFERED
                    or self._event().status == EventStatus.POSTPONED
                )
            else:
                assert mode in {after.mode, after.wished_mode}

    @rule(n=PEOPLE, other=PEOPLE)
    def name_substitute(self, n, other):
        self._tick()
        for registration in self._live(n):
            try:
                after = swaps.name_substitute(registration, person=_person(other))
            except RefusedSeat:
                assert (
                    n == other
                    or registration.status != Status.CONFIRMED
                    or self._event().status == EventStatus.POSTPONED
                )
            else:
                assert after.pk != registration.pk

    @rule(n=PEOPLE)
    def accept_swap(self, n):
        for registration in self._live(n):
            try:
                swaps.accept_swap(registration)
            except RefusedSeat:
                assert registration.status != Status.CONFIRMED

    @rule(n=PEOPLE)
    def erase(self, n):
        known = self._live(n)
        written = Message.objects.count()
        assert erasure.erase(known, reason=Erasure.Reason.ASKED) == len(known)
        for registration in known:
            registration.refresh_from_db()
            assert (registration.name, registration.status) == ("", Status.CANCELLED)
            told = [one.key for one in Message.objects.order_by("pk")[written:]]
            assert not any(key.startswith(f"registration/{registration.pk}/") for key in told)

    @rule()
    def lift_the_limit(self):
        stored = Terms.objects.get()
        stored.most_per_organisation = None
        line.apply_terms(stored)

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
    def nobody_waits_for_a_seat_that_is_free_and_may_be_had(self):
        event = self._event()
        if event.status != EventStatus.PUBLISHED:
            return
        entrance = Entrance(event)
        for mode in Mode:
            may = [one for one in line.in_line(event, mode) if not entrance.hindrance(one, mode)]
            assert not may or seating.lowest_free_seat(event, mode) is None

    @invariant()
    def the_gaps_between_the_seats_are_written_down(self):
        for mode in Mode:
            assert gaps_are_written_down(self._event(), mode)

    @invariant()
    def no_organisation_has_more_seats_than_its_share(self):
        seated = self._event().registrations.seated()
        counted = Counter(seated.values_list("organisation", flat=True))
        most = self._most()
        assert most is None or max(counted.values(), default=0) <= most
        if most is not None:
            counts = Allotment.objects.filter(share__startswith="organisation:").count()
            assert counts == sum(counted.values())

    @invariant()
    def the_study_visit_has_one_person_with_a_seat(self):
        holders = Allotment.objects.filter(share=f"option:{self.options[0]}")
        assert [one.registration.seat is not None for one in holders] in ([], [True])

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
            moves = [one for one in changes if one.from_status != one.to_status]
            assert all(change.to_status in MOVES[change.from_status] for change in moves)
            assert all(one.to_status == other.from_status for one, other in pairwise(changes))

    @invariant()
    def offers_go_to_those_who_came_first(self):
        new = StatusChange.objects.filter(pk__gt=self.seen_changes).order_by("pk")
        by_turn = new.filter(to_status=Status.OFFERED, changed_by=None)
        entrance = Entrance(self._event())
        for change in by_turn.select_related("registration"):
            offered = change.registration
            waiting = self._event().registrations.waiting().filter(mode=offered.mode)
            for passed in waiting.filter(created_at__lt=offered.created_at):
                assert entrance.hindrance(passed, passed.mode)
        self.seen_changes = new.values_list("pk", flat=True).last() or self.seen_changes

    def _event(self) -> Event:
        return Event.objects.get(pk=self.event.pk)

    def _live(self, n: int) -> list[Registration]:
        return list(Registration.objects.live().filter(email=f"person{n}@example.org"))

    def _most(self) -> int | None:
        return Terms.objects.get().most_per_organisation

    def _now(self) -> datetime:
        return datetime.now(UTC)

    def _tick(self) -> None:
        """No two people come at the very same moment."""
        self.traveller.shift(timedelta(seconds=1))


def _person(n: int) -> seats.Person:
    return person(n, organisation=f"Organisation {n % 3}")


@pytest.mark.django_db
@pytest.mark.sqlite_too
def test_seats_hold_their_promises_in_any_order():
    run_state_machine_as_test(
        SeatMachine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
