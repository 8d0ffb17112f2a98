"""The page of one's own registration: what it says, and what one can change there."""

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from django.urls import reverse

from accounts.models import MailDomain
from events import lifecycle
from outbox.models import Message
from registrations import answers, consents, erasure, seats, swaps
from registrations.answers import Given, field_name
from registrations.links import token_of
from registrations.models import Erasure, Registration
from tests.factories import (
    EventFactory,
    JurisdictionFactory,
    OptionFactory,
    OrganisationFactory,
    QuestionFactory,
    registered,
    terms,
    verified,
)

pytestmark = pytest.mark.django_db

PAGES = ("change", "mode", "email", "substitute", "cancel", "erase")


@pytest.fixture
def event():
    return EventFactory()


@pytest.fixture
def hybrid():
    return EventFactory(hybrid=True, capacity_in_person=2, capacity_online=1)


def address(registration, page=""):
    registration.refresh_from_db()
    name = f"registration_{page}" if page else "registration"
    return reverse(name, args=[token_of(registration)])


def own(client, registration):
    return client.get(address(registration))


def details(registration, **changed):
    """What the form of details sends when only `changed` is changed."""
    if registration.jurisdiction is None:
        registration.jurisdiction = JurisdictionFactory()
        registration.save()
    return {
        "given_name": registration.given_name,
        "family_name": registration.family_name,
        "organisation": registration.organisation,
        "jurisdiction": registration.jurisdiction_id,
        **changed,
    }


def substitute_of(n, **said):
    return {
        "given_name": "Bo",
        "family_name": "Lind",
        "email": f"person{n}@example.org",
        "organisation": "Probation Service",
        "jurisdiction": JurisdictionFactory().pk,
        **said,
    }


# -- What the page says ----------------------------------------------------------------------------


def test_the_page_names_the_rule_that_keeps_somebody_from_a_place(client, event):
    organisation = OrganisationFactory(is_member=True)
    MailDomain.objects.create(organisation=organisation, domain="member.example")
    terms(event, members_only_until=event.starts_at - timedelta(days=10))
    waits = verified(event, 1)
    comes = verified(event, 2, email="ana@member.example")
    assert "places go to member organisations first" in own(client, waits).text
    assert "places go to member organisations first" not in own(client, comes).text


def test_the_page_of_a_postponed_event_says_so_first_and_offers_nothing_to_join(client):
    event = EventFactory(online=True, capacity_online=1, join_url="https://meet.example/room")
    comes, waits, applies = (verified(event, n, mode="online") for n in (1, 2, 3))
    asked = registered(event, 4, mode="online")
    Registration.objects.filter(pk=applies.pk).update(status="applied")
    assert "https://meet.example/room" in own(client, comes).text
    lifecycle.postpone(event, by=None)
    for one, words in (
        (comes, "You keep your place."),
        (waits, "You stay on the waiting list."),
        (applies, "Your registration stays with the organisers."),
    ):
        page = own(client, one).text
        assert re.findall(r"<h1[^>]*>(.*?)</h1>", page) == ["The event is postponed"]
        assert f"{words} Your reference is {one.reference}." in page
        for gone in ("https://meet.example/room", "Join online", "Add to calendar"):
            assert gone not in page
    page = own(client, asked).text
    assert page.count('data-state="postponed"') == page.count("The new date is not known yet.") == 1


def test_the_page_says_which_place_one_has_and_which_was_full(client, event):
    question = QuestionFactory(event=event, kind="choice", label="Study visit")
    prison, office = (
        OptionFactory(question=question, label=label, places=1) for label in ("Prison", "Office")
    )
    first, second = (registered(event, n) for n in (1, 2))
    for one in (first, second):
        answers.store(one, [Given(question, None)])
        one.answers.create(question=question, value=[prison.pk])
    first, second = seats.verify(first), seats.verify(second)
    answers.take_all_options(first, strict=False)
    answers.take_all_options(second, strict=False)

    has = own(client, first)
    assert "Study visit: your choice was full" not in has.text
    assert re.search(r"<dt>Study visit</dt><dd>\s*Prison", has.text)
    missed = own(client, second)
    assert "Study visit: your choice was full" in missed.text
    assert address(second, "change") in missed.text
    question.is_required = True
    question.save()
    other = client.post(address(second, "change"), details(second, given_name="Bo"))
    assert other.status_code == 302
    assert second.answers.get().value == [prison.pk]
    swaps.change_details(
        second,
        given_name="Ana",
        family_name="Müller",
        organisation="",
        jurisdiction=None,
        is_listed=False,
        given=[Given(question, [office.pk])],
    )
    assert "your choice was full" not in own(client, second).text


