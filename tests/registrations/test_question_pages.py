"""Questions in a real browser: those that depend on others, without script too, and colleagues by the keyboard."""

import pytest

from registrations.models import Registration
from tests.factories import EventFactory, JurisdictionFactory, QuestionFactory, terms

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def event():
    return EventFactory()


@pytest.fixture
def nights(event):
    """Do you need a room? Then: how many nights, and if so: with whom."""
    room = QuestionFactory(event=event, kind="yes-no", label="Do you need a room?")
    nights = QuestionFactory(
        event=event, kind="yes-no", label="Two nights?", shown_if=room, shown_if_answer="yes"
    )
    QuestionFactory(
        event=event, label="With whom?", shown_if=nights, shown_if_answer="yes", is_required=True
    )
    return nights


def open_form(browser, live_server, event, **more):
    page = browser.new_context(**more).new_page()
    page.goto(f"{live_server.url}{event.get_absolute_url()}register/")
    return page


def test_a_question_shows_once_its_condition_is_met_and_hides_again(
    browser, live_server, event, nights
):
    page = open_form(browser, live_server, event)
    room, two = (
        page.get_by_role("group", name="Do you need a room?"),
        page.get_by_role("group", name="Two nights?"),
    )
    last = page.get_by_label("With whom?")
    assert (two.is_visible(), last.is_visible()) == (False, False)
    room.get_by_label("Yes").press("Space")
    assert (two.is_visible(), last.is_visible()) == (True, False)
    two.get_by_label("Yes").press("Space")
    assert last.is_visible()
    room.get_by_label("No", exact=True).press("Space")
    assert (two.is_visible(), last.is_visible()) == (False, False)


def test_without_script_all_is_shown_and_what_is_not_asked_may_stay_empty(
    browser, live_server, event, nights
):
    terms(event, declaration="I work there.")
    JurisdictionFactory(name="Scotland")
    page = open_form(browser, live_server, event, java_script_enabled=False)
    assert page.get_by_label("With whom?").is_visible()
    page.get_by_label("Given name").first.fill("Ana")
    page.get_by_label("Family name").first.fill("Müller")
    page.get_by_label("E-mail address").first.fill("ana@example.org")
    page.get_by_label("Country or jurisdiction").first.select_option("Scotland")
    page.get_by_role("group", name="Do you need a room?").get_by_label("No", exact=True).check()
    page.get_by_label("I work there.").check()
    page.locator("summary").click()
    colleague = page.get_by_role("group", name="Colleague 1")
    colleague.get_by_label("Given name").fill("Bo")
    colleague.get_by_label("Family name").fill("Berg")
    colleague.get_by_label("E-mail address").fill("bo@example.org")
    page.get_by_role("button", name="Register").click()
    assert page.get_by_role("heading", level=1).text_content() == "Look into your mailbox"
    ana, bo = Registration.objects.order_by("pk")
    assert (bo.brought_by, bo.jurisdiction) == (ana, ana.jurisdiction)
    assert list(ana.answers.values_list("question__label", "value")) == [
        ("Do you need a room?", False)
    ]


def test_the_hidden_field_is_seen_and_reached_by_nobody(browser, live_server, event):
    page = open_form(browser, live_server, event)
    box = page.locator("#id_homepage").locator("xpath=..").bounding_box()
    assert box["width"] <= 1
    assert page.locator("#id_homepage").get_attribute("tabindex") == "-1"
    assert page.locator("#id_homepage").get_attribute("autocomplete") == "off"
