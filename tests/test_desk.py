"""The desk, as organisers, editors and administrators use it: with the forms that its pages send."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.test.utils.form_data import rich_text

from accounts.models import Role, User
from accounts.signin import ATTEMPTS
from events.models import Event, Status, Venue
from outbox.models import Message, State
from recaps.models import Article
from recaps.models import Kind as ArticleKind
from registrations import attendance, figures, seats
from registrations.models import Figures, Mailing, Registration
from tests.factories import (
    PASSWORD,
    ArticleFactory,
    EventFactory,
    JurisdictionFactory,
    MembershipFactory,
    OrganisationFactory,
    SessionFactory,
    SpeakerFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
    enrolled,
    registered,
)
from tests.telling import settle

pytestmark = pytest.mark.django_db

ARTICLES = "wagtailsnippets_recaps_article:"


@pytest.fixture
def organisation():
    return OrganisationFactory(name="Confederation of European Probation", short_name="CEP")


@pytest.fixture
def manager(organisation):
    return MembershipFactory(organisation=organisation, role=Role.MANAGER).user


@pytest.fixture
def desk(manager):
    return signed_in(manager)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def member(organisation, role) -> Client:
    return signed_in(MembershipFactory(organisation=organisation, role=role).user)


def event_form(organisation, **changes):
    """What the page of a new event sends when it is filled in."""
    return {
        "title": "Workshop on Recovery Capital",
        "kind": "workshop",
        "format": "in-person",
        "starts_at": "2030-03-05T09:30",
        "ends_at": "2030-03-06T16:00",
        "timezone": "Europe/Madrid",
        "venue": "",
        "organisers": [organisation.pk],
        "capacity_in_person": "40",
        "capacity_online": "",
        "summary": "What helps people to stay out of trouble.",
        "description": rich_text("<p>Two days.</p>"),
        "entry": "open",
        **changes,
    }


def fields_of(form):
    """What the page of an event sends back when nobody changes anything."""
    sent = {}
    for field in form:
        value, widget = field.value(), field.field.widget
        if field.name == "description":
            sent[field.html_name] = rich_text(form.instance.description)
        elif isinstance(value, list):
            sent[field.html_name] = value
        elif value not in (None, False, ""):
            shown = widget.format_value(value)
            sent[field.html_name] = shown[0] if isinstance(shown, list) else shown
    return sent


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


# -- Signing in -----------------------------------------------------------------------------------
def test_signing_in_is_by_address_in_any_case_and_password(manager):
    client = Client()
    answer = client.post(
        reverse("wagtailadmin_login"), {"username": manager.email.upper(), "password": PASSWORD}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/desk/")
    assert client.get("/desk/").status_code == 200


def test_the_sign_in_page_names_the_site_not_its_host():
    page = Client().get(reverse("wagtailadmin_login")).text
    assert "Sign in to Probation Network" in page
    assert "<title>Sign in - Probation Network</title>" in re.sub(r"\s+", " ", page)


def test_a_failed_sign_in_says_the_same_for_known_unknown_and_closed(manager):
    closed = UserFactory(is_active=False)

    def answer(address):
        page = Client().post(
            reverse("wagtailadmin_login"), {"username": address, "password": "wrong one"}
        )
        words = re.sub(r'value="[^"]*"|"CSRF_TOKEN": "[^"]*"', "", page.text)
        return page.status_code, words.replace(address, "")

    assert answer(manager.email) == answer("nobody@example.org") == answer(closed.email)


def test_too_many_failed_attempts_hold_back_even_the_right_password(manager):
    address, login = manager.email, reverse("wagtailadmin_login")
    for _n in range(ATTEMPTS):
        Client().post(login, {"username": address, "password": "wrong one"})
    right = {"username": address, "password": PASSWORD}
    assert Client().post(login, right).status_code == 200
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert elsewhere.post(login, right).status_code == 302


def test_people_get_in_while_the_cache_is_away(manager, monkeypatch):
    def away(*_args, **_kwargs):
        raise ConnectionError

    for name in ("get", "add", "incr"):
        monkeypatch.setattr(cache, name, away)
    wrong = {"username": manager.email, "password": "wrong one"}
    right = {"username": manager.email, "password": PASSWORD}
    login = reverse("wagtailadmin_login")
    assert [Client().post(login, form).status_code for form in (wrong, right)] == [200, 302]


# -- An event -------------------------------------------------------------------------------------
def test_a_new_event_is_a_draft_that_becomes_public_by_its_button(desk, organisation, client):
    topic, venue = TopicFactory(), VenueFactory()
    form = event_form(organisation, venue=venue.pk, topics=[topic.pk], next="preview")
    answer = desk.post(reverse("desk_event_new"), form)

    event = Event.objects.get()
    assert answer["Location"] == reverse("desk_event_preview", args=[event.pk])
    assert (event.status, event.slug) == (Status.DRAFT, "workshop-on-recovery-capital")
    assert event.starts_at == datetime(2030, 3, 5, 8, 30, tzinfo=UTC)
    assert event.organisers == [organisation]
    assert list(event.topics.all()) == [topic]
    assert event.description == '<p data-block-key="' + event.description.split('"')[1] + '">Two days.</p>'  # fmt: skip

    preview = desk.get(answer["Location"])
    assert "Preview" in preview.text
    assert "Two days." in preview.text
    assert preview["X-Robots-Tag"] == "noindex"
    assert "private" in preview["Cache-Control"]
    assert client.get(event.get_absolute_url()).status_code == 404

    publish = reverse("desk_event_publish", args=[event.pk])
    assert "People can register at once: 40 places left." in desk.get(publish).text
    event.refresh_from_db()
    assert event.status == Status.DRAFT
    desk.post(publish)
    assert client.get(event.get_absolute_url()).status_code == 200


def test_the_first_page_of_an_event_has_at_most_twelve_fields(desk):
    page = desk.get(reverse("desk_event_new"))
    assert len(page.context["form"].main_fields) == 12
    main, _more = page.text.split('<details class="desk-more"')
    ours = main[main.index("data-event-form") :]
    assert len(re.findall(r"<(?:input|select|textarea)(?! type=\"hidden\")[^>]* name=", ours)) == 12


def test_a_new_event_begins_with_ones_own_organisation_and_the_last_time_zone(desk, organisation):
    EventFactory(organiser=organisation, timezone="Europe/Lisbon")
    form = desk.get(reverse("desk_event_new")).context["form"]
    assert form["organisers"].value() == [organisation.pk]
    assert form["timezone"].value() == "Europe/Lisbon"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"title": ""}, "title", "Give the event a title."),
        ({"starts_at": "soon"}, "starts_at", "Enter a day and a time"),
        ({"ends_at": "2030-03-05T09:00"}, "ends_at", "must end after it starts"),
        ({"starts_at": "2030-03-31T02:30"}, "starts_at", "02:30 does not exist in Europe/Madrid"),
        ({"entry": "elsewhere"}, "entry_url", "Give the address where people register"),
        (
            {"opens_at": "2030-02-01T00:00", "closes_at": "2030-01-01T00:00"},
            "closes_at",
            "Registration must close after it opens",
        ),
        ({"timezone": "Europe/Atlantis"}, "timezone", "Select a valid choice"),
        ({"organisers": []}, "organisers", "Say who organises the event."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_typed_values_stay(
    desk, organisation, changes, field, words
):
    page = desk.post(reverse("desk_event_new"), event_form(organisation, **changes))
    form = page.context["form"]
    assert page.status_code == 422
    assert words in " ".join(form.errors[field])
    assert f'<a href="#id_{field}">' in page.text
    assert "<title>Error:" in page.text.replace("\n", "")
    kept = {"title": "Workshop on Recovery Capital", "capacity_in_person": "40", **changes}
    assert {name: form[name].value() for name in kept} == kept
    assert not Event.objects.exists()


def test_saving_an_event_unchanged_changes_nothing(desk, organisation):
    partner, host = OrganisationFactory(), OrganisationFactory()
    form = event_form(
        organisation,
        venue=VenueFactory().pk,
        hosts=[host.pk],
        partners=[partner.pk],
        topics=[TopicFactory().pk],
        opens_at="2030-01-01T00:00",
        closes_at="2030-03-01T12:00",
    )
    desk.post(reverse("desk_event_new"), form)
    before = Event.objects.get()
    edit = reverse("desk_event_edit", args=[before.pk])
    desk.post(edit, fields_of(desk.get(edit).context["form"]))
    after = Event.objects.get()
    ignored = {"_state", "changed_at"}
    assert {k: v for k, v in after.__dict__.items() if k not in ignored} == {
        k: v for k, v in before.__dict__.items() if k not in ignored
    }
    assert (after.organisers, after.hosts, after.partners) == ([organisation], [host], [partner])


def test_an_hour_that_comes_twice_survives_saving(desk, organisation):
    starts_at = datetime(2030, 10, 27, 1, 30, tzinfo=UTC)  # the second 02:30 in Madrid
    event = EventFactory(
        organiser=organisation, starts_at=starts_at, ends_at=starts_at + timedelta(hours=2)
    )
    edit = reverse("desk_event_edit", args=[event.pk])
    desk.post(edit, fields_of(desk.get(edit).context["form"]))
    event.refresh_from_db()
    assert event.starts_at == starts_at


TWICE = "The clock shows 02:30 twice on this night. Choose the first or the second."
NIGHT = {"starts_at": "2030-10-27T02:30", "ends_at": "2030-10-27T04:00"}
SECOND = datetime(2030, 10, 27, 1, 30, tzinfo=UTC)


def choice(page, name):
    """What the page offers where a time comes twice, as pairs of key and words, with the chosen key; None without."""
    found = re.search(rf'<select name="{name}_turn".*?</select>', page.text, re.DOTALL)
    if not found:
        return None
    options = re.findall(r'<option value="(.*?)"( selected)?>(.*?)</option>', found[0])
    [chosen] = [key for key, is_chosen, _words in options if is_chosen]
    return [(key, words) for key, _chosen, words in options], chosen


def test_a_time_that_the_clock_shows_twice_is_asked_for(desk, organisation):
    new = reverse("desk_event_new")
    assert choice(desk.get(new), "starts_at") is None

    page = desk.post(new, event_form(organisation, **NIGHT))

    assert page.context["form"].errors == {"starts_at": [TWICE]}
    both = [("first", "The first (UTC+02:00)"), ("second", "The second (UTC+01:00)")]
    assert choice(page, "starts_at") == ([("", "Choose one"), *both], "")
    assert choice(page, "ends_at") is None
    wrong = desk.post(new, event_form(organisation, **NIGHT, starts_at_turn="third"))
    assert wrong.context["form"].errors == {"starts_at": [TWICE]}
    other = desk.post(new, event_form(organisation, **NIGHT, starts_at_turn="second", title=""))
    assert choice(other, "starts_at") == (both, "second")
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("turn", "starts_at"), [("first", SECOND - timedelta(hours=1)), ("second", SECOND)]
)
def test_the_chosen_time_is_stored_and_shown(desk, organisation, turn, starts_at):
    sent = event_form(organisation, **NIGHT, starts_at_turn=turn)
    desk.post(reverse("desk_event_new"), sent)
    event = Event.objects.get()
    assert event.starts_at == starts_at

    edit = reverse("desk_event_edit", args=[event.pk])
    shown, chosen = choice(desk.get(edit), "starts_at")
    assert ([key for key, _words in shown], chosen) == (["first", "second"], turn)
    desk.post(edit, sent | {"title": "Another"})
    event.refresh_from_db()
    assert (event.title, event.starts_at) == ("Another", starts_at)


def test_the_other_of_two_times_is_chosen_later(desk, organisation):
    sent = event_form(organisation, **NIGHT, starts_at_turn="second")
    desk.post(reverse("desk_event_new"), sent)
    event = Event.objects.get()

    desk.post(
        reverse("desk_event_edit", args=[event.pk]),
        sent | {"starts_at_turn": "first"},
    )

    event.refresh_from_db()
    assert event.starts_at == SECOND - timedelta(hours=1)


def test_an_event_from_the_first_hour_to_the_second_is_taken(desk, organisation):
    sent = event_form(
        organisation,
        starts_at="2030-10-27T02:45",
        starts_at_turn="first",
        ends_at="2030-10-27T02:15",
        ends_at_turn="second",
        opens_at="2029-10-28T02:30",
        opens_at_turn="second",
        closes_at="2030-10-20T02:30",
        closes_at_turn="second",
    )
    desk.post(reverse("desk_event_new"), sent)

    event = Event.objects.get()
    assert (event.starts_at, event.ends_at) == (
        datetime(2030, 10, 27, 0, 45, tzinfo=UTC),
        datetime(2030, 10, 27, 1, 15, tzinfo=UTC),
    )
    assert event.opens_at == datetime(2029, 10, 28, 1, 30, tzinfo=UTC)
    assert event.closes_at == datetime(2030, 10, 20, 0, 30, tzinfo=UTC)  # comes once


def test_items_of_the_programme_in_the_hour_that_comes_twice(desk, organisation):
    event = EventFactory(
        organiser=organisation,
        starts_at=SECOND - timedelta(hours=5),
        ends_at=SECOND + timedelta(hours=5),
    )
    address = reverse("desk_programme", args=[event.pk])
    sent = {
        "sessions-TOTAL_FORMS": "1",
        "sessions-INITIAL_FORMS": "0",
        "sessions-0-title": "Night watch",
        "sessions-0-starts_at": "2030-10-27T02:30",
        "sessions-0-ends_at": "2030-10-27T03:30",
        "sessions-0-people": "",
        "sessions-0-details": "",
    }
    page = desk.post(address, sent)
    assert page.context["formset"].errors == [{"starts_at": [TWICE]}]
    assert choice(page, "sessions-0-starts_at")[1] == ""

    desk.post(address, sent | {"sessions-0-starts_at_turn": "second"})
    item = event.sessions.get()
    assert item.starts_at == SECOND
    assert choice(desk.get(address), "sessions-0-starts_at")[1] == "second"

    again = sent | {"sessions-INITIAL_FORMS": "1", "sessions-0-id": item.pk}
    desk.post(address, again | {"sessions-0-starts_at_turn": "second", "sessions-0-title": "Watch"})
    item.refresh_from_db()
    assert (item.title, item.starts_at) == ("Watch", SECOND)

    desk.post(address, again | {"sessions-0-starts_at_turn": "first", "sessions-0-title": "Watch"})
    item.refresh_from_db()
    assert item.starts_at == SECOND - timedelta(hours=1)


def test_a_copy_asks_which_of_two_times_is_meant(desk, organisation):
    event = EventFactory(organiser=organisation)
    address = reverse("desk_event_copy", args=[event.pk])

    page = desk.post(address, {"starts_at": NIGHT["starts_at"]})
    assert page.context["form"].errors == {"starts_at": [TWICE]}
    assert choice(page, "starts_at")[1] == ""

    desk.post(address, {"starts_at": NIGHT["starts_at"], "starts_at_turn": "second"})
    assert Event.objects.exclude(pk=event.pk).get().starts_at == SECOND


def test_whole_days_are_typed_as_first_and_last_day(desk, organisation):
    form = event_form(organisation, is_whole_day="on", venue=VenueFactory().pk)
    desk.post(reverse("desk_event_new"), form)
    event = Event.objects.get()
    assert (event.local_start.isoformat(), event.local_end.isoformat()) == (
        "2030-03-05T00:00:00+01:00",
        "2030-03-07T00:00:00+01:00",
    )
    shown = desk.get(reverse("desk_event_edit", args=[event.pk])).context["form"]
    assert shown["ends_at"].value() == datetime(2030, 3, 6, 23, 59)


def test_the_order_of_organisers_says_who_leads(desk, organisation):
    other = OrganisationFactory(name="Another")
    form = event_form(organisation, organisers=[other.pk, organisation.pk])
    desk.post(reverse("desk_event_new"), form)
    event = Event.objects.get()
    assert event.organisers == [other, organisation]
    roles = event.organisation_links.values_list("organisation", "role")
    assert list(roles) == [(other.pk, "organiser"), (organisation.pk, "co-organiser")]


def test_an_organisation_has_one_part_in_an_event(desk, organisation):
    page = desk.post(
        reverse("desk_event_new"), event_form(organisation, partners=[organisation.pk])
    )
    assert page.context["form"].errors["partners"] == [
        "CEP is named twice. Each organisation has one part in an event."
    ]


def test_a_change_that_is_news_asks_once_more_with_the_number_of_mails(desk, organisation):
    event = EventFactory(organiser=organisation)
    for n in range(3):
        enrolled(event, n)
    Message.objects.all().delete()
    edit = reverse("desk_event_edit", args=[event.pk])
    form = fields_of(desk.get(edit).context["form"]) | {"ends_at": "2031-01-01T12:00"}

    page = desk.post(edit, form)
    assert page.context["warnings"] == [
        "3 people hold a place and get a mail.",
        "They hear of it in 10 minutes, with all that you change until then.",
    ]
    assert "Save without telling anybody" in page.text
    assert not Mailing.objects.exists()

    desk.post(edit, form | {"confirmed": " ".join(page.context["warnings"]), "tell": "yes"})
    settle()
    assert Message.objects.count() == 3
    event.refresh_from_db()
    assert event.local_end.year == 2031


def test_a_change_that_is_no_news_is_saved_at_once(desk, organisation):
    event = EventFactory(organiser=organisation)
    enrolled(event)
    Message.objects.all().delete()
    edit = reverse("desk_event_edit", args=[event.pk])
    form = fields_of(desk.get(edit).context["form"]) | {"summary": "Another summary."}
    assert desk.post(edit, form).status_code == 302
    event.refresh_from_db()
    assert event.summary == "Another summary."
    assert not Message.objects.exists()


def test_fewer_places_than_are_taken_are_refused_in_words(desk, organisation):
    event = EventFactory(organiser=organisation, capacity_in_person=5)
    for n in range(3):
        enrolled(event, n)
    edit = reverse("desk_event_edit", args=[event.pk])
    page = desk.post(edit, fields_of(desk.get(edit).context["form"]) | {"capacity_in_person": 2})
    assert page.context["form"].non_field_errors() == [
        "3 places are taken (in person). Give at least as many places."
    ]
    event.refresh_from_db()
    assert event.capacity_in_person == 5


def test_an_event_without_a_venue_is_not_published(desk, organisation):
    event = EventFactory(organiser=organisation, draft=True, venue=None)
    page = desk.post(reverse("desk_event_publish", args=[event.pk]))
    assert page.status_code == 409
    assert "Choose a venue first, or change the format to online." in page.text


def test_cancelling_states_its_consequence_in_numbers_and_asks(desk, organisation):
    event = EventFactory(organiser=organisation, capacity_in_person=2)
    for n in range(5):
        enrolled(event, n)
    cancel = reverse("desk_event_cancel", args=[event.pk])
    page = desk.get(cancel)
    assert page.context["warnings"][1:] == [
        "2 people hold a place and get a mail.",
        "3 people wait and get a mail too.",
    ]
    event.refresh_from_db()
    assert event.status == Status.PUBLISHED
    desk.post(cancel)
    event.refresh_from_db()
    assert event.status == Status.CANCELLED
    settle()
    assert Message.objects.filter(key__endswith="event-cancelled").count() == 5


def test_a_postponed_event_is_published_again(desk, organisation):
    event = EventFactory(organiser=organisation)
    for name, status in (
        ("desk_event_postpone", Status.POSTPONED),
        ("desk_event_publish", Status.PUBLISHED),
    ):
        desk.post(reverse(name, args=[event.pk]))
        event.refresh_from_db()
        assert event.status == status


def test_only_a_draft_is_deleted(desk, organisation):
    draft, public = EventFactory(organiser=organisation, draft=True), EventFactory(organiser=organisation)  # fmt: skip
    for event in (draft, public):
        desk.post(reverse("desk_event_delete", args=[event.pk]))
    assert list(Event.objects.all()) == [public]


def test_a_new_venue_becomes_that_of_the_draft_it_was_made_for(desk, organisation):
    answer = desk.post(reverse("desk_event_new"), event_form(organisation, next="venue"))
    event = Event.objects.get()
    assert answer["Location"] == f"{reverse('desk_venue_new')}?event={event.pk}"
    form = {"name": "Casa Alta", "city": "Lisbon", "country": "PT", "timezone": "Europe/Lisbon"}
    desk.post(answer["Location"], form)
    event.refresh_from_db()
    assert (event.venue.name, event.venue.slug) == ("Casa Alta", "casa-alta-lisbon")
    again = desk.post(reverse("desk_venue_new"), form)
    assert again.status_code == 422
    assert Venue.objects.count() == 1


def test_the_programme_takes_speakers_as_lines_and_touches_the_event(desk, organisation):
    event = EventFactory(organiser=organisation)
    old = SessionFactory(event=event, title="Old item")
    SpeakerFactory(session=old)
    page = reverse("desk_programme", args=[event.pk])
    formset = desk.get(page).context["formset"]
    day = event.first_day.isoformat()
    sent = {
        **{field.html_name: field.value() for field in formset.management_form},
        "sessions-0-id": old.pk,
        "sessions-0-title": "Old item",
        "sessions-0-DELETE": "on",
        "sessions-1-title": "Opening",
        "sessions-1-starts_at": f"{day}T10:00",
        "sessions-1-ends_at": f"{day}T11:00",
        "sessions-1-people": "Ana Silva, Ministry of Justice, Portugal\n\nJo Ek",
        "sessions-2-starts_at": formset.forms[2]["starts_at"].value().strftime("%Y-%m-%dT%H:%M"),
        "sessions-2-ends_at": formset.forms[2]["ends_at"].value().strftime("%Y-%m-%dT%H:%M"),
    }
    changed_at = event.changed_at
    answer = desk.post(page, sent)
    assert answer.status_code == 302
    [session] = event.sessions.all()
    assert (session.title, session.starts_at.astimezone(event.zone).hour) == ("Opening", 10)
    assert [(one.name, one.affiliation) for one in session.speakers.all()] == [
        ("Ana Silva", "Ministry of Justice, Portugal"),
        ("Jo Ek", ""),
    ]
    event.refresh_from_db()
    assert event.changed_at > changed_at


def test_items_that_a_move_leaves_outside_the_days_of_the_event_are_told(desk, organisation):
    event = EventFactory(
        organiser=organisation, draft=True, starts_at=datetime(2030, 3, 5, 8, tzinfo=UTC)
    )
    SessionFactory(event=event, starts_at=event.starts_at)
    SessionFactory(event=event, starts_at=event.starts_at + timedelta(hours=1))
    names = ("desk_event", "desk_programme", "desk_event_publish")
    pages = [reverse(name, args=[event.pk]) for name in names]
    assert not any("outside the time" in desk.get(page).text for page in pages)
    form = event_form(organisation, starts_at="2032-03-05T09:30", ends_at="2032-03-08T17:00")

    saved = desk.post(reverse("desk_event_edit", args=[event.pk]), form, follow=True)

    sentence = "2 items of the programme lie outside the time of the event."
    assert sentence in saved.text
    assert all(sentence in desk.get(page).text for page in pages)
    event.sessions.last().delete()
    assert "1 item of the programme lies outside" in desk.get(pages[0]).text


# -- People ---------------------------------------------------------------------------------------
def test_someone_is_added_by_hand_and_the_next_waits(desk, manager, organisation):
    event = EventFactory(organiser=organisation, capacity_in_person=1)
    page = reverse("desk_participant_new", args=[event.pk])
    for n in (1, 2):
        desk.post(
            page,
            {"given_name": "Ana", "family_name": f"Silva {n}", "email": f"ana{n}@example.org"},
        )
    people = event.registrations.order_by("pk")
    assert [one.status for one in people] == ["confirmed", "waiting"]
    assert {one.changes.get().changed_by for one in people} == {manager}
    twice = desk.post(
        page, {"given_name": "Ana", "family_name": "Silva", "email": "ana1@example.org"}
    )
    assert twice.context["form"].errors["email"] == ["ana1@example.org is registered already."]


def test_nobody_is_added_to_a_draft(desk, organisation):
    event = EventFactory(organiser=organisation, draft=True)
    form = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.org"}
    page = desk.post(reverse("desk_participant_new", args=[event.pk]), form)
    assert "Publish the event before you add people." in page.text
    assert not Registration.objects.exists()


def test_a_cancelled_registration_passes_the_seat_on(desk, manager, organisation):
    event = EventFactory(organiser=organisation, capacity_in_person=1)
    first, second = enrolled(event, 1), enrolled(event, 2)
    cancel = reverse("desk_act", args=[event.pk])
    asked = desk.get(cancel, {"action": "cancel", "person": first.pk}).text
    assert "1 place comes free." in asked
    desk.post(cancel, {"action": "cancel", "people": first.pk, "why": "asked by telephone"})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("cancelled", "offered")
    change = first.changes.last()
    assert (change.changed_by, change.reason) == (manager, "asked by telephone")
    details = desk.get(reverse("desk_participant", args=[event.pk, first.pk])).text
    assert "asked by telephone" in details


def test_administrators_keep_members_and_their_mail_domains(organisation):
    client = signed_in(UserFactory(is_superuser=True))
    form = {
        "name": organisation.name,
        "slug": organisation.slug,
        "is_member": "on",
        "retention_months": "12",
    }
    client.post(reverse("network_organisations:edit", args=[organisation.pk]), form)
    organisation.refresh_from_db()
    assert (organisation.is_member, organisation.retention_months) == (True, 12)

    add = reverse("network_mail-domains:add")
    client.post(add, {"domain": "Justice.example", "organisation": organisation.pk})
    assert not organisation.mail_domains.exists()
    client.post(add, {"domain": "justice.example", "organisation": organisation.pk})
    assert organisation.mail_domains.get().domain == "justice.example"
    assert "justice.example" in client.get(reverse("network_mail-domains:index")).text


def test_participants_are_found_by_any_word_and_by_state(desk, organisation):
    event = EventFactory(organiser=organisation)
    scotland = JurisdictionFactory(name="Scotland")
    enrolled(event, 1, jurisdiction=scotland)
    registered(event, 2)
    page = reverse("desk_participants", args=[event.pk])

    def found(query):
        return [one.email for one in desk.get(page + query).context["page"]]

    assert found("?q=ana+scotland") == ["person1@example.org"]
    assert found("?state=unverified") == ["person2@example.org"]
    assert found("?q=nobody") == []


@pytest.mark.parametrize("name", ["desk_participants", "desk_attendance", "desk_mail"])
def test_lists_of_an_event_take_as_many_queries_for_three_as_for_one(desk, organisation, name):
    event = EventFactory(organiser=organisation)
    page = reverse(name, args=[event.pk])

    def queries():
        with CaptureQueriesContext(connection) as counted:
            assert desk.get(page).status_code == 200
        return len(counted)

    enrolled(event, 1, jurisdiction=JurisdictionFactory())
    one = queries()
    for n in (2, 3):
        enrolled(event, n, jurisdiction=JurisdictionFactory())
    assert queries() == one


# -- Attendance and figures -----------------------------------------------------------------------
@pytest.fixture
def yesterday(organisation):
    """An event of yesterday and today with three confirmed people of two jurisdictions."""
    now = timezone.now()
    event = EventFactory(
        organiser=organisation, starts_at=now - timedelta(days=1), ends_at=now + timedelta(hours=1)
    )
    first, second = JurisdictionFactory(name="Malta"), JurisdictionFactory(name="Scotland")
    event.people = [
        enrolled(event, n, jurisdiction=place) for n, place in enumerate((first, first, second))
    ]
    return event


def test_door_staff_tick_who_is_there(organisation, yesterday):
    door = member(organisation, Role.DOOR)
    day = yesterday.first_day
    page = reverse("desk_attendance", args=[yesterday.pk]) + f"?day={day}"
    ids = [one.pk for one in yesterday.people]
    door.post(page, {"shown": ids, "present": ids[:2]})
    shown = door.get(page)
    assert (shown.context["present"], shown.context["total"]) == (2, 3)
    door.post(page, {"shown": ids, "before": ids[:2], "present": ids[1:]})
    present = yesterday.registrations.filter(attendances__day=day)
    assert set(present.values_list("pk", flat=True)) == set(ids[1:])
    assert door.get(reverse("desk_attendance", args=[yesterday.pk]) + "?day=2001-01-01").status_code == 404  # fmt: skip


def test_a_page_that_is_behind_does_not_undo_what_a_colleague_ticked(organisation, yesterday):
    door = member(organisation, Role.DOOR)
    day = yesterday.first_day
    page = reverse("desk_attendance", args=[yesterday.pk]) + f"?day={day}"
    ana, ben, _eva = yesterday.people
    attendance.check_in(ana, day=day, by=None)  # after the page was loaded
    ids = [one.pk for one in yesterday.people]
    door.post(page, {"shown": ids, "present": [ben.pk]})
    present = yesterday.registrations.filter(attendances__day=day)
    assert set(present) == {ana, ben}


def test_figures_are_signed_off_and_say_when_the_count_has_moved(desk, manager, yesterday):
    ana, ben, eva = yesterday.people
    for one in (ana, ben):
        attendance.check_in(one, day=yesterday.first_day, by=None)
    page = reverse("desk_figures", args=[yesterday.pk])
    assert "2 participants from 1 European country or jurisdiction attended" in desk.get(page).text

    sign_off = reverse("desk_sign_off", args=[yesterday.pk])
    assert "Counted now: 2 participants" in desk.get(sign_off).text
    assert not Figures.objects.exists()
    desk.post(sign_off)
    signed = Figures.objects.get()
    assert (signed.participants, signed.jurisdictions, signed.signed_off_by) == (2, 1, manager)
    assert desk.get(page).context["has_moved"] is False

    attendance.check_in(eva, day=yesterday.first_day, by=None)
    assert desk.get(page).context["has_moved"] is True


def test_figures_are_not_signed_off_before_the_event(desk, organisation):
    event = EventFactory(organiser=organisation)
    page = desk.post(reverse("desk_sign_off", args=[event.pk]))
    assert page.status_code == 409
    assert not Figures.objects.exists()


# -- Articles -------------------------------------------------------------------------------------
def test_an_editor_writes_the_recap_edits_and_publishes_it(organisation, yesterday, client):
    attendance.check_in(yesterday.people[0], day=yesterday.first_day, by=None)
    figures.sign_off(yesterday, by=None)
    editor = member(organisation, Role.EDITOR)
    write = reverse("desk_recap", args=[yesterday.pk])
    answer = editor.post(write)
    article = Article.objects.get()
    edit = reverse(ARTICLES + "edit", args=[article.pk])
    assert answer["Location"] == edit
    assert "1 participant from 1 European country or jurisdiction" in article.body
    assert (article.kind, article.live) == (ArticleKind.RECAP, False)
    assert editor.post(write)["Location"] == edit
    assert Article.objects.count() == 1

    form = article_form(article, title="What we learned", body=rich_text("<p>A lot.</p>"))
    editor.post(edit, form)
    assert client.get(article.get_absolute_url()).status_code == 404
    editor.post(reverse(ARTICLES + "preview_on_edit", args=[article.pk]), form)
    preview = editor.get(reverse(ARTICLES + "preview_on_edit", args=[article.pk]))
    assert "What we learned" in preview.text
    assert "frame-ancestors 'self'" in preview["Content-Security-Policy"]

    published = editor.post(edit, form | {"action-publish": "action-publish"})
    assert published.status_code == 302
    page = client.get(article.get_absolute_url())
    assert page.status_code == 200
    assert "A lot." in page.text

    editor.post(reverse(ARTICLES + "unpublish", args=[article.pk]))
    assert client.get(article.get_absolute_url()).status_code == 404


def test_the_form_of_an_article_offers_ones_own_organisations_and_events(organisation):
    mine, _theirs = EventFactory(organiser=organisation), EventFactory()
    editor = member(organisation, Role.EDITOR)
    form = editor.get(reverse(ARTICLES + "add")).context["form"]
    assert list(form.fields["organisation"].queryset) == [organisation]
    assert list(form.fields["event"].queryset) == [mine]
    assert form["organisation"].value() == organisation.pk
    assert form["published_on"].value() == timezone.localdate()


def test_an_article_stays_with_the_event_it_was_given_to(organisation):
    """Another organisation may lead that event by now."""
    elsewhere = EventFactory()
    article = ArticleFactory(organisation=organisation, event=elsewhere)
    editor = member(organisation, Role.EDITOR)
    edit = reverse(ARTICLES + "edit", args=[article.pk])
    form = article_form(article, title="New title") | {"action-publish": "action-publish"}
    assert editor.post(edit, form).status_code == 302
    article.refresh_from_db()
    assert (article.title, article.event) == ("New title", elsewhere)


def test_an_organiser_who_does_not_edit_writes_no_recap(organisation, yesterday):
    organiser = member(organisation, Role.ORGANISER)
    assert organiser.post(reverse("desk_recap", args=[yesterday.pk])).status_code == 404
    assert "Write recap" not in organiser.get(reverse("desk_figures", args=[yesterday.pk])).text


# -- Mail -----------------------------------------------------------------------------------------
def test_a_failed_message_is_sent_again_and_a_waiting_one_stopped(desk, organisation):
    event = EventFactory(organiser=organisation)
    enrolled(event)
    message = Message.objects.get()
    Message.objects.update(state=State.FAILED, attempts=12, last_error="mailbox is full")
    where = [event.pk, message.pk]
    assert "the mailbox is full" in desk.get(reverse("desk_mail", args=[event.pk])).text
    desk.post(reverse("desk_message_retry", args=where))
    message.refresh_from_db()
    assert (message.state, message.attempts, message.last_error) == (State.WAITING, 0, "")
    assert message.send_after <= timezone.now()
    desk.post(reverse("desk_message_stop", args=where))
    message.refresh_from_db()
    assert message.state == State.STOPPED


def test_a_message_about_a_registration_that_is_over_is_not_sent_again(desk, organisation):
    event = EventFactory(organiser=organisation)
    registration = enrolled(event)
    seats.cancel(registration)
    stopped = Message.objects.get(key=f"registration/{registration.pk}/confirmed")
    answer = desk.post(reverse("desk_message_retry", args=[event.pk, stopped.pk]))
    stopped.refresh_from_db()
    assert stopped.state == State.STOPPED
    assert said(answer) == ["It was not sent: this person no longer takes part in the event."]


def test_a_message_is_shown_without_the_personal_link_and_in_a_sandbox(desk, organisation):
    event = EventFactory(organiser=organisation)
    registered(event, given_name="<b>Ana</b>")
    message = Message.objects.get()
    link = re.search(r"/r/[^/\s]+/", message.text)[0]
    page = desk.get(reverse("desk_message", args=[event.pk, message.pk])).text
    assert link not in page
    assert "<b>Ana</b>" not in page
    assert 'sandbox="allow-popups' in page
    administrator = signed_in(UserFactory(is_superuser=True))
    assert link in administrator.get(reverse("desk_outbox_message", args=[message.pk])).text


# -- Home and lists -------------------------------------------------------------------------------
def test_home_shows_next_events_mail_in_trouble_and_things_to_do(desk, organisation, yesterday):
    EventFactory(title="A draft", organiser=organisation, draft=True)
    over = EventFactory(
        title="Just over",
        organiser=organisation,
        starts_at=timezone.now() - timedelta(days=3),
        ends_at=timezone.now() - timedelta(days=2),
    )
    enrolled(over, 9)
    Message.objects.filter(topic=f"event/{yesterday.pk}").update(state=State.FAILED)
    page = desk.get("/desk/").text
    assert yesterday.title in page
    assert "3 failed" in page
    assert "Finish and publish the draft “A draft”" in page
    assert "Sign off the figures of “Just over”" in page


@pytest.mark.parametrize("role", [Role.DOOR, Role.EDITOR])
def test_home_is_kind_to_those_with_nothing_to_see(organisation, role):
    page = member(organisation, role).get("/desk/").text
    assert "What you can work on will be listed here." in page
    assert "New event" not in page


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        (Role.MANAGER, {"events", "articles"}),
        (Role.ORGANISER, {"events"}),
        (Role.EDITOR, {"articles"}),
        (Role.DOOR, set()),
    ],
)
def test_the_menu_leads_only_where_one_may_go(organisation, role, shown):
    page = member(organisation, role).get("/desk/").text
    menu = page[page.index("wagtail-sidebar-props") :]
    known = (
        "events|articles|explorer|images|documents|network|reports|settings|help|snippets|search"
    )
    names = set(re.findall(f'"({known})"', menu))
    assert names == shown


def test_the_list_shows_ones_own_by_view_and_title(desk, organisation):
    EventFactory(title="Mine ahead", organiser=organisation)
    EventFactory(title="Mine drafted", organiser=organisation, draft=True)
    EventFactory(title="Not mine")

    def listed(query=""):
        return [str(row["event"]) for row in desk.get(f"/desk/events/{query}").context["rows"]]

    assert listed() == ["Mine ahead"]
    assert listed("?show=drafts") == ["Mine drafted"]
    assert listed("?show=past") == []
    assert listed("?q=ahead") == ["Mine ahead"]
    assert listed("?q=nothing") == []


@pytest.mark.parametrize("path", ["/desk/", "/desk/events/", "/desk/articles/"])
def test_lists_take_as_many_queries_for_three_as_for_one(desk, organisation, path):
    def add():
        event = EventFactory(organiser=organisation)
        enrolled(event)
        ArticleFactory(organisation=organisation, event=event)

    def queries():
        with CaptureQueriesContext(connection) as counted:
            assert desk.get(path).status_code == 200
        return len(counted)

    add()
    queries()
    one = queries()
    add()
    add()
    assert queries() == one


def test_drafts_of_another_organisation_that_leads_too_stay_hidden(desk, organisation):
    event = EventFactory(organiser=organisation)
    other = OrganisationFactory()
    event.organisation_links.create(organisation=other, role="co-organiser", position=1)
    ArticleFactory(title="Their draft", organisation=other, event=event, live=False)
    ArticleFactory(title="Their news", organisation=other, event=event)
    page = desk.get(reverse("desk_event", args=[event.pk])).text
    assert "Their news" in page
    assert "Their draft" not in page


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("published", "Published: Open"),
        ("postponed", "Postponed"),
        ("cancelled", "Cancelled"),
    ],
)
def test_the_overview_says_once_where_an_event_stands(desk, organisation, status, words):
    event = EventFactory(organiser=organisation, status=status)
    page = desk.get(reverse("desk_event", args=[event.pk])).text
    assert re.findall(r"<dt>State</dt><dd>(.*?)</dd>", page) == [words]


# -- Administrators -------------------------------------------------------------------------------
def test_an_administrator_adds_a_user_and_gives_a_role(organisation):
    administrator = signed_in(UserFactory(is_superuser=True))
    form = {
        "email": "new@example.org",
        "first_name": "Noa",
        "last_name": "Weiss",
        "password1": "a very long password",
        "password2": "a very long password",
    }
    assert administrator.post(reverse("wagtailusers_users:add"), form).status_code == 302
    user = User.objects.get(email="new@example.org")
    administrator.post(
        reverse("network_memberships:add"),
        {"user": user.pk, "organisation": organisation.pk, "role": "organiser"},
    )
    assert user.memberships.get().role == Role.ORGANISER
    again = administrator.post(
        reverse("wagtailusers_users:add"), form | {"email": "NEW@example.org"}
    )
    assert "Somebody signs in with this address already." in again.text
    edited = administrator.post(
        reverse("wagtailusers_users:edit", args=[user.pk]),
        {"email": "new@example.org", "first_name": "Noah", "last_name": "Weiss"},
    )
    user.refresh_from_db()
    assert (edited.status_code, user.first_name, user.is_active) == (302, "Noah", False)


def test_pages_of_the_desk_have_a_policy_without_inline_scripts(desk, organisation):
    event = EventFactory(organiser=organisation)
    article = ArticleFactory(organisation=organisation)
    for path in (
        "/desk/",
        reverse("desk_event_edit", args=[event.pk]),
        reverse(ARTICLES + "edit", args=[article.pk]),
        reverse(ARTICLES + "history", args=[article.pk]),
    ):
        page = desk.get(path)
        assert "script-src 'self';" in page["Content-Security-Policy"] + ";"
        scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", page.text)
        assert (path, scripts) == (path, [])


def article_form(article, **changes):
    """What the edit page of an article sends."""
    return {
        "title": article.title,
        "slug": article.slug,
        "kind": article.kind,
        "lead": article.lead,
        "body": rich_text(article.body),
        "authors": article.authors,
        "published_on": article.published_on or "",
        "organisation": article.organisation_id,
        "event": article.event_id or "",
        **changes,
    }
