"""The desk's pages of invitations: a list with states, inviting with a look before, asking again, taking back."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook

from accounts.models import Role
from events.models import Entry
from outbox.models import Message, State
from registrations import invitations, links
from registrations.guests import Guest
from registrations.models import Invitation
from tests.factories import (
    EventFactory,
    InvitationFactory,
    MembershipFactory,
    OrganisationFactory,
    person,
    terms,
    verified,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(hours=24)
LIST = 24


@pytest.fixture
def event():
    return EventFactory(
        organiser=OrganisationFactory(), entry=Entry.INVITATION, capacity_in_person=10
    )


@pytest.fixture
def desk(event):
    client = Client()
    organisation = event.organisation_links.get().organisation
    client.force_login(MembershipFactory(organisation=organisation, role=Role.ORGANISER).user)
    return client


def at(name, event, *more):
    return reverse(name, args=[event.pk, *more])


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def sent_by(page):
    """What the page that shows a list sends when its button is pressed."""
    plan = page.context["plan"]
    return {
        "people": page.context["people"],
        "sentence": page.context["sentence"],
        "checked": str(len(plan.new)),
    }


def asked_days_ago(event, email, days=2, **more):
    return InvitationFactory(
        event=event, email=email, invited_at=timezone.now() - days * DAY, **more
    )


def registers(invitation, n=1):
    return invitations.register(invitation, person=person(n), mode="in-person")


# -- Inviting -----------------------------------------------------------------------------------------
def test_a_pasted_list_is_shown_before_anything_is_sent(desk, event):
    InvitationFactory(event=event, email="old@example.org")
    page = desk.post(
        at("desk_invitation_new", event),
        {
            "people": "Ana <ana@example.org>\nold@example.org\nnobody\n<b>ben@example.org</b>\ncleo@example.org",
            "sentence": "Do come.\n<i>",
        },
    )

    assert page.status_code == 200
    assert "Send 2 mails" in page.text
    assert "1 person is invited already and gets no mail" in page.text
    assert "2 lines cannot be used; the others can." in page.text
    assert "Line 3, “nobody”: There is no e-mail address in this line." in page.text
    assert "&lt;b&gt;ben@example.org&lt;/b&gt;" in page.text
    assert "Do come.<br>&lt;i&gt;" in page.text
    assert (Message.objects.count(), event.invitations.count()) == (0, 1)

    answer = desk.post(at("desk_invitation_new", event), sent_by(page))
    assert answer["Location"] == at("desk_invitations", event)
    assert said(answer) == ["2 mails are on their way."]
    emails = event.invitations.order_by("email").values_list("email", flat=True)
    assert list(emails) == ["ana@example.org", "cleo@example.org", "old@example.org"]
    assert "Do come." in Message.objects.get(recipient="ana@example.org").text
    assert Invitation.objects.get(email="ana@example.org").invited_by is not None


def test_the_button_pressed_twice_sends_once(desk, event):
    page = desk.post(at("desk_invitation_new", event), {"people": "ana@example.org"})
    desk.post(at("desk_invitation_new", event), sent_by(page))
    again = desk.post(at("desk_invitation_new", event), sent_by(page))
    assert again.status_code == 409
    assert "Nobody on this list is to be invited: no mail goes out." in again.text
    assert Message.objects.count() == 1


def test_a_list_whose_number_changed_meanwhile_is_shown_again(desk, event):
    page = desk.post(
        at("desk_invitation_new", event), {"people": "ana@example.org\nben@example.org"}
    )
    InvitationFactory(event=event, email="ben@example.org")
    again = desk.post(at("desk_invitation_new", event), sent_by(page))
    assert again.status_code == 409
    assert "Send 1 mail<" in again.text
    assert Message.objects.count() == 0
    desk.post(at("desk_invitation_new", event), sent_by(again))
    assert Message.objects.count() == 1


def test_a_csv_and_an_xlsx_are_taken_by_the_names_of_their_columns(desk, event):
    book, buffer = Workbook(), BytesIO()
    book.active.append(["Organisation", "E-mail", "Name"])
    book.active.append(["CEP", "ana@example.org", "Ana"])
    book.save(buffer)
    for name, content in (
        ("people.xlsx", buffer.getvalue()),
        ("people.csv", b"Name;E-mail\nBen;ben@example.org\nCleo;nothing\n"),
    ):
        page = desk.post(
            at("desk_invitation_new", event), {"file": SimpleUploadedFile(name, content)}
        )
        assert page.status_code == 200
        desk.post(at("desk_invitation_new", event), sent_by(page))
    assert "Line 3, “Cleo, nothing”: This is not one e-mail address." in page.text
    stored = event.invitations.order_by("email").values_list("email", "name", "organisation")
    assert list(stored) == [("ana@example.org", "Ana", "CEP"), ("ben@example.org", "Ben", "")]


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({}, "people", "Paste addresses, or upload a table."),
        ({"people": "  \n"}, "people", "Paste addresses, or upload a table."),
        (
            {"people": "a@b.example", "file": SimpleUploadedFile("a.csv", b"email\na@b.example")},
            "people",
            "Paste addresses or upload a table: one of both.",
        ),
        ({"file": SimpleUploadedFile("a.csv", b"Name\nAna\n")}, "file", "must name the columns"),
        ({"file": SimpleUploadedFile("a.xlsx", b"PK\x03\x04nonsense")}, "file", "cannot be read"),
        ({"people": "a@b.example", "sentence": "x" * 501}, "sentence", "at most 500 characters"),
    ],
)
def test_a_form_that_names_nobody_says_what_to_do(desk, event, sent, field, words):
    page = desk.post(at("desk_invitation_new", event), sent)
    assert page.status_code == 422
    assert words in page.context["form"].errors[field][0]
    assert "<title>" in page.text
    assert "Error:" in page.text.partition("</title>")[0]


def test_a_tampered_list_sends_only_to_addresses_that_are_right(desk, event):
    sent = {
        "people": '[[1, "a@example.org, b@example.org", "", ""], [2, "c@example.org", "", ""]]',
        "checked": "1",
    }
    desk.post(at("desk_invitation_new", event), sent)
    assert list(Message.objects.values_list("recipient", flat=True)) == ["c@example.org"]


def test_a_draft_invites_nobody_and_says_why(desk, event):
    event.status = "draft"
    event.save()
    for name in ("desk_invitations", "desk_invitation_new", "desk_invitation_remind"):
        assert "This event is not public yet." in desk.get(at(name, event)).text
    page = desk.post(at("desk_invitation_new", event), {"people": "ana@example.org"})
    assert page.status_code == 422
    answer = desk.post(
        at("desk_invitation_new", event),
        {"people": '[[1, "a@example.org", "", ""]]', "checked": "1"},
    )
    assert said(answer) == ["This event is not public yet."]
    assert Message.objects.count() == 0


# -- The list -----------------------------------------------------------------------------------------
@pytest.fixture
def answered(event):
    """One invitation in each state."""
    _sent, opened, declined, comes = (
        asked_days_ago(event, f"{name}@example.org", name=name.capitalize())
        for name in ("sent", "opened", "declined", "comes")
    )
    invitations.press(opened)
    invitations.decline(declined)
    registers(comes)
    return event


def test_the_list_shows_states_and_their_numbers(desk, answered):
    page = desk.get(at("desk_invitations", answered))
    assert [number for _key, _label, number in page.context["states"]] == [1, 1, 1, 1]
    shown = {one.email: one.state for one in page.context["page"]}
    assert shown == {f"{name}@example.org": name for name in ("sent", "opened", "declined")} | {
        "comes@example.org": "registered"
    }
    assert "Remind 2 people…" in page.text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?state=opened", ["Opened"]),
        ("?state=registered", ["Comes"]),
        ("?q=declined@", ["Declined"]),
        ("?q=sent&state=sent", ["Sent"]),
        ("?q=sent&state=opened", []),
        ("?state=nonsense", ["Comes", "Declined", "Opened", "Sent"]),
    ],
)
def test_the_list_is_searched_and_filtered(desk, answered, query, names):
    page = desk.get(at("desk_invitations", answered) + query)
    assert [one.name for one in page.context["page"]] == names
    assert ("Nobody matches." in page.text) == (not names)


def test_the_list_says_how_many_places_are_kept_until_when_and_how_many_hold_one(desk, event):
    until = timezone.now() + 2 * DAY
    terms(event, kept_in_person=4, kept_until=until)
    for n in range(2):
        registers(InvitationFactory(event=event), n)
    page = desk.get(at("desk_invitations", event))
    assert "4 places are kept for invited people (In person) until" in page.text
    assert "2 invited people hold a place." in page.text
    assert "kept for invited" not in desk.get(at("desk_invitations", _other(event))).text


def _other(event):
    return EventFactory(organiser=event.organisation_links.get().organisation)


@pytest.mark.parametrize("amount", [1, 3])
def test_the_list_asks_the_database_as_often_for_one_as_for_three(
    desk, event, amount, django_assert_num_queries
):
    terms(event, kept_in_person=4, kept_until=timezone.now() + DAY)
    for n in range(amount):
        InvitationFactory(event=event)
        registers(InvitationFactory(event=event), n)
    desk.get(at("desk_invitations", event))
    with django_assert_num_queries(LIST):
        page = desk.get(at("desk_invitations", event))
    assert len(page.context["page"].object_list) == 2 * amount


def test_invitations_stand_in_the_mail_of_the_event_without_their_links(desk, event):
    page = desk.post(at("desk_invitation_new", event), {"people": "ana@example.org"})
    desk.post(at("desk_invitation_new", event), sent_by(page))
    message, invitation = Message.objects.get(), event.invitations.get()
    assert "ana@example.org" in desk.get(at("desk_mail", event)).text
    shown = desk.get(at("desk_message", event, message.pk)).text
    assert "/i/…" in shown
    assert links.invitation_token(invitation) not in shown
    assert links.invitation_token(invitation) in message.text


def test_the_mail_of_a_withdrawn_invitation_is_not_sent_after_all(desk, event):
    invitations.invite(event, [Guest(1, "ana@example.org")], by=None)
    invitations.take_back(event.invitations.get())
    message = Message.objects.get()
    answer = desk.post(at("desk_message_retry", event, message.pk))
    assert said(answer) == [
        "It was not sent: the invitation was withdrawn, or the person cannot come."
    ]
    message.refresh_from_db()
    assert message.state == State.STOPPED


# -- Asking again, taking back ------------------------------------------------------------------------
def test_reminding_names_the_number_and_asks_once_more(desk, answered):
    page = desk.get(at("desk_invitation_remind", answered))
    assert "2 people have not answered and get a mail each." in page.text
    assert "Send 2 mails" in page.text
    before = Message.objects.count()

    answer = desk.post(at("desk_invitation_remind", answered), {"sentence": "Please answer."})
    assert said(answer) == ["2 mails are on their way."]
    assert Message.objects.count() == before + 2

    again = desk.post(at("desk_invitation_remind", answered), {"sentence": ""})
    assert again.status_code == 409
    assert "Nobody is left to remind" in again.text
    assert Message.objects.count() == before + 2


def test_sending_one_again_asks_first(desk, answered):
    sent = answered.invitations.get(email="sent@example.org")
    page = desk.get(at("desk_invitation_resend", answered, sent.pk))
    assert "A mail with the same link goes to sent@example.org." in page.text
    answer = desk.post(at("desk_invitation_resend", answered, sent.pk))
    assert said(answer) == ["1 mail is on its way."]
    assert Message.objects.filter(key__startswith=f"invitation/{sent.pk}/again/").count() == 1


def test_who_cannot_come_is_not_asked_again(desk, answered):
    declined = answered.invitations.get(email="declined@example.org")
    address = at("desk_invitation_resend", answered, declined.pk)
    page = desk.get(at("desk_invitations", answered)).text
    assert address not in page
    assert at("desk_invitation_withdraw", answered, declined.pk) in page
    before = Message.objects.count()
    assert "they cannot come, so nothing is sent again" in desk.get(address).text
    assert desk.post(address).status_code == 409
    assert Message.objects.count() == before


@pytest.mark.parametrize("action", ["resend", "withdraw"])
def test_who_has_registered_is_neither_asked_nor_uninvited(desk, answered, action):
    comes = answered.invitations.get(email="comes@example.org")
    address = at(f"desk_invitation_{action}", answered, comes.pk)
    assert "has registered" in desk.get(address).text
    assert desk.post(address).status_code == 409
    assert answered.invitations.filter(pk=comes.pk).exists()


def test_withdrawing_asks_and_removes(desk, answered):
    sent = answered.invitations.get(email="sent@example.org")
    address = at("desk_invitation_withdraw", answered, sent.pk)
    assert "The link in the mail opens nothing any more" in desk.get(address).text
    assert answered.invitations.filter(pk=sent.pk).exists()
    token = links.invitation_token(sent)
    desk.post(address)
    assert not answered.invitations.filter(pk=sent.pk).exists()
    assert Client().get(reverse("invitation", args=[token])).status_code == 404


def test_an_invitation_of_another_event_is_not_there(desk, event):
    foreign = InvitationFactory(event=_other(event))
    for action in ("resend", "withdraw"):
        for ask in (desk.get, desk.post):
            assert ask(at(f"desk_invitation_{action}", event, foreign.pk)).status_code == 404
    assert Invitation.objects.filter(pk=foreign.pk).exists()


def test_somebody_registered_by_the_public_form_is_shown_as_registered(desk):
    event = EventFactory(organiser=OrganisationFactory())
    client = Client()
    client.force_login(
        MembershipFactory(organisation=event.organisation_links.get().organisation).user
    )
    registration = verified(event, 1)
    InvitationFactory(event=event, email=registration.email)
    page = client.get(at("desk_invitations", event))
    assert [one.state for one in page.context["page"]] == ["registered"]
    assert "See the registration" in page.text
