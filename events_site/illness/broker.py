"""What the broker says: whether it answers, forgets nothing, keeps what it has, and has the right time."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.utils.translation import gettext as _
from redis.backoff import NoBackoff
from redis.retry import Retry

from events_site.illness import clocks
from events_site.illness.findings import Finding, ill, note, said, unknown, well

NAMES = ("broker", "broker-policy", "broker-room", "broker-disk", "broker-clock")
SECONDS = 2
QUEUE = "celery"
#: Share of its memory from which Redis is nearly full: with `noeviction` it then takes nothing more.
NEARLY_FULL = 0.9


@dataclass(frozen=True)
class Reading:
    """All that was read. None means that the server does not say; of files on this machine only `queued` is known."""

    queued: int
    version: str = ""
    policy: str | None = None
    used: float | None = None
    is_kept: bool | None = None
    last_save_failed: bool = False
    ahead: float | None = None


def read() -> Reading:
    """Ask the broker everything. Raises RedisError or OSError where it does not answer."""
    if not settings.REDIS_URL:
        return _read_folder(Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]))
    with redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
        retry=Retry(NoBackoff(), 0),
    ) as server:
        server.ping()
        told: dict[str, Any] = {}
        for section in ("server", "memory", "persistence"):
            with suppress(redis.ResponseError):  # a hosted Redis may keep these to itself
                told |= server.info(section)
        most = told.get("maxmemory") or 0
        return Reading(
            queued=int(server.llen(QUEUE)),
            version=told.get("redis_version", ""),
            policy=told.get("maxmemory_policy"),
            used=told.get("used_memory", 0) / most if most else None,
            is_kept=_is_kept(server, told),
            last_save_failed="err"
            in (told.get("rdb_last_bgsave_status"), told.get("aof_last_write_status")),
            ahead=_ahead(server),
        )


def judge(reading: Any, now: datetime) -> list[Finding]:
    """Return the findings; `reading` is what `read` returned or raised."""
    if isinstance(reading, Exception):
        told = ill(
            "broker",
            _("The broker does not answer (%(error)s). Mail waits until it does.")
            % {"error": said(reading)},
            _("Start Redis, or put REDIS_URL right. Nothing is lost meanwhile."),
        )
        return [
            told,
            *(
                unknown(name, _("Not known, because the broker does not answer."))
                for name in NAMES[1:]
            ),
        ]
    if not settings.REDIS_URL:
        return [
            well("broker", _("The broker is a folder of this machine, as no REDIS_URL is set."))
        ]
    return [
        well("broker", _("The broker answers.")),
        _policy(reading.policy),
        _room(reading.used),
        _disk(reading),
        unknown("broker-clock", _("The broker does not say what time it has."))
        if reading.ahead is None
        else clocks.judge("broker-clock", ahead=reading.ahead, whose=_("the broker")),
    ]


def _policy(policy: str | None) -> Finding:
    if policy is None:
        return unknown(
            "broker-policy",
            _("The broker does not say what it does when it is full."),
            _("Ask whoever runs it whether maxmemory-policy is noeviction."),
        )
    if policy == "noeviction":
        return well("broker-policy", _("The broker drops nothing when it is full."))
    return ill(
        "broker-policy",
        _(
            "The broker drops what it has accepted when it is full: its maxmemory-policy is %(policy)s."
        )
        % {"policy": policy},
        _("Set maxmemory-policy to noeviction in the configuration of Redis."),
    )


def _room(used: float | None) -> Finding:
    if used is None or used < NEARLY_FULL:
        return well("broker-room", _("The broker has room."))
    return ill(
        "broker-room",
        _("The broker is full to %(share)s percent; when it is full it takes nothing more.")
        % {"share": round(used * 100)},
        _("Give Redis more memory (maxmemory), or see what fills it."),
    )


def _disk(reading: Reading) -> Finding:
    if reading.last_save_failed:
        return ill(
            "broker-disk",
            _("The broker could not write its data to disk."),
            _("See the log of Redis and the room on its disk."),
        )
    if reading.is_kept is None:
        return unknown("broker-disk", _("The broker does not say whether it keeps its data."))
    if reading.is_kept:
        return well("broker-disk", _("The broker keeps its data on disk."))
    return note(
        "broker-disk",
        _("The broker forgets its data when it restarts. No mail is lost by that, only a minute."),
        _("Set appendonly to yes in the configuration of Redis."),
    )


def _is_kept(server: redis.Redis, told: dict[str, Any]) -> bool | None:
    if told.get("aof_enabled"):
        return True
    with suppress(redis.ResponseError):
        config: Any = server.config_get("save")
        return bool(config.get("save"))
    return None


def _ahead(server: redis.Redis) -> float | None:
    with suppress(redis.ResponseError):
        begun = time.time()
        theirs: Any = server.time()
        return theirs[0] + theirs[1] / 1e6 - (begun + time.time()) / 2
    return None


def _read_folder(folder: Path) -> Reading:
    """Raises OSError where the folder is gone or not ours to write in."""
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{folder} cannot be written to.")
    return Reading(queued=sum(1 for _file in folder.iterdir()))
