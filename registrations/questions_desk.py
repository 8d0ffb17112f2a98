"""The desk's pages of an event's questions: the list, one question, and taking one away."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.desk import StaffRequest, scoped
from events.desk import GET_AND_POST, frame
from events.models import Event
from registrations import questionnaire
from registrations.models import Question, QuestionKind, Special
from registrations.people_desk import managed
from registrations.question_forms import QuestionForm
from registrations.questionnaire import RefusedQuestion


@scoped
@require_safe
def questions(request: StaffRequest, pk: int) -> HttpResponse:
    """The questions of an event in their order, and ways to add some."""
    event = managed(request, pk)
    found = list(
        event.questions.with_options()
        .annotate(number_of_answers=Count("answers"))
        .order_by("position", "pk")
    )
    there = {question.special for question in found}
    return TemplateResponse(
        request,
        "desk/questions.html",
        frame(
            request,
            _("Questions"),
            event=event,
            questions=found,
            kinds=QuestionKind.choices,
            ready_made=[
                (special.value, special.label)
                for special in questionnaire.READY_MADE
                if special not in there
            ],
        ),
    )


@scoped
@require_http_methods(GET_AND_POST)
def question_new(request: StaffRequest, pk: int) -> HttpResponse:
    """Write a question of the kind that was chosen."""
    event = managed(request, pk)
    kind = request.GET.get("kind", QuestionKind.TEXT)
    if kind not in QuestionKind.values:
        raise Http404
    return _edit(request, event, Question(event=event, kind=kind), _("New question"))


@scoped
@require_POST
def question_ready_made(request: StaffRequest, pk: int) -> HttpResponse:
    """Add the ready-made question of diet or access needs."""
    event = managed(request, pk)
    special = request.POST.get("special", "")
    if special not in questionnaire.READY_MADE:
        return redirect("desk_questions", pk=event.pk)
    try:
        question = questionnaire.add_ready_made(event, Special(special), by=request.user)
    except RefusedQuestion as refusal:
        messages.error(request, str(refusal))
        return redirect("desk_questions", pk=event.pk)
    messages.success(request, _("The question is added. Look through it, and say who reads it."))
    return redirect("desk_question", pk=event.pk, question_id=question.pk)


@scoped
@require_http_methods(GET_AND_POST)
def question(request: StaffRequest, pk: int, question_id: int) -> HttpResponse:
    """Change a question; where that changes what people have said, the page asks once more."""
    event = managed(request, pk)
    return _edit(request, event, _of(event, question_id), _("Change the question"))


@scoped
@require_POST
def question_move(request: StaffRequest, pk: int, question_id: int) -> HttpResponse:
    """Move a question up or down by one."""
    event = managed(request, pk)
    try:
        questionnaire.move(_of(event, question_id), up=request.POST.get("to") == "up")
    except RefusedQuestion as refusal:
        messages.error(request, str(refusal))
    return redirect(reverse("desk_questions", args=[event.pk]) + f"#question-{question_id}")


@scoped
@require_http_methods(GET_AND_POST)
def question_remove(request: StaffRequest, pk: int, question_id: int) -> HttpResponse:
    """Ask with the number of answers that are erased, then remove a question."""
    event = managed(request, pk)
    found = _of(event, question_id)
    if request.method == "POST":
        questionnaire.remove(found)
        messages.success(request, _("The question is removed."))
        return redirect("desk_questions", pk=event.pk)
    return TemplateResponse(
        request,
        "desk/confirm.html",
        frame(
            request,
            _("Remove this question?"),
            event=event,
            warnings=[f"“{found.label}”", *_what_goes(found)],
            button=_("Remove the question"),
            is_dangerous=True,
            back=reverse("desk_questions", args=[event.pk]),
        ),
    )


def _edit(request: StaffRequest, event: Event, found: Question, title: str) -> HttpResponse:
    form = QuestionForm(request.POST or None, instance=found)
    warnings: list[str] = []
    if request.method == "POST" and form.is_valid():
        warnings = form.warnings()
        if not warnings or request.POST.get("confirmed") == " ".join(warnings):
            try:
                form.store()
            except RefusedQuestion as refusal:
                form.add_error(refusal.field, str(refusal))
                warnings = []
            else:
                messages.success(request, _("Saved."))
                return redirect("desk_questions", pk=event.pk)
    context: dict[str, Any] = frame(
        request, title, event=event, form=form, question=found, warnings=warnings
    )
    return TemplateResponse(
        request, "desk/question_form.html", context, status=422 if form.is_bound else 200
    )


def _of(event: Event, question_id: int) -> Question:
    found = get_object_or_404(event.questions.select_related("shown_if"), pk=question_id)
    found.event = event
    return found


def _what_goes(found: Question) -> list[str]:
    number = found.answers.count()
    said = [
        ngettext(
            "%(number)s answer is erased for good.",
            "%(number)s answers are erased for good.",
            number,
        )
        % {"number": number}
        if number
        else _("Nobody has answered it yet.")
    ]
    followers = found.followed_by.count()
    if followers:
        said.append(
            ngettext(
                "%(number)s other question depends on it and will be asked of everybody.",
                "%(number)s other questions depend on it and will be asked of everybody.",
                followers,
            )
            % {"number": followers}
        )
    return said


urlpatterns = [
    path("events/<int:pk>/questions/", questions, name="desk_questions"),
    path("events/<int:pk>/questions/new/", question_new, name="desk_question_new"),
    path(
        "events/<int:pk>/questions/ready-made/",
        question_ready_made,
        name="desk_question_ready_made",
    ),
    path("events/<int:pk>/questions/<int:question_id>/", question, name="desk_question"),
    path(
        "events/<int:pk>/questions/<int:question_id>/move/",
        question_move,
        name="desk_question_move",
    ),
    path(
        "events/<int:pk>/questions/<int:question_id>/remove/",
        question_remove,
        name="desk_question_remove",
    ),
]
