"""A copy of an event is a draft for another date with all that was set up, and nothing of people."""

from datetime import UTC, datetime, timedelta

import pytest

from events import lifecycle
from events.models import Event, OrganisationRole, Status
from registrations.models import ReminderRule, Terms, Wording, terms_of
from registrations.reminder_rules import name_of, rules_of
from tests.factories import (
    EventFactory,
    OptionFactory,
    OrganisationFactory,
    QuestionFactory,
    SessionFactory,
    SpeakerFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
    enrolled,
)

pytestmark = pytest.mark.django_db

#: Two days before the clocks of Madrid go forward.
START = datetime(2027, 3, 26, 8, tzinfo=UTC)  # 09:00
#: The same hour by the clock a week later.
LATER = datetime(2027, 4, 2, 7, tzinfo=UTC)

#: Every table that hangs on an event: what a copy takes over, and what is of people or of that one occasion.
COPIED = {
    "EventOrganisation", "Event_topics", "Session", "Terms", "Question", "ReminderRule", "Wording",
}  # fmt: skip
LEFT = {
    "Registration", "Vacancy", "Allotment", "Invitation", "OpeningNotice", "PendingImport", "Figures", "Erasure",
    "Mailing", "Article", "Issue", "Withdrawal", "ImportedEntry", "FormerSlug", "Departure",
}  # fmt: skip


@pytest.fixture
def event():
    event = EventFactory(
        title="Workshop on Recovery",
        starts_at=START,
        ends_at=START + timedelta(hours=8),
        opens_at=START - timedelta(days=60),
        closes_at=START - timedelta(days=2),
        capacity_in_person=40,
        audience="Practitioners",
        join_url="https://meet.example/old",
        hybrid=True,
    )
    event.organisation_links.create(
        organisation=OrganisationFactory(), role=OrganisationRole.PARTNER, position=1
    )
    event.topics.add(TopicFactory(), TopicFactory())
    return event


def copy(event, starts_at=LATER) -> Event:
    made = lifecycle.copy(event, by=None, starts_at=starts_at)
    return Event.objects.with_facts().get(pk=made.pk)


def test_every_table_of_an_event_is_copied_or_left_on_purpose():
    related = {one.related_model.__name__ for one in Event._meta.related_objects}
    assert related | {"Event_topics"} == COPIED | LEFT


def test_the_facts_are_the_same_and_the_draft_is_its_own(event):
    Event.objects.filter(pk=event.pk).update(sequence=3, status=Status.CANCELLED)
    event.refresh_from_db()
    draft = copy(event)
    same = (
        "title", "kind", "format", "summary", "description", "timezone", "venue_id", "series_id", "entry", "audience",
        "capacity_in_person", "capacity_online", "contact_email", "is_whole_day",
    )  # fmt: skip
    assert [getattr(draft, name) for name in same] == [getattr(event, name) for name in same]
    assert (draft.status, draft.sequence, draft.join_url) == (Status.DRAFT, 0, "")
    assert draft.slug == "workshop-on-recovery"
    assert copy(event).slug == "workshop-on-recovery-2"
    assert draft.uid != event.uid
    assert draft.created_at > event.created_at


def test_all_times_move_by_the_clock(event):
    draft = copy(event)
    assert draft.starts_at == LATER
    assert draft.ends_at == LATER + timedelta(hours=8)
    # 60 days before 26 March is winter in both; two days before 2 April is summer, two before 26 March winter.
    assert draft.opens_at == START - timedelta(days=53)
    assert draft.closes_at == datetime(2027, 3, 31, 7, tzinfo=UTC)


def test_whole_days_move_by_days(event):
    midnight = datetime(2027, 3, 25, 23, tzinfo=UTC)
    event.starts_at, event.ends_at, event.is_whole_day = (
        midnight,
        midnight + timedelta(days=2),
        True,
    )
    event.save()
    draft = copy(event, LATER)
    assert draft.starts_at == datetime(2027, 4, 1, 22, tzinfo=UTC)
    assert draft.days == [day + timedelta(days=7) for day in event.days]


