"""Takes over from one event to its copy what organisers have set up for registering and mail, and nothing of people."""

from django.db.models import Model

from events.models import Event
from events.shifts import Shift
from registrations.models import Option, Question, Terms, When, Wording
from registrations.reminder_rules import copy_rows


def copy_terms(source: Event, event: Event, shift: Shift) -> None:
    """Let the same terms hold, with their deadlines moved along."""
    terms = Terms.objects.filter(event=source).first()
    if terms is None:
        return
    said = _fields(terms, but={"id", "event_id", "opened_at"})
    for name in ("members_only_until", "kept_until", "answers_until"):
        moment = getattr(terms, name)
        said[name] = moment and shift(moment)
    Terms.objects.create(event=event, **said)


def copy_questions(source: Event, event: Event) -> None:
    """Ask the same, with the same options, readers and conditions."""
    copies: dict[int, Question] = {}
    options: dict[str, str] = {}
    asked = list(source.questions.with_options())
    for question in asked:
        said = _fields(question, but={"id", "event_id", "shown_if_id"})
        made = copies[question.pk] = Question.objects.create(event=event, **said)
        made.readers.set(question.readers.all())
        for option in question.options.all():
            fields = _fields(option, but={"id", "question_id"})
            options[str(option.pk)] = str(Option.objects.create(question=made, **fields).pk)
    for question in asked:
        if question.shown_if_id in copies:
            made = copies[question.pk]
            made.shown_if = copies[question.shown_if_id]
            answer = question.shown_if_answer
            made.shown_if_answer = options.get(answer, answer)
            made.save(update_fields=["shown_if", "shown_if_answer"])


def copy_reminders(source: Event, event: Event, shift: Shift) -> None:
    """Remind by the same rules; a date and time moves along."""
    rules = list(source.reminder_rules.all())
    for rule in rules:
        if rule.when == When.AT and rule.at:
            rule.at = shift(rule.at)
    copy_rows(rules, to=event)


def copy_wordings(source: Event, event: Event) -> None:
    """Say it in the same words."""
    Wording.objects.bulk_create(
        Wording(event=event, **_fields(wording, but={"id", "event_id", "changed_at"}))
        for wording in source.wordings.all()
    )


def _fields(row: Model, *, but: set[str]) -> dict[str, object]:
    names = [field.attname for field in row._meta.concrete_fields]
    return {name: getattr(row, name) for name in names if name not in but}
