"""The API: public events and their places, and registering by the same rules as the form."""

import pytest

from registrations import answers
from registrations.models import Registration
from tests.factories import (
    EventFactory,
    JurisdictionFactory,
    OptionFactory,
    QuestionFactory,
    registered,
    terms,
)

pytestmark = pytest.mark.django_db

SAID = {"given_name": "Ana", "family_name": "Müller", "email": "ana@example.org"}


@pytest.fixture
def jurisdiction():
    return JurisdictionFactory(code="GB-SCT", country="GB", name="Scotland")


def send(client, event, **more):
    said = {**SAID, "jurisdiction": "GB-SCT", **more}
    return client.post(
        f"/api/v1/events/{event.slug}/registrations/", said, content_type="application/json"
    )


def test_the_list_holds_public_events_that_are_not_over(client):
    event = EventFactory(capacity_in_person=3)
    EventFactory(draft=True)
    registered(event, 1)
    [listed] = client.get("/api/v1/events/").json()["results"]
    assert listed["slug"] == event.slug
    assert listed["availability"]["places"] == [
        {"mode": "in-person", "capacity": 3, "taken": 1, "left": 2, "waiting": 0}
    ]
    assert client.get("/api/v1/events/?when=past").json()["count"] == 0


def test_registering_answers_neutrally_and_holds_a_place(client, jurisdiction):
    event = EventFactory()
    first, second = send(client, event), send(client, event)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.status_code == 202
    registration = Registration.objects.get()
    assert (registration.jurisdiction, registration.seat) == (jurisdiction, 1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "ana"}, "email"),
        ({"email": "a@example.org,b@example.org"}, "email"),
        ({"jurisdiction": "ZZ"}, "jurisdiction"),
        ({"given_name": ""}, "given_name"),
        ({"mode": "by-post"}, "mode"),
    ],
)
def test_a_wrong_field_is_named(client, jurisdiction, wrong, field):
    answer = send(client, EventFactory(), **wrong)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert Registration.objects.count() == 0


def test_a_hybrid_event_wants_to_know_how_one_attends(client, jurisdiction):
    event = EventFactory(hybrid=True)
    assert list(send(client, event).json()) == ["mode"]
    assert send(client, event, mode="online").status_code == 202


def test_a_closed_event_refuses_with_its_reason(client, jurisdiction):
    answer = send(client, EventFactory(entry="invitation"))
    assert answer.status_code == 409
    assert answer.json() == {"detail": "This event is by invitation only."}


def test_a_draft_is_not_there(client, jurisdiction):
    draft = EventFactory(draft=True)
    assert send(client, draft).status_code == 404
    assert client.get(f"/api/v1/events/{draft.slug}/").status_code == 404


def test_the_description_names_our_addresses_and_no_others(client):
    schema = client.get("/api/v1/schema/", HTTP_ACCEPT="application/json").json()
    assert sorted(schema["paths"]) == [
        "/api/v1/articles/",
        "/api/v1/articles/{slug}/",
        "/api/v1/events/",
        "/api/v1/events/{slug}/",
        "/api/v1/events/{slug}/questions/",
        "/api/v1/events/{slug}/registrations/",
        "/api/v1/jurisdictions/",
        "/api/v1/jurisdictions/{code}/",
    ]


# -- Questions ----------------------------------------------------------------------------------------------------


def stored():
    return dict(Registration.objects.get().answers.values_list("question", "value"))


def test_the_questions_of_an_event_are_told_with_their_places(client):
    event = EventFactory()
    choice = QuestionFactory(event=event, kind="choice", label="Which?", has_second_preference=True)
    limited = OptionFactory(question=choice, label="Prison", places=2)
    free = OptionFactory(question=choice, label="Court")
    diet = QuestionFactory(event=event, special="diet", shown_if=choice, shown_if_answer="1")
    QuestionFactory(event=event, moment="confirmed")
    terms(event, declaration="I work there.", mail_domains="justice.example")
    told = client.get(f"/api/v1/events/{event.slug}/questions/").json()
    assert told["declaration"] == "I work there."
    assert told["shows_participants"] is False
    assert told["rules"] == ["Registering is open to addresses at justice.example."]
    first, second = told["questions"]
    assert first == {
        "id": choice.pk,
        "kind": "choice",
        "label": "Which?",
        "help_text": "",
        "purpose": "",
        "is_required": False,
        "special": "",
        "consent": "",
        "has_second_preference": True,
        "shown_if": None,
        "shown_if_answer": "",
        "options": [
            {"id": limited.pk, "label": "Prison", "left": 2},
            {"id": free.pk, "label": "Court", "left": None},
        ],
    }
    assert (second["id"], second["shown_if"], second["special"]) == (diet.pk, choice.pk, "diet")
    assert second["consent"].startswith("I agree that the organisers of the event may read this")


@pytest.mark.parametrize("amount", [1, 3])
def test_telling_questions_takes_as_many_queries_for_one_as_for_three(
    client, amount, django_assert_num_queries
):
    event = EventFactory()
    for _n in range(amount):
        for _m in range(amount):
            OptionFactory(question__event=event, places=3)
        QuestionFactory(event=event, special="diet")
    with django_assert_num_queries(8):
        client.get(f"/api/v1/events/{event.slug}/questions/")


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", "<b>", "<b>"),
        ("long-text", "one\ntwo", "one\ntwo"),
        ("yes-no", False, False),
        ("consent", True, True),
        ("number", 2.5, "2.5"),
        ("number", 3, "3"),
        ("number", "3", "3"),
        ("date", "2027-03-31", "2027-03-31"),
    ],
)
def test_an_answer_is_taken_as_json_says_it(client, jurisdiction, kind, value, kept):
    question = QuestionFactory(kind=kind)
    answer = send(client, question.event, answers={f"{question.pk}": value})
    assert answer.status_code == 202
    assert stored() == {question.pk: kept}


