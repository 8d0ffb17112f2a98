"""Whether a message may go to somebody again: not if its words hold no more, or its link opens nothing."""

import re
from contextlib import suppress
from typing import Any

from django.db.models import F
from django.utils.translation import gettext as _

from outbox import returns
from outbox.models import Message
from registrations import links, mailed_link
from registrations.mailed_link import SpentLink
from registrations.models import (
    Invitation,
    Mailing,
    MailingKind,
    MailingState,
    Registration,
    StatusChange,
)

#: Where a link leads that opens something for one person, and its secret.
SECRET = re.compile(r"/(r|i|me|address)/([^/\s\"'<>]{20,})/")
#: What a person is told although the registration is over.
PARTING_WORDS = (
    "cancelled",
    "declined",
    "lapsed",
    "replaced",
    "event-cancelled",
)


def why_not(found: Message) -> str:
    """Return in a sentence why a message is of no use any more or would be stopped; an empty text if neither."""
    if is_outdated(found):
        return _in_words(found)
    if any(not _opens(token, kind) for kind, token in SECRET.findall(found.text)):
        return _("It was not sent: the link in it does not work any more. Write a new message.")
    hindrance = returns.why_not(returns.with_hindrance(Message.objects.filter(pk=found.pk)).get())
    if hindrance:
        return _("It was not sent. %(reason)s") % {"reason": _(hindrance)}
    return ""


def what_changed(found: Message) -> str:
    """Say that a person stands elsewhere than when a message was written, as with a place that was offered then."""
    kind, _slash, rest = found.key.partition("/")
    number = rest.partition("/")[0]
    if kind != "registration" or not number.isdecimal():
        return ""
    moves = StatusChange.objects.exclude(from_status=F("to_status"))
    if not moves.filter(registration=int(number), changed_at__gt=found.created_at).exists():
        return ""
    return _("It was not sent: this person’s registration has moved on since. Write a new message.")


def is_outdated(found: Message) -> bool:
    """Whether it speaks of a registration that is over, of an invitation that was withdrawn, or is old news."""
    kind, _slash, rest = found.key.partition("/")
    number, _slash, reason = rest.partition("/")
    if kind == "invitation" and number.isdecimal():
        return not Invitation.objects.filter(pk=number, declined_at=None).exists()
    if kind != "registration" or not number.isdecimal() or reason in PARTING_WORDS:
        return False
    if _is_old_news(found.batch):
        return True
    return not Registration.objects.live().filter(pk=number).exists()


def _is_old_news(batch: str) -> bool:
    """Whether it is news of an event of which there has been other news since, or is to be."""
    kind, _slash, number = batch.partition("/")
    if kind != "mailing":
        return False
    news = Mailing.objects.exclude(kind=MailingKind.LETTER)
    told = news.filter(pk=number if number.isdecimal() else 0).first()
    if told is None:
        return False
    later = news.filter(event_id=told.event_id, pk__gt=told.pk)
    return told.state == MailingState.STOPPED or later.exists()


def _in_words(found: Message) -> str:
    if found.key.startswith("invitation/"):
        return _("It was not sent: the invitation was withdrawn, or the person cannot come.")
    if _is_old_news(found.batch):
        return _("It was not sent: it says what holds no more.")
    return _("It was not sent: this person no longer takes part in the event.")


def _opens(token: str, kind: str) -> bool:
    """Whether the secret in a link of this kind still opens something."""
    if kind == "me":
        with suppress(SpentLink):
            return mailed_link.read(token) is not None
        return False
    find: Any = {"r": links.find, "i": links.find_invitation, "address": links.find_by_address}
    return find[kind](token) is not None
