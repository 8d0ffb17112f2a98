"""Takes one mail that came back, from a mail server's pipe: `manage.py take_return [address] < mail`."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from outbox import returned_mail


class Command(BaseCommand):
    help = "Take one mail that came back, as a mail server hands it over: its text on the standard input."
    #: A fault in the settings is no fault of the mail: other commands tell it, this one takes what it can.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("to", nargs="?", default="", help="the address that the mail came to")

    def handle(self, *args: Any, to: str, **options: Any) -> None:
        """End with 0 whatever the mail says, else the server would send back what came back; 75 asks it to keep it.

        The numbers are those of sysexits.h: EX_OK and EX_TEMPFAIL.
        """
        content = sys.stdin.buffer.read(returned_mail.MOST_BYTES)
        try:
            outcome = returned_mail.take(content, to=to)
        except returned_mail.AWAY as error:
            self.stderr.write(f"The database is away; hand the mail over again later: {error}")
            sys.exit(os.EX_TEMPFAIL)
        self.stdout.write(outcome.value)
