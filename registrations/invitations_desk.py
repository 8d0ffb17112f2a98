"""The desk's pages of the people invited to an event: the list, inviting, asking again, taking back."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.desk import StaffRequest, scoped
from accounts.permissions import manageable
from events.desk import GET_AND_POST, frame
from events.models import Event, Mode
from registrations import guests, invitations, seats
from registrations.guests import GuestList
from registrations.invitation_forms import InviteForm, SentenceForm
from registrations.models import LIVE, Invitation, InvitationState, terms_of
from registrations.seating import RefusedSeat

PER_PAGE = 50
#: So many lines of a list stand on the page that shows what would happen; their number is said in any case.
MOST_SHOWN = 200


@scoped
@require_safe
def invitation_list(request: StaffRequest, pk: int) -> HttpResponse:
    """Everybody invited, with search and a filter by state, and the places that are kept for them."""
    event = _managed(request, pk)
    counted = event.invitations.by_state()
    query, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    found = event.invitations.with_state()
    if state in InvitationState.values:
        found = event.invitations.in_state(state)
    for word in query.split():
        found = found.filter(
            Q(name__icontains=word) | Q(email__icontains=word) | Q(organisation__icontains=word)
        )
    return TemplateResponse(
        request,
        "desk/invitations.html",
        frame(
            request,
            _("Invitations"),
            event=event,
            page=Paginator(found.order_by("name", "email", "pk"), PER_PAGE).get_page(
                request.GET.get("page")
            ),
            query=query,
            state=state,
            states=[(key, label, counted.get(key, 0)) for key, label in InvitationState.choices],
            state_names=dict(InvitationState.choices),
            total=sum(counted.values()),
            refusal=_refusal(event),
            silent=invitations.to_remind(event, timezone.now()).count(),
            kept=_kept(event),
        ),
    )


@scoped
@require_http_methods(GET_AND_POST)
def invitation_new(request: StaffRequest, pk: int) -> HttpResponse:
    """Take a list of people; show what is good and bad in it, and how many mails would go; send when asked again."""
    event = _managed(request, pk)
    if request.method == "POST" and "checked" in request.POST:
        return _send(request, event)
    sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = InviteForm(*sent)
    refusal = _refusal(event)
    if request.method == "POST" and not refusal and form.is_valid():
        return _preview(request, event, form.found, form.cleaned_data["sentence"])
    return TemplateResponse(
        request,
        "desk/invitation_form.html",
        frame(request, _("Invite people"), event=event, form=form, refusal=refusal),
        status=422 if form.is_bound else 200,
    )


@scoped
@require_http_methods(GET_AND_POST)
def invitation_remind(request: StaffRequest, pk: int) -> HttpResponse:
    """Name the number of people who have not answered, then ask them again."""
    event = _managed(request, pk)
    number = invitations.to_remind(event, timezone.now()).count()
    refusal = _refusal(event)
    if not refusal and not number:
        refusal = _(
            "Nobody is left to remind: everybody has answered, or had a mail in the last 24 hours."
        )
    form = SentenceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and not refusal and form.is_valid():
        try:
            sent = invitations.remind(event, sentence=form.cleaned_data["sentence"])
        except RefusedSeat as error:
            refusal = str(error)
        else:
            messages.success(request, _mails_on_their_way(sent))
            return redirect("desk_invitations", pk=event.pk)
    warning = ngettext(
        "%(number)s person has not answered and gets a mail.",
        "%(number)s people have not answered and get a mail each.",
        number,
    )
    return _ask(
        request,
        event,
        form,
        title=_("Remind people who have not answered?"),
        warnings=[
            warning % {"number": number},
            _("Who registered or cannot come hears nothing, and nobody twice within 24 hours."),
        ],
        button=ngettext("Send %(number)s mail", "Send %(number)s mails", number)
        % {"number": number},
        refusal=refusal,
    )


@scoped
@require_http_methods(GET_AND_POST)
def invitation_resend(request: StaffRequest, pk: int, invitation_id: int) -> HttpResponse:
    """Ask, then send one invitation again."""
    event, invitation = _managed_invitation(request, pk, invitation_id)
    form = SentenceForm(request.POST if request.method == "POST" else None)
    refusal = _refusal(event)
    if not refusal and invitation.state == InvitationState.REGISTERED:
        refusal = _("%(name)s has registered, so there is nothing to send.") % {"name": invitation}
    elif not refusal and invitation.state == InvitationState.DECLINED:
        refusal = _("%(name)s has said that they cannot come, so nothing is sent again.") % {
            "name": invitation
        }
    if request.method == "POST" and not refusal and form.is_valid():
        try:
            invitations.resend(invitation, sentence=form.cleaned_data["sentence"])
        except RefusedSeat as error:
            refusal = str(error)
        else:
            messages.success(request, _mails_on_their_way(1))
            return redirect("desk_invitations", pk=event.pk)
    warnings = [_("A mail with the same link goes to %(email)s.") % {"email": invitation.email}]
    return _ask(
        request,
        event,
        form,
        title=_("Send the invitation of %(name)s again?") % {"name": invitation},
        warnings=warnings,
        button=_("Send it again"),
        refusal=refusal,
    )


@scoped
@require_http_methods(GET_AND_POST)
def invitation_withdraw(request: StaffRequest, pk: int, invitation_id: int) -> HttpResponse:
    """Ask, then take an invitation back."""
    event, invitation = _managed_invitation(request, pk, invitation_id)
    refusal = ""
    if invitation.state == InvitationState.REGISTERED:
        refusal = _("%(name)s has registered: cancel the registration instead.") % {
            "name": invitation
        }
    if request.method == "POST" and not refusal:
        try:
            invitations.take_back(invitation)
        except RefusedSeat as error:
            refusal = str(error)
        else:
            messages.success(
                request, _("The invitation of %(name)s is withdrawn.") % {"name": invitation}
            )
            return redirect("desk_invitations", pk=event.pk)
    return _ask(
        request,
        event,
        None,
        title=_("Withdraw the invitation of %(name)s?") % {"name": invitation},
        warnings=[
            _("The link in the mail opens nothing any more, and the person is not told."),
            _("It vanishes from this list."),
        ],
        button=_("Withdraw the invitation"),
        refusal=refusal,
        is_dangerous=True,
    )


def _preview(
    request: StaffRequest, event: Event, found: GuestList, sentence: str, *, status: int = 200
) -> HttpResponse:
    """What would happen with a list, and the button that lets it happen."""
    plan = invitations.sort(event, found.people)
    return TemplateResponse(
        request,
        "desk/invitation_preview.html",
        frame(
            request,
            _("Check the list"),
            event=event,
            bad=found.bad,
            plan=plan,
            shown=plan.new[:MOST_SHOWN],
            people=guests.pack(plan.new),
            sentence=sentence,
            back=reverse("desk_invitation_new", args=[event.pk]),
        ),
        status=status,
    )


def _send(request: StaffRequest, event: Event) -> HttpResponse:
    """Invite the people of a list that was looked at, unless their number has changed meanwhile."""
    found = guests.unpack(request.POST.get("people", ""))
    form = SentenceForm(request.POST)
    sentence = form.cleaned_data["sentence"] if form.is_valid() else ""
    plan = invitations.sort(event, found.people)
    if not form.is_valid() or str(len(plan.new)) != request.POST["checked"]:
        return _preview(request, event, found, sentence, status=409)
    try:
        done = invitations.invite(event, found.people, by=request.user, sentence=sentence)
    except RefusedSeat as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _mails_on_their_way(len(done.new)))
    return redirect("desk_invitations", pk=event.pk)


def _ask(
    request: StaffRequest, event: Event, form: SentenceForm | None, *, title: str, **more: Any
) -> HttpResponse:
    bad = bool(form and form.is_bound and form.errors)
    return TemplateResponse(
        request,
        "desk/invitation_ask.html",
        frame(
            request,
            title,
            event=event,
            form=form,
            back=reverse("desk_invitations", args=[event.pk]),
            **more,
        ),
        status=422 if bad else 409 if request.method == "POST" else 200,
    )


def _mails_on_their_way(number: int) -> str:
    return ngettext(
        "%(number)s mail is on its way.", "%(number)s mails are on their way.", number
    ) % {"number": number}


def _refusal(event: Event) -> str:
    """Why nobody can be invited now, or an empty text."""
    try:
        seats.check_open(event, timezone.now(), is_invited=True)
    except RefusedSeat as error:
        return str(error)
    return ""


def _kept(event: Event) -> dict[str, Any] | None:
    """The places kept for invited people, until when, and how many of them hold a place; None where none are kept."""
    terms = terms_of(event)
    if not terms.kept_until or not (terms.kept_in_person or terms.kept_online):
        return None
    held = dict(
        event.registrations.seated()
        .filter(status__in=LIVE, invitation__isnull=False)
        .order_by()
        .values_list("mode")
        .annotate(number=Count("pk"))
    )
    numbers = {Mode.IN_PERSON: terms.kept_in_person, Mode.ONLINE: terms.kept_online}
    return {
        "modes": [(mode.label, numbers[mode], held.get(mode, 0)) for mode in event.modes],
        "until": terms.kept_until,
        "is_over": terms.kept_until <= timezone.now(),
    }


def _managed(request: StaffRequest, pk: int) -> Event:
    return get_object_or_404(manageable(Event.objects.with_facts(), request.user), pk=pk)


def _managed_invitation(
    request: StaffRequest, pk: int, invitation_id: int
) -> tuple[Event, Invitation]:
    event = _managed(request, pk)
    invitation = get_object_or_404(event.invitations.with_state(), pk=invitation_id)
    invitation.event = event
    return event, invitation


urlpatterns = [
    path("events/<int:pk>/invitations/", invitation_list, name="desk_invitations"),
    path("events/<int:pk>/invitations/new/", invitation_new, name="desk_invitation_new"),
    path("events/<int:pk>/invitations/remind/", invitation_remind, name="desk_invitation_remind"),
    path(
        "events/<int:pk>/invitations/<int:invitation_id>/resend/",
        invitation_resend,
        name="desk_invitation_resend",
    ),
    path(
        "events/<int:pk>/invitations/<int:invitation_id>/withdraw/",
        invitation_withdraw,
        name="desk_invitation_withdraw",
    ),
]
