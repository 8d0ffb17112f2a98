"""Reads organisations, topics, series, venues and past events, and makes them by the functions that people use."""

from collections.abc import Callable
from datetime import date
from random import Random

from django.db.models import Model

from accounts.models import MailDomain, Organisation, User
from events import lifecycle
from events.models import Entry, Event, Format, Kind, OrganisationRole, Series, Topic, Venue
from events_site.demo.loading import check, store
from events_site.demo.people import DOMAINS, People, home_of
from events_site.demo.records import BadRecord, Record
from registrations import attendance, figures, seats

#: Organisations that are members, with the code in the addresses of their fictional people.
MEMBERS = {
    "reclassering": "nl",
    "houses-of-justice": "be",
    "dbh": "de",
    "irish-probation": "ie",
    "swedish-prison-probation": "se",
    "norwegian-correctional-service": "no",
    "pms-cz": "cz",
    "croatian-probation": "hr",
    "dgrsp": "pt",
    "french-moj": "fr",
    "neustart": "at",
    "finnish-csa": "fi",
    "estonian-prison-department": "ee",
    "pbni": "gb-nir",
    "cejfe": "es-ct",
}
NOT_PUBLISHED = " (venue not published)"


def organisation(record: Record, *, countries: set[str]) -> Callable[[], Model]:
    made = Organisation(
        slug=record.text("slug"),
        name=record.text("name"),
        short_name=record.optional("short_name"),
        website=record.optional("website"),
        city=record.optional("city"),
        country=_country(record.optional("country"), countries),
        is_member=record.text("slug") in MEMBERS,
    )
    return lambda: _with_domains(made)


def topic(record: Record) -> Callable[[], Model]:
    made = Topic(slug=record.text("slug"), name=record.text("name"))
    return lambda: store(made)


def series(record: Record) -> Callable[[], Model]:
    made = Series(slug=record.text("slug"), name=record.text("name"))
    return lambda: store(made)


def venue(record: Record, *, countries: set[str]) -> Callable[[], Model]:
    name = record.text("name")
    made = Venue(
        slug=record.text("slug"),
        name=name.removesuffix(NOT_PUBLISHED),
        is_city_only=name.endswith(NOT_PUBLISHED),
        city=record.text("city"),
        country=_country(record.text("country"), countries),
        timezone=record.zone(),
    )
    return lambda: store(made)


class Events:
    """Makes events, and for those that are over their attendees, as many as the record says."""

    def __init__(self, *, people: People, by: User) -> None:
        self.people = people
        self.by = by

    def read(self, record: Record) -> Callable[[], Model]:
        zone = record.zone()
        starts_at, ends_at, is_whole_day = record.times(zone)
        event = Event(
            slug=record.text("slug"),
            title=record.text("title"),
            kind=record.choice("kind", Kind),
            format=record.choice("format", Format),
            summary=record.optional("summary"),
            starts_at=starts_at,
            ends_at=ends_at,
            timezone=zone,
            is_whole_day=is_whole_day,
            venue=record.ref("venue", "venues"),
            series=record.ref("series", "series"),
        )
        if event.format != Format.ONLINE and event.venue is None:
            raise BadRecord("it is not online, and the field 'venue' is missing")
        # How people got into an event of the past is not in the records.
        event.entry = Entry.NONE if event.is_over else Entry.OPEN
        organisers = record.refs("organisers", "organisations")
        if not organisers:
            raise BadRecord("the field 'organisers' is missing")
        event.contact_email = contact_of(organisers[0])
        topics = record.refs("topics", "topics")
        numbers = self._numbers(record)
        return lambda: self._make(event, organisers, topics, *numbers)

    def _numbers(self, record: Record) -> tuple[int | None, int | None]:
        people, places = record.number("participants"), record.number("jurisdictions")
        if people is not None and places is not None and places > people:
            raise BadRecord(f"{people} participants cannot come from {places} jurisdictions")
        if places is not None and places > len(self.people.known):
            raise BadRecord(f"there are no {places} jurisdictions")
        return people, places

    def _make(
        self,
        event: Event,
        organisers: list[Organisation],
        topics: list[Topic],
        participants: int | None,
        jurisdictions: int | None,
    ) -> Event:
        check(event)
        lifecycle.apply_changes(
            event, by=self.by, organisations=with_roles(organisers), topics=topics
        )
        lifecycle.publish(event, by=self.by)
        if event.is_over:
            number = jurisdictions or 0 if participants is None else participants
            self._attend(event, number, jurisdictions)
            if participants is not None:
                figures.sign_off(event, by=self.by)
        return event

    def _attend(self, event: Event, number: int, jurisdictions: int | None) -> None:
        crowd = self.people.crowd(
            seed=event.slug,
            people=number,
            jurisdictions=jurisdictions,
            home=home_of(event.venue.city, event.venue.country) if event.venue else "",
            is_worldwide=self._is_overseas(event),
        )
        rng = Random(f"{event.slug}/days")
        present: dict[date, set[int]] = {day: set() for day in event.days}
        for person in crowd:
            mode = rng.choice(event.modes) if len(event.modes) > 1 else event.modes[0]
            registration = seats.enrol(event, person=person, mode=mode, by=self.by)
            for day in _days_present(rng, event.days):
                present[day].add(registration.pk)
        for day, people in present.items():
            attendance.tick(event, day=day, present=people, shown=people, by=self.by)

    def _is_overseas(self, event: Event) -> bool:
        country = self.people.known.get(event.venue.country) if event.venue else None
        return country is not None and not country.is_european


def with_roles(organisers: list[Organisation]) -> list[tuple[Organisation, str]]:
    """The first as the organiser, the others as co-organisers."""
    roles = [OrganisationRole.ORGANISER] + [OrganisationRole.CO_ORGANISER] * len(organisers)
    return [(one, role.value) for one, role in zip(organisers, roles, strict=False)]


def contact_of(organisation: Organisation) -> str:
    """An address that cannot be a real one (RFC 2606)."""
    return f"events@{organisation.slug}.example"


def _days_present(rng: Random, days: list[date]) -> list[date]:
    """Every day for most people, one day for some."""
    return days if rng.random() < 0.85 else [rng.choice(days)]


def _with_domains(made: Organisation) -> Organisation:
    """Store an organisation, with the mail domains by which its fictional people are known."""
    store(made)
    if code := MEMBERS.get(made.slug):
        MailDomain.objects.bulk_create(
            MailDomain(organisation=made, domain=f"{code}.{domain}") for domain in DOMAINS
        )
    return made


def _country(code: str, countries: set[str]) -> str:
    if code and code not in countries:
        raise BadRecord(f"unknown country {code!r}; write it as two letters of ISO 3166-1")
    return code
