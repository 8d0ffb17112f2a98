"""Looks once a minute whether all is well, from the web, the worker and the beat: no one part watches itself alone.

The look takes place in a thread of its own; of all processes one looks at what they share, each at its own machine.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from events_site import alarms, illness
from events_site.illness import patience
from outbox import heartbeat

logger = logging.getLogger(__name__)

#: Looked at on each machine by each kind of process; only the web needs static files.
HERE, HERE_IN_THE_WEB = ("disk",), ("disk", "static")
#: Seconds for a row, or for the broker to take a task.
SECONDS = 3
#: Seconds until the second look at what is ill.
AGAIN = 5

_started = _looked = time.monotonic()
_lock = threading.Lock()


def look_on_request(**_said: Any) -> None:
    """Have a look taken if none was for a minute; costs the request nothing but reading the clock."""
    global _looked
    if not settings.WATCH_SECONDS or time.monotonic() - _looked < settings.WATCH_SECONDS:
        return
    with _lock:
        if time.monotonic() - _looked < settings.WATCH_SECONDS:
            return
        _looked = time.monotonic()
    patience.ask("watch", lambda: look_around(here=HERE_IN_THE_WEB))


def watch_from_here(**_said: Any) -> None:
    """Look each minute for as long as this process lives."""
    if settings.WATCH_SECONDS:
        _in_background("watch", _look_forever)


def note_the_beat(**_said: Any) -> None:
    """In the beat: note that a task was really published. The note is written by a thread, and holds up nothing."""
    from celery.signals import after_task_publish

    published = threading.Event()
    after_task_publish.connect(lambda **_said: published.set(), weak=False)
    _in_background("pulse", lambda: _note_forever(published))


def look_around(*, here: tuple[str, ...] = HERE) -> None:
    """Look, tell what is new, and give the worker work where the beat does not. Never raises.

    A process that has just started does not judge the others, which may be starting too.
    """
    try:
        is_settled = time.monotonic() - _started > settings.SILENT_SECONDS
        names = (*here, *illness.SHARED) if is_settled and _is_our_turn() else here
        now = timezone.now()
        findings = _look_twice(now, names)
        alarms.tell(findings, now)
        if any(finding.name == "beat" and finding.is_ill for finding in findings):
            patience.ask("ring", _ring_for_the_beat).answer(SECONDS)
    except Exception as error:
        logger.warning("The look around was not finished: %s", error)


def _look_twice(now: datetime, names: tuple[str, ...]) -> list[illness.Finding]:
    """Look, and once more at what is ill: a machine that is busy for a moment wakes nobody."""
    findings = illness.look(now, only=names)
    ill = {finding.name for finding in findings if finding.is_ill}
    if not ill:
        return findings
    time.sleep(AGAIN)
    second = {finding.name: finding for finding in illness.look(timezone.now(), only=ill)}
    return [second.get(finding.name, finding) for finding in findings]


def _is_our_turn() -> bool:
    """Whether no other process looks at what all share. One that cannot know it looks."""
    every = timedelta(seconds=settings.WATCH_SECONDS * 0.9)
    try:
        return bool(
            patience.ask("turn", lambda: heartbeat.claim(heartbeat.WATCH, every=every)).answer(
                SECONDS
            )
        )
    except Exception:
        return True


def _ring_for_the_beat() -> None:
    """Have all that is due sent although the beat is silent; so a worker can also show that it works."""
    from outbox.tasks import deliver

    deliver.apply_async(retry=False)
    heartbeat.note(heartbeat.BELL)


def _look_forever() -> None:
    while True:
        time.sleep(settings.WATCH_SECONDS)
        look_around()


def _note_forever(published: threading.Event) -> None:
    while published.wait():
        published.clear()
        try:
            patience.ask("pulse", lambda: heartbeat.note(heartbeat.BEAT)).answer(SECONDS)
        except patience.TookTooLong as error:
            logger.warning("The work of the beat could not be noted: %s", error)
        time.sleep(heartbeat.every().total_seconds())


def _in_background(name: str, work: Callable[[], None]) -> None:
    threading.Thread(target=work, name=name, daemon=True).start()
