"""What people meet in a real browser: registering with the keyboard alone, the desk, and pages that all can use."""

import gzip
import json
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings as current
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role
from events.models import Event, EventOrganisation, OrganisationRole
from outbox.models import Message
from recaps.models import Kind
from registrations import answers, mailed_link, seats
from registrations.answers import Given
from registrations.links import token_of
from registrations.models import Figures, Registration
from tests.factories import (
    PASSWORD,
    ArticleFactory,
    EventFactory,
    JurisdictionFactory,
    MembershipFactory,
    OptionFactory,
    OrganisationFactory,
    QuestionFactory,
    SeriesFactory,
    SessionFactory,
    SpeakerFactory,
    TopicFactory,
    UserFactory,
    VenueFactory,
    terms,
    verified,
)
from tests.wcag import NONE, faults

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDTHS = (320, 1280)
POLICY_BREACHES = """
addEventListener("securitypolicyviolation", (breach) =>
  console.error(`Policy: ${breach.violatedDirective} ${breach.blockedURI}`));
"""


@pytest.fixture
def network():
    """A site with something on every page."""
    cep = OrganisationFactory(
        slug="cep", name="Confederation of European Probation", short_name="CEP"
    )
    catalonia = JurisdictionFactory(code="ES-CT", country="ES", name="Catalonia")
    JurisdictionFactory(code="NL", country="NL", name="Netherlands")
    topic = TopicFactory(name="Transition from prison")
    coming = EventFactory(
        title="Workshop on Transition from Prison to Probation",
        organiser=cep,
        series=SeriesFactory(),
        capacity_in_person=20,
        summary="Two days on the way out.",
        description="<p>What it is <b>about</b>.</p>",
    )
    coming.topics.add(topic)
    EventOrganisation.objects.create(
        event=coming, organisation=OrganisationFactory(), role=OrganisationRole.PARTNER
    )
    SpeakerFactory(session=SessionFactory(event=coming), affiliation="CEP")
    EventFactory(title="Webinar on Mediation", organiser=cep, online=True)
    past = EventFactory(
        title="Workshop of last year",
        organiser=cep,
        starts_at=timezone.now() - timedelta(days=300),
        ends_at=timezone.now() - timedelta(days=298),
    )
    shares = [
        {"code": "ES-CT", "name": "Catalonia", "people": 40, "is_european": True},
        {"code": "NL", "name": "Netherlands", "people": 31, "is_european": True},
    ]
    Figures.objects.create(event=past, participants=71, jurisdictions=2, shares=shares)
    recap = ArticleFactory(
        title="What came of last year", kind=Kind.RECAP, event=past, lead="It went well."
    )
    recap.topics.add(topic)
    recap.save()
    for _n in range(4):
        ArticleFactory()
    person = verified(coming, 7, jurisdiction=catalonia)
    return {
        "cep": cep,
        "event": coming,
        "pages": {
            "home": "/",
            "event list": "/events/",
            "event": coming.get_absolute_url(),
            "past event": past.get_absolute_url(),
            "register": f"{coming.get_absolute_url()}register/",
            "registration": f"/r/{token_of(person)}/",
            "news": "/news/",
            "article": recap.get_absolute_url(),
            "calendar": "/calendar/",
        },
    }


@pytest.fixture
def complaints():
    """What the browser complains about."""
    return []


@pytest.fixture
def page(browser, live_server, complaints):
    """A page of the browser that notes errors and breaches of the policy."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    context.add_init_script(POLICY_BREACHES)
    page = context.new_page()
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()


def on_here(link, live_server):
    """A link of a mail, at the server of the test."""
    assert link.startswith(current.SITE_URL)
    return live_server.url + link.removeprefix(current.SITE_URL)


def tab_to(page, selector):
    """Press Tab until this has the focus; every stop on the way must be seen."""
    for _n in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            assert page.evaluate(
                "() => { const s = getComputedStyle(document.activeElement);"
                " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; }"
            ), f"The focus on {selector} cannot be seen."
            return
    pytest.fail(f"Tab does not lead to {selector}.")


def press(page, key="Enter"):
    """Press a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(key)


