"""What a look at the system finds: one finding for each thing that was looked at."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _


class Severity(StrEnum):
    """How bad it is. `unknown` is what could not be looked at: no reason for an alarm, nor for its end."""

    WELL = "ok"
    NOTE = "note"
    UNKNOWN = "unknown"
    ILL = "ill"


LABELS = {
    Severity.WELL: _("OK"),
    Severity.NOTE: _("note"),
    Severity.UNKNOWN: _("not known"),
    Severity.ILL: _("ILL"),
}


@dataclass(frozen=True)
class Finding:
    """How one thing stands, in plain words; since when, where that is known; what to do about it."""

    name: str
    severity: Severity
    words: str
    to_do: str = ""
    since: datetime | None = None

    @property
    def is_ill(self) -> bool:
        return self.severity is Severity.ILL


def well(name: str, words: str) -> Finding:
    return Finding(name, Severity.WELL, words)


def note(name: str, words: str, to_do: str = "") -> Finding:
    return Finding(name, Severity.NOTE, words, to_do)


def unknown(name: str, words: str, to_do: str = "") -> Finding:
    return Finding(name, Severity.UNKNOWN, words, to_do)


def ill(name: str, words: str, to_do: str, since: datetime | None = None) -> Finding:
    return Finding(name, Severity.ILL, words, to_do, since)


def ago(moment: datetime, now: datetime) -> str:
    """Return the time between two instants in words, as in “7 minutes”."""
    return timesince(moment, now).replace("\xa0", " ")


def said(error: Exception) -> str:
    """Return the first line of what an error says, with its kind."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
