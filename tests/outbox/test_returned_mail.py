"""Mail that comes back names its message by a signed address; what fails for good, and complaints, are noted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from events_site.mail_environment import NAME_LENGTH, mailbox, return_address
from outbox import refusals, return_addresses, return_mailbox
from outbox.models import Message, State, Suppression
from outbox.returned_mail import Outcome, take
from outbox.tasks import read_returns
from tests.delivering import deliver
from tests.servers import imap

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]

DSN = """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I am sorry. 550 5.7.1 is not the reason.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 1 Mar 2027 10:00:00 +0000

Final-Recipient: rfc822; ana@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--b
Content-Type: text/rfc822-headers

Subject: S

--b--
"""

COMPLAINT = """\
From: feedback@isp.example
To: {to}
Subject: FW: S
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

A reader complained.

--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: ISP/1.0
Version: 1
Original-Mail-From: <{sender}>

--b
Content-Type: message/rfc822

From: events@plenary.test
Subject: S

Text
--b--
"""

PLAIN = """\
From: {sender}
To: {to}
Subject: {subject}
{more}
{text}
"""


@pytest.fixture(autouse=True)
def address(settings):
    settings.RETURN_ADDRESS = "bounces@plenary.test"


@pytest.fixture
def message():
    return Message.objects.create(
        key="a",
        recipient="Ana@example.org",
        subject="S",
        text="T\n",
        state=State.SENT,
        sent_at=timezone.now(),
    )


def dsn(message, *, to="", action="failed", status="5.1.1", said="550 5.1.1 unknown user"):
    to = to or return_addresses.return_address(message)
    return DSN.format(to=to, action=action, status=status, said=said).encode()


def plain(message, *, sender="MAILER-DAEMON@mx.example", subject="Failure", more="", text=""):
    to = return_addresses.return_address(message)
    return PLAIN.format(to=to, sender=sender, subject=subject, more=more, text=text).encode()


def bounces():
    return list(Suppression.objects.values_list("address", "hard_bounces"))


def test_a_return_address_is_short_and_survives_a_change_of_case(message):
    address = return_addresses.return_address(message)
    local, _at, domain = address.partition("@")
    assert (len(local) <= 64, local, domain) == (True, local.lower(), "plenary.test")
    assert return_addresses.find([address.upper()]) == message
    longest = Message(pk=2**63 - 1)
    assert len(return_addresses.token_of(longest)) + len("+") == NAME_LENGTH


def test_a_return_address_cannot_be_made_up(message):
    token = return_addresses.token_of(message)
    number, _dash, signature = token.partition("-")
    for wrong in (
        f"{number}-{signature[::-1]}",
        f"1{number}-{signature}",
        number,
        "",
        "-",
        f"{token}a",
        "ß-ß",
    ):
        assert return_addresses.message_by(wrong) is None
    good = return_addresses.return_address(message)
    for wrong in (
        good.replace("plenary", "other"),
        good + ".example",
        good.replace("bounces", "b"),
    ):
        assert return_addresses.find([wrong]) is None


def test_mail_comes_back_to_the_return_address_and_is_from_ours(smtp_server):
    message = Message.objects.create(
        key="a", recipient="ana@example.org", subject="S", text="T\n", sender_name="CEP"
    )
    deliver(message.pk)
    [(sender, to)] = smtp_server.envelopes
    assert (sender, to) == (return_addresses.return_address(message), ["ana@example.org"])
    assert str(smtp_server.messages[0]["From"]) == "CEP <events@plenary.test>"


def test_without_a_return_address_mail_comes_back_to_the_sender(smtp_server, settings, message):
    settings.RETURN_ADDRESS = ""
    waiting = Message.objects.create(key="b", recipient="ana@example.org", subject="S", text="T\n")
    deliver(waiting.pk)
    assert smtp_server.envelopes[0][0] == "events@plenary.test"
    assert return_addresses.find(["bounces+x@plenary.test"]) is None


def test_a_failure_for_good_is_noted_once(message):
    assert take(dsn(message)) is Outcome.NOTED
    assert take(dsn(message)) is Outcome.IGNORED
    assert bounces() == [("ana@example.org", 1)]
    message.refresh_from_db()
    assert message.last_error == "5.1.1 550 5.1.1 unknown user"
    assert message.returned_at is not None


@pytest.mark.parametrize(
    ("said", "is_hard"),
    [
        ({"status": "5.2.2", "said": "552 5.2.2 mailbox full"}, False),
        ({"status": "5.7.1", "said": "550 5.7.1 spam"}, False),
        ({"status": "4.4.7", "said": "delivery time expired"}, False),
        ({"status": "5.0.0", "said": "550 5.1.1 no such user"}, True),
        ({"status": "5.0.0", "said": "550 5.2.2 quota"}, False),
        ({"status": "5.1.10 (null mx)", "said": ""}, True),
    ],
)
def test_a_failure_is_hard_only_where_the_address_is_refused(message, said, is_hard):
    assert take(dsn(message, **said)) is Outcome.NOTED
    assert bounces() == ([("ana@example.org", 1)] if is_hard else [])


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", ""])
def test_what_has_not_failed_is_ignored(message, action):
    assert take(dsn(message, action=action, status="4.4.1")) is Outcome.IGNORED
    assert bounces() == []


def test_nothing_is_believed_without_a_valid_return_address(message):
    for to in ("bounces@plenary.test", f"bounces+1-{'a' * 20}@plenary.test", "ana@example.org"):
        assert take(dsn(message, to=to)) is Outcome.UNKNOWN
    assert bounces() == []


def test_the_address_may_come_from_the_mail_server(message):
    address = return_addresses.return_address(message)
    assert take(dsn(message, to="undisclosed:;"), to=address) is Outcome.NOTED
    assert bounces() == [("ana@example.org", 1)]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("abuse", Outcome.NOTED),
        ("fraud", Outcome.NOTED),
        ("not-spam", Outcome.IGNORED),
        ("auth-failure", Outcome.IGNORED),
    ],
)
def test_a_complaint_names_the_message_by_where_it_came_from(message, kind, outcome):
    sender = return_addresses.return_address(message)
    said = COMPLAINT.format(to="abuse@plenary.test", sender=sender, kind=kind).encode()
    assert take(said) is outcome
    complained = Suppression.objects.filter(complained_at__isnull=False)
    assert list(complained.values_list("address", "hard_bounces")) == (
        [("ana@example.org", 0)] if outcome is Outcome.NOTED else []
    )


@pytest.mark.parametrize(
    "said",
    [
        {"more": "Auto-Submitted: auto-replied\n", "text": "I am away. 550 5.1.1 no such user"},
        {"more": "X-Autoreply: yes\n", "text": "550 5.1.1 no such user"},
        {"more": "Precedence: auto_reply\n", "text": "550 5.1.1 no such user"},
        {"sender": "ana@example.org", "text": "Your mail said 550 5.1.1 no such user?"},
        {"text": "Your mail is on its way; nothing to report."},
        {"text": "Delayed: 451 4.4.1 no answer"},
    ],
)
def test_an_answer_is_no_failure(message, said):
    assert take(plain(message, **said)) is Outcome.IGNORED
    assert bounces() == []


def test_an_old_server_that_writes_plain_text_is_understood(message):
    said = (
        "Hi. This is the qmail-send program.\n<ana@example.org>:\n192.0.2.1 does not like recipient.\n"
        "Remote host said: 550 5.1.1 no such user here\n"
    )
    assert take(plain(message, text=said)) is Outcome.NOTED
    assert bounces() == [("ana@example.org", 1)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"Content-Type: multipart/report; report-type=delivery-status\n\nx",
        b"To: " + b"a" * 100_000,
        b'From: "\n\nx',
        b"To: a@[\n\nx",
        b"Content-Type: message/rfc822\n\n" * 3000,
    ],
)
def test_whatever_comes_in_breaks_nothing(content):
    assert take(content) is Outcome.UNKNOWN


def test_a_mail_that_cannot_be_read_keeps_no_other_from_being_read(settings, message):
    with imap([b'From: "\n\nx', b"To: a@[\n\nx", dsn(message)]) as server:
        settings.RETURN_MAILBOX = mailbox(server.url)
        read_returns()
        assert server.flags == [{r"\Seen"}, {r"\Seen"}]
    assert bounces() == [("ana@example.org", 1)]


def test_what_no_database_takes_is_left_out_of_what_was_said(message):
    assert take(dsn(message, said="550 no \0 such user")) is Outcome.NOTED
    message.refresh_from_db()
    assert "\0" not in message.last_error + Suppression.objects.get().reason
    assert refusals.storable("a\0b\udc80c") == "ab?c"


def test_what_comes_back_late_is_not_held_against_who_has_the_number_now(message):
    token = return_addresses.token_of(message)
    assert return_addresses.message_by(token) == message
    for change in ({"key": "other"}, {"key": "a", "recipient": "bo@example.org"}):
        Message.objects.filter(pk=message.pk).update(**change)
        assert return_addresses.message_by(token) is None


def test_a_broken_report_to_a_valid_address_breaks_nothing(message):
    whole = dsn(message)
    for end in range(0, len(whole), 37):
        assert take(whole[:end]) in Outcome
    odd = whole.replace(b"message/delivery-status", b"message/delivery-status; charset=x-none")
    assert take(odd) in Outcome


def pipe(content, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "manage.py", "take_return", *arguments],
        cwd=ROOT,
        input=content,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


def test_the_pipe_never_makes_a_mail_server_send_anything_back(tmp_path):
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}", "VAR_DIR": str(tmp_path)}
    answer = pipe(b"\xff not a mail", "nobody@example.org", **database)
    assert (answer.returncode, answer.stdout.strip()) == (0, b"unknown"), answer.stderr
    broken = pipe(b"To: a@[\n\nx", SITE_ACCENT="#ffffff", **database)
    assert (broken.returncode, broken.stdout.strip()) == (0, b"unknown"), broken.stderr


def test_the_pipe_asks_for_another_try_while_the_database_is_away(message, tmp_path):
    database = {"DATABASE_URL": "postgres://x:x@127.0.0.1:9/x", "VAR_DIR": str(tmp_path)}
    environment = {**database, "RETURN_ADDRESS": "bounces@plenary.test"}
    from django.conf import settings

    answer = pipe(dsn(message), SECRET_KEY=settings.SECRET_KEY, **environment)
    assert answer.returncode == os.EX_TEMPFAIL, answer.stderr
    assert b"The database is away" in answer.stderr


def test_a_mailbox_is_read_once_and_what_was_noted_is_deleted(settings, message):
    with imap([dsn(message), b"To: x\n\nHello", dsn(message)]) as server:
        settings.RETURN_MAILBOX = mailbox(server.url)
        read_returns()
        read_returns()
        assert server.flags == [{r"\Seen"}, {r"\Seen"}]
        assert server.fetched == 3
    assert bounces() == [("ana@example.org", 1)]


def test_a_mailbox_that_is_away_is_asked_again_next_time(settings, caplog):
    settings.RETURN_MAILBOX = mailbox("imap://a:b@127.0.0.1:9/INBOX")
    read_returns()
    assert "cannot be read" in caplog.text


def test_a_mailbox_that_hangs_costs_no_more_than_its_limit(settings, monkeypatch, caplog):
    monkeypatch.setattr(return_mailbox, "ANSWER_SECONDS", 0.2)
    with imap([], hangs=True) as server:
        settings.RETURN_MAILBOX = mailbox(server.url)
        read_returns()
    assert "timed out" in caplog.text


def test_a_wrong_password_is_told_in_the_log(settings, caplog):
    with imap([]) as server:
        settings.RETURN_MAILBOX = mailbox(server.url.replace("secret", "wrong"))
        read_returns()
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize(
    "url", ["pop3://a:b@x/", "imap+ssl:///INBOX", "imap+ssl://x.example/INBOX"]
)
def test_what_is_no_mailbox_is_refused_at_start(url):
    with pytest.raises(ImproperlyConfigured, match="RETURN_MAILBOX_URL must look like"):
        mailbox(url)


def test_a_mailbox_is_read_from_its_address():
    assert mailbox("imap+ssl://me%40x:p%2Fw@mail.example/Returned%20mail") == {
        "host": "mail.example",
        "port": 993,
        "username": "me@x",
        "password": "p/w",
        "folder": "Returned mail",
        "security": "ssl",
    }
    assert mailbox("") == {}


def test_a_return_address_must_leave_room_for_the_message():
    assert return_address("bounces@example.org") == "bounces@example.org"
    for wrong in (f"{'b' * 40}@example.org", "bounces", "a@x.org, b@x.org"):
        with pytest.raises(ImproperlyConfigured, match="RETURN_ADDRESS"):
            return_address(wrong)
