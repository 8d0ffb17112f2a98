"""PostgreSQL killed, cut off or frozen under load: what was promised is there, and no mail comes twice."""

import threading
import time

import pytest

from tests.faults.house import CONFIRMED, people
from tests.faults.ledger import check
from tests.servers import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.django_db, pytest.mark.xdist_group("faults")]


def break_under_load(house, of, number, break_it):
    """Have people register while the database breaks; those who got no promise ask again. Returns how many did."""
    house.office.seconds = 0.05
    everybody = people(number, of)
    registering = threading.Thread(target=house.register_all, args=[everybody])
    registering.start()
    house.wait_for_mails(number // 8, of)
    break_it()
    registering.join()
    wait_until(lambda: house.answer("GET", "/ready")[0] == 200, seconds=60, what="it serves again")
    promised = house.ledger.said("promise", of)
    again = [address for address in everybody if (address, CONFIRMED) not in promised]
    assert house.register_all(again) == len(again)
    return len(again)


def check_all_is_well(house, of, number, tell, **more):
    seconds = house.settle(of, seconds=90)
    account = check(house.ledger, of=of)
    assert (account.promised, account.mails, account.wrong) == (number, number, [])
    assert house.registered(of) == number
    tell(account, seconds=seconds, **more)


def test_a_database_killed_under_load_keeps_its_word(house, tell):
    of = "@crash.example"

    def crash():
        house.postgres.kill()
        time.sleep(2)
        house.postgres.start()

    again = break_under_load(house, of, 60, crash)
    check_all_is_well(house, of, 60, tell, asked_again=again)


@pytest.mark.faults
def test_a_database_killed_three_times_keeps_its_word(house, tell):
    of = "@crashes.example"

    def crash():
        for _time in range(3):
            house.postgres.kill()
            time.sleep(3)
            house.postgres.start()
            time.sleep(3)

    again = break_under_load(house, of, 300, crash)
    check_all_is_well(house, of, 300, tell, asked_again=again)


@pytest.mark.faults
def test_connections_that_are_cut_cost_nothing(house, tell):
    of = "@cut.example"

    def cut():
        for _time in range(5):
            house.database.cut()
            time.sleep(1)

    again = break_under_load(house, of, 150, cut)
    check_all_is_well(house, of, 150, tell, asked_again=again)


@pytest.mark.faults
def test_a_frozen_database_makes_things_late_only(house, tell):
    of = "@ice.example"

    def freeze():
        house.database.freeze()
        time.sleep(8)
        house.database.pass_on()

    again = break_under_load(house, of, 100, freeze)
    check_all_is_well(house, of, 100, tell, asked_again=again)
