"""The page to which calendar entries lead: the link to join for those with a place online, and for nobody else."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events import lifecycle
from outbox.models import Message
from registrations import joining, links, seats
from registrations.models import Registration
from tests.factories import EventFactory, registered, verified
from tests.registrations.test_me import signed_in
from tests.work import calls_in, statements_in

pytestmark = pytest.mark.django_db

ROOM = "https://meet.example/a-secret-room"


@pytest.fixture
def event():
    return EventFactory(online=True, title="Risk & needs", join_url=ROOM)


@pytest.fixture
def page(event):
    return reverse("event_join", args=[event.slug])


def online(event, n=1):
    return verified(event, n, mode="online")


def knows(registration) -> Client:
    """A browser in which the personal link was opened."""
    client = Client()
    assert (
        client.get(reverse("registration", args=[links.token_of(registration)])).status_code == 200
    )
    return client


def test_the_browser_of_the_personal_page_gets_the_button(event, page):
    answer = knows(online(event)).get(page)
    assert answer.status_code == 200
    assert re.search(rf'<a class="button" href="{ROOM}" rel="noopener noreferrer">', answer.text)
    assert "Risk &amp; needs" in answer.text
    assert f"{event.local_start:%H:%M}" in answer.text
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex"


def test_the_browser_of_the_mailed_link_gets_the_button_of_its_address_alone(event, page):
    online(event)
    assert ROOM in signed_in().get(page).text
    assert ROOM not in signed_in("person2@example.org").get(page).text


def test_the_cookie_goes_to_this_page_alone_until_the_event_ends(event, page, settings):
    answer = Client().get(reverse("registration", args=[links.token_of(online(event))]))
    cookie = answer.cookies[joining.COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (page, True, "Lax")
    left = (event.ends_at - timezone.now()).total_seconds()
    assert left - 5 < cookie["max-age"] <= left
    assert not cookie["secure"]
    settings.HTTPS = True
    token = links.token_of(Registration.objects.get())
    answer = Client().get(reverse("registration", args=[token]), secure=True)
    assert answer.cookies[joining.COOKIE]["secure"]


def test_no_cookie_where_there_is_no_place_online():
    hybrid = EventFactory(hybrid=True, join_url=ROOM, capacity_online=1)
    for registration in (verified(hybrid, 1), registered(hybrid, 2, mode="online")):
        answer = Client().get(reverse("registration", args=[links.token_of(registration)]))
        assert joining.COOKIE not in answer.cookies


def test_nobody_else_sees_the_link(event, page, client):
    hybrid = EventFactory(hybrid=True, join_url=ROOM)
    in_person = Client()
    in_person.cookies[joining.COOKIE] = links.token_of(verified(hybrid, 1))
    other = Client()
    other.cookies[joining.COOKIE] = links.token_of(online(EventFactory(online=True)))
    wrong = Client()
    wrong.cookies[joining.COOKIE] = "x"
    for browser, address in (
        (client, page),
        (wrong, page),
        (other, page),
        (in_person, reverse("event_join", args=[hybrid.slug])),
        (signed_in(), reverse("event_join", args=[hybrid.slug])),
    ):
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "meet.example" not in answer.text
        assert "Ana" not in answer.text
        assert 'name="email"' in answer.text


def test_a_given_up_place_opens_nothing_any_more(event, page):
    registration = online(event)
    browser = knows(registration)
    seats.cancel(registration)
    assert ROOM not in browser.get(page).text
    assert ROOM not in signed_in().get(page).text


def test_without_a_link_the_page_says_that_it_follows(event, page):
    event.join_url = ""
    event.save()
    assert "follows by e-mail before the event" in knows(online(event)).get(page).text


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (lambda event: lifecycle.cancel(event, by=None), "has been cancelled"),
        (lambda event: lifecycle.postpone(event, by=None), "has been postponed"),
        (None, "is over"),
    ],
)
def test_an_event_that_does_not_go_ahead_says_so_to_everybody(event, page, client, happens, words):
    browser = knows(online(event))
    if happens:
        happens(event)
    at = timezone.now() if happens else event.ends_at
    with time_machine.travel(at, tick=False):
        for one in (browser, client):
            answer = one.get(page)
            assert words in answer.text
            assert ROOM not in answer.text
            assert 'name="email"' not in answer.text
        number = Message.objects.count()
        assert client.post(page, {"email": "person1@example.org"}).status_code == 409
        assert Message.objects.count() == number


def test_there_is_no_page_for_drafts_and_for_events_in_person_alone(client):
    for event in (EventFactory(online=True, draft=True), EventFactory()):
        for name in ("event_join", "event_join_sent"):
            assert client.get(reverse(name, args=[event.slug])).status_code == 404
    assert client.get(reverse("event_join", args=["no-such-event"])).status_code == 404


def test_the_form_mails_the_personal_link_to_an_address_with_a_place(event, page, client):
    registration = online(event)
    Message.objects.all().delete()
    answer = client.post(page, {"email": "Person1@Example.org"})
    assert (answer.status_code, answer["Location"]) == (302, f"{page}sent/")
    [message] = Message.objects.all()
    assert message.recipient == "person1@example.org"
    assert message.is_requested
    assert links.personal_link(registration) in message.text
    assert ROOM not in message.text
    assert "Somebody, probably you, asked for the link to join Risk & needs." in message.text
    assert "the link to join stands on your page" in message.text
    assert client.get(answer["Location"]).status_code == 200


def test_the_answer_is_the_same_for_every_address(event, page):
    online(event)
    waiting = registered(event, 2, mode="online")
    Message.objects.all().delete()
    answers = [
        Client().post(page, {"email": email})
        for email in ("person1@example.org", waiting.email, "nobody@example.org")
    ]
    assert len({(one.status_code, one["Location"], one.content) for one in answers}) == 1
    assert len({frozenset(one.cookies) for one in answers}) == 1
    mails = {one.recipient: one for one in Message.objects.all()}
    assert len(mails) == 3
    assert all(one.is_requested for one in mails.values())
    assert "Nothing is registered" in mails["nobody@example.org"].text
    assert re.search(r"/me/[^/\s]{20,}/", mails[waiting.email].text)


def test_the_answer_takes_the_same_steps_for_every_address(event, page, settings):
    settings.REQUESTS_FROM_A_NETWORK = 100
    settings.MAILS_TO_A_MAILBOX = (100, 100)
    waiting = registered(event, 2, mode="online")
    online(event)

    def measured(email, count):
        Message.objects.all().delete()
        return count(lambda: Client().post(page, {"email": email}))

    measured("person1@example.org", calls_in)
    emails = ("person1@example.org", waiting.email, "nobody@example.org")
    first, *others = (measured(email, statements_in) for email in emails)
    assert others == [first, first]
    first, *others = (measured(email, calls_in) for email in emails)
    assert [number / first for number in others] == [pytest.approx(1, abs=0.1)] * 2


def test_a_mailbox_gets_only_so_many_mails(event, page, settings):
    settings.MAILS_TO_A_MAILBOX = (2, 2)
    registration = online(event)
    Message.objects.all().delete()
    for minutes in range(4):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False):
            assert Client().post(page, {"email": registration.email}).status_code == 302
    assert Message.objects.count() == 2


@pytest.mark.parametrize("email", ["", "no address", "a@b.example, c@d.example"])
def test_what_is_no_address_is_refused_and_kept(event, page, client, email):
    answer = client.post(page, {"email": email})
    assert answer.status_code == 422
    assert "Error:" in answer.text
    assert Message.objects.count() == 0


def test_a_program_is_held_back(event, page, client, settings):
    settings.FORM_SECONDS = 2
    answer = client.post(page, {"email": "person1@example.org"})
    assert answer.status_code == 422
    assert "press the button once more" in answer.text
    assert Message.objects.count() == 0


def test_a_flood_from_one_network_is_held_back(event, page, client, settings):
    settings.REQUESTS_FROM_A_NETWORK = 2
    statuses = [
        client.post(page, {"email": f"person{n}@example.org"}).status_code for n in range(4)
    ]
    assert statuses == [302, 302, 429, 429]


def test_the_own_page_leads_to_it(event, page, client):
    token = links.token_of(online(event))
    assert f'href="{page}"' in client.get(reverse("registration", args=[token])).text


def test_other_methods_and_head(event, page, client):
    assert client.put(page).status_code == 405
    assert client.head(page).status_code == 200
