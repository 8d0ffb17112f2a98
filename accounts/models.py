"""Users, the organisations they work for and in which role, and the jurisdictions that people are counted in."""

from typing import Any

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class EmailUserManager(UserManager["User"]):
    """Makes users that are known by their e-mail address."""

    def _create(self, email: str, password: str | None, **fields: Any) -> "User":
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":  # type: ignore[override]
        return self._create(email, password, **fields)

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":  # type: ignore[override]
        return self._create(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractUser):
    """A member of staff, who signs in with an e-mail address. Participants have no user."""

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"), unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = EmailUserManager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_user_per_email_address"),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class SavedWhole(models.Model):
    """A row that is saved in one transaction with all that follows from it: those who hear of it do their part, or
    nothing is saved.
    """

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)


class Named(SavedWhole):
    """A row whose name stands over lists and feeds."""

    #: When it got its present name (see `events.surroundings`); empty where that was before anybody noted it.
    named_at = models.DateTimeField(null=True, editable=False, db_index=True)

    class Meta:
        abstract = True


class Organisation(Named):
    """A body that organises, hosts or supports events, or publishes articles."""

    slug = models.SlugField(_("short address"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=200)
    short_name = models.CharField(_("short name"), max_length=60, blank=True)
    website = models.URLField(_("website"), blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country = models.CharField(
        _("country"), max_length=2, blank=True, help_text=_("Two-letter code (ISO 3166-1).")
    )
    is_member = models.BooleanField(
        _("member of the network"),
        default=False,
        db_default=False,
        help_text=_("Its people come first where an event says so."),
    )
    retention_months = models.PositiveSmallIntegerField(
        _("months that people are kept after an event"),
        default=24,
        db_default=24,
        validators=[MinValueValidator(1)],
        help_text=_("Then names and addresses of those who registered for its events are erased."),
    )

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(retention_months__gte=1),
                name="an_organisation_keeps_people_for_a_month_at_least",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def display_name(self) -> str:
        """The name people use: the short one where there is one."""
        return self.short_name or self.name


class MailDomain(models.Model):
    """A domain whose addresses, also those below it, belong to people of one organisation."""

    organisation = models.ForeignKey(
        Organisation, models.CASCADE, related_name="mail_domains", verbose_name=_("organisation")
    )
    domain = models.CharField(
        _("domain"),
        max_length=200,
        unique=True,
        validators=[
            RegexValidator(
                r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
                _("Give a domain in lower case, as in justice.example."),
            )
        ],
        help_text=_("What stands behind the @ of its addresses, as in justice.example."),
    )

    class Meta:
        verbose_name = _("mail domain")
        verbose_name_plural = _("mail domains")
        ordering = ["domain"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(domain=Lower("domain")), name="mail_domain_is_in_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.domain


class Role(models.TextChoices):
    """What a member may do for an organisation's events and articles."""

    MANAGER = "manager", _("manager")
    ORGANISER = "organiser", _("organiser")
    EDITOR = "editor", _("editor")
    DOOR = "door", _("door staff")


class Membership(models.Model):
    """One role of one user in one organisation."""

    user = models.ForeignKey(
        User, models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    organisation = models.ForeignKey(
        Organisation, models.CASCADE, related_name="memberships", verbose_name=_("organisation")
    )
    role = models.CharField(_("role"), max_length=20, choices=Role)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation", "role"],
                name="each_role_in_an_organisation_is_held_once",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}, {self.organisation.display_name}"


class Jurisdiction(models.Model):
    """The unit that the network counts in: a country, or a part of one with a service of its own.

    `code` is an ISO 3166-1 alpha-2 code (`NL`) or an ISO 3166-2 one (`GB-SCT`, `ES-CT`).
    """

    code = models.CharField(_("code"), max_length=6, unique=True)
    name = models.CharField(_("name"), max_length=100)
    country = models.CharField(_("country"), max_length=2)
    aliases = models.JSONField(_("other names"), default=list, blank=True)
    is_european = models.BooleanField(_("European"), default=False)

    class Meta:
        verbose_name = _("jurisdiction")
        verbose_name_plural = _("jurisdictions")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(code__startswith=models.F("country")),
                name="jurisdiction_code_begins_with_its_country",
            ),
        ]

    def __str__(self) -> str:
        return self.name
