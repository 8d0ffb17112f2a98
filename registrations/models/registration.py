"""Registrations with their states and seats, the moves between states, and the seats that came free."""

import secrets
from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Jurisdiction, User
from events.models import Event, Mode

#: Letters and digits that cannot be mistaken for one another on paper or on the telephone.
REFERENCE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class Status(models.TextChoices):
    """Where a registration stands (design 4)."""

    UNVERIFIED = "unverified", _("address not yet confirmed")
    APPLIED = "applied", _("waits for a decision")
    WAITING = "waiting", _("on the waiting list")
    OFFERED = "offered", _("place offered")
    CONFIRMED = "confirmed", _("confirmed")
    DECLINED = "declined", _("declined")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")


#: Every move that is allowed; the empty text is "not there yet".
MOVES: dict[str, frozenset[str]] = {
    "": frozenset({Status.UNVERIFIED, Status.APPLIED, Status.WAITING, Status.CONFIRMED}),
    Status.UNVERIFIED: frozenset(
        {Status.APPLIED, Status.WAITING, Status.CONFIRMED, Status.CANCELLED, Status.EXPIRED}
    ),
    Status.APPLIED: frozenset(
        {Status.WAITING, Status.CONFIRMED, Status.DECLINED, Status.CANCELLED}
    ),
    Status.WAITING: frozenset(
        {Status.OFFERED, Status.CONFIRMED, Status.DECLINED, Status.CANCELLED}
    ),
    Status.OFFERED: frozenset({Status.CONFIRMED, Status.CANCELLED, Status.EXPIRED}),
    Status.CONFIRMED: frozenset({Status.CANCELLED}),
    Status.DECLINED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.EXPIRED: frozenset(),
}
LIVE = (Status.UNVERIFIED, Status.APPLIED, Status.WAITING, Status.OFFERED, Status.CONFIRMED)
SEATED = (Status.OFFERED, Status.CONFIRMED)


class RefusedMove(Exception):
    """The state table has no such move."""


def new_reference() -> str:
    """Return eight characters that people can read out; unique in practice and by constraint."""
    return "".join(secrets.choice(REFERENCE_ALPHABET) for _n in range(8))


def new_link_key() -> str:
    """Return the random part behind a personal link; a new one makes old links worthless."""
    return secrets.token_hex(16)


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def live(self) -> "RegistrationQuerySet":
        """Registrations that are not over: they hold, or may yet get, a place."""
        return self.filter(status__in=LIVE)

    def confirmed(self) -> "RegistrationQuerySet":
        return self.filter(status=Status.CONFIRMED)

    def waiting(self) -> "RegistrationQuerySet":
        """The queue, first come first."""
        return self.filter(status=Status.WAITING).order_by("created_at", "pk")

    def seated(self) -> "RegistrationQuerySet":
        """Registrations that hold a seat, also for the time being."""
        return self.filter(seat__isnull=False)

    def lapsed(self, now: datetime) -> "RegistrationQuerySet":
        """Registrations whose time to confirm the address, or to take an offered place, has run out."""
        return self.filter(status__in=[Status.UNVERIFIED, Status.OFFERED], expires_at__lte=now)

    def of_address(self, email: str) -> "RegistrationQuerySet":
        """Registrations of an address, whatever the case of its letters; the index is on the lower case."""
        return self.alias(address=Lower("email")).filter(address=email.lower())

    def present(self) -> "RegistrationQuerySet":
        """People who were present on at least one day."""
        from registrations.models.attendance import Attendance

        return self.filter(
            models.Exists(Attendance.objects.filter(registration=models.OuterRef("pk")))
        )

    def listed(self) -> "RegistrationQuerySet":
        """People who come and agreed to be named in public."""
        return self.confirmed().filter(is_listed=True, erased_at=None)

    def known(self) -> "RegistrationQuerySet":
        """Registrations whose person has not been erased."""
        return self.filter(erased_at=None)


