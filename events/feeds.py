"""Feeds of public events to subscribe to: what they hold, since when, and their bytes.

A feed is as new as its edition: a digest over its name and every event in it with the moment of its last change, since
all that an entry shows moves that moment (docs/decisions/0021). Whoever has the edition is answered with one query.
Others get the file of the edition, which is written while it goes out for the first time, and kept
(docs/decisions/0022).
"""

import logging
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO

import icalendar
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language

from accounts.models import Named, Organisation
from events import calendar, contentlines, dates, models, offsets, timezones
from events.models import Event, EventQuerySet, Series, Topic

logger = logging.getLogger(__name__)

#: So many events are read at once: a long feed takes no more memory than a short one.
CHUNK = 500
#: So many files of editions are kept, of so many bytes in all.
KEPT, KEPT_BYTES = 200, 200_000_000
#: For so many seconds the edition is taken from memory while no event has changed: briefly after a change, since others
#: of the same moment may still be stored.
SECONDS, SETTLED_SECONDS = 5, 600
NEWEST = f"SELECT MAX(changed_at){{}} FROM {Event._meta.db_table} WHERE status <> 'draft'"
#: What a feed can be called after.
NAMED: tuple[type[Named], ...] = (Topic, Series, Organisation)
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
    #: Whether others will ask for the same: not for what somebody searched for.
    is_kept: bool = True

    def parts(self, left_out: list[int]) -> Generator[bytes]:
        """Give the feed as it is now, some hundred events at a time; list the ids of events left out."""
        events = self.events.order_by("pk")
        written = events.with_entries().iterator(CHUNK)
        first = list(islice(written, CHUNK))
        # Zone blocks stand before all entries (RFC 5545 3.6.5), over the years of them all.
        spans: Iterable[Event] = first
        if len(first) == CHUNK:
            spans = self._spans().iterator(CHUNK)
        zones = calendar.zone_blocks(spans, by_session=self.by_session)
        yield b"".join(calendar.head(zones, name=self.name, source=self.source, page=self.page))
        yield from _joined(
            calendar.sound_entries(
                chain(first, written), zones, by_session=self.by_session, left_out=left_out
            )
        )
        yield calendar.END

    def _spans(self) -> EventQuerySet:
        """The events with no more than when they are."""
        fields = ("timezone", "starts_at", "ends_at", "is_whole_day")
        events = self.events.order_by("pk").only(*fields)
        return events.prefetch_related("sessions") if self.by_session else events


@dataclass(frozen=True)
class Edition:
    """How new a feed is: the digest of what it shows, and since when it may be so."""

    digest: str
    changed_at: datetime

    def file(self, *, is_zipped: bool) -> Path:
        """Return where the file of the edition is kept, if it is."""
        return _folder() / f"{self.digest}.ics{'.gz' if is_zipped else ''}"

    def kept(self, *, is_zipped: bool) -> BinaryIO | None:
        """Return the kept file, open for reading, if there is one; it counts as of use now."""
        path = self.file(is_zipped=is_zipped)
        try:
            file = path.open("rb")
        except OSError:
            return None
        with suppress(OSError):
            os.utime(path)
        return file

    def kept_while_sent(
        self, parts: Iterable[bytes], left_out: list[int], *, is_zipped: bool
    ) -> Generator[bytes]:
        """Give the parts, zipped if wished, and keep them as the file once the last has gone out.

        What lacks an event is not kept. Where nothing can be kept, the parts go out all the same.
        """
        sent = zipped(parts) if is_zipped else parts
        draft = _Draft.begin()
        try:
            for part in sent:
                draft.write(part)
                yield part
            if not left_out:
                draft.keep_as(self.file(is_zipped=is_zipped))
        finally:
            draft.discard()