def test_registering_with_the_keyboard_alone(page, network, live_server, complaints):
    event = network["event"]
    page.goto(event.get_absolute_url())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    tab_to(page, "a[href$='/register/']")
    press(page)
    # An empty form first: the summary takes the focus, its link leads to the field.
    tab_to(page, "form.form button")
    press(page)
    assert page.title().startswith("Error:")
    assert page.evaluate("document.activeElement.className") == "problems"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.name") == "given_name"
    page.keyboard.type("Ana")
    for name, words in [
        ("family_name", "Đorđević"),
        ("email", "ana@probation.example"),
        ("organisation", "Probation Service"),
    ]:
        tab_to(page, f"[name={name}]")
        page.keyboard.type(words)
    tab_to(page, "[name=jurisdiction]")
    page.keyboard.type("Catal")
    tab_to(page, "form.form button")
    press(page)
    assert page.locator("h1").inner_text() == "Look into your mailbox"

    registration = Registration.objects.get(email="ana@probation.example")
    assert (registration.status, registration.jurisdiction.code) == ("unverified", "ES-CT")
    asked = Message.objects.get(key=f"registration/{registration.pk}/verify")
    page.goto(on_here(re.search(r"http://\S+/r/\S+/", asked.text)[0], live_server))
    assert page.locator("h1").inner_text() == "Confirm that you want to come"
    tab_to(page, "form[action$='/verify/'] button")
    press(page)
    assert page.locator("h1").inner_text() == "You are coming"
    assert registration.reference in page.locator("main").inner_text()
    registration.refresh_from_db()
    assert registration.status == "confirmed"
    assert Message.objects.filter(key=f"registration/{registration.pk}/confirmed").exists()
    assert [one for one in complaints if "422" not in one] == []


