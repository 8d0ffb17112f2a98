"""What some of the next editions have of their own: terms of registering, questions, rules for reminders."""

from collections.abc import Callable
from datetime import datetime, time, timedelta

from django.utils import timezone

from accounts.models import User
from events.models import Event
from events_site.demo.parts import Part
from registrations import line, questionnaire, reminder_rules
from registrations.models import (
    Audience,
    Moment,
    Question,
    QuestionKind,
    ReminderRule,
    Terms,
    When,
)
from registrations.questionnaire import Wanted

MOST_OF_ONE_ORGANISATION = 3
KEPT = 14
DECLARATION = (
    "I work for a public service, a university or a charity, not for a commercial company."
)
SESSIONS = (
    Wanted("Motivational interviewing with people who did not choose to come", 10),
    Wanted("Working with victims and families", 10),
    Wanted("Digital tools in supervision", 10),
)
VISIT = (Wanted("Yes, I join the visit", 20), Wanted("No, thank you"))


def arrange(event: Event, part: Part, *, by: User) -> None:
    """Store the terms, questions and rules of a published edition, before people register."""
    arrangements: dict[Part, Callable[[Event, User], None]] = {
        Part.APPROVAL: _ask_for_a_declaration,
        Part.INVITATION: _keep_places,
        Part.MEMBERS: _put_members_first,
        Part.QUESTIONS: _ask_questions,
        Part.LISTED: _show_participants,
        Part.HYBRID: _remind_by_own_rules,
    }
    if part in arrangements:
        arrangements[part](event, by)


def half_way(event: Event) -> datetime:
    """Noon on a day about half way between now and the end of registering, by the event's clock."""
    now = timezone.now()
    until = event.closes_at or event.starts_at
    day = (now + max(timedelta(days=1), (until - now) / 2)).astimezone(event.zone)
    return day.replace(hour=12, minute=0, second=0, microsecond=0)


def _ask_for_a_declaration(event: Event, _by: User) -> None:
    line.apply_terms(Terms(event=event, declaration=DECLARATION))


def _keep_places(event: Event, _by: User) -> None:
    line.apply_terms(Terms(event=event, kept_in_person=KEPT, kept_until=half_way(event)))


def _put_members_first(event: Event, _by: User) -> None:
    terms = Terms(
        event=event,
        members_only_until=half_way(event),
        most_per_organisation=MOST_OF_ONE_ORGANISATION,
    )
    line.apply_terms(terms)


def _show_participants(event: Event, _by: User) -> None:
    line.apply_terms(Terms(event=event, shows_participants=True))


def _remind_by_own_rules(event: Event, _by: User) -> None:
    """The day before in the morning instead of 24 hours before; and after the event thanks, or a word to the missed."""
    reminder_rules.switch(event, "1d", on=False)
    for rule in (
        ReminderRule(when=When.DAY_BEFORE, days=1, clock=time(9)),
        ReminderRule(when=When.AFTER_END, minutes=120, audience=Audience.PRESENT),
        ReminderRule(when=When.AFTER_END, minutes=2 * 24 * 60, audience=Audience.ABSENT),
    ):
        reminder_rules.add(event, rule)


def _ask_questions(event: Event, by: User) -> None:
    """Two with limited places, two that few may read, and the hotel once the place is sure."""
    session = Question(
        event=event,
        kind=QuestionKind.CHOICE,
        label="Which parallel session would you like to join?",
        is_required=True,
        has_second_preference=True,
        purpose="To find rooms of the right size.",
    )
    visit = Question(
        event=event,
        kind=QuestionKind.CHOICE,
        label="Will you join the study visit to a local service?",
        help_text="The bus takes 20 people and leaves after lunch.",
        is_required=True,
    )
    for question, options in ((session, SESSIONS), (visit, VISIT)):
        questionnaire.save(question, options=options)
    for special in questionnaire.READY_MADE:
        questionnaire.add_ready_made(event, special, by=by)
    hotel = Question(
        event=event,
        kind=QuestionKind.YES_NO,
        label="Shall we book a room for you in the hotel of the event?",
        is_required=True,
        moment=Moment.CONFIRMED,
        purpose="The hotel gets your name and the number of nights.",
    )
    nights = Question(
        event=event,
        kind=QuestionKind.NUMBER,
        label="For how many nights?",
        is_required=True,
        moment=Moment.CONFIRMED,
        shown_if=questionnaire.save(hotel),
        shown_if_answer="yes",
    )
    questionnaire.save(nights)
