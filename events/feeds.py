"""Feeds of public events to subscribe to: what they hold, since when, and their bytes.

A feed is as new as its edition: a digest over every event in it with the moment of its last change, since all that an
entry shows moves that moment (docs/decisions/0021). Whoever has the edition is answered with one query. Others get the
file of the edition, which is written while it goes out for the first time, and kept (docs/decisions/0022).
"""

import logging
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language

from events import calendar, contentlines, dates, timezones
from events.models import Event, EventQuerySet

logger = logging.getLogger(__name__)

#: So many events are read at once: a long feed takes no more memory than a short one.
CHUNK = 500
#: So many files of editions are kept; older ones are deleted.
KEPT = 100
#: The edition is made anew after so many seconds, even if no event has changed: the day may have.
SECONDS = 5
NEWEST = f"SELECT MAX(changed_at) FROM {Event._meta.db_table}"
#: A change is stored at most so long after the moment that it says.
LATE = timedelta(seconds=10)


@dataclass(frozen=True)
class Feed:
    """Public events under a name. `source` is the full address of the feed, `page` that of the page about it."""

    name: str
    source: str
    page: str
    events: EventQuerySet
    by_session: bool = False

    def parts(self) -> Iterator[bytes]:
        """Give the feed as it is now, some hundred events at a time."""
        events = self.events.order_by("pk")
        written = events.with_entries().iterator(CHUNK)
        first = list(islice(written, CHUNK))
        # Zone blocks stand before all entries (RFC 5545 3.6.5), over the years of them all.
        spans: Iterable[Event] = first
        if len(first) == CHUNK:
            fields = ("timezone", "starts_at", "ends_at", "is_whole_day")
            spans = events.only(*fields).iterator(CHUNK)
        zones = calendar.zone_blocks(spans, by_session=self.by_session)
        yield b"".join(calendar.head(zones, name=self.name, source=self.source, page=self.page))
        yield from _joined(
            calendar.sound_entries(chain(first, written), zones, by_session=self.by_session)
        )
        yield calendar.END


@dataclass(frozen=True)
class Edition:
    """How new a feed is: the digest of what it shows, and since when it may be so."""

    digest: str
    changed_at: datetime

    def file(self, *, is_zipped: bool) -> Path:
        """Return where the file of the edition is kept, if it is."""
        return _folder() / f"{self.digest}.ics{'.gz' if is_zipped else ''}"

    def kept_while_sent(self, parts: Iterable[bytes], *, is_zipped: bool) -> Iterator[bytes]:
        """Give the parts, zipped if wished, and keep them as the file once the last has gone out.

        Where nothing can be kept, they go out all the same.
        """
        sent = zipped(parts) if is_zipped else parts
        try:
            _folder().mkdir(parents=True, exist_ok=True)
            draft = NamedTemporaryFile(dir=_folder(), prefix="draft-", delete=False)  # noqa: SIM115
        except OSError:
            logger.warning("No feed can be kept in %s.", _folder(), exc_info=True)
            yield from sent
            return
        is_whole = True
        try:
            for part in sent:
                is_whole = is_whole and _is_written(draft, part)
                yield part
            if is_whole:
                _keep(draft, self.file(is_zipped=is_zipped))
        finally:
            draft.close()
            Path(draft.name).unlink(missing_ok=True)


def edition(key: str, make: Callable[[], Feed]) -> Edition:
    """Return how new the feed is that is known by `key`, with one query where that was asked for seconds ago."""
    now = timezone.now()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    newest = _newest_change() or today
    cache = caches["pages"]
    known = f"feed {key} {get_language()} {newest.timestamp()} {today:%Y%m%d}"
    name = sha256(known.encode()).hexdigest()
    found = cache.get(name)
    if found is None:
        found = _digest_of(make())
        cache.set(name, found, SECONDS)
    # Another change may follow within the second that the header counts in: until then it says an earlier moment.
    changed_at = newest if now - newest > LATE else newest - LATE
    return Edition(found, max(changed_at, today))


def digest(parts: Iterable[Any]) -> str:
    """Return the digest of what a calendar file is made from, as this release writes it in the reader's language."""
    found = sha256()
    for part in (writers(), get_language(), settings.SITE_URL, settings.TIME_ZONE):
        found.update(f"{part}\n".encode())
    for part in parts:
        found.update(f"{part}\n".encode())
    return found.hexdigest()[:40]


@lru_cache(maxsize=1)
def writers() -> str:
    """Return the digest of the code that writes entries: what another release writes is another edition."""
    modules = (calendar, contentlines, dates, timezones)
    return sha256(b"".join(Path(str(one.__file__)).read_bytes() for one in modules)).hexdigest()


def _newest_change() -> datetime | None:
    """When an event was changed last, by an index. Asked for with each request, so without the work of building it."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST)
        found = cursor.fetchone()[0]
    # SQLite keeps instants as text, in UTC.
    return datetime.fromisoformat(found).replace(tzinfo=UTC) if isinstance(found, str) else found


def _digest_of(feed: Feed) -> str:
    events = feed.events.order_by("pk").values_list("uid", "changed_at").iterator(CHUNK)
    said = (feed.name, feed.source, feed.page, feed.by_session)
    return digest(chain(said, chain.from_iterable(events)))


def _folder() -> Path:
    return settings.VAR_DIR / "calendars"


def _joined(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in larger parts, of some 64 kB."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > 65_536:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def zipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Give parts as gzip (RFC 1952), without the time of zipping: the same bytes each time."""
    zipping = zlib.compressobj(6, wbits=31)
    for part in parts:
        if some := zipping.compress(part):
            yield some
    yield zipping.flush()


def _is_written(draft: Any, part: bytes) -> bool:
    try:
        draft.write(part)
    except OSError:
        logger.warning("A feed cannot be kept.", exc_info=True)
        return False
    return True


def _keep(draft: Any, file: Path) -> None:
    """Put what was written in its place, and delete the oldest files, with what dead processes left behind."""
    try:
        draft.close()
        Path(draft.name).replace(file)
        found = sorted(_folder().iterdir(), key=lambda one: one.stat().st_mtime)
        for old in found[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        logger.warning("A feed cannot be kept.", exc_info=True)
