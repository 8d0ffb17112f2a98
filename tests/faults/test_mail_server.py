"""A mail server that is away, slow, refuses, hangs or cuts the line: every mail comes, and the extras are explained."""

import threading
import time

import pytest

from tests.faults.house import CANCELLED, CONFIRMED, VERIFY, people
from tests.faults.ledger import check
from tests.faults.post_office import Fate

pytestmark = [pytest.mark.processes, pytest.mark.django_db, pytest.mark.xdist_group("faults")]


def fates_by_turn(fates):
    """For each recipient the fates in turn, then all is taken. Counts what it gave."""
    lock, given = threading.Lock(), []
    left = {address: list(turns) for address, turns in fates.items()}

    def fate_of(recipient):
        with lock:
            if left.get(recipient):
                given.append(left[recipient].pop(0))
                return given[-1]
        return Fate.TAKE

    return fate_of, given


def test_refusals_and_cuts_lose_nothing_and_only_a_lost_answer_repeats(house, tell):
    of = "@moods.example"
    everybody = people(40, of)
    never = frozenset(everybody[0:3])
    fates = {address: [Fate.NEVER] for address in never}
    fates |= {address: [Fate.LATER] for address in everybody[10:14]}
    fates |= {address: [Fate.CUT_BEFORE_DATA] for address in everybody[14:17]}
    fates |= {address: [Fate.CUT_AFTER_DOT] for address in everybody[17:20]}
    house.office.fate_of, given = fates_by_turn(fates)
    house.register_all(everybody)
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of, undelivered=never)
    assert len(given) == 13
    assert (account.promised, account.wrong) == (40, [])
    assert account.extras == given.count(Fate.CUT_AFTER_DOT) == 3
    assert account.mails == 40 - 3 + 3
    failed = house.sql(
        "SELECT recipient, attempts, last_error FROM outbox_message"
        " WHERE state = 'failed' AND recipient LIKE %s", f"%{of}",
    )  # fmt: skip
    assert {(recipient, attempts) for recipient, attempts, _error in failed} == {
        (one, 1) for one in never
    }
    assert all("550" in error for _recipient, _attempts, error in failed)
    tell(account, seconds=seconds, cuts=3, given_up=len(failed))


def test_who_cancels_while_the_mail_server_is_away_gets_no_confirmation_afterwards(house, tell):
    of = "@leaving.example"
    everybody = people(12, of)
    house.register_all(everybody, event="proven")
    house.settle(of, seconds=60)
    house.mail.refuse()
    for address in everybody:
        assert house.press(address, "verify") == 302
        house.ledger.note_promise(address, subject=CONFIRMED)
    for address in everybody[:6]:
        assert house.press(address, "cancel") == 302
        house.ledger.note_end(address, subject=CONFIRMED)
        house.ledger.note_promise(address, subject=CANCELLED)
    house.mail.pass_on()
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    confirmed = {
        mail.address for mail in house.ledger.taken(of) if mail.subject.endswith(CONFIRMED)
    }
    assert account.wrong == []
    assert confirmed == set(everybody[6:])
    assert account.mails == 12 + 6 + 6
    assert len(house.ledger.said("promise", of)) == len({(a, VERIFY) for a in everybody}) + 12 + 6
    tell(account, seconds=seconds, cancelled=6)


@pytest.mark.faults
def test_an_absent_mail_server_makes_mail_late_only(house, tell):
    of = "@absent.example"
    house.mail.refuse()
    assert house.register_all(people(100, of)) == 100
    time.sleep(15)
    assert house.ledger.taken(of) == []
    attempts = house.sql(
        "SELECT max(attempts) FROM outbox_message WHERE recipient LIKE %s", f"%{of}"
    )
    house.mail.pass_on()
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    assert attempts == [(0,)]
    assert (account.promised, account.mails, account.wrong) == (100, 100, [])
    tell(account, seconds=seconds, slowest=f"{house.slowest:.2f} s")


@pytest.mark.faults
def test_a_slow_mail_server_is_not_felt_by_visitors(house, tell):
    of = "@slow.example"
    house.office.seconds = 1
    assert house.register_all(people(60, of)) == 60
    slowest = house.slowest
    seconds = house.settle(of, seconds=120)
    account = check(house.ledger, of=of)
    assert slowest < 3
    assert (account.promised, account.mails, account.wrong) == (60, 60, [])
    tell(account, seconds=seconds, slowest=f"{slowest:.2f} s")


@pytest.mark.faults
def test_a_mail_server_that_freezes_in_the_middle_makes_mail_late_only(house, tell):
    """What it had taken before it froze may come again: the answer is lost in the ice."""
    of = "@glacier.example"
    house.office.seconds = 0.2
    house.pile_up(people(60, of))
    house.wait_for_mails(10, of)
    house.mail.freeze()
    time.sleep(12)
    house.mail.pass_on()
    seconds = house.settle(of, seconds=90)
    account = check(house.ledger, of=of, kills=4)
    assert (account.promised, account.wrong) == (60, [])
    tell(account, seconds=seconds)


@pytest.mark.faults
@pytest.mark.parametrize("fate", [Fate.HANG, Fate.CUT_BEFORE_DATA, Fate.CUT_AFTER_DOT, Fate.LATER])
def test_a_tenth_with_trouble_holds_nobody_up(house, tell, fate):
    """P-10: the others get theirs within 30 seconds."""
    of = f"@{fate.name.lower().replace('_', '-')}.example"
    everybody = people(100, of)
    ill = set(everybody[::10])
    house.office.fate_of, given = fates_by_turn({address: [fate] * 2 for address in ill})
    begun = time.time()
    house.register_all(everybody)
    seconds = house.settle(of, seconds=120)
    account = check(house.ledger, of=of)
    waits = sorted(mail.at - begun for mail in house.ledger.taken(of) if mail.address not in ill)
    p95 = waits[int(len(waits) * 0.95)]
    assert (account.promised, account.wrong, len(given)) == (100, [], 20)
    assert account.extras == (20 if fate is Fate.CUT_AFTER_DOT else 0)
    assert p95 <= 30
    tell(account, seconds=seconds, p95=f"{p95:.1f} s")


@pytest.mark.faults
def test_a_row_that_cannot_become_a_mail_holds_nobody_up(house, tell):
    of = "@poison.example"
    house.mail.refuse()
    assert house.register_all(people(40, of)) == 40
    poison = f"person7{of}"
    house.sql(
        """UPDATE outbox_message SET headers = '{"X-Bad": "two\\nlines"}' WHERE recipient = %s""",
        poison,
    )
    house.mail.pass_on()
    begun = time.time()
    house.wait_for_mails(39, of)
    house.sql("UPDATE outbox_message SET headers = '{}' WHERE recipient = %s", poison)
    seconds = house.settle(of, seconds=90)
    account = check(house.ledger, of=of)
    waits = sorted(mail.at - begun for mail in house.ledger.taken(of) if mail.address != poison)
    assert (account.promised, account.mails, account.wrong) == (40, 40, [])
    assert waits[-1] <= 30
    tell(account, seconds=seconds, last=f"{waits[-1]:.1f} s")