def test_the_links_to_calendars_lead_whoever_comes_online_to_the_page_for_joining(client, hybrid):
    online, in_person = verified(hybrid, 1, mode="online"), verified(hybrid, 2)
    join = reverse("event_join", args=[hybrid.slug])

    for registration, leads in ((online, True), (in_person, False)):
        links = own(client, registration).context["calendar_links"]
        file = client.get(links["file"]).content.replace(b"\r\n ", b"").decode()
        for words in (file, unquote(links["google"]), unquote(links["outlook"])):
            assert (join in words) == leads
        assert links["file"] == address(registration, "calendar")
        assert not any(token_of(registration) in links[name] for name in links if name != "file")


def test_what_must_be_answered_once_confirmed_is_asked_for_then(client, event):
    question = QuestionFactory(
        event=event, label="When do you arrive?", moment="confirmed", is_required=True
    )
    registration = registered(event, 1)
    assert "When do you arrive?" not in own(client, registration).text
    assert field_name(question) not in client.get(address(registration, "change")).text
    seats.verify(registration)
    assert "When do you arrive?" in own(client, registration).text
    form = client.get(address(registration, "change"))
    assert field_name(question) in form.text

    said = details(registration)
    empty = client.post(address(registration, "change"), said)
    assert empty.status_code == 422
    answer = client.post(address(registration, "change"), said | {field_name(question): "at noon"})
    assert answer.status_code == 302
    assert registration.answers.get().value == "at noon"
    assert "The organisers need something more" not in own(client, registration).text


def test_every_state_of_a_registration_has_its_page(client):
    event = EventFactory(capacity_in_person=1, entry="open")
    first = verified(event, 1)
    second = verified(event, 2)
    approval = EventFactory(entry="approval")
    states = {
        "confirmed": first,
        "waiting": second,
        "applied": verified(approval, 3),
        "unverified": registered(EventFactory(), 4),
    }
    for status, registration in states.items():
        registration.refresh_from_db()
        assert registration.status == status
        page = own(client, registration)
        assert page.status_code == 200
        assert page.text.count("<h1>") == 1
        assert address(registration, "erase") in page.text
        assert address(registration, "cancel") in page.text
    seats.cancel(first)
    second.refresh_from_db()
    assert second.status == "offered"
    assert own(client, second).status_code == 200
    over = own(client, first)
    assert address(first, "cancel") not in over.text
    assert address(first, "change") not in over.text


def test_pages_that_are_not_for_the_moment_lead_back(client, event):
    registration = registered(event, 1)
    for page in ("mode", "substitute"):
        assert client.get(address(registration, page))["Location"] == address(registration)
    seats.cancel(registration)
    for page in ("change", "mode", "email", "substitute", "cancel"):
        for send in (client.get, client.post):
            answer = send(address(registration, page))
            assert answer["Location"] == address(registration)
            assert "no-store" in answer["Cache-Control"]


def test_all_pages_are_kept_and_told_to_nobody(client, hybrid):
    registration = verified(hybrid, 1)
    for page in PAGES:
        answer = client.get(address(registration, page))
        assert answer.status_code == 200
        assert {"no-store", "private"} <= set(re.split(r", *", answer["Cache-Control"]))
        assert (answer["X-Robots-Tag"], answer["Referrer-Policy"]) == ("noindex", "same-origin")


