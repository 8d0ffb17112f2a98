"""The desk's pages of the words of messages: written, looked at, tried out and taken back."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from outbox.models import Message
from registrations import links, moments, wordings
from registrations.models import Wording
from tests.delivering import deliver
from tests.factories import EventFactory, UserFactory, enrolled

pytestmark = pytest.mark.django_db

#: Queries of the list, whatever is in it.
LIST = 20


@pytest.fixture
def event(organisation):
    return EventFactory(organiser=organisation, title="Expert Group")


@pytest.fixture
def administrator():
    client = Client()
    client.force_login(UserFactory(is_superuser=True, email="admin@plenary.test"))
    return client


def page_of(event, notice="confirmed", *, name="desk_wording", language="en"):
    return reverse(name, args=[event.pk, notice, language])


def network_page(notice="confirmed", *, name="desk_network_wording", language="en"):
    return reverse(name, args=[notice, language])


def sources(page):
    return {
        row["notice"].key: row["languages"][0]["source"]
        for _title, rows in page.context["groups"]
        for row in rows
    }


def test_the_list_names_each_message_with_its_time_and_whose_words_it_has(desk, event):
    wordings.keep(event, "confirmed", "en", wordings.Text("mine", "mine", ""))
    wordings.keep(None, "reminder", "en", wordings.Text("network", "network", ""))
    page = desk.get(reverse("desk_wordings", args=[event.pk]))
    found = sources(page)
    assert set(found) == set(moments.NOTICES) - {"my-page"}
    assert (found["confirmed"], found["reminder"]) == ("event", "network")
    assert {found[key] for key in set(found) - {"confirmed", "reminder"}} == {"ours"}
    assert "when somebody gets a place" in page.text


def test_the_network_list_has_every_message_and_is_for_administrators(administrator, desk, event):
    wordings.keep(event, "confirmed", "en", wordings.Text("mine", "mine", ""))
    wordings.keep(None, "reminder", "en", wordings.Text("network", "network", ""))
    found = sources(administrator.get(reverse("desk_network_wordings")))
    assert set(found) == set(moments.NOTICES)
    assert (found["confirmed"], found["reminder"]) == ("ours", "network")
    for path in (reverse("desk_network_wordings"), network_page()):
        assert desk.get(path).status_code == 404
        assert desk.post(path, {"subject": "x", "text": "x"}).status_code == 404
    assert desk.post(network_page(name="desk_network_wording_reset")).status_code == 404
    assert Wording.objects.get(event=None).text == "network"


def test_what_is_saved_is_what_people_get(desk, event):
    answer = desk.post(
        page_of(event), {"subject": "welcome,\r {name}", "text": "Hello {name}.\r\n\r\nBye."}
    )
    assert answer["Location"] == page_of(event)
    stored = Wording.objects.get()
    assert (stored.event, stored.notice, stored.language) == (event, "confirmed", "en")
    assert (stored.subject, stored.text) == ("welcome, {name}", "Hello {name}.\n\nBye.")
    registration = enrolled(event)
    message = Message.objects.get(key=f"registration/{registration.pk}/confirmed")
    assert message.subject == "Expert Group: welcome, Ana Müller 1"
    assert "Hello Ana Müller 1.\n\nBye." in message.text


def test_a_wrong_value_is_named_with_the_allowed_ones_and_nothing_is_kept(desk, event):
    typed = {"subject": "for {event.title}", "text": "Hello {nmae}, until {until}."}
    page = desk.post(page_of(event), typed)
    assert page.status_code == 422
    errors = page.context["form"].errors
    assert "“{event.title}” is not a value of this message." in errors["subject"][0]
    assert "“{nmae}”, “{until}” are not values" in errors["text"][0]
    assert "{event}, {when}" in errors["text"][0]
    assert page.context["form"]["text"].value() == typed["text"]
    assert "Error:" in page.text
    assert not Wording.objects.exists()


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"subject": "", "text": "x"}, "subject", "Write a subject."),
        ({"subject": "x", "text": " \n "}, "text", "Write a text."),
        ({"subject": "x" * 201, "text": "x"}, "subject", "Shorten it to 200 characters"),
        ({"subject": "x", "text": "x" * 10_001}, "text", "Shorten it to 10000 characters"),
    ],
)
def test_what_is_missing_or_too_long_is_said_in_plain_words(desk, event, typed, field, said):
    page = desk.post(page_of(event), typed)
    assert said in page.context["form"].errors[field][0]


def test_a_preview_shows_the_newest_registration_without_the_personal_link(desk, event):
    enrolled(event, 1)
    registration = enrolled(event, 2, given_name="Xochitl")
    before = Message.objects.count()
    page = desk.post(
        page_of(event), {"subject": "hello", "text": "Dear {name}: {link}", "do": "preview"}
    )
    preview = page.context["preview"]
    assert preview.message.subject == "Expert Group: hello"
    assert "Dear Xochitl Müller 2: http://events.plenary.test/r/…" in preview.message.text
    assert registration.reference in preview.message.text
    assert links.token_of(registration) not in page.text
    assert links.token_of(registration).partition("-")[2] not in page.text
    assert "With the registration of Xochitl Müller 2" in page.text
    assert not Wording.objects.exists()
    assert Message.objects.count() == before


@pytest.mark.parametrize("notice", moments.NOTICES)
def test_every_message_can_be_looked_at_with_and_without_people(administrator, event, notice):
    def shown(path):
        page = administrator.get(path)
        assert page.status_code == 200
        preview = page.context["preview"]
        assert set(preview.said) == set(moments.NOTICES[notice].values)
        for part in (preview.message.subject, preview.message.text, preview.message.html):
            assert not re.search(r"\{[a-z_]+\}|None", part.partition("</style>")[2] or part)
        return preview

    assert shown(network_page(notice)).sample.event.title == "Example event"
    if moments.NOTICES[notice].is_of_event:
        assert shown(page_of(event, notice)).sample.is_real is False
        registration = enrolled(event)
        preview = shown(page_of(event, notice))
        assert preview.sample.is_real
        assert preview.message.subject.startswith("Expert Group: ")
        stored = event.registrations.get()
        assert (stored.status, stored.expires_at) == (registration.status, registration.expires_at)
    else:
        assert administrator.get(page_of(event, notice)).status_code == 404


def test_a_preview_shows_the_state_of_those_who_get_the_message(desk, event):
    enrolled(event)
    offered = desk.get(page_of(event, "offered")).context["preview"].message
    assert offered.subject.endswith("a place has come free for you (not yet confirmed)")
    assert "It is held for you until" in offered.text
    confirmed = desk.get(page_of(event, "confirmed")).context["preview"].message
    assert "(not yet confirmed)" not in confirmed.subject


def test_an_erased_person_is_in_no_preview(desk, event):
    erased = enrolled(event)
    erased.given_name = erased.family_name = erased.organisation = ""
    erased.erased_at = timezone.now()
    erased.save()
    assert desk.get(page_of(event)).context["preview"].sample.is_real is False


def test_a_test_mail_goes_to_oneself_and_holds_nothing_of_participants(
    desk, manager, event, smtp_server
):
    manager.first_name, manager.last_name = "Mona", "Manager"
    manager.save()
    registration = enrolled(event, given_name="Xochitl")
    Message.objects.all().delete()
    typed = {"subject": "hello", "text": "Dear {name}, {reference}: {link}", "do": "send"}
    pages = [desk.post(page_of(event), typed) for _n in range(2)]

    [message] = Message.objects.all()
    assert message.recipient == manager.email
    assert message.subject == "Test: Expert Group: hello"
    assert "Dear Mona Manager, EXAMPLE2: http://events.plenary.test/r/…" in message.text
    for secret in ("Xochitl", registration.reference, "Müller", links.token_of(registration)):
        assert secret not in message.text + message.html
    assert (message.calendar, message.topic) == ("", f"event/{event.pk}")
    assert f"A test mail goes to {manager.email}." in pages[0].text
    assert "on its way already" in pages[1].text
    assert deliver(message.pk)
    assert smtp_server.envelopes[-1][1] == [manager.email]
    assert not Wording.objects.exists()


def test_a_test_mail_to_an_address_that_takes_none_says_so(desk, manager, event):
    manager.email = "admin@localhost"
    manager.save()
    page = desk.post(page_of(event), {"subject": "x", "text": "x", "do": "send"})
    assert page.status_code == 200
    assert "We cannot write to your own address." in page.text
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("http://evil.example/?t={link}", "puts a value into an address"),
        ("http://evil.example/{name}/x", "puts a value into an address"),
        ("HTTPS://evil.example/?({link})", "puts a value into an address"),
        ("www.evil.example/?t={link}", "Put a blank before and behind"),
        ("{event_page}{link}", "Put a blank before and behind"),
        ("{link}@evil.example", "Put a blank before and behind"),
        ("//evil.example/({link})", "Put a blank before and behind"),
    ],
)
def test_words_that_would_hand_a_personal_link_over_are_refused(desk, event, text, error):
    page = desk.post(page_of(event), {"subject": "x", "text": f"See {text} now."})
    assert page.status_code == 422
    assert error in page.context["form"].errors["text"][0]
    assert not Wording.objects.exists()


@pytest.mark.parametrize(
    "text", ["{link}", "({link}).", "Here: {link},\nor", "“{link}”", "<{link}>"]
)
def test_a_link_of_its_own_is_taken_in_a_text_and_in_no_subject(desk, event, text):
    assert desk.post(page_of(event), {"subject": "x", "text": text}).status_code == 302
    page = desk.post(page_of(event), {"subject": text, "text": "x"})
    assert "out of the subject" in page.context["form"].errors["subject"][0]


def test_a_test_mail_of_wrong_words_is_not_sent(desk, event):
    desk.post(page_of(event), {"subject": "x", "text": "{x}", "do": "send"})
    assert not Message.objects.exists()


def test_a_test_mail_of_the_network_needs_no_event(administrator):
    administrator.post(network_page("my-page"), {"subject": "x", "text": "Hi.", "do": "send"})
    message = Message.objects.get()
    assert (message.recipient, message.topic) == ("admin@plenary.test", "")
    assert message.subject == "Test: Probation Network: x"


def test_taking_back_asks_and_says_what_holds_then(desk, administrator, event):
    desk.post(page_of(event), {"subject": "mine", "text": "Mine."})
    administrator.post(network_page(), {"subject": "network", "text": "Of the network."})
    reset = page_of(event, name="desk_wording_reset")

    page = desk.get(reset)
    assert "Of the network." in page.text
    assert Wording.objects.filter(event=event).exists()
    assert desk.post(reset)["Location"] == page_of(event)
    assert not Wording.objects.filter(event=event).exists()
    assert wordings.in_force(event, "confirmed", "en").words == "Of the network."

    reset = network_page(name="desk_network_wording_reset")
    assert "Your place at {event} is confirmed." in administrator.get(reset).text
    administrator.post(reset)
    assert not Wording.objects.exists()


def test_typed_text_is_text_on_the_pages(desk, event):
    hostile = '</textarea><script>alert(1)</script><img src=x onerror=y> %s "'
    desk.post(page_of(event), {"subject": hostile, "text": hostile})
    for path in (page_of(event), page_of(event, name="desk_wording_reset")):
        page = desk.get(path)
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


@pytest.mark.parametrize(
    ("notice", "language"), [("letter", "en"), ("nothing", "en"), ("confirmed", "xx")]
)
def test_what_is_no_message_or_language_is_not_there(administrator, event, notice, language):
    assert administrator.get(page_of(event, notice, language=language)).status_code == 404
    assert administrator.get(network_page(notice, language=language)).status_code == 404
    reset = page_of(event, notice, language=language, name="desk_wording_reset")
    assert administrator.post(reset).status_code == 404


def test_words_are_written_in_each_language(desk, event, settings):
    settings.LANGUAGES = [("en", "English"), ("fr", "French")]
    desk.post(page_of(event, language="fr"), {"subject": "bienvenue", "text": "Bonjour {name}."})
    registration = enrolled(event, language="fr")
    english = enrolled(event, 2)
    assert "Bonjour Ana" in Message.objects.get(recipient=registration.email).text
    assert "Bonjour" not in Message.objects.get(recipient=english.email).text
    page = desk.get(reverse("desk_wordings", args=[event.pk]))
    assert page.text.count("French") == len(moments.NOTICES) - 1


@pytest.mark.parametrize("amount", [1, 3])
def test_the_list_asks_as_often_for_one_as_for_many(desk, event, amount, django_assert_num_queries):
    for key in list(moments.NOTICES)[:amount]:
        wordings.keep(event, key, "en", wordings.Text("x", "x", ""))
    with django_assert_num_queries(LIST):
        desk.get(reverse("desk_wordings", args=[event.pk]))


def test_an_event_that_is_over_shows_its_words_all_the_same(desk, event):
    event.starts_at -= timedelta(days=90)
    event.ends_at -= timedelta(days=90)
    event.save()
    assert desk.get(page_of(event, "after-present")).status_code == 200
