"""Whether the system is well: every part is asked at once, each has seconds to answer, and none can hang the others."""

import logging
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from events_site.illness import broker, database, machine, mail, patience
from events_site.illness.findings import Finding, Severity, said, unknown

__all__ = ["LOCAL", "NAMES", "SHARED", "Examination", "Finding", "Severity", "examine", "look"]

logger = logging.getLogger(__name__)


class Part(NamedTuple):
    """What is read in one go, in so many seconds, and the findings that come of it."""

    names: tuple[str, ...]
    seconds: float
    read: Callable[[], Any]
    judge: Callable[[Any, datetime], list[Finding]]


PARTS = (
    Part(database.NAMES, 3, database.read, database.judge),
    Part(broker.NAMES, 2.5, broker.read, broker.judge),
    Part(mail.NAMES, 5, mail.read, mail.judge),
    Part(("disk",), 2, machine.read_disks, machine.judge_disks),
    Part(("static",), 2, machine.read_static, machine.judge_static),
    Part(("settings",), 3, machine.read_settings, machine.judge_settings),
)
NAMES = tuple(name for part in PARTS for name in part.names)
#: What is the same from wherever one looks; and what differs from machine to machine.
SHARED = tuple(name for part in PARTS[:3] for name in part.names)
LOCAL = ("disk", "static", "settings")


@dataclass(frozen=True)
class Examination:
    """The findings, and what they were judged by: what each part answered, by the first of its names."""

    findings: list[Finding]
    readings: dict[str, Any]


def look(now: datetime, *, only: Collection[str] = NAMES) -> list[Finding]:
    """Return the findings of these names, in their order; takes five seconds at most, never raises."""
    return examine(now, only=only).findings


def examine(now: datetime, *, only: Collection[str] = NAMES) -> Examination:
    """Look at the parts that have these names, all at once."""
    wanted = [part for part in PARTS if not set(only).isdisjoint(part.names)]
    begun = time.monotonic()
    questions = [(part, patience.ask(part.names[0], part.read)) for part in wanted]
    readings: dict[str, Any] = {}
    findings: list[Finding] = []
    for part, question in questions:
        try:
            reading = question.answer(begun + part.seconds - time.monotonic())
        except Exception as error:
            reading = error
        readings[part.names[0]] = reading
        findings += _judged(part, reading, now)
    return Examination(list(_chosen(findings, only)), readings)


def _judged(part: Part, reading: Any, now: datetime) -> list[Finding]:
    try:
        return part.judge(reading, now)
    except Exception as error:
        logger.exception("What was read of %s could not be judged", part.names[0])
        words = _("It could not be checked (%(error)s).") % {"error": said(error)}
        return [unknown(name, words) for name in part.names]


def _chosen(findings: Iterable[Finding], only: Collection[str]) -> Iterable[Finding]:
    """Those asked for; and the silence of the database, without which several others are not known."""
    for finding in findings:
        if finding.name in only or (finding.name == "database" and finding.is_ill):
            yield finding
