"""Whole lives of an entry by mail, as a mail server takes them: what an address gets keeps the rules, in any order."""

from collections import defaultdict
from datetime import timedelta
from email import message_from_bytes, policy
from importlib import import_module
from itertools import permutations

import pytest
from django.apps import apps
from django.utils import timezone

from events import lifecycle
from outbox import delivery
from registrations import decisions, erasure, mailings, notices, seats, swaps, withdrawals
from registrations.models import Erasure, Withdrawal
from tests.events.calendar_rules import plain, read
from tests.events.life_rules import broken_over
from tests.events.mail_rules import broken_mail, letters_of
from tests.factories import (
    EventFactory,
    UserFactory,
    VenueFactory,
    person,
    registered,
    verified,
)

pytestmark = pytest.mark.django_db

FIRST, SECOND = "person1@example.org", "person2@example.org"


@pytest.fixture
def event():
    return EventFactory(title="Prison, probation: what next?", capacity_in_person=1)


@pytest.fixture
def life(smtp_server, settings, time_machine):
    """Lets a day go by, in which all that was written is sent."""
    settings.SITE_URL = "https://events.plenary.test"
    return Life(smtp_server, time_machine)


class Life:
    def __init__(self, smtp_server, clock):
        self.server, self.clock = smtp_server, clock
        self.now = timezone.now()

    def goes_on(self):
        """Send what waits, and an hour later what has settled."""
        for _n in range(2):
            mailings.write_due(timezone.now())
            delivery.deliver_due()
            self.now += timedelta(hours=1)
            self.clock.move_to(self.now)

    def by_address(self):
        """The calendar files that each address got, in order; each mail is looked at by itself."""
        self.goes_on()
        found = defaultdict(list)
        for raw, (_sender, [recipient]) in zip(
            self.server.taken, self.server.envelopes, strict=True
        ):
            if content := calendar_in(raw):
                assert broken_mail(raw, recipient=recipient, now=self.now) == []
                found[recipient].append(content)
        return found


def calendar_in(raw):
    """The calendar part of a mail; empty where it has none."""
    for part in message_from_bytes(raw, policy=policy.default).walk():
        if part.get_content_type() == "text/calendar":
            return part.get_payload(decode=True)
    return b""


def methods(calendars):
    return [read(one.decode())[0].value("METHOD") for one in calendars]


def entry(content):
    calendar, _faults = read(content.decode())
    return next(part for part in calendar.parts if part.name == "VEVENT")


def left_in(calendars):
    """What a calendar program holds in the end: it takes what has a higher revision, or the same and a later stamp."""
    known, held = (-1, ""), None
    for content in calendars:
        one = entry(content)
        revision = int(one.value("SEQUENCE")), one.value("DTSTAMP")
        if revision > known:
            known = revision
            is_out = methods([content]) == ["CANCEL"]
            held = None if is_out else (one.value("DTSTART"), one.value("STATUS"))
    return held


def check(calendars, expected):
    """The series has these methods, keeps the rules, and ends the same in whatever order it arrives."""
    assert broken_over(calendars) == []
    check_end(calendars, expected)


def check_end(calendars, expected):
    """The series, which may be of two addresses, has these methods, and ends the same in whatever order it arrives."""
    assert methods(calendars) == expected
    ends = {left_in(order) for order in permutations(calendars[-5:])}
    assert ends == {left_in(calendars)}
    assert (left_in(calendars) is None) == (expected[-1] == "CANCEL")


def change(event, **fields):
    for name, value in fields.items():
        setattr(event, name, value)
    lifecycle.apply_changes(event, by=None)


def moved(registration, email):
    swaps.ask_new_address(registration, email=email)
    registration.refresh_from_db()
    return swaps.prove_new_address(registration)


