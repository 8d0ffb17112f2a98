"""A message is stored once for one reason, sent at least once, and held up by nobody else's."""

import smtplib
import socket
import time
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone

from events_site.environment import mailers
from outbox import control, delivery, refusals
from outbox.models import Lane, Message, State
from outbox.posting import (
    RefusedAddress,
    clean_address,
    compose,
    post,
    post_all,
    readdress,
    withdraw,
)
from outbox.tasks import purge
from tests.delivering import deliver
from tests.threads import at_once

pytestmark = pytest.mark.django_db

CONTEXT = {"subject": "Workshop: news", "name": "Ana", "lead": "Good news.", "link": "x"}


def message(key="registration/1/waiting", to="ana@example.org", **more):
    return post("frame", CONTEXT, key=key, to=to, **more)


def test_a_reason_posts_once():
    assert message() is not None
    assert message() is None
    assert Message.objects.count() == 1


def test_a_message_goes_with_the_transaction_of_its_caller():
    with transaction.atomic():
        message()
        transaction.set_rollback(True)
    assert Message.objects.count() == 0


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org,b@example.org",
        "a@example.org\nBcc: b@example.org",
        "Ana <ana@example.org>",
        "ana",
        "",
        "ana@",
        "a@exam\x00ple.org",
    ],
)
def test_an_address_that_is_not_one_address_is_refused(address):
    with pytest.raises(RefusedAddress):
        clean_address(address)


@pytest.mark.parametrize(
    "address", ["o'neil+events@example.org", "a@xn--bcher-kva.example", "a.b_c-d@mail.example.org"]
)
def test_an_odd_but_legal_address_is_taken(address):
    assert clean_address(f" {address} ") == address


def test_a_line_break_in_a_name_or_title_does_not_reach_a_header():
    sent = post(
        "frame",
        {**CONTEXT, "event": {"title": "Two\nlines\r\nBcc: x@example.org"}},
        key="k",
        to="ana@example.org",
        to_name="Ana\nBcc: y@example.org",
        sender_name="CEP\r\nX: z",
    )
    deliver(sent.pk)
    [received] = mail.outbox
    assert received.message()["Bcc"] is None
    assert "\n" not in received.subject


def test_delivery_marks_the_message_sent_and_sends_no_second_time():
    sent = message()
    assert deliver(sent.pk) is True
    assert deliver(sent.pk) is False
    sent.refresh_from_db()
    assert (sent.state, sent.attempts, sent.claimed_at) == (State.SENT, 1, None)
    assert len(mail.outbox) == 1


def test_headers_say_what_the_mail_is():
    sent = message(sender_name="CEP", reply_to="contact@cep.example", to_name="Ana Novák")
    deliver(sent.pk)
    received = mail.outbox[0].message()
    assert received["From"] == "CEP <events@plenary.test>"
    assert received["To"] == "Ana Novák <ana@example.org>"
    assert received["Reply-To"] == "contact@cep.example"
    assert received["Auto-Submitted"] == "auto-generated"
    assert received["Message-ID"] == sent.message_id


def test_the_calendar_part_is_the_last_alternative_in_base64_and_attached_too():
    ics = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
    sent = message(calendar=ics.encode(), calendar_method="REQUEST")
    deliver(sent.pk)
    mixed = mail.outbox[0].message()
    alternative, attached = mixed.iter_parts()
    kinds = [part.get_content_type() for part in alternative.iter_parts()]
    assert kinds == ["text/plain", "text/html", "text/calendar"]
    inline = list(alternative.iter_parts())[-1]
    assert inline["Content-Type"] == 'text/calendar; charset="utf-8"; method="REQUEST"'
    assert inline["Content-Transfer-Encoding"] == "base64"
    assert inline["Content-Disposition"] is None
    assert inline.get_payload(decode=True) == attached.get_payload(decode=True) == ics.encode()
    assert attached.get_filename() == "event.ics"


def test_the_message_id_is_the_same_at_each_attempt(smtp_server):
    smtp_server.refused["ana@example.org"] = "451 come back later"
    sent = message()
    assert deliver(sent.pk) is False
    sent.refresh_from_db()
    assert (sent.state, sent.attempts) == (State.WAITING, 1)
    assert "451" in sent.last_error
    before = sent.message_id
    smtp_server.refused.clear()
    Message.objects.update(send_after=timezone.now())
    assert deliver(sent.pk) is True
    [received] = smtp_server.messages
    assert received["Message-ID"] == before


def test_the_pauses_between_attempts_grow_and_then_the_message_is_given_up(smtp_server):
    smtp_server.refused["ana@example.org"] = "451 come back later"
    sent = message()
    pauses = []
    for _attempt in range(len(delivery.PAUSES) + 1):
        Message.objects.update(send_after=timezone.now())
        deliver(sent.pk)
        sent.refresh_from_db()
        pauses.append(sent.send_after - timezone.now())
    assert sent.state == State.FAILED
    assert "451" in sent.last_error
    assert pauses[:-1] == sorted(pauses[:-1])


