"""What hangs on a person's address beyond one registration, and what was erased."""

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events.models import Event
from registrations.models.registration import Registration, new_link_key, new_reference


class PersonalFeed(models.Model):
    """The calendar feed of the events of one address. A new `link_key` makes the old address of the feed worthless.

    `kept` are registrations that stood in it when they moved to another address.
    """

    email = models.EmailField(max_length=254)
    reference = models.CharField(max_length=12, unique=True, default=new_reference, editable=False)
    link_key = models.CharField(max_length=32, default=new_link_key, editable=False)
    kept = models.ManyToManyField(Registration, related_name="kept_in", blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("personal feed")
        verbose_name_plural = _("personal feeds")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_personal_feed_per_address"),
        ]

    def __str__(self) -> str:
        return self.reference


class Departure(models.Model):
    """How far the entry of an event had come in a feed by what registrations did that have left it since.

    `moves` counts their changes of state, and one for each that left, so that SEQUENCE never falls.
    """

    feed = models.ForeignKey(PersonalFeed, models.CASCADE, related_name="departures")
    event = models.ForeignKey(Event, models.CASCADE, related_name="departures")
    moves = models.PositiveIntegerField(default=0)
    left_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("departure from a feed")
        verbose_name_plural = _("departures from feeds")
        constraints = [
            models.UniqueConstraint(
                fields=["feed", "event"], name="departures_from_a_feed_are_counted_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feed}, {self.event}"


class UsedLink(models.Model):
    """A one-time link that has been used, by the digest of its secret; kept until the link would have run out."""

    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("used link")
        verbose_name_plural = _("used links")

    def __str__(self) -> str:
        return self.digest[:8]


class Erasure(models.Model):
    """That people or answers of an event were erased: how many, when and why, without saying who."""

    class Reason(models.TextChoices):
        ASKED = "asked", _("the person asked for it")
        RETENTION = "retention", _("the time of keeping was over")
        SPECIAL = "special", _("special data, some time after the event")

    event = models.ForeignKey(Event, models.CASCADE, related_name="erasures")
    reason = models.CharField(max_length=10, choices=Reason)
    people = models.PositiveIntegerField(default=0)
    answers = models.PositiveIntegerField(default=0)
    erased_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-erased_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.event}: {self.get_reason_display()}"


class PendingImport(models.Model):
    """A list of people that somebody uploaded and has yet to say yes to; forgotten after a day."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="pending_imports")
    uploaded_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)
    rows = models.JSONField()

    class Meta:
        verbose_name = _("list to import")
        verbose_name_plural = _("lists to import")

    def __str__(self) -> str:
        return f"{self.event}, {self.uploaded_at:%Y-%m-%d %H:%M}"
