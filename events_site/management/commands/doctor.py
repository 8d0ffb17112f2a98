"""`manage.py doctor`: looks whether the system is well and says so in plain words; ends with 1 if it is not."""

import json
import sys
import textwrap
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from events_site import illness
from events_site.illness.findings import LABELS

WIDTH = 100


class Command(BaseCommand):
    help = "Looks whether the system is well. Ends with 0, or with 1 when something is ill."
    requires_system_checks = []  # it must also work where nothing else does

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only",
            nargs="+",
            choices=illness.NAMES,
            default=illness.NAMES,
            metavar="NAME",
            help="Look at these things alone: " + ", ".join(illness.NAMES),
        )
        parser.add_argument("--json", action="store_true", help="Answer for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = illness.look(timezone.now(), only=options["only"])
        is_ill = any(finding.is_ill for finding in findings)
        if options["json"]:
            self.stdout.write(
                json.dumps({"ill": is_ill, "findings": list(map(_fields, findings))}, indent=2)
            )
        else:
            for finding in findings:
                self._write(finding)
        if is_ill:
            sys.exit(1)

    def _write(self, finding: illness.Finding) -> None:
        head = f"{LABELS[finding.severity]:<10}{finding.name:<16}"
        lines = textwrap.wrap(finding.words, WIDTH - len(head)) or [""]
        if finding.to_do and finding.severity is not illness.Severity.WELL:
            lines += [
                f"-> {line}" if not n else f"   {line}"
                for n, line in enumerate(textwrap.wrap(finding.to_do, WIDTH - len(head) - 3))
            ]
        style = self.style.ERROR if finding.is_ill else str
        self.stdout.write(style(head + lines[0]))
        for line in lines[1:]:
            self.stdout.write(" " * len(head) + line)


def _fields(finding: illness.Finding) -> dict[str, str | None]:
    return {
        "name": finding.name,
        "severity": finding.severity.value,
        "words": finding.words,
        "to_do": finding.to_do,
        "since": finding.since.isoformat() if finding.since else None,
    }