def test_a_recipient_that_the_server_refuses_for_good_is_given_up_at_once(smtp_server):
    smtp_server.refused["ana@example.org"] = "550 no such person"
    sent = message()
    deliver(sent.pk)
    sent.refresh_from_db()
    assert (sent.state, sent.attempts) == (State.FAILED, 1)
    assert "550" in sent.last_error


def test_a_server_that_is_away_loses_nothing(settings):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.MAILERS = mailers(f"smtp://127.0.0.1:{closed.getsockname()[1]}")
    sent = message()
    assert delivery.deliver_due() == 0
    sent.refresh_from_db()
    assert (sent.state, sent.attempts, sent.claimed_at) == (State.WAITING, 0, None)
    assert "refused" in sent.last_error


def test_messages_go_over_one_connection_until_one_of_them_fails(smtp_server):
    for n in range(25):
        message(f"registration/{n}/waiting", to=f"person{n}@example.org")
    smtp_server.refused["person20@example.org"] = "451 come back later"
    assert delivery.deliver_due() == 24
    assert smtp_server.connections == 2


def test_what_waits_in_the_fast_lane_goes_before_all_in_the_slow_one(monkeypatch):
    monkeypatch.setattr(delivery, "AHEAD", [(kind, 1) for kind, _most in delivery.AHEAD])
    for n in range(3):
        message(f"newsletter/{n}", to=f"slow{n}@example.org", lane=Lane.SLOW)
        message(f"registration/{n}/waiting", to=f"fast{n}@example.org")
    assert delivery.deliver_due() == 6
    assert [one.to[0].partition("@")[0] for one in mail.outbox] == [
        "fast0", "fast1", "fast2", "slow0", "slow1", "slow2",
    ]  # fmt: skip


def test_what_one_person_waits_for_goes_before_what_many_get_in_the_same_lane():
    many = [
        compose("frame", CONTEXT, key=f"m/{n}", to="a@example.org", batch="m") for n in range(15)
    ]
    post_all(many)
    for number in range(3):
        message(f"one/{number}", to="bo@example.org")
    delivery.deliver_due()
    assert [sent.to for sent in mail.outbox] == [["bo@example.org"]] * 3 + [["a@example.org"]] * 15


