"""What organisers decide about mail: when to remind, in which words, and what is written to many at once."""

from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from events.models import Event


class When(models.TextChoices):
    """How the moment of a reminder is said. Hours pass; days are those of the event's calendar."""

    BEFORE_START = "before-start", _("so long before the start")
    AFTER_END = "after-end", _("so long after the end")
    DAY_BEFORE = "day-before", _("on a day before, by the event's clock")
    AT = "at", _("at a date and time")


class Audience(models.TextChoices):
    """To whom a reminder goes."""

    CONFIRMED = "confirmed", _("everybody with a place")
    IN_PERSON = "in-person", _("those who come in person")
    ONLINE = "online", _("those who attend online")
    PRESENT = "present", _("those who were there")
    ABSENT = "absent", _("those who had a place and were not there")


class ReminderRule(models.Model):
    """One rule of an event, or of the network where it has none: when to write to whom.

    Which rule sent a message is known by what the rule says, not by its row (see `reminder_rules.name_of`): two rules
    that say the same send one message.
    """

    event = models.ForeignKey(
        Event, models.CASCADE, null=True, blank=True, related_name="reminder_rules"
    )
    when = models.CharField(_("when"), max_length=12, choices=When, default=When.BEFORE_START)
    minutes = models.PositiveIntegerField(_("minutes before or after"), null=True, blank=True)
    days = models.PositiveSmallIntegerField(
        _("days before"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    clock = models.TimeField(_("at this time of the event's clock"), null=True, blank=True)
    at = models.DateTimeField(_("date and time"), null=True, blank=True)
    audience = models.CharField(
        _("to"), max_length=10, choices=Audience, default=Audience.CONFIRMED
    )
    is_on = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("rule for reminders")
        verbose_name_plural = _("rules for reminders")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(when__in=["before-start", "after-end"], minutes__isnull=False)
                | Q(when="day-before", days__gte=1, clock__isnull=False)
                | Q(when="at", at__isnull=False),
                name="a_reminder_has_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(audience__in=Audience.values), name="audience_of_a_reminder_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(audience__in=["present", "absent"]) | Q(when__in=["after-end", "at"]),
                name="who_was_there_is_known_afterwards",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_when_display()}, {self.get_audience_display()}"


class Wording(models.Model):
    """The words of one message in one language, of an event or of the network, instead of ours.

    `subject` and `text` hold named values in braces, as in {name}; see `wordings`.
    """

    event = models.ForeignKey(Event, models.CASCADE, null=True, blank=True, related_name="wordings")
    notice = models.CharField(_("message"), max_length=40)
    language = models.CharField(_("language"), max_length=10)
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("text"), max_length=10_000)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("words of a message")
        verbose_name_plural = _("words of messages")
        ordering = ["notice", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "notice", "language"],
                name="a_message_of_an_event_has_one_wording_in_a_language",
            ),
            models.UniqueConstraint(
                fields=["notice", "language"],
                condition=Q(event__isnull=True),
                name="a_message_of_the_network_has_one_wording_in_a_language",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notice} ({self.language})"


class MailingKind(models.TextChoices):
    """What is written to many people of an event at once."""

    CHANGED = "changed", _("news of a change")
    POSTPONED = "postponed", _("news that it is postponed")
    CANCELLED = "cancelled", _("news that it is cancelled")
    LETTER = "letter", _("a mail of the organisers")


class MailingState(models.TextChoices):
    """Where a mailing stands."""

    WAITING = "waiting", _("waits for its time")
    HELD = "held", _("held back")
    WRITING = "writing", _("is being written")
    DONE = "done", _("written to all")
    STOPPED = "stopped", _("stopped")


class Mailing(models.Model):
    """One text to many people of an event: news of a change, or a letter. A worker writes it person by person.

    `changes` holds what an event was before the first of the changes told, by name of the field; `changes_for` the
    same by id of those who know it otherwise, since a mail told them of it between two changes. `people` are the ids
    of those a letter was written to; news goes to all who take part. `cursor` is the last one who was written to;
    `left_out` counts those before it who were not, because they no longer take part, take no such mail or know it all.
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="mailings")
    kind = models.CharField(_("kind"), max_length=10, choices=MailingKind)
    key = models.CharField(
        max_length=40, unique=True, help_text=_("So that a form sent twice makes one mailing.")
    )
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    text = models.TextField(_("text"), blank=True)
    changes = models.JSONField(default=dict, blank=True)
    changes_for = models.JSONField(
        default=dict, db_default=Value({}, models.JSONField()), blank=True
    )
    people = models.JSONField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(
        _("state"), max_length=10, choices=MailingState, default=MailingState.WAITING
    )
    due_at = models.DateTimeField(_("goes out at"), default=timezone.now)
    cursor = models.BigIntegerField(default=0, editable=False)
    written = models.PositiveIntegerField(_("written to"), default=0, editable=False)
    left_out = models.PositiveIntegerField(
        _("passed over"), default=0, db_default=0, editable=False
    )
    created_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("mailing")
        verbose_name_plural = _("mailings")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["waiting", "writing"]),
                name="mailings_to_write",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=MailingKind.values), name="mailing_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=MailingState.values), name="mailing_state_is_known"
            ),
            models.UniqueConstraint(
                fields=["event"],
                condition=Q(state="waiting", kind="changed"),
                name="changes_that_are_not_settled_are_told_together",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}, {self.get_kind_display()}"

    @property
    def batch(self) -> str:
        """The name that its messages carry in the outbox."""
        return f"mailing/{self.pk}"

    @property
    def records(self) -> list[dict[str, list[Any]]]:
        """What most people may know of the event that holds no more, and what those do who know it otherwise."""
        return [self.changes, *self.changes_for.values()]

    def record_for(self, registration_id: int) -> dict[str, list[Any]]:
        """What one person may know of the event that holds no more."""
        record: dict[str, list[Any]] = self.changes_for.get(str(registration_id), self.changes)
        return record


class Withdrawal(models.Model):
    """How often the entry of an event was taken out of the calendar of one mailbox, by the digest of its address."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="withdrawals")
    address = models.CharField(max_length=64)
    times = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        constraints = [
            models.UniqueConstraint(
                fields=["address", "event"], name="withdrawals_of_an_address_are_counted_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}, {self.address[:8]}"