def test_the_event_is_moved_postponed_resumed_and_cancelled(life, event):
    verified(event, 1)
    life.goes_on()
    change(event, starts_at=event.starts_at + timedelta(hours=1))
    life.goes_on()
    change(event, venue=VenueFactory(name="Elsewhere"))
    life.goes_on()
    lifecycle.postpone(event, by=None)
    life.goes_on()
    change(
        event,
        starts_at=event.starts_at + timedelta(days=7),
        ends_at=event.ends_at + timedelta(days=7),
    )
    life.goes_on()
    lifecycle.publish(event, by=None)
    life.goes_on()
    lifecycle.cancel(event, by=None)
    check(life.by_address()[FIRST], ["REQUEST"] * 5 + ["CANCEL"])


def test_the_person_cancels_and_comes_again_while_the_event_moves(life, event):
    for hours in (1, 2):
        registration = verified(event, 1)
        life.goes_on()
        seats.cancel(registration)
        life.goes_on()
        change(event, starts_at=event.starts_at + timedelta(hours=hours))
    verified(event, 1)
    life.goes_on()
    change(event, venue=VenueFactory(name="Elsewhere"))
    life.goes_on()
    lifecycle.cancel(event, by=None)
    got = life.by_address()[FIRST]
    check(got, ["REQUEST", "CANCEL"] * 2 + ["REQUEST", "REQUEST", "CANCEL"])


@pytest.mark.parametrize("whole", [True, False], ids=["the event", "the person"])
def test_what_is_called_off_before_a_move_is_told_names_the_time_that_was_told(life, event, whole):
    registration = verified(event, 1)
    life.goes_on()
    change(
        event,
        starts_at=event.starts_at + timedelta(days=3),
        ends_at=event.ends_at + timedelta(days=4),
    )
    change(event, timezone="America/New_York")

    if whole:
        lifecycle.cancel(event, by=None)
    else:
        seats.cancel(registration)

    check(life.by_address()[FIRST], ["REQUEST", "CANCEL"])


def test_what_is_written_within_a_second_is_stamped_in_its_order(life, event):
    life.clock.move_to(life.now.replace(microsecond=0), tick=False)
    registration = verified(event, 1)
    delivery.deliver_due()
    notices.mode_changed(registration)
    delivery.deliver_due()
    seats.cancel(registration)
    delivery.deliver_due()

    check(life.by_address()[FIRST], ["REQUEST", "REQUEST", "CANCEL"])


def test_a_domain_in_other_letters_is_the_same_in_the_entry_as_in_the_mail(life, event):
    seats.verify(registered(event, email="anna@bücher.example"))

    check(life.by_address()["anna@xn--bcher-kva.example"], ["REQUEST"])


def test_our_own_address_gets_no_entry_since_it_would_be_organiser_and_guest(life, event, settings):
    seats.verify(registered(event, email=settings.DEFAULT_FROM_EMAIL))

    assert life.by_address() == {}


def test_an_entry_stays_while_another_place_leads_to_the_same_mailbox(life, event):
    event.capacity_in_person = 2
    change(event)
    alias = seats.verify(registered(event, email="person1+course@example.org"))
    verified(event, 1)
    life.goes_on()

    seats.cancel(alias)

    found = life.by_address()
    check(found["person1+course@example.org"], ["REQUEST"])
    check(found[FIRST], ["REQUEST"])


def test_a_substitute_gets_the_entry_and_the_first_persons_goes(life, event):
    first = verified(event, 1)
    life.goes_on()
    second = seats.verify(swaps.name_substitute(first, person=person(2)))
    life.goes_on()
    seats.verify(swaps.name_substitute(second, person=person(1)))
    life.goes_on()
    change(event, venue=VenueFactory(name="Elsewhere"))
    found = life.by_address()
    check(found[FIRST], ["REQUEST", "CANCEL", "REQUEST", "REQUEST"])
    check(found[SECOND], ["REQUEST", "CANCEL"])


def test_an_address_is_changed_there_and_back_and_there_again(life, event):
    registration = verified(event, 1)
    for email in (SECOND, FIRST, SECOND):
        life.goes_on()
        registration = moved(registration, email)
    found = life.by_address()
    check(found[FIRST], ["REQUEST", "CANCEL", "REQUEST", "CANCEL"])
    check(found[SECOND], ["REQUEST", "CANCEL", "REQUEST"])