def test_opening_pages_changes_nothing(client, hybrid):
    registration = verified(hybrid, 1)
    before = [Registration.objects.values().get(), Message.objects.count()]
    for page in PAGES:
        client.get(address(registration, page))
        client.head(address(registration, page))
    assert [Registration.objects.values().get(), Message.objects.count()] == before


def test_the_page_takes_as_many_queries_for_three_questions_as_for_one(
    client, event, django_assert_num_queries
):
    registration = verified(event, 1)

    def asked():
        question = QuestionFactory(event=event, kind="choice")
        option = OptionFactory(question=question, places=5)
        answers.store(registration, [Given(question, [option.pk])])

    asked()
    with django_assert_num_queries(9):
        own(client, registration)
    asked()
    asked()
    with django_assert_num_queries(9):
        own(client, registration)


# -- Details and answers ---------------------------------------------------------------------------


def test_details_and_answers_are_changed_and_noted(client, event):
    question = QuestionFactory(event=event, label="How do you travel?")
    registration = verified(event, 1)
    answers.store(registration, [Given(question, "by train")])
    page = client.get(address(registration, "change"))
    assert 'value="by train"' in page.text
    said = details(registration, family_name="Παπαδοπούλου", given_name="王")
    answer = client.post(
        address(registration, "change"), said | {field_name(question): "by bicycle"}
    )
    assert answer["Location"] == f"{address(registration)}?done=details"
    registration.refresh_from_db()
    assert registration.name == "王 Παπαδοπούλου"
    assert registration.answers.get().value == "by bicycle"
    assert registration.changes.filter(reason="details changed").exists()
    assert "Saved." in client.get(answer["Location"]).text


def test_the_form_keeps_what_was_typed_and_says_what_to_do(client, event):
    registration = verified(event, 1)
    said = details(registration, given_name="", family_name="Typed")
    answer = client.post(address(registration, "change"), said)
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert "Enter your given name." in answer.text
    assert 'value="Typed"' in answer.text
    registration.refresh_from_db()
    assert registration.given_name == "Ana"


