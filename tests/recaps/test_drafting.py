"""The sentence that a recap opens with, made from the record, and the draft around it."""

from datetime import UTC, datetime

import pytest

from events.models import EventOrganisation, Format, OrganisationRole
from recaps.drafting import draft_recap, people_in_words, sentence
from recaps.models import Kind
from registrations.figures import Share, Tally
from registrations.models import Figures
from tests.factories import (
    EventFactory,
    OrganisationFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
)

pytestmark = pytest.mark.django_db

TITLE = "Workshop on Transition from Prison to Probation: Continuity of Care and Control"


def tally(participants, jurisdictions=0, *, is_european=True):
    """So many people, of whom as many as there are jurisdictions named one."""
    shares = [Share(f"X{n}", f"Place {n}", 1, is_european) for n in range(jurisdictions)]
    return Tally(participants, shares)


def held(title="Workshop", *organisers, begins=(2025, 12, 2, 8), ends=(2025, 12, 3, 16), **more):
    """An event in Madrid's zone; the organisers are given by their short names, the leading one first."""
    first, *others = organisers or ["CEP"]
    event = EventFactory(
        title=title,
        organiser=OrganisationFactory(name=f"{first} in full", short_name=first),
        starts_at=datetime(*begins, tzinfo=UTC),
        ends_at=datetime(*ends, tzinfo=UTC),
        **more,
    )
    for position, name in enumerate(others, start=1):
        EventOrganisation.objects.create(
            event=event,
            organisation=OrganisationFactory(name=f"{name} in full", short_name=name),
            role=OrganisationRole.CO_ORGANISER,
            position=position,
        )
    return event


def test_the_sentence_of_the_barcelona_workshop():
    venue = VenueFactory(name="Centre for Legal Studies and Specialised Training (CEJFE)")
    event = held(TITLE, "CEP", "EuroPris", venue=venue)
    assert sentence(event, tally(71, 22)) == (
        "71 participants from 22 European countries and jurisdictions attended the Workshop on Transition"
        " from Prison to Probation: Continuity of Care and Control, organised jointly by CEP and EuroPris"
        " on 2–3 December 2025 at the Centre for Legal Studies and Specialised Training (CEJFE) in Barcelona."
    )


@pytest.mark.parametrize(
    ("counted", "words"),
    [
        (tally(1), "1 participant"),
        (tally(40), "40 participants"),
        (tally(1, 1), "1 participant from 1 European country or jurisdiction"),
        (tally(9, 1), "9 participants from 1 European country or jurisdiction"),
        (tally(9, 2), "9 participants from 2 European countries and jurisdictions"),
        (tally(9, 1, is_european=False), "9 participants from 1 country or jurisdiction"),
        (tally(9, 3, is_european=False), "9 participants from 3 countries and jurisdictions"),
    ],
)
def test_people_are_counted_with_the_grammar_of_their_number(counted, words):
    assert people_in_words(counted) == words


def test_one_place_outside_europe_makes_all_of_them_plain_countries():
    counted = Tally(5, [Share("NL", "Netherlands", 3, True), Share("CA", "Canada", 2, False)])
    assert people_in_words(counted) == "5 participants from 2 countries and jurisdictions"


WITHOUT_NUMBERS = (
    "The Workshop was held, organised by CEP on 2–3 December 2025"
    " at the Palau de Congressos in Barcelona."
)


@pytest.mark.parametrize("counted", [None, tally(0)])
def test_without_people_the_sentence_says_only_that_it_was_held(counted):
    assert sentence(held(), counted) == WITHOUT_NUMBERS


@pytest.mark.parametrize(
    ("organisers", "words"),
    [
        (["CEP"], ", organised by CEP on"),
        (["CEP", "EuroPris"], ", organised jointly by CEP and EuroPris on"),
        (["CEP", "EuroPris", "CEJFE"], ", organised jointly by CEP, EuroPris and CEJFE on"),
    ],
)
def test_organisers_are_named_in_order(organisers, words):
    assert sentence(held("Workshop", *organisers), tally(2)) == (
        f"2 participants attended the Workshop{words} 2–3 December 2025"
        " at the Palau de Congressos in Barcelona."
    )


def test_an_event_without_organisers_names_none():
    event = held()
    event.organisation_links.all().delete()
    assert sentence(event, tally(2)) == (
        "2 participants attended the Workshop on 2–3 December 2025"
        " at the Palau de Congressos in Barcelona."
    )


