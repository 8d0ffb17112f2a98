"""Who was present on which day, and the figures that were signed off."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events.models import Event, Mode
from registrations.models.registration import Registration


class Source(models.TextChoices):
    """How we know that someone was present."""

    MANUAL = "manual", _("ticked by staff")
    DOOR = "door", _("door scan")
    SELF = "self", _("self check-in")
    JOIN_LINK = "join-link", _("join link")
    REPORT = "report", _("uploaded report")


class Attendance(models.Model):
    """One person present on one day of the event, by the event's own clock."""

    registration = models.ForeignKey(Registration, models.CASCADE, related_name="attendances")
    day = models.DateField(_("day"))
    mode = models.CharField(_("attended"), max_length=10, choices=Mode)
    source = models.CharField(_("known from"), max_length=10, choices=Source)
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("attendance")
        verbose_name_plural = _("attendances")
        ordering = ["day", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["registration", "day"], name="present_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.registration}, {self.day}"


class Figures(models.Model):
    """The numbers of an event as somebody signed them off; they stay when people are erased or recounted.

    A later sign-off is a new row: the newest one holds.
    """

    event = models.ForeignKey(
        Event, models.CASCADE, related_name="figures", verbose_name=_("event")
    )
    participants = models.PositiveIntegerField(_("participants"))
    jurisdictions = models.PositiveIntegerField(_("jurisdictions"))
    shares = models.JSONField(
        _("people by jurisdiction"), help_text=_("A list of code, name, people, is_european.")
    )
    signed_off_at = models.DateTimeField(_("signed off at"), default=timezone.now)
    signed_off_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("signed off by")
    )

    class Meta:
        verbose_name = _("figures")
        verbose_name_plural = _("figures")
        ordering = ["-signed_off_at", "-pk"]
        get_latest_by = ["signed_off_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(jurisdictions__lte=F("participants")),
                name="no_more_jurisdictions_than_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.participants}"
