"""Says in plain words where a message stands: what was tried, what the other server said, and when it is tried next."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from outbox import control, lists, refusals, returns
from outbox.models import Message, State

#: Reasons that are sentences of ours, stored in English and translated here; not words of another server.
OURS = {lists.LEFT, returns.CAME_BACK, returns.COMPLAINED, control.RESTORED}


def in_words(message: Message) -> str:
    """Return one or two sentences on where a message stands, in the zone that is in force."""
    return {
        State.WAITING: _waiting,
        State.SENDING: _sending,
        State.SENT: _sent,
        State.FAILED: _failed,
        State.STOPPED: _stopped,
    }[State(message.state)](message)


def when(moment: datetime) -> str:
    """Return an instant as people say it, as in “today at 14:05” or “on 3 March 2027 at 09:00”."""
    local = timezone.localtime(moment)
    said = {"time": date_format(local, "H:i"), "day": date_format(local, "j F Y")}
    days = local.date() - timezone.localdate()
    if not days:
        return _("today at %(time)s") % said
    if days == timedelta(days=1):
        return _("tomorrow at %(time)s") % said
    if days == timedelta(days=-1):
        return _("yesterday at %(time)s") % said
    return _("on %(day)s at %(time)s") % said


def _waiting(message: Message) -> str:
    if message.attempts and message.last_error:
        return _("%(tried)s: %(reason)s. Next try %(when)s.") % {
            "tried": _tried(message.attempts),
            "reason": refusals.in_words(message.last_error),
            "when": when(message.send_after),
        }
    if message.send_after > timezone.now():
        return _("Goes out %(when)s.") % {"when": when(message.send_after)}
    if message.last_error:
        reason = refusals.in_words(message.last_error)
        return _("Not sent yet: %(reason)s. We go on trying.") % {"reason": reason}
    return _("Goes out in a moment.")


def _sending(message: Message) -> str:
    return _("Is being sent.")


def _sent(message: Message) -> str:
    said = {"when": when(message.sent_at or message.created_at)}
    if message.returned_at:
        said["reason"] = refusals.in_words(message.last_error)
        return _("Sent %(when)s, but it came back: %(reason)s.") % said
    return _("Sent %(when)s.") % said


def _failed(message: Message) -> str:
    if not message.last_error:
        return _("Given up.")
    return _("%(tried)s and given up: %(reason)s.") % {
        "tried": _tried(max(message.attempts, 1)),
        "reason": refusals.in_words(message.last_error),
    }


def _stopped(message: Message) -> str:
    if message.last_error in OURS:
        return _("Not sent. %(reason)s") % {"reason": _(message.last_error)}
    return _("Stopped before it was sent.")


def _tried(attempts: int) -> str:
    if attempts == 2:
        return _("Tried twice")
    return ngettext("Tried once", "Tried %(number)s times", attempts) % {"number": attempts}
