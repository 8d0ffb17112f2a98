"""The words of messages: whose hold, what may stand in braces, and what becomes of hostile text and values."""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import lifecycle
from outbox.models import Message
from outbox.posting import compose
from registrations import (
    announcements,
    decisions,
    links,
    messages,
    moments,
    notices,
    seats,
    wordings,
)
from registrations.models import Mailing, Wording
from registrations.wordings import Text, Words, check, expand, ours
from tests.factories import (
    EventFactory,
    InvitationFactory,
    UserFactory,
    VenueFactory,
    enrolled,
    registered,
    verified,
)
from tests.telling import settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return EventFactory(title="Expert Group")


def say(text, *, subject="your place", notice="confirmed", event=None, language="en"):
    return Wording.objects.create(
        event=event, notice=notice, language=language, subject=subject, text=text
    )


def written(registration, reason="confirmed"):
    return Message.objects.get(key=f"registration/{registration.pk}/{reason}")


def refusal(text, allowed=("event", "name")):
    with pytest.raises(ValidationError) as caught:
        check(text, allowed)
    return caught.value.messages[0]


# -- Whose words ----------------------------------------------------------------------------------
def test_the_event_beats_the_network_and_the_network_beats_ours(event):
    assert written(enrolled(event, 1)).subject == "Expert Group: your place is confirmed"
    say("Of the network, {name}.", subject="network")
    assert written(enrolled(event, 2)).subject == "Expert Group: network"
    say("Of the event, {name}.", subject="event", event=event)
    message = written(enrolled(event, 3))
    assert message.subject == "Expert Group: event"
    assert "Of the event, Ana Müller 3." in message.text
    assert "Of the network" in written(enrolled(EventFactory(), 4)).text


def test_words_hold_in_their_own_language_and_for_their_own_message(event):
    say("Bonjour {name}.", language="fr")
    say("Reminded.", notice="reminder")
    message = written(enrolled(event))
    assert "Bonjour" not in message.text
    assert "Reminded." not in message.text


def test_words_that_say_the_same_as_without_are_not_kept(event):
    text = ours("confirmed", "en")
    assert wordings.keep(event, "confirmed", "en", text) is False
    assert wordings.keep(event, "confirmed", "en", Text("other", text.words, "")) is True
    assert wordings.keep(event, "confirmed", "en", Text("again", text.words, "")) is True
    assert [one.subject for one in Wording.objects.all()] == ["again"]
    assert wordings.keep(event, "confirmed", "en", text) is False
    assert not Wording.objects.exists()


def test_a_reset_brings_back_what_was_under_it(event):
    say("network"), say("event", event=event)
    wordings.reset(event, "confirmed", "en")
    wordings.reset(event, "confirmed", "en")
    assert wordings.in_force(event, "confirmed", "en").words == "network"
    wordings.reset(None, "confirmed", "en")
    assert wordings.in_force(event, "confirmed", "en") == ours("confirmed", "en")


# -- What may stand in braces ----------------------------------------------------------------------
@pytest.mark.parametrize("notice", moments.NOTICES.values(), ids=lambda notice: notice.key)
def test_our_own_words_hold_only_values_that_are_allowed(notice):
    text = ours(notice.key, "en")
    assert text.subject
    assert text.words
    check(text.subject, notice.values)
    check(text.words, notice.values)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Hello {event.title}", "{event.title}"),
        ("Hello {event.organisers[0].memberships}", "{event.organisers[0].memberships}"),
        ("Hello {0}", "{0}"),
        ("Hello {}", "{}"),
        ("Hello {name!r}", "{name!r}"),
        ("Hello {name:>100000000}", "{name:>100000000}"),
        ("Hello {Name}", "{Name}"),
        ("Hello {nmae}", "{nmae}"),
        ("Hello { name }", "{ name }"),
        ("Hello {{name}}", "{{name}}"),
        ("Hello {{", "{{"),
        ("Hello {", "{"),
        ("Hello }", "}"),
        ("Hello {name", "{name"),
        ("Hello {name}}", "{name}}"),
        ("{% if name %}", "{% if name %}"),
        ("{{ settings.SECRET_KEY }}", "{{ settings.SECRET_KEY }}"),
        ("{name\n}", "{name"),
    ],
)
def test_what_is_no_value_is_refused_by_its_own_name(text, wrong):
    said = refusal(text)
    assert f"“{wrong}”" in said
    assert "{event}, {name}" in said


def test_a_refusal_names_three_wrong_things_and_cuts_long_ones():
    said = refusal("{a} {b} {c} {d} {a} {name}")
    assert said.startswith("“{a}”, “{b}”, “{c}” are not values")
    assert len(refusal("{" + "x" * 5000)) < 300


@pytest.mark.parametrize("text", ["100 %s %(name)s %%", "<script>", "$name", "[link](x)"])
def test_text_without_braces_is_text(text):
    check(text, ())


