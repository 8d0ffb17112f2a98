"""Reads the records of a network file, and names what is wrong with a bad one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db.models import Choices

from events.models import from_local

LISTS = ("organisations", "topics", "series", "venues", "events", "articles")


class UnreadableFile(Exception):
    """The file as a whole cannot be used; the text is one sentence that says why."""


class BadRecord(Exception):
    """One record cannot be used; the text says why."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with which record."""

    file: str
    list_name: str
    slug: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.list_name}: {self.slug}: {self.reason}"


@dataclass
class Ledger:
    """What became of the records so far: found or made objects, and reasons, both by list and slug."""

    file: str
    stored: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in LISTS})
    reasons: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in LISTS})
    faults: list[Fault] = field(default_factory=list)

    def note(self, list_name: str, slug: str, reason: str) -> None:
        """Remember that a record is bad."""
        self.reasons[list_name].setdefault(slug, reason)
        self.faults.append(Fault(self.file, list_name, slug, reason))

    def the(self, list_name: str, slug: str) -> Any:
        """Return the object of a record. Raises BadRecord if there is none."""
        if slug in self.stored[list_name]:
            return self.stored[list_name][slug]
        if slug in self.reasons[list_name]:
            raise BadRecord(
                f"refers to {slug!r} in {list_name}, which is bad: {self.reasons[list_name][slug]}"
            )
        raise BadRecord(f"refers to {slug!r} in {list_name}, which is unknown")


def read_file(path: Path, name: str) -> dict[str, list[Any]]:
    """Return the lists of a network file, empty where one is not there. Raises UnreadableFile."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnreadableFile(f"{name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"{name} cannot be read, because it is not JSON: {error}.") from error
    lists = content if isinstance(content, dict) else {}
    wrong = [list_name for list_name in LISTS if not isinstance(lists.get(list_name, []), list)]
    if wrong or not any(list_name in lists for list_name in LISTS):
        raise UnreadableFile(
            f"{name} is not a network: it must be an object with the lists {', '.join(LISTS)}."
        )
    return {list_name: lists.get(list_name, []) for list_name in LISTS}


class Record:
    """The fields of one record. Every method raises BadRecord with the reason if the field is bad."""

    def __init__(self, values: Mapping[str, Any], ledger: Ledger) -> None:
        self.values = values
        self.ledger = ledger

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self.values.get(name)
        if value is None or value == "":
            raise BadRecord(f"the field {name!r} is missing")
        if not isinstance(value, str):
            raise BadRecord(f"the field {name!r} must be a text, not {value!r}")
        return value.strip()

    def optional(self, name: str) -> str:
        """A text, empty where it is null or not there."""
        return "" if self.values.get(name) in (None, "") else self.text(name)

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty where it is null or not there."""
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise BadRecord(f"the field {name!r} must be a list of texts, not {value!r}")
        return value

    def number(self, name: str) -> int | None:
        """A count, None where it is null or not there."""
        value = self.values.get(name)
        if value is None:
            return None
        if type(value) is not int or value < 0:
            raise BadRecord(f"the field {name!r} must be a number of 0 or more, not {value!r}")
        return value

    def choice(self, name: str, choices: type[Choices]) -> str:
        value = self.text(name)
        if value not in choices.values:
            raise BadRecord(f"unknown {name} {value!r}; known are {', '.join(choices.values)}")
        return value

    def zone(self, name: str = "timezone") -> str:
        """The name of a time zone (IANA)."""
        value = self.text(name)
        if value not in zones():
            raise BadRecord(f"unknown time zone {value!r}")
        return value

    def day(self, name: str) -> date | None:
        """A date as in 2025-12-02, None where it is null or not there."""
        value = self.optional(name)
        if not value:
            return None
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()
        except ValueError as error:
            raise BadRecord(f"bad date {value!r} in {name!r}; write it as 2025-12-02") from error

    def ref(self, name: str, list_name: str) -> Any:
        """The object that the field names, None where it is null or not there."""
        slug = self.optional(name)
        return self.ledger.the(list_name, slug) if slug else None

    def refs(self, name: str, list_name: str) -> list[Any]:
        """The objects that the field names, each once."""
        return [self.ledger.the(list_name, slug) for slug in dict.fromkeys(self.texts(name))]

    def times(self, zone_name: str) -> tuple[datetime, datetime, bool]:
        """Return the instants of `start` and `end`, the second exclusive, and whether they are whole days."""
        start, end = self.text("start"), self.text("end")
        if ("T" in start) != ("T" in end):
            raise BadRecord(f"start {start!r} and end {end!r} must both have hours, or neither")
        try:
            return self._hours(zone_name) if "T" in start else self._whole_days(zone_name)
        except OverflowError as error:
            raise BadRecord(f"the dates {start!r} and {end!r} are out of range") from error

    def _hours(self, zone_name: str) -> tuple[datetime, datetime, bool]:
        start, end = self._moment("start"), self._moment("end")
        if end <= start:
            raise BadRecord(f"the end {self.text('end')!r} is not after the start")
        return from_local(start, zone_name), from_local(end, zone_name), False

    def _whole_days(self, zone_name: str) -> tuple[datetime, datetime, bool]:
        first, last = self.day("start"), self.day("end")
        assert first
        assert last
        if last < first:
            raise BadRecord(f"the end {self.text('end')!r} is before the start")
        zone = ZoneInfo(zone_name)
        starts_at, ends_at = (
            datetime.combine(day, time.min, zone).astimezone(UTC)
            for day in (first, last + timedelta(days=1))
        )
        return starts_at, ends_at, True

    def _moment(self, name: str) -> datetime:
        value = self.text(name)
        try:
            return datetime.strptime(value, "%Y-%m-%dT%H:%M")
        except ValueError as error:
            raise BadRecord(
                f"bad time {value!r} in {name!r}; write it as 2025-12-02T09:00"
            ) from error


@lru_cache
def zones() -> frozenset[str]:
    """Return the names of all time zones; looking them up takes a while."""
    return frozenset(available_timezones())
