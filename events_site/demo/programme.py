"""The programme of a next edition: sessions for each day, with fictional speakers."""

from datetime import date, datetime, time
from itertools import cycle

from events import revisions
from events.models import Event, Kind, Session, Speaker, from_local
from events_site.demo.people import People

#: Hours, title and number of speakers. `{topic}` is a subject of the event.
Slot = tuple[str, str, str, int]

FIRST_DAY: list[Slot] = [
    ("09:00", "09:30", "Arrival and coffee", 0),
    ("09:30", "10:00", "Welcome by the hosts", 1),
    ("10:00", "11:00", "Opening lecture: {topic}", 1),
    ("11:30", "13:00", "Where we stand: short reports from the services", 3),
    ("14:00", "15:30", "Working groups on cases from practice", 2),
    ("16:00", "17:00", "What the groups found", 1),
]
MIDDLE_DAY: list[Slot] = [
    ("09:00", "10:30", "Panel: {topic}", 3),
    ("11:00", "12:30", "Parallel workshops", 2),
    ("13:30", "16:00", "Study visit to a local service", 0),
    ("16:15", "17:00", "Reflections on the visit", 1),
]
LAST_DAY: list[Slot] = [
    ("09:00", "10:30", "From research to practice: {topic}", 2),
    ("11:00", "12:30", "World café: what we take home", 1),
    ("13:30", "15:00", "Plans for the next year", 2),
    ("15:30", "17:00", "Conclusions and the date of the next meeting", 1),
]
ONLY_DAY: list[Slot] = [
    ("09:00", "09:30", "Welcome and introductions", 1),
    ("09:30", "11:00", "Opening lecture: {topic}", 1),
    ("11:30", "12:30", "News from the jurisdictions", 3),
    ("13:30", "15:00", "Working groups: {topic}", 2),
    ("15:30", "16:30", "What the groups found", 1),
    ("16:30", "17:00", "Conclusions and next steps", 1),
]
WEBINAR: list[Slot] = [
    ("14:00", "14:10", "Welcome", 1),
    ("14:10", "15:00", "{topic}: the state of research", 1),
    ("15:00", "15:45", "Three examples from practice", 3),
    ("15:45", "16:30", "Questions and discussion", 1),
]

OPENS, CLOSES = time(9), time(17)
WEBINAR_OPENS, WEBINAR_CLOSES = time(14), time(16, 30)


def hours_of(kind: str) -> tuple[time, time]:
    """Return when the first day begins and the last day ends, by the event's clock."""
    return (WEBINAR_OPENS, WEBINAR_CLOSES) if kind == Kind.WEBINAR else (OPENS, CLOSES)


def write_programme(event: Event, *, people: People) -> None:
    """Store sessions and speakers for every day of the event."""
    days = event.days
    slots = [(day, slot) for day in days for slot in _day_plan(event, day, days)]
    topics = cycle([topic.name for topic in event.topics.all()] or [event.title])
    sessions = Session.objects.bulk_create(
        Session(
            event=event,
            title=title.format(topic=next(topics)) if "{topic}" in title else title,
            starts_at=_instant(event, day, begin),
            ends_at=_instant(event, day, end),
        )
        for day, (begin, end, title, _speakers) in slots
    )
    numbers = [speakers for _day, (_begin, _end, _title, speakers) in slots]
    crowd = iter(people.crowd(seed=f"{event.slug}/speakers", people=sum(numbers), jurisdictions=8))
    Speaker.objects.bulk_create(
        Speaker(
            session=session,
            name=f"{person.given_name} {person.family_name}",
            affiliation=f"{person.organisation}, {person.jurisdiction}",
            position=position,
        )
        for session, number in zip(sessions, numbers, strict=True)
        for position, person in zip(range(number), crowd, strict=False)
    )
    revisions.touch(event)


def _day_plan(event: Event, day: date, days: list[date]) -> list[Slot]:
    if event.kind == Kind.WEBINAR:
        return WEBINAR
    if len(days) == 1:
        return ONLY_DAY
    return {days[0]: FIRST_DAY, days[-1]: LAST_DAY}.get(day, MIDDLE_DAY)


def _instant(event: Event, day: date, hour: str) -> datetime:
    return from_local(datetime.combine(day, time.fromisoformat(hour)), event.timezone)
