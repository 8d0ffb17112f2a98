"""The page of all of one's registrations: who gets in, what stands there, and what its buttons do."""

import json
import re
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events import lifecycle
from outbox.models import Message
from registrations import answers, links, mailed_link, seats
from registrations.answers import Given
from registrations.models import Answer, Erasure, PersonalFeed, Registration, UsedLink
from tests.factories import (
    PASSWORD,
    EventFactory,
    QuestionFactory,
    UserFactory,
    registered,
    terms,
    verified,
)
from tests.threads import at_once
from tests.work import calls_in, statements_in

pytestmark = pytest.mark.django_db


def ask(client, email):
    return client.post(reverse("me"), {"email": email})


def mailed_path():
    """The path in the newest mail."""
    message = Message.objects.filter(key__startswith="me/").latest("pk")
    return re.search(r"/me/[^/\s]+/", message.text)[0]


def signed_in(email="person1@example.org"):
    """A browser in which the mailed link was followed."""
    client = Client()
    answer = client.post(reverse("me_open", args=[mailed_link.token_of(email)]))
    assert answer["Location"] == "/me/"
    return client


def test_the_mailed_link_opens_the_page_by_a_press_once(client):
    event = EventFactory(title="Workshop on transition")
    verified(event, 1)
    assert ask(client, "Person1@example.org")["Location"] == "/me/sent/"
    path = mailed_path()

    looked = client.get(path)
    assert looked.status_code == 200
    assert "sessionid" not in looked.cookies
    assert UsedLink.objects.count() == 0

    answer = client.post(path)
    assert (answer.status_code, answer["Location"]) == (302, "/me/")
    assert "Workshop on transition" in client.get("/me/").text

    stranger = Client()
    for again in (stranger.get(path), stranger.post(path)):
        assert again.status_code == 410
        assert "Send me my link" in again.text
    assert "Workshop on transition" not in stranger.get("/me/").text


def test_the_link_is_good_for_an_hour_and_so_is_the_page():
    event = EventFactory(title="Workshop on transition")
    verified(event, 1)
    now = timezone.now()
    token = mailed_link.token_of("person1@example.org")
    client = signed_in()
    with time_machine.travel(now + timedelta(minutes=59), tick=False):
        assert Client().get(reverse("me_open", args=[token])).status_code == 200
        assert "Workshop on transition" in client.get("/me/").text
    with time_machine.travel(now + timedelta(minutes=61), tick=False):
        assert Client().post(reverse("me_open", args=[token])).status_code == 410
        assert "Workshop on transition" not in client.get("/me/").text
        assert client.get("/me/data.json")["Location"] == "/me/"


@pytest.mark.django_db(transaction=True)
def test_of_presses_at_once_one_opens_the_page():
    path = reverse("me_open", args=[mailed_link.token_of("person1@example.org")])
    answers_to = at_once([partial(Client().post, path) for _n in range(6)])
    assert sorted(answer.status_code for answer in answers_to) == [302, *[410] * 5]


@pytest.mark.parametrize("wrong", ["x", "a:b:c", "%00", ""])
def test_a_wrong_or_borrowed_link_opens_nothing(client, wrong):
    registration = verified(EventFactory(), 1)
    for token in (wrong or links.token_of(registration), mailed_link.token_of("a@b.example") + "x"):
        for send in (client.get, client.post):
            assert send(f"/me/{token}/").status_code == 404
    assert (
        client.get(
            reverse("registration", args=[mailed_link.token_of(registration.email)])
        ).status_code
        == 404
    )


def test_the_answer_is_the_same_for_a_known_and_an_unknown_address(client):
    verified(EventFactory(), 1)
    Message.objects.all().delete()
    known = ask(client, "person1@example.org")
    unknown = ask(client, "nobody@example.org")
    assert (known.status_code, known["Location"], known.content) == (
        unknown.status_code,
        unknown["Location"],
        unknown.content,
    )
    assert set(known.cookies) == set(unknown.cookies)
    to_known, to_unknown = Message.objects.order_by("pk")
    assert to_known.is_requested
    assert to_unknown.is_requested
    assert re.search(r"/me/[^/\s]{20,}/", to_known.text)
    assert "Nothing is registered" in to_unknown.text
    assert not re.search(r"/me/[^/\s]{20,}/", to_unknown.text)


