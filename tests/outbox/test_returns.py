"""Which refusals are of the address itself, and who gets less mail after them."""

import smtplib

import pytest
from django.utils import timezone

from outbox import control, delivery, lists, refusals, returns
from outbox.models import Lane, Message, State, Suppression
from outbox.refusals import Kind
from tests.delivering import deliver

pytestmark = pytest.mark.django_db


def message(key="a", **fields):
    return Message.objects.create(
        **{"key": key, "recipient": "Ana@example.org", "subject": "S", "text": "T\n"} | fields
    )


def sent(key="a", **fields):
    return message(key, state=State.SENT, sent_at=timezone.now(), **fields)


@pytest.mark.parametrize(
    ("said", "kind", "is_hard"),
    [
        ("550 5.1.1 <a550@x.example>: Recipient address rejected: User unknown", Kind.NOBODY, True),
        ("550 No such user here", Kind.NOBODY, True),
        ("553 5.1.3 Bad address syntax", Kind.NOBODY, True),
        ("551 User not local; please try <b@example.org>", Kind.NOBODY, True),
        ("550 5.4.1 Recipient address rejected: Access denied.", Kind.NOBODY, True),
        ("550 5.1.10 null MX", Kind.NO_SERVER, True),
        ("550 5.1.2 host unknown", Kind.NO_SERVER, True),
        ("550 5.2.1 The email account is disabled.", Kind.CLOSED, True),
        ("554 5.0.0 mailbox disabled", Kind.CLOSED, True),
        ("552 5.2.2 The mailbox is full", Kind.FULL, False),
        ("550 Mailbox quota exceeded", Kind.FULL, False),
        ("552 Requested mail action aborted", Kind.TOO_LARGE, False),
        ("552 5.3.4 Message too big", Kind.TOO_LARGE, False),
        ("550 5.7.1 Message rejected as spam", Kind.POLICY, False),
        ("550 5.7.26 unauthenticated mail is prohibited by DMARC", Kind.POLICY, False),
        ("550 Your host is on a blocklist; no such user may be told", Kind.POLICY, False),
        ("553 5.1.8 Sender address rejected: Domain not found", Kind.POLICY, False),
        ("550 5.7.1 Relaying denied", Kind.POLICY, False),
        ("550 relay not permitted", Kind.POLICY, False),
        ("450 4.1.1 mailbox unavailable", Kind.LATER, False),
        ("451 4.7.1 Greylisted, come back", Kind.LATER, False),
        ("450 greylisted, come back in 5 minutes", Kind.LATER, False),
        ("421 4.4.2 timeout", Kind.AWAY, False),
        ("554 5.5.1 Error: no valid recipients", Kind.UNKNOWN, False),
        ("554 transaction failed at 10.5.1.1", Kind.UNKNOWN, False),
        ("SMTPAuthenticationError: 535 5.7.8 bad credentials", Kind.SIGN_IN, False),
        ("SMTPServerDisconnected: Connection unexpectedly closed", Kind.AWAY, False),
        ("ConnectionRefusedError: [Errno 111] Connection refused", Kind.AWAY, False),
        ("TimeoutError: timed out", Kind.AWAY, False),
        ("SMTPSenderRefused: 553 5.7.1 not yours (our address a@b.c)", Kind.POLICY, False),
        ("AnymailRequestsAPIError: Postmark API response 401 (Unauthorized)", Kind.SIGN_IN, False),
        ("AnymailRequestsAPIError: Brevo API response 429 (Too Many)", Kind.TOO_FAST, False),
        ("AnymailRequestsAPIError: Brevo API response 502 (Bad Gateway)", Kind.AWAY, False),
        ("ValueError: something else", Kind.UNKNOWN, False),
    ],
)  # fmt: skip
def test_a_refusal_is_read_by_its_numbers_and_words(said, kind, is_hard):
    assert (refusals.kind_of(said), refusals.is_hard(said)) == (kind, is_hard)
    assert refusals.in_words(said) == refusals.WORDS[kind]


@pytest.mark.parametrize(
    ("reply", "state", "bounces"),
    [
        ("550 5.1.1 no such user", State.FAILED, 1),
        ("550 5.7.1 looks like spam", State.WAITING, 0),
        ("554 5.7.1 relay access denied", State.WAITING, 0),
        ("550 relaying denied", State.WAITING, 0),
        ("554 no", State.WAITING, 0),
        ("552 5.2.2 mailbox full", State.FAILED, 0),
    ],
)
def test_a_server_that_knows_no_such_mailbox_counts_as_mail_that_came_back(
    smtp_server, reply, state, bounces
):
    smtp_server.refused["Ana@example.org"] = reply
    refused = message()
    delivery.deliver_due()
    refused.refresh_from_db()
    assert refused.state == state
    assert refused.last_error == f"SMTPRecipientsRefused: {reply}"
    assert (refused.returned_at is not None) == bool(bounces)
    assert sum(Suppression.objects.values_list("hard_bounces", flat=True)) == bounces


