"""The log of mail at the desk: where a message stands in plain words, how it is found, and how it goes once more."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from outbox import lists, refusals, returns, standing
from outbox.models import Message, State
from registrations import links, seats
from registrations.models import new_link_key
from tests.factories import EventFactory, UserFactory, enrolled, registered

pytestmark = pytest.mark.django_db

#: Noon of that day in Amsterdam is 11:00 UTC.
NOW = datetime(2027, 3, 1, 11, tzinfo=UTC)


def stands(**fields):
    return standing.in_words(Message(**{"state": State.WAITING, "send_after": NOW} | fields))


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Goes out in a moment."),
        ({"send_after": NOW + timedelta(hours=2)}, "Goes out today at 14:00."),
        ({"send_after": NOW + timedelta(hours=13)}, "Goes out tomorrow at 01:00."),
        ({"send_after": NOW + timedelta(days=9)}, "Goes out on 10 March 2027 at 12:00."),
        (
            {"last_error": "ConnectionRefusedError: [Errno 111] Connection refused"},
            "Not sent yet: the mail server could not be reached. We go on trying.",
        ),
        (
            {"attempts": 1, "last_error": "SMTPRecipientsRefused: 450 busy", "send_after": NOW + timedelta(minutes=5)},
            "Tried once: the other server asked us to try again later. Next try today at 12:05.",
        ),
        (
            {"attempts": 2, "last_error": "452 4.2.2 mailbox full", "send_after": NOW + timedelta(minutes=125)},
            "Tried twice: the mailbox is full. Next try today at 14:05.",
        ),
        (
            {"state": State.FAILED, "attempts": 12, "last_error": "421 4.7.0 try later"},
            "Tried 12 times and given up: the other server asked us to try again later.",
        ),
        (
            {"state": State.FAILED, "attempts": 1, "last_error": "SMTPRecipientsRefused: 550 5.1.1 unknown"},
            "Tried once and given up: the other server knows no such mailbox.",
        ),
        ({"state": State.SENDING}, "Is being sent."),
        ({"state": State.SENT, "sent_at": NOW - timedelta(days=1)}, "Sent yesterday at 12:00."),
        (
            {"state": State.SENT, "sent_at": NOW, "returned_at": NOW, "last_error": "552 5.2.2 full"},
            "Sent today at 12:00, but it came back: the mailbox is full.",
        ),
        ({"state": State.STOPPED}, "Stopped before it was sent."),
        ({"state": State.STOPPED, "last_error": lists.LEFT}, "Not sent. The recipient has left this list."),
        ({"state": State.STOPPED, "last_error": returns.CAME_BACK}, "Not sent. Mail to this address comes back."),
    ],
)  # fmt: skip
def test_a_message_says_where_it_stands(fields, words):
    assert stands(**fields) == words


def test_every_refusal_has_words_that_go_on_in_a_sentence():
    assert set(refusals.WORDS) == set(refusals.Kind)
    for words in refusals.WORDS.values():
        assert str(words)[0].islower()
        assert str(words)[-1] not in ".!"


@pytest.fixture
def event(organisation):
    return EventFactory(organiser=organisation, title="Workshop on bail")


@pytest.fixture
def sent(event):
    """The confirmation of somebody who comes, as it was sent."""
    enrolled(event)
    Message.objects.update(state=State.SENT, sent_at=timezone.now())
    return Message.objects.get()


@pytest.fixture
def administrator():
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    return client


def shown(client, query, page):
    return [one.key for one, _words in client.get(page + query).context["rows"]]


def message(key, **fields):
    return Message.objects.create(
        **{"key": key, "recipient": f"{key}@example.org", "subject": "S", "text": "T"} | fields
    )


def test_a_page_shows_plain_words_with_those_of_the_server_below(desk, event, sent):
    Message.objects.update(
        returned_at=timezone.now(), last_error="550 5.1.1 <b>unknown</b> user in table"
    )
    page = desk.get(reverse("desk_message", args=[event.pk, sent.pk])).text
    assert "but it came back: the other server knows no such mailbox." in page
    assert "550 5.1.1 &lt;b&gt;unknown&lt;/b&gt; user in table" in page
    listed = desk.get(reverse("desk_mail", args=[event.pk])).text
    assert "but it came back: the other server knows no such mailbox." in listed
    assert "5.1.1" not in listed


def test_administrators_find_mail_by_event_recipient_and_state(administrator, event):
    page = reverse("desk_outbox")
    other = EventFactory(title="Conference")
    message("a", topic=f"event/{event.pk}")
    message("b", topic=f"event/{other.pk}")
    message("c", state=State.FAILED)
    for query, keys in [
        ("", ["c", "b", "a"]),
        ("?event=BAIL", ["a"]),
        ("?event=o", ["b", "a"]),
        ("?event=nothing", []),
        ("?q=b%40", ["b"]),
        ("?event=bail&q=b%40", []),
        ("?state=failed", ["c"]),
    ]:
        assert shown(administrator, query, page) == keys, query


@pytest.mark.parametrize("whose", ["desk_mail", "desk_outbox"])
def test_the_log_shows_what_was_written_together(desk, administrator, event, whose):
    topic = f"event/{event.pk}"
    message("a", topic=topic, batch="mailing/12")
    message("b", topic=topic, batch="mailing/13", state=State.FAILED)
    message("c", topic=topic, batch="mailing/12", state=State.FAILED)
    page = reverse(whose, args=[event.pk] if whose == "desk_mail" else [])
    client = desk if whose == "desk_mail" else administrator
    assert shown(client, "?batch=mailing/12", page) == ["c", "a"]
    assert shown(client, "?batch=mailing/12&state=failed", page) == ["c"]
    answer = client.get(page + "?batch=mailing/12")
    assert answer.context["total"] == 2
    assert "Only what was written together as mailing/12." in answer.text
    assert 'name="batch" value="mailing/12"' in answer.text


@pytest.mark.parametrize("amount", [1, 3])
def test_the_log_of_all_mail_takes_the_same_queries(
    administrator, event, amount, django_assert_num_queries
):
    for number in range(amount):
        message(f"m{number}", topic=f"event/{event.pk}", state=State.FAILED, last_error="550 no")
    administrator.get(reverse("desk_outbox"))
    with django_assert_num_queries(9):  # Wagtail's frame (6); numbers by state, count, rows
        administrator.get(reverse("desk_outbox") + "?event=bail&q=m&state=failed")


def test_what_was_sent_goes_once_more_after_a_question(desk, event, sent):
    address = reverse("desk_message_again", args=[event.pk, sent.pk])
    assert address in desk.get(reverse("desk_message", args=[event.pk, sent.pk])).text
    asked = desk.get(address)
    assert f"{sent.recipient} gets the same words a second time" in asked.text
    assert Message.objects.count() == 1
    with time_machine.travel(timezone.now(), tick=False):
        for _press in range(2):
            assert desk.post(address).status_code == 302
    copy = Message.objects.exclude(pk=sent.pk).get()
    assert copy.key == f"{sent.key}/again/{copy.created_at:%Y-%m-%dT%H:%MZ}"
    assert (copy.text, copy.html, copy.calendar) == (sent.text, sent.html, sent.calendar)
    assert (copy.recipient, copy.topic, copy.language) == (
        sent.recipient,
        sent.topic,
        sent.language,
    )
    assert (copy.state, copy.attempts, copy.is_requested) == (State.WAITING, 0, False)
    assert copy.message_id != sent.message_id


def refusal(desk, event, sent):
    address = reverse("desk_message_again", args=[event.pk, sent.pk])
    said = desk.get(address).context["refusal"]
    desk.post(address)
    assert not Message.objects.filter(key__contains="/again/").exists()
    return said


def test_what_speaks_of_a_registration_that_is_over_does_not_go_again(desk, event, sent):
    seats.cancel(event.registrations.get())
    assert "no longer takes part" in refusal(desk, event, sent)


def test_what_holds_a_link_that_is_dead_does_not_go_again(desk, event, sent):
    event.registrations.update(link_key=new_link_key())
    assert "the link in it does not work any more" in refusal(desk, event, sent)


def test_what_says_less_than_is_true_now_does_not_go_again(desk, event):
    registration = registered(event)
    sent = Message.objects.get()
    Message.objects.update(state=State.SENT, sent_at=timezone.now())
    assert links.token_of(registration) in sent.text
    seats.verify(registration)
    assert "has moved on since" in refusal(desk, event, sent)


def test_what_would_be_stopped_at_once_does_not_go_again(desk, event, sent):
    for _time in range(3):
        returns.note_bounce(sent.recipient, is_hard=True, reason="550 5.1.1", message=None)
    assert refusal(desk, event, sent) == "It was not sent. Mail to this address comes back."
    Message.objects.update(state=State.STOPPED, sent_at=None)
    desk.post(reverse("desk_message_retry", args=[event.pk, sent.pk]))
    assert Message.objects.get().state == State.STOPPED


def test_only_what_was_sent_goes_once_more(desk, event, sent):
    Message.objects.update(state=State.WAITING, sent_at=None)
    assert "Only what was sent" in refusal(desk, event, sent)


def test_the_link_that_leaves_a_list_is_shown_to_nobody_else(desk, event):
    url = lists.url_for("ana@example.org", "event/1")
    shown = message(
        "a", topic=f"event/{event.pk}", text=f"Leave: {url}\n", html=f'<a href="{url}">Leave</a>'
    )
    page = desk.get(reverse("desk_message", args=[event.pk, shown.pk])).text
    assert "/mail/unsubscribe/…" in page
    assert lists.token_for("ana@example.org", "event/1") not in page
