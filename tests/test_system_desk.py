"""What the desk says of an ill system: everything to administrators, what concerns them to organisers."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Role
from events_site import alarms
from events_site.illness import findings
from outbox import heartbeat
from outbox.models import Heartbeat, Lane, Message, State
from tests.factories import EventFactory, MembershipFactory, OrganisationFactory, UserFactory
from tests.wcag import NONE, faults

pytestmark = pytest.mark.django_db(transaction=True)

STILL = "No mail goes out at the moment."


@pytest.fixture
def organisation():
    return OrganisationFactory()


@pytest.fixture
def administrator():
    return signed_in(UserFactory(is_superuser=True))


@pytest.fixture
def organiser(organisation):
    return signed_in(MembershipFactory(organisation=organisation, role=Role.ORGANISER).user)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def mail(n, **fields):
    said = {"key": f"test/{n}", "recipient": "a@example.org", "subject": "S", "text": "T"}
    return Message.objects.create(**said | fields)


def all_work():
    for name in (heartbeat.WORKER, heartbeat.BEAT):
        heartbeat.note(name)


def nobody_worked_for(minutes):
    all_work()
    Heartbeat.objects.update(beaten_at=timezone.now() - timedelta(minutes=minutes))


def states(page):
    """The state of each thing that the page lists."""
    rows = re.findall(r'data-state="(\w+)">.*?<b>([\w-]+)</b>', page, re.S)
    return {name: state for state, name in rows}


def test_administrators_see_how_everything_stands(administrator):
    now = timezone.now()
    all_work()
    Heartbeat.objects.filter(name="worker").update(beaten_at=now - timedelta(minutes=7))
    mail(1, send_after=now - timedelta(minutes=11))
    mail(2, send_after=now + timedelta(hours=1), lane=Lane.SLOW)
    mail(3, state=State.SENT, sent_at=now - timedelta(minutes=50))
    mail(4, state=State.SENT, sent_at=now - timedelta(hours=20))
    answer = administrator.get("/desk/system/")
    said = states(answer.text)
    assert (said["worker"], said["outbox"]) == ("ill", "ill")
    assert (said["beat"], said["migrations"], said["broker"]) == ("ok",) * 3
    assert "2 things are ill." in answer.text
    assert list(said.values())[:2] == ["ill", "ill"]
    assert "no-store" in answer["Cache-Control"]
    sent = answer.context_data["sent"]
    lanes = {label: (lane.number, lane.due) for label, lane in answer.context_data["lanes"]}
    assert sent == {"hour": 1, "day": 2}
    assert lanes == {"at once": (1, 1), "when nothing else waits": (1, 0)}
    assert {name for name, _version in answer.context_data["versions"]} > {
        "Python",
        "Django",
        "Database",
    }


def test_nobody_else_sees_the_page(organiser):
    assert organiser.get("/desk/system/").status_code == 404
    assert Client().get("/desk/system/").status_code == 302
    assert "/desk/system/" not in organiser.get("/desk/").text


def test_home_shows_administrators_what_the_last_look_found(administrator, organiser):
    all_work()
    assert "The system is ill" not in administrator.get("/desk/").text
    policy = findings.ill("broker-policy", "The broker <drops> mail.", "Set it.")
    alarms.tell([policy], timezone.now())
    page = administrator.get("/desk/").text
    assert "The system is ill" in page
    assert "The broker &lt;drops&gt; mail. Set it." in page
    assert "The system is ill" not in organiser.get("/desk/").text
    alarms.tell([findings.well("broker-policy", "It keeps them.")], timezone.now())
    assert "The system is ill" not in administrator.get("/desk/").text


def test_organisers_are_told_that_no_mail_goes_out(organiser, organisation):
    all_work()
    assert STILL not in organiser.get("/desk/").text
    nobody_worked_for(6)
    heartbeat.note("beat")
    assert STILL in organiser.get("/desk/").text
    heartbeat.note("worker")
    assert STILL not in organiser.get("/desk/").text
    mail(1, send_after=timezone.now() - timedelta(minutes=11))
    assert STILL in organiser.get("/desk/").text
    editor = MembershipFactory(organisation=organisation, role=Role.EDITOR).user
    assert STILL not in signed_in(editor).get("/desk/").text


def test_home_asks_as_often_whatever_waits(organiser, organisation):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            organiser.get("/desk/")
        return len(asked)

    all_work()
    event = EventFactory(organiser=organisation)
    organiser.get("/desk/")
    with_one = (
        mail(1, topic=f"event/{event.pk}", send_after=timezone.now() - timedelta(hours=1))
        and queries()
    )
    for n in (2, 3):
        mail(n, topic=f"event/{event.pk}", send_after=timezone.now() - timedelta(hours=1))
    assert queries() == with_one


@pytest.mark.browser
def test_the_page_can_be_used_by_all(browser, live_server, administrator):
    nobody_worked_for(6)
    mail(1, send_after=timezone.now() - timedelta(minutes=11))
    alarms.tell([findings.ill("worker", "No worker works.", "Start it.")], timezone.now())
    cookie = administrator.cookies["session"].value
    page = browser.new_page(base_url=live_server.url)
    page.context.add_cookies([{"name": "session", "value": cookie, "url": live_server.url}])
    for width in (320, 360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for path in ("/desk/system/", "/desk/"):
            page.goto(path)
            assert faults(page, within=".desk, .desk-panel") == NONE, (path, width)
    page.context.close()