def test_a_rule_that_is_against_the_change_is_said_at_its_field(client, event):
    terms(event, most_per_organisation=1)
    verified(event, 1, organisation="Service A")
    second = verified(event, 2, organisation="Service B")
    answer = client.post(address(second, "change"), details(second, organisation="Service A"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["organisation"]
    second.refresh_from_db()
    assert (second.status, second.organisation) == ("confirmed", "Service B")


def test_answers_change_until_the_deadline_of_the_event(client, event):
    terms(event, answers_until=event.starts_at - timedelta(days=7))
    registration = verified(event, 1)
    said = details(registration, given_name="Late")
    with time_machine.travel(event.starts_at - timedelta(days=7, minutes=1), tick=False):
        assert client.get(address(registration, "change")).status_code == 200
    with time_machine.travel(event.starts_at - timedelta(days=6), tick=False):
        assert address(registration, "change") not in own(client, registration).text
        answer = client.post(address(registration, "change"), said)
        assert answer["Location"] == address(registration)
    registration.refresh_from_db()
    assert registration.given_name == "Ana"


def test_the_public_list_is_offered_only_where_there_is_one(client, event):
    registration = verified(event, 1, is_listed=True)
    assert "is_listed" not in client.get(address(registration, "change")).text
    client.post(address(registration, "change"), details(registration))
    registration.refresh_from_db()
    assert registration.is_listed
    terms(event, shows_participants=True)
    assert "is_listed" in client.get(address(registration, "change")).text
    client.post(address(registration, "change"), details(registration))
    registration.refresh_from_db()
    assert not registration.is_listed


# -- Mode ------------------------------------------------------------------------------------------


def test_another_mode_is_had_at_once_where_a_place_is_free(client, hybrid):
    registration = verified(hybrid, 1)
    page = client.get(address(registration, "mode"))
    assert page.context["is_at_once"] is True
    assert "you change at once" in page.text
    answer = client.post(address(registration, "mode"), {"mode": "online"})
    assert answer["Location"] == f"{address(registration)}?done=mode"
    registration.refresh_from_db()
    assert (registration.mode, registration.status) == ("online", "confirmed")


def test_a_full_mode_is_waited_for_and_the_wish_can_be_taken_back(client, hybrid):
    verified(hybrid, 2, mode="online")
    registration = verified(hybrid, 1)
    page = client.get(address(registration, "mode"))
    assert page.context["is_at_once"] is False
    assert "stand in the other line" in page.text
    answer = client.post(address(registration, "mode"), {"mode": "online"})
    assert answer["Location"].endswith("?done=wish")
    registration.refresh_from_db()
    assert (registration.mode, registration.wished_mode) == ("in-person", "online")
    assert "You stand in the line for a place online" in own(client, registration).text
    assert "Stay in person after all?" in client.get(address(registration, "mode")).text
    answer = client.post(address(registration, "mode"), {"mode": "in-person"})
    assert answer["Location"].endswith("?done=stays")
    registration.refresh_from_db()
    assert registration.wished_mode == ""


def test_a_mode_that_does_not_exist_is_refused(client, hybrid):
    registration = verified(hybrid, 1)
    answer = client.post(address(registration, "mode"), {"mode": "by-post"})
    assert answer.status_code == 409
    assert "cannot be attended in this way" in answer.text


# -- Address ---------------------------------------------------------------------------------------


def test_a_new_address_counts_once_it_is_proved(client, event):
    registration = verified(event, 1)
    answer = client.post(address(registration, "email"), {"email": "new@example.org"})
    assert answer["Location"].endswith("?done=email")
    registration.refresh_from_db()
    assert registration.email == "person1@example.org"
    assert "new@example.org once its link is followed" in own(client, registration).text
    old = token_of(registration)
    mail = Message.objects.get(recipient="new@example.org")
    path = re.search(r"/address/[^/\s]+/", mail.text)[0]
    assert client.get(path).status_code == 200
    client.post(path)
    registration.refresh_from_db()
    assert registration.email == "new@example.org"
    assert client.get(reverse("registration", args=[old])).status_code == 404


@pytest.mark.parametrize("email", ["", "two@example.org,three@example.org", "person1@example.org"])
def test_an_address_that_is_none_is_refused_at_the_field(client, event, email):
    registration = verified(event, 1)
    answer = client.post(address(registration, "email"), {"email": email})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["email"]
    registration.refresh_from_db()
    assert registration.pending_email == ""


def test_the_answer_to_a_new_address_does_not_tell_whether_it_is_known(client, event):
    verified(event, 2)
    registration = verified(event, 1)
    known = client.post(address(registration, "email"), {"email": "person2@example.org"})
    unknown = client.post(address(registration, "email"), {"email": "person9@example.org"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


# -- Substitute ------------------------------------------------------------------------------------


def test_a_substitute_is_asked_and_the_seat_moves_on_their_word(client, event):
    registration = verified(event, 1)
    answer = client.post(address(registration, "substitute"), substitute_of(7))
    assert answer["Location"].endswith("?done=substitute")
    registration.refresh_from_db()
    assert registration.status == "confirmed"
    assert "Until then it is yours." in client.get(answer["Location"]).text
    new = Registration.objects.get(email="person7@example.org")
    seats.verify(new)
    registration.refresh_from_db()
    new.refresh_from_db()
    assert (registration.status, new.status, new.seat) == ("cancelled", "confirmed", 1)


def test_naming_a_substitute_does_not_tell_whether_the_other_is_known(client):
    event = EventFactory(capacity_in_person=2)
    first, seated = verified(event, 1), verified(event, 2)
    waits = verified(event, 3)
    answers_to = [client.post(address(first, "substitute"), substitute_of(n)) for n in (2, 3, 9)]
    assert {(one.status_code, one["Location"]) for one in answers_to} == {
        (302, f"{address(first)}?done=substitute")
    }
    page = client.get(answers_to[0]["Location"]).text
    for other in (seated, waits):
        assert other.reference not in page
        assert other.email not in page


def test_rules_for_a_substitute_are_said_at_their_field(client, event):
    terms(event, mail_domains="service.example")
    registration = verified(event, 1, email="ana@service.example")
    answer = client.post(address(registration, "substitute"), substitute_of(7))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["email"]
    own_address = substitute_of(1, email="ANA@service.example")
    answer = client.post(address(registration, "substitute"), own_address)
    assert answer.context["form"].errors["email"] == ["Give the address of the other person."]


def test_a_network_or_a_mailbox_that_is_written_to_too_often_gets_no_more(client, event, settings):
    registration = verified(event, 1)
    settings.REQUESTS_FROM_A_NETWORK = 2
    sent = [
        client.post(address(registration, "email"), {"email": f"new{n}@example.org"}).status_code
        for n in range(3)
    ]
    assert sent == [302, 302, 429]
    settings.MAILS_TO_A_MAILBOX = (0, 0)
    assert client.post(address(registration, "substitute"), substitute_of(7)).status_code == 429
    assert not Registration.objects.filter(email="person7@example.org").exists()


# -- Erasing, and the list -------------------------------------------------------------------------


def test_one_registration_is_erased_after_being_asked_once_more(client, event):
    registration = verified(event, 1)
    question = client.get(address(registration, "erase"))
    assert "Your place goes to somebody else at once." in question.text
    path = address(registration, "erase")
    assert client.post(path)["Location"] == "/me/erased/event/"
    registration.refresh_from_db()
    assert (registration.status, registration.name) == ("cancelled", "")
    assert client.get(path).status_code == 404


def test_the_list_names_only_those_who_come_and_agreed(client, event):
    agreed = {"is_listed": True}
    verified(event, 1, given_name="Ελένη", family_name="Αα", **agreed)
    verified(event, 2, given_name="محمد", family_name="ب", **agreed)
    verified(event, 3, given_name="小明", family_name="王")
    registered(event, 4, given_name="Unverified", **agreed)
    seats.cancel(verified(event, 5, given_name="Left", **agreed))
    path = reverse("participants", args=[event.slug])
    assert client.get(path).status_code == 404
    terms(event, shows_participants=True)
    page = client.get(path)
    assert [one.given_name for one in page.context["people"]] == ["Ελένη", "محمد"]
    assert page["X-Robots-Tag"] == "noindex"
    assert "example.org" not in page.text.replace("organiser.example", "")
    assert path in client.get(event.get_absolute_url()).text
    without = EventFactory()
    assert "/participants/" not in client.get(without.get_absolute_url()).text


def test_a_name_leaves_the_list_with_the_consent_or_the_erasure(client, event):
    terms(event, shows_participants=True)
    first, second = (verified(event, n, family_name=f"Person {n}", is_listed=True) for n in (1, 2))
    path = reverse("participants", args=[event.slug])
    assert "Person 1" in client.get(path).text
    consents.withdraw(consents.Consent(first))
    assert "Person 1" not in client.get(path).text
    assert "Person 2" in client.get(path).text
    erasure.erase([second], reason=Erasure.Reason.ASKED)
    assert "Person 2" not in client.get(path).text


def test_the_list_takes_as_many_queries_for_three_people_as_for_one(
    client, event, django_assert_num_queries
):
    terms(event, shows_participants=True)
    verified(event, 1, is_listed=True, jurisdiction=JurisdictionFactory())
    path = reverse("participants", args=[event.slug])
    with django_assert_num_queries(5):
        client.get(path)
    for n in (2, 3):
        verified(event, n, is_listed=True, jurisdiction=JurisdictionFactory())
    with django_assert_num_queries(5):
        client.get(path)


def test_nothing_can_be_changed_of_an_event_that_is_called_off(client, event):
    registration = verified(event, 1)
    lifecycle.cancel(event, by=None)
    page = own(client, registration)
    assert "The event is cancelled" in page.text
    for name in ("change", "mode", "substitute"):
        assert address(registration, name) not in page.text
