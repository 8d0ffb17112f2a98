"""Inviting by name: lists of people, mails, answers, and what an invitation gives."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import MailDomain, Organisation
from events import lifecycle
from events.models import Entry, Mode
from outbox.models import Message, State
from registrations import guests, invitations, line, links, seats, swaps
from registrations.guests import Guest
from registrations.models import Invitation, Registration, Status
from registrations.seating import RefusedSeat
from registrations.tables import RefusedTable
from tests.factories import (
    EventFactory,
    InvitationFactory,
    OrganisationFactory,
    QuestionFactory,
    person,
    registered,
    terms,
    verified,
)
from tests.threads import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_too]

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


@pytest.fixture(autouse=True)
def _frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def event():
    return EventFactory(entry=Entry.INVITATION, capacity_in_person=2)


def reasons(invitation: Invitation) -> list[str]:
    """Why messages were written about an invitation, oldest first."""
    prefix = f"invitation/{invitation.pk}/"
    keys = Message.objects.filter(key__startswith=prefix).order_by("pk")
    return [key.removeprefix(prefix) for key in keys.values_list("key", flat=True)]


def state(invitation: Invitation) -> str:
    return Invitation.objects.with_state().get(pk=invitation.pk).state


def invited(event, n=1, **more) -> Invitation:
    """Somebody invited by a mail."""
    invitations.invite(event, [Guest(1, f"person{n}@example.org", f"Ana Müller {n}")], by=None)
    return event.invitations.get(email=f"person{n}@example.org")


def accepted(invitation: Invitation, *, mode=Mode.IN_PERSON, **said) -> Registration:
    """What becomes of an invited person who fills in the form."""
    return invitations.register(invitation, person=person(**said), mode=mode)


def read(text: str) -> list[tuple[str, str, str]]:
    found = guests.read_text(text)
    assert found.bad == []
    return [(one.email, one.name, one.organisation) for one in found.people]


# -- Lists of people --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("ana@example.org", [("ana@example.org", "", "")]),
        ("  <ana@example.org>,", [("ana@example.org", "", "")]),
        ("Ana Müller <ana@example.org>", [("ana@example.org", "Ana Müller", "")]),
        ('"Müller, Ana" <ana@example.org>;', [("ana@example.org", "Müller, Ana", "")]),
        (
            "Ana  Müller,ana@example.org,Probation Service",
            [("ana@example.org", "Ana Müller", "Probation Service")],
        ),
        (
            'Ana,ana@example.org,"Prison, and Probation"',
            [("ana@example.org", "Ana", "Prison, and Probation")],
        ),
        ("Ana;Müller;ana@example.org", [("ana@example.org", "Ana Müller", "")]),
        (
            "ana@example.org\tAna Müller\tProbation",
            [("ana@example.org", "Ana Müller", "Probation")],
        ),
        (
            "Ana <ana@example.org>; Ben <ben@example.org>\n\ncleo@example.org, dan@example.org",
            [
                ("ana@example.org", "Ana", ""),
                ("ben@example.org", "Ben", ""),
                ("cleo@example.org", "", ""),
                ("dan@example.org", "", ""),
            ],
        ),
        (
            "Organisation;E-Mail;First name;Surname\nCEP;ana@example.org;Ana;Müller",
            [("ana@example.org", "Ana Müller", "CEP")],
        ),
        ("email\nana@example.org\nben@example.org", [
            ("ana@example.org", "", ""), ("ben@example.org", "", ""),
        ]),
    ],
)  # fmt: skip
def test_lines_are_read_in_whatever_shape(text, people):
    assert read(text) == people


def test_bad_lines_are_listed_with_line_and_reason_and_good_ones_stay():
    found = guests.read_text(
        "ana@example.org\n\nBen Smith\nANA@example.org\nben@@example.org\n"
        "Cleo, cleo@example.org, dan@example.org\nlast@example.org\n"
        + "x" * 201
        + ", e@example.org"
    )

    assert [one.email for one in found.people] == ["ana@example.org", "last@example.org"]
    assert [(one.line, one.reason) for one in found.bad] == [
        (3, "There is no e-mail address in this line."),
        (4, "The address stands in line 1 already."),
        (5, "This is not one e-mail address."),
        (6, "There is more than one e-mail address in this line."),
        (8, "The name, the organisation or the address is too long."),
    ]
    assert found.bad[0].text == "Ben Smith"
    assert len(found.bad[-1].text) == 121


def test_a_list_is_cut_where_it_is_too_long(monkeypatch):
    monkeypatch.setattr(guests, "MOST", 2)

    found = guests.read_text("\n".join(f"person{n}@example.org" for n in range(3)))

    assert len(found.people) == 2
    assert [(one.line, one.reason) for one in found.bad] == [
        (3, "Invite at most 2 people at a time.")
    ]


def test_a_table_is_read_by_the_names_of_its_columns():
    file = SimpleUploadedFile(
        "people.csv",
        b"Name,E-mail,Organisation\nAna,ana@example.org,CEP\nBen,,\nCleo,c@example.org,X,Y\n",
    )

    found = guests.read_upload(file)

    assert found.people == [Guest(2, "ana@example.org", "Ana", "CEP")]
    assert [(one.line, one.text) for one in found.bad] == [
        (3, "Ben"),
        (4, "Cleo, c@example.org, X"),
    ]


def test_a_table_without_a_column_of_addresses_says_what_it_needs():
    with pytest.raises(RefusedTable, match="one is “e-mail”"):
        guests.read_upload(SimpleUploadedFile("people.csv", b"Name,Telephone\nAna,1\n"))


def test_what_is_packed_is_unpacked_and_checked_anew():
    people = [Guest(3, "ana@example.org", "A\t<b>", "x@y, z"), Guest(9, "ben@example.org")]

    assert guests.unpack(guests.pack(people)).people == [
        Guest(3, "ana@example.org", "A <b>", "x@y, z"),
        people[1],
    ]
    for broken in ("", "{}", "[1]", '[["1", "a@example.org", "", ""]]', '[[1, "a,b@c.d", "", ""]]'):
        assert guests.unpack(broken).people == []


# -- Inviting -----------------------------------------------------------------------------------------
def test_each_gets_one_mail_with_a_link_of_their_own(event):
    done = invitations.invite(
        event,
        [Guest(1, "ana@example.org", "Ana Müller", "CEP"), Guest(2, "ben@example.org")],
        by=None,
        sentence="We would be glad: {event} {{ link }} <b>",
    )

    assert len(done.new) == 2
    ana, ben = event.invitations.order_by("pk")
    assert (ana.name, ana.organisation, state(ana), reasons(ana)) == (
        "Ana Müller",
        "CEP",
        "sent",
        ["invited"],
    )
    message = Message.objects.get(recipient="ana@example.org")
    assert message.subject == f"{event.title}: you are invited"
    assert message.topic == f"event/{event.pk}"
    assert links.invitation_link(ana) in message.text
    assert links.invitation_link(ana) in message.html
    assert links.invitation_link(ben) not in message.text
    assert "We would be glad: {event} {{ link }} <b>" in message.text
    assert "We would be glad: {event} {{ link }} &lt;b&gt;" in message.html
    assert message.text.startswith("Dear Ana Müller,")
    facts = message.text[:600]
    for fact in ("31 March 2027", "Barcelona", links.invitation_link(ana), event.contact_email):
        assert fact in facts


def test_who_is_invited_or_registered_already_is_told_apart_and_gets_no_mail():
    event = EventFactory()
    first = invited(event, 1)
    verified(event, 2)
    before = Message.objects.count()

    people = [Guest(n, f"PERSON{n}@Example.org") for n in (1, 2, 3)]
    done = invitations.invite(event, people, by=None)

    assert [[one.line for one in pile] for pile in (done.invited, done.registered, done.new)] == [
        [1],
        [2],
        [3],
    ]
    assert Message.objects.count() == before + 1
    assert reasons(first) == ["invited"]


def test_inviting_the_same_list_again_sends_nothing(event):
    invited(event)
    assert invitations.invite(event, [Guest(1, "person1@example.org")], by=None).new == []
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"draft": True}, "not public yet"),
        ({"closes_at": NOW}, "Registration is closed"),
        ({"starts_at": NOW - DAY, "ends_at": NOW + DAY}, "Registration is closed"),
        ({"starts_at": NOW - 2 * DAY, "ends_at": NOW - DAY}, "over"),
    ],
)
def test_nobody_is_invited_where_nobody_could_register(fields, words):
    event = EventFactory(**fields)
    for act in (
        partial(invitations.invite, event, [Guest(1, "a@example.org")], by=None),
        partial(invitations.remind, event),
        partial(invitations.resend, InvitationFactory(event=event)),
    ):
        with pytest.raises(RefusedSeat, match=words):
            act()
    assert Message.objects.count() == 0


def test_an_invitation_opens_before_registering_does():
    event = EventFactory(opens_at=NOW + DAY)
    assert accepted(invited(event)).status == Status.CONFIRMED


# -- Answers ------------------------------------------------------------------------------------------
def test_states_follow_the_answers(event):
    invitation = invited(event)
    assert state(invitation) == "sent"

    assert invitations.press(invitation) is None
    assert state(invitation) == "opened"

    registration = accepted(invitation)
    assert state(invitation) == "registered"

    seats.cancel(registration)
    assert state(invitation) == "opened"
    assert event.invitations.by_state() == {"opened": 1}
    assert [one.pk for one in event.invitations.in_state("opened")] == [invitation.pk]
    assert not event.invitations.in_state("sent").exists()


def test_somebody_registered_without_the_link_counts_as_registered():
    event = EventFactory()
    invitation = invited(event, 1)

    registered(event, 1, email="Person1@EXAMPLE.org")

    assert state(invitation) == "registered"
    assert not event.invitations.silent().exists()


def test_the_link_proves_the_address_so_that_no_mail_asks_to_confirm_it(event):
    invitation = invited(event)

    registration = accepted(invitation, email="somebody-else@example.org")

    assert (registration.status, registration.seat, registration.email) == (
        Status.CONFIRMED,
        1,
        "person1@example.org",
    )
    assert registration.invitation == invitation
    keys = Message.objects.filter(key__startswith="registration/").values_list("key", flat=True)
    assert list(keys) == [f"registration/{registration.pk}/confirmed"]


def test_declining_is_noted_once_and_can_be_taken_back(event, time_machine):
    invitation = invited(event)
    invitations.decline(invitation)
    time_machine.shift(timedelta(hours=1))
    invitations.decline(invitation)
    invitation.refresh_from_db()
    assert (invitation.opened_at, invitation.declined_at) == (NOW, NOW)
    assert Message.objects.get().state == State.STOPPED

    invitations.press(invitation)
    invitation.refresh_from_db()
    assert (state(invitation), invitation.opened_at) == ("opened", NOW)


def test_registering_takes_a_refusal_back(event):
    invitation = invited(event)
    invitations.decline(invitation)
    accepted(invitation)
    invitation.refresh_from_db()
    assert (invitation.declined_at, state(invitation)) == (None, "registered")


def test_whoever_has_registered_cannot_decline_but_cancel(event):
    invitation = invited(event)
    accepted(invitation)
    with pytest.raises(RefusedSeat, match="cancel the registration instead"):
        invitations.decline(invitation)


def test_a_refusal_stands_once_registering_is_over(event, time_machine):
    invitation = invited(event)
    invitations.decline(invitation)
    time_machine.move_to(event.starts_at)
    with pytest.raises(RefusedSeat, match="Registration is closed"):
        invitations.press(invitation)
    assert state(invitation) == "declined"


# -- What is there already ----------------------------------------------------------------------------
def test_pressing_makes_what_waits_the_registration_of_an_invited_person(time_machine):
    event = EventFactory(capacity_in_person=1)
    terms(event, kept_in_person=1, kept_until=NOW + DAY)
    waits = verified(event, 1)
    assert waits.status == Status.WAITING
    invitation = InvitationFactory(event=event, email="Person1@example.org")

    known = invitations.press(invitation)

    waits.refresh_from_db()
    assert known == waits
    assert (waits.status, waits.seat, waits.invitation) == (Status.OFFERED, 1, invitation)


def test_pressing_proves_the_address_of_an_unconfirmed_registration():
    event = EventFactory()
    registration = registered(event, 1)
    known = invitations.press(InvitationFactory(event=event, email=registration.email))
    assert (known.pk, known.status) == (registration.pk, Status.CONFIRMED)


def test_pressing_leaves_to_the_own_page_what_is_not_complete():
    event = EventFactory()
    registration = registered(event, 1)
    QuestionFactory(event=event, is_required=True)
    invitation = InvitationFactory(event=event, email=registration.email)

    known = invitations.press(invitation)

    known.refresh_from_db()
    assert (known.status, known.invitation) == (Status.UNVERIFIED, invitation)


def test_nobody_decides_about_invited_people():
    event = EventFactory(entry=Entry.APPROVAL, capacity_in_person=1)
    applied = verified(event, 1)
    assert applied.status == Status.APPLIED
    assert invitations.press(InvitationFactory(event=event, email=applied.email)).status == (
        Status.CONFIRMED
    )
    assert accepted(invited(event, 2), email="x@example.org").status == Status.WAITING


def test_the_form_of_a_registered_person_changes_nothing(event):
    invitation = invited(event)
    first = accepted(invitation)
    again = accepted(invitation, given_name="Mallory")
    assert (again.pk, again.given_name) == (first.pk, "Ana")


# -- What an invitation gives -------------------------------------------------------------------------
def test_an_invited_person_gets_a_kept_place_where_others_wait():
    event = EventFactory(capacity_in_person=2)
    terms(event, kept_in_person=1, kept_until=NOW + DAY)
    assert [verified(event, n).status for n in (1, 2)] == [Status.CONFIRMED, Status.WAITING]

    invitation = invited(event, 3)

    assert invitations.has_place(invitation, Mode.IN_PERSON)
    assert accepted(invitation).status == Status.CONFIRMED
    late = invited(event, 4)
    assert not invitations.has_place(late, Mode.IN_PERSON)
    assert accepted(late).status == Status.WAITING


def test_an_invited_person_gets_a_place_where_members_come_first():
    event = EventFactory()
    MailDomain.objects.create(
        organisation=OrganisationFactory(is_member=True), domain="member.example"
    )
    terms(event, members_only_until=NOW + DAY)
    assert Organisation.objects.filter(is_member=True).exists()

    assert verified(event, 1).status == Status.WAITING
    assert accepted(invited(event, 2)).status == Status.CONFIRMED


def test_the_limit_of_an_organisation_holds_for_invited_people_too():
    event = EventFactory()
    terms(event, most_per_organisation=1)
    verified(event, 1)
    assert accepted(invited(event, 2)).status == Status.WAITING


# -- Asking again -------------------------------------------------------------------------------------
def test_only_the_silent_are_reminded_and_never_twice_in_a_day(event, time_machine):
    silent, opened, declined, comes, was_there = (invited(event, n) for n in range(1, 6))
    invitations.press(opened)
    invitations.decline(declined)
    accepted(comes)
    seats.cancel(accepted(was_there))
    assert invitations.remind(event) == 0

    time_machine.move_to(NOW + DAY, tick=False)
    assert invitations.to_remind(event, NOW + DAY).count() == 2
    assert invitations.remind(event, sentence="Please answer.") == 2
    time_machine.move_to(NOW + 2 * DAY - timedelta(minutes=1), tick=False)
    assert invitations.remind(event) == 0
    time_machine.move_to(NOW + 2 * DAY, tick=False)
    assert invitations.remind(event) == 2

    assert reasons(silent) == ["invited", "reminder/1", "reminder/2"]
    assert reasons(opened) == ["invited", "reminder/1", "reminder/2"]
    assert [reasons(one) for one in (declined, comes, was_there)] == [["invited"]] * 3
    mail = Message.objects.get(key=f"invitation/{silent.pk}/reminder/1")
    assert mail.subject == f"{event.title}: will you come? A reminder of your invitation"
    assert "The organisers write: Please answer." in mail.text


def test_one_invitation_is_sent_again_once_a_minute_and_counts_as_a_reminder(event, time_machine):
    invitation = invited(event)
    time_machine.move_to(NOW + DAY, tick=False)
    for _n in range(2):
        invitations.resend(invitation)
    assert reasons(invitation) == ["invited", "again/2027-03-02T12:00Z"]
    assert invitations.remind(event) == 0


def test_an_invitation_is_not_sent_again_to_somebody_registered(event):
    invitation = invited(event)
    accepted(invitation)
    with pytest.raises(RefusedSeat, match="has registered"):
        invitations.resend(invitation)


def test_taking_an_invitation_back_stops_its_mail_and_its_link(event):
    invitation = invited(event)
    token = links.invitation_token(invitation)
    assert links.find_invitation(token) == invitation

    invitations.take_back(invitation)
    invitations.take_back(invitation)

    assert links.find_invitation(token) is None
    assert Message.objects.get().state == State.STOPPED
    with pytest.raises(RefusedSeat, match="withdrawn"):
        accepted(invitation)


def test_an_invitation_that_was_used_is_not_taken_back(event):
    invitation = invited(event)
    registration = accepted(invitation)
    with pytest.raises(RefusedSeat, match="has registered"):
        invitations.take_back(invitation)

    seats.cancel(registration)
    invitations.take_back(invitation)
    registration.refresh_from_db()
    assert registration.invitation is None


def test_an_invitation_serves_one_person_also_under_another_address_or_by_a_substitute(event):
    moved, replaced = invited(event, 1), invited(event, 2)
    registration = accepted(moved)
    Registration.objects.filter(pk=registration.pk).update(email="new@example.org")
    swaps.name_substitute(accepted(replaced), person=person(7))
    seats.verify(Registration.objects.get(email="person7@example.org"))

    for invitation in (moved, replaced):
        assert state(invitation) == "registered"
        for act in (invitations.press, accepted, invitations.resend, invitations.take_back):
            with pytest.raises(RefusedSeat, match="has registered"):
                act(invitation)
    assert event.registrations.live().count() == 2
    assert not event.invitations.silent().exists()


def test_a_long_list_is_invited_and_reminded_a_few_at_a_time(event, time_machine, monkeypatch):
    monkeypatch.setattr(invitations, "AT_ONCE", 2)
    people = [Guest(n, f"person{n}@example.org") for n in range(5)]
    assert len(invitations.invite(event, people, by=None).new) == 5
    time_machine.move_to(NOW + DAY, tick=False)
    assert invitations.remind(event) == 5
    assert Message.objects.count() == 10


@pytest.mark.parametrize("end", [lifecycle.cancel, lifecycle.postpone])
def test_invitations_that_wait_are_not_sent_for_an_event_that_is_off(event, end):
    other = invited(EventFactory(), 9)
    invitation = invited(event)

    end(event, by=None)

    assert (
        Message.objects.get(key__startswith=f"invitation/{invitation.pk}/").state == State.STOPPED
    )
    assert Message.objects.get(key__startswith=f"invitation/{other.pk}/").state == State.WAITING


def test_a_link_opens_nothing_once_altered_and_serves_one_purpose(event):
    invitation, other = invited(event, 1), invited(event, 2)
    token = links.invitation_token(invitation)
    registration = accepted(other)
    for wrong in (
        token[:-1] + ("a" if token[-1] != "a" else "b"),
        other.reference + token[8:],
        token.upper(),
        links.token_of(registration),
        invitation.reference,
    ):
        assert links.find_invitation(wrong) is None
    assert links.find(token) is None
    assert links.find_by_address(token) is None


# -- At once ------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_an_invitation_used_ten_times_at_once_gives_one_registration(event):
    invitation = invited(event)

    answers = at_once([partial(accepted, invitation) for _n in range(10)])

    registration = Registration.objects.get()
    assert answers == [registration] * 10
    assert (registration.status, registration.seat) == (Status.CONFIRMED, 1)
    assert Message.objects.filter(key__startswith="registration/").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_list_ten_times_at_once_invites_once(event):
    people = [Guest(n, f"person{n}@example.org") for n in range(3)]

    answers = at_once([partial(invitations.invite, event, people, by=None) for _n in range(10)])

    assert sorted(len(one.new) for one in answers) == [0] * 9 + [3]
    assert Message.objects.count() == Invitation.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_reminding_ten_times_at_once_reminds_once(event, time_machine):
    for n in range(3):
        invited(event, n)
    time_machine.move_to(NOW + DAY, tick=False)

    assert sorted(at_once([partial(invitations.remind, event) for _n in range(10)])) == [0] * 9 + [
        3
    ]


@pytest.mark.django_db(transaction=True)
def test_the_last_kept_place_goes_to_one_of_ten_invited_people():
    event = EventFactory(capacity_in_person=3)
    terms(event, kept_in_person=1, kept_until=NOW + DAY)
    for n in range(2):
        verified(event, n)
    asked = [invited(event, n) for n in range(10, 20)]

    answers = at_once([partial(accepted, one) for one in asked])

    assert sorted(one.status for one in answers) == [Status.CONFIRMED] + [Status.WAITING] * 9
    assert line.in_line(event, Mode.IN_PERSON).count() == 9