def test_an_organiser_creates_previews_and_publishes(page, network):
    organiser = UserFactory(email="organiser@cep.example")
    MembershipFactory(user=organiser, organisation=network["cep"], role=Role.ORGANISER)
    VenueFactory(name="Europahuset", city="Stockholm")
    page.goto("/desk/")
    page.fill("[name=username]", organiser.email)
    page.fill("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto("/desk/events/new/")
    page.fill("[name=title]", "Expert meeting on electronic monitoring")
    page.select_option("[name=kind]", "expert-meeting")
    page.fill("[name=starts_at]", "2099-05-11T09:00")
    page.fill("[name=ends_at]", "2099-05-12T16:30")
    page.select_option("[name=venue]", label="Europahuset, Stockholm")
    page.fill("[name=capacity_in_person]", "30")
    page.fill("[name=summary]", "What the bracelets changed.")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and preview").click()
    assert page.locator("h1").inner_text() == "Expert meeting on electronic monitoring"
    assert page.get_by_role("region", name="Preview").is_visible()
    event = Event.objects.get(title="Expert meeting on electronic monitoring")
    assert Client().get(event.get_absolute_url()).status_code == 404
    page.get_by_role("link", name="Publish…").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Publish", exact=True).click()

    page.context.clear_cookies()
    page.goto("/events/")
    page.get_by_role("link", name=event.title).click()
    page.wait_for_url(f"**{event.get_absolute_url()}")
    assert page.locator("h1").inner_text() == event.title
    assert page.locator(".panel").get_attribute("data-state") == "open"
    words = page.locator("main").inner_text()
    for fact in ("11", "12 May 2099", "09:00", "Europahuset", "Stockholm", "CEP"):
        assert fact in words


@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_can_use_the_pages(page, network, complaints, width):
    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    for name, address in network["pages"].items():
        page.goto(address)
        if name == "register":
            found["empty form"] = faults(page)
            page.locator("form.form button").click()
            page.wait_for_selector(".problems")
        found[name] = faults(page)
    assert found == dict.fromkeys(found, NONE)
    # The form with errors answers 422, and the browser says so.
    assert [one for one in complaints if "422" not in one] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_can_use_ones_own_pages(page, complaints, width):
    event = EventFactory(hybrid=True, capacity_in_person=5, capacity_online=1)
    terms(event, shows_participants=True)
    visit = QuestionFactory(event=event, kind="choice", label="Study visit")
    prison = OptionFactory(question=visit, label="Open prison", places=1)
    diet = QuestionFactory(event=event, special="diet", label="What do you not eat?")
    QuestionFactory(event=event, moment="confirmed", is_required=True, label="When do you arrive?")
    first, mine = (
        verified(event, n, is_listed=True, jurisdiction=JurisdictionFactory()) for n in (1, 2)
    )
    answers.store(first, [Given(visit, [prison.pk])])
    mine.answers.create(question=visit, value=[prison.pk])
    answers.store(mine, [Given(diet, "nuts", consents=True)])
    verified(EventFactory(capacity_in_person=0), 2)
    seats.cancel(verified(EventFactory(online=True), 2, mode="online"))

    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    own = f"/r/{token_of(mine)}/"
    for part in ("", "change/", "mode/", "email/", "substitute/", "cancel/", "erase/"):
        page.goto(own + part)
        found[part] = faults(page)
        if part in {"change/", "email/", "substitute/"}:
            page.locator("form.form button").click()
            page.wait_for_selector(".problems")
            found[f"{part} with errors"] = faults(page)
    for address in ("/me/", "/me/sent/", "/me/erased/", f"/events/{event.slug}/participants/"):
        page.goto(address)
        found[address] = faults(page)
    page.goto(f"/me/{mailed_link.token_of(mine.email)}/")
    found["open"] = faults(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Open my page").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Make my calendar").click()
    found["my page"] = faults(page)
    page.goto("/me/erase/")
    found["erase all"] = faults(page)
    assert found == dict.fromkeys(found, NONE)
    assert [one for one in complaints if "422" not in one] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_can_use_the_desk_of_an_organiser(page, network, complaints, width):
    organiser = UserFactory(email="organiser@cep.example")
    MembershipFactory(user=organiser, organisation=network["cep"], role=Role.ORGANISER)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/desk/")
    page.fill("[name=username]", organiser.email)
    page.fill("[name=password]", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto("/desk/")
    found = {"home": faults(page)}
    page.goto("/desk/events/new/")
    with page.expect_navigation():
        page.get_by_role("button", name="Save and preview").click()
    assert page.locator("[data-problems] a").count() > 1
    found["form with errors"] = faults(page)
    assert found == dict.fromkeys(found, NONE)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_title_covers_no_link(page, width):
    event = EventFactory(hybrid=True, title=f"{'Straffverkställighet' * 6} in Europe today"[:200])
    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    for part in ("", "register/", "join/"):
        page.goto(f"{event.get_absolute_url()}{part}")
        found[part] = faults(page)
    assert found == dict.fromkeys(found, NONE)


def test_a_page_offers_to_copy_only_where_that_works(page, browser, live_server):
    page.goto("/calendar/")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    told = page.locator(".copy [role=status]")
    expect(told).to_have_text("Copied")
    expect(told).to_have_text("")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/calendar/all.ics")
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    without = context.new_page()
    without.goto("/calendar/")
    assert without.locator("button[data-copy]").is_hidden()
    context.close()


@pytest.mark.parametrize("name", ["home", "event"])
def test_the_first_view_is_light(page, network, live_server, name):
    asked = []
    page.on("requestfinished", lambda request: asked.append(request))
    page.goto(network["pages"][name], wait_until="networkidle")
    hosts = {urlsplit(request.url).netloc for request in asked}
    assert hosts == {urlsplit(live_server.url).netloc}
    assert len(asked) <= 12
    weights = {
        request.url: len(gzip.compress(request.response().body()))
        for request in asked
        if request.resource_type != "image"
    }
    assert len(weights) >= 3
    assert sum(weights.values()) <= 100_000, json.dumps(weights, indent=1)
    scripts = [weight for url, weight in weights.items() if url.endswith(".js")]
    assert sum(scripts) <= 40_000
