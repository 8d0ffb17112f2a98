"""The messages that were sent, wait or failed. The table is the truth; the broker only rings a bell."""

import hashlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a message stands."""

    WAITING = "waiting", _("waits to be sent")
    SENDING = "sending", _("is being sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("given up")
    STOPPED = "stopped", _("stopped before it was sent")


class Lane(models.TextChoices):
    """Which messages go first: one that waits in the fast lane goes before all in the slow one."""

    FAST = "fast", _("at once")
    SLOW = "slow", _("when nothing else waits")


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, now: datetime) -> "MessageQuerySet":
        """Messages that a worker should send at `now`: waiting ones whose time has come, and abandoned claims."""
        stale = now - timedelta(seconds=settings.OUTBOX_CLAIM_SECONDS)
        return self.filter(
            Q(state=State.WAITING) | Q(state=State.SENDING, claimed_at__lt=stale),
            send_after__lte=now,
        ).order_by("send_after", "pk")

    def unsent(self) -> "MessageQuerySet":
        """Messages that wait or that a worker has in hand."""
        return self.filter(state__in=[State.WAITING, State.SENDING])

    def stop(self, **said: str) -> int:
        """Keep those that are not sent from being sent; return how many. `said` is what is stored of it.

        One that a worker has in hand gets for its time the end of that claim: before, the worker may still send it.
        """
        end_of_claim = F("claimed_at") + timedelta(seconds=settings.OUTBOX_CLAIM_SECONDS)
        send_after = Case(When(state=State.SENDING, then=end_of_claim), default=F("send_after"))
        return self.unsent().update(
            state=State.STOPPED, claimed_at=None, send_after=send_after, **said
        )

    def about(self, topic: str) -> "MessageQuerySet":
        """Messages about one thing, named as in `event/12`."""
        return self.filter(topic=topic)


class Message(models.Model):
    """One mail to one recipient, for one reason: `key` says which, and is never used twice."""

    key = models.CharField(_("reason"), max_length=200, unique=True)
    topic = models.CharField(_("about"), max_length=100, blank=True, db_index=True)
    batch = models.CharField(
        _("written with"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        db_index=True,
        help_text=_("What many were written for at once, as in mailing/12."),
    )
    list_name = models.CharField(
        _("list"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("The list that its reader may leave, as in event/12 or newsletter."),
    )
    recipient = models.EmailField(_("recipient"), max_length=254)
    mailbox = models.EmailField(
        _("mailbox"),
        max_length=254,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("See `mailbox_of`."),
    )
    is_requested = models.BooleanField(
        _("asked for by a form that anybody can send"), default=False, db_default=False
    )
    recipient_name = models.CharField(_("name of the recipient"), max_length=200, blank=True)
    sender_name = models.CharField(_("name of the sender"), max_length=200, blank=True)
    reply_to = models.EmailField(_("answers go to"), blank=True)
    subject = models.CharField(_("subject"), max_length=300)
    text = models.TextField(_("text"))
    html = models.TextField(_("HTML"), blank=True)
    calendar = models.TextField(_("calendar file"), blank=True)
    calendar_method = models.CharField(max_length=10, blank=True)
    headers = models.JSONField(_("headers"), default=dict, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    lane = models.CharField(
        _("lane"), max_length=4, choices=Lane, default=Lane.FAST, db_default=Lane.FAST
    )
    send_after = models.DateTimeField(_("send after"), default=timezone.now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True)
    created_at = models.DateTimeField(_("written at"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    returned_at = models.DateTimeField(_("came back at"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["lane", "send_after", "id"],
                condition=Q(state__in=["waiting", "sending"]),
                name="outbox_messages_by_lane",
            ),
            models.Index(
                fields=["send_after", "id"],
                condition=Q(state__in=["waiting", "sending"], lane="fast", batch=""),
                name="outbox_messages_of_no_batch",
            ),
            models.Index(fields=["-created_at", "-id"], name="outbox_messages_by_age"),
            models.Index(
                fields=["mailbox", "created_at"],
                condition=Q(is_requested=True),
                name="outbox_requests_by_mailbox",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="message_state_is_known"
            ),
            models.CheckConstraint(condition=Q(lane__in=Lane.values), name="message_lane_is_known"),
            models.CheckConstraint(
                condition=~Q(recipient__contains=",")
                & ~Q(recipient__contains="\n")
                & ~Q(recipient__contains="\r"),
                name="message_has_one_recipient",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", claimed_at__isnull=False)
                | (~Q(state="sending") & Q(claimed_at__isnull=True)),
                name="message_is_claimed_while_sending",
            ),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="message_has_a_time_of_sending_once_sent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} ({self.recipient})"

    @property
    def message_id(self) -> str:
        """The Message-ID header, the same at every attempt, so that a receiver can fold a repeat (RFC 5322 3.6.4)."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()[:32]
        return f"<{digest}@{settings.SITE_HOST}>"


class Suppression(models.Model):
    """What came back from an address: it gets less mail, or none, until its owner or staff lift that."""

    address = models.EmailField(_("address"), max_length=254, unique=True)
    hard_bounces = models.PositiveSmallIntegerField(_("mails that came back for good"), default=0)
    complained_at = models.DateTimeField(_("called our mail spam at"), null=True, blank=True)
    reason = models.CharField(_("what the other server said"), max_length=500, blank=True)
    changed_at = models.DateTimeField(_("last change"), default=timezone.now)

    class Meta:
        verbose_name = _("address that mail came back from")
        verbose_name_plural = _("addresses that mail came back from")
        ordering = ["-changed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(address=Lower("address")), name="suppressed_address_is_in_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.address


class Unsubscription(models.Model):
    """That the reader at an address has left a list, as in `event/12` or `newsletter`."""

    address = models.EmailField(_("address"), max_length=254)
    list_name = models.CharField(_("list"), max_length=100)
    left_at = models.DateTimeField(_("left at"), default=timezone.now)

    class Meta:
        verbose_name = _("address that left a list")
        verbose_name_plural = _("addresses that left a list")
        constraints = [
            models.UniqueConstraint(
                fields=["address", "list_name"], name="a_list_is_left_once_by_an_address"
            ),
            models.CheckConstraint(
                condition=Q(address=Lower("address")), name="leaving_address_is_in_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address}, {self.list_name}"


class Heartbeat(models.Model):
    """When a process last did its work, by name: `beat`, `worker`. Measured by work done, not by being up."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    beaten_at = models.DateTimeField(_("last work"), default=timezone.now)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Alarm(models.Model):
    """That something is ill and whom it was told: one row for each thing that ever fell ill, by name."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    words = models.TextField(_("what is wrong"))
    told_at = models.DateTimeField(_("told at"))
    seen_at = models.DateTimeField(_("last seen at"))
    mailed_at = models.DateTimeField(_("mailed at"), null=True, blank=True)
    over_at = models.DateTimeField(_("well again at"), null=True, blank=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Restoration(models.Model):
    """That a backup was restored: what fell due before `quiet_before` may have been mailed and is not mailed again."""

    quiet_before = models.DateTimeField(_("the system before stopped at"))
    restored_at = models.DateTimeField(_("restored at"), default=timezone.now)
    stopped = models.PositiveIntegerField(_("messages that were stopped"), default=0)

    class Meta:
        verbose_name = _("restored backup")
        verbose_name_plural = _("restored backups")
        ordering = ["-quiet_before"]

    def __str__(self) -> str:
        return f"{self.quiet_before:%Y-%m-%d %H:%M}"