@pytest.mark.parametrize(
    ("begins", "ends", "when"),
    [
        ((2025, 12, 2, 8), (2025, 12, 2, 16), "on 2 December 2025"),
        ((2025, 12, 2, 8), (2025, 12, 5, 16), "on 2–5 December 2025"),
        ((2025, 9, 30, 8), (2025, 10, 1, 16), "on 30 September – 1 October 2025"),
        ((2025, 12, 31, 8), (2026, 1, 1, 16), "on 31 December 2025 – 1 January 2026"),
        # Midnight in Madrid: the day that then begins is not part of it.
        ((2025, 12, 2, 8), (2025, 12, 3, 23), "on 2–3 December 2025"),
    ],
)
def test_the_days_are_those_of_the_event_s_own_clock(begins, ends, when):
    assert sentence(held(begins=begins, ends=ends), tally(2)) == (
        f"2 participants attended the Workshop, organised by CEP {when}"
        " at the Palau de Congressos in Barcelona."
    )


@pytest.mark.parametrize(
    ("format", "where"),
    [
        (Format.IN_PERSON, "at the Palau de Congressos in Barcelona"),
        (Format.HYBRID, "at the Palau de Congressos in Barcelona and online"),
        (Format.ONLINE, "online"),
    ],
)
def test_the_place_says_how_people_met(format, where):
    assert sentence(held(format=format), tally(2)) == (
        f"2 participants attended the Workshop, organised by CEP on 2–3 December 2025 {where}."
    )


def test_an_online_event_without_a_venue_was_online():
    assert sentence(held(format=Format.ONLINE, venue=None), tally(2)).endswith("2025 online.")


@pytest.mark.parametrize(
    ("format", "where"),
    [(Format.IN_PERSON, "in Riga."), (Format.HYBRID, "in Riga and online.")],
)
def test_a_venue_of_which_only_the_city_is_known_is_the_city(format, where):
    venue = VenueFactory(name="Riga", city="Riga", is_city_only=True)
    event = held(venue=venue, format=format)
    assert sentence(event, tally(2)).endswith(f"on 2–3 December 2025 {where}")


@pytest.mark.parametrize(
    ("title", "beginning"),
    [
        ("The Future of Probation", "2 participants attended The Future of Probation, organised"),
        ("A Day on Mediation", "2 participants attended A Day on Mediation, organised"),
        ("Theatre in Prison", "2 participants attended the Theatre in Prison, organised"),
    ],
)
def test_a_title_that_brings_an_article_along_gets_no_second_one(title, beginning):
    assert sentence(held(title), tally(2)).startswith(beginning)


def test_a_title_with_an_article_opens_the_sentence_without_numbers():
    assert sentence(held("The Future of Probation"), None).startswith(
        "The Future of Probation was held, organised by CEP"
    )


def test_the_draft_opens_with_the_newest_figures_that_were_signed_off():
    editor, topic = UserFactory(), TopicFactory()
    event = held("Workshop", "CEP", summary="Two days on the way out.")
    event.topics.add(topic)
    share = {"code": "NL", "name": "Netherlands", "people": 3, "is_european": True}
    for participants in (4, 3):
        Figures.objects.create(
            event=event, participants=participants, jurisdictions=1, shares=[share]
        )
    article = draft_recap(event, by=editor)
    article.refresh_from_db()
    assert article.body == (
        "<p>3 participants from 1 European country or jurisdiction attended the Workshop, organised by CEP"
        " on 2–3 December 2025 at the Palau de Congressos in Barcelona.</p>"
    )
    assert (article.kind, article.live, article.event) == (Kind.RECAP, False, event)
    assert (article.title, article.lead) == ("Workshop", "Two days on the way out.")
    assert article.organisation == event.organisers[0]
    assert list(article.topics.all()) == [topic]
    assert article.latest_revision.user == editor


def test_markup_in_a_title_is_text_in_the_draft():
    event = held("<script>alert(1)</script> & <b>more</b>")
    article = draft_recap(event, by=None)
    assert article.body == (
        "<p>The &lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;more&lt;/b&gt; was held, organised by CEP"
        " on 2–3 December 2025 at the Palau de Congressos in Barcelona.</p>"
    )


def test_a_second_draft_of_an_event_gets_an_address_of_its_own():
    event = held()
    slugs = [draft_recap(event, by=None).slug for _n in range(3)]
    assert len(set(slugs)) == 3
    assert all(slug.startswith(f"recap-{event.slug}") for slug in slugs)
