"""The desk's pages of the newsletter: its issues, composing, preview, test mail, sending and stopping.

It goes to the whole network, so no organisation sends it: no view is scoped, and `DeskGate` keeps all but
administrators out.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.desk import StaffRequest
from events.desk import GET_AND_POST, frame
from events.models import Event
from outbox.models import Message, State
from outbox.posting import RefusedAddress
from recaps import newsletters
from recaps.models import Article, Issue, IssueState, Subscriber
from recaps.newsletters import Edition, RefusedIssue

PER_PAGE = 20
#: So many of the latest articles, and of the next events, are there to choose from.
TO_CHOOSE = 30


class IssueForm(forms.ModelForm):
    """Subject, introduction, and what is in the issue."""

    class Meta:
        model = Issue
        fields = ["subject", "introduction", "articles", "events"]
        widgets = {
            "introduction": forms.Textarea(attrs={"rows": 6}),
            "articles": forms.CheckboxSelectMultiple,
            "events": forms.CheckboxSelectMultiple,
        }
        help_texts = {
            "subject": gettext_lazy("The name of the site stands before it."),
            "introduction": gettext_lazy("Plain text. Optional."),
            "articles": gettext_lazy("Readers who chose topics get only those on them."),
            "events": gettext_lazy("The same holds for events."),
        }
        error_messages = {"subject": {"required": gettext_lazy("Write a subject.")}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        latest = Article.objects.public().latest_first()[:TO_CHOOSE]
        ahead = Event.objects.taking_place().upcoming()[:TO_CHOOSE]
        chosen = Q(issue=self.instance.pk) if self.instance.pk else Q()
        fields["articles"].queryset = (
            Article.objects.filter(Q(pk__in=[one.pk for one in latest]) | chosen)
            .latest_first()
            .distinct()
        )
        fields["events"].queryset = Event.objects.filter(
            Q(pk__in=[one.pk for one in ahead]) | chosen
        ).distinct()


@require_safe
def issues(request: StaffRequest) -> HttpResponse:
    """All issues, newest first, with how many read the newsletter."""
    page = Paginator(Issue.objects.all(), PER_PAGE).get_page(request.GET.get("page"))
    return TemplateResponse(
        request,
        "desk/newsletter.html",
        frame(request, _("Newsletter"), page=page, readers=Subscriber.objects.count()),
    )


@require_http_methods(GET_AND_POST)
def issue_new(request: StaffRequest) -> HttpResponse:
    """A new draft."""
    form = IssueForm(request.POST or None, instance=Issue(by=request.user))
    return _edit(request, form, _("New issue"))


@require_http_methods(GET_AND_POST)
def issue_edit(request: StaffRequest, issue_id: int) -> HttpResponse:
    """Change a draft. It is held while it is saved, so that nobody sends it meanwhile."""
    with transaction.atomic():
        found = _draft(issue_id, is_held=True)
        form = IssueForm(request.POST or None, instance=found)
        return _edit(request, form, _("Edit the issue"))


@require_safe
def issue(request: StaffRequest, issue_id: int) -> HttpResponse:
    """An issue as it looks, and how far it has gone."""
    found = _issue(issue_id)
    example = Edition(found).test_message(request.user.email, now=timezone.now())
    return TemplateResponse(
        request,
        "desk/newsletter_issue.html",
        frame(
            request,
            found.subject,
            issue=found,
            example=example,
            readers=Subscriber.objects.count(),
            counted=Message.objects.filter(batch=found.batch).aggregate(
                written=Count("pk"),
                sent=Count("pk", filter=Q(state=State.SENT)),
                failed=Count("pk", filter=Q(state=State.FAILED)),
                stopped=Count("pk", filter=Q(state=State.STOPPED)),
            ),
        ),
    )


@require_POST
def issue_test(request: StaffRequest, issue_id: int) -> HttpResponse:
    """Send the issue to oneself."""
    found = _issue(issue_id)
    try:
        newsletters.send_test(found, to=request.user.email)
    except RefusedAddress:
        messages.error(
            request, _("We cannot write to your own address. Change it in your account.")
        )
    else:
        words = _("The issue is on its way to %(address)s.")
        messages.success(request, words % {"address": request.user.email})
    return redirect("desk_issue", issue_id=found.pk)


@require_http_methods(GET_AND_POST)
def issue_send(request: StaffRequest, issue_id: int) -> HttpResponse:
    """Ask with the number of readers, then begin to send."""
    found = _draft(issue_id)
    refusal = newsletters.hindrance(found)
    if request.method == "POST" and not refusal:
        try:
            newsletters.send(found)
        except RefusedIssue as error:
            refusal = str(error)
        else:
            messages.success(request, _("The issue goes out now. You can stop it on this page."))
            return redirect("desk_issue", issue_id=found.pk)
    number = Subscriber.objects.count()
    words = ngettext(
        "It goes to %(number)s reader; who chose topics gets what is on them.",
        "It goes to %(number)s readers; who chose topics gets what is on them.",
        number,
    )
    return _confirmation(
        request,
        found,
        heading=_("Send this issue?"),
        button=_("Send it"),
        refusal=refusal,
        warnings=[words % {"number": number}, _("What has gone out cannot be taken back.")],
    )


@require_http_methods(GET_AND_POST)
def issue_stop(request: StaffRequest, issue_id: int) -> HttpResponse:
    """Ask, then stop an issue in the middle."""
    found = _issue(issue_id)
    refusal = _("It is a draft: nobody gets it yet.") if found.state == IssueState.DRAFT else ""
    if request.method == "POST" and not refusal:
        kept = newsletters.stop(found)
        words = ngettext(
            "Stopped: %(number)s message that was written has not gone out.",
            "Stopped: %(number)s messages that were written have not gone out.",
            kept,
        )
        messages.success(request, words % {"number": kept})
        return redirect("desk_issue", issue_id=found.pk)
    return _confirmation(
        request,
        found,
        heading=_("Stop this issue?"),
        button=_("Stop it"),
        refusal=refusal,
        warnings=[_("Nobody else gets it. What has gone out cannot be taken back.")],
    )


@require_http_methods(GET_AND_POST)
def issue_delete(request: StaffRequest, issue_id: int) -> HttpResponse:
    """Ask, then delete a draft. It is held while it is deleted, so that nobody sends it meanwhile."""
    with transaction.atomic():
        found = _draft(issue_id, is_held=True)
        if request.method == "POST":
            found.delete()
    if request.method == "POST":
        messages.success(request, _("The draft is deleted."))
        return redirect("desk_newsletter")
    return _confirmation(
        request,
        found,
        heading=_("Delete this draft?"),
        button=_("Delete the draft"),
        warnings=[_("It is gone for good.")],
    )


def _edit(request: StaffRequest, form: IssueForm, title: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, _("The draft is saved. Nobody has got it yet."))
        return redirect("desk_issue", issue_id=saved.pk)
    return TemplateResponse(
        request,
        "desk/newsletter_form.html",
        frame(request, title, form=form),
        status=422 if form.is_bound else 200,
    )


def _confirmation(
    request: StaffRequest, issue: Issue, *, heading: str, refusal: str = "", **said: Any
) -> HttpResponse:
    back = reverse("desk_issue", args=[issue.pk])
    context = frame(request, heading, refusal=refusal, back=back, is_dangerous=True, **said)
    status = 409 if refusal and request.method == "POST" else 200
    return TemplateResponse(request, "desk/confirm.html", context, status=status)


def _issue(issue_id: int) -> Issue:
    return get_object_or_404(Issue, pk=issue_id)


def _draft(issue_id: int, *, is_held: bool = False) -> Issue:
    """A draft; what was sent is not changed, sent or deleted any more. Locked, where it `is_held`."""
    drafts = Issue.objects.filter(state=IssueState.DRAFT)
    if is_held:
        drafts = drafts.select_for_update(of=("self",))
    return get_object_or_404(drafts, pk=issue_id)


urlpatterns = [
    path("newsletter/", issues, name="desk_newsletter"),
    path("newsletter/new/", issue_new, name="desk_issue_new"),
    path("newsletter/<int:issue_id>/", issue, name="desk_issue"),
    path("newsletter/<int:issue_id>/edit/", issue_edit, name="desk_issue_edit"),
    path("newsletter/<int:issue_id>/test/", issue_test, name="desk_issue_test"),
    path("newsletter/<int:issue_id>/send/", issue_send, name="desk_issue_send"),
    path("newsletter/<int:issue_id>/stop/", issue_stop, name="desk_issue_stop"),
    path("newsletter/<int:issue_id>/delete/", issue_delete, name="desk_issue_delete"),
]
