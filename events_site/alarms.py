"""Tells the operator what fell ill and what is well again: in the log, and by mail past the outbox.

An illness is told at most once in six hours, whichever process sees it; a row is the lock. While the database is away
each process remembers for itself.
"""

import logging
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import DatabaseError
from django.db.models import F, Q
from django.utils.translation import gettext as _

from events_site.illness import LOCAL, Finding, Severity, mail, patience
from outbox.models import Alarm

logger = logging.getLogger(__name__)

PAUSE = timedelta(hours=6)
#: Seconds for the rows, and for the talk with the mail server.
ROWS, MAIL = 3, 15

#: What this process told while the database was away, and when.
_told_alone: dict[str, datetime] = {}


@dataclass
class News:
    """What is to be told: in the log what fell ill and what is well again; by mail also what no mail told so far."""

    fallen: dict[str, str] = field(default_factory=dict)
    recovered: dict[str, str] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)


def tell(findings: Iterable[Finding], now: datetime) -> None:
    """Tell of each finding that is ill, unless that was told, and of each illness that is over. Never raises."""
    findings = list(findings)
    try:
        news: News = patience.ask("alarms", lambda: _record(findings, now)).answer(ROWS)
        for finding in findings:
            if finding.severity is not Severity.UNKNOWN:
                _told_alone.pop(_named(finding), None)  # the row has it now
    except (DatabaseError, patience.TookTooLong):
        news = _remember(findings, now)
    for name, words in news.fallen.items():
        logger.error("Ill: %s: %s", name, words)
    for name, words in news.recovered.items():
        logger.warning("Well again: %s: %s", name, words)
    if settings.OPERATOR_EMAIL and (news.owed or news.recovered):
        _mail(news)


def current(now: datetime) -> list[Alarm]:
    """Return what was ill when somebody last looked, which is not long ago."""
    lately = now - timedelta(seconds=settings.SILENT_SECONDS)
    ill = Q(over_at=None) | Q(over_at__lt=F("seen_at"))
    return list(Alarm.objects.filter(ill, seen_at__gt=lately))


def _record(findings: list[Finding], now: datetime) -> News:
    """Write down what is ill; return what nobody has told yet. Raises DatabaseError."""
    news = News()
    for finding in findings:
        name, words = _named(finding), _words(finding)
        if finding.is_ill:
            if _begins(name, words, now):
                news.fallen[name] = words
        elif _is_well(finding) and (_ends(name, now) or name in _told_alone):
            news.recovered[name] = words
    if settings.OPERATOR_EMAIL and not any(f.name == "mail" and f.is_ill for f in findings):
        news.owed = {alarm.name: alarm.words for alarm in _unmailed() if _claim(alarm, now)}
    return news


def _begins(name: str, words: str, now: datetime) -> bool:
    """Note that something is ill; return whether that is to be told, of all who see it at once to one."""
    known = Alarm.objects.filter(name=name)
    if known.filter(told_at__lte=now - PAUSE).update(
        told_at=now, seen_at=now, words=words, mailed_at=None, over_at=None
    ):
        return True
    # One that comes back soon is not told again, nor its end, but is seen at the desk.
    if known.update(seen_at=now):
        return False
    told = _told_alone.get(name)
    fields = {"words": words, "told_at": told or now, "seen_at": now, "mailed_at": told}
    return Alarm.objects.get_or_create(name=name, defaults=fields)[1] and told is None


def _ends(name: str, now: datetime) -> bool:
    """Note that something is well; return whether its end is to be told: once for each time it was told."""
    ended = Alarm.objects.filter(name=name, over_at=None)
    return bool(ended.update(over_at=now))


def _unmailed() -> Iterable[Alarm]:
    return Alarm.objects.filter(mailed_at=None, over_at=None)


def _claim(alarm: Alarm, now: datetime) -> bool:
    return bool(Alarm.objects.filter(pk=alarm.pk, mailed_at=None).update(mailed_at=now))


def _remember(findings: list[Finding], now: datetime) -> News:
    """The same as `_record` without a database, for this process alone."""
    news = News()
    for finding in findings:
        name, words = _named(finding), _words(finding)
        if finding.is_ill and _told_alone.get(name, now - PAUSE) <= now - PAUSE:
            _told_alone[name] = now
            news.fallen[name] = news.owed[name] = words
        elif _is_well(finding) and name in _told_alone:
            del _told_alone[name]
            news.recovered[name] = words
    return news


def _mail(news: News) -> None:
    """Send the news past the outbox, with little patience. What could not be sent is owed, and tried again."""
    try:
        patience.ask("alarm-mail", lambda: mail.mailer().send_messages([_letter(news)])).answer(
            MAIL
        )
    except Exception as error:
        logger.warning("The operator could not be written to: %s", error)
        owed = Alarm.objects.filter(name__in=list(news.owed))
        try:
            patience.ask("alarms", lambda: owed.update(mailed_at=None)).answer(ROWS)
        except (DatabaseError, patience.TookTooLong):
            logger.warning("That could not be noted; the log alone has it.")


def _letter(news: News) -> EmailMessage:
    """The mail to the operator about all the news of one look."""
    names = ", ".join([*news.owed, *news.recovered])
    subject = (
        _("%(site)s is ill: %(names)s") if news.owed else _("%(site)s is well again: %(names)s")
    )
    parts = [f"{name}\n{words}" for name, words in news.owed.items()]
    if news.recovered:
        parts += [_("Well again:"), *(f"{name}\n{words}" for name, words in news.recovered.items())]
    parts += [
        _(
            "Run `python manage.py doctor`, or open %(url)s. What is told here is told again after six hours at the"
            " earliest, even if it comes and goes."
        )
        % {"url": f"{settings.SITE_URL}/desk/system/"}
    ]
    return EmailMessage(
        subject=subject % {"site": settings.SITE_NAME, "names": names},
        body="\n\n".join(parts) + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[settings.OPERATOR_EMAIL],
        headers={"Auto-Submitted": "auto-generated"},
    )


def _named(finding: Finding) -> str:
    """What differs from machine to machine is told of each."""
    return f"{finding.name}@{platform.node()}" if finding.name in LOCAL else finding.name


def _words(finding: Finding) -> str:
    return f"{finding.words} {finding.to_do}".strip()


def _is_well(finding: Finding) -> bool:
    return finding.severity in {Severity.WELL, Severity.NOTE}
