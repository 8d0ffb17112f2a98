"""Redis killed, empty, frozen, refusing: visitors do not feel it, and the mail leaves all the same."""

import time

import pytest

from tests.faults.house import people
from tests.faults.ledger import check

pytestmark = [pytest.mark.processes, pytest.mark.django_db, pytest.mark.xdist_group("faults")]

ANSWER = 3  # seconds that a visitor waits at most (P-9)


def test_a_redis_that_dies_in_the_middle_and_comes_back_empty_costs_nothing(house, tell):
    of = "@empty.example"
    house.office.seconds = 0.3
    house.pile_up(people(40, of))
    house.wait_for_mails(3, of)
    house.redis.kill()
    house.slowest = 0.0
    assert house.register_all(people(5, of, first=40), at_once=1) == 5
    assert house.slowest < ANSWER
    house.redis.start()
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    assert (account.promised, account.mails, account.wrong) == (45, 45, [])
    tell(account, seconds=seconds, slowest=f"{house.slowest:.2f} s")


@pytest.mark.parametrize("frozen", [8, pytest.param(60, marks=pytest.mark.faults)])
def test_a_frozen_redis_is_not_felt(house, tell, frozen):
    of = f"@frozen{frozen}.example"
    house.register_all(people(10, of))
    house.redis.freeze()
    house.slowest = 0.0
    thaw_at = time.monotonic() + frozen
    asked = 0
    while time.monotonic() < thaw_at:
        asked += house.register_all(people(4, of, first=10 + asked), at_once=1)
        time.sleep(frozen / 8)
    house.redis.thaw()
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    assert asked >= 8
    assert house.slowest < ANSWER
    assert (account.promised, account.mails, account.wrong) == (10 + asked, 10 + asked, [])
    tell(account, seconds=seconds, slowest=f"{house.slowest:.2f} s")


@pytest.mark.faults
def test_a_redis_that_refuses_is_not_felt(house, tell):
    of = "@refusing.example"
    house.register_all(people(20, of))
    house.broker.refuse()
    house.slowest = 0.0
    assert house.register_all(people(40, of, first=20), at_once=1) == 40
    time.sleep(20)
    house.broker.pass_on()
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    assert house.slowest < ANSWER
    assert (account.promised, account.mails, account.wrong) == (60, 60, [])
    tell(account, seconds=seconds, slowest=f"{house.slowest:.2f} s")


@pytest.mark.faults
def test_a_redis_that_forgets_all_while_200_wait_costs_nothing(house, tell):
    of = "@flushed.example"
    house.mail.refuse()
    assert house.register_all(people(200, of)) == 200
    house.redis.flush()
    house.mail.pass_on()
    house.redis.flush()
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    assert (account.promised, account.mails, account.wrong) == (200, 200, [])
    tell(account, seconds=seconds)