class _Draft:
    """A file that is being written beside the kept ones. What goes wrong with it is logged, and it is given up."""

    def __init__(self, file: Any) -> None:
        self._file = file

    @classmethod
    def begin(cls) -> "_Draft":
        try:
            _folder().mkdir(parents=True, exist_ok=True)
            return cls(NamedTemporaryFile(dir=_folder(), prefix="draft-", delete=False))
        except OSError:
            logger.warning("No feed can be kept in %s.", _folder(), exc_info=True)
            return cls(None)

    def write(self, part: bytes) -> None:
        if self._file:
            with self._giving_up():
                self._file.write(part)
                self._file.flush()

    def keep_as(self, file: Path) -> None:
        """Put it in its place, and delete the files that were of use longest ago."""
        if self._file:
            with self._giving_up():
                self._file.close()
                Path(self._file.name).replace(file)
                _delete_oldest()

    def discard(self) -> None:
        """Delete it, unless it is kept. Harmless when repeated."""
        if self._file:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                Path(self._file.name).unlink(missing_ok=True)
        self._file = None

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            logger.warning("A feed cannot be kept.", exc_info=True)
            self.discard()


def known_edition(key: str, named: Sequence[type[Named]] = ()) -> Edition | None:
    """Return how new the feed is that is known by `key`, with one query; None where nobody has asked for it lately.

    Here and below `named` is what the feed may be called after.
    """
    name, changed_at, _seconds = _newness(key, named)
    found = caches["pages"].get(name)
    return Edition(found, changed_at) if found else None


def edition(key: str, feed: Feed, named: Sequence[type[Named]] = ()) -> Edition:
    """Return how new a feed is, read from all of its events, and remember it under `key`."""
    name, changed_at, seconds = _newness(key, named)
    found = _digest_of(feed)
    caches["pages"].set(name, found, seconds)
    return Edition(found, changed_at)


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
    """Return the digest of what writes entries: another release of it, or other rules of zones, is another edition."""
    modules = (calendar, contentlines, dates, models, timezones)
    code = b"".join(Path(str(one.__file__)).read_bytes() for one in modules)
    versions = f"{icalendar.__version__} {offsets.rules_version()}"
    return sha256(code + versions.encode()).hexdigest()


def _newness(key: str, named: Sequence[type[Named]]) -> tuple[str, datetime, int]:
    """Return what the digest of a feed is remembered as, since when it may be so, and for how many seconds."""
    now = timezone.now()
    today = dates.midnight(now)
    changes = _newest_changes(named)
    newest = max((one for one in changes if one), default=today)
    known = f"feed {key} {get_language()} {changes} {today:%Y%m%d}"
    name = sha256(known.encode()).hexdigest()
    is_settled = now - newest > LATE
    # Another change may follow within the second that the header counts in: until then it says an earlier moment.
    changed_at = newest if is_settled else min(newest - LATE, now)
    return name, max(changed_at, today), SETTLED_SECONDS if is_settled else SECONDS


def _newest_changes(named: Sequence[type[Named]]) -> list[datetime | None]:
    """When an event was changed last, and one of each of `named` got its name; None where that is not known.

    By indexes; asked for with each request, so without the work of building the query.
    """
    names = (f", (SELECT MAX(named_at) FROM {one._meta.db_table})" for one in named)
    with connection.cursor() as cursor:
        cursor.execute(NEWEST.format("".join(names)))
        found = cursor.fetchone()
    # SQLite keeps instants as text, in UTC.
    return [
        datetime.fromisoformat(one).replace(tzinfo=UTC) if isinstance(one, str) else one
        for one in found
    ]


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


def zipped(parts: Iterable[bytes]) -> Generator[bytes]:
    """Give parts as gzip (RFC 1952), without the time of zipping: the same bytes each time."""
    zipping = zlib.compressobj(6, wbits=31)
    for part in parts:
        if some := zipping.compress(part):
            yield some
    yield zipping.flush()


def _delete_oldest() -> None:
    files = []
    for file in _folder().iterdir():
        with suppress(FileNotFoundError):  # another process has deleted it
            known = file.stat()
            files.append((known.st_mtime, known.st_size, file))
    size = 0
    for number, (_used_at, of_file, file) in enumerate(sorted(files, reverse=True)):
        size += of_file
        if number >= KEPT or size > KEPT_BYTES:
            file.unlink(missing_ok=True)
