"""What is kept, with purpose and time, and the file that hands it over."""

import json

import pytest
from django.core.files.base import ContentFile
from django.utils.html import escape

from outbox import lists, returns
from outbox.models import Message, Suppression, Unsubscription
from registrations import answers, privacy, swaps, withdrawals
from registrations.answers import Given
from registrations.models import (
    Answer,
    Attendance,
    Invitation,
    OpeningNotice,
    PersonalFeed,
    Registration,
    StatusChange,
    Withdrawal,
)
from tests.factories import (
    EventFactory,
    InvitationFactory,
    JurisdictionFactory,
    OptionFactory,
    QuestionFactory,
    person,
    terms,
    verified,
)

pytestmark = pytest.mark.django_db

#: Fields of the tables that are handed over under another name.
NAMES = {
    "registrations": (
        Registration,
        {
            "status": "state", "mode": "attends", "wished_mode": "would_rather_attend", "pending_email": "new_email",
            "replaces": "comes_instead_of", "brought_by": "registered_by", "created_at": "registered_at",
            "expires_at": "held_until",
        },
        # The invitation stands beside; the key signs links; whoever is erased has no file.
        {"id", "invitation", "link_key", "erased_at"},
    ),
    "answers": (Answer, {"value": "answer"}, {"id", "registration"}),
    "moves": (
        StatusChange,
        {"from_status": "from", "to_status": "to", "changed_at": "at", "reason": "why"},
        {"id", "registration", "changed_by"},
    ),
    "attendance": (
        Attendance,
        {"mode": "attended", "source": "known_from"},
        {"id", "registration", "recorded_by"},
    ),
    "invitations": (Invitation, {}, {"id", "reference", "link_key", "invited_by"}),
    "notices_of_opening": (OpeningNotice, {}, {"id"}),
    "returned_mail": (Suppression, {}, {"id", "address"}),
    "entries_withdrawn": (Withdrawal, {}, {"id", "address"}),
    "lists_left": (Unsubscription, {"list_name": "list"}, {"id", "address"}),
}  # fmt: skip


@pytest.fixture
def full_address():
    """An address on which everything is kept that can be kept."""
    event = EventFactory(title="Études & “quotes”", capacity_in_person=5)
    terms(event, most_per_organisation=3)
    diet = QuestionFactory(event=event, special="diet", purpose="For the kitchen.")
    choice = QuestionFactory(event=event, kind="choice")
    option = OptionFactory(question=choice, label="Study visit", places=2)
    file = QuestionFactory(event=event, kind="file")
    registration = verified(
        event,
        1,
        given_name="小明",
        family_name="王",
        jurisdiction=JurisdictionFactory(name="Catalonia"),
    )
    answers.store(
        registration,
        [
            Given(diet, "vegan", consents=True),
            Given(choice, [option.pk]),
            Given(file, "cv.pdf", file=ContentFile(b"%PDF", "cv.pdf")),
        ],
    )
    Attendance.objects.create(
        registration=registration, day=event.first_day, mode="in-person", source="manual"
    )
    InvitationFactory(event=event, email="Person1@example.org")
    OpeningNotice.objects.create(event=event, email="person1@example.org")
    PersonalFeed.objects.create(email="person1@example.org")
    lists.leave("person1@example.org", "event/1")
    withdrawals.withdraw(event, "person1@example.org")
    returns.note_bounce("person1@example.org", is_hard=True, reason="550 5.1.1", message=None)
    verified(event, 2)
    return registration


@pytest.mark.parametrize("record", NAMES)
def test_every_field_that_is_stored_has_a_purpose_and_a_time(record):
    model, renamed, inner = NAMES[record]
    stored = {field.name for field in model._meta.concrete_fields} - inner
    named = {renamed.get(name, name) for name in stored}
    assert named - set(privacy.KEPT[record]) == set()


def test_a_public_page_says_all_of_it(client):
    page = client.get("/privacy/").text
    for record, fields in privacy.KEPT.items():
        assert escape(str(privacy.RECORDS[record])) in page
        for name, kept in fields.items():
            assert name.replace("_", " ") in page
            assert escape(str(kept.purpose)) in page
            assert escape(str(kept.retention)) in page


def test_the_file_holds_what_the_table_says_and_nothing_else(full_address):
    handed = privacy.export("person1@example.org")
    assert set(handed["returned_mail"]) == set(privacy.KEPT["returned_mail"])
    assert handed["lists_left"]
    assert handed["entries_withdrawn"]
    for record in (
        "registrations",
        "invitations",
        "notices_of_opening",
        "messages",
        "lists_left",
        "entries_withdrawn",
    ):
        for row in handed[record]:
            assert set(row) == set(privacy.KEPT[record])
    [registration] = handed["registrations"]
    for record in ("answers", "moves", "attendance"):
        assert registration[record]
        for row in registration[record]:
            assert set(row) - {"what_for", "how_long"} == set(privacy.KEPT[record])
    assert set(handed["calendar_feed"]) == set(privacy.KEPT["calendar_feed"])
    for fields in handed["what_for_and_how_long"].values():
        for words in fields.values():
            assert words["purpose"]
            assert words["retention"]


def test_the_file_says_what_was_said_in_words_and_nothing_of_others(full_address):
    handed = privacy.export("PERSON1@example.org")
    text = json.dumps(handed, ensure_ascii=False)
    [registration] = handed["registrations"]
    assert (registration["given_name"], registration["jurisdiction"]) == ("小明", "Catalonia")
    said = {row["answer"] if isinstance(row["answer"], str) else row["answer"][0]: row
            for row in registration["answers"]}  # fmt: skip
    assert set(said) == {"vegan", "Study visit", "cv.pdf"}
    assert said["vegan"]["what_for"] == "For the kitchen."
    assert said["vegan"]["how_long"].startswith("14 days after the event")
    assert said["vegan"]["consented_at"] is not None
    assert len(handed["invitations"]) == len(handed["notices_of_opening"]) == 1
    assert [row["subject"] for row in handed["messages"]] == list(
        Message.objects.filter(recipient="person1@example.org").order_by("pk").values_list("subject", flat=True)
    )  # fmt: skip
    assert "person2" not in text
    assert full_address.link_key not in text


def test_the_log_does_not_tell_whether_a_substitute_is_known(full_address):
    event = full_address.event
    stranger = verified(event, 3)
    for first, n in ((full_address, 2), (stranger, 9)):
        swaps.name_substitute(first, person=person(n))
    told = [
        [move["why"] for move in privacy.export(email)["registrations"][0]["moves"]][-1]
        for email in ("person1@example.org", "person3@example.org")
    ]
    assert told == ["named a substitute", "named a substitute"]


def test_an_address_is_known_by_whatever_is_kept_on_it():
    event = EventFactory()
    assert not privacy.is_known("ana@example.org")
    InvitationFactory(event=event, email="ANA@example.org")
    assert privacy.is_known("ana@example.org")
    OpeningNotice.objects.create(event=event, email="bo@example.org")
    assert privacy.is_known("Bo@example.org")


def test_export_takes_as_many_queries_for_three_registrations_as_for_one(
    django_assert_num_queries,
):
    def filled():
        event = EventFactory()
        registration = verified(event, 1)
        answers.store(registration, [Given(QuestionFactory(event=event), "x")])
        attendance_day = event.first_day
        Attendance.objects.create(
            registration=registration, day=attendance_day, mode="in-person", source="manual"
        )

    filled()
    with django_assert_num_queries(16):
        privacy.export("person1@example.org")
    filled()
    filled()
    with django_assert_num_queries(16):
        privacy.export("person1@example.org")
