"""What the database says: whether it answers, its tables and clock, who worked when, what waits in the outbox."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events_site import migrated
from events_site.illness import clocks
from events_site.illness.findings import Finding, ago, ill, note, said, unknown, well
from outbox import heartbeat
from outbox.models import Lane, Message, State

NAMES = ("database", "migrations", "database-clock", "worker", "beat", "outbox", "failures")

#: A message that waits longer than this past its time is late.
LATE = timedelta(minutes=10)
#: Messages older than this are not looked at: no message is tried for so long.
TRIED = timedelta(days=14)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Waiting:
    """The messages of one lane that are not sent: how many, and since when the oldest could have been."""

    number: int = 0
    due: int = 0
    oldest_due: datetime | None = None


@dataclass(frozen=True)
class Work:
    """Who worked when, and how the outbox stands."""

    heartbeats: dict[str, datetime]
    lanes: dict[str, Waiting]
    failed: int
    sent_lately: bool

    @property
    def oldest_due(self) -> datetime | None:
        return min(
            (lane.oldest_due for lane in self.lanes.values() if lane.oldest_due), default=None
        )


@dataclass(frozen=True)
class Reading:
    """All that was read. `work` is None where the tables are not there to say it."""

    ahead: float
    pending: int
    version: str
    work: Work | None


def read() -> Reading:
    """Ask the database everything. Raises DatabaseError where it does not answer."""
    pending = len(migrated.pending())
    ahead = _ahead()
    try:
        work = read_work(timezone.now())
    except DatabaseError:
        if not pending:
            raise
        work = None
    return Reading(ahead=ahead, pending=pending, version=_version(), work=work)


def read_work(now: datetime) -> Work:
    """Ask who worked when, and how the outbox stands: three queries on short indexes."""
    due = Q(pk__in=Message.objects.due(now).order_by().values("pk"))
    lanes = (
        Message.objects.unsent()
        .order_by()
        .values("lane")
        .annotate(
            number=Count("pk"), due=Count("pk", filter=due), oldest=Min("send_after", filter=due)
        )
    )
    lately = Message.objects.filter(created_at__gt=now - TRIED).order_by()
    counted = lately.aggregate(
        failed=Count("pk", filter=Q(state=State.FAILED, send_after__gt=now - DAY)),
        sent=Count("pk", filter=Q(sent_at__gt=now - LATE)),
    )
    return Work(
        heartbeats=heartbeat.all_noted(),
        lanes={row["lane"]: Waiting(row["number"], row["due"], row["oldest"]) for row in lanes},
        failed=counted["failed"],
        sent_lately=bool(counted["sent"]),
    )


def stands_still(now: datetime) -> bool:
    """Whether no mail goes out at the moment: no worker works, or what is due waits for too long."""
    work = read_work(now)
    return judge_worker(work.heartbeats, now).is_ill or judge_outbox(work, now).is_ill


def judge(reading: Any, now: datetime) -> list[Finding]:
    """Return the findings; `reading` is what `read` returned or raised."""
    if isinstance(reading, Exception):
        told = ill(
            "database",
            _("The database does not answer (%(error)s).") % {"error": said(reading)},
            _("Start PostgreSQL, or put DATABASE_URL right. Nothing works without it."),
        )
        return [told, *(_not_known(name) for name in NAMES[1:])]
    found = [
        well("database", _("The database answers.")),
        _migrations(reading.pending),
        clocks.judge("database-clock", ahead=reading.ahead, whose=_("the database")),
    ]
    if reading.work is None:
        return [*found, *(_not_known(name) for name in NAMES[3:])]
    return [*found, *judge_work(reading.work, now)]


def judge_work(work: Work, now: datetime) -> list[Finding]:
    """Return the findings about worker, beat and outbox."""
    return [
        judge_worker(work.heartbeats, now),
        judge_beat(work.heartbeats, now),
        judge_outbox(work, now),
        _failures(work.failed),
    ]


def judge_worker(heartbeats: dict[str, datetime], now: datetime) -> Finding:
    """Say whether a worker works. One that is given no work cannot show that it would do it."""
    silent = timedelta(seconds=settings.SILENT_SECONDS)
    last = heartbeats.get(heartbeat.WORKER)
    if last and last > now - silent:
        return _works(last, now, heartbeat.WORKER, _("A worker finished its work %(ago)s ago."))
    given = max(
        (heartbeats[n] for n in (heartbeat.BEAT, heartbeat.BELL) if n in heartbeats), default=None
    )
    if (given is None or given <= now - silent) and (last and given and last > given - silent):
        return unknown(
            "worker",
            _("Whether a worker works cannot be told: the beat gives it nothing to do."),
            _("Look after the beat first."),
        )
    words = (
        _("No worker has done any work for %(ago)s: no mail goes out.") % {"ago": ago(last, now)}
        if last
        else _("No worker has done any work yet: no mail goes out.")
    )
    to_do = _(
        "Start the worker; if it runs, its log says what holds it up. Nothing is lost meanwhile."
    )
    return ill("worker", words, to_do, since=last)


def judge_beat(heartbeats: dict[str, datetime], now: datetime) -> Finding:
    """Say whether the beat hands out what is due by the clock."""
    silent = timedelta(seconds=settings.SILENT_SECONDS)
    last = heartbeats.get(heartbeat.BEAT)
    if last and last > now - silent:
        return _works(last, now, heartbeat.BEAT, _("The beat handed out work %(ago)s ago."))
    words = (
        _("The beat has handed out nothing for %(ago)s: reminders and lapsed seats are late.")
        % {"ago": ago(last, now)}
        if last
        else _(
            "The beat has handed out nothing yet: there are no reminders, and seats do not lapse."
        )
    )
    to_do = _("Start the beat; if it runs, see whether the broker takes what it hands out.")
    return ill("beat", words, to_do, since=last)


def judge_outbox(work: Work, now: datetime) -> Finding:
    """Say whether what is due goes out. A newsletter takes its time; it is ill only when nothing goes out at all."""
    fast = work.lanes.get(Lane.FAST, Waiting()).oldest_due
    late = fast and fast < now - LATE
    oldest = fast if late else work.oldest_due
    if oldest and oldest < now - LATE and (late or not work.sent_lately):
        return ill(
            "outbox",
            _("The oldest message that is due has waited for %(ago)s.") % {"ago": ago(oldest, now)},
            _(
                "See what is said here of the worker, the broker and the mail server, and the list of all mail."
            ),
            since=oldest,
        )
    if oldest:
        return well(
            "outbox",
            _("The oldest message that is due has waited for %(ago)s.") % {"ago": ago(oldest, now)},
        )
    return well("outbox", _("No message waits that is due."))


def _works(last: datetime, now: datetime, name: str, words: str) -> Finding:
    """What works, unless it says so by a clock that runs ahead: such a one hides a silence."""
    if last > now + timedelta(seconds=clocks.HARMFUL):
        return clocks.judge(
            name,
            ahead=(last - now).total_seconds(),
            whose=_("the machine of the %(name)s") % {"name": name},
        )
    return well(name, words % {"ago": ago(last, now)})


def _migrations(pending: int) -> Finding:
    if not pending:
        return well("migrations", _("The tables are those of this version."))
    return ill(
        "migrations",
        ngettext("%(number)s migration is pending.", "%(number)s migrations are pending.", pending)
        % {"number": pending},
        _("Run: python manage.py migrate"),
    )


def _failures(failed: int) -> Finding:
    if not failed:
        return well("failures", _("No message was given up in the last day."))
    return note(
        "failures",
        ngettext(
            "%(number)s message was given up in the last day.",
            "%(number)s messages were given up in the last day.",
            failed,
        )
        % {"number": failed},
        _("The list of all mail says why; there each can be sent again."),
    )


def _not_known(name: str) -> Finding:
    return unknown(name, _("Not known, because the database does not say."))


def _ahead() -> float:
    """How many seconds the database's clock is ahead of ours; half the way there and back is taken off."""
    clock = (
        "SELECT EXTRACT(EPOCH FROM clock_timestamp())"
        if connection.vendor == "postgresql"
        else "SELECT (julianday('now') - 2440587.5) * 86400"
    )
    with connection.cursor() as cursor:
        begun = time.time()
        cursor.execute(clock)
        theirs = float(cursor.fetchone()[0])
        return theirs - (begun + time.time()) / 2


def _version() -> str:
    numbers = connection.get_database_version()
    return f"{connection.display_name} {'.'.join(map(str, numbers))}"
