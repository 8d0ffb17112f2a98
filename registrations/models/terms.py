"""The terms on which people register for one event, and the numbered places of every share that they limit."""

from datetime import datetime

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from events.models import Event, Mode
from registrations.models.registration import Registration


def _offer_hours() -> int:
    return settings.OFFER_HOURS


class Terms(models.Model):
    """Who may register for an event, and how. An event without a row has the usual terms: see `terms_of`."""

    event = models.OneToOneField(Event, models.CASCADE, related_name="terms")
    offer_hours = models.PositiveSmallIntegerField(
        _("hours to take an offered place"),
        default=_offer_hours,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Then the place goes to the next in line. It always ends before the event begins."
        ),
    )
    checks_address = models.BooleanField(
        _("people confirm their address by a mailed link"),
        default=True,
        help_text=_("Without it a registration counts at once, whoever typed the address."),
    )
    members_only_until = models.DateTimeField(
        _("member organisations first, until"),
        null=True,
        blank=True,
        help_text=_("Until then others join the waiting list."),
    )
    kept_in_person = models.PositiveIntegerField(
        _("places in person kept for invited people"), default=0
    )
    kept_online = models.PositiveIntegerField(_("places online kept for invited people"), default=0)
    kept_until = models.DateTimeField(_("kept until"), null=True, blank=True)
    most_per_organisation = models.PositiveSmallIntegerField(
        _("most people from one organisation"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: no limit."),
    )
    most_per_jurisdiction = models.PositiveSmallIntegerField(
        _("most people from one country or jurisdiction"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: no limit."),
    )
    mail_domains = models.TextField(
        _("only addresses at"),
        blank=True,
        help_text=_("One domain a line, as in justice.example. Empty: all."),
    )
    declaration = models.CharField(
        _("declaration to tick"),
        max_length=300,
        blank=True,
        help_text=_("As in: I do not work for a commercial company."),
    )
    answers_until = models.DateTimeField(
        _("answers may be changed until"),
        null=True,
        blank=True,
        help_text=_("Empty: until the event begins."),
    )
    shows_participants = models.BooleanField(
        _("public list of participants"),
        default=False,
        help_text=_("It names only those who agree to it when they register."),
    )
    opened_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("terms of registration")
        verbose_name_plural = _("terms of registration")
        constraints = [
            models.CheckConstraint(
                condition=Q(offer_hours__gte=1), name="an_offer_stands_an_hour_at_least"
            ),
            models.CheckConstraint(
                condition=Q(kept_in_person=0, kept_online=0) | Q(kept_until__isnull=False),
                name="kept_places_are_kept_until_a_date",
            ),
            models.CheckConstraint(
                condition=Q(most_per_organisation__isnull=True) | Q(most_per_organisation__gte=1),
                name="an_organisation_may_send_somebody",
            ),
            models.CheckConstraint(
                condition=Q(most_per_jurisdiction__isnull=True) | Q(most_per_jurisdiction__gte=1),
                name="a_jurisdiction_may_send_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}"

    @property
    def domains(self) -> list[str]:
        """The mail domains that may register, in lower case; none is no limit."""
        return [line.strip().lower().lstrip("@.") for line in self.mail_domains.split()]

    def kept(self, mode: str, now: datetime) -> int:
        """How many places of a mode are kept for invited people at `now`."""
        if self.kept_until is None or self.kept_until <= now:
            return 0
        return self.kept_online if mode == Mode.ONLINE else self.kept_in_person

    def is_for_members(self, now: datetime) -> bool:
        """Whether places go to member organisations alone at `now`."""
        return self.members_only_until is not None and now < self.members_only_until

    @property
    def opens_to_all_at(self) -> datetime | None:
        """The moment from which places are for everybody; None where they always were."""
        moments = [at for at in (self.members_only_until, self.kept_until) if at]
        return max(moments, default=None)


def terms_of(event: Event) -> Terms:
    """Return the terms of an event as they are stored now, or the usual ones, not stored."""
    return Terms.objects.filter(event=event).first() or Terms(event=event)


class Allotment(models.Model):
    """One numbered place in a limited share of an event: of an organisation, a jurisdiction, an answer.

    As with seats the unique number is the guarantee: no share holds two people under one number, and none is given
    a number above the limit. `share` says which: `organisation:…`, `jurisdiction:…`, `general:<mode>`, `option:<id>`.
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="allotments")
    registration = models.ForeignKey(Registration, models.CASCADE, related_name="allotments")
    share = models.CharField(max_length=220)
    number = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("place in a share")
        verbose_name_plural = _("places in shares")
        ordering = ["share", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "share", "number"], name="each_place_of_a_share_is_given_once"
            ),
            models.UniqueConstraint(
                fields=["registration", "share"], name="a_registration_counts_once_in_a_share"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="shares_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.share} {self.number}"
