"""Every named rule of the database refuses a row that breaks it, whatever the code above forgot."""

from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model

from accounts.models import MailDomain
from events.models import ImportedEntry
from outbox.models import Message, Suppression, Unsubscription
from recaps.models import Issue, Subscriber
from registrations.models import (
    Allotment,
    Answer,
    Attendance,
    Departure,
    Figures,
    Mailing,
    OpeningNotice,
    PersonalFeed,
    Registration,
    ReminderRule,
    Terms,
    Vacancy,
    Withdrawal,
    Wording,
)
from tests.factories import (
    ArticleFactory,
    EventFactory,
    InvitationFactory,
    JurisdictionFactory,
    MembershipFactory,
    OptionFactory,
    OrganisationFactory,
    QuestionFactory,
    SessionFactory,
    UserFactory,
    VenueFactory,
    enrolled,
    registered,
)

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, tzinfo=UTC)
APPS = ("accounts", "outbox", "events", "registrations", "recaps")


def message(**fields) -> Message:
    return Message.objects.create(
        **{"key": "a", "recipient": "a@example.org", "subject": "S", "text": "T"} | fields
    )


def copy_of(row: Model, **fields) -> Model:
    """A second row with the same values but for these."""
    row.pk = None
    row._state.adding = True
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def update(row: Model, **fields) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**fields)


def twice_the_seat() -> None:
    event = EventFactory()
    first, second = registered(event, 1), registered(event, 2)
    update(second, seat=first.seat)


def twice_the_person() -> None:
    copy_of(
        registered(EventFactory()), seat=9, reference="ANOTHER", email="PERSON1@example.org"
    ).save()


def twice_on_a_day() -> None:
    registration = enrolled(EventFactory())
    for mode in ("in-person", "online"):
        Attendance.objects.create(
            registration=registration, day=NOW.date(), mode=mode, source="manual"
        )


def twice_an_organisation() -> None:
    copy_of(EventFactory().organisation_links.get(), role="partner").save()


def share_of(registration, share="jurisdiction:1", number=1, **more) -> Allotment:
    return Allotment.objects.create(
        event=registration.event, registration=registration, share=share, number=number, **more
    )


def twice_the_share() -> None:
    event = EventFactory()
    for n in (1, 2):
        share_of(registered(event, n))


def twice_in_a_share() -> None:
    registration = registered(EventFactory())
    for number in (1, 2):
        share_of(registration, number=number)


def twice_answered() -> None:
    question = QuestionFactory()
    registration = registered(question.event)
    for value in ("a", "b"):
        Answer.objects.create(registration=registration, question=question, value=value)


def depends_on_itself() -> None:
    question = QuestionFactory()
    update(question, shown_if=question)


def terms_with(**fields) -> Terms:
    return Terms.objects.create(event=EventFactory(), **fields)


def twice_vacant() -> None:
    event = EventFactory()
    for _n in range(2):
        Vacancy.objects.create(event=event, mode="in-person", seat=1)


def twice_invited() -> None:
    event = EventFactory()
    for email in ("a@example.org", "A@example.org"):
        InvitationFactory(event=event, email=email)


def twice_asked_to_be_told() -> None:
    event = EventFactory()
    for email in ("a@example.org", "A@example.org"):
        OpeningNotice.objects.create(event=event, email=email)


def two_feeds() -> None:
    for email in ("a@example.org", "A@example.org"):
        PersonalFeed.objects.create(email=email)


def twice_left() -> None:
    for _n in range(2):
        Unsubscription.objects.create(address="a@example.org", list_name="newsletter")


def twice_withdrawn() -> None:
    event = EventFactory()
    for _n in range(2):
        Withdrawal.objects.create(event=event, address="digest")


def twice_departed() -> None:
    feed, event = PersonalFeed.objects.create(email="a@example.org"), EventFactory()
    for _n in range(2):
        Departure.objects.create(feed=feed, event=event)


def twice_worded(event) -> None:
    for _n in range(2):
        Wording.objects.create(event=event, notice="confirmed", language="en")


def mailing(n: int = 1, **fields) -> Mailing:
    return Mailing.objects.create(
        **{"event": EventFactory(), "kind": "letter", "key": str(n)} | fields
    )


def twice_unsettled() -> None:
    event = EventFactory()
    for n in (1, 2):
        mailing(n, event=event, kind="changed")


def twice_subscribed() -> None:
    for email in ("a@example.org", "A@example.org"):
        Subscriber.objects.create(email=email)