def test_a_refusal_counts_only_while_the_worker_has_the_message_in_hand():
    error = smtplib.SMTPRecipientsRefused({"ana@example.org": (550, b"5.1.1 no such user")})
    stopped = message()
    delivery._put_back(stopped, error)
    stopped.refresh_from_db()
    assert (stopped.state, stopped.returned_at) == (State.WAITING, None)
    assert not Suppression.objects.exists()


def test_a_server_that_is_busy_counts_for_nothing(smtp_server):
    smtp_server.refused["Ana@example.org"] = "450 4.2.1 come back later"
    message()
    delivery.deliver_due()
    assert Message.objects.get().state == State.WAITING
    assert not Suppression.objects.exists()


def test_one_message_counts_once_however_often_it_is_reported():
    came = sent()
    for is_news in (True, False, False):
        assert (
            returns.note_bounce(
                "ANA@example.org", is_hard=True, reason="550 5.1.1 unknown", message=came
            )
            is is_news
        )
    [row] = Suppression.objects.all()
    assert (row.address, row.hard_bounces, row.reason) == (
        "ana@example.org",
        1,
        "550 5.1.1 unknown",
    )
    came.refresh_from_db()
    assert (came.state, came.last_error) == (State.SENT, "550 5.1.1 unknown")


def test_mail_that_came_back_for_now_is_told_in_the_log_alone():
    came = sent()
    returns.note_bounce(came.recipient, is_hard=False, reason="552 5.2.2 full", message=came)
    came.refresh_from_db()
    assert (came.last_error, Suppression.objects.count()) == ("552 5.2.2 full", 0)


LETTER = {"list_name": "event/12", "lane": Lane.SLOW}
THANKS = {"lane": Lane.SLOW}
ABOUT_ONE_EVENT: dict[str, str] = {}
ASKED = {"is_requested": True}


@pytest.mark.parametrize(
    ("bounces", "complained", "stopped"),
    [
        (0, False, set()),
        (1, False, {"letter", "thanks"}),
        (2, False, {"letter", "thanks"}),
        (3, False, {"letter", "thanks", "event"}),
        (0, True, {"letter", "thanks"}),
    ],
)
def test_what_came_back_stops_mail_by_its_kind(smtp_server, bounces, complained, stopped):
    for number in range(bounces):
        returns.note_bounce(
            "ana@example.org", is_hard=True, reason="550 5.1.1", message=sent(f"old{number}")
        )
    if complained:
        returns.note_complaint("ana@example.org", reason="abuse", message=None)
    kinds = {"letter": LETTER, "thanks": THANKS, "event": ABOUT_ONE_EVENT, "asked": ASKED}
    for key, fields in kinds.items():
        message(key, **fields)
    message("other", recipient="bo@example.org", **LETTER)
    delivery.deliver_due()
    states = dict(Message.objects.exclude(key__startswith="old").values_list("key", "state"))
    assert {key for key, state in states.items() if state == State.STOPPED} == stopped
    assert {state for key, state in states.items() if key not in stopped} == {State.SENT}
    assert len(smtp_server.messages) == 5 - len(stopped)
    for one in Message.objects.filter(state=State.STOPPED):
        assert one.last_error in {returns.CAME_BACK, returns.COMPLAINED}
        assert (one.attempts, one.claimed_at) == (0, None)


def test_who_leaves_while_a_letter_waits_does_not_get_it(smtp_server):
    lists.leave("ana@example.org", "event/12")
    message("letter", **LETTER)
    message("next", **(LETTER | {"list_name": "event/13"}))
    delivery.deliver_due()
    assert Message.objects.get(key="letter").last_error == lists.LEFT
    assert Message.objects.get(key="next").state == State.SENT


def test_lifting_lets_all_mail_go_again(smtp_server):
    for number in range(3):
        returns.note_bounce(
            "ana@example.org", is_hard=True, reason="550 5.1.1", message=sent(f"old{number}")
        )
    assert returns.lift("ANA@example.org") is True
    assert returns.lift("ana@example.org") is False
    message("letter", **LETTER)
    assert delivery.deliver_due() == 1


def test_a_second_try_that_is_refused_counts_again(smtp_server):
    smtp_server.refused["Ana@example.org"] = "550 5.1.1 no such user"
    refused = message()
    for _attempt in range(2):
        delivery.deliver_due()
        control.retry(refused)
    assert Suppression.objects.get().hard_bounces == 2


def test_a_claim_asks_for_what_came_back_in_no_query_of_its_own(
    smtp_server, django_assert_num_queries
):
    pk = message().pk
    with django_assert_num_queries(3):  # look up, claim, mark
        assert deliver(pk) is True