def test_a_value_is_put_in_once_and_never_looked_at_again():
    said = {"name": "{link}", "link": "{name}", "event": "%(x)s \\1 \\g<0>"}
    assert expand("{name} {link} {event} {other} {{name}}", said) == (
        "{link} {name} %(x)s \\1 \\g<0> {other} {{link}}"
    )


# -- Hostile text and values ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", ["%s %(name)s", "<script>alert(1)</script>", "{% if %}", "{0}", "{"]
)
def test_text_of_organisers_comes_out_as_it_is(event, text):
    say(f"Before {text} after", subject=f"s {text}", event=event)
    message = written(enrolled(event))
    assert f"Before {text} after" in message.text
    assert message.subject == f"Expert Group: s {text}"
    assert "<script" not in message.html
    assert re.search(r"\{%|&lt;script|%s|\{", message.html)


def test_a_name_that_looks_like_a_value_stays_a_name(event):
    say("Hello {name}, {given_name}.", event=event)
    message = written(enrolled(event, given_name="{link}", family_name="{% now 'Y' %}{reference}"))
    assert "Hello {link} {% now 'Y' %}{reference}, {link}." in message.text
    assert "Dear {link} {% now" in message.text
    assert "Hello {link} {% now &#x27;Y&#x27; %}{reference}" in message.html


def test_right_to_left_names_and_words_stand_in_paragraphs_of_their_own_direction(event):
    say("שלום {name},\n\nברוכים הבאים ל{event}.", event=event)
    message = written(enrolled(event, given_name="אנה", family_name="כהן"))
    assert '<p dir="auto">שלום אנה כהן,</p>' in message.html
    assert "ברוכים הבאים לExpert Group." in message.text


def test_a_note_of_organisers_is_no_template():
    event = EventFactory(entry="approval")
    registration = verified(event)
    decisions.accept(registration, by=None, note="{link} {{ link }} <b>{name}</b>")
    message = written(registration)
    assert "The organisers write: {link} {{ link }} <b>{name}</b>" in message.text
    assert "&lt;b&gt;{name}&lt;/b&gt;" in message.html


def test_only_full_addresses_become_links(event):
    say(
        "See https://example.org/a?b=1&c=2, (http://example.org/x) or example.org.\n"
        'javascript:alert(1) //evil.example https://e.org/"onclick="x',
        event=event,
    )
    message = written(enrolled(event))
    said = message.html.partition('<p dir="auto">See')[2].partition("</p>")[0]
    assert re.findall(r'href="([^"]*)"', said) == [
        "https://example.org/a?b=1&amp;c=2",
        "http://example.org/x",
        "https://e.org/",
    ]
    assert "<br>javascript:alert(1) //evil.example" in said


# -- What holds whatever the words are ---------------------------------------------------------------
def test_long_words_push_nothing_out_of_the_first_characters(event):
    say("A very long paragraph. " * 40 + "\n\nThe end, {name}.", subject="x" * 200, event=event)
    registration = enrolled(event)
    message = written(registration)
    start = message.text[:600]
    for fact in (
        "Expert Group",
        "Dear Ana Müller 1,",
        links.personal_link(registration),
        "See or cancel my registration",
        "When: ",
        "Madrid time (UTC+",
        "Where: Palau de Congressos",
        "Questions: contact@organiser.example",
    ):
        assert fact in start
    assert message.text.index("The end, Ana") > message.text.index("Questions:")
    assert message.html.index("The end, Ana") > message.html.index("Palau de Congressos")


def test_short_words_stand_above_the_button(event):
    say("Hello,\n\nsee you there.", event=event)
    message = written(enrolled(event))
    assert message.text.index("see you there.") < message.text.index("When:")
    assert message.html.index("see you there.") < message.html.index('class="button"')


def test_what_is_not_yet_sure_ends_the_subject_however_long_it_is(event):
    event.title = "T" * 200
    event.save()
    say("Confirm.", subject="s" * 200, notice="verify", event=event)
    subject = written(registered(event), "verify").subject
    assert subject.startswith("T" * 200 + ": sss")
    assert subject.endswith("… (not yet confirmed)")
    assert len(subject) == 300


def test_a_subject_that_begins_with_the_title_does_not_say_it_twice(event):
    say("Hello.", subject="{event} is waiting for you", event=event)
    assert written(enrolled(event)).subject == "Expert Group is waiting for you"


def test_what_nobody_may_miss_is_said_even_where_the_words_lack_it(event):
    say("Hello.", notice="verify", event=event)
    assert "Hello.\n\nWe hold a place for you until" in written(registered(event), "verify").text
    say("{next} Hello.", notice="verify")
    text = written(registered(EventFactory(), 2), "verify").text
    assert text.count("We hold a place for you until") == 1


