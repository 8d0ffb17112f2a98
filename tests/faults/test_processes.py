"""Web, workers and beats that are killed, told to end, or there once too often."""

import os
import signal
import threading
import time

import pytest
from celery import Celery
from django.conf import settings

from tests.faults.house import CONFIRMED, people
from tests.faults.ledger import check
from tests.servers import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.django_db, pytest.mark.xdist_group("faults")]


def test_a_killed_child_and_a_killed_worker_lose_nothing(house, tell):
    of = "@killed.example"
    house.office.seconds = 0.2
    house.pile_up(people(40, of))
    house.wait_for_mails(10, of)
    os.kill(house.workers[0].children()[0], signal.SIGKILL)
    house.workers[1].kill()
    assert len(house.ledger.taken(of)) < 40
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of, kills=3)
    assert (account.promised, account.wrong) == (40, [])
    tell(account, seconds=seconds)


@pytest.mark.faults
def test_three_beats_and_tasks_that_come_three_times_send_nothing_twice(house, tell):
    of = "@thrice.example"
    names = {task["task"] for task in settings.CELERY_BEAT_SCHEDULE.values()}
    third = house.add_beat("beat3")
    with Celery(broker=house.environment["REDIS_URL"]) as broker:
        registering = threading.Thread(target=house.register_all, args=[people(40, of)])
        registering.start()
        while registering.is_alive():
            for name in [*names, "outbox.tasks.deliver"] * 3:
                broker.send_task(name)
            time.sleep(0.5)
        registering.join()
    seconds = house.settle(of, seconds=60)
    third.stop()
    account = check(house.ledger, of=of)
    assert (account.promised, account.wrong) == (40, [])
    assert account.mails == 40
    tell(account, seconds=seconds, tasks=len(names) + 1)


@pytest.mark.faults
def test_workers_killed_again_and_again_lose_nothing(house, tell):
    of = "@often.example"
    house.office.seconds = 0.2
    house.pile_up(people(200, of))
    kills = 0
    for turn in range(6):
        house.wait_for_mails(20 * (turn + 1), of)
        worker = house.workers[turn % 2]
        kills += 2
        worker.kill()
    seconds = house.settle(of, seconds=120)
    account = check(house.ledger, of=of, kills=kills)
    assert (account.promised, account.wrong) == (200, [])
    tell(account, seconds=seconds, kills=kills)


@pytest.mark.faults
def test_workers_that_are_told_to_end_finish_what_they_have_in_hand(house, tell):
    """A deployment: no mail comes twice, and nobody has to be killed."""
    of = "@deployed.example"
    house.office.seconds = 0.2
    house.pile_up(people(100, of))
    house.wait_for_mails(10, of)
    begun, starts = time.monotonic(), [worker.starts for worker in house.workers]
    for worker in house.workers:
        worker.ask_to_end()
    wait_until(
        lambda: all(
            worker.starts > before for worker, before in zip(house.workers, starts, strict=True)
        ),
        seconds=30,
        what="the workers have ended by themselves",
    )
    ended = time.monotonic() - begun
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    assert (account.promised, account.mails, account.wrong) == (100, 100, [])
    tell(account, seconds=seconds, ended_after=f"{ended:.1f} s")


@pytest.mark.faults
def test_a_killed_web_server_keeps_what_it_promised(house, tell):
    """Who gets no answer registers again, and has one place and one mail."""
    of = "@web.example"
    everybody = people(80, of)
    registering = threading.Thread(target=house.register_all, args=[everybody])
    registering.start()
    house.wait_for_mails(15, of)
    house.web.kill()
    registering.join()
    wait_until(lambda: house.answer("GET", "/ready")[0] == 200, seconds=60, what="it serves again")
    promised = house.ledger.said("promise", of)
    again = [address for address in everybody if (address, CONFIRMED) not in promised]
    house.register_all(again)
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of)
    assert (account.promised, account.wrong) == (80, [])
    assert house.registered(of) == 80
    tell(account, seconds=seconds, asked_again=len(again))


@pytest.mark.faults
def test_one_whose_mail_kills_the_worker_holds_nobody_up(house, tell):
    """P-10: the others get theirs within 30 seconds, though every child that sends to this one dies."""
    of = "@fatal.example"
    fatal = f"fatal{of}"
    deaths = []

    def kill(recipient, port):
        if recipient == fatal and (child := house.child_that_sends_from(port)):
            deaths.append(child)
            os.kill(child, signal.SIGKILL)

    house.office.watch = kill
    begun = time.time()
    house.register_all([*people(10, of), fatal, *people(30, of, first=10)])
    wait_until(lambda: len(deaths) >= 3, seconds=90, what="three children have died of it")
    house.wait_for_mails(40, of)
    house.office.calm()
    seconds = house.settle(of, seconds=60)
    account = check(house.ledger, of=of, kills=len(deaths))
    waits = sorted(mail.at - begun for mail in house.ledger.taken(of) if mail.address != fatal)
    assert (account.promised, account.wrong) == (41, [])
    assert waits[int(len(waits) * 0.95)] <= 30
    tell(account, seconds=seconds, deaths=len(deaths), p95=f"{waits[int(len(waits) * 0.95)]:.1f} s")
