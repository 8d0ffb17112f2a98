"""The desk's view of what many are told: the number first, holding it back, true previews, and stopping."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from events import lifecycle
from outbox import delivery
from outbox.models import Message, Unsubscription
from registrations import announcements, links, resending, seats
from registrations.models import Mailing, MailingState
from tests.delivering import deliver
from tests.factories import EventFactory, VenueFactory, enrolled
from tests.telling import settle, write
from tests.test_desk import fields_of

pytestmark = pytest.mark.django_db

KEY = "0123456789abcdef"


@pytest.fixture
def event(organisation):
    """With three people, who have their mail."""
    event = EventFactory(organiser=organisation)
    for n in range(3):
        enrolled(event, n)
    delivery.deliver_due()
    return event


def moved(event):
    event.venue = VenueFactory(name="Town Hall")
    lifecycle.apply_changes(event, by=None)
    return Mailing.objects.get(kind="changed")


def move(desk, mailing, name):
    address = reverse("desk_mailing_move", args=[mailing.event_id, mailing.pk])
    return desk.post(address, {"move": name}, follow=True)


def page_of(desk, event, name="desk_event"):
    return desk.get(reverse(name, args=[event.pk]))


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def write_letter(desk, event, people, **more):
    words = {"subject": "Bus", "text": "Dear {given_name}", "key": KEY, "action": "letter"}
    ids = ",".join(str(one.pk) for one in people)
    return desk.post(reverse("desk_act", args=[event.pk]), {"people": ids} | words | more)


# -- News -----------------------------------------------------------------------------------------


def test_a_change_can_be_saved_without_telling_anybody(desk, event):
    edit = reverse("desk_event_edit", args=[event.pk])
    form = fields_of(desk.get(edit).context["form"]) | {"ends_at": "2031-01-01T12:00"}
    warnings = desk.post(edit, form).context["warnings"]
    answer = desk.post(edit, form | {"confirmed": " ".join(warnings), "tell": "no"})
    assert answer.status_code == 302
    event.refresh_from_db()
    assert event.local_end.year == 2031
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("page", ["desk_event", "desk_mail", "desk_mailings"])
def test_what_waits_is_shown_with_number_time_and_words(desk, event, page):
    mailing = moved(event)
    at = timezone.localtime(mailing.due_at)
    text = page_of(desk, event, page).text
    assert f"3 people will be told at {at:%H:%M} what has changed." in text
    assert "Where: Palau de Congressos, Carrer de la Pau 7, Barcelona → Town Hall" in text
    assert "Tell them now" in text
    assert "Hold it back" in text


def test_news_is_held_back_and_let_go_by_a_press(desk, event):
    mailing = moved(event)
    assert "Held back: nobody is told" in move(desk, mailing, "hold").text
    assert "Held back: 3 people are not told." in page_of(desk, event).text
    settle()
    assert not Message.objects.filter(batch=mailing.batch).exists()

    move(desk, mailing, "now")
    write()
    assert Message.objects.filter(batch=mailing.batch).count() == 3
    assert "Too late" in move(desk, mailing, "hold").text
    assert "It does not wait any more." in move(desk, mailing, "now").text
    assert "will be told" not in page_of(desk, event).text


def test_an_unknown_move_moves_nothing(desk, event):
    mailing = moved(event)
    assert "Choose what is to be done with it." in move(desk, mailing, "explode").text
    mailing.refresh_from_db()
    assert mailing.state == MailingState.WAITING


def test_a_change_that_was_taken_back_says_that_nobody_will_be_told(desk, event):
    old = event.venue
    moved(event)
    event.venue = old
    lifecycle.apply_changes(event, by=None, is_told=False)
    assert "All is as it was before the change: nobody will be told." in page_of(desk, event).text


def test_progress_is_shown_while_it_is_written(desk, event):
    mailing = moved(event)
    people = event.registrations.order_by("pk")
    Mailing.objects.filter(pk=mailing.pk).update(
        state=MailingState.WRITING, written=1, cursor=people[0].pk
    )
    text = page_of(desk, event).text
    assert "Being written: 1 of 3 people." in text
    assert '<progress max="3" value="1"' in text
    assert "Stopped. No mail had gone out." in move(desk, mailing, "stop").text


def test_old_news_is_not_sent_again(desk, event):
    mailing = moved(event)
    settle()
    message = Message.objects.filter(batch=mailing.batch).first()
    assert not resending.is_outdated(message)
    lifecycle.postpone(event, by=None)
    assert resending.is_outdated(message)
    retry = reverse("desk_message_retry", args=[event.pk, message.pk])
    assert "It was not sent: it says what holds no more." in said(desk.post(retry))[-1]


# -- Letters --------------------------------------------------------------------------------------


def test_a_letter_is_previewed_with_the_values_of_the_first_and_without_any_link(desk, event):
    people = list(event.registrations.order_by("pk"))
    page = write_letter(desk, event, people)
    preview = page.context["preview"]
    assert preview.subject == f"{event.title}: Bus"
    assert "Dear Ana\n" in preview.text
    assert "/r/…" in preview.text
    assert "/mail/unsubscribe/…" in preview.text
    assert people[0].reference + "-" not in page.text
    assert not Mailing.objects.exists()


@pytest.mark.parametrize(
    ("field", "text"),
    [("text", "Dear {nme}"), ("subject", "For {registration.email}"), ("text", "{{ name }}")],
)
def test_a_value_that_is_not_known_is_an_error_that_names_the_known_ones(desk, event, field, text):
    page = write_letter(desk, event, event.registrations.all(), **{field: text}, sure="yes")
    assert page.status_code == 422
    [error] = page.context["form"].errors[field]
    assert "is not a value of this message" in error
    assert "{given_name}" in error
    assert not Mailing.objects.exists()


def test_who_is_left_out_is_said_before_with_the_reason(desk, event):
    first, second, third = event.registrations.order_by("pk")
    seats.cancel(first)
    Unsubscription.objects.create(address=second.email, list_name=f"event/{event.pk}")
    page = write_letter(desk, event, [first, second, third])
    assert page.context["number"] == 1
    assert page.context["left_out"] == [
        "1 person does not take part any more.",
        "1 person has left the list of this event's mails.",
    ]
    assert "Send it to 1 person" in page.text


def test_pressing_twice_makes_one_letter(desk, manager, event):
    people = list(event.registrations.all())
    for _press in range(2):
        page = write_letter(desk, event, people, sure="yes")
        assert page["Location"] == reverse("desk_mailings", args=[event.pk])
    write()
    mailing = Mailing.objects.get()
    assert (mailing.by, mailing.written) == (manager, 3)


def test_a_letter_that_is_changed_after_it_was_sent_is_another_letter(desk, event):
    people = list(event.registrations.all())
    write_letter(desk, event, people, sure="yes")
    write_letter(desk, event, people, sure="yes", text="The bus leaves at ten.")
    write_letter(desk, event, people[:2], sure="yes", text="The bus leaves at ten.")
    write()
    assert list(Mailing.objects.order_by("pk").values_list("written", flat=True)) == [3, 3, 2]


def test_a_letter_has_no_personal_link_in_its_subject_or_in_an_address(desk, event):
    people = list(event.registrations.all())
    said = {"subject": "Yours: {link}", "text": "See http://evil.example/?t={link}"}
    page = write_letter(desk, event, people, sure="yes", **said)
    assert page.status_code == 422
    assert "out of the subject" in page.context["form"].errors["subject"][0]
    assert "puts a value into an address" in page.context["form"].errors["text"][0]
    assert not Mailing.objects.exists()


def test_lists_and_pages_of_mail_hide_a_personal_link_in_a_subject_too(desk, event):
    person = event.registrations.first()
    token = links.token_of(person)
    Message.objects.update(subject=f"Yours: {links.personal_link(person)}")
    page = desk.get(reverse("desk_mail", args=[event.pk]))
    assert "/r/…" in page.text
    assert token not in page.text
    one = Message.objects.first()
    assert token not in desk.get(reverse("desk_message", args=[event.pk, one.pk])).text


def test_a_letter_to_one_leads_back_to_the_person(desk, event):
    person = event.registrations.first()
    page = write_letter(desk, event, [person], sure="yes")
    assert page["Location"] == reverse("desk_participant", args=[event.pk, person.pk])


def test_the_page_counts_what_was_sent_and_leads_to_its_mails(desk, event):
    people = list(event.registrations.all())
    write_letter(desk, event, people, sure="yes")
    write()
    delivery.deliver_due()
    mailing = Mailing.objects.get()
    text = page_of(desk, event, "desk_mailings").text
    assert "Written to 3 people." in text
    assert f"?batch={mailing.batch}&amp;state=sent" in text
    log = desk.get(reverse("desk_mail", args=[event.pk]) + f"?batch={mailing.batch}")
    assert len(log.context["page"].object_list) == log.context["total"] == 3


def test_a_letter_is_stopped_in_the_middle_by_a_press(desk, event):
    write_letter(desk, event, list(event.registrations.all()), sure="yes")
    write()
    mailing = Mailing.objects.get()
    deliver(Message.objects.filter(batch=mailing.batch).earliest("pk").pk)
    assert "Stopped. 1 mail had gone out by then." in move(desk, mailing, "stop").text
    delivery.deliver_due()
    states = Message.objects.filter(batch=mailing.batch).values_list("state", flat=True)
    assert sorted(states) == ["sent", "stopped", "stopped"]
    assert "Too late" in move(desk, mailing, "stop").text


@pytest.mark.parametrize("amount", [1, 3])
def test_the_page_asks_as_often_for_many_as_for_few(desk, event, amount, django_assert_num_queries):
    for n in range(amount):
        people = list(event.registrations.values_list("pk", flat=True))
        words = {"subject": f"Bus {n}", "text": "At 9.", "key": str(n)}
        announcements.write_to(event, people, **words, by=None)
    write()
    page_of(desk, event, "desk_mailings")
    with django_assert_num_queries(21):
        page_of(desk, event, "desk_mailings")


def test_a_reader_leaves_the_letters_of_an_event_by_its_title(client, desk, event):
    from outbox import lists

    write_letter(desk, event, list(event.registrations.all()), sure="yes")
    write()
    message = Message.objects.filter(list_name=f"event/{event.pk}").first()
    page = client.get(lists.unsubscribe_url(message).removeprefix("http://events.plenary.test"))
    assert event.title in page.text