def test_a_sentence_that_has_nothing_to_say_leaves_no_gap():
    event = EventFactory(entry="approval")
    registration = verified(event)
    decisions.accept(registration, by=None)
    message = written(registration)
    assert "The organisers write" not in message.text
    assert '<p dir="auto"></p>' not in message.html
    assert "\n\n\n" not in message.text


# -- The moments -------------------------------------------------------------------------------------
def test_accepting_has_words_of_its_own_and_one_confirmation(event):
    event.entry = "approval"
    event.save()
    accepted, confirmed = verified(event, 1), verified(event, 2)
    decisions.accept(accepted, by=None)
    decisions.confirm(confirmed, by=None)
    for registration in (accepted, confirmed):
        message = written(registration)
        assert message.subject == "Expert Group: the organisers have accepted you"
        assert "Your place at" not in message.text
        assert message.calendar_method == "REQUEST"
    assert written(enrolled(event, 3)).subject == "Expert Group: your place is confirmed"


def test_cancelling_by_organisers_has_words_of_its_own(event):
    mine, theirs = enrolled(event, 1), enrolled(event, 2)
    seats.cancel(mine)
    seats.cancel(theirs, by=UserFactory(), why="no answer")
    assert written(mine, "cancelled").subject == "Expert Group: your registration is cancelled"
    message = written(theirs, "cancelled")
    assert message.subject == "Expert Group: the organisers have cancelled your registration"
    assert "no answer" not in message.text
    assert message.calendar_method == "CANCEL"


def test_a_change_says_what_was_and_what_is_where_it_is_told(event):
    registration = enrolled(event)
    begins = f"{event.local_start:%H:%M}–"
    event.starts_at += timedelta(hours=1)
    lifecycle.apply_changes(event, by=None)
    settle()
    message = written(registration, f"changed/{Mailing.objects.get().pk}")
    assert message.subject == "Expert Group: new time"
    assert "The time of Expert Group has changed." in message.text
    for part in (message.text, message.html):
        assert re.search(rf"When: [^→]+{begins}[^→]+ → [^→]+{event.local_start:%H:%M}–", part)


def test_after_the_event_those_who_were_there_hear_of_the_certificate():
    event = EventFactory()
    thanks, missed = (
        notices.after_event(enrolled(event, n), rule="after", was_present=n == 1) for n in (1, 2)
    )
    assert thanks.subject == f"{event.title}: thank you for coming"
    assert "Your certificate of attendance is on your page" in thanks.text
    assert missed.subject == f"{event.title}: we missed you"
    assert "certificate" not in missed.text
    for message in (thanks, missed):
        assert event.get_absolute_url() in message.text


def test_a_reminder_of_an_invitation_has_words_of_its_own(event):
    invitation = InvitationFactory(event=event, name="Ana")
    say("Please answer, {name} ({email}).", notice="invitation-reminder", event=event)
    notices.invitation(invitation, reason="invited")
    notices.invitation(invitation, reason="reminder/1")
    first, again = Message.objects.filter(key__startswith="invitation/").order_by("pk")
    assert "invites you to Expert Group." in first.text
    assert f"Please answer, Ana ({invitation.email})." in again.text


def test_a_letter_holds_values_and_says_where_the_registration_stands(event):
    registration = enrolled(event)
    words = {"subject": "Bus to {event}", "text": "Dear {given_name}, hi."}
    announcements.write_to(event, [registration.pk], **words, key="one", by=None)
    settle()
    message = Message.objects.get(key__startswith=f"registration/{registration.pk}/letter/")
    assert message.subject == "Expert Group: Bus to Expert Group"
    assert "Dear Ana, hi." in message.text
    assert "Your place is confirmed." in message.text


# -- Many at once --------------------------------------------------------------------------------------
def test_a_batch_looks_words_and_facts_up_once(event):
    people = [enrolled(event, n) for n in range(1, 6)]
    say("Hello {name}, {when}.", notice="reminder", event=event)
    words = Words(event)

    def compose_for(registration):
        said = messages.to_person("reminder", registration, reason="reminder/x", words=words)
        return compose(**said)

    with CaptureQueriesContext(
        connection,
    ) as first:
        compose_for(people[0])
    with CaptureQueriesContext(connection) as others:
        found = [compose_for(one) for one in people[1:]]

    assert len([q for q in first.captured_queries if "wording" in q["sql"]]) == 1
    assert len(others.captured_queries) == 0
    assert [message.text.count("Hello Ana Müller") for message in found] == [1] * 4


def test_a_place_that_is_long_and_a_title_too_are_in_every_message(event):
    event.venue = VenueFactory(name="N" * 150, address="A" * 150)
    event.title = "T" * 150
    event.save()
    message = written(enrolled(event))
    assert "Questions: contact@organiser.example" in message.text
    assert message.text.index("Questions:") < message.text.index("Your place at")