def test_the_answer_takes_the_same_steps_for_both(client, settings):
    settings.REQUESTS_FROM_A_NETWORK = 100
    settings.MAILS_TO_A_MAILBOX = (100, 100)
    for n in range(5):
        verified(EventFactory(), 1 + n % 2)

    def measured(email, count):
        Message.objects.filter(key__startswith="me/").delete()
        return count(lambda: ask(client, email))

    measured("person1@example.org", calls_in)
    emails = ("person1@example.org", "nobody@example.org")
    known, unknown = (measured(email, statements_in) for email in emails)
    assert known == unknown
    known, unknown = (measured(email, calls_in) for email in emails)
    assert known / unknown == pytest.approx(1, abs=0.1)


def test_a_mailbox_that_gets_no_more_mail_does_not_show(client, settings):
    settings.MAILS_TO_A_MAILBOX = (1, 1)
    registered(EventFactory(), 1)
    full, empty = ask(client, "person1@example.org"), ask(client, "nobody@example.org")
    assert (full.status_code, full["Location"]) == (empty.status_code, empty["Location"])
    assert [m.recipient for m in Message.objects.filter(key__startswith="me/")] == [
        "nobody@example.org"
    ]


def test_a_network_that_asks_too_often_is_held_back(client, settings):
    settings.REQUESTS_FROM_A_NETWORK = 2
    asked = [ask(client, f"person{n}@example.org").status_code for n in range(3)]
    assert asked == [302, 302, 429]


def test_asking_ten_times_at_once_sends_one_mail(client):
    with time_machine.travel(timezone.now(), tick=False):
        for _n in range(5):
            ask(client, "person1@example.org")
            ask(client, "PERSON1@example.org")
    assert Message.objects.filter(key__startswith="me/").count() == 1
    assert "person1" not in Message.objects.get(key__startswith="me/").key


def test_the_form_says_what_is_wrong_and_sends_nothing(client):
    answer = ask(client, "ana@@example")
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert "Enter an e-mail address like name@example.org." in answer.text
    assert "Did you mean ana@gmail.com?" in ask(client, "ana@gmial.com").text
    assert Message.objects.count() == 0
    again = client.post("/me/", {"email": "ana@gmial.com", "kept_email": "ana@gmial.com"})
    assert again.status_code == 302


def test_the_page_shows_all_of_ones_events_with_their_state_and_link():
    coming = EventFactory(title="Coming one", capacity_in_person=1)
    verified(coming, 2)
    waits = verified(coming, 1)
    past = EventFactory(title="Past one")
    had = verified(past, 1)
    past.starts_at -= timedelta(days=60)
    past.ends_at -= timedelta(days=60)
    past.save()
    left = verified(EventFactory(title="Left one"), 1)
    seats.cancel(left)
    called_off = verified(EventFactory(title="Called off"), 1)
    lifecycle.cancel(called_off.event, by=None)
    verified(EventFactory(title="Of somebody else"), 2)

    page = signed_in().get("/me/")
    titles = {
        name: [row["event"].title for row in page.context[name]]
        for name in ("coming", "past", "over")
    }
    assert titles == {
        "coming": ["Coming one", "Called off"],
        "past": ["Past one"],
        "over": ["Left one"],
    }
    assert "On the waiting list" in page.text
    assert "Event cancelled" in page.text
    for one in (waits, had, left):
        assert links.personal_link(one) in page.text
    assert "Of somebody else" not in page.text


def test_the_page_is_kept_and_told_to_nobody():
    for client in (Client(), signed_in()):
        page = client.get("/me/")
        assert {"no-store", "private"} <= set(re.split(r", *", page["Cache-Control"]))
        assert (page["X-Robots-Tag"], page["Referrer-Policy"]) == ("noindex", "same-origin")