class Registration(models.Model):
    """One person's registration for one event. `seats` alone assigns `seat` and `status`."""

    event = models.ForeignKey(
        Event, models.PROTECT, related_name="registrations", verbose_name=_("event")
    )
    mode = models.CharField(_("attends"), max_length=10, choices=Mode)
    seat = models.PositiveIntegerField(_("seat"), null=True, blank=True, editable=False)
    status = models.CharField(_("state"), max_length=10, choices=Status, editable=False)

    given_name = models.CharField(_("given name"), max_length=100)
    family_name = models.CharField(_("family name"), max_length=100)
    email = models.EmailField(_("e-mail address"), max_length=254)
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)
    jurisdiction = models.ForeignKey(
        Jurisdiction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="registrations",
        verbose_name=_("country or jurisdiction"),
    )
    language = models.CharField(_("language"), max_length=10, default="en")

    is_listed = models.BooleanField(_("may be named in public"), default=False, db_default=False)
    declared_at = models.DateTimeField(_("declaration ticked at"), null=True, blank=True)
    wished_mode = models.CharField(
        _("would rather attend"),
        max_length=10,
        choices=Mode,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    pending_email = models.EmailField(
        _("new address, not yet proved"), max_length=254, blank=True, default="", db_default=""
    )
    replaces = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="substitutes",
        verbose_name=_("comes instead of"),
    )
    brought_by = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="colleagues",
        verbose_name=_("registered by"),
    )
    invitation = models.ForeignKey(
        "registrations.Invitation",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="registrations",
        verbose_name=_("invitation"),
    )

    reference = models.CharField(
        _("reference"), max_length=12, unique=True, default=new_reference, editable=False
    )
    link_key = models.CharField(max_length=32, default=new_link_key, editable=False)
    created_at = models.DateTimeField(_("registered at"), default=timezone.now, editable=False)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(_("held until"), null=True, blank=True, editable=False)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True, editable=False)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        ordering = ["created_at", "pk"]
        indexes = [
            models.Index(fields=["event", "status", "created_at"], name="registrations_by_state"),
            models.Index(
                fields=["event", "created_at", "id"],
                condition=Q(status="waiting") | ~Q(wished_mode=""),
                name="registrations_in_line",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=["unverified", "offered"]),
                name="registrations_that_may_lapse",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "mode", "seat"], name="each_seat_is_given_once"
            ),
            models.UniqueConstraint(
                Lower("email"),
                F("event"),
                condition=Q(
                    status__in=["unverified", "applied", "waiting", "offered", "confirmed"]
                ),
                name="one_live_registration_per_person_and_event",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["offered", "confirmed"], seat__isnull=False)
                | Q(status="unverified")
                | Q(
                    status__in=["applied", "waiting", "declined", "cancelled", "expired"],
                    seat__isnull=True,
                ),
                name="state_says_whether_a_seat_is_held",
            ),
            models.CheckConstraint(
                condition=Q(seat__isnull=True) | Q(seat__gte=1), name="seats_count_from_one"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["unverified", "offered"], expires_at__isnull=False)
                | ~Q(status__in=["unverified", "offered"]),
                name="held_places_have_a_deadline",
            ),
            models.CheckConstraint(
                condition=~Q(status="confirmed") | Q(confirmed_at__isnull=False),
                name="confirmed_people_have_a_time_of_confirmation",
            ),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="mode_is_known"),
            models.CheckConstraint(
                condition=Q(wished_mode="")
                | Q(wished_mode__in=Mode.values, status="confirmed") & ~Q(wished_mode=F("mode")),
                name="only_people_with_a_place_wish_for_another_mode",
            ),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True)
                | Q(given_name="", family_name="", organisation="", pending_email=""),
                name="erased_people_have_no_name",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.reference})"

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def attends_online(self) -> bool:
        """Whether the person attends, or would attend, online, and the event can still be attended so."""
        return self.mode == Mode.ONLINE and Mode.ONLINE in self.event.modes

    @property
    def joins_online(self) -> bool:
        """Whether the person has a sure place online, and so is led to the page for joining."""
        return self.status == Status.CONFIRMED and self.attends_online

    def move(self, to: str, *, seat: int | None, by: User | None = None, why: str = "") -> None:
        """Go to another state with or without a seat, save, and note the move and the seat that came free.

        Raises RefusedMove for a move that the table lacks. Only `seating` calls this, under the lock of the event.
        """
        if to not in MOVES[self.status]:
            raise RefusedMove(f"{self.status or 'new'} -> {to}")
        change = StatusChange(from_status=self.status, to_status=to, changed_by=by, reason=why)
        self.status = to
        if to == Status.CONFIRMED:
            self.confirmed_at = change.changed_at
        else:
            self.wished_mode = ""
        if to not in {Status.UNVERIFIED, Status.OFFERED}:
            self.expires_at = None
        self._sit(self.mode, seat)
        change.registration = self
        change.save()

    def sit_elsewhere(self, mode: str, *, seat: int | None, by: User | None, why: str) -> None:
        """Attend in another way, on a seat of that mode, in the same state; save and note it. For `seating` alone."""
        self.wished_mode = ""
        self._sit(mode, seat)
        self.note(by=by, why=why)

    def note(self, *, by: User | None = None, why: str) -> None:
        """Write into the log what happened without a change of state."""
        StatusChange.objects.create(
            registration=self,
            from_status=self.status,
            to_status=self.status,
            changed_by=by,
            reason=why[:300],
        )

    def _sit(self, mode: str, seat: int | None) -> None:
        """Save with a seat or without one; a seat given up becomes a vacancy, one taken is none any more."""
        left, taken = (self.mode, self.seat), (mode, seat)
        self.mode, self.seat = mode, seat
        self.save()
        if left == taken:
            return
        if left[1] is not None:
            Vacancy.objects.get_or_create(event_id=self.event_id, mode=left[0], seat=left[1])
        if seat is not None:
            Vacancy.objects.filter(event_id=self.event_id, mode=mode, seat=seat).delete()


class StatusChange(models.Model):
    """One move of one registration: from, to, when, by whom, why."""

    registration = models.ForeignKey(Registration, models.CASCADE, related_name="changes")
    from_status = models.CharField(max_length=10, blank=True)
    to_status = models.CharField(max_length=10, choices=Status)
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("change of state")
        verbose_name_plural = _("changes of state")
        ordering = ["changed_at", "pk"]

    def __str__(self) -> str:
        return f"{self.from_status or '-'} -> {self.to_status}"


class Vacancy(models.Model):
    """A seat that was given up and is free again, so that the lowest free one is found without counting the others.

    Free are the vacancies, and every number above the highest seat held.
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="vacancies")
    mode = models.CharField(max_length=10, choices=Mode)
    seat = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("free seat")
        verbose_name_plural = _("free seats")
        constraints = [
            models.UniqueConstraint(
                fields=["event", "mode", "seat"], name="each_vacancy_stands_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mode} {self.seat}"
