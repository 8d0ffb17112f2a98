"""Doing something to one person or to many at the desk: asked first, then done, with an account."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from events.models import Entry, Mode
from outbox.models import Message
from registrations import bulk, decisions, seats
from registrations.models import Registration, Status
from tests.factories import (
    EventFactory,
    enrolled,
    person,
    registered,
    terms,
    verified,
)
from tests.telling import write

pytestmark = pytest.mark.django_db

KEY = "0123456789abcdef"


@pytest.fixture
def event(organisation):
    """With approval, for two in person and any number online."""
    return EventFactory(
        organiser=organisation, hybrid=True, capacity_in_person=2, entry=Entry.APPROVAL
    )


def asked(desk, event, action, *people, query=""):
    """The page that says what would happen."""
    ids = "".join(f"&person={one.pk}" for one in people)
    return desk.get(reverse("desk_act", args=[event.pk]) + f"?action={action}{ids}{query}")


def done(desk, event, action, *people, **order):
    """The page that says what happened."""
    ids = ",".join(str(one.pk) for one in people)
    order = {"action": action, "people": ids, **order}
    return desk.post(reverse("desk_act", args=[event.pk]), order)


def states(*people):
    return [Registration.objects.get(pk=one.pk).status for one in people]


def mails(registration):
    """Why messages were written to a person."""
    return [mail.key.split("/", 2)[2] for mail in written(registration)]


def written(registration):
    """The messages to a person, oldest first."""
    prefix = f"registration/{registration.pk}/"
    return list(Message.objects.filter(key__startswith=prefix).order_by("pk"))


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


# -- Asking ---------------------------------------------------------------------------------------


def test_the_page_names_number_and_consequence_and_changes_nothing(desk, event):
    people = [verified(event, n) for n in (1, 2, 3)]
    other = enrolled(event, 4, mode=Mode.ONLINE)

    page = asked(desk, event, "accept", *people, other)

    assert page.context["number"] == 3
    assert page.context["sentences"] == [
        "Places left (in person): 2.",
        "Places left (online): no limit.",
        "Who finds no place joins the waiting list.",
        "3 people get a mail.",
        "1 more person is in a state in which this cannot be done, and stays as is.",
    ]
    assert states(*people, other) == [Status.APPLIED] * 3 + [Status.CONFIRMED]


def test_cancelling_says_in_numbers_what_it_does(desk, organisation):
    event = EventFactory(organiser=organisation, capacity_in_person=2)
    people = [enrolled(event, n) for n in range(5)]

    page = asked(desk, event, "cancel", *people[:3])

    assert page.context["sentences"] == [
        "This cannot be undone: they would have to register again.",
        "2 places come free.",
        "3 people are on the waiting list and may be offered one.",
        "3 people get a mail.",
    ]


def test_all_who_match_are_those_of_the_filter(desk, event):
    people = [verified(event, n) for n in (1, 2)]
    verified(event, 3, organisation="Police")

    page = asked(desk, event, "decline", query="&whom=everybody&organisation=probation")

    assert page.context["people"] == ",".join(str(one.pk) for one in people)
    assert page.context["number"] == 2


def test_without_people_or_action_there_is_nothing_to_ask(desk, event):
    one = verified(event, 1)
    for page in (
        asked(desk, event, "accept"),
        asked(desk, event, "explode", one),
        done(desk, event, "", one),
        asked(desk, event, "accept", query="&person=x&person=99999999999999999999999"),
    ):
        assert page["Location"] == reverse("desk_participants", args=[event.pk])
        assert said(page)[-1] == "Choose people and what is to be done."


def test_nobody_in_the_right_state_means_no_button(desk, event):
    page = asked(desk, event, "accept", enrolled(event, 1))
    assert "Nobody among those whom you chose" in page.text
    assert 'type="submit">Accept' not in page.text


@pytest.mark.parametrize("action", ["offer", "confirm"])
def test_no_free_place_is_said_before_and_there_is_no_button(desk, organisation, action):
    event = EventFactory(
        organiser=organisation, hybrid=True, capacity_in_person=1, capacity_online=1
    )
    _seated, online = enrolled(event, 1), enrolled(event, 2, mode=Mode.ONLINE)
    waiting = [enrolled(event, 3), enrolled(event, 4)]

    page = asked(desk, event, action, *waiting)
    assert "No place is free (in person). Give the event more places first." in page.text
    assert "get a mail" not in page.text
    assert 'name="people"' not in page.text
    waiting.append(enrolled(event, 5, mode=Mode.ONLINE))
    assert "No place is free (in person, online)." in asked(desk, event, action, *waiting).text

    Registration.objects.filter(pk=online.pk).update(status=Status.CANCELLED, seat=None)
    page = asked(desk, event, action, *waiting)
    assert "No place is free" not in page.text
    assert 'name="people"' in page.text


def test_an_offered_place_can_be_confirmed_in_a_full_event(desk, organisation):
    event = EventFactory(organiser=organisation, capacity_in_person=1)
    seated, waiting = enrolled(event, 1), enrolled(event, 2)
    seats.cancel(seated)
    assert states(waiting) == [Status.OFFERED]
    page = asked(desk, event, "confirm", waiting)
    assert "No place is free" not in page.text
    assert 'name="people"' in page.text


# -- Doing ----------------------------------------------------------------------------------------


def test_accepting_many_gives_seats_while_there_are_some_and_says_who_waits(desk, manager, event):
    people = [verified(event, n) for n in (1, 2, 3)]

    page = done(desk, event, "accept", *people, note="We look forward to it.")

    assert states(*people) == [Status.CONFIRMED, Status.CONFIRMED, Status.WAITING]
    assert page.context["done"] == "3 people are accepted."
    assert [(one.pk, words) for one, words in page.context["noted"]] == [
        (people[2].pk, "On the waiting list. No place is free.")
    ]
    change = people[0].changes.last()
    assert (change.changed_by, change.reason) == (manager, "We look forward to it.")
    for one in people:
        mail = written(one)[-1]
        assert "We look forward to it." in mail.text
    assert "(not yet confirmed)" in mail.subject


def test_declining_writes_the_sentence_and_refuses_those_with_a_place(desk, event):
    people = [verified(event, 1), verified(event, 2), enrolled(event, 3)]

    page = done(desk, event, "decline", *people, note="The room is small.")

    assert states(*people) == [Status.DECLINED, Status.DECLINED, Status.CONFIRMED]
    assert page.context["done"] == "2 people are declined."
    assert [(one.pk, words) for one, words in page.context["refused"]] == [
        (people[2].pk, "This cannot be done in the state “confirmed”.")
    ]
    assert "The room is small." in written(people[0])[-1].text


def test_offering_and_confirming_obey_seats_and_rules(desk, organisation):
    event = EventFactory(organiser=organisation, capacity_in_person=1)
    first = enrolled(event, 1)
    waiting = [enrolled(event, n) for n in (2, 3)]

    page = done(desk, event, "confirm", *waiting)
    assert len(page.context["refused"]) == 2
    assert "No place is free (in person)." in page.text

    event.capacity_in_person = 2
    event.save()
    page = done(desk, event, "offer", *waiting)
    assert states(first, *waiting) == [Status.CONFIRMED, Status.OFFERED, Status.WAITING]
    assert (page.context["done"], len(page.context["refused"])) == ("1 place is offered.", 1)
    done(desk, event, "confirm", waiting[0])
    assert states(waiting[0]) == [Status.CONFIRMED]


def test_a_rule_against_a_place_is_said(desk, organisation):
    event = EventFactory(organiser=organisation)
    one = enrolled(event, 1)
    terms(event, most_per_organisation=1)
    two = seats.enrol(event, person=person(2), mode=Mode.IN_PERSON, by=None)
    page = done(desk, event, "confirm", one, two)
    assert "All" not in page.context["refused"][0][1]
    assert (
        "The 1 place for people of one organisation is taken for yours."
        in page.context["refused"][1][1]
    )


def test_cancelling_passes_seats_on_and_keeps_the_reason_for_colleagues(
    desk, manager, organisation
):
    event = EventFactory(organiser=organisation, capacity_in_person=2)
    people = [enrolled(event, n) for n in (1, 2, 3)]

    done(desk, event, "cancel", *people[:2], why="no answer")

    assert states(*people) == [Status.CANCELLED, Status.CANCELLED, Status.OFFERED]
    change = people[0].changes.last()
    assert (change.changed_by, change.reason) == (manager, "no answer")
    assert "no answer" not in Message.objects.get(key=f"registration/{people[0].pk}/cancelled").text


def test_moving_obeys_the_seats_of_the_other_mode(desk, event):
    seated = [enrolled(event, n) for n in (1, 2)]
    online = enrolled(event, 3, mode=Mode.ONLINE)

    page = done(desk, event, "mode", *seated, online, mode="online")
    assert (page.context["done"], len(page.context["refused"])) == ("Done for 2 people.", 1)
    assert [Registration.objects.get(pk=one.pk).mode for one in seated] == ["online", "online"]

    page = done(desk, event, "mode", *seated, online, mode="in-person")
    assert [(one.pk, words) for one, words in page.context["noted"]] == [
        (online.pk, "Keeps the present place and waits for the other: No place is free.")
    ]
    online.refresh_from_db()
    assert (online.mode, online.wished_mode) == ("online", "in-person")


def test_a_way_of_attending_must_be_chosen_and_known(desk, event):
    one = enrolled(event, 1)
    for mode in ("", "by-boat"):
        page = done(desk, event, "mode", one, mode=mode)
        assert page.status_code == 422
        assert list(page.context["form"].errors) == ["mode"]


def test_the_link_is_sent_again_whatever_forms_have_sent(desk, event, settings):
    settings.MAILS_TO_A_MAILBOX = (0, 0)
    people = [enrolled(event, 1), verified_without_limit(event, 2)]

    done(desk, event, "link", *people)

    confirmed, applied = (
        Message.objects.get(key__startswith=f"registration/{one.pk}/link/") for one in people
    )
    assert confirmed.subject == f"{event.title}: the link to your registration"
    assert applied.subject == f"{event.title}: the link to your registration (not yet confirmed)"
    assert "Your place is confirmed." in confirmed.text
    assert "The organisers have your registration and will decide." in applied.text
    assert f"/r/{people[0].reference}-" in confirmed.text
    assert people[0].changes.last().reason == "link sent again"
    done(desk, event, "link", *people)
    assert Message.objects.filter(key__contains="/link/").count() == 2


def verified_without_limit(event, n):
    """Somebody who applied, without a mail."""
    one = seats.enrol(event, person=person(n), mode=Mode.ONLINE, by=None)
    Registration.objects.filter(pk=one.pk).update(status=Status.APPLIED, seat=None)
    return one


def test_whoever_is_out_gets_nothing(desk, event):
    gone = enrolled(event, 1)
    seats.cancel(gone)
    before = Message.objects.count()
    page = done(desk, event, "link", gone)
    assert said(page)[-1] == "This cannot be done in the state “cancelled”."
    page = done(desk, event, "letter", gone, subject="News", text="Read.", key=KEY, sure="yes")
    assert "Nobody among those whom you chose can be written to." in page.text
    assert Message.objects.count() == before


# -- Letters --------------------------------------------------------------------------------------


def test_a_letter_is_shown_once_more_with_the_number_before_it_goes(desk, event):
    people = [enrolled(event, 1), verified(event, 2)]
    words = "Dear <b>{given_name}</b>, %s\n\n{event}"
    letter = {"subject": "Room for {name}", "text": words, "key": KEY}
    before = Message.objects.count()

    page = done(desk, event, "letter", *people, **letter)
    assert Message.objects.count() == before
    assert "Send it to 2 people" in page.text
    assert "Dear <b>Ana</b>, %s" in page.context["preview"].text
    assert "/r/…" in page.context["preview"].html
    assert f"/r/{people[0].reference}" not in page.text

    page = done(desk, event, "letter", *people, **letter, again="yes")
    assert Message.objects.count() == before
    assert "Send it to" not in page.text
    assert page.context["form"]["subject"].value() == "Room for {name}"

    page = done(desk, event, "letter", *people, **letter, sure="yes")
    assert page["Location"] == reverse("desk_mailings", args=[event.pk])
    assert said(page)[-1] == "The mail goes to 2 people."
    write()
    confirmed, applied = Message.objects.order_by("pk")[before:]
    assert confirmed.recipient == "person1@example.org"
    assert confirmed.subject == f"{event.title}: Room for Ana Müller 1"
    assert applied.subject == f"{event.title}: Room for Ana Müller 2 (not yet confirmed)"
    assert f"Dear <b>Ana</b>, %s\n\n{event.title}" in confirmed.text
    assert '<p dir="auto">Dear &lt;b&gt;Ana&lt;/b&gt;, %s</p>' in confirmed.html
    assert confirmed.is_requested is False


def test_a_letter_goes_once_to_each_however_often_the_button_is_pressed(desk, event):
    people = [enrolled(event, n) for n in (1, 2)]
    letter = {"subject": "News", "text": "Read this.", "key": KEY, "sure": "yes"}
    for _n in range(3):
        done(desk, event, "letter", *people, **letter)
        write()
    for one in people:
        assert len([key for key in mails(one) if key.startswith("letter/")]) == 1


def test_each_letter_has_a_key_of_its_own(desk, event):
    one = enrolled(event, 1)
    keys = {asked(desk, event, "letter", one).context["form"]["key"].value() for _n in range(3)}
    assert len(keys) == 3


def test_a_letter_needs_subject_and_text(desk, event):
    page = done(desk, event, "letter", enrolled(event, 1), subject="", text="", key=KEY, sure="y")
    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["subject", "text"]
    assert not Message.objects.filter(key__contains="letter").exists()


def test_a_letter_survives_a_confirmation_but_not_a_cancellation(desk, event):
    one = verified(event, 1)
    done(desk, event, "letter", one, subject="News", text="Read.", key=KEY, sure="yes")
    write()
    letter = Message.objects.get(key__contains="/letter/")
    decisions.accept(one, by=None)
    letter.refresh_from_db()
    assert letter.state == "waiting"
    seats.cancel(one)
    letter.refresh_from_db()
    assert letter.state == "stopped"


# -- The account ----------------------------------------------------------------------------------


def test_one_failure_does_not_undo_the_others(desk, event, monkeypatch):
    people = [verified(event, n, mode=Mode.ONLINE) for n in (1, 2, 3)]
    decisions.decline(people[1], by=None)

    page = done(desk, event, "accept", *people)

    assert states(*people) == [Status.CONFIRMED, Status.DECLINED, Status.CONFIRMED]
    assert (page.context["done"], len(page.context["refused"])) == ("2 people are accepted.", 1)


def test_what_time_does_not_allow_for_is_left_for_the_next_press(desk, event, monkeypatch):
    people = [verified(event, n, mode=Mode.ONLINE) for n in (1, 2, 3)]
    monkeypatch.setattr(bulk, "SECONDS", 0)
    page = done(desk, event, "accept", *people, note="Welcome.")
    left = page.context["left"]
    assert left == ",".join(str(one.pk) for one in people)
    assert ("note", "Welcome.") in page.context["said"]
    assert "3 people are left" in page.text
    monkeypatch.setattr(bulk, "SECONDS", 15)
    done(desk, event, "accept", *people, note="Welcome.")
    assert states(*people) == [Status.CONFIRMED] * 3


def test_one_person_is_answered_on_the_own_page(desk, event):
    enrolled(event, 1)
    enrolled(event, 2)
    one = verified(event, 3)
    page = done(desk, event, "accept", one)
    assert page["Location"] == reverse("desk_participant", args=[event.pk, one.pk])
    assert said(page) == ["1 person is accepted. On the waiting list. No place is free."]


def test_a_persons_page_offers_what_can_be_done(desk, event):
    for one, expected in (
        (verified(event, 1), ["accept", "decline", "confirm", "mode", "link", "letter", "cancel"]),
        (enrolled(event, 2), ["mode", "link", "letter", "cancel"]),
        (registered(event, 3), ["confirm", "mode", "link", "letter", "cancel"]),
    ):
        page = desk.get(reverse("desk_participant", args=[event.pk, one.pk]))
        assert [action.key for action in page.context["actions"]] == expected


def test_a_get_with_an_action_changes_nothing(desk, event):
    one = enrolled(event, 1)
    before = Message.objects.count()
    for action in bulk.ACTIONS:
        asked(
            desk, event, action, one, query=f"&sure=yes&subject=a&text=b&key={KEY}&people={one.pk}"
        )
    one.refresh_from_db()
    assert (one.status, one.mode, Message.objects.count()) == ("confirmed", "in-person", before)
