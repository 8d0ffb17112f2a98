"""The page to register: questions, declaration, rules, guards, and being told when it opens."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation
from events.models import Entry
from outbox.models import Message
from registrations import answers, guards, line, links, seats, swaps
from registrations.models import OpeningNotice, Registration
from tests.factories import (
    EventFactory,
    JurisdictionFactory,
    OptionFactory,
    OrganisationFactory,
    QuestionFactory,
    enrolled,
    person,
    registered,
    terms,
    verified,
)

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n%%EOF\n"


@pytest.fixture
def event():
    return EventFactory(capacity_in_person=10)


@pytest.fixture
def send(client, event):
    """Sends the form with what a person filled in, and what the test adds."""
    jurisdiction = JurisdictionFactory()

    def send(**more):
        said = {
            "given_name": "Ana",
            "family_name": "Müller",
            "email": "ana@example.org",
            "jurisdiction": jurisdiction.pk,
            **more,
        }
        return client.post(reverse("register", args=[event.slug]), said)

    return send


def page(client, event):
    return client.get(reverse("register", args=[event.slug])).text


def field(question):
    return answers.field_name(question)


# -- Questions ----------------------------------------------------------------------------------------------------


def test_answers_are_stored_with_the_registration(event, send):
    text = QuestionFactory(event=event, is_required=True)
    diet = QuestionFactory(event=event, special="diet")
    file = QuestionFactory(event=event, kind="file")
    later = QuestionFactory(event=event, moment="confirmed", is_required=True)
    answer = send(
        **{
            field(text): "some",
            field(diet): "nuts",
            f"{field(diet)}_consent": "yes",
            field(file): SimpleUploadedFile("cv.pdf", PDF),
            field(later): "not asked yet",
        }
    )
    assert answer.status_code == 302
    stored = Registration.objects.get().answers
    assert dict(stored.values_list("question", "value")) == {
        text.pk: "some",
        diet.pk: "nuts",
        file.pk: "cv.pdf",
    }
    assert stored.get(question=diet).consented_at
    with stored.get(question=file).file.open() as sent:
        assert sent.read() == PDF


def test_what_is_wrong_with_an_answer_is_said_and_all_is_kept(event, send):
    number = QuestionFactory(event=event, kind="number", is_required=True, label="How many?")
    several = QuestionFactory(event=event, kind="choices")
    options = [OptionFactory(question=several) for _n in range(3)]
    answer = send(**{field(number): "many", field(several): [options[0].pk, options[2].pk]})
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert f'<a href="#id_{field(number)}">Enter a number, as in 3 or 2.5.</a>' in answer.text
    assert answer.text.count(" checked") == 2
    assert 'value="many"' in answer.text
    assert Registration.objects.count() == 0


def test_nobody_is_held_up_by_a_choice_of_which_every_option_is_full(event, send):
    visit = QuestionFactory(event=event, kind="choice", is_required=True)
    option = OptionFactory(question=visit, places=1)
    send(email="first@example.org", **{field(visit): option.pk})
    assert send(email="second@example.org").status_code == 302
    second = Registration.objects.get(email="second@example.org")
    assert seats.verify(second).status == "confirmed"


def test_where_addresses_are_not_checked_the_next_page_asks_for_no_button(client, event, send):
    terms(event, checks_address=False)
    answer = client.get(send()["Location"])
    assert "Press the button" not in answer.text
    assert Registration.objects.get().status == "confirmed"


def test_a_slip_in_the_address_loses_no_ticked_box(event, send):
    several = QuestionFactory(event=event, kind="choices")
    options = [OptionFactory(question=several) for _n in range(3)]
    answer = send(email="ana@gmial.com", **{field(several): [one.pk for one in options]})
    assert "Did you mean ana@gmail.com?" in answer.text
    assert answer.text.count(" checked") == 3


def test_a_choice_that_fills_up_meanwhile_is_refused_at_its_field(event, send, monkeypatch):
    question = QuestionFactory(event=event, kind="choice")
    option = OptionFactory(question=question, label="Prison", places=1)
    given = [answers.Given(question, [option.pk])]
    seats.register(event, person=person(1), mode="in-person", given=given)
    monkeypatch.setattr("registrations.shares.taken", lambda event, names: {})
    answer = send(**{field(question): option.pk})
    assert answer.status_code == 422
    assert answer.context["form"].errors == {
        field(question): ["“Prison”: all places are taken. Choose something else."]
    }
    assert Registration.objects.count() == 1


def test_uploads_make_the_form_multipart(client, event):
    assert "multipart" not in page(client, event)
    QuestionFactory(event=event, kind="file")
    assert 'enctype="multipart/form-data"' in page(client, event)


def test_texts_of_organisers_are_text(client, event):
    evil = '<script>alert("1")</script>'
    OptionFactory(question__event=event, label=evil, question__label=evil, places=2)
    OrganisationFactory(name=f'"><script>{evil}')
    event.audience = evil
    event.save()
    terms(event, declaration=evil, mail_domains="<script>.example")
    answer = client.post(reverse("register", args=[event.slug]), {"organisation": evil})
    assert "<script>" not in answer.text.replace('<script src="', "")


@pytest.mark.parametrize("amount", [1, 3])
def test_the_page_asks_the_database_as_often_for_one_question_as_for_many(
    client, event, amount, django_assert_num_queries
):
    JurisdictionFactory()
    for _n in range(amount):
        question = QuestionFactory(event=event, kind="choice")
        QuestionFactory(event=event, special="diet", shown_if=question, shown_if_answer="1")
        for _m in range(amount):
            OptionFactory(question=question, places=5)
            OrganisationFactory()
    with django_assert_num_queries(10):
        client.get(reverse("register", args=[event.slug]))


# -- Terms --------------------------------------------------------------------------------------------------------


def test_a_declaration_must_be_ticked(event, send):
    terms(event, declaration="I do not work for a company.")
    refused = send()
    assert refused.context["form"].errors == {
        "declares": ["Tick the declaration to register: “I do not work for a company.”."]
    }
    assert send(declares="yes").status_code == 302
    assert Registration.objects.get().declared_at


def test_being_named_in_public_is_asked_only_where_there_is_a_list(client, event, send):
    assert "is_listed" not in page(client, event)
    terms(event, shows_participants=True)
    assert "checked" not in page(client, event)
    send()
    send(email="bo@example.org", is_listed="yes")
    assert list(Registration.objects.values_list("is_listed", flat=True)) == [False, True]


def test_nobody_is_listed_who_was_not_asked(event, send):
    send(is_listed="yes")
    assert not Registration.objects.get().is_listed


def test_an_organisation_is_needed_where_places_are_limited_for_each(client, event, send):
    terms(event, most_per_organisation=2)
    assert send().context["form"].errors == {
        "organisation": ["Places are limited for each organisation: say which one you come from."]
    }
    assert send(organisation="Probation Service").status_code == 302


def test_known_organisations_are_proposed(client, event):
    OrganisationFactory(name="Ministry of Justice")
    names = Organisation.objects.values_list("name", flat=True)
    shown = page(client, event)
    assert [f'<option value="{name}">' in shown for name in names] == [True, True]


def test_a_rule_that_keeps_somebody_out_is_said_at_the_field(event, send):
    terms(event, mail_domains="justice.example")
    answer = send()
    assert answer.status_code == 422
    [message] = answer.context["form"].errors["email"]
    assert message.startswith("Registering is open to addresses at justice.example.")
    assert Message.objects.count() == 0


def test_the_rules_stand_above_the_form_with_what_is_possible_instead(client, event):
    event.audience = "Not open to companies."
    event.save()
    soon = timezone.now() + timedelta(days=3)
    terms(event, members_only_until=soon, mail_domains="justice.example", most_per_organisation=2)
    shown = page(client, event)
    for words in (
        "Not open to companies.",
        "places go to member organisations first. Others join the waiting list until then.",
        "Registering is open to addresses at justice.example.",
        "At most 2 people from one organisation have a place; others join the waiting list.",
        '<a href="../notice/">We can tell you</a>',
    ):
        assert shown.index(words) < shown.index("<form")


def test_a_refusal_without_a_field_is_a_conflict(event, send):
    event.closes_at = timezone.now() - timedelta(hours=1)
    event.save()
    assert send().status_code == 409


# -- Guards -------------------------------------------------------------------------------------------------------


def test_a_form_sent_at_once_is_shown_again_and_keeps_what_was_typed(event, send, settings):
    settings.FORM_SECONDS = 2
    answer = send(opened=guards.stamp())
    assert answer.status_code == 422
    assert "Please press the button once more." in answer.text
    assert 'value="ana@example.org"' in answer.text
    assert Registration.objects.count() == 0


def test_a_form_that_was_read_is_taken(client, event, send, settings, time_machine):
    settings.FORM_SECONDS = 2
    time_machine.move_to(timezone.now(), tick=False)
    opened = client.get(reverse("register", args=[event.slug])).context["form"]["opened"].value()
    assert send(opened=opened).status_code == 422
    time_machine.shift(3)
    assert send(opened=opened).status_code == 302


def test_the_hidden_field_has_a_label_and_holds_programs_back(client, event, send):
    shown = page(client, event)
    assert '<div class="unseen"><label for="id_homepage">Leave this field empty:</label>' in shown
    assert "style=" not in shown
    answer = send(homepage="https://pills.example")
    assert answer.status_code == 422
    assert "pills.example" not in answer.text
    assert Registration.objects.count() == 0


def test_sixty_colleagues_behind_one_address_get_in(event, send):
    event.capacity_in_person = 60
    event.save()
    answers = [send(email=f"person{n}@example.org") for n in range(60)]
    assert {answer.status_code for answer in answers} == {302}


def test_a_flood_from_one_network_is_held_back_with_a_page(event, send, settings):
    settings.REGISTRATIONS_FROM_A_NETWORK = 1
    send()
    answer = send(email="bo@example.org")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 600
    assert "<h1>Please try again later</h1>" in answer.text
    assert "Nothing was stored" in answer.text
    assert "no-store" in answer["Cache-Control"]
    assert Registration.objects.count() == 1


def test_a_full_mailbox_gets_the_same_answer_whether_it_is_known_or_not(event, send, settings):
    settings.MAILS_TO_A_MAILBOX = (1, 1)
    known, unknown = EventFactory(), event
    registered(known, 1)
    for one in (known, unknown):
        event.slug = one.slug
        answer = send(email="person1@example.org")
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) == 3600
    assert Registration.objects.count() == 1


@pytest.mark.parametrize(
    ("entry", "places"),
    [(Entry.OPEN, 5), (Entry.OPEN, 1), (Entry.APPROVAL, 5)],
    ids=["confirmed", "waiting", "applied"],
)
def test_mails_to_addresses_that_nobody_proved_are_counted_where_none_are_checked(
    event, send, settings, entry, places
):
    settings.MAILS_TO_A_MAILBOX = (1, 1)
    event.capacity_in_person, event.entry = places, entry
    event.save()
    terms(event, checks_address=False)
    enrolled(event, 9)
    first = send(email="person1+a@example.org")
    assert first.status_code == 302
    assert Message.objects.get(recipient="person1+a@example.org").is_requested
    for email in ("person1+a@example.org", "person1+b@example.org"):
        assert send(email=email).status_code == 429
    assert event.registrations.count() == 2


# -- Being told when it opens -------------------------------------------------------------------------------------


@pytest.fixture
def opens_later():
    return EventFactory(opens_at=timezone.now() + timedelta(days=2))


def ask(client, event, email="ana@example.org", **more):
    return client.post(reverse("notice", args=[event.slug]), {"email": email, **more})


def test_whoever_asks_is_told_once_when_it_opens(client, opens_later, time_machine):
    for email in ("ana@example.org", "ANA@example.org", "bo@example.org"):
        answer = ask(client, opens_later, email)
        assert (answer.status_code, answer["Location"]) == (
            302,
            reverse("notice_noted", args=[opens_later.slug]),
        )
    assert OpeningNotice.objects.count() == 2
    assert client.get(answer["Location"]).status_code == 200
    assert line.tell_of_openings(timezone.now()) == 0
    time_machine.move_to(opens_later.opens_at + timedelta(minutes=1))
    assert line.tell_of_openings(timezone.now()) == 2
    assert OpeningNotice.objects.count() == 0
    assert Message.objects.count() == 2


def test_one_mailbox_is_told_once_whatever_the_tags_of_its_addresses(client, opens_later):
    for email in ("ana+1@example.org", "ana@example.org", "ANA+2@example.ORG"):
        assert ask(client, opens_later, email)["Location"] == reverse(
            "notice_noted", args=[opens_later.slug]
        )
    for email in ("anabel@example.org", "ana@mail.example.org", "ana_@example.org"):
        ask(client, opens_later, email)
    assert OpeningNotice.objects.count() == 4


@pytest.mark.parametrize(
    "fields",
    [
        {"members_only_until": timezone.now() + timedelta(days=3)},
        {"kept_until": timezone.now() + timedelta(days=3), "kept_in_person": 10},
    ],
    ids=["members first", "kept"],
)
def test_one_can_ask_while_places_go_to_others(client, event, fields):
    terms(event, **fields)
    for address in (event.get_absolute_url(), reverse("register", args=[event.slug])):
        assert "notice/" in client.get(address).text
    assert ask(client, event).status_code == 302


def test_where_nothing_opens_later_nobody_is_noted(client, event):
    for address in (event.get_absolute_url(), reverse("register", args=[event.slug])):
        assert "notice/" not in client.get(address).text
    answer = ask(client, event)
    assert answer.status_code == 409
    assert "you need not wait" in answer.text
    assert OpeningNotice.objects.count() == 0


def test_asking_is_guarded_like_registering(client, opens_later, settings):
    settings.REQUESTS_FROM_A_NETWORK = 1
    assert ask(client, opens_later, homepage="x").status_code == 422
    assert ask(client, opens_later, "ana@@example.org").status_code == 422
    assert ask(client, opens_later).status_code == 302
    held = ask(client, opens_later, "bo@example.org")
    assert held.status_code == 429
    assert OpeningNotice.objects.count() == 1


def test_asking_waits_while_nobody_can_count(client, opens_later, settings):
    settings.CACHES = settings.CACHES | {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    answer = ask(client, opens_later)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "<h1>We cannot take this now</h1>" in answer.text
    assert OpeningNotice.objects.count() == 0


# -- Confirming ---------------------------------------------------------------------------------------------------


def own_page(client, registration):
    return client.get(reverse("registration", args=[links.token_of(registration)]))


def press(client, registration, name="registration_verify", **said):
    return client.post(reverse(name, args=[links.token_of(registration)]), said)


def test_somebody_who_has_said_all_only_presses_the_button(client, event):
    QuestionFactory(event=event)
    registration = registered(event)
    assert "question_" not in own_page(client, registration).text
    assert press(client, registration).status_code == 302
    registration.refresh_from_db()
    assert registration.status == "confirmed"


def test_whoever_is_brought_by_a_colleague_answers_and_declares_before_confirming(client, event):
    needed = QuestionFactory(event=event, is_required=True, label="Why you?")
    free = QuestionFactory(event=event, kind="yes-no")
    terms(event, declaration="I work there.")
    first = registered(event, 1)
    colleague = seats.register(event, person=person(2), mode="in-person", brought_by=first)

    shown = own_page(client, colleague).text
    assert "Ana Müller 1 has registered you." in shown
    assert field(free) in shown
    refused = press(client, colleague)
    assert refused.status_code == 422
    assert set(refused.context["form"].errors) == {field(needed), "declares"}
    assert "<title>Error: " in refused.text

    said = {field(needed): "I must", field(free): "no", "declares": "yes"}
    assert press(client, colleague, **said).status_code == 302
    colleague.refresh_from_db()
    assert (colleague.status, colleague.declared_at is None) == ("confirmed", False)
    assert dict(colleague.answers.values_list("question", "value")) == {
        needed.pk: "I must",
        free.pk: False,
    }
    assert press(client, colleague).status_code == 302


def test_a_choice_that_is_full_is_said_at_its_field_when_confirming(client, event, monkeypatch):
    question = QuestionFactory(event=event, kind="choice", is_required=True)
    option = OptionFactory(question=question, label="Prison", places=1)
    given = [answers.Given(question, [option.pk])]
    first = seats.register(event, person=person(1), mode="in-person", given=given)
    colleague = seats.register(event, person=person(2), mode="in-person", brought_by=first)
    monkeypatch.setattr("registrations.shares.taken", lambda event, names: {})
    answer = press(client, colleague, **{field(question): option.pk})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field(question)]
    colleague.refresh_from_db()
    assert colleague.status == "unverified"


def test_a_substitute_reads_whose_place_it_is_and_takes_it(client, event):
    first = verified(event, 1)
    needed = QuestionFactory(event=event, is_required=True)
    substitute = swaps.name_substitute(first, person=person(2))
    shown = own_page(client, substitute).text
    assert "<h1>Will you come instead of Ana Müller 1?</h1>" in shown
    assert press(client, substitute, **{field(needed): "yes"}).status_code == 302
    substitute.refresh_from_db(), first.refresh_from_db()
    assert (substitute.status, substitute.seat, first.status) == ("confirmed", 1, "cancelled")


def test_somebody_on_the_waiting_list_takes_over_a_place_by_a_button(client):
    event = EventFactory(capacity_in_person=1)
    first, waits = verified(event, 1), verified(event, 2)
    assert "swap/" not in own_page(client, waits).text
    swaps.name_substitute(first, person=person(2))
    shown = own_page(client, waits).text
    assert "Ana Müller 1 has named you as substitute" in shown
    assert press(client, waits, "registration_swap").status_code == 302
    waits.refresh_from_db()
    assert (waits.status, waits.seat) == ("confirmed", 1)


def test_a_place_that_was_given_up_cannot_be_taken_over(client):
    event = EventFactory(capacity_in_person=1)
    first, waits = verified(event, 1), verified(event, 2)
    swaps.name_substitute(first, person=person(2))
    verified(event, 3)
    seats.cancel(first)
    Registration.objects.filter(pk=waits.pk).update(replaces=first)
    assert "has named you as substitute" not in own_page(client, waits).text
