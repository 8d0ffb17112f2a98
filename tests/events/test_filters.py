"""The filters of the event list: each narrows it, together they narrow it more."""

import pytest

from events.filters import EventFilter, countries_with_venues, country_name
from events.models import Event, OrganisationRole
from tests.factories import (
    EventFactory,
    OrganisationFactory,
    SeriesFactory,
    TopicFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db


def found(**query) -> set[Event]:
    return set(EventFilter(query, Event.objects.all()).qs)


@pytest.fixture
def wanted():
    """An event that each filter can tell from another one."""
    EventFactory(title="Something else", venue=VenueFactory(city="Riga", country="LV"))
    event = EventFactory(
        title="Prison and probation",
        summary="On the way out.",
        kind="conference",
        hybrid=True,
        series=SeriesFactory(name="Mental Health"),
        venue=VenueFactory(name="Justizpalast", city="Wien", country="AT"),
        organiser=OrganisationFactory(
            slug="cep", name="Confederation of European Probation", short_name="CEP"
        ),
    )
    event.topics.add(TopicFactory(slug="transition", name="Transition"))
    return event


@pytest.mark.parametrize(
    "query",
    [
        {"topic": "transition"},
        {"kind": "conference"},
        {"format": "hybrid"},
        {"organiser": "cep"},
        {"country": "AT"},
        {"q": "prison"},
        {"q": "WAY out"},
        {"q": "wien"},
        {"q": "justizpalast"},
        {"q": "mental"},
        {"q": "transition"},
        {"q": "confederation"},
        {"q": "cep wien probation"},
        {"q": "prison", "country": "AT", "kind": "conference"},
    ],
)
def test_filter_finds_what_fits(wanted, query):
    assert found(**query) == {wanted}


@pytest.mark.parametrize("query", [{"q": "prison riga"}, {"q": "prison", "country": "LV"}])
def test_all_that_is_asked_must_fit(wanted, query):
    assert found(**query) == set()


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"topic": ""}, {"unknown": "x"}])
def test_nothing_asked_finds_everything(wanted, query):
    assert len(found(**query)) == 2


def test_a_host_is_no_organiser(wanted):
    EventFactory().organisation_links.update(role=OrganisationRole.HOST)
    wanted.organisation_links.update(role=OrganisationRole.CO_ORGANISER)

    assert found(organiser="cep") == {wanted}


@pytest.mark.parametrize("name", ["topic", "kind", "format", "organiser", "country"])
def test_an_unknown_value_is_told(wanted, name):
    asked = EventFilter({name: "nonsense"}, Event.objects.all())

    assert set(asked.form.errors) == {name}


def test_words_are_words_whatever_they_hold(wanted):
    assert found(q="100% _' \" \\ ; -- ") == set()


def test_countries_are_those_of_venues_by_name(wanted):
    VenueFactory(country="AT")

    assert countries_with_venues() == [("AT", "Austria"), ("LV", "Latvia")]


def test_a_country_has_its_common_name():
    assert [country_name(code) for code in ("MD", "XK", "NL")] == ["Moldova", "XK", "Netherlands"]
