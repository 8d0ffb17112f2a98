"""The desk's import of calendar files: what is shown is what is made, once, for one's own organisations."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from events import lifecycle
from events.importing import drafts
from events.models import Event, Format, ImportedEntry, Kind, PendingCalendar, Status
from registrations import erasure
from tests.events.ics import calendar, entry
from tests.factories import (
    EventFactory,
    MembershipFactory,
    OrganisationFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db

IMPORT = "/desk/events/import/"
CHECK_PAGE = 21  # queries
SOON = f"{timezone.now() + timedelta(days=60):%Y%m%d}"
TIMES = {"dtstart": f";TZID=Europe/Madrid:{SOON}T090000", "dtend": f";TZID=Europe/Madrid:{SOON}T170000"}  # fmt: skip


@pytest.fixture
def organisation():
    return OrganisationFactory()


@pytest.fixture
def manager(organisation):
    return MembershipFactory(organisation=organisation, role=Role.ORGANISER).user


@pytest.fixture
def desk(manager):
    client = Client()
    client.force_login(manager)
    return client


def upload(desk, data, organisation, **more):
    return desk.post(
        IMPORT,
        {
            "file": SimpleUploadedFile("work.ics", data),
            "organisation": organisation.pk,
            "kind": Kind.WORKSHOP,
            "format": Format.IN_PERSON,
            "months": 12,
            **more,
        },
    )


def checked(desk, data, organisation, **more):
    """The address of the page that shows what would come of a file."""
    answer = upload(desk, data, organisation, **more)
    assert answer.status_code == 302, answer.context["form"].errors
    return answer["Location"]


def take(desk, check, *keys):
    page = desk.get(check)
    ticked = keys or [one.key for one in page.context["outcomes"] if one.result == "new"]
    return desk.post(check, {"take": ticked})


def results(page):
    return [(one.facts.title, one.result) for one in page.context["outcomes"]]


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_file_is_shown_first_and_made_into_drafts_on_the_button(desk, manager, organisation):
    venue = VenueFactory()
    topic = TopicFactory(name="Mental Health")
    data = calendar(
        entry(
            **TIMES,
            description=":One\\nTwo",
            location=":palau de congressos\\, Barcelona",
            categories=":mental health,Other",
            contact=":ana@cep.example",
            geo=":41.4;2.1",
        )
    )

    check = checked(desk, data, organisation)
    page = desk.get(check)
    assert results(page) == [("Round table", "new")]
    assert not Event.objects.exists()
    answer = take(desk, check)

    event = Event.objects.get()
    assert answer["Location"] == reverse("desk_event", args=[event.pk])
    assert said(answer) == ["1 draft is made. Only your organisation sees it."]
    assert (event.status, event.title, event.slug) == (Status.DRAFT, "Round table", "round-table")
    assert (event.kind, event.format, event.venue) == (Kind.WORKSHOP, Format.IN_PERSON, venue)
    assert f"{event.local_start:%Y%m%dT%H%M}" == f"{SOON}T0900"
    assert event.timezone == "Europe/Madrid"
    assert event.description == "<p>One<br/>Two</p>"
    assert event.contact_email == "ana@cep.example"
    assert list(event.topics.all()) == [topic]
    assert event.organisers == [organisation]
    kept = event.imported
    assert (kept.uid, kept.recurrence_id, kept.file_name) == ("one@example.net", "", "work.ics")
    assert (kept.imported_by, kept.organisation) == (manager, organisation)
    assert "GEO:41.4;2.1" in kept.text
    assert kept.leftovers == [["CATEGORIES", "Other"], ["GEO", "41.4;2.1"]]
    assert not PendingCalendar.objects.exists()


def test_what_was_imported_is_not_imported_again(desk, organisation):
    data = calendar(entry(**TIMES))
    take(desk, checked(desk, data, organisation))
    event = Event.objects.get()

    check = checked(desk, data, organisation)
    page = desk.get(check)
    assert results(page) == [("Round table", "known")]
    assert reverse("desk_event", args=[event.pk]) in page.text
    assert "Make drafts" not in page.text
    answer = desk.post(check, {"take": ["0"]})

    assert said(answer)[-1] == "No draft was made: these events are on the site already."
    assert Event.objects.count() == 1


def test_a_newer_version_of_what_was_imported_is_said(desk, organisation):
    take(desk, checked(desk, calendar(entry(**TIMES, sequence=":1")), organisation))
    page = desk.get(checked(desk, calendar(entry(**TIMES, sequence=":2")), organisation))
    assert page.context["outcomes"][0].why == ["The file has a newer version: compare."]


def test_a_draft_that_was_deleted_can_be_imported_again(desk, organisation):
    data = calendar(entry(**TIMES))
    take(desk, checked(desk, data, organisation))
    Event.objects.get().delete()
    take(desk, checked(desk, data, organisation))
    assert Event.objects.count() == 1


def test_what_another_organisation_imported_is_new_to_us(desk, organisation):
    data = calendar(entry(**TIMES))
    other = MembershipFactory()
    client = Client()
    client.force_login(other.user)
    take(client, checked(client, data, other.organisation))
    page = desk.get(checked(desk, data, organisation))
    assert results(page) == [("Round table", "new")]


def test_what_was_handed_to_another_organisation_is_known_and_stops_no_other(desk, organisation):
    data = calendar(entry(**TIMES))
    take(desk, checked(desk, data, organisation))
    event = Event.objects.get()
    lifecycle.apply_changes(event, by=None, organisations=[(OrganisationFactory(), "organiser")])
    check = checked(desk, calendar(entry(**TIMES), entry(**TIMES, uid=":two")), organisation)
    page = desk.get(check)
    assert sorted(result for _title, result in results(page)) == ["known", "new"]
    assert "Its event is with another organisation now." in page.text
    assert reverse("desk_event", args=[event.pk]) not in page.text
    desk.post(check, {"take": ["0", "1"]})
    assert Event.objects.count() == 2


def test_what_we_imported_for_another_organisation_of_ours_is_known(desk, manager, organisation):
    data = calendar(entry(**TIMES))
    take(desk, checked(desk, data, organisation))
    second = MembershipFactory(user=manager, role=Role.ORGANISER).organisation
    page = desk.get(checked(desk, data, second))
    assert results(page) == [("Round table", "known")]
    assert reverse("desk_event", args=[Event.objects.get().pk]) in page.text


def test_each_time_of_a_series_is_a_draft_and_is_known_afterwards(desk, organisation):
    data = calendar(entry(**TIMES, rrule=":FREQ=WEEKLY;COUNT=3"))
    answer = take(desk, checked(desk, data, organisation))
    assert answer["Location"] == reverse("desk_events") + "?show=drafts"
    assert said(answer) == [
        "3 drafts are made. Only your organisation sees them.",
        "3 of them need a venue before they can be published.",
    ]
    assert len(set(Event.objects.values_list("slug", flat=True))) == 3
    page = desk.get(checked(desk, data, organisation))
    assert [result for _title, result in results(page)] == ["known"] * 3


def test_only_what_is_ticked_is_made_and_one_must_be(desk, organisation):
    data = calendar(entry(**TIMES, summary=":A"), entry(**TIMES, uid=":two", summary=":B"))
    check = checked(desk, data, organisation)
    nothing = desk.post(check)
    assert nothing.status_code == 422
    assert "Tick at least one event." in nothing.text
    take(desk, check, "1")
    assert [event.title for event in Event.objects.all()] == ["B"]


def test_what_is_cancelled_is_shown_and_not_ticked(desk, organisation):
    data = calendar(
        entry(**TIMES, status=":CANCELLED"), entry(**TIMES | {"uid": ":bad", "dtend": ":x"})
    )
    check = checked(desk, data, organisation)
    page = desk.get(check)
    assert [result for _title, result in results(page)] == ["cancelled", "bad"]
    assert " checked" not in page.text
    assert "DTEND cannot be read: “x”." in page.text
    take(desk, check, "0", "1")
    assert Event.objects.count() == 1


def test_what_the_database_refuses_of_one_entry_is_said_and_the_others_are_made(
    desk, organisation, caplog
):
    place = ":https://meet.example/secret"
    data = calendar(
        *[entry(**TIMES, uid=f":{n}", summary=f":Event {n}", location=place) for n in range(3)]
    )
    check = checked(desk, data, organisation)
    pending = PendingCalendar.objects.get()
    pending.content["facts"][1]["sequence"] = -1
    pending.save()

    answer = take(desk, check)

    assert [event.title for event in Event.objects.order_by("pk")] == ["Event 0", "Event 2"]
    assert ImportedEntry.objects.count() == 2
    assert "An event of a calendar file was refused: " in caplog.text
    assert "meet.example" not in caplog.text
    day = f"{datetime.strptime(SOON, '%Y%m%d'):%-d %B %Y}"
    assert said(answer)[:2] == [
        f"“Event 1” on {day} could not be made. Enter it by hand.",
        "2 drafts are made. Only your organisation sees them.",
    ]


def test_of_many_events_that_are_refused_ten_are_named(desk, organisation):
    data = calendar(*[entry(**TIMES, uid=f":{n}") for n in range(12)])
    check = checked(desk, data, organisation)
    pending = PendingCalendar.objects.get()
    for facts in pending.content["facts"]:
        facts["sequence"] = -1
    pending.save()
    answer = take(desk, check)
    assert not Event.objects.exists()
    assert len(said(answer)) == 11
    assert said(answer)[-1] == "2 more events could not be made."


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Berlin", "20270328"), ("America/New_York", "20270314")]
)
def test_what_begins_in_the_spring_gap_becomes_a_draft_with_a_length(desk, organisation, zone, day):
    times = {
        name: f";TZID={zone}:{day}T{hour}3000"
        for name, hour in (("dtstart", "02"), ("dtend", "03"))
    }
    data = calendar(entry(**times, summary=":Gap"), entry(**TIMES, uid=":sound"))
    check = checked(desk, data, organisation, with_past="on")
    take(desk, check)
    assert Event.objects.count() == 2
    event = Event.objects.get(title="Gap")
    assert f"{event.local_start:%H:%M}–{event.local_end:%H:%M}" == "03:30–04:30"


def test_a_day_that_the_clock_of_the_venue_left_out_is_bad(desk, organisation):
    """Samoa went from 29 to 31 December 2011."""
    VenueFactory(name="Fale", city="Apia", timezone="Pacific/Apia")
    days = entry(dtstart=";VALUE=DATE:20111230", dtend="", location=":Fale\\, Apia")
    check = checked(desk, calendar(days, entry(**TIMES, uid=":two")), organisation, with_past="on")
    page = desk.get(check)
    assert sorted(result for _title, result in results(page)) == ["bad", "new"]
    assert "By the clock of Pacific/Apia it has no length. Check it." in page.text
    take(desk, check, "0", "1")
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("Palau de Congressos", True),
        ("Palau de Congressos\\, Carrer de la Pau 7\\, Barcelona\\, Spain", True),
        ("Carrer de la Pau 7\\, 08001 Barcelona", True),
        ("PALAU DE CONGRÉSSOS\\, barcelona", True),
        ("Palau de Congressos\\, Madrid", False),
        ("Barcelona", False),
        ("Room 5", False),
    ],
)
def test_a_place_is_found_among_the_venues_or_said(desk, organisation, location, found):
    venue = VenueFactory()
    check = checked(desk, calendar(entry(**TIMES, location=f":{location}")), organisation)
    page = desk.get(check)
    take(desk, check)
    event = Event.objects.get()
    assert event.venue == (venue if found else None)
    assert ("No venue on the list is" in page.text) is not found
    assert ("Place: " in event.description) is not found


def test_two_venues_of_one_name_are_told_apart_by_their_city(desk, organisation):
    VenueFactory(name="Town Hall", city="Leeds")
    york = VenueFactory(name="Town Hall", city="York")
    both = calendar(
        entry(**TIMES, location=":Town Hall"),
        entry(**TIMES, uid=":2", location=":Town Hall\\, York"),
    )
    take(desk, checked(desk, both, organisation))
    assert {event.venue for event in Event.objects.all()} == {None, york}


def test_a_link_as_place_makes_an_online_event(desk, organisation):
    take(
        desk,
        checked(desk, calendar(entry(**TIMES, location=":https://meet.example/abc")), organisation),
    )
    event = Event.objects.get()
    assert (event.format, event.join_url) == (Format.ONLINE, "https://meet.example/abc")
    assert event.description == ""


def test_times_in_utc_are_shown_by_the_clock_of_the_venue(desk, organisation):
    VenueFactory(name="Hall", city="Helsinki", timezone="Europe/Helsinki")
    place = {"location": ":Hall\\, Helsinki"}
    utc = entry(dtstart=f":{SOON}T080000Z", dtend=f":{SOON}T090000Z", **place)
    whole = entry(uid=":w", dtstart=f";VALUE=DATE:{SOON}", dtend="", **place)
    take(desk, checked(desk, calendar(utc, whole), organisation))
    timed, days = Event.objects.order_by("is_whole_day")
    assert timed.timezone == days.timezone == "Europe/Helsinki"
    assert timed.starts_at == datetime.strptime(SOON + "08", "%Y%m%d%H").replace(tzinfo=UTC)
    assert f"{days.local_start:%Y%m%d %H:%M}" == f"{SOON} 00:00"
    assert days.first_day == days.last_day


def test_the_page_of_the_event_says_where_it_came_from(desk, organisation):
    lines = entry(**TIMES, x_mood=":<b>good</b>", attendee=":mailto:bo@berg.example")
    take(desk, checked(desk, calendar(lines), organisation))
    page = desk.get(reverse("desk_event", args=[Event.objects.get().pk])).text
    assert "Imported from “work.ics”" in page
    assert "X-MOOD: &lt;b&gt;good&lt;/b&gt;" in page
    assert "attendees: 1; people register themselves" in page
    assert "berg.example" not in page
    ours = EventFactory(organiser=organisation)
    assert "Imported from" not in desk.get(reverse("desk_event", args=[ours.pk])).text


def test_what_a_file_says_is_text_on_the_page(desk, organisation):
    odd = "<script>alert(1)</script>"
    lines = entry(
        **TIMES,
        location=f":{odd}",
        categories=f":{odd}",
        x_odd=f":{odd}",
        description=f":{odd} <p>x</p>",
    )
    page = desk.get(checked(desk, calendar(lines.replace("Round table", odd)), organisation))
    assert odd not in page.text
    take(desk, page.request["PATH_INFO"])
    assert "<script" not in Event.objects.get().description


@pytest.mark.parametrize("data", [b"", b"no calendar", calendar()])
def test_a_file_that_is_no_use_is_refused_at_its_field(desk, organisation, data):
    page = upload(desk, data, organisation)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["file"]
    assert not PendingCalendar.objects.exists()


def test_files_are_taken_for_ones_own_organisations_only(desk):
    page = upload(desk, calendar(entry(**TIMES)), OrganisationFactory())
    assert list(page.context["form"].errors) == ["organisation"]


def test_nobody_sees_the_file_of_another(desk, organisation):
    check = checked(desk, calendar(entry(**TIMES, summary=":Secret")), organisation)
    colleague = Client()
    colleague.force_login(MembershipFactory(organisation=organisation).user)
    administrator = Client()
    administrator.force_login(UserFactory(is_superuser=True))
    for client in (colleague, administrator):
        for answer in (client.get(check), client.post(check, {"take": ["0"]})):
            assert answer["Location"] == IMPORT
    assert not Event.objects.exists()
    assert "Secret" in desk.get(check).text


def test_who_has_left_the_organisation_imports_nothing_into_it(desk, manager, organisation):
    check = checked(desk, calendar(entry(**TIMES)), organisation)
    manager.memberships.all().delete()
    MembershipFactory(user=manager)
    assert desk.post(check, {"take": ["0"]})["Location"] == IMPORT
    assert not Event.objects.exists()


@pytest.mark.parametrize("role", [Role.EDITOR, Role.DOOR])
def test_who_makes_no_events_imports_none(role):
    client = Client()
    client.force_login(MembershipFactory(role=role).user)
    assert client.get(IMPORT).status_code == 404
    assert client.get(IMPORT + "1/").status_code == 404


def test_files_of_the_day_before_are_forgotten(desk, manager, organisation):
    old = checked(desk, calendar(entry(**TIMES)), organisation)
    PendingCalendar.objects.update(uploaded_at=timezone.now() - drafts.KEPT * 1.1)
    assert desk.get(old).status_code == 302
    checked(desk, calendar(entry(**TIMES)), organisation)
    assert PendingCalendar.objects.count() == 1
    PendingCalendar.objects.update(uploaded_at=timezone.now() - drafts.KEPT * 1.1)
    erasure.forget_leftovers(timezone.now())
    assert not PendingCalendar.objects.exists()


def test_a_copy_of_an_imported_event_was_not_imported(desk, organisation):
    take(desk, checked(desk, calendar(entry(**TIMES)), organisation))
    event = Event.objects.get()
    desk.post(reverse("desk_event_copy", args=[event.pk]), {"starts_at": "2030-01-01T09:00"})
    assert Event.objects.count() == 2
    assert ImportedEntry.objects.get().event == event


def test_the_list_of_events_leads_to_the_import(desk):
    assert f'href="{IMPORT}"' in desk.get(reverse("desk_events")).text


@pytest.mark.parametrize("number", [1, 40])
def test_the_check_page_asks_the_database_as_often_for_one_as_for_many(
    desk, organisation, number, django_assert_num_queries
):
    events = [entry(**TIMES, uid=f":{uuid4()}", location=":Hall") for _n in range(number)]
    check = checked(desk, calendar(*events), organisation)
    with django_assert_num_queries(CHECK_PAGE):
        desk.get(check)


@pytest.mark.django_db(transaction=True)
def test_two_colleagues_who_import_the_same_file_at_once_make_one_draft(organisation):
    people = [MembershipFactory(organisation=organisation).user for _n in range(2)]
    data = calendar(entry(**TIMES))
    kept = [
        drafts.keep(
            data, file_name="a.ics", organisation=organisation, kind=Kind.WORKSHOP, format=Format.IN_PERSON,
            months=12, with_past=False, by=person,
        )
        for person in people
    ]  # fmt: skip
    made = at_once([partial(drafts.make, one, ["0"], by=one.uploaded_by) for one in kept])
    assert sorted(len(one.drafts) for one in made) == [0, 1]
    assert not any(one.refused for one in made)
    assert Event.objects.count() == 1
