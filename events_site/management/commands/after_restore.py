"""`manage.py after_restore`: run once after a backup was restored, before worker and beat start."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from events_site import restoring


class Command(BaseCommand):
    help = (
        "Stops all messages of a restored backup that the system before may have sent, and keeps what was due until"
        " then from being written again. Puts events ahead of the calendar entries that people have. Run it after"
        " restoring, before worker and beat start."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--until",
            metavar="MOMENT",
            help="When the system before sent its last mail, as in 2026-11-24T09:30+01:00, or without the offset in"
            " the TIME_ZONE of the settings. What fell due later goes out. Left out: now.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        until = _moment(options["until"]) if options["until"] else timezone.now()
        account = restoring.after_restore(quiet_before=until)
        self.stdout.write(f"Until {until.isoformat(timespec='seconds')} counts as sent.")
        self.stdout.write(f"Messages stopped: {account.messages.total()}")
        for reason, number in account.messages.most_common():
            self.stdout.write(f"  {number:>6}  {reason}")
        self.stdout.write(f"Mailings stopped: {account.mailings}")
        self.stdout.write(f"Newsletters stopped: {account.issues}")
        self.stdout.write(f"Events put ahead of calendar entries: {account.events}")
        if account.messages:
            self.stdout.write(
                "They are at the desk under All mail, state “stopped”; those that were not sent can be sent there."
            )


def _moment(text: str) -> datetime:
    """Raises CommandError for what is no date and time, or lies ahead."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(
            f"{text!r} is not a date and time; write it as in 2026-11-24T09:30+01:00."
        )
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    if moment > timezone.now():
        raise CommandError(
            f"{text} lies ahead; give the moment at which the system before stopped."
        )
    return moment
