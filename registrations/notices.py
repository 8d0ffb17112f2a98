"""Which moment sends which message, with which calendar file: one function a message.

Each key says why the message exists, so that no reason sends twice (design 6). The caller holds the transaction.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac

from events.models import Event
from events.models import Status as EventStatus
from outbox import control
from outbox.addresses import clean_address
from outbox.models import Lane, Message
from outbox.posting import check_limit, compose, post, post_all, readdress, withdraw
from registrations import links, messages, moments, sent_entries, values, withdrawals
from registrations.messages import More
from registrations.models import Invitation, OpeningNotice, Registration, Status
from registrations.wordings import Text, Words

#: Someone who registers again within this time has the first mail still on its way.
ON_ITS_WAY = timedelta(minutes=10)
STANDINGS_A_DAY = 3


def verify(registration: Registration) -> None:
    """Ask the person to confirm the address; whoever was registered by a colleague is told by whom."""
    friend = registration.brought_by
    _post(
        "colleague" if friend else "verify",
        registration,
        reason="verify",
        is_requested=True,
        more=lambda: {
            "colleague": friend.name if friend else "",
            "next": values.to_confirm(registration),
        },
    )


def substitute(registration: Registration) -> None:
    """Ask somebody to come instead of the person who named them."""
    first = registration.replaces
    _post(
        "substitute",
        registration,
        reason=f"substitute/{registration.replaces_id}",
        is_requested=True,
        more=lambda: {
            "colleague": first.name if first else "",
            "next": values.to_take_over(),
        },
    )


def prove_address(registration: Registration) -> None:
    """Send a link to the new address of a person; the button behind it proves the address."""
    _post(
        "prove-address",
        registration,
        reason=f"address/{timezone.now():%Y-%m-%dT%H:%M:%S.%fZ}",
        to=registration.pending_email,
        link=links.address_link(registration),
        is_requested=True,
    )


def address_changed(registration: Registration, *, old: str) -> None:
    """Tell the old address, and take the entry out of its calendar; send the new one the link, with the entry."""
    changes = registration.changes.count()
    is_confirmed = registration.status == Status.CONFIRMED
    entry = _withdrawn(registration.event, old, is_confirmed)
    withdrawals.carry_over(registration.event, old=old, new=registration.email)
    _withdraw_but_letters(registration)
    readdress(key_prefix=f"registration/{registration.pk}/letter/", to=registration.email)
    _post(
        "address-changed",
        registration,
        reason=f"address-left/{changes}",
        to=old,
        link="",
        **entry,
    )
    _post(
        "address-taken",
        registration,
        reason=f"address-taken/{changes}",
        calendar_method="REQUEST" if is_confirmed else "",
    )


def standing(registration: Registration) -> None:
    """Say where things stand to someone who registered again: not while a mail is on its way, at most thrice a day.

    Raises TooManyMessages as a first registration would, so that the answer does not tell one from the other.
    """
    check_limit(registration.email)
    now = timezone.now()
    if registration.created_at > now - ON_ITS_WAY:
        return
    prefix = f"registration/{registration.pk}/standing/"
    sent = Message.objects.filter(key__startswith=prefix)
    if sent.filter(created_at__gt=now - ON_ITS_WAY).exists():
        return
    if sent.filter(created_at__gt=now - timedelta(days=1)).count() >= STANDINGS_A_DAY:
        return
    reason = f"standing/{now:%Y-%m-%dT%H:%MZ}"
    _post("standing", registration, reason=reason, is_requested=True)


def link_again(registration: Registration) -> None:
    """Send the personal link once more, with where things stand, once a minute at most."""
    _post("link", registration, reason=_link_reason())


def way_in(person: Registration, *, has_place: bool, link: str, language: str) -> None:
    """Send somebody who asks how to join the personal link, once a minute at most, or what `my_page` sends.

    Without a place `person` is one that is not stored. Both mails are composed in any case and one is sent, so that
    the time it takes does not tell one from the other. Raises TooManyMessages.
    """
    check_limit(clean_address(person.email))
    own = messages.to_person("join", person, reason=_link_reason(), is_requested=True)
    of_all = _to_all_registrations(person.email, link=link, language=language)
    either = compose(**of_all), compose(**own)
    post_all([either[has_place]])


def letter_text(subject: str, text: str) -> Text:
    """Return the words of a letter: where the registration stands is said in any case."""
    ends = "" if "{standing}" in text else "\n\n{standing}"
    return Text(subject, text + ends, "letter")


def confirmed(registration: Registration, *, is_requested: bool = False) -> None:
    """Confirm the place, with the entry for the calendar. Nobody is told of an event that is over.

    Here and below `is_requested` says that the address is not proved.
    """
    _confirm("confirmed", registration, is_requested=is_requested)


def accepted(registration: Registration, *, note: str = "") -> None:
    """Say that the organisers have accepted somebody who applied, and confirm the place as `confirmed` does.

    Here and below `note` is a sentence of the organiser.
    """
    _confirm("accepted", registration, more=lambda: {"note": values.note(note)})


def waiting(registration: Registration, *, note: str = "", is_requested: bool = False) -> None:
    """Say that the person is on the waiting list, and which rule keeps them from a place if one does."""
    if not registration.event.is_over:
        _post(
            "waiting",
            registration,
            reason="waiting",
            is_requested=is_requested,
            more=lambda: {"why": values.why_waiting(registration), "note": values.note(note)},
        )


def declined(registration: Registration, *, note: str = "") -> None:
    """Say that there is no place for the person. Nobody is told of an event that is over."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    if not registration.event.is_over:
        _post(
            "declined",
            registration,
            reason="declined",
            more=lambda: {"note": values.note(note)},
        )


