"""The links that put an event into Google's or Microsoft's calendar say what its file says."""

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict

from events import lifecycle, selections
from events.deeplinks import calendar_links, subscription_links
from events.models import Series, from_local
from tests.factories import EventFactory, TopicFactory, VenueFactory

pytestmark = pytest.mark.django_db


def event(start: str, end: str, **fields):
    instants = [from_local(datetime.fromisoformat(wall), "Europe/Madrid") for wall in (start, end)]
    return EventFactory(starts_at=instants[0], ends_at=instants[1], **fields)


def query(address: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}


def test_google_and_outlook_get_the_hours_in_utc():
    course = event("2027-06-10T09:00", "2027-06-10T17:00", title="Prison & probation + more")

    links = calendar_links(course)
    google, outlook = query(links["google"]), query(links["outlook"])

    assert links["google"].startswith(
        "https://calendar.google.com/calendar/render?action=TEMPLATE&"
    )
    assert links["outlook"].startswith("https://outlook.live.com/calendar/0/deeplink/compose?")
    assert links["office"] == links["outlook"].replace("outlook.live.com", "outlook.office.com")
    assert google["dates"] == "20270610T070000Z/20270610T150000Z"
    assert (outlook["startdt"], outlook["enddt"]) == (
        "2027-06-10T07:00:00Z",
        "2027-06-10T15:00:00Z",
    )
    assert google["text"] == outlook["subject"] == "Prison & probation + more"
    assert (
        google["location"]
        == outlook["location"]
        == "Palau de Congressos, Carrer de la Pau 7, Barcelona"
    )
    assert (outlook["path"], outlook["rru"]) == ("/calendar/action/compose", "addevent")
    assert course.get_absolute_url() in google["details"]
    assert google["details"] == outlook["body"]


def test_several_days_are_whole_days_with_an_exclusive_end():
    links = calendar_links(event("2027-06-10T09:00", "2027-06-11T17:00"))

    assert query(links["google"])["dates"] == "20270610/20270612"
    outlook = query(links["outlook"])
    assert (outlook["startdt"], outlook["enddt"], outlook["allday"]) == (
        "2027-06-10",
        "2027-06-12",
        "true",
    )


def test_links_hold_no_plus_and_stay_short():
    course = event(
        "2027-06-10T09:00",
        "2027-06-10T17:00",
        title="Wörter und mehr " * 12,
        summary="S" * 400,
        description="<p>" + "Prison, probation. " * 600 + "</p>",
        venue=VenueFactory(name="Centre for Legal Studies " * 4),
    )

    links = calendar_links(course)

    assert [name for name in ("google", "outlook", "office") if "+" in links[name]] == []
    assert max(len(links[name]) for name in ("google", "outlook", "office")) <= 2000
    assert query(links["google"])["details"].endswith(course.get_absolute_url())


def test_links_stay_short_in_every_script():
    course = event(
        "2027-06-10T09:00",
        "2027-06-10T17:00",
        title="社区矫正与监狱工作坊" * 20,
        venue=VenueFactory(name="法律研究中心" * 20, address="法律研究中心" * 20),
    )

    links = calendar_links(course)

    assert max(len(links[name]) for name in ("google", "outlook", "office")) <= 2000
    assert query(links["google"])["details"].endswith(course.get_absolute_url())
    assert query(links["outlook"])["subject"].startswith("社区矫正")
    assert query(links["outlook"])["subject"].endswith("…")


def test_a_cancelled_event_says_so():
    course = lifecycle.cancel(EventFactory(title="Course"), by=None)

    assert query(calendar_links(course)["google"])["text"] == "Cancelled: Course"


def test_subscribing_goes_to_the_feed_of_all_events():
    links = subscription_links(selections.of_all(QueryDict()))

    feed = "events.plenary.test/calendar/all.ics"
    assert links["https"] == f"http://{feed}"
    assert links["webcal"] == calendar_links(EventFactory())["webcal"] == f"webcal://{feed}"
    assert query(links["google"])["cid"] == f"webcal://{feed}"
    assert query(links["outlook"]) == {"url": f"http://{feed}", "name": "Probation Network"}


def test_subscribing_to_some_events_leads_to_their_feed_under_their_name():
    TopicFactory(slug="care", name="Care & custody")
    links = subscription_links(selections.of_all(QueryDict("topic=care&q=a%2Bb c&page=2&x=1")))

    feed = "events.plenary.test/calendar/all.ics?q=a%2Bb%20c&topic=care"
    assert links["https"] == f"http://{feed}"
    assert query(links["google"])["cid"] == f"webcal://{feed}"
    assert query(links["outlook"]) == {
        "url": f"http://{feed}",
        "name": "Probation Network: a+b c, Care & custody",
    }


def test_an_event_of_a_series_leads_to_the_feed_of_the_series():
    alone, one_of_many = EventFactory(), EventFactory(series=Series.objects.create(slug="world"))

    assert "webcal_of_series" not in calendar_links(alone)
    assert calendar_links(one_of_many)["webcal_of_series"].endswith("/calendar/series/world.ics")


def test_pasted_control_characters_do_not_get_into_links():
    course = EventFactory(title="A\x0bB", summary="C\x0b\x07D")

    links = calendar_links(course)

    assert query(links["google"])["text"] == "A B"
    assert "%0B" not in links["outlook"] + links["google"]