BREACHES = {
    "an_address_subscribes_once": twice_subscribed,
    "issue_state_is_known": lambda: Issue.objects.create(subject="S", state="lost", sent_at=NOW),
    "an_issue_has_a_time_of_sending_once_sent": lambda: Issue.objects.create(
        subject="S", state="sent"
    ),
    "message_lane_is_known": lambda: message(lane="left"),
    "suppressed_address_is_in_lower_case": lambda: Suppression.objects.create(
        address="A@example.org"
    ),
    "leaving_address_is_in_lower_case": lambda: Unsubscription.objects.create(
        address="A@example.org", list_name="newsletter"
    ),
    "a_list_is_left_once_by_an_address": twice_left,
    "withdrawals_of_an_address_are_counted_once": twice_withdrawn,
    "departures_from_a_feed_are_counted_once": twice_departed,
    "only_a_cancelled_event_says_since_when": lambda: update(EventFactory(), cancelled_at=NOW),
    "a_reminder_has_a_moment": lambda: ReminderRule.objects.create(when="day-before", days=1),
    "audience_of_a_reminder_is_known": lambda: ReminderRule.objects.create(
        minutes=60, audience="all"
    ),
    "who_was_there_is_known_afterwards": lambda: ReminderRule.objects.create(
        minutes=60, audience="present"
    ),
    "a_message_of_an_event_has_one_wording_in_a_language": lambda: twice_worded(EventFactory()),
    "a_message_of_the_network_has_one_wording_in_a_language": lambda: twice_worded(None),
    "mailing_kind_is_known": lambda: mailing(kind="spam"),
    "mailing_state_is_known": lambda: mailing(state="lost"),
    "changes_that_are_not_settled_are_told_together": twice_unsettled,
    "an_organisation_keeps_people_for_a_month_at_least": lambda: OrganisationFactory(
        retention_months=0
    ),
    "mail_domain_is_in_lower_case": lambda: MailDomain.objects.create(
        organisation=OrganisationFactory(), domain="Justice.example"
    ),
    "each_vacancy_stands_once": twice_vacant,
    "each_place_of_a_share_is_given_once": twice_the_share,
    "a_registration_counts_once_in_a_share": twice_in_a_share,
    "shares_count_from_one": lambda: share_of(registered(EventFactory()), number=0),
    "an_offer_stands_an_hour_at_least": lambda: terms_with(offer_hours=0),
    "kept_places_are_kept_until_a_date": lambda: terms_with(kept_online=1),
    "an_organisation_may_send_somebody": lambda: terms_with(most_per_organisation=0),
    "a_jurisdiction_may_send_somebody": lambda: terms_with(most_per_jurisdiction=0),
    "question_kind_is_known": lambda: QuestionFactory(kind="riddle"),
    "question_moment_is_known": lambda: QuestionFactory(moment="never"),
    "question_category_is_known": lambda: QuestionFactory(special="taste"),
    "nobody_must_tell_special_data": lambda: QuestionFactory(special="diet", is_required=True),
    "only_one_choice_has_a_second_preference": lambda: QuestionFactory(has_second_preference=True),
    "no_question_depends_on_itself": depends_on_itself,
    "an_option_has_a_place": lambda: OptionFactory(places=0),
    "each_question_is_answered_once": twice_answered,
    "each_person_is_invited_once_to_an_event": twice_invited,
    "an_invitation_is_opened_before_it_is_declined": lambda: InvitationFactory(declined_at=NOW),
    "each_address_asks_once_to_be_told": twice_asked_to_be_told,
    "one_personal_feed_per_address": two_feeds,
    "only_people_with_a_place_wish_for_another_mode": lambda: update(
        registered(EventFactory(hybrid=True)), wished_mode="online"
    ),
    "erased_people_have_no_name": lambda: update(enrolled(EventFactory()), erased_at=NOW),
    "one_user_per_email_address": lambda: (
        UserFactory(email="a@example.org"),
        UserFactory(email="A@example.org"),
    ),
    "each_role_in_an_organisation_is_held_once": lambda: copy_of(MembershipFactory()).save(),
    "membership_role_is_known": lambda: MembershipFactory(role="king"),
    "jurisdiction_code_begins_with_its_country": lambda: JurisdictionFactory(
        code="GB-SCT", country="ES"
    ),
    "message_state_is_known": lambda: message(state="lost"),
    "message_has_one_recipient": lambda: message(recipient="a@example.org,b@example.org"),
    "message_is_claimed_while_sending": lambda: message(state="sending"),
    "message_has_a_time_of_sending_once_sent": lambda: message(state="sent"),
    "venue_coordinates_come_in_pairs_on_the_globe": lambda: VenueFactory(latitude=41),
    "event_ends_after_it_starts": lambda: EventFactory(starts_at=NOW, ends_at=NOW),
    "event_status_is_known": lambda: EventFactory(status="maybe"),
    "event_kind_is_known": lambda: EventFactory(kind="party"),
    "event_format_is_known": lambda: EventFactory(format="telepathy"),
    "event_entry_is_known": lambda: EventFactory(entry="lottery"),
    "published_event_has_a_venue_unless_online": lambda: EventFactory(venue=None),
    "registration_elsewhere_has_an_address": lambda: EventFactory(entry="elsewhere"),
    "registration_closes_after_it_opens": lambda: EventFactory(opens_at=NOW, closes_at=NOW),
    "each_organisation_has_one_role_in_an_event": twice_an_organisation,
    "organisation_role_is_known": lambda: update(
        EventFactory().organisation_links.get(), role="guest"
    ),
    "session_ends_after_it_starts": lambda: SessionFactory(starts_at=NOW, ends_at=NOW),
    "each_seat_is_given_once": twice_the_seat,
    "one_live_registration_per_person_and_event": twice_the_person,
    "state_says_whether_a_seat_is_held": lambda: update(enrolled(EventFactory()), seat=None),
    "seats_count_from_one": lambda: update(enrolled(EventFactory()), seat=0),
    "held_places_have_a_deadline": lambda: update(registered(EventFactory()), expires_at=None),
    "confirmed_people_have_a_time_of_confirmation": lambda: update(
        enrolled(EventFactory()), confirmed_at=None
    ),
    "mode_is_known": lambda: update(enrolled(EventFactory()), mode="by post"),
    "present_once_a_day": twice_on_a_day,
    "no_more_jurisdictions_than_people": lambda: Figures.objects.create(
        event=EventFactory(), participants=1, jurisdictions=2, shares=[]
    ),
    "an_organisation_imports_an_entry_once": lambda: copy_of(
        ImportedEntry.objects.create(
            event=EventFactory(),
            organisation=OrganisationFactory(),
            uid="a",
            file_name="a",
            text="a",
        ),
        event=EventFactory(),
    ).save(),
    "article_kind_is_known": lambda: ArticleFactory(kind="gossip"),
}