def test_the_next_message_is_found_fast_behind_many_that_were_written_at_once():
    old = timezone.now() - timedelta(hours=1)
    Message.objects.bulk_create(
        Message(key=f"{kind}/{n}", recipient="a@example.org", subject="S", text="T\n", send_after=old, **kind)
        for kind in ({"batch": "m"}, {"state": State.SENT, "sent_at": old})
        for n in range(5000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE outbox_message")
    kind, most = delivery.AHEAD[0]
    plan = Message.objects.due(timezone.now()).filter(**kind)[:most].explain()
    assert "outbox_messages_of_no_batch" in plan


def test_a_message_stopped_in_the_hands_of_a_worker_waits_for_the_end_of_its_claim(settings):
    held = message()
    now = timezone.now()
    claim = timedelta(seconds=settings.OUTBOX_CLAIM_SECONDS)
    for claimed, due in (
        (now - timedelta(seconds=10), now - timedelta(seconds=10) + claim),
        (now - claim, now),
    ):
        Message.objects.update(state=State.SENDING, claimed_at=claimed, send_after=claimed)
        with time_machine.travel(now, tick=False):
            assert control.stop(held)
            assert control.retry(held)
        held.refresh_from_db()
        assert (held.state, held.send_after) == (State.WAITING, due)
    Message.objects.update(send_after=now + timedelta(days=1))
    with time_machine.travel(now, tick=False):
        assert control.stop(held)
        assert control.retry(held)
    held.refresh_from_db()
    assert held.send_after == now


def test_a_message_withdrawn_after_a_worker_has_seen_it_is_not_sent():
    first = message("registration/1/waiting")
    second = message("registration/2/waiting", to="bo@example.org")
    ahead = delivery._look_ahead()
    withdraw(key_prefix="registration/2/")
    with delivery.Post() as by_hand:
        assert ahead == [first, second]
        assert by_hand.send(ahead, until=time.monotonic() + 10) == 1
    second.refresh_from_db()
    assert second.state == State.STOPPED
    assert len(mail.outbox) == 1


def test_a_message_goes_to_the_address_that_it_has_when_it_goes():
    waiting = message("registration/1/waiting")
    ahead = delivery._look_ahead()
    readdress(key_prefix=waiting.key, to="bo@example.org")
    with delivery.Post() as by_hand:
        assert by_hand.send(ahead, until=time.monotonic() + 10) == 0
    assert delivery.deliver_due() == 1
    assert mail.outbox[0].to == ["bo@example.org"]


def test_a_message_that_the_server_has_is_sent_in_the_log_although_it_was_stopped():
    sent = message()
    assert delivery._claim(sent)
    withdraw(key_prefix=sent.key)
    delivery._mark_sent(sent)
    sent.refresh_from_db()
    assert (sent.state, sent.claimed_at) == (State.SENT, None)


def test_a_worker_that_dies_keeps_back_nothing_but_what_it_was_sending():
    messages = [message(f"registration/{n}/waiting") for n in range(3)]
    assert delivery._claim(messages[0])
    assert delivery.deliver_due() == 2
    assert [one.state for one in Message.objects.order_by("pk")] == [
        State.SENDING, State.SENT, State.SENT,
    ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_an_old_claim_is_left_to_a_worker_that_was_kept_from_its_mark_by_the_database(settings):
    """Both come back with the database; whoever has sent it marks it before anybody takes it for abandoned."""
    sent = message()
    assert delivery._claim(sent)
    old = timezone.now() - timedelta(seconds=settings.OUTBOX_CLAIM_SECONDS + 1)
    Message.objects.update(claimed_at=old)

    def mark():
        time.sleep(delivery.ASKS_EACH)
        delivery._mark_sent(sent)

    results = at_once([delivery.deliver_due, mark])
    assert results[0] == 0
    assert mail.outbox == []


def test_a_message_that_workers_died_of_is_given_up_in_the_end():
    fatal = message("a")
    Message.objects.filter(pk=fatal.pk).update(
        state=State.SENDING,
        claimed_at=timezone.now() - timedelta(days=1),
        attempts=len(delivery.PAUSES) + 1,
    )
    assert delivery.deliver_due() == 0
    fatal.refresh_from_db()
    assert (fatal.state, fatal.claimed_at) == (State.FAILED, None)
    assert "died" in fatal.last_error


def test_many_messages_are_stored_at_once_each_reason_once():
    message("a")
    several = [compose("frame", CONTEXT, key=key, to="ana@example.org") for key in "abc"]
    assert post_all(several) == 2
    assert Message.objects.count() == 3


def test_a_poisoned_row_holds_nobody_up():
    poisoned, healthy = message("a"), message("b", to="bo@example.org")
    Message.objects.filter(pk=poisoned.pk).update(headers={"X-Bad": "line\nbreak"})
    assert delivery.deliver_due() == 1
    poisoned.refresh_from_db(), healthy.refresh_from_db()
    assert (poisoned.state, healthy.state) == (State.WAITING, State.SENT)
    assert poisoned.last_error


def test_a_claim_of_a_dead_worker_comes_back(settings):
    sent = message()
    Message.objects.update(state=State.SENDING, claimed_at=timezone.now())
    assert delivery.deliver_due() == 0
    Message.objects.update(
        claimed_at=timezone.now() - timedelta(seconds=settings.OUTBOX_CLAIM_SECONDS + 1)
    )
    assert delivery.deliver_due() == 1
    sent.refresh_from_db()
    assert sent.state == State.SENT


def test_a_message_for_later_waits():
    message(send_after=timezone.now() + timedelta(minutes=1))
    assert delivery.deliver_due() == 0


def test_withdrawn_messages_are_not_sent():
    message("registration/1/waiting")
    other = message("registration/12/waiting", to="bo@example.org")
    assert withdraw(key_prefix="registration/1/") == 1
    assert delivery.deliver_due() == 1
    other.refresh_from_db()
    assert other.state == State.SENT


def test_purge_forgets_only_what_is_old_and_over():
    old = timezone.now() - timedelta(days=91)
    for key, state in [
        ("a", State.SENT),
        ("b", State.WAITING),
        ("c", State.SENT),
        ("d", State.FAILED),
    ]:
        message(key)
        Message.objects.filter(key=key).update(
            state=state, sent_at=old if state == State.SENT else None, created_at=old
        )
    Message.objects.filter(key="c").update(created_at=timezone.now())
    purge()
    assert set(Message.objects.values_list("key", flat=True)) == {"b", "c"}


@pytest.mark.django_db(transaction=True)
def test_ten_workers_send_a_message_once():
    sent = message()
    results = at_once([lambda: deliver(sent.pk)] * 10)
    assert sorted(results) == [False] * 9 + [True]
    assert len(mail.outbox) == 1


def test_a_final_answer_is_told_from_a_passing_one():
    final = smtplib.SMTPRecipientsRefused({"a": (550, b"no")})
    passing = smtplib.SMTPRecipientsRefused({"a": (450, b"later")})
    assert refusals.is_final(final)
    assert not refusals.is_final(passing)
    assert not refusals.is_final(smtplib.SMTPServerDisconnected("gone"))
