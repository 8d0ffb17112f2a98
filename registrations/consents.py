"""What a person has agreed to, one by one, and how each is taken back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from registrations import answers, seating
from registrations.answers import Given
from registrations.models import Answer, QuestionKind, Registration


@dataclass(frozen=True)
class Consent:
    """One thing that a person agreed to: to be named in public, or with an answer."""

    registration: Registration
    answer: Answer | None = None

    @property
    def name(self) -> str:
        """Which one it is, among those of one person."""
        return f"answer-{self.answer.pk}" if self.answer else f"listed-{self.registration.pk}"

    @property
    def words(self) -> str:
        if self.answer:
            question = self.answer.question
            said = {"question": question.label}
            if question.special:
                return _("The people named there may read my answer to “%(question)s”.") % said
            return question.label
        return _("My name stands in the public list of participants.")

    @property
    def given_at(self) -> datetime | None:
        """When it was given, where that was noted."""
        return self.answer.consented_at if self.answer else None


def of(registrations: Iterable[Registration]) -> list[Consent]:
    """Return what people agreed to, event by event. Wants the answers with their questions prefetched."""
    found = []
    for registration in registrations:
        if registration.is_listed:
            found.append(Consent(registration))
        found += [
            Consent(registration, answer)
            for answer in registration.answers.all()
            if is_consent(answer)
        ]
    return found


def is_consent(answer: Answer) -> bool:
    """Whether an answer stands on a consent that may be taken back."""
    question = answer.question
    return bool(question.special) or question.kind == QuestionKind.CONSENT


def withdraw(consent: Consent) -> None:
    """Take a consent back: the name leaves the list, the answer is deleted. Harmless when repeated."""
    with transaction.atomic():
        _event, registration = seating.lock(consent.registration)
        if consent.answer:
            answers.store(registration, [Given(consent.answer.question, None)])
        else:
            registration.is_listed = False
            registration.save(update_fields=["is_listed"])
        registration.note(why=_("consent taken back"))
