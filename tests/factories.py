"""Rows for tests, without surprises: each factory makes what its name says and what that needs, and nothing else."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from accounts.models import Jurisdiction, Membership, Organisation, Role, User
from events.models import (
    Event,
    EventOrganisation,
    Format,
    Kind,
    Mode,
    OrganisationRole,
    Series,
    Session,
    Speaker,
    Status,
    Topic,
    Venue,
)
from recaps.models import Article
from recaps.models import Kind as ArticleKind
from registrations import line, seats
from registrations.models import Invitation, Option, Question, QuestionKind, Registration, Terms
from registrations.seats import Person

PASSWORD = "a good long password"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"staff{n}@example.org")
    first_name = "Maja"
    last_name = factory.Sequence(lambda n: f"Novak {n}")
    password = factory.django.Password(PASSWORD)


class OrganisationFactory(DjangoModelFactory):
    class Meta:
        model = Organisation

    slug = factory.Sequence(lambda n: f"organisation-{n}")
    name = factory.Sequence(lambda n: f"Organisation {n}")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    role = Role.MANAGER


class JurisdictionFactory(DjangoModelFactory):
    """A country in Europe; the codes are those that ISO leaves to users."""

    class Meta:
        model = Jurisdiction

    code = factory.Sequence(lambda n: f"X{chr(65 + n // 26 % 26)}-{n % 1000:03}")
    name = factory.Sequence(lambda n: f"Jurisdiction {n:03}")
    country = factory.LazyAttribute(lambda jurisdiction: jurisdiction.code[:2])
    is_european = True


class TopicFactory(DjangoModelFactory):
    class Meta:
        model = Topic

    slug = factory.Sequence(lambda n: f"topic-{n}")
    name = factory.Sequence(lambda n: f"Topic {n}")


class SeriesFactory(DjangoModelFactory):
    class Meta:
        model = Series

    slug = factory.Sequence(lambda n: f"series-{n}")
    name = factory.Sequence(lambda n: f"Series {n}")


class VenueFactory(DjangoModelFactory):
    class Meta:
        model = Venue

    slug = factory.Sequence(lambda n: f"venue-{n}")
    name = "Palau de Congressos"
    address = "Carrer de la Pau 7"
    city = "Barcelona"
    country = "ES"
    timezone = "Europe/Madrid"


class EventFactory(DjangoModelFactory):
    """A published workshop of one day in Barcelona in a month, with one organiser and no limit of places."""

    class Meta:
        model = Event
        skip_postgeneration_save = True

    class Params:
        draft = factory.Trait(status=Status.DRAFT)
        online = factory.Trait(format=Format.ONLINE, venue=None)
        hybrid = factory.Trait(format=Format.HYBRID)

    slug = factory.Sequence(lambda n: f"event-{n}")
    title = factory.Sequence(lambda n: f"Workshop {n}")
    kind = Kind.WORKSHOP
    status = Status.PUBLISHED
    starts_at = factory.LazyFunction(
        lambda: (timezone.now() + timedelta(days=30)).replace(
            hour=9, minute=0, second=0, microsecond=0
        )
    )
    ends_at = factory.LazyAttribute(lambda event: event.starts_at + timedelta(hours=8))
    timezone = "Europe/Madrid"
    venue = factory.SubFactory(VenueFactory)
    contact_email = "contact@organiser.example"

    @factory.post_generation
    def organiser(event, create, given, **_more):
        if create:
            EventOrganisation.objects.create(
                event=event,
                organisation=given or OrganisationFactory(),
                role=OrganisationRole.ORGANISER,
            )


class SessionFactory(DjangoModelFactory):
    """An hour at the start of its event."""

    class Meta:
        model = Session

    event = factory.SubFactory(EventFactory)
    title = factory.Sequence(lambda n: f"Session {n}")
    starts_at = factory.LazyAttribute(lambda session: session.event.starts_at)
    ends_at = factory.LazyAttribute(lambda session: session.starts_at + timedelta(hours=1))


class QuestionFactory(DjangoModelFactory):
    """A short text, asked when registering, that need not be answered."""

    class Meta:
        model = Question

    event = factory.SubFactory(EventFactory)
    kind = QuestionKind.TEXT
    label = factory.Sequence(lambda n: f"Question {n}?")


class OptionFactory(DjangoModelFactory):
    """An answer to one choice, without a limit of places."""

    class Meta:
        model = Option

    question = factory.SubFactory(QuestionFactory, kind=QuestionKind.CHOICE)
    label = factory.Sequence(lambda n: f"Option {n}")


class InvitationFactory(DjangoModelFactory):
    class Meta:
        model = Invitation

    event = factory.SubFactory(EventFactory)
    email = factory.Sequence(lambda n: f"invited{n}@example.org")


class SpeakerFactory(DjangoModelFactory):
    class Meta:
        model = Speaker

    session = factory.SubFactory(SessionFactory)
    name = factory.Sequence(lambda n: f"Speaker {n}")


class ArticleFactory(DjangoModelFactory):
    """A public news article of today."""

    class Meta:
        model = Article

    slug = factory.Sequence(lambda n: f"article-{n}")
    title = factory.Sequence(lambda n: f"Article {n}")
    kind = ArticleKind.NEWS
    body = "<p>What came of it.</p>"
    published_on = factory.LazyFunction(timezone.localdate)
    organisation = factory.SubFactory(OrganisationFactory)
    live = True


def terms(event: Event, **fields) -> Terms:
    """The terms of an event, stored and in force."""
    return line.apply_terms(Terms(event=event, **fields))


def person(n: int = 1, **said) -> Person:
    """What the person of that number says when registering."""
    return Person(
        **{
            "given_name": "Ana",
            "family_name": f"Müller {n}",
            "email": f"person{n}@example.org",
            "organisation": "Probation Service",
            **said,
        }
    )


def registered(event: Event, n: int = 1, *, mode: str = Mode.IN_PERSON, **said) -> Registration:
    """Someone who registered and has not yet followed the link."""
    return seats.register(event, person=person(n, **said), mode=mode)


def verified(event: Event, n: int = 1, *, mode: str = Mode.IN_PERSON, **said) -> Registration:
    """Someone who registered and followed the link: confirmed, or on the waiting list."""
    return seats.verify(registered(event, n, mode=mode, **said))


def enrolled(event: Event, n: int = 1, *, mode: str = Mode.IN_PERSON, **said) -> Registration:
    """Someone whom staff added."""
    return seats.enrol(event, person=person(n, **said), mode=mode, by=None)
