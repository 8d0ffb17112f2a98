"""The checker of the ledger finds each kind of breach: a check that cannot fail proves nothing."""

import pytest

from tests.faults.ledger import Ledger, check

OF = "@checked.example"
SUBJECT = "your place is confirmed"


def mail(key, body="Dear Ana"):
    return (
        f"Message-ID: <{key}@site>\r\nSubject: Workshop: {SUBJECT}\r\n\r\n{body}\r\n.\r\n".encode()
    )


@pytest.fixture
def ledger(tmp_path):
    """A ledger in which all is well: two people were promised a mail, and got it."""
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    for name in ("ana", "bo"):
        ledger.note_promise(name + OF, subject=SUBJECT)
        ledger.note_taken(name + OF, mail(name), is_answered=True)
    yield ledger
    ledger.close()


def wrong(ledger, **allowed):
    return [sentence.partition(":")[0] for sentence in check(ledger, of=OF, **allowed).wrong]


def test_a_ledger_in_order_passes(ledger):
    account = check(ledger, of=OF)
    assert (account.promised, account.mails, account.extras, account.wrong) == (2, 2, 0, [])


def test_a_mail_that_came_twice_is_found(ledger):
    ledger.note_taken("ana" + OF, mail("ana"), is_answered=True)
    assert wrong(ledger) == ["doubled, with 0 kills"]
    assert check(ledger, of=OF).extras == 1


def test_a_promise_without_a_mail_is_found(ledger):
    ledger.note_promise("cy" + OF, subject=SUBJECT)
    assert wrong(ledger) == ["lost"]
    assert wrong(ledger, undelivered=frozenset({"cy" + OF})) == []


def test_a_record_that_the_post_office_dropped_is_found(ledger):
    ledger._rows.execute("DELETE FROM taken WHERE address LIKE 'bo@%'")
    assert wrong(ledger) == ["lost"]


def test_another_reason_for_the_same_mail_is_found(ledger):
    ledger.note_taken("ana" + OF, mail("other"), is_answered=True)
    assert "doubled" in wrong(ledger, kills=1)


def test_a_repeat_with_another_body_is_found(ledger):
    ledger.note_promise("cy" + OF, subject=SUBJECT)
    ledger.note_taken("cy" + OF, mail("cy"), is_answered=False)
    ledger.note_taken("cy" + OF, mail("cy", "Dear Bo"), is_answered=True)
    assert wrong(ledger) == ["altered"]


def test_a_mail_that_nobody_asked_for_is_found(ledger):
    ledger.note_taken("cy" + OF, mail("cy"), is_answered=True)
    assert wrong(ledger) == ["unasked"]


def test_a_mail_after_its_end_is_found_and_one_that_does_not_come_is_not_missed(ledger):
    for name in ("cy", "di"):
        ledger.note_promise(name + OF, subject=SUBJECT)
        ledger.note_end(name + OF, subject=SUBJECT)
    assert wrong(ledger) == []
    ledger.note_taken("cy" + OF, mail("cy"), is_answered=True)
    assert wrong(ledger) == ["too late"]


def test_a_repeat_is_right_after_a_lost_answer_and_once_for_each_kill(ledger):
    ledger.note_promise("cy" + OF, subject=SUBJECT)
    ledger.note_taken("cy" + OF, mail("cy"), is_answered=False)
    ledger.note_taken("cy" + OF, mail("cy"), is_answered=True)
    assert wrong(ledger) == []
    for _kill in range(2):
        ledger.note_taken("cy" + OF, mail("cy"), is_answered=True)
    assert wrong(ledger, kills=2) == []
    assert wrong(ledger, kills=1) == ["doubled, with 1 kills"]


def test_a_mail_in_doubt_may_come_or_not(ledger):
    for name in ("cy", "di"):
        ledger.note_doubt(name + OF, subject=SUBJECT)
    ledger.note_taken("cy" + OF, mail("cy"), is_answered=True)
    assert wrong(ledger) == []
