"""The desk's pages of what came of an event: its figures, their sign-off, and the recap that begins with them."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.models import Organisation, User
from accounts.permissions import EDITING, editable, manageable, organisations_of, reportable
from events.desk import GET_AND_POST, frame
from events.models import Event
from recaps import drafting
from recaps.models import Article, Kind
from registrations import figures


@scoped
@require_safe
def event_figures(request: StaffRequest, pk: int) -> HttpResponse:
    """How many came from where, live and as signed off, and the sentence that a recap would open with."""
    event = get_object_or_404(reportable(Event.objects.with_facts(), request.user), pk=pk)
    live, signed = figures.count(event), figures.signed_off(event)
    tally = figures.tally_of(signed) if signed else None
    return TemplateResponse(
        request,
        "desk/figures.html",
        frame(
            request,
            _("Figures"),
            event=event,
            live=live,
            signed=signed,
            tally=tally,
            has_moved=tally is not None and tally != live,
            sentence=drafting.sentence(event, tally or live),
            can_sign_off=_can_sign_off(request, event),
            publishers=publishers(event, request.user),
            recaps=editable(Article.objects.filter(event=event), request.user),
        ),
    )


@scoped
@require_http_methods(GET_AND_POST)
def sign_off(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask with the numbers, then freeze them."""
    event = get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)
    refusal = "" if event.has_begun else _("Figures can be signed off once the event has begun.")
    if request.method == "POST" and not refusal:
        try:
            signed = figures.sign_off(event, by=request.user)
        except figures.RefusedSignOff as error:
            refusal = str(error)
        else:
            people = drafting.people_in_words(figures.tally_of(signed))
            messages.success(request, _("Signed off: %(people)s.") % {"people": people})
            return redirect("desk_figures", pk=event.pk)
    people = drafting.people_in_words(figures.count(event))
    return TemplateResponse(
        request,
        "desk/confirm.html",
        frame(
            request,
            _("Sign off the figures?"),
            event=event,
            warnings=[
                _("Counted now: %(people)s.") % {"people": people},
                _("Recaps quote the numbers that are signed off. You can sign off again later."),
            ],
            button=_("Sign off"),
            refusal=refusal,
        ),
        status=409 if refusal and request.method == "POST" else 200,
    )


@scoped
@require_POST
def write_recap(request: StaffRequest, pk: int) -> HttpResponse:
    """Draft the recap of an event and open it; a second press opens the one that is there."""
    event = get_object_or_404(reportable(Event.objects.with_facts(), request.user), pk=pk)
    organisations = publishers(event, request.user)
    if not organisations:
        raise Http404
    article = _recaps_of(event, request.user).filter(kind=Kind.RECAP).first()
    if article is None:
        article = drafting.draft_recap(event, by=request.user, organisation=organisations[0])
        messages.success(
            request, _("Here is the draft, with what the record says. Go on from here.")
        )
    return redirect(article.snippet_viewset.get_url_name("edit"), article.pk)


def publishers(event: Event, user: User) -> list[Organisation]:
    """The organisations that lead the event and for which this person edits, leading one first."""
    own = set(organisations_of(user, EDITING).values_list("pk", flat=True))
    return [organisation for organisation in event.organisers if organisation.pk in own]


def _recaps_of(event: Event, user: User) -> QuerySet[Article]:
    return editable(Article.objects.filter(event=event), user).order_by("pk")


def _can_sign_off(request: StaffRequest, event: Event) -> bool:
    return event.has_begun and manageable(Event.objects.filter(pk=event.pk), request.user).exists()


urlpatterns = [
    path("events/<int:pk>/figures/", event_figures, name="desk_figures"),
    path("events/<int:pk>/figures/sign-off/", sign_off, name="desk_sign_off"),
    path("events/<int:pk>/recap/", write_recap, name="desk_recap"),
]