@pytest.mark.parametrize(("name", "breach"), BREACHES.items(), ids=BREACHES)
def test_constraint_refuses_what_it_names(name, breach):
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        breach()

    if connection.vendor == "postgresql":
        assert refusal.value.__cause__.diag.constraint_name == name


def test_every_constraint_of_ours_is_tried():
    named = {
        constraint.name
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        for constraint in model._meta.constraints
    }

    assert {*BREACHES, "event_sequence_fits_a_calendar"} == named


def test_a_sequence_beyond_the_range_of_calendars_is_refused():
    """By the constraint on SQLite; PostgreSQL's own integer ends at the same number."""
    with pytest.raises(DatabaseError), transaction.atomic():
        EventFactory(sequence=2_147_483_648)


@pytest.mark.parametrize("status", ["applied", "waiting", "declined", "cancelled", "expired"])
def test_a_state_without_a_place_holds_no_seat(status):
    registration = enrolled(EventFactory())

    with pytest.raises(IntegrityError), transaction.atomic():
        update(registration, status=status)


@pytest.mark.parametrize("recipient", ["a@example.org\nBcc: b@example.org", "a@example.org\r"])
def test_a_message_takes_no_address_with_a_line_break(recipient):
    with pytest.raises(IntegrityError), transaction.atomic():
        message(recipient=recipient)


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(None, 2), (90.1, 2), (-91, 2), (41, 180.1), (41, -181)]
)
def test_a_venue_off_the_globe_is_refused(latitude, longitude):
    with pytest.raises(IntegrityError), transaction.atomic():
        VenueFactory(latitude=latitude, longitude=longitude)


def test_the_same_key_is_never_used_twice():
    message(key="registration/1/verify")

    with pytest.raises(IntegrityError), transaction.atomic():
        message(key="registration/1/verify")


def test_a_person_may_have_several_registrations_that_are_over():
    registration = enrolled(EventFactory())
    update(registration, status="cancelled", seat=None, confirmed_at=NOW - timedelta(days=1))

    for reference in ("ONE", "TWO"):
        copy_of(registration, reference=reference, status="cancelled", seat=None).save()

    assert Registration.objects.of_address("person1@example.org").count() == 3
