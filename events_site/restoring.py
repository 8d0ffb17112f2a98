"""What has to be done after a backup was restored, so that no mail goes out twice and calendar entries stay true."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from events import revisions
from outbox import control
from outbox.models import Alarm, Heartbeat
from recaps.models import Issue, IssueState
from registrations.models import Mailing, MailingState


@dataclass(frozen=True)
class Account:
    """What was stopped: messages by the part of their key that says why they were written; mailings; newsletters.

    And how many events were put ahead of what calendars hold.
    """

    messages: Counter[str]
    mailings: int
    issues: int
    events: int


def after_restore(*, quiet_before: datetime) -> Account:
    """Stop all mail that the system before may have sent until it stopped at `quiet_before`; return what was stopped.

    What falls due later goes out. From now on a reminder or mailing whose moment lies before is not written again
    (`outbox.control.quiet_before`). Events get revisions above those of the system before, or programs would keep its
    entries (RFC 5546 2.1.5). Safe to repeat.
    """
    with transaction.atomic():
        stopped = control.stop_history(quiet_before)
        mailings = Mailing.objects.filter(
            state__in=[MailingState.WAITING, MailingState.WRITING], due_at__lte=quiet_before
        ).update(state=MailingState.STOPPED)
        issues = Issue.objects.filter(state=IssueState.SENDING, sent_at__lte=quiet_before).update(
            state=IssueState.STOPPED
        )
        # They speak of the processes of the system before.
        Heartbeat.objects.all().delete()
        Alarm.objects.all().delete()
        events = revisions.outrun_lost()
    reasons = Counter(map(_reason, stopped.values_list("key", flat=True)))
    return Account(messages=reasons, mailings=mailings, issues=issues, events=events)


def _reason(key: str) -> str:
    """The words of a key without its numbers, as in `registration confirmed`."""
    return " ".join(part for part in key.split("/") if part.replace("-", "").isalpha())
