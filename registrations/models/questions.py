"""What organisers ask the people who register, and what these answer."""

from typing import Any

from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from events.models import Event
from registrations.models.registration import Registration


def private_storage() -> Storage:
    """Where uploaded answers are kept: no address serves that folder."""
    return storages["private"]


class QuestionKind(models.TextChoices):
    """What sort of answer a question takes."""

    TEXT = "text", _("Short text")
    LONG_TEXT = "long-text", _("Long text")
    CHOICE = "choice", _("One choice")
    CHOICES = "choices", _("Several choices")
    YES_NO = "yes-no", _("Yes or no")
    NUMBER = "number", _("Number")
    DATE = "date", _("Date")
    FILE = "file", _("File (PDF or image, 5 MB at most)")
    CONSENT = "consent", _("Consent to tick")


class Moment(models.TextChoices):
    """When a question is asked."""

    REGISTRATION = "registration", _("when registering")
    CONFIRMED = "confirmed", _("once the place is confirmed")


class Special(models.TextChoices):
    """Data of a special category (GDPR article 9): own consent, named readers, own deletion date."""

    NONE = "", _("no")
    DIET = "diet", _("diet")
    ACCESS = "access", _("access needs")


class QuestionQuerySet(models.QuerySet["Question"]):
    def with_options(self) -> "QuestionQuerySet":
        """With their options and readers, in three queries for any number of questions."""
        return self.select_related("shown_if").prefetch_related("options", "readers")

    def asked_when(self, moment: str) -> "QuestionQuerySet":
        return self.filter(moment=moment)


class Question(models.Model):
    """One question of one event.

    `shown_if` and `shown_if_answer` make it depend on another: the answer is the number of an option of that
    question, or `yes` or `no`.
    """

    event = models.ForeignKey(
        Event, models.CASCADE, related_name="questions", verbose_name=_("event")
    )
    kind = models.CharField(_("kind of answer"), max_length=10, choices=QuestionKind)
    label = models.CharField(_("question"), max_length=200)
    help_text = models.CharField(_("explanation"), max_length=300, blank=True)
    is_required = models.BooleanField(_("must be answered"), default=False)
    moment = models.CharField(
        _("asked"), max_length=12, choices=Moment, default=Moment.REGISTRATION
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    shown_if = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="followed_by",
        verbose_name=_("shown only if this question"),
    )
    shown_if_answer = models.CharField(_("has the answer"), max_length=20, blank=True)
    has_second_preference = models.BooleanField(
        _("asks for a second preference too"),
        default=False,
        help_text=_("For one choice with limited places: who finds the first full gets the other."),
    )
    purpose = models.CharField(
        _("what the answer is for"),
        max_length=200,
        blank=True,
        help_text=_("People read it beside the question."),
    )
    special = models.CharField(
        _("special category"), max_length=10, choices=Special, default=Special.NONE, blank=True
    )
    readers = models.ManyToManyField(
        User,
        blank=True,
        related_name="+",
        verbose_name=_("who may read the answers"),
        help_text=_("For diet and access needs; people read these names beside the question."),
    )

    objects = QuestionQuerySet.as_manager()

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=QuestionKind.values), name="question_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(moment__in=Moment.values), name="question_moment_is_known"
            ),
            models.CheckConstraint(
                condition=Q(special__in=Special.values), name="question_category_is_known"
            ),
            models.CheckConstraint(
                condition=Q(special="") | Q(is_required=False),
                name="nobody_must_tell_special_data",
            ),
            models.CheckConstraint(
                condition=Q(has_second_preference=False) | Q(kind="choice"),
                name="only_one_choice_has_a_second_preference",
            ),
            models.CheckConstraint(
                condition=Q(shown_if__isnull=True) | ~Q(shown_if=F("id")),
                name="no_question_depends_on_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_choice(self) -> bool:
        """Whether it is answered with options."""
        return self.kind in {QuestionKind.CHOICE, QuestionKind.CHOICES}


class Option(models.Model):
    """One answer to choose; `places` None is no limit."""

    question = models.ForeignKey(
        Question, models.CASCADE, related_name="options", verbose_name=_("question")
    )
    label = models.CharField(_("answer"), max_length=200)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    places = models.PositiveIntegerField(
        _("places"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: no limit."),
    )

    class Meta:
        verbose_name = _("option")
        verbose_name_plural = _("options")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(places__isnull=True) | Q(places__gte=1), name="an_option_has_a_place"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def share(self) -> str:
        """The name of its numbered places."""
        return f"option:{self.pk}"


class Answer(models.Model):
    """What one person answered to one question.

    `value` is by kind: text for texts; a list of ids of options for choices (for a choice with a second preference
    the first preference first); true or false for yes or no and for consent; a number as text; a date as
    `2027-03-31`; the name of the file as it was sent, for a file.
    """

    registration = models.ForeignKey(Registration, models.CASCADE, related_name="answers")
    question = models.ForeignKey(Question, models.PROTECT, related_name="answers")
    value: Any = models.JSONField(_("answer"))
    file = models.FileField(
        _("file"), upload_to="answers/", storage=private_storage, blank=True, max_length=200
    )
    consented_at = models.DateTimeField(_("consent given at"), null=True, blank=True)
    answered_at = models.DateTimeField(_("answered at"), default=timezone.now)

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        ordering = ["question__position", "question_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["registration", "question"], name="each_question_is_answered_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.question}: {self.value}"