def test_an_event_over_a_change_of_clocks_still_ends_after_it_starts(event):
    event.starts_at, event.ends_at = START, START + timedelta(minutes=20)
    event.opens_at = event.closes_at = None
    event.save()
    # 01:50 to 02:10, which the clocks skip.
    draft = copy(event, datetime(2027, 3, 28, 0, 50, tzinfo=UTC))
    assert draft.ends_at > draft.starts_at
    assert (draft.opens_at, draft.closes_at) == (None, None)


def test_organisations_topics_and_programme_come_along(event):
    session = SessionFactory(event=event, title="Opening", details="Hall 1")
    SpeakerFactory(session=session, name="Ana", affiliation="CEP", position=1)
    draft = copy(event)
    roles = [
        (link.organisation_id, link.role, link.position) for link in event.organisation_links.all()
    ]
    assert [
        (link.organisation_id, link.role, link.position) for link in draft.organisation_links.all()
    ] == roles
    assert set(draft.topics.all()) == set(event.topics.all())
    [made] = draft.sessions.all()
    assert (made.title, made.details) == ("Opening", "Hall 1")
    assert (made.starts_at, made.ends_at) == (LATER, LATER + timedelta(hours=1))
    assert list(made.speakers.values_list("name", "affiliation", "position")) == [("Ana", "CEP", 1)]


def test_the_terms_come_along_with_their_deadlines(event):
    Terms.objects.create(
        event=event,
        offer_hours=5,
        members_only_until=START - timedelta(days=1),
        kept_in_person=4,
        kept_until=START - timedelta(days=30),
        mail_domains="justice.example",
        opened_at=START - timedelta(days=29),
    )
    made = terms_of(copy(event))
    assert (made.offer_hours, made.kept_in_person, made.domains) == (5, 4, ["justice.example"])
    assert made.members_only_until == LATER - timedelta(days=1)
    assert made.kept_until == START - timedelta(days=23)
    assert (made.answers_until, made.opened_at) == (None, None)
    assert not Terms.objects.filter(event=copy(EventFactory())).exists()


def test_questions_come_along_with_options_readers_and_conditions(event):
    reader = UserFactory()
    choice = QuestionFactory(event=event, kind="choice", label="Which visit?", position=1)
    options = [OptionFactory(question=choice, label=label, places=7) for label in ("A", "B")]
    follow = QuestionFactory(
        event=event, label="Why B?", shown_if=choice, shown_if_answer=str(options[1].pk), position=0
    )
    diet = QuestionFactory(event=event, special="diet", position=2)
    diet.readers.add(reader)
    QuestionFactory(event=event, shown_if=diet, shown_if_answer="yes", position=3)
    draft = copy(event)
    why, which, special, last = draft.questions.all()
    assert [why.label, which.label] == [follow.label, choice.label]
    assert list(which.options.values_list("label", "places")) == [("A", 7), ("B", 7)]
    assert why.shown_if == which
    assert why.shown_if_answer == str(which.options.get(label="B").pk)
    assert list(special.readers.all()) == [reader]
    assert (last.shown_if, last.shown_if_answer) == (special, "yes")


def test_rules_for_reminders_and_words_come_along(event):
    ReminderRule.objects.create(event=event, minutes=120, audience="online")
    ReminderRule.objects.create(event=event, when="at", at=START - timedelta(days=1), is_on=False)
    Wording.objects.create(event=event, notice="reminder", language="en", subject="S", text="T")
    draft = copy(event)
    rules = [(name_of(rule), rule.is_on) for rule in rules_of(draft)]
    assert rules == [("2h-online", True), ("at-2027-04-01T07:00:00Z", False)]
    [wording] = draft.wordings.all()
    assert (wording.notice, wording.language, wording.subject, wording.text) == (
        "reminder", "en", "S", "T",
    )  # fmt: skip
    # One without rules of its own goes on by the network's.
    assert not copy(EventFactory()).reminder_rules.exists()


def test_nothing_of_people_comes_along(event):
    enrolled(event, 1)
    draft = copy(event)
    assert not draft.registrations.exists()
    assert not draft.vacancies.exists()


def test_a_venue_that_both_have_is_one(event):
    event.venue = VenueFactory()
    event.save()
    assert copy(event).venue == event.venue
