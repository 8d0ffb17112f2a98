"""The life of one event among others, and what any calendar program must see of it after each step."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from events import lifecycle
from events.models import Event, from_local
from tests.factories import EventFactory, SessionFactory, TopicFactory

LONGEST = timedelta(hours=12)

#: Days on which programs go wrong: where, and from when to when in UTC.
MOMENTS = [
    ("Europe/Berlin", "2027-01-20T08:00", "2027-01-20T16:00"),
    ("Europe/Berlin", "2027-07-14T07:00", "2027-07-14T15:00"),
    ("Europe/Berlin", "2027-03-28T01:00", "2027-03-28T03:00"),  # from the first hour of summer
    ("Europe/Berlin", "2027-03-27T22:30", "2027-03-28T02:00"),  # over the switch
    ("Europe/Berlin", "2027-10-31T00:30", "2027-10-31T06:30"),  # 02:30, the first time
    ("Europe/Berlin", "2027-10-31T01:30", "2027-10-31T07:00"),  # 02:30, the second time
    ("Europe/Berlin", "2027-10-31T02:15", "2027-10-31T09:00"),  # 03:15, the first hour of winter
    ("America/New_York", "2027-11-07T07:15", "2027-11-07T12:00"),  # 02:15, the same there
    ("America/New_York", "2027-01-20T14:00", "2027-01-20T22:00"),
    ("America/New_York", "2027-07-14T13:00", "2027-07-14T21:00"),
    ("America/New_York", "2027-03-14T16:00", "2027-03-14T22:00"),  # Europe has not switched yet
    ("Australia/Sydney", "2027-01-19T22:00", "2027-01-20T06:00"),  # summer
    ("Australia/Sydney", "2027-07-13T23:00", "2027-07-14T07:00"),
    ("Africa/Casablanca", "2027-01-20T08:00", "2027-01-20T16:00"),
    ("Africa/Casablanca", "2027-02-15T09:00", "2027-02-15T17:00"),  # Ramadan
    ("Africa/Casablanca", "2027-07-14T08:00", "2027-07-14T16:00"),
    ("Asia/Kolkata", "2027-01-20T16:30", "2027-01-20T20:00"),  # over midnight
    ("Asia/Kolkata", "2027-07-14T03:30", "2027-07-14T11:30"),
]

TITLE = r"Prison, probation; “and” C:\probation\, 50 % 🎓 👩🏽‍⚖️ יציאה לחופשי"
PARAGRAPHS = [
    r"One, two; three \ four \n five \; six: “seven”",
    r"C:\new\notes, \; \, \\",
    "שלום, עולם; 🎓\u202e אבג \u202c end",
    ("Ünïcödé, wörd; by wørd \\ " * 390).strip(),
]
PAGE = "https://events.plenary.test/events/{slug}/"


@dataclass(frozen=True)
class Entry:
    """One entry as a program shows it. Times are instants in UTC, or dates for whole days, the end exclusive."""

    title: str
    starts: datetime | date
    ends: datetime | date
    status: str
    sequence: int
    uid: str


def told(said: dict[str, Any]) -> Entry:
    """The entry that a program told, with moments as they are or as ISO 8601; what else it told is left out."""
    return Entry(
        title=said["title"],
        starts=_moment(said["starts"]),
        ends=_moment(said["ends"]),
        status=said["status"],
        sequence=said["sequence"],
        uid=said["uid"],
    )


def entry_of(event: Event) -> Entry:
    """What must be seen of an event that is simply to take place."""
    starts, ends = event.starts_at.astimezone(UTC), event.ends_at.astimezone(UTC)
    if ends - starts > LONGEST:
        days = [moment.astimezone(event.zone).date() for moment in (starts, ends)]
        starts, ends = days[0], days[1] + timedelta(days=1)
    return Entry(event.title, starts, ends, "CONFIRMED", event.sequence, str(event.uid))


def in_order(entries: list[Entry]) -> list[Entry]:
    """The entries by what they say, so that two lists can be compared."""
    return sorted(entries, key=lambda one: (str(one.starts), one.title, one.uid))


def neighbours() -> list[Entry]:
    """Make the events beside the one that lives: one on each difficult day, one of several days, one of odd words."""
    for number, (zone, start, end) in enumerate(MOMENTS):
        EventFactory(
            slug=f"moment-{number}",
            title=f"Moment {number:02}",
            starts_at=datetime.fromisoformat(start).replace(tzinfo=UTC),
            ends_at=datetime.fromisoformat(end).replace(tzinfo=UTC),
            timezone=zone,
        )
    several_days()
    odd_words()
    return [entry_of(event) for event in Event.objects.public()]


def several_days() -> Event:
    """Make an event from Saturday to Monday, with the spring switch in its middle."""
    event = EventFactory(
        slug="several",
        title="Several days",
        starts_at=from_local(datetime(2027, 3, 27, 10), "Europe/Madrid"),
        ends_at=from_local(datetime(2027, 3, 29, 16, 30), "Europe/Madrid"),
        timezone="Europe/Madrid",
    )
    for day in (27, 28, 29):
        start = from_local(datetime(2027, 3, day, 10), "Europe/Madrid")
        SessionFactory(
            event=event, title=f"{day} March", starts_at=start, ends_at=start + timedelta(hours=6)
        )
    return event


def live_by_session(event: Event) -> Iterator[list[Entry]]:
    """Announce the event of several days, rename it and cancel it; gives its sessions each time, without their UIDs."""
    starts = [datetime(2027, 3, day, hour, tzinfo=UTC) for day, hour in ((27, 9), (28, 8), (29, 8))]
    seen = [
        Entry(
            title=f"Several days: {start.day} March",
            starts=start,
            ends=start + timedelta(hours=6),
            status="CONFIRMED",
            sequence=0,
            uid="",
        )
        for start in starts
    ]
    yield seen

    event.title = "Days"
    lifecycle.apply_changes(event, by=None)
    yield [
        replace(one, title=one.title.replace("Several days", "Days"), sequence=1) for one in seen
    ]

    lifecycle.cancel(event, by=None)
    yield [
        replace(
            one,
            title=one.title.replace("Several days", "Cancelled: Days"),
            status="CANCELLED",
            sequence=2,
        )
        for one in seen
    ]


def odd_words() -> Event:
    """Make an event whose words hold what calendar files and programs stumble over."""
    event = EventFactory(
        slug="odd",
        title=TITLE,
        summary="First, second; third\\",
        description="".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS),
        starts_at=datetime(2027, 5, 4, 8, tzinfo=UTC),
        ends_at=datetime(2027, 5, 4, 16, tzinfo=UTC),
    )
    event.topics.set([TopicFactory(name="Mental health, care"), TopicFactory(name="A; B\\")])
    return event


def odd_text() -> str:
    """The description that must come back of the event of odd words."""
    return "\n\n".join(["First, second; third\\", "\n".join(PARAGRAPHS), PAGE.format(slug="odd")])


def course() -> Event:
    """Make the draft whose life is told."""
    return EventFactory(
        draft=True,
        slug="course",
        title="Course",
        starts_at=from_local(datetime(2027, 6, 10, 10), "Europe/Berlin"),
        ends_at=from_local(datetime(2027, 6, 10, 17), "Europe/Berlin"),
        timezone="Europe/Berlin",
    )


def live(event: Event) -> Iterator[Entry]:
    """Lead the course through its life: announced, moved, renamed, postponed, going again, cancelled.

    Gives what must be seen after each step.
    """
    lifecycle.publish(event, by=None)
    seen = Entry(
        title="Course",
        starts=datetime(2027, 6, 10, 8, tzinfo=UTC),
        ends=datetime(2027, 6, 10, 15, tzinfo=UTC),
        status="CONFIRMED",
        sequence=0,
        uid=str(event.uid),
    )
    yield seen

    event.timezone = "America/New_York"
    event.starts_at = from_local(datetime(2027, 6, 11, 21), event.timezone)
    event.ends_at = from_local(datetime(2027, 6, 11, 23, 30), event.timezone)
    lifecycle.apply_changes(event, by=None)
    seen = replace(
        seen,
        starts=datetime(2027, 6, 12, 1, tzinfo=UTC),
        ends=datetime(2027, 6, 12, 3, 30, tzinfo=UTC),
        sequence=1,
    )
    yield seen

    event.title = "Evening, course"
    lifecycle.apply_changes(event, by=None)
    seen = replace(seen, title="Evening, course", sequence=2)
    yield seen

    lifecycle.postpone(event, by=None)
    yield replace(seen, title="Postponed: Evening, course", status="TENTATIVE", sequence=3)

    lifecycle.publish(event, by=None)
    yield replace(seen, sequence=4)

    lifecycle.cancel(event, by=None)
    yield replace(seen, title="Cancelled: Evening, course", status="CANCELLED", sequence=5)


def _moment(said: str | datetime | date) -> datetime | date:
    if isinstance(said, str):
        said = date.fromisoformat(said) if len(said) == 10 else datetime.fromisoformat(said)
    return said.astimezone(UTC) if isinstance(said, datetime) else said
