"""The link to join stays with people who have a place: imports take it out of texts, the desk refuses it."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from events import calendar as our_calendar
from events import joinlinks, lifecycle
from events.models import Event, Format
from tests.events.ics import calendar, entry
from tests.events.test_desk_ics_import import TIMES, checked, take
from tests.events.test_ics_import import only, read, warned
from tests.factories import EventFactory, MembershipFactory, SessionFactory

LINK = "https://us02web.zoom.us/j/84123?pwd=SeCrEt&x=1"
SAID = "The link to join stands where only people with a place see it; it was taken out of the description."
ZOOM = (
    f"Ana invites you.\\n\\nJoin Zoom Meeting\\n{LINK}\\n\\nMeeting ID: 841 23\\nPasscode: SeCrEt\\n\\n"
    "One tap mobile\\n+13017158592\\,\\,84123#\\,\\,\\,\\,*991122# US\\n\\nBring a pen."
)
TEAMS = (
    "Welcome.\\n\\nJoin the meeting now<https://teams.microsoft.com/l/meetup-join/19%3ameeting_SeCrEt/0>\\n"
    "Meeting ID: 841 23\\nPasscode: SeCrEt\\n\\nBring a pen."
)
SECRETS = ("SeCrEt", "841 23", "991122", "84123")


@pytest.mark.parametrize(
    "said",
    [
        {"location": f":{LINK}", "description": f":{ZOOM}", "url": f":{LINK}"},
        {"location": ":Town hall", "conference": f";VALUE=URI:{LINK}", "description": f":{ZOOM}"},
        {"location": ":Microsoft Teams Meeting", "description": f":{TEAMS}"},
        {"location": f":Room 5 or {LINK}", "description": ":Bring a pen."},
        {"summary": f":Round table {LINK}", "location": f":{LINK}", "description": ":Bring a pen."},
    ],
    ids=["Zoom", "CONFERENCE", "Teams", "place", "title"],
)
def test_the_link_of_an_invitation_is_kept_and_taken_out_of_what_all_read(said):
    found = read(calendar(entry(**said)))
    [facts] = found.facts
    public = " ".join([facts.title, facts.location, facts.url, facts.description, found.bodies[1]])
    assert "SeCrEt" in facts.join_url
    assert not [secret for secret in SECRETS if secret in public]
    assert "Round table" in facts.title
    assert "Bring a pen." in facts.description
    assert "Bring a pen." in found.bodies[1]
    assert SAID in warned(facts)
    assert "SeCrEt" in found.texts[1]


@pytest.mark.parametrize(
    "html",
    [
        f'<p><a href="{LINK}">Join</a></p>',
        f"<p><a href='{LINK.replace('&', '&amp;')}'>{LINK}</a></p>",
        f"<p><a href={LINK}>Join</a></p>",
        "<p>https&#58;//us02web&#46;zoom.us&#x2F;j/84123?pwd=SeCrEt</p>",
        "<p>http://us02web.zoom.us/j/84123/?x=1&amp;pwd=SeCrEt#success</p>",
        "<p>us02web.zoom.us/j/84123?pwd=SeCrEt</p>",
        "<p>https://us02web.<b>zoom.us</b>/j/84123?pwd=SeCrEt</p>",
        '<a href="https://a.example/?url=https%3A%2F%2Fus02web.zoom.us%2Fj%2F84123%3Fpwd%3DSeCrEt&amp;d=1">Join</a>',
        "<p><b>Passcode:</b>&nbsp;<span>SeCrEt</span></p><p><span>Meeting ID: </span><b>841 23</b></p>",
    ],
)
def test_a_link_is_taken_out_however_it_is_written(html):
    text = (html + "<p>Bring a pen.</p>").replace(";", "\\;").replace(",", "\\,")
    found = read(calendar(entry(location=f":{LINK}", description=f":{text}")))
    [facts] = found.facts
    for public in (facts.description, found.bodies[1]):
        assert not [secret for secret in SECRETS if secret in public]
        assert "Bring a pen." in public
    assert SAID in warned(facts)


def test_what_is_no_link_to_join_stays():
    text = "See https://cep.example/round-table and zoom.us/webinar/register/abc. Password: none"
    facts = only(calendar(entry(description=f":{text}", location=":Palau")))
    assert (facts.description, facts.join_url, facts.warnings) == (text, "", [])


def test_a_link_that_does_not_fit_is_taken_out_and_said():
    long = "https://teams.microsoft.com/l/meetup-join/SeCrEt" + "x" * 700
    facts = only(calendar(entry(description=f":Join: {long}", location=":Online")))
    assert (facts.description, facts.join_url) == ("Join:", "")
    assert "does not fit its field" in warned(facts)


@pytest.mark.parametrize(
    ("text", "link", "held"),
    [
        ("Join at https://meet.example/abc.", "https://meet.example/abc", True),
        ("Join at https://meet.example/abcd", "https://meet.example/abc", False),
        ("About https://meet.example/about", "https://meet.example/", False),
        ("ana@meet.example", "https://meet.example/", False),
        ("https://a.example/webinar", "https://a.example/webinar?key=1", False),
        ("https://a.example/webinar?a=2&key=1", "https://a.example/webinar?key=1", True),
        ("https://zoom.us/j/84123", "https://zoom.us/j/84123?pwd=a", True),
    ],
)
def test_links_to_the_same_room(text, link, held):
    assert joinlinks.is_held(text, link) is held


@pytest.fixture
def organisation():
    return MembershipFactory(role=Role.ORGANISER).organisation


@pytest.fixture
def desk(organisation):
    client = Client()
    client.force_login(organisation.memberships.get().user)
    return client


@pytest.mark.django_db
def test_nothing_public_of_an_imported_event_holds_its_link(desk, organisation):
    data = calendar(entry(**TIMES, location=f":{LINK}", description=f":{ZOOM}", url=f":{LINK}"))
    check = checked(desk, data, organisation)
    assert SAID in desk.get(check).text
    take(desk, check)
    event = Event.objects.get()
    assert (event.format, event.join_url) == (Format.ONLINE, LINK)
    lifecycle.publish(event, by=None)
    [event] = Event.objects.with_entries()
    pages = [our_calendar.event_file(event).decode(), Client().get(event.get_absolute_url()).text]
    assert not [secret for secret in SECRETS for page in pages if secret in page]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["title", "summary", "description", "audience"])
def test_the_desk_refuses_the_link_where_everybody_reads(desk, organisation, name):
    event = EventFactory(organiser=organisation, online=True)
    address = reverse("desk_event_edit", args=[event.pk])
    form = desk.get(address).context["form"]
    values = {one.html_name: one.value() for one in form if one.value() not in (None, "", [])}
    values |= {
        key: f"{values[key]:%Y-%m-%dT%H:%M}"
        for key in ("starts_at", "ends_at", "opens_at", "closes_at")
        if key in values
    }
    for key in ("organisers", "hosts", "partners", "topics"):
        values[key] = [getattr(one, "pk", one) for one in values.get(key, [])]
    page = desk.post(address, values | {"join_url": LINK, name: f"Join at {LINK}"})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [name]
    assert "everybody would read it" in page.text


@pytest.mark.django_db
def test_the_desk_refuses_the_link_in_the_programme(desk, organisation):
    event = EventFactory(organiser=organisation, online=True, join_url=LINK)
    start = f"{event.local_start:%Y-%m-%dT%H:%M}"
    end = f"{event.local_end:%Y-%m-%dT%H:%M}"
    item = {"title": "Talk", "starts_at": start, "ends_at": end, "details": f"<{LINK}>"}
    page = desk.post(
        reverse("desk_programme", args=[event.pk]),
        {"sessions-TOTAL_FORMS": "1", "sessions-INITIAL_FORMS": "0"}
        | {f"sessions-0-{key}": value for key, value in item.items()},
    )
    assert page.status_code == 422
    assert [list(errors) for errors in page.context["formset"].errors] == [["details"]]
    assert not event.sessions.exists()


@pytest.mark.django_db
def test_a_link_that_the_programme_holds_is_refused_at_its_own_field(desk, organisation):
    event = EventFactory(organiser=organisation, online=True)
    SessionFactory(event=event, details=f"At {LINK}")
    page = desk.post(reverse("desk_event_edit", args=[event.pk]), {"join_url": LINK})
    assert "This link is in the programme" in str(page.context["form"].errors["join_url"])