def test_another_case_of_the_letters_is_the_same_mailbox(life, event):
    registration = verified(event, 1)
    life.goes_on()
    moved(registration, "PERSON1@example.org")
    life.goes_on()
    found = life.by_address()
    revision = [int(entry(one).value("SEQUENCE")) for one in found[FIRST]]
    assert methods(found[FIRST]) == ["REQUEST", "CANCEL"]
    assert methods(found["PERSON1@example.org"]) == ["REQUEST"]
    assert int(entry(found["PERSON1@example.org"][0]).value("SEQUENCE")) > max(revision)


@pytest.mark.parametrize("new", ["ana@new.example.org", "person1+work@example.org"])
def test_two_addresses_that_lead_to_one_calendar_leave_the_entry_in_it(life, event, new):
    """As an alias does, or a domain that was renamed."""
    registration = verified(event, 1)
    life.goes_on()
    seats.cancel(registration)
    life.goes_on()
    registration = verified(event, 1)
    life.goes_on()
    moved(registration, new)
    life.goes_on()
    seats.cancel(registration)
    life.goes_on()
    verified(event, 1, email=new)
    found = life.by_address()
    old = ["REQUEST", "CANCEL", "REQUEST", "CANCEL"]
    check_end(found[FIRST] + found[new], [*old, "REQUEST", "CANCEL", "REQUEST"])


def test_a_new_address_counts_on_although_the_place_was_given_up_before(life, event):
    registration = verified(event, 1)
    life.goes_on()
    seats.cancel(registration)
    other = verified(event, 2)
    life.goes_on()
    moved(verified(event, 1), "ana@new.example.org")
    seats.cancel(other)
    seats.accept_offer(event.registrations.get(email="ana@new.example.org"))
    found = life.by_address()
    check_end(found[FIRST] + found["ana@new.example.org"], ["REQUEST", "CANCEL", "REQUEST"])


def test_who_registers_for_another_and_then_for_oneself_has_the_entry(life):
    event = EventFactory()
    boss = verified(event, 1)
    life.goes_on()
    moved(boss, SECOND)
    life.goes_on()
    verified(event, 1)
    found = life.by_address()
    check(found[FIRST], ["REQUEST", "CANCEL", "REQUEST"])
    check(found[SECOND], ["REQUEST"])


def test_waiting_and_offered_people_have_no_entry_before_they_accept(life, event):
    first = verified(event, 2)
    second = verified(event, 1)
    life.goes_on()
    seats.cancel(first)
    second.refresh_from_db()
    assert second.status == "offered"
    assert life.by_address()[FIRST] == []
    seats.accept_offer(second)
    life.goes_on()
    seats.cancel(second, by=UserFactory())
    check(life.by_address()[FIRST], ["REQUEST", "CANCEL"])


def test_an_accepted_person_gets_the_entry(life):
    registration = verified(EventFactory(entry="approval"), 1)
    life.goes_on()
    decisions.accept(registration, by=None)
    check(life.by_address()[FIRST], ["REQUEST"])


def test_another_way_of_attending_changes_the_entry(life):
    event = EventFactory(hybrid=True, join_url="https://meet.example/room")
    registration = verified(event, 1)
    life.goes_on()
    registration = swaps.change_mode(registration, "online")
    life.goes_on()
    seats.cancel(registration)
    found = life.by_address()[FIRST]
    check(found, ["REQUEST", "REQUEST", "CANCEL"])
    assert b"meet.example" not in b"".join(found)
    page = f"/events/{event.slug}/join/"
    assert [page in plain(entry(one).value("DESCRIPTION")) for one in found] == [False, True, True]


def test_links_and_standings_carry_no_entry(life, event):
    registration = verified(event, 1)
    life.goes_on()
    notices.link_again(registration)
    notices.standing(registration)
    check(life.by_address()[FIRST], ["REQUEST"])


NAMES = [
    'Ana, "the Boss"; \\ Lima',
    "Zoë 🎉 Ångström",
    "اختبار ‮ אנה",
    "a\x0bb\x1fc\u2028d",
    "x" * 90,
]


