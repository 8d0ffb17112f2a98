"""Bad records of a network file: each is named with its reason and leaves no trace, and the rest loads."""

import copy
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Jurisdiction, Organisation
from events.models import Event, Venue
from recaps.models import Article
from registrations.models import Registration

pytestmark = pytest.mark.django_db

NETWORK = {
    "organisations": [
        {"slug": "cep", "name": "Confederation of European Probation", "short_name": "CEP", "country": "NL"}
    ],
    "topics": [{"slug": "research", "name": "Research"}],
    "series": [{"slug": "research-days", "name": "Research Days"}],
    "venues": [
        {
            "slug": "ghent", "name": "Ghent (venue not published)", "city": "Ghent", "country": "BE",
            "timezone": "Europe/Brussels",
        }
    ],
    "events": [
        {
            "slug": "good", "title": "Research Days 2023", "kind": "workshop", "format": "in-person",
            "start": "2023-03-25", "end": "2023-03-26", "timezone": "Europe/Brussels", "venue": "ghent",
            "organisers": ["cep"], "series": None, "topics": ["research"], "summary": "Two days of research.",
            "participants": 3, "jurisdictions": 2,
        }
    ],
    "articles": [
        {
            "slug": "recap-good", "kind": "recap", "title": "Recap", "published": "2023-03-27",
            "authors": ["A. Author", "B. Author"], "topics": ["research"], "event": "good", "lead": "What came of it.",
        }
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a network from `network.json`; return what the command says of bad records, line by line."""
    monkeypatch.chdir(tmp_path)

    def load(network):
        (tmp_path / "network.json").write_text(
            network if isinstance(network, str) else json.dumps(network), encoding="utf-8"
        )
        said = StringIO()
        try:
            call_command("demo", file="network.json", stderr=said, stdout=StringIO())
        except CommandError as error:
            return [*said.getvalue().splitlines(), str(error)]
        return said.getvalue().splitlines()

    return load


def _with(list_name, **fields):
    """The small network with a second record in one list: a copy of the first with other fields."""
    network = copy.deepcopy(NETWORK)
    record = {**network[list_name][0], "slug": "bad", **fields}
    network[list_name].append(record)
    return network


def test_a_good_file_loads_without_a_word(load):
    said = load(NETWORK)

    event, venue = Event.objects.get(slug="good"), Venue.objects.get()
    assert said == []
    assert (venue.name, venue.is_city_only) == ("Ghent", True)
    assert [event.local_start.isoformat(), event.local_end.isoformat()] == [
        "2023-03-25T00:00:00+01:00",
        "2023-03-27T00:00:00+02:00",
    ]
    assert event.registrations.count() == 3
    assert Article.objects.get().authors == "A. Author, B. Author"


@pytest.mark.parametrize(
    ("list_name", "fields", "reason"),
    [
        ("organisations", {"name": None}, "the field 'name' is missing"),
        ("organisations", {"country": "UK"}, "unknown country 'UK'; write it as two letters of ISO 3166-1"),
        ("organisations", {"website": "no address"}, "website: Enter a valid URL."),
        ("organisations", {"name": 7}, "the field 'name' must be a text, not 7"),
        ("topics", {"slug": "research"}, "another record of this list has the same slug"),
        ("venues", {"timezone": "Europe/Ghent"}, "unknown time zone 'Europe/Ghent'"),
        ("venues", {"city": ""}, "the field 'city' is missing"),
        ("events", {"venue": "nowhere"}, "refers to 'nowhere' in venues, which is unknown"),
        ("events", {"organisers": ["cep", "nobody"]}, "refers to 'nobody' in organisations, which is unknown"),
        ("events", {"series": "no-series"}, "refers to 'no-series' in series, which is unknown"),
        ("events", {"topics": ["no-topic"]}, "refers to 'no-topic' in topics, which is unknown"),
        ("events", {"topics": "research"}, "the field 'topics' must be a list of texts, not 'research'"),
        ("events", {"venue": None}, "it is not online, and the field 'venue' is missing"),
        ("events", {"organisers": []}, "the field 'organisers' is missing"),
        ("events", {"timezone": "Mars/Olympus"}, "unknown time zone 'Mars/Olympus'"),
        ("events", {"end": "2023-03-24"}, "the end '2023-03-24' is before the start"),
        (
            "events", {"start": "2023-03-25T10:00", "end": "2023-03-25T10:00"},
            "the end '2023-03-25T10:00' is not after the start",
        ),
        (
            "events", {"start": "2023-03-25", "end": "2023-03-25T10:00"},
            "start '2023-03-25' and end '2023-03-25T10:00' must both have hours, or neither",
        ),
        (
            "events", {"start": "2023-03-26T02:30", "end": "2023-03-26T10:00"},
            "The clocks change that night: 02:30 does not exist in Europe/Brussels. Choose another time.",
        ),
        ("events", {"start": "2023-02-30"}, "bad date '2023-02-30' in 'start'; write it as 2025-12-02"),
        ("events", {"end": "9999-12-31"}, "the dates '2023-03-25' and '9999-12-31' are out of range"),
        (
            "events", {"kind": "party"},
            "unknown kind 'party'; known are workshop, expert-meeting, conference, webinar, training, "
            "general-assembly, ceremony",
        ),
        ("events", {"format": "on Mars"}, "unknown format 'on Mars'; known are in-person, online, hybrid"),
        ("events", {"participants": "many"}, "the field 'participants' must be a number of 0 or more, not 'many'"),
        ("events", {"participants": True}, "the field 'participants' must be a number of 0 or more, not True"),
        ("events", {"participants": 1}, "1 participants cannot come from 2 jurisdictions"),
        ("events", {"participants": 900, "jurisdictions": 900}, "there are no 900 jurisdictions"),
        ("articles", {"event": "no-event"}, "refers to 'no-event' in events, which is unknown"),
        ("articles", {"kind": "gossip"}, "unknown kind 'gossip'; known are recap, news, research-note, journal"),
        ("articles", {"published": "yesterday"}, "bad date 'yesterday' in 'published'; write it as 2025-12-02"),
    ],
)  # fmt: skip
def test_a_bad_record_is_named_and_the_rest_loads(load, list_name, fields, reason):
    network = _with(list_name, **fields)

    said = load(network)

    assert said == [
        f"network.json: {list_name}: {fields.get('slug', 'bad')}: {reason}",
        "1 of the records of network.json is bad and left out; the reasons are above.",
    ]
    assert (
        Event.objects.past().count() == Article.objects.count() == Organisation.objects.count() == 1
    )
    assert Venue.objects.count() == 1
    assert Registration.objects.filter(event__slug="good").count() == 3


def test_nothing_of_a_record_is_stored_that_fails_on_the_way(load):
    said = load(_with("articles", title="x" * 201))

    assert said[0] == (
        "network.json: articles: bad: title: Ensure this value has at most 200 characters (it has 201)."
    )
    assert list(Article.objects.values_list("slug", flat=True)) == ["recap-good"]


def test_what_refers_to_a_bad_record_is_bad_with_the_same_reason(load):
    # Arrange
    network = copy.deepcopy(NETWORK)
    network["venues"][0]["timezone"] = "Europe/Ghent"

    # Act
    said = load(network)

    # Assert
    first = "unknown time zone 'Europe/Ghent'"
    second = f"refers to 'ghent' in venues, which is bad: {first}"
    third = f"refers to 'good' in events, which is bad: {second}"
    assert said == [
        f"network.json: venues: ghent: {first}",
        f"network.json: events: good: {second}",
        f"network.json: articles: recap-good: {third}",
        "3 of the records of network.json are bad and left out; the reasons are above.",
    ]
    assert not Event.objects.exists()


def test_records_without_a_slug_are_named_by_their_place(load):
    network = copy.deepcopy(NETWORK)
    network["topics"] += ["no record", {"name": "No slug"}]

    said = load(network)

    assert said[:2] == [
        "network.json: topics: record 2: it must be an object with a text as 'slug'",
        "network.json: topics: record 3: it must be an object with a text as 'slug'",
    ]


def test_a_mended_record_loads_the_next_time(load):
    load(_with("events", timezone="Mars/Olympus"))

    said = load(_with("events"))

    assert said == []
    assert set(Event.objects.values_list("slug", flat=True)) == {"good", "bad"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            '{"events": [',
            "network.json cannot be read, because it is not JSON: Expecting value: line 1 column 13 (char 12).",
        ),
        (
            "[]",
            "network.json is not a network: it must be an object with the lists organisations, topics, series, "
            "venues, events, articles.",
        ),
        (
            '{"events": {}}',
            "network.json is not a network: it must be an object with the lists organisations, topics, series, "
            "venues, events, articles.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(load, content, sentence):
    assert load(content) == [sentence]


def test_a_file_that_is_not_there_is_refused_in_one_sentence():
    with pytest.raises(
        CommandError, match=r"^nowhere.json cannot be read: No such file or directory\.$"
    ):
        call_command("demo", file="nowhere.json")


def test_a_small_network_gets_its_next_edition(load):
    network = copy.deepcopy(NETWORK)
    network["events"][0]["series"] = "research-days"

    said = load(network)

    assert said == []
    assert Event.objects.upcoming().get().series.slug == "research-days"


def test_the_seed_may_be_repeated_and_mends_what_differs():
    # Arrange
    first, second, third = StringIO(), StringIO(), StringIO()
    call_command("setup_site", stdout=first)
    call_command("setup_site", stdout=second)
    Jurisdiction.objects.filter(code="GB-SCT").update(name="Caledonia")

    # Act
    call_command("setup_site", stdout=third)

    # Assert
    assert first.getvalue() == "Jurisdictions: 257 in all, 257 of them new or renewed now.\n"
    assert second.getvalue() == "Jurisdictions: 257 in all, 0 of them new or renewed now.\n"
    assert third.getvalue() == "Jurisdictions: 257 in all, 1 of them new or renewed now.\n"
    assert Jurisdiction.objects.get(code="GB-SCT").name == "Scotland"
    assert {"UK"} <= set(Jurisdiction.objects.get(code="GB").aliases)