def test_the_page_takes_as_many_queries_for_three_events_as_for_one(django_assert_num_queries):
    def another():
        event = EventFactory()
        question = QuestionFactory(event=event, kind="consent")
        answers.store(verified(event, 1), [Given(question, True)])

    another()
    client = signed_in()
    with django_assert_num_queries(6):
        client.get("/me/")
    another()
    another()
    with django_assert_num_queries(6):
        client.get("/me/")


def test_signing_out_closes_the_page_and_leaves_staff_signed_in():
    client = signed_in()
    client.post("/me/leave/")
    assert "Send me my link" in client.get("/me/").text

    user = UserFactory(is_superuser=True)
    client.login(username=user.email, password=PASSWORD)
    client.post(reverse("me_open", args=[mailed_link.token_of("person1@example.org")]))
    assert "Sign out" in client.get("/me/").text
    client.post("/me/leave/")
    assert "Send me my link" in client.get("/me/").text
    assert client.get("/desk/").status_code == 200


def test_each_consent_is_taken_back_by_its_own_button():
    event = EventFactory()
    terms(event, shows_participants=True)
    registration = verified(event, 1, is_listed=True)
    photo = QuestionFactory(event=event, kind="consent", label="Photographs of me may be shown")
    diet = QuestionFactory(event=event, special="diet", label="Diet")
    plain = QuestionFactory(event=event)
    given = [Given(photo, True), Given(diet, "vegan", consents=True), Given(plain, "by train")]
    answers.store(registration, given)
    other = verified(event, 2, is_listed=True)
    client = signed_in()

    page = client.get("/me/")
    names = [consent.name for consent in page.context["consents"]]
    assert len(names) == 3
    assert "Photographs of me may be shown" in page.text

    client.post("/me/consent/", {"consent": names[0]})
    assert [one.pk for one in Registration.objects.listed()] == [other.pk]
    assert Answer.objects.count() == 3
    client.post("/me/consent/", {"consent": names[1]})
    client.post("/me/consent/", {"consent": names[2]})
    client.post("/me/consent/", {"consent": names[2]})
    assert [answer.value for answer in Answer.objects.all()] == ["by train"]
    assert registration.changes.filter(reason="consent taken back").count() == 3


def test_nobody_takes_back_the_consent_of_others():
    event = EventFactory()
    other = verified(event, 2, is_listed=True)
    signed_in().post("/me/consent/", {"consent": f"listed-{other.pk}"})
    other.refresh_from_db()
    assert other.is_listed


def test_the_file_of_ones_data_is_json():
    verified(EventFactory(), 1, given_name="محمد")
    answer = signed_in().get("/me/data.json")
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert json.loads(answer.content)["registrations"][0]["given_name"] == "محمد"


def test_erasing_asks_once_more_and_then_leaves_nothing():
    event = EventFactory(title="Workshop on transition")
    registration = verified(event, 1)
    PersonalFeed.objects.create(email="person1@example.org")
    client = signed_in()
    question = client.get("/me/erase/")
    assert "Workshop on transition" in question.text
    assert Erasure.objects.count() == 0
    answer = client.post("/me/erase/")
    assert answer["Location"] == "/me/erased/"
    registration.refresh_from_db()
    assert (registration.status, registration.given_name) == ("cancelled", "")
    assert "Send me my link" in client.get("/me/").text
    assert not Message.objects.filter(recipient="person1@example.org").exists()


def test_a_page_without_anything_says_so():
    page = signed_in("nobody@example.org").get("/me/")
    assert page.status_code == 200
    assert "You are registered for nothing that is ahead." in page.text


def test_markup_in_names_and_titles_is_text():
    event = EventFactory(title="<script>alert(1)</script>")
    question = QuestionFactory(event=event, kind="consent", label="<b>bold</b>")
    answers.store(registered(event, 1), [Given(question, True)])
    client = signed_in()
    for path in ("/me/", "/me/erase/"):
        assert "<script>alert" not in client.get(path).text
    assert "<b>bold" not in client.get("/me/").text


def test_the_site_leads_to_the_page_from_everywhere(client):
    assert '<a class="to-me" href="/me/"' in client.get("/").text