def mode_changed(registration: Registration) -> None:
    """Say in which way the person attends from now on, with the entry, which leads to another place."""
    if not registration.event.is_over:
        _post(
            "mode-changed",
            registration,
            reason=f"mode/{registration.changes.count()}",
            calendar_method="REQUEST",
        )


def replaced(registration: Registration, *, by: Registration) -> None:
    """Say that the substitute has the place now, and take the entry out of the calendar."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    _post(
        "replaced",
        registration,
        reason="replaced",
        more=lambda: {"substitute": by.name},
        **_withdrawn(
            registration.event, registration.email, not sent_entries.is_shared(registration)
        ),
    )


def opening(notice: OpeningNotice) -> None:
    """Say that registering for the event has opened, to an address that asked to be told."""
    link = settings.SITE_URL + reverse("register", args=[notice.event.slug])
    said = messages.to_interested("opening", notice, link=link)
    post(**said, batch=f"opening/{notice.event_id}")


def invitation(
    invited: Invitation, *, reason: str, sentence: str = "", words: Words | None = None
) -> None:
    """Invite somebody by name, or ask again: `reason` is `invited`, `again/…` or `reminder/…`.

    `sentence` is what the organiser adds, as plain text. What is asked for again is for one person, all else for many.
    """
    post(
        batch="" if reason.startswith("again/") else f"invitation/{invited.event_id}",
        **messages.to_invited(
            "invitation-reminder" if reason.startswith("reminder/") else "invitation",
            invited,
            reason=reason,
            words=words,
            more=lambda: {"note": values.note(sentence)},
        ),
    )


def withdraw_invitations(event: Event) -> None:
    """Stop the invitations to an event that still wait to be sent."""
    withdraw(key_prefix="invitation/", topic=f"event/{event.pk}")


def my_page(email: str, *, link: str, language: str) -> None:
    """Send the one-time link to the page of all registrations of an address; without a link say that there are none.

    However often it is asked for within a minute, one mail goes out.
    """
    post(**_to_all_registrations(email, link=link, language=language))


def applied(registration: Registration, *, is_requested: bool = False) -> None:
    """Say that the organiser will decide."""
    _post("applied", registration, reason="applied", is_requested=is_requested)


def offered(registration: Registration) -> None:
    """Offer the place that came free, until a deadline."""
    _post(
        "offered",
        registration,
        reason="offered",
        more=lambda: {"next": values.to_take(registration)},
    )


def lapsed(registration: Registration, *, was_offered: bool) -> None:
    """Say that the offer has run out. Whoever never confirmed the address hears nothing."""
    withdraw(key_prefix=f"registration/{registration.pk}/")
    if (
        was_offered
        and registration.event.status == EventStatus.PUBLISHED
        and not registration.event.is_over
    ):
        _post("lapsed", registration, reason="lapsed")


def cancelled(
    registration: Registration,
    *,
    was_confirmed: bool,
    is_told: bool = True,
    by_organiser: bool = False,
) -> None:
    """Say that the registration is withdrawn, and take the entry out of the calendar if there was one.

    In any case nothing more goes out that still waits.
    """
    withdraw(key_prefix=f"registration/{registration.pk}/")
    if registration.event.is_over or not is_told:
        return
    notice = "cancelled-by-organiser" if by_organiser else "cancelled"
    has_entry = was_confirmed and not sent_entries.is_shared(registration)
    _post(
        notice,
        registration,
        reason="cancelled",
        **_withdrawn(registration.event, registration.email, has_entry),
    )


def reminder(registration: Registration, *, rule: str, words: Words | None = None) -> Message:
    """Compose a reminder of the event, which the caller stores; `rule` is the name of the rule that asks for it."""
    event = registration.event
    reason = reminder_reason(event, rule)
    said = messages.to_person("reminder", registration, reason=reason, words=words)
    return compose(**said, batch=reminder_batch(event, rule))


def after_event(
    registration: Registration, *, rule: str, was_present: bool, words: Words | None = None
) -> Message:
    """Compose thanks to somebody who was there, with the certificate and where to read on; or say that one was missed.

    The caller stores it. It goes out when nothing else waits.
    """
    event = registration.event
    said = messages.to_person(
        "after-present" if was_present else "after-absent",
        registration,
        reason=reminder_reason(event, rule, is_afterwards=True),
        words=words,
        more=lambda: {
            "materials": values.materials(event),
            "certificate": values.certificate() if was_present else "",
        },
    )
    return compose(**said, batch=reminder_batch(event, rule), lane=Lane.SLOW)


def reminder_reason(event: Event, rule: str, is_afterwards: bool = False) -> str:
    """The part of a reminder's key behind the registration: rule and start, so that a moved event earns a new one.

    Afterwards the day will do: hours put right in the record thank nobody twice.
    """
    start = f"{event.first_day}" if is_afterwards else f"{event.starts_at:%Y-%m-%dT%H:%MZ}"
    return f"reminder/{rule}/{start}"


def forget_reminders(messages: QuerySet[Message]) -> int:
    """Take back those of these messages that are reminders and wait; the rules that hold write them anew."""
    reminders = messages.filter(key__startswith="registration/", key__contains="/reminder/")
    return control.forget_waiting(reminders)


def reminder_batch(event: Event, rule: str) -> str:
    """What the messages of one rule of one event are written with."""
    return f"reminder/{event.pk}/{rule}"


def _confirm(
    notice: str, registration: Registration, *, is_requested: bool = False, more: More = dict
) -> None:
    """Confirm a place in one of two ways, under one key: so that a person gets one confirmation."""
    if registration.event.is_over:
        return
    _withdraw_but_letters(registration)
    _post(
        notice,
        registration,
        reason="confirmed",
        calendar_method="REQUEST",
        is_requested=is_requested,
        more=more,
    )


def _to_all_registrations(email: str, *, link: str, language: str) -> dict[str, Any]:
    asked_by = salted_hmac(
        "registrations.notices.my_page", email.lower(), algorithm="sha256"
    ).hexdigest()
    words = Words(None)
    target = link or settings.SITE_URL + reverse("me")
    with translation.override(language):
        context = messages.framed(
            moments.NOTICES["my-page"],
            words.text("my-page", language),
            {
                "email": email,
                "link": target,
                "next": values.all_registrations(is_known=bool(link)),
            },
            facts={},
            action=words.action("my-page", language, "action" if link else "action_again"),
            link=target,
            begins_with=settings.SITE_NAME,
        )
    return {
        "template": messages.FRAME,
        "context": context,
        "key": f"me/{asked_by}/{timezone.now():%Y-%m-%dT%H:%MZ}",
        "to": email,
        "language": language,
        "is_requested": True,
    }


def _withdrawn(event: Event, email: str, had_entry: bool) -> dict[str, Any]:
    """What takes the entry out of the calendar of one address alone, if it is there for nobody else."""
    if not had_entry:
        return {}
    return {"calendar_method": "CANCEL", "sequence": withdrawals.withdraw(event, email)}


def _withdraw_but_letters(registration: Registration) -> None:
    """Take back what waits and is true no more: reminders are written anew, what organisers wrote stays true."""
    prefix = f"registration/{registration.pk}/"
    forget_reminders(Message.objects.filter(key__startswith=prefix))
    withdraw(key_prefix=prefix, but=f"{prefix}letter/")


def _link_reason() -> str:
    return f"link/{timezone.now():%Y-%m-%dT%H:%MZ}"


def _post(notice: str, registration: Registration, *, reason: str, **said: Any) -> None:
    """Post a message to a person (see `messages.to_person`), but to nobody who is erased."""
    if not registration.erased_at:
        post(**messages.to_person(notice, registration, reason=reason, **said))