def test_choices_are_given_by_the_ids_of_options(client, jurisdiction):
    event = EventFactory()
    one = QuestionFactory(event=event, kind="choice", has_second_preference=True)
    several = QuestionFactory(event=event, kind="choices")
    a, b = OptionFactory(question=one), OptionFactory(question=one)
    c, d = OptionFactory(question=several), OptionFactory(question=several)
    said = {f"{one.pk}": [b.pk, a.pk], f"{several.pk}": [c.pk, d.pk]}
    assert send(client, event, answers=said).status_code == 202
    assert stored() == {one.pk: [b.pk, a.pk], several.pk: [c.pk, d.pk]}


def test_special_data_need_their_consent(client, jurisdiction):
    question = QuestionFactory(special="diet")
    for said in ("nuts", {"value": "nuts"}, {"value": "nuts", "consents": "false"}):
        answer = send(client, question.event, answers={f"{question.pk}": said})
        assert answer.status_code == 400
        assert list(answer.json()) == [f"{answers.field_name(question)}_consent"]
    agreed = {"value": "nuts", "consents": True}
    assert send(client, question.event, answers={f"{question.pk}": agreed}).status_code == 202
    assert stored() == {question.pk: "nuts"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 5),
        ("text", ["a"]),
        ("text", {"value": "a"}),
        ("text", "a" * 301),
        ("yes-no", "yes"),
        ("consent", 1),
        ("number", "three"),
        ("number", True),
        ("date", "tomorrow"),
        ("choice", "1"),
        ("choice", 0),
        ("choice", True),
        ("choice", [0, 0]),
        ("choices", [None]),
        ("file", "cv.pdf"),
    ],
)
def test_a_wrong_answer_is_named_by_its_field(client, jurisdiction, kind, value):
    question = QuestionFactory(kind=kind)
    answer = send(client, question.event, answers={f"{question.pk}": value})
    assert answer.status_code == 400
    assert list(answer.json()) == [answers.field_name(question)]
    assert Registration.objects.count() == 0


@pytest.mark.parametrize("said", [[], "text", 5])
def test_answers_are_an_object(client, jurisdiction, said):
    answer = send(client, EventFactory(), answers=said)
    assert (answer.status_code, list(answer.json())) == (400, ["answers"])


def test_an_unknown_question_is_named(client, jurisdiction):
    other = QuestionFactory()
    answer = send(client, EventFactory(), answers={f"{other.pk}": "a"})
    assert answer.status_code == 400
    assert answer.json() == {"answers": [f"There is no question {other.pk}."]}


def test_what_must_be_answered_and_declared_holds_here_too(client, jurisdiction):
    room = QuestionFactory(kind="yes-no", is_required=True)
    event = room.event
    nights = QuestionFactory(
        event=event, kind="number", is_required=True, shown_if=room, shown_if_answer="yes"
    )
    terms(event, declaration="I work there.")
    names = {answers.field_name(room), "declares"}
    assert set(send(client, event).json()) == names
    asked = send(client, event, declares=True, answers={f"{room.pk}": True})
    assert list(asked.json()) == [answers.field_name(nights)]
    said = {f"{room.pk}": False, f"{nights.pk}": "ignored"}
    assert send(client, event, declares=True, answers=said).status_code == 202
    assert stored() == {room.pk: False}
    assert Registration.objects.get().declared_at


def test_a_file_that_is_needed_leads_to_the_page(client, jurisdiction):
    question = QuestionFactory(kind="file", is_required=True)
    answer = send(client, question.event)
    assert answer.json() == {
        answers.field_name(question): ["Files are sent with the form on the event's page."]
    }


def test_a_file_that_is_not_asked_for_is_not_needed(client, jurisdiction):
    room = QuestionFactory(kind="yes-no")
    QuestionFactory(
        event=room.event, kind="file", is_required=True, shown_if=room, shown_if_answer="yes"
    )
    assert send(client, room.event, answers={f"{room.pk}": False}).status_code == 202


def test_a_person_is_listed_who_agrees_where_there_is_a_list(client, jurisdiction):
    event = EventFactory()
    send(client, event, is_listed=True)
    terms(event, shows_participants=True)
    send(client, event, email="bo@example.org", is_listed=True)
    listed = Registration.objects.order_by("pk").values_list("is_listed", flat=True)
    assert list(listed) == [False, True]


def test_a_refusal_names_its_field(client, jurisdiction):
    event = EventFactory()
    terms(event, mail_domains="justice.example")
    answer = send(client, event)
    assert answer.status_code == 409
    assert answer.json()["field"] == "email"


def test_a_flood_is_held_back(client, jurisdiction, settings):
    settings.REGISTRATIONS_FROM_A_NETWORK = 1
    event = EventFactory()
    send(client, event)
    answer = send(client, event, email="bo@example.org")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 600
    assert list(answer.json()) == ["detail"]


def test_a_mailbox_that_gets_too_much_is_spared(client, jurisdiction, settings):
    settings.MAILS_TO_A_MAILBOX = (1, 1)
    send(client, EventFactory())
    answer = send(client, EventFactory())
    assert (answer.status_code, answer["Retry-After"]) == (429, "3600")
    assert Registration.objects.count() == 1
