"""Who may come: the page of an event's terms."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from events.models import Mode
from outbox.models import Message
from registrations import seats
from registrations.models import Registration, Terms, terms_of
from tests.factories import (
    EventFactory,
    MembershipFactory,
    OrganisationFactory,
    enrolled,
    person,
    terms,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    return OrganisationFactory()


@pytest.fixture
def desk(organisation):
    client = Client()
    client.force_login(MembershipFactory(organisation=organisation, role=Role.MANAGER).user)
    return client


@pytest.fixture
def event(organisation):
    return EventFactory(organiser=organisation, capacity_in_person=10)


def page_of(event):
    return reverse("desk_terms", args=[event.pk])


def said(**changes):
    """What the page sends with the usual terms, but for some changes."""
    return {"checks_address": "on", "offer_hours": "48", **changes}


def errors(page):
    assert page.status_code == 422
    return {name: " ".join(lines) for name, lines in page.context["form"].errors.items()}


def test_everything_is_stored_with_times_by_the_events_clock(desk, event):
    answer = desk.post(
        page_of(event),
        said(
            members_only_until="2030-06-01T12:00",
            kept_in_person="4",
            kept_until="2030-07-01T12:00",
            most_per_organisation="2",
            most_per_jurisdiction="3",
            mail_domains="@Justice.example, police.example\njustice.example",
            declaration="I do not work for a commercial company.",
            answers_until="2030-01-01T12:00",
            offer_hours="24",
        ),
    )
    assert answer["Location"] == page_of(event)
    stored = terms_of(event)
    assert stored.members_only_until == datetime(2030, 6, 1, 10, tzinfo=UTC)
    assert stored.kept_until == datetime(2030, 7, 1, 10, tzinfo=UTC)
    assert stored.answers_until == datetime(2030, 1, 1, 11, tzinfo=UTC)
    assert (stored.kept_in_person, stored.kept_online, stored.offer_hours) == (4, 0, 24)
    assert (stored.most_per_organisation, stored.most_per_jurisdiction) == (2, 3)
    assert stored.domains == ["justice.example", "police.example"]
    assert stored.declaration == "I do not work for a commercial company."
    assert (stored.checks_address, stored.shows_participants) == (True, False)


def test_saving_the_page_unchanged_changes_nothing(desk, event):
    terms(
        event,
        members_only_until=datetime(2030, 6, 1, 10, tzinfo=UTC),
        mail_domains="a.example",
        checks_address=False,
    )
    before = Terms.objects.values().get()
    form = desk.get(page_of(event)).context["form"]
    sent = {
        field.html_name: field.field.widget.format_value(field.value())
        for field in form
        if field.value() not in (None, False, "")
    }
    assert desk.post(page_of(event), sent).status_code == 302
    assert Terms.objects.values().get() == before


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"offer_hours": "0"}, "offer_hours", "Write 1 or a higher number."),
        ({"offer_hours": ""}, "offer_hours", "Say for how many hours"),
        ({"offer_hours": "99999"}, "offer_hours", "Write 32767 or a lower number."),
        ({"kept_in_person": "-1"}, "kept_in_person", "Write 0 or a higher number."),
        ({"kept_in_person": "two"}, "kept_in_person", "Write a whole number, as in 12."),
        ({"kept_in_person": "3"}, "kept_until", "Say until when the places are kept."),
        (
            {"kept_in_person": "11", "kept_until": "2030-01-01T12:00"},
            "kept_in_person",
            "The event has 10 places.",
        ),
        ({"mail_domains": "justice"}, "mail_domains", "“justice” is no domain."),
        ({"members_only_until": "2030-03-31T02:30"}, "members_only_until", "does not exist"),
        ({"most_per_organisation": "0"}, "most_per_organisation", "Write 1 or a higher number."),
        ({"declaration": "x" * 301}, "declaration", "Shorten it to 300 characters; it has 301"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(desk, event, changes, field, words):
    assert words in errors(desk.post(page_of(event), said(**changes)))[field]
    assert not Terms.objects.exists()


def test_places_can_be_kept_only_where_there_is_a_limit(desk, organisation):
    event = EventFactory(organiser=organisation)
    sent = said(kept_in_person="1", kept_until="2030-01-01T12:00")
    assert "no limit of places" in errors(desk.post(page_of(event), sent))["kept_in_person"]


def test_an_event_in_one_way_asks_nothing_about_the_other(desk, event, organisation):
    fields = desk.get(page_of(event)).context["form"].fields
    assert "kept_in_person" in fields
    assert "kept_online" not in fields
    hybrid = EventFactory(organiser=organisation, hybrid=True)
    assert "kept_online" in desk.get(page_of(hybrid)).context["form"].fields


def test_the_page_asks_once_more_where_people_are_concerned(desk, event):
    terms(event, most_per_organisation=1)
    enrolled(event, 1)
    waits = seats.enrol(event, person=person(2), mode=Mode.IN_PERSON, by=None)
    before = Message.objects.count()

    page = desk.post(page_of(event), said())
    assert page.context["warnings"] == ["1 person on the waiting list is offered a place at once."]
    waits.refresh_from_db()
    assert (waits.status, Message.objects.count()) == ("waiting", before)
    assert terms_of(event).most_per_organisation == 1

    again = desk.post(page_of(event), said(confirmed=" ".join(page.context["warnings"])))
    assert again.status_code == 302
    waits.refresh_from_db()
    assert (waits.status, Message.objects.count()) == ("offered", before + 1)


def test_a_limit_below_what_is_there_says_so_and_takes_nothing_away(desk, event):
    people = [enrolled(event, n) for n in range(4)]
    page = desk.post(page_of(event), said(most_per_organisation="1"))
    assert page.context["warnings"] == [
        "3 people are above a limit already, and keep their places."
    ]
    desk.post(page_of(event), said(most_per_organisation="1", confirmed=page.context["warnings"]))
    assert Registration.objects.confirmed().count() == len(people)
    # Said once is enough.
    assert desk.post(page_of(event), said(most_per_organisation="1", offer_hours="5")).status_code == 302  # fmt: skip


def test_dropping_the_check_of_addresses_and_naming_people_are_said(desk, event):
    one = enrolled(event, 1)
    Registration.objects.filter(pk=one.pk).update(is_listed=True)
    sent = {"offer_hours": "48", "shows_participants": "on"}
    assert desk.post(page_of(event), sent).context["warnings"] == [
        "Whoever types an address registers it: nobody checks that it is the person's own.",
        "The event's page names 1 person, who agreed to it.",
    ]


def test_the_page_is_a_tab_of_the_event(desk, event):
    assert ("Who may come", page_of(event)) in desk.get(page_of(event)).context["tabs"]
