"""Says which of the limited places somebody chose, has, and did not get."""

from dataclasses import dataclass

from registrations.models import Answer, QuestionKind, Registration


@dataclass(frozen=True)
class Choice:
    """What became of one answer with limited places: what the person has, and what was full."""

    question: str
    has: list[str]
    full: list[str]

    @property
    def must_choose_anew(self) -> bool:
        """Whether the person has nothing of what was chosen."""
        return bool(self.full) and not self.has


def of(registration: Registration) -> list[Choice]:
    """Return what became of the choices of somebody with a seat; without a seat nothing is decided yet."""
    if registration.seat is None:
        return []
    chosen = registration.answers.filter(
        question__kind__in=[QuestionKind.CHOICE, QuestionKind.CHOICES],
        question__options__places__isnull=False,
    ).distinct()
    answers = chosen.select_related("question").prefetch_related("question__options")
    held = set(registration.allotments.values_list("share", flat=True))
    return [_choice(answer, held) for answer in answers]


def _choice(answer: Answer, held: set[str]) -> Choice:
    options = {option.pk: option for option in answer.question.options.all()}
    chosen = [options[pk] for pk in answer.value if pk in options]
    has = [one.label for one in chosen if one.places is None or one.share in held]
    full = [one.label for one in chosen if one.places is not None and one.share not in held]
    if answer.question.kind == QuestionKind.CHOICE:
        # Of two preferences one is enough, and an unlimited second one counts only where the first was full.
        has = has[:1]
        full = [] if has else full
    return Choice(answer.question.label, has, full)