@pytest.mark.parametrize("name", NAMES)
def test_unusual_names_titles_and_words_keep_the_rules(life, name):
    event = EventFactory(
        title=f"{name}: tab\there; R&D <3",
        summary=name,
        description="<p>" + "Wörter, die; weit \\ tragen 🎉 &amp; <b>mehr</b>. " * 250 + "</p>",
    )
    registration = verified(event, 1, given_name=name)
    life.goes_on()
    seats.cancel(registration)
    got = life.by_address()[FIRST]
    check(got, ["REQUEST", "CANCEL"])
    assert letters_of(plain(entry(got[0]).value("SUMMARY"))) == letters_of(event.title)


# -- The count -------------------------------------------------------------------------------------


def test_an_erased_person_leaves_no_count(event):
    registration = verified(event, 1)
    seats.cancel(registration)
    other = verified(event, 2)
    seats.cancel(other)
    assert Withdrawal.objects.count() == 2
    erasure.erase([registration], reason=Erasure.Reason.ASKED)
    assert [one.address for one in Withdrawal.objects.all()] == [withdrawals.digest_of(SECOND)]


def test_who_erases_an_older_registration_keeps_the_count_of_the_present_one(life, event):
    old = verified(event, 1)
    life.goes_on()
    seats.cancel(old)
    life.goes_on()
    verified(event, 1, email="person1+again@example.org")
    life.goes_on()
    erasure.erase([old], reason=Erasure.Reason.ASKED)
    change(event, venue=VenueFactory(name="Elsewhere"))
    found = life.by_address()
    check_end(
        found[FIRST] + found["person1+again@example.org"], ["REQUEST", "CANCEL"] + ["REQUEST"] * 2
    )


def test_who_erases_the_address_keeps_the_counts_of_another_in_the_same_mailbox(event):
    seats.cancel(verified(event, 1))
    verified(event, 1, email="person1+again@example.org")
    erasure.erase_address(FIRST)
    assert Withdrawal.objects.get().address == withdrawals.digest_of(FIRST)
    erasure.erase_address("Person1+again@example.org")
    assert Withdrawal.objects.count() == 0


def test_counts_of_addresses_with_a_tag_go_to_their_mailbox(event):
    verified(event, 1, email="Person1+a@example.org")
    verified(EventFactory(), 2, email="person2+a@example.org")
    migration = import_module("registrations.migrations.0011_withdrawals_by_mailbox")
    for address, times in (("person1@example.org", 1), ("person1+a@example.org", 3)):
        Withdrawal.objects.create(event=event, address=migration.digest_of(address), times=times)
    migration.count_by_mailbox(apps, None)
    assert list(Withdrawal.objects.values_list("address", "times")) == [
        (withdrawals.digest_of(FIRST), 3)
    ]


def test_with_the_last_person_of_a_past_event_all_counts_go(event, time_machine):
    moved(verified(event, 1), SECOND)
    assert Withdrawal.objects.count() == 2
    time_machine.move_to(event.ends_at + timedelta(days=800))
    erasure.erase_overdue(timezone.now())
    assert Withdrawal.objects.count() == 0


def test_the_migration_counts_as_revisions_were_counted_before(event):
    seats.cancel(verified(event, 1))
    seats.cancel(verified(event, 1, email="PERSON1@example.org"))
    verified(event, 1)
    other = EventFactory()
    moved(verified(other, 2), "new@example.org")
    registered(other, 3)
    at_the_new = Withdrawal.objects.filter(address=withdrawals.digest_of("new@example.org"))
    at_the_new.delete()  # was not counted on before
    before = set(Withdrawal.objects.values_list("event_id", "address", "times"))
    assert len(before) == 2
    Withdrawal.objects.all().delete()
    migration = import_module("registrations.migrations.0008_count_entries_withdrawn_so_far")
    migration.count(apps, None)
    assert set(Withdrawal.objects.values_list("event_id", "address", "times")) == before
