"""Invitations by name, and the addresses that want to hear when registering opens to them."""

from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events.models import Event
from registrations.models.registration import (
    LIVE,
    Registration,
    new_link_key,
    new_reference,
)


class InvitationState(models.TextChoices):
    """How far an invitation has come; derived, see `InvitationQuerySet.with_state`."""

    SENT = "sent", _("sent")
    OPENED = "opened", _("opened")
    REGISTERED = "registered", _("registered")
    DECLINED = "declined", _("cannot come")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def with_state(self) -> "InvitationQuerySet":
        """With `state`, an `InvitationState`. Registered is who is registered now, by the invitation or without it."""
        return self.annotate(state=_state())

    def in_state(self, state: str) -> "InvitationQuerySet":
        """Those in one state, with it."""
        return self.annotate(state=_state()).filter(state=state)

    def by_state(self) -> dict[str, int]:
        """How many stand in each state that occurs."""
        rows = self.order_by().annotate(state=_state()).values("state")
        return {row["state"]: row["number"] for row in rows.annotate(number=Count("pk"))}

    def silent(self) -> "InvitationQuerySet":
        """Invitations of people who neither declined nor ever registered."""
        used = Registration.objects.filter(invitation=OuterRef("pk"))
        return self.filter(~Exists(used), ~Exists(_live()), declined_at=None)

    def of_address(self, email: str) -> "InvitationQuerySet":
        """Invitations of an address, whatever the case of its letters."""
        return self.alias(address=Lower("email")).filter(address=email.lower())


def _state() -> Case:
    return Case(
        When(Exists(_live()) | Exists(_live_by_it()), then=Value(InvitationState.REGISTERED)),
        When(declined_at__isnull=False, then=Value(InvitationState.DECLINED)),
        When(opened_at__isnull=False, then=Value(InvitationState.OPENED)),
        default=Value(InvitationState.SENT),
    )


def _live() -> models.QuerySet[Registration]:
    """The live registration of an invited address for the event of its invitation, by the unique index on both."""
    return Registration.objects.alias(address=Lower("email")).filter(
        address=Lower(OuterRef("email")), event=OuterRef("event"), status__in=LIVE
    )


def _live_by_it() -> models.QuerySet[Registration]:
    """Who comes by an invitation: under another address by now, or as a substitute."""
    return Registration.objects.filter(invitation=OuterRef("pk"), status__in=LIVE)


class Invitation(models.Model):
    """One person invited to one event. The personal link opens it; the address is proved by its use."""

    event = models.ForeignKey(
        Event, models.CASCADE, related_name="invitations", verbose_name=_("event")
    )
    email = models.EmailField(_("e-mail address"), max_length=254)
    name = models.CharField(_("name"), max_length=200, blank=True)
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")
    reference = models.CharField(max_length=12, unique=True, default=new_reference, editable=False)
    link_key = models.CharField(max_length=32, default=new_link_key, editable=False)
    invited_at = models.DateTimeField(_("invited at"), default=timezone.now, editable=False)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True, editable=False)
    declined_at = models.DateTimeField(_("declined at"), null=True, blank=True, editable=False)
    reminded_at = models.DateTimeField(_("reminded at"), null=True, blank=True, editable=False)

    state: str  #: An annotation of `with_state`; there is no such column.

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["invited_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"), F("event"), name="each_person_is_invited_once_to_an_event"
            ),
            models.CheckConstraint(
                condition=Q(declined_at__isnull=True) | Q(opened_at__isnull=False),
                name="an_invitation_is_opened_before_it_is_declined",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email


class OpeningNotice(models.Model):
    """An address that asked to be told when registering for an event opens to it. Gone once told."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="opening_notices")
    email = models.EmailField(_("e-mail address"), max_length=254)
    language = models.CharField(_("language"), max_length=10, default="en")
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("notice of opening")
        verbose_name_plural = _("notices of opening")
        constraints = [
            models.UniqueConstraint(
                Lower("email"), F("event"), name="each_address_asks_once_to_be_told"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}"
