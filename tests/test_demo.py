"""The demo network, loaded once from its file for all tests of this module."""

import json
import stat
import unicodedata
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone
from wagtail.models import Revision

from accounts.members import Directory
from accounts.models import Jurisdiction, MailDomain, Membership, Organisation, User
from accounts.permissions import manageable
from events.models import (
    Event,
    EventOrganisation,
    Mode,
    Series,
    Session,
    Speaker,
    Status,
    Topic,
    Venue,
)
from events_site.demo import parts
from outbox.models import Message, State
from recaps.models import Article
from registrations import availability, figures, invitations
from registrations.models import (
    Allotment,
    Answer,
    Attendance,
    Figures,
    Invitation,
    Option,
    Question,
    Registration,
    ReminderRule,
    StatusChange,
    Terms,
    terms_of,
)
from registrations.models import Status as RegistrationStatus
from registrations.reminder_rules import name_of
from registrations.tilemap import TILES

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("demo")]

NETWORK = json.loads((settings.BASE_DIR / "demo/network.json").read_text(encoding="utf-8"))
RECORDS = {record["slug"]: record for record in NETWORK["events"]}
TABLES = (
    Jurisdiction, Organisation, Topic, Series, Venue, Event, EventOrganisation, Session, Speaker, Registration,
    StatusChange, Attendance, Figures, Article, Revision, Message, User, Membership, MailDomain, Terms, Question,
    Option, Answer, Allotment, Invitation, ReminderRule,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def folder(django_db_setup, django_db_blocker, tmp_path_factory):
    """The folder of the demo, which is loaded into a copy of the empty test database; that goes after all tests."""
    folder = tmp_path_factory.mktemp("demo")
    with django_db_blocker.unblock(), _copy_of_the_database(), override_settings(VAR_DIR=folder):
        call_command("demo", verbosity=0)
        yield folder


@contextmanager
def _copy_of_the_database():
    """Work in a copy of the test database, and drop it afterwards."""
    original, creation = connection.settings_dict["NAME"], connection.creation
    connection.close()  # SQLite then has everything in the one file
    creation.clone_test_db("demo", verbosity=0)
    connection.settings_dict["NAME"] = creation.get_test_db_clone_settings("demo")["NAME"]
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = original
        creation.destroy_test_db(suffix="demo", verbosity=0)


def _editions():
    return list(Event.objects.upcoming().select_related("series", "venue"))


def _states():
    """The next editions by the word that their page carries."""
    said = availability.of_events(_editions())
    states: dict[str, list[Event]] = {}
    for event in _editions():
        states.setdefault(said[event.pk].state, []).append(event)
    return states


def test_one_process_runs_all_of_a_group(request, worker_id):
    """Else the demo is loaded twice, and programs of the tests meet in one folder."""
    assert worker_id == "master" or request.node.nodeid.endswith("@demo")


def test_everything_in_the_file_is_there():
    # Arrange
    models = [Organisation, Topic, Series, Venue, Event, Article]
    lists = ["organisations", "topics", "series", "venues", "events", "articles"]

    # Act
    stored = {
        name: set(model.objects.values_list("slug", flat=True))
        for name, model in zip(lists, models, strict=True)
    }

    # Assert
    stored["events"] -= {event.slug for event in _editions()}
    assert stored == {name: {record["slug"] for record in NETWORK[name]} for name in lists}
    assert {name: len(slugs) for name, slugs in stored.items()} == {
        "organisations": 51, "topics": 32, "series": 27, "venues": 60, "events": 113, "articles": 105,
    }  # fmt: skip


def test_the_barcelona_workshop_counts_71_people_of_22_jurisdictions():
    event = Event.objects.get(slug="transition-workshop-barcelona-2025")

    tally = figures.count(event)

    assert (tally.participants, tally.jurisdictions, tally.all_european) == (71, 22, True)
    assert figures.tally_of(figures.signed_off(event)) == tally
    assert (event.first_day.isoformat(), event.last_day.isoformat()) == ("2025-12-02", "2025-12-03")


def test_the_counted_figures_are_the_published_ones():
    # Arrange
    published = {
        slug: (record["participants"], record["jurisdictions"]) for slug, record in RECORDS.items()
    }

    # Act
    counted, signed = {}, {}
    for event in Event.objects.past():
        tally, figures_signed = figures.count(event), figures.signed_off(event)
        counted[event.slug] = (tally.participants, tally.jurisdictions)
        signed[event.slug] = figures_signed and figures_signed.participants

    # Assert: where only the jurisdictions are known, one of each is there and nothing is signed
    assert counted == {
        slug: (places or 0 if people is None else people, places or 0)
        for slug, (people, places) in published.items()
    }
    assert signed == {slug: people for slug, (people, _places) in published.items()}


def test_the_days_of_events_are_those_of_the_file():
    for event in Event.objects.past():
        record = RECORDS[event.slug]
        assert event.first_day.isoformat() == record["start"][:10], event.slug
        assert event.last_day.isoformat() == record["end"][:10], event.slug
        assert event.is_whole_day == ("T" not in record["start"]), event.slug


def test_nobody_hears_of_events_that_are_over():
    topics = [f"event/{event.pk}" for event in Event.objects.past()]

    assert not Message.objects.filter(topic__in=topics).exists()
    assert Message.objects.filter(state=State.WAITING).exists()


def test_people_have_names_in_many_scripts_and_addresses_that_cannot_be_real():
    # Arrange
    people = Registration.objects.values_list("given_name", "family_name", "email", "event")

    # Act
    letters = {letter for given, family, *_rest in people for letter in given + family}
    scripts = {unicodedata.name(letter).split()[0] for letter in letters if letter.isalpha()}

    # Assert
    assert scripts >= {
        "LATIN", "GREEK", "CYRILLIC", "GEORGIAN", "ARMENIAN", "HEBREW", "ARABIC", "CJK", "HANGUL", "THAI",
    }  # fmt: skip
    assert set("øřșğġħłé") <= {letter.lower() for letter in letters}
    domains = {email.rpartition("@")[2] for _given, _family, email, _event in people}
    assert {".".join(domain.split(".")[-2:]) for domain in domains} == {
        "example.org",
        "example.net",
        "example.com",
    }
    assert len({(email.lower(), event) for *_names, email, event in people}) == len(people)


def test_every_tile_of_the_map_is_a_european_jurisdiction():
    codes = Jurisdiction.objects.filter(is_european=True).values_list("code", flat=True)

    assert set(TILES) - set(codes) == set()


def test_people_from_other_continents_come_to_world_events_alone():
    worldly = {
        event.slug
        for event in Event.objects.past()
        if (tally := figures.count(event)).shares and not tally.all_european
    }

    assert worldly == {
        "world-congress-3-tokyo-2017",
        "world-congress-4-sydney-2019",
        "world-congress-5-ottawa-2022",
        "world-congress-6-the-hague-2024",
        "technology-in-corrections-lisbon-2019",
    }


def test_articles_are_published_with_a_revision_and_open_with_the_record():
    article = Article.objects.get(slug="recap-transition-workshop-2025")

    assert Article.objects.filter(live=True, live_revision__isnull=False).count() == 105
    assert article.body == (
        "<p>71 participants from 22 European countries and jurisdictions attended the Workshop on Transition from "
        "Prison to Probation: Continuity of Care and Control, organised jointly by CEP and EuroPris on "
        "2–3 December 2025 at the Centre for Legal Studies and Specialised Training (CEJFE) in Barcelona.</p>"
    )
    assert article.organisation.slug == "cep"
    assert Article.objects.filter(published_on=None).count() == 82
    assert Article.objects.get(slug="stress-and-morale-survey-2025").authors == (
        "Charlie Brooker, Karen Tocque, Ioan Durnescu, Liliana Lupsica"
    )


def test_living_series_have_one_next_edition_each_within_eight_months():
    # Arrange
    horizon = timezone.now() + timedelta(days=250)

    # Act
    editions = _editions()
    per_series = Counter(event.series.slug for event in editions)

    # Assert
    assert len(editions) >= 7
    assert set(per_series.values()) == {1}
    assert all(event.starts_at < horizon for event in editions)
    assert min(event.first_day for event in editions) >= timezone.localdate() + timedelta(days=21)
    assert all(event.sessions.exists() and event.audience for event in editions)


@pytest.mark.parametrize("years", range(6))
def test_each_situation_finds_an_edition_on_whatever_day_the_demo_is_loaded(years):
    events = list(Event.objects.filter(slug__in=RECORDS).select_related("series", "venue"))
    today = timezone.localdate() + timedelta(days=365 * years)

    editions = parts.plan(events, today=today)

    assert {edition.part for edition in editions} == set(parts.Part)
    assert editions[0].part == parts.Part.FEW


def test_next_editions_show_every_situation():
    # Arrange
    counts = {event.pk: availability.of_event(event) for event in _editions()}

    # Act
    states = _states()

    # Assert
    assert {state: len(events) for state, events in states.items() if state != "open"} == {
        "few": 1,
        "full": 2,
        "invitation": 1,
        "cancelled": 1,
        "postponed": 1,
    }
    hybrid = [event for event in states["full"] if event.format == "hybrid"]
    full = [event for event in states["full"] if event not in hybrid]
    assert [sum(one.waiting for one in counts[event.pk].places) for event in full] == [12]
    online = [event for event in states["open"] if event.format == "online"]
    assert [set(event.modes) for event in hybrid] == [{Mode.IN_PERSON, Mode.ONLINE}]
    assert all(event.capacity_in_person and event.capacity_online for event in hybrid)
    assert online
    assert all(event.join_url.startswith("https://meet.example/") for event in hybrid + online)
    assert all(event.join_url == "" for event in _editions() if event not in hybrid + online)


def test_cancelled_and_postponed_editions_were_published_first_and_people_were_told():
    (cancelled,), (postponed,) = _states()["cancelled"], _states()["postponed"]

    assert (cancelled.sequence, cancelled.status) == (1, Status.CANCELLED)
    assert (postponed.sequence, postponed.status) == (1, Status.POSTPONED)
    for event, word in ((cancelled, "event-cancelled"), (postponed, "/postponed/")):
        told = Message.objects.filter(topic=f"event/{event.pk}", key__contains=word)
        assert told.count() == event.registrations.confirmed().count() == 8


def test_registrations_for_next_editions_stand_in_several_states():
    statuses = Registration.objects.filter(event__in=_editions()).values_list("status", flat=True)

    assert len(statuses) < 300
    assert set(statuses) == {
        RegistrationStatus.CONFIRMED,
        RegistrationStatus.APPLIED,
        RegistrationStatus.DECLINED,
        RegistrationStatus.WAITING,
        RegistrationStatus.UNVERIFIED,
        RegistrationStatus.CANCELLED,
    }


def _with_people(event):
    """How many people of an event stand in each state."""
    return Counter(event.registrations.values_list("status", flat=True))


def test_an_edition_lets_the_organisers_decide():
    event = Event.objects.upcoming().get(entry="approval")

    assert _with_people(event) == {"confirmed": 5, "declined": 1, "applied": 7}
    assert terms_of(event).declaration
    assert not event.registrations.filter(declared_at=None).exists()


def test_a_hybrid_edition_has_two_queues_and_people_who_wish_the_other_way():
    event = Event.objects.upcoming().get(format="hybrid")

    (in_person, online) = availability.of_event(event).places
    assert (in_person.taken, in_person.waiting, in_person.left) == (12, 4, 0)
    assert (online.taken, online.waiting, online.left) == (8, 3, 0)
    wishes = event.registrations.exclude(wished_mode="").values_list("mode", "wished_mode")
    assert list(wishes) == [("in-person", "online")] * 2


def test_an_edition_puts_members_first_and_limits_each_organisation():
    terms = Terms.objects.get(members_only_until__gt=timezone.now())
    event = terms.event

    assert terms.members_only_until < event.closes_at
    shares = Counter(event.allotments.values_list("share", flat=True))
    assert max(shares.values()) == terms.most_per_organisation == 3
    assert _with_people(event)["waiting"] > 0
    directory = Directory()
    for registration in event.registrations.confirmed():
        found = directory.find(email=registration.email, name=registration.organisation)
        assert found.is_member
    assert Organisation.objects.filter(is_member=True).count() == 15
    assert MailDomain.objects.count() == 45


def test_an_edition_asks_questions_with_limited_places_and_named_readers():
    event = Event.objects.upcoming().get(questions__special="diet")
    session, visit, diet, access, hotel, nights = event.questions.order_by("position")

    assert _with_people(event) == {"confirmed": 24}
    taken = Counter(event.allotments.values_list("share", flat=True))
    first, *_others = session.options.all()
    wanted = [answer.value[0] for answer in session.answers.all()]
    assert wanted.count(first.pk) == 12
    assert taken[first.share] == first.places == 10
    assert sum(taken[option.share] for option in session.options.all()) == 24
    assert [option.places for option in visit.options.all()] == [20, None]
    for question in (diet, access):
        assert [str(reader) for reader in question.readers.all()] == ["Tomás Verbeke"]
        assert question.answers.exists()
        assert not question.answers.filter(consented_at=None).exists()
    assert (hotel.moment, hotel.answers.count()) == ("confirmed", 16)
    assert nights.answers.count() == hotel.answers.filter(value=True).count() == 8


def test_an_edition_is_by_invitation_with_answers_of_every_kind_and_kept_places():
    event = Event.objects.upcoming().get(entry="invitation")

    assert event.invitations.by_state() == {
        "sent": 6, "opened": 3, "registered": 7, "declined": 2,
    }  # fmt: skip
    assert _with_people(event) == {"confirmed": 7}
    terms = terms_of(event)
    assert (terms.kept_in_person, terms.kept_until > timezone.now()) == (14, True)
    assert invitations.to_remind(event, timezone.now()).count() == 9
    assert event.organisers[0].slug == "cep"


def test_an_edition_has_a_public_list_of_those_who_agreed():
    event = Terms.objects.get(shows_participants=True).event

    assert 0 < event.registrations.listed().count() < event.registrations.confirmed().count()


def test_a_hybrid_edition_reminds_by_rules_of_its_own_and_thanks_afterwards():
    rules = [(name_of(rule), rule.is_on) for rule in ReminderRule.objects.all()]
    assert rules == [
        ("7d", True),
        ("1d", False),
        ("1h-online", True),
        ("1days-before-09:00", True),
        ("after-2h-present", True),
        ("after-2d-absent", True),
    ]
    [event] = {rule.event for rule in ReminderRule.objects.select_related("event")}
    assert event.format == "hybrid"


def test_the_organiser_who_signs_in_finds_every_situation_at_the_desk():
    user = User.objects.get(email="organiser@cep.example")

    mine = manageable(Event.objects.upcoming(), user)
    assert set(mine.values_list("entry", flat=True)) == {"open", "approval", "invitation"}
    assert mine.filter(questions__special="diet").exists()
    assert mine.filter(terms__shows_participants=True).exists()
    assert mine.filter(terms__members_only_until__isnull=False).exists()
    assert mine.filter(format="hybrid").exists()


def test_staff_sign_in_with_passwords_that_the_owner_alone_can_read(folder):
    # Arrange
    file = Path(folder, "demo-sign-ins.txt")

    # Act
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    passwords = {
        email: word for line in lines for email, word in [line.split("  ", 1)[1].split()[:2]]
    }

    # Assert
    assert header.split()[:2] == ["who", "e-mail"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert set(passwords) == {
        "admin@plenary.example",
        "organiser@cep.example",
        "organiser@europris.example",
        "editor@cep.example",
        "door@cep.example",
    }
    for user in User.objects.all():
        assert user.check_password(passwords[user.email])
    assert len(set(passwords.values())) == 5


def test_loading_twice_changes_nothing(folder):
    # Arrange
    def everything():
        return {model: list(model.objects.order_by("pk").values()) for model in TABLES}

    sign_ins = Path(folder, "demo-sign-ins.txt").read_text()
    before = everything()

    # Act
    call_command("demo", verbosity=0)

    # Assert
    assert everything() == before
    assert Path(folder, "demo-sign-ins.txt").read_text() == sign_ins


def test_a_repeated_load_only_reads():
    with CaptureQueriesContext(connection) as queries:
        call_command("demo", verbosity=0)

    verbs = Counter(query["sql"].split()[0] for query in queries.captured_queries)
    assert set(verbs) <= {"SELECT", "SAVEPOINT", "RELEASE"}
    assert verbs["SELECT"] < 60


def test_on_another_day_no_second_next_edition_is_made_while_the_first_is_ahead(time_machine):
    before = {event.slug for event in _editions()}
    time_machine.move_to(timezone.now() + timedelta(days=9))

    call_command("demo", verbosity=0)

    assert {event.slug for event in _editions()} == before


def test_when_an_edition_has_passed_a_new_one_is_made(time_machine):
    # Arrange
    first = _editions()[0]
    time_machine.move_to(first.ends_at + timedelta(days=1))

    # Act
    call_command("demo", verbosity=0)

    # Assert
    following = Event.objects.upcoming().get(series=first.series)
    assert following.slug != first.slug
    assert len(_editions()) == len({event.series_id for event in _editions()})


def test_what_people_changed_by_hand_stays():
    # Arrange
    event = Event.objects.get(slug="transition-workshop-barcelona-2025")
    Event.objects.filter(pk=event.pk).update(title="Another title")
    User.objects.get(email="door@cep.example").memberships.all().delete()

    # Act
    call_command("demo", verbosity=0)

    # Assert
    event.refresh_from_db()
    assert event.title == "Another title"
    assert not Membership.objects.filter(user__email="door@cep.example").exists()
