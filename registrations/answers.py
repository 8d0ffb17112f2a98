"""Stores what people answer, and takes the numbered places of answers that are limited."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from django.core.files import File
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from registrations import shares
from registrations.models import Answer, Moment, Option, Question, QuestionKind, Registration
from registrations.seating import RefusedSeat


@dataclass(frozen=True)
class Given:
    """One answer as a person gives it: `value` as in `Answer`, None takes the answer back.

    `consents` is asked for special data only: without it they are not stored.
    """

    question: Question
    value: Any
    file: File | None = None
    consents: bool = False


def store(registration: Registration, given: Iterable[Given]) -> None:
    """Write the answers of a person. The caller holds the event's lock.

    Raises RefusedSeat where an option is full for somebody with a seat.
    """
    for one in given:
        question = one.question
        if is_empty(question, one.value) or (question.special and not one.consents):
            _take_back(registration, question)
            continue
        is_consent = bool(question.special) or question.kind == QuestionKind.CONSENT
        values = {
            "value": one.value,
            "answered_at": timezone.now(),
            "consented_at": timezone.now() if is_consent else None,
        }
        answer, _is_new = Answer.objects.update_or_create(
            registration=registration, question=question, defaults=values
        )
        if one.file is not None:
            delete_file(answer)
            answer.file.save(_file_name(registration, question, one.file), one.file)
        if question.is_choice and registration.seat:
            take_options(registration, answer, strict=True)


def take_all_options(registration: Registration, *, strict: bool) -> list[Question]:
    """Take a place in every limited option that the person chose, once there is a seat.

    Returns the questions whose choices were all full; with `strict` raises RefusedSeat instead.
    """
    chosen = registration.answers.filter(
        question__kind__in=[QuestionKind.CHOICE, QuestionKind.CHOICES],
        question__options__places__isnull=False,
    ).distinct()
    return [
        answer.question
        for answer in chosen.select_related("question")
        if not take_options(registration, answer, strict=strict)
    ]


def take_options(registration: Registration, answer: Answer, *, strict: bool) -> bool:
    """Take the places of one answer and leave those of others; of two preferences the first that has one.

    Returns whether there was room for what was chosen.
    """
    question = answer.question
    options = {option.pk: option for option in question.options.all()}
    chosen = [options[pk] for pk in answer.value if pk in options]
    kept = {option.share for option in chosen}
    registration.allotments.filter(share__in=[one.share for one in options.values()]).exclude(
        share__in=kept
    ).delete()
    if question.kind == QuestionKind.CHOICE and question.has_second_preference:
        return _take_preference(registration, chosen, strict=strict)
    full = [option for option in chosen if not _take(registration, option)]
    if full and strict:
        raise RefusedSeat(_full(full), field=field_name(question))
    return not full


def missing(registration: Registration, *, moment: str = Moment.REGISTRATION) -> list[Question]:
    """Return the questions of that moment that the person must still answer."""
    questions = list(
        Question.objects.filter(event=registration.event_id, moment=moment, is_required=True)
    )
    if not questions:
        return []
    answered = {answer.question_id: answer.value for answer in registration.answers.all()}
    found = [
        question
        for question in questions
        if question.pk not in answered and is_asked(question, answered)
    ]
    full = full_options(found) if any(question.is_choice for question in found) else set()
    return [question for question in found if has_room(question, full)]


def full_options(questions: Iterable[Question]) -> set[str]:
    """Return the ids, as text, of the options of these questions whose places are all taken."""
    limited = [
        option
        for question in questions
        for option in question.options.all()
        if option.places is not None
    ]
    if not limited:
        return set()
    taken = shares.taken(limited[0].question.event, [option.share for option in limited])
    return {str(one.pk) for one in limited if taken[one.share] >= (one.places or 0)}


def has_room(question: Question, full: Collection[str]) -> bool:
    """Whether anything can be answered: nobody is held up by a choice of which every option is full."""
    if not question.is_choice:
        return True
    options = list(question.options.all())
    return not options or any(str(option.pk) not in full for option in options)


def unanswered(registration: Registration) -> QuerySet[Question]:
    """The questions of registering to ask somebody who is about to confirm.

    People whom somebody else named were asked nothing yet; others are asked again only if something must be answered.
    """
    was_named = bool(registration.brought_by_id or registration.replaces_id)
    asked = Question.objects.filter(event=registration.event_id).asked_when(Moment.REGISTRATION)
    if was_named or missing(registration):
        return asked.exclude(answers__registration=registration)
    return asked.none()


def is_asked(question: Question, answered: dict[int, Any]) -> bool:
    """Whether a question is to be shown, given the values of other answers by id of the question."""
    if question.shown_if_id is None:
        return True
    value = answered.get(question.shown_if_id)
    if isinstance(value, bool):
        return question.shown_if_answer == ("yes" if value else "no")
    if isinstance(value, list):
        return question.shown_if_answer in {str(pk) for pk in value}
    return value is not None and str(value) == question.shown_if_answer


def is_empty(question: Question, value: Any) -> bool:
    """Whether a value is no answer. "No" is one, but a consent that is not given is none."""
    return value in (None, "", []) or (question.kind == QuestionKind.CONSENT and value is False)


def in_words(question: Question, value: Any, options: dict[int, str] | None = None) -> str:
    """Return an answer as people read it; `options` are the labels by id, where the caller has them."""
    if question.is_choice:
        labels = options or {option.pk: option.label for option in question.options.all()}
        return ", ".join(labels[pk] for pk in value if pk in labels)
    if isinstance(value, bool):
        return pgettext("answer", "yes") if value else pgettext("answer", "no")
    if question.kind == QuestionKind.DATE:
        return date_format(date.fromisoformat(value), "j F Y")
    return str(value)


def delete_file(answer: Answer) -> None:
    """Delete the file of an answer, if it has one, once the transaction stands.

    What fails is logged and stops nobody; `erasure.forget_leftovers` takes the file later.
    """
    if answer.file:
        delete = partial(answer.file.storage.delete, str(answer.file.name))
        transaction.on_commit(delete, robust=True)


def field_name(question: Question) -> str:
    """The name of a question's field in forms and in the API."""
    return f"question_{question.pk}"


def _take_preference(registration: Registration, chosen: list[Option], *, strict: bool) -> bool:
    held = set(registration.allotments.values_list("share", flat=True))
    for number, option in enumerate(chosen):
        if _take(registration, option):
            others = {one.share for one in chosen[:number] + chosen[number + 1 :]} & held
            registration.allotments.filter(share__in=others).delete()
            return True
    if chosen and strict:
        raise RefusedSeat(_full(chosen), field=field_name(chosen[0].question))
    return not chosen


def _take(registration: Registration, option: Option) -> bool:
    return option.places is None or shares.take(registration, option.share, limit=option.places)


def _full(options: list[Option]) -> str:
    names = ", ".join(f"“{option.label}”" for option in options)
    return _("%(names)s: all places are taken. Choose something else.") % {"names": names}


def _take_back(registration: Registration, question: Question) -> None:
    for answer in registration.answers.filter(question=question):
        delete_file(answer)
        answer.delete()
    if question.is_choice:
        held = [option.share for option in question.options.all()]
        registration.allotments.filter(share__in=held).delete()


def _file_name(registration: Registration, question: Question, file: File) -> str:
    """A name of our own: the one that was sent is only shown, never used."""
    ending = (file.name or "").rpartition(".")[2].lower()
    known = ending if ending in {"pdf", "png", "jpg", "jpeg", "webp", "gif"} else "bin"
    return f"{registration.reference}-{question.pk}.{known}"
