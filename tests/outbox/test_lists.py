"""A reader leaves a list by one press, of our button or of the mail program's, and what waits for it is stopped."""

import pytest
from django.core import mail
from django.test import Client

from outbox import lists
from outbox.models import Lane, Message, State, Unsubscription
from outbox.posting import post, readdress
from tests.delivering import deliver

pytestmark = pytest.mark.django_db

CONTEXT = {"subject": "Workshop: news", "name": "Ana", "lead": "Good news.", "link": "x"}


def bulk(key="mailing/1/ana", to="Ana@Example.org", list_name="event/12", **more):
    return post("frame", CONTEXT, key=key, to=to, list_name=list_name, lane=Lane.SLOW, **more)


@pytest.fixture
def page():
    return f"/mail/unsubscribe/{lists.token_for('Ana@Example.org', 'event/12')}/"


def test_leaving_is_by_list_and_address_and_harmless_when_repeated():
    assert lists.leave("Ana@Example.org", "event/12") is True
    assert lists.leave("ana@example.org", "event/12") is False
    assert lists.has_left("ANA@example.org", "event/12")
    assert not lists.has_left("ana@example.org", "event/13")
    assert not lists.has_left("bo@example.org", "event/12")


def test_joining_again_lifts_it():
    lists.leave("ana@example.org", "newsletter")
    assert lists.join("ANA@example.org", "newsletter") is True
    assert lists.join("ana@example.org", "newsletter") is False
    assert not Unsubscription.objects.exists()


def test_leaving_stops_what_waits_of_this_list_alone():
    ours, other, plain = (
        bulk(),
        bulk("b", list_name="event/13"),
        post("frame", CONTEXT, key="c", to="ana@example.org"),
    )
    lists.leave("ana@example.org", "event/12")
    states = [Message.objects.get(pk=message.pk).state for message in (ours, other, plain)]
    assert states == [State.STOPPED, State.WAITING, State.WAITING]


def test_the_floors_above_hear_of_leaving_each_time_and_of_joining_once():
    heard = []

    def hear(signal, address, list_name, **_more):
        heard.append((signal is lists.list_left, address, list_name))

    for signal in (lists.list_left, lists.list_joined):
        signal.connect(hear)
    try:
        for change in (lists.leave, lists.leave, lists.join, lists.join):
            change("Ana@example.org", "newsletter")
    finally:
        for signal in (lists.list_left, lists.list_joined):
            signal.disconnect(hear)
    assert heard == [
        (True, "ana@example.org", "newsletter"),
        (True, "ana@example.org", "newsletter"),
        (False, "ana@example.org", "newsletter"),
    ]


def test_a_token_names_one_address_and_one_list_and_cannot_be_made_up():
    token = lists.token_for("Ana@example.org", "newsletter")
    assert lists.read_token(token) == ("ana@example.org", "newsletter")
    words, _dot, signature = token.partition(".")
    for wrong in (
        words,
        f"{words}.",
        f"{words}.{signature[::-1]}",
        f"{words}a.{signature}",
        "",
        "é",
        ".",
    ):
        assert lists.read_token(wrong) is None


def test_opening_the_page_changes_nothing_and_its_button_leaves(client, page):
    waits = bulk()
    asked = client.get(page)
    assert "Ana" not in asked.text
    assert "ana@example.org" in asked.text
    assert not Unsubscription.objects.exists()
    answer = client.post(page, {"leave": "1"})
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert lists.has_left("ana@example.org", "event/12")
    assert Message.objects.get(pk=waits.pk).state == State.STOPPED
    assert "You get no more of this mail" in client.get(page).text


def test_the_page_lets_one_join_again(client, page):
    client.post(page, {"leave": "1"})
    client.post(page, {"join": "1"})
    assert not Unsubscription.objects.exists()
    assert "Press the button" in client.get(page).text


def test_a_mail_program_leaves_with_one_post_without_cookie_token_or_redirect(page):
    program = Client(enforce_csrf_checks=True)
    answer = program.post(
        page, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 200
    assert not answer.cookies
    assert lists.has_left("ana@example.org", "event/12")


def test_one_click_is_taken_as_form_data_too(page):
    """RFC 8058 3.2 lets the program choose."""
    answer = Client(enforce_csrf_checks=True).post(page, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert lists.has_left("ana@example.org", "event/12")


def test_a_wrong_link_says_what_to_do_and_names_nobody(client, page):
    for ask in (client.get, client.post):
        answer = ask(page[:-5] + "/")
        assert answer.status_code == 404
        assert "Open the link at the foot of the mail once more" in answer.text
    assert not Unsubscription.objects.exists()


def test_the_words_of_a_list_show_the_way_out_in_text_and_html():
    deliver(bulk().pk)
    [sent] = mail.outbox
    link = lists.url_for("ana@example.org", "event/12")
    assert link in sent.body
    assert f'href="{link}"' in sent.alternatives[0].content


def test_mail_that_is_on_no_list_has_no_way_out_in_its_words():
    sent = post("frame", CONTEXT, key="c", to="ana@example.org")
    assert "nsubscribe" not in sent.text + sent.html


def test_html_of_a_list_without_a_way_out_is_not_written(settings, tmp_path):
    """An error of ours, found by the first test of a new template."""
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "bare.html").write_text(
        "{% partialdef subject %}S{% endpartialdef %}{% partialdef text %}T{% endpartialdef %}"
        "{% partialdef html %}<p>T</p>{% endpartialdef %}"
    )
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}
    ]
    with pytest.raises(ValueError, match="unsubscribe_url"):
        post("bare", {}, key="a", to="ana@example.org", list_name="newsletter")
    assert post("bare", {}, key="b", to="ana@example.org") is not None


def test_a_message_that_goes_to_another_address_leaves_for_that_one():
    bulk("registration/1/letter")
    readdress(key_prefix="registration/1/", to="new@example.org")
    moved = Message.objects.get()
    link = lists.url_for("new@example.org", "event/12")
    assert (link in moved.text, link in moved.html) == (True, True)
    assert lists.unsubscribe_url(moved) == link
    assert lists.url_for("ana@example.org", "event/12") not in moved.text + moved.html
