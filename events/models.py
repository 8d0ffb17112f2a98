"""Events and what belongs to them: organisations, programme, venue, topics, series."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, F, OuterRef, Q, When
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.timezone import now as utc_now
from django.utils.translation import gettext_lazy as _
from wagtail.fields import RichTextField

from accounts.models import Named, Organisation, SavedWhole
from accounts.permissions import LEADING
from events.dates import midnight
from events.importing.models import ImportedEntry as ImportedEntry
from events.importing.models import PendingCalendar as PendingCalendar
from events.sql import JSONList, JSONText
from events.timezones import zone_named

TEXT_FEATURES = ["h3", "bold", "italic", "ol", "ul", "link"]
#: How long calendars show an event after its end, and that one was called off.
SHOWN_FOR = timedelta(days=365)
CANCELLED_SHOWN_FOR = timedelta(days=90)


def validate_timezone(name: str) -> None:
    """Raise ValidationError unless `name` is a zone of the IANA database, as in Europe/Madrid."""
    if name not in available_timezones():
        raise ValidationError(
            _("%(name)s is not a known time zone. Use one such as Europe/Madrid."),
            params={"name": name},
        )


class Topic(Named):
    """A subject that events and articles are about."""

    slug = models.SlugField(_("short address"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=120)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Series(Named):
    """Events that follow one another under one name, such as a yearly conference."""

    slug = models.SlugField(_("short address"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Venue(SavedWhole):
    """A place where people meet, with the time zone that its events go by."""

    slug = models.SlugField(_("short address"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    address = models.CharField(_("street and number"), max_length=300, blank=True)
    city = models.CharField(_("city"), max_length=100)
    country = models.CharField(
        _("country"), max_length=2, help_text=_("Two-letter code (ISO 3166-1).")
    )
    timezone = models.CharField(_("time zone"), max_length=60, validators=[validate_timezone])
    latitude = models.DecimalField(
        _("latitude"), max_digits=8, decimal_places=5, null=True, blank=True
    )
    longitude = models.DecimalField(
        _("longitude"), max_digits=8, decimal_places=5, null=True, blank=True
    )
    is_city_only = models.BooleanField(
        _("only the city is known"), default=False, help_text=_("The name then stays unsaid.")
    )

    class Meta:
        verbose_name = _("venue")
        verbose_name_plural = _("venues")
        ordering = ["city", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="venue_coordinates_come_in_pairs_on_the_globe",
            ),
        ]

    def __str__(self) -> str:
        return self.city if self.is_city_only else f"{self.name}, {self.city}"


class Kind(models.TextChoices):
    """What sort of event it is."""

    WORKSHOP = "workshop", _("Workshop")
    EXPERT_MEETING = "expert-meeting", _("Expert meeting")
    CONFERENCE = "conference", _("Conference")
    WEBINAR = "webinar", _("Webinar")
    TRAINING = "training", _("Training")
    GENERAL_ASSEMBLY = "general-assembly", _("General assembly")
    CEREMONY = "ceremony", _("Ceremony")


class Mode(models.TextChoices):
    """A way of attending."""

    IN_PERSON = "in-person", _("In person")
    ONLINE = "online", _("Online")


class Format(models.TextChoices):
    """The ways of attending that an event offers."""

    IN_PERSON = "in-person", _("In person")
    ONLINE = "online", _("Online")
    HYBRID = "hybrid", _("In person and online")


class Status(models.TextChoices):
    """Where an event stands. Past is a matter of the clock, not of the status."""

    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    POSTPONED = "postponed", _("Postponed")
    CANCELLED = "cancelled", _("Cancelled")


class Entry(models.TextChoices):
    """How people get in."""

    OPEN = "open", _("Open registration")
    APPROVAL = "approval", _("Registration with approval")
    INVITATION = "invitation", _("By invitation only")
    ELSEWHERE = "elsewhere", _("Registration on another site")
    NONE = "none", _("No registration")


class EventQuerySet(models.QuerySet["Event"]):
    def public(self) -> "EventQuerySet":
        """Events that everybody may see."""
        return self.exclude(status=Status.DRAFT)

    def upcoming(self, now: datetime | None = None) -> "EventQuerySet":
        """Events that are not over, soonest first."""
        return self.filter(ends_at__gt=now or utc_now()).order_by("starts_at", "pk")

    def past(self, now: datetime | None = None) -> "EventQuerySet":
        """Events that are over, latest first."""
        return self.filter(ends_at__lte=now or utc_now()).order_by("-starts_at", "-pk")

    def taking_place(self) -> "EventQuerySet":
        """Events that are neither drafts nor called off."""
        return self.filter(status=Status.PUBLISHED)

    def in_calendars(self, now: datetime | None = None) -> "EventQuerySet":
        """Public events ahead or of the last year, without those that were called off more than 90 days ago.

        Events leave at midnight UTC only, so that the passing of time changes a feed once a day.
        """
        today = midnight(now or utc_now())
        since = today - CANCELLED_SHOWN_FOR
        called_off_lately = Q(cancelled_at__gte=since) | Q(
            cancelled_at__isnull=True, changed_at__gte=since
        )
        return (
            self.public()
            .filter(ends_at__gte=today - SHOWN_FOR)
            .filter(~Q(status=Status.CANCELLED) | called_off_lately)
        )

    def with_organisations(self) -> "EventQuerySet":
        """With venue, series and organisations, in two queries for any number of events."""
        return self.select_related("venue", "series").prefetch_related(
            models.Prefetch(
                "organisation_links",
                EventOrganisation.objects.select_related("organisation").order_by("position", "pk"),
            ),
        )

    def with_facts(self) -> "EventQuerySet":
        """With venue, series, organisations and topics, in three queries for any number of events."""
        return self.with_organisations().prefetch_related("topics")

    def with_entries(self) -> "EventQuerySet":
        """With all that calendar entries say, in two queries for any number of events, and lighter than with facts."""
        topics = Topic.objects.filter(events=OuterRef("pk")).order_by("name")
        links = EventOrganisation.objects.filter(event=OuterRef("pk"), role__in=LEADING)
        name = Case(
            When(organisation__short_name="", then="organisation__name"),
            default="organisation__short_name",
        )
        return (
            self.select_related("venue")
            .defer("offsets")
            .prefetch_related(models.Prefetch("sessions", Session.objects.defer("offsets")))
            .annotate(
                topic_names=JSONList(topics.values(item=JSONText("name"))),
                organiser_names=JSONList(
                    links.order_by("-role", "position", "pk").values(item=JSONText(name))
                ),
            )
        )


class Event(models.Model):
    """A workshop, meeting or conference. `lifecycle` alone assigns `status`, `revisions` `sequence` and `changed_at`.

    Instants are stored in UTC and shown in `timezone`. `ends_at` is exclusive: a whole-day event ends at
    midnight after its last day.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(_("short address"), max_length=120, unique=True)
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    format = models.CharField(_("format"), max_length=10, choices=Format, default=Format.IN_PERSON)
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False
    )
    summary = models.CharField(_("summary"), max_length=400, blank=True)
    description = RichTextField(_("description"), blank=True, features=TEXT_FEATURES)

    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    timezone = models.CharField(_("time zone"), max_length=60, validators=[validate_timezone])
    is_whole_day = models.BooleanField(_("whole days, hours not yet known"), default=False)

    venue = models.ForeignKey(
        Venue, models.PROTECT, null=True, blank=True, related_name="events", verbose_name=_("venue")
    )
    join_url = models.URLField(
        _("link to join online"),
        max_length=600,  # those of some services are long
        blank=True,
        help_text=_("Shown only to people with a place."),
    )
    organisations = models.ManyToManyField(
        Organisation,
        through="EventOrganisation",
        related_name="events",
        verbose_name=_("organisations"),
    )
    series = models.ForeignKey(
        Series,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("series"),
    )
    topics = models.ManyToManyField(
        Topic, blank=True, related_name="events", verbose_name=_("topics")
    )

    entry = models.CharField(_("who gets in"), max_length=12, choices=Entry, default=Entry.OPEN)
    entry_url = models.URLField(_("address of the registration elsewhere"), blank=True)
    audience = models.CharField(_("for whom"), max_length=300, blank=True)
    capacity_in_person = models.PositiveIntegerField(
        _("places in person"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    capacity_online = models.PositiveIntegerField(
        _("places online"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    opens_at = models.DateTimeField(_("registration opens"), null=True, blank=True)
    closes_at = models.DateTimeField(_("registration closes"), null=True, blank=True)
    contact_email = models.EmailField(_("contact"), blank=True)

    sequence = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=utc_now, editable=False)
    changed_at = models.DateTimeField(default=utc_now, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Seconds from UTC that the zone had at each instant when it was stored, by field (see `offsets`).
    offsets = models.JSONField(default=dict, db_default={}, editable=False)
    #: The newest version of the rules of zones that `offsets` were taken from, as in 2026a; empty where it is unknown.
    zone_rules = models.CharField(max_length=12, default="", db_default="", editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["starts_at", "pk"]
        indexes = [
            models.Index(fields=["ends_at", "starts_at"], name="events_by_time"),
            models.Index(fields=["changed_at"], name="events_by_change"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="event_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="event_status_is_known"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="event_kind_is_known"),
            models.CheckConstraint(
                condition=Q(format__in=Format.values), name="event_format_is_known"
            ),
            models.CheckConstraint(
                condition=Q(entry__in=Entry.values), name="event_entry_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status="draft") | Q(format="online") | Q(venue__isnull=False),
                name="published_event_has_a_venue_unless_online",
            ),
            models.CheckConstraint(
                condition=~Q(entry="elsewhere") | Q(status="draft") | ~Q(entry_url=""),
                name="registration_elsewhere_has_an_address",
            ),
            models.CheckConstraint(
                condition=Q(opens_at__isnull=True)
                | Q(closes_at__isnull=True)
                | Q(closes_at__gt=F("opens_at")),
                name="registration_closes_after_it_opens",
            ),
            models.CheckConstraint(
                condition=Q(sequence__lte=2_147_483_647), name="event_sequence_fits_a_calendar"
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled") | Q(cancelled_at__isnull=True),
                name="only_a_cancelled_event_says_since_when",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("event", args=[self.slug])

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            errors["ends_at"] = _("The event must end after it starts. Change one of the two.")
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            errors["closes_at"] = _(
                "Registration must close after it opens. Change one of the two."
            )
        if self.entry == Entry.ELSEWHERE and not self.entry_url:
            errors["entry_url"] = _(
                "Give the address where people register, or choose another way in."
            )
        if errors:
            raise ValidationError(errors)

    # -- Time ---------------------------------------------------------------------------------
    @property
    def zone(self) -> ZoneInfo:
        return zone_named(self.timezone)

    @property
    def local_start(self) -> datetime:
        """The start in the event's own zone."""
        return self.starts_at.astimezone(self.zone)

    @property
    def local_end(self) -> datetime:
        """The end in the event's own zone."""
        return self.ends_at.astimezone(self.zone)

    @property
    def first_day(self) -> date:
        return self.local_start.date()

    @property
    def last_day(self) -> date:
        """The local date of the last moment before `ends_at`."""
        return (self.ends_at - timedelta(microseconds=1)).astimezone(self.zone).date()

    @property
    def days(self) -> list[date]:
        """Every local date on which the event takes place."""
        count = (self.last_day - self.first_day).days + 1
        return [self.first_day + timedelta(days=n) for n in range(count)]

    @property
    def is_over(self) -> bool:
        return self.ends_at <= utc_now()

    @property
    def has_begun(self) -> bool:
        return self.starts_at <= utc_now()

    # -- Place and people ---------------------------------------------------------------------
    @property
    def is_public(self) -> bool:
        return self.status != Status.DRAFT

    @property
    def modes(self) -> list[Mode]:
        """The ways of attending that it offers."""
        return {
            Format.IN_PERSON: [Mode.IN_PERSON],
            Format.ONLINE: [Mode.ONLINE],
            Format.HYBRID: [Mode.IN_PERSON, Mode.ONLINE],
        }[Format(self.format)]

    def capacity(self, mode: str) -> int | None:
        """The number of places for a way of attending; None is no limit."""
        return self.capacity_online if mode == Mode.ONLINE else self.capacity_in_person

    @cached_property
    def organisers(self) -> list[Organisation]:
        """The organisations that organise it, leading one first."""
        return self._organisations("organiser", "co-organiser")

    @cached_property
    def hosts(self) -> list[Organisation]:
        return self._organisations("host")

    @cached_property
    def partners(self) -> list[Organisation]:
        return self._organisations("partner")

    @cached_property
    def topic_names(self) -> list[str]:
        return [topic.name for topic in self.topics.all()]

    @cached_property
    def organiser_names(self) -> list[str]:
        """As `organisers`, by the names that they are shown with."""
        return [organisation.display_name for organisation in self.organisers]

    def _organisations(self, *roles: str) -> list[Organisation]:
        links = list(self.organisation_links.all())
        return [link.organisation for role in roles for link in links if link.role == role]


class FormerSlug(models.Model):
    """A short address that a public event had before: entries that people hold still lead to the event by it."""

    slug = models.SlugField(max_length=120, unique=True)
    event = models.ForeignKey(Event, models.CASCADE, related_name="former_slugs")

    def __str__(self) -> str:
        return self.slug


def from_local(moment: datetime, zone_name: str) -> datetime:
    """Return the UTC instant of a wall time in a zone.

    Raises ValidationError for a time that the spring change of clocks skips there.
    """
    zone = ZoneInfo(zone_name)
    instant = moment.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise ValidationError(
            _(
                "The clocks change that night: %(time)s does not exist in %(zone)s. Choose another time."
            ),
            params={"time": f"{moment:%H:%M}", "zone": zone_name},
        )
    return instant


class OrganisationRole(models.TextChoices):
    """What an organisation does for an event."""

    ORGANISER = "organiser", _("organiser")
    CO_ORGANISER = "co-organiser", _("co-organiser")
    HOST = "host", _("host")
    PARTNER = "partner", _("partner")


class EventOrganisation(models.Model):
    """The part that one organisation plays in one event."""

    event = models.ForeignKey(
        Event, models.CASCADE, related_name="organisation_links", verbose_name=_("event")
    )
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="event_links", verbose_name=_("organisation")
    )
    role = models.CharField(_("role"), max_length=12, choices=OrganisationRole)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("organisation of an event")
        verbose_name_plural = _("organisations of events")
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "organisation"], name="each_organisation_has_one_role_in_an_event"
            ),
            models.CheckConstraint(
                condition=Q(role__in=OrganisationRole.values), name="organisation_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation.display_name} ({self.get_role_display()})"


class Session(models.Model):
    """One item of the programme."""

    event = models.ForeignKey(
        Event, models.CASCADE, related_name="sessions", verbose_name=_("event")
    )
    title = models.CharField(_("title"), max_length=200)
    details = models.CharField(_("details"), max_length=500, blank=True)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    sequence = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    #: Seconds from UTC that the zone of the event had at each instant when it was stored, by field (see `offsets`).
    offsets = models.JSONField(default=dict, db_default={}, editable=False)
    #: The newest version of the rules of zones that `offsets` were taken from, as in 2026a; empty where it is unknown.
    zone_rules = models.CharField(max_length=12, default="", db_default="", editable=False)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["starts_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="session_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Speaker(models.Model):
    """Someone who speaks in a session."""

    session = models.ForeignKey(
        Session, models.CASCADE, related_name="speakers", verbose_name=_("session")
    )
    name = models.CharField(_("name"), max_length=150)
    affiliation = models.CharField(_("affiliation"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("speaker")
        verbose_name_plural = _("speakers")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name
