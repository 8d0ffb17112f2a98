"""Makes and changes the questions of an event, without taking anything from people unseen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from events.models import Event
from registrations import answers, seating, shares
from registrations.models import Answer, Option, Question, QuestionKind, Special

READY_MADE = (Special.DIET, Special.ACCESS)


class RefusedQuestion(Exception):
    """The question cannot be as it was asked for; the text says why and what to do, `field` what it is about."""

    def __init__(self, text: str, *, field: str = "options") -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True)
class Wanted:
    """An answer to choose as staff wrote it: `places` None is no limit."""

    label: str
    places: int | None = None


def add_ready_made(event: Event, special: str, *, by: User) -> Question:
    """Add the ready-made question of a special category; whoever adds it is its first reader.

    Raises RefusedQuestion where the event has it already.
    """
    words = {
        Special.DIET: (
            _("Do you have dietary needs?"),
            _("As in: vegetarian, no nuts, halal. Leave it empty if you eat everything."),
            _("The kitchen hears what is needed, without your name."),
        ),
        Special.ACCESS: (
            _("Do you have access needs?"),
            _(
                "As in: step-free way, hearing loop, sign language. Leave it empty if you need nothing."
            ),
            _("The organisers prepare what you need."),
        ),
    }
    label, help_text, purpose = words[Special(special)]
    with transaction.atomic():
        seating.lock_event(event)
        if event.questions.filter(special=special).exists():
            raise RefusedQuestion(_("The event has this question already."))
        question = Question.objects.create(
            event=event,
            kind=QuestionKind.TEXT,
            label=label,
            help_text=help_text,
            purpose=purpose,
            special=special,
            position=_last(event) + 1,
        )
        question.readers.set([by])
    return question


def save(
    question: Question,
    *,
    options: Sequence[Wanted] = (),
    readers: Collection[User] | None = None,
) -> Question:
    """Store a question with its options; people with a seat who chose one with limited places get these, in order.

    An option whose line has another text keeps what people chose. Raises RefusedQuestion, with the number, for an
    option that people chose and that is gone, for fewer places than are taken, and for readers whom people who answered
    did not agree to.
    """
    with transaction.atomic():
        seating.lock_event(question.event)
        if question.pk is None:
            question.position = _last(question.event) + 1
        elif readers is not None:
            _check_readers(question, readers)
        question.save()
        if readers is not None:
            question.readers.set(readers)
        if question.is_choice:
            _save_options(question, options)
            _give_places(question)
    return question


def renamed(question: Question, options: Sequence[Wanted]) -> list[tuple[Option, str, int]]:
    """The options that get another text: with that text, and how many people chose them."""
    kept, _gone = _match(question, options)
    return [
        (option, wanted.label, chosen_by(option))
        for option, wanted in kept
        if option is not None and option.label != wanted.label
    ]


def move(question: Question, *, up: bool) -> None:
    """Change places with the neighbour. Raises RefusedQuestion where one of the two depends on the other."""
    with transaction.atomic():
        seating.lock_event(question.event)
        questions = list(question.event.questions.all())
        place = next(n for n, one in enumerate(questions) if one.pk == question.pk)
        other = place - 1 if up else place + 1
        if not 0 <= other < len(questions):
            return
        first, second = sorted((place, other))
        if questions[second].shown_if_id == questions[first].pk:
            raise RefusedQuestion(
                _(
                    "“%(second)s” is shown by what people answer to “%(first)s”, so it comes after it."
                )
                % {"second": questions[second].label, "first": questions[first].label}
            )
        questions[place], questions[other] = questions[other], questions[place]
        for number, one in enumerate(questions):
            one.position = number
        Question.objects.bulk_update(questions, ["position"])


def remove(question: Question) -> int:
    """Erase a question with all answers to it, their files and places; return how many answers there were.

    Questions that depended on it are asked of everybody from then on.
    """
    with transaction.atomic():
        seating.lock_event(question.event)
        given = list(question.answers.all())
        for share in [option.share for option in question.options.all()]:
            question.event.allotments.filter(share=share).delete()
        question.followed_by.update(shown_if=None, shown_if_answer="")
        for answer in given:
            answers.delete_file(answer)
        question.answers.all().delete()
        question.delete()
    return len(given)


def chosen_by(option: Option) -> int:
    """How many people chose an option."""
    values = Answer.objects.filter(question=option.question_id).values_list("value", flat=True)
    return sum(option.pk in value for value in values)


def _check_readers(question: Question, readers: Collection[User]) -> None:
    """Consent was given to the readers who were named; there may be fewer of them, but no others."""
    named = set(question.readers.all())
    added = [reader for reader in readers if reader not in named]
    if added and question.answers.exists():
        raise RefusedQuestion(
            _(
                "People who have answered agreed that those named now read their answers, and nobody else."
                " For other readers remove the question, which erases its answers, and add another."
            ),
            field="readers",
        )


def _match(
    question: Question, options: Sequence[Wanted]
) -> tuple[list[tuple[Option | None, Wanted]], list[Option]]:
    """Which stored option each line means: that of the same text, else the one that stood in the same place."""
    stored = list(question.options.all()) if question.pk else []
    by_label = {option.label: option for option in stored}
    matched = [by_label.pop(wanted.label, None) for wanted in options]
    free = set(by_label.values())
    if len(options) >= len(stored):
        for place, option in enumerate(stored):
            if option in free and matched[place] is None:
                matched[place] = option
                free.discard(option)
    return list(zip(matched, options, strict=True)), sorted(free, key=lambda one: one.position)


def _save_options(question: Question, options: Sequence[Wanted]) -> None:
    kept, gone = _match(question, options)
    for option in gone:
        if number := chosen_by(option):
            raise RefusedQuestion(
                ngettext(
                    "“%(option)s” was chosen by %(number)s person. Keep it.",
                    "“%(option)s” was chosen by %(number)s people. Keep it.",
                    number,
                )
                % {"option": option.label, "number": number}
            )
        if question.followed_by.filter(shown_if_answer=str(option.pk)).exists():
            raise RefusedQuestion(
                _("Another question is shown to those who choose “%(option)s”. Change that first.")
                % {"option": option.label}
            )
        option.delete()
    for place, (stored, wanted) in enumerate(kept):
        option = stored or Option(question=question)
        if stored and wanted.places is None:
            question.event.allotments.filter(share=option.share).delete()
        elif stored and wanted.places is not None:
            _check_places(question, option, wanted.places)
        option.label, option.places, option.position = wanted.label, wanted.places, place
        option.save()


def _check_places(question: Question, option: Option, places: int) -> None:
    if option.places is None:
        taken = _wanted_by_the_seated(question, option)
    else:
        taken = shares.taken(question.event, [option.share])[option.share]
    if places < taken:
        raise RefusedQuestion(
            ngettext(
                "“%(option)s”: %(number)s place is taken. Give at least as many.",
                "“%(option)s”: %(number)s places are taken. Give at least as many.",
                taken,
            )
            % {"option": option.label, "number": taken}
        )


def _wanted_by_the_seated(question: Question, option: Option) -> int:
    """How many people with a seat chose an option that had no limit; of two preferences the first counts."""
    given = question.answers.filter(registration__seat__isnull=False)
    values = given.values_list("value", flat=True)
    if question.has_second_preference:
        return sum(value[:1] == [option.pk] for value in values)
    return sum(option.pk in value for value in values)


def _give_places(question: Question) -> None:
    """Number the places of what people with a seat chose, first come first."""
    if not question.options.filter(places__isnull=False).exists():
        return
    question = Question.objects.with_options().get(pk=question.pk)
    seated = question.answers.filter(registration__seat__isnull=False)
    for answer in seated.select_related("registration").order_by(
        "registration__created_at", "registration"
    ):
        answer.question = question
        answers.take_options(answer.registration, answer, strict=False)


def _last(event: Event) -> int:
    return event.questions.aggregate(last=Max("position", default=-1))["last"]
