"""The public pages of the newsletter: subscribe, confirm by the mailed link, choose topics, leave."""

from contextlib import suppress
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.doors import public
from events.models import Topic
from outbox.posting import TooManyMessages
from recaps import newsletters
from recaps.models import Subscriber
from recaps.newsletters import OldLink, Wish
from registrations.doors import secret
from registrations.forms import TypedAddress, address_field
from registrations.guards import PRESS_AGAIN, GuardedForm, count_request, is_held_back

GET_AND_POST = ["GET", "HEAD", "POST"]


class TopicsForm(forms.Form):
    """The topics that a reader wants; none is all."""

    topics = forms.ModelMultipleChoiceField(
        label=_("Topics"),
        help_text=_("Tick none to get everything."),
        queryset=Topic.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    @property
    def chosen(self) -> list[int]:
        """The ids of the topics that are ticked. Call it on a valid form."""
        return [topic.pk for topic in self.cleaned_data["topics"]]


class SubscribeForm(TypedAddress, GuardedForm, TopicsForm):
    """Asks for an address and topics."""

    email = address_field()
    kept_email = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        topics: Any = self.fields["topics"]
        topics.is_apart = True


@login_not_required
@require_http_methods(GET_AND_POST)
def newsletter(request: HttpRequest) -> HttpResponse:
    """What the newsletter is, and the form that sends the link to confirm it."""
    form = SubscribeForm(request.POST or None)
    refusal: Any = ""
    if request.method == "POST" and form.is_valid():
        if not is_held_back(form):
            count_request(request, form="newsletter")
            wish = Wish(form.cleaned_data["email"], form.chosen, get_language() or "en")
            # A mailbox that gets no more mail for a while was written to before: that must not show.
            with suppress(TooManyMessages):
                newsletters.ask(wish)
            return secret(redirect("newsletter_sent"))
        refusal = PRESS_AGAIN
    return secret(
        TemplateResponse(
            request,
            "newsletter/subscribe.html",
            {"form": form, "refusal": refusal},
            status=422 if form.is_bound else 200,
        )
    )


@public
def newsletter_sent(request: HttpRequest) -> HttpResponse:
    """What happens next, the same for everybody."""
    return TemplateResponse(request, "newsletter/sent.html")


@login_not_required
@require_http_methods(GET_AND_POST)
def newsletter_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Where the mailed link leads: a button that subscribes."""
    try:
        wish = newsletters.read_wish(token)
    except OldLink:
        return _over(request, status=410)
    if wish is None:
        raise Http404
    if request.method == "POST":
        reader = newsletters.subscribe(wish)
        return secret(redirect(newsletters.preferences_path(reader) + "?subscribed"))
    return secret(TemplateResponse(request, "newsletter/confirm.html", {"email": wish.email}))


@login_not_required
@require_http_methods(GET_AND_POST)
def newsletter_preferences(request: HttpRequest, token: str) -> HttpResponse:
    """The topics of one reader, and the button that ends the subscription."""
    email = newsletters.address_of(token)
    if email is None:
        raise Http404
    reader = Subscriber.objects.of_address(email).first()
    if reader is None:
        return _over(request)
    if request.method == "POST" and "leave" in request.POST:
        newsletters.leave(reader)
        return secret(redirect(request.path))
    chosen = {"topics": [topic.pk for topic in reader.topics.all()]}
    form = TopicsForm(request.POST if request.method == "POST" else None, initial=chosen)
    if request.method == "POST" and form.is_valid():
        newsletters.choose(reader, topics=form.chosen)
        return secret(redirect(request.path + "?saved"))
    said = next((word for word in ("subscribed", "saved") if word in request.GET), "")
    return secret(
        TemplateResponse(
            request,
            "newsletter/preferences.html",
            {
                "form": form,
                "email": reader.email,
                "said": said,
                "has_none": not reader.wants_all and not chosen["topics"],
            },
            status=422 if form.is_bound else 200,
        )
    )


def _over(request: HttpRequest, *, status: int = 200) -> HttpResponse:
    """The subscription is over, or the link is too old: the way back."""
    context = {"is_old": status == 410}
    return secret(TemplateResponse(request, "newsletter/over.html", context, status=status))
