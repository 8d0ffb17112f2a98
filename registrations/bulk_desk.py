"""The desk's page that does something to one person or to many: it names number and consequence, then does it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.desk import StaffRequest, scoped
from accounts.models import User
from events.desk import GET_AND_POST, frame
from events.models import Event
from registrations import bulk, letters_desk
from registrations.bulk import Action, Order
from registrations.participants import ParticipantList
from registrations.people_desk import managed

#: So many of those refused are named one by one.
NAMED = 100


class OrderForm(forms.Form):
    """What an action asks for: a sentence, a reason, or a way of attending."""

    note = forms.CharField(
        label=gettext_lazy("A sentence for the person"),
        help_text=gettext_lazy("It stands in the mail. Optional."),
        max_length=300,
        required=False,
    )
    why = forms.CharField(
        label=gettext_lazy("Why"),
        help_text=gettext_lazy("For your colleagues, in the log. Optional."),
        max_length=300,
        required=False,
    )
    mode = forms.ChoiceField(label=gettext_lazy("Attends"), widget=forms.RadioSelect)

    def __init__(self, data: Any = None, *, action: Action, event: Event) -> None:
        super().__init__(data)
        for name in set(self.fields) - {action.asks}:
            del self.fields[name]
        if "mode" in self.fields:
            self.fields["mode"].choices = bulk.modes_to_choose(event)  # type: ignore[attr-defined]

    def order(self, by: User) -> Order:
        """What was asked for. Call it on a valid form."""
        said = dict(self.cleaned_data)
        note = said.pop("why", "") or said.pop("note", "")
        said.pop("note", None)
        return Order(by=by, note=note, **said)


@scoped
@require_http_methods(GET_AND_POST)
def act(request: StaffRequest, pk: int) -> HttpResponse:
    """Say to how many people what would happen; on the button do it, and say what worked and what did not."""
    event = managed(request, pk)
    asked = request.POST if request.method == "POST" else request.GET
    action = bulk.ACTIONS.get(asked.get("action", ""))
    people = _people(request, event)
    if action is None or not people:
        messages.error(request, _("Choose people and what is to be done."))
        return redirect("desk_participants", pk=event.pk)
    if action.key == "letter":
        return letters_desk.write(request, event, people, back=_back(event, people))
    is_sent = request.method == "POST"
    form = OrderForm(request.POST if is_sent else None, action=action, event=event)
    if is_sent and form.is_valid():
        return _do(request, event, action, people, form)
    number, sentences = bulk.consequences(action, event, people)
    return TemplateResponse(
        request,
        "desk/act.html",
        frame(
            request,
            str(action.label),
            event=event,
            action=action,
            form=form,
            people=",".join(map(str, people)),
            number=number,
            sentences=sentences,
            hindrance=bulk.hindrance(action, event, people),
            back=_back(event, people),
        ),
        status=422 if form.errors else 200,
    )


def _do(
    request: StaffRequest, event: Event, action: Action, people: list[int], form: OrderForm
) -> HttpResponse:
    account = bulk.run(action, event, people, form.order(request.user))
    if len(people) == 1:
        return _back_to_one(request, event, action, people[0], account)
    return TemplateResponse(
        request,
        "desk/acted.html",
        frame(
            request,
            str(action.label),
            event=event,
            action=action,
            account=account,
            done=action.done(account.done),
            noted=account.noted[:NAMED],
            refused=account.refused[:NAMED],
            more_refused=max(0, len(account.refused) - NAMED),
            left=",".join(map(str, account.left)),
            said=[(name, request.POST.get(name, "")) for name in form.fields],
        ),
    )


def _back_to_one(
    request: StaffRequest, event: Event, action: Action, person: int, account: bulk.Account
) -> HttpResponseRedirect:
    for _registration, words in account.refused:
        messages.error(request, words)
    if account.done:
        words = " ".join([action.done(1), *(words for _one, words in account.noted)])
        messages.success(request, words)
    return redirect("desk_participant", pk=event.pk, registration_id=person)


def _people(request: StaffRequest, event: Event) -> list[int]:
    """The people who are meant: those named one by one, those ticked, or everybody who matches the list."""
    if request.method == "POST":
        named = request.POST.get("people", "").split(",")
    elif request.GET.get("whom") == "everybody":
        return list(ParticipantList(event, request.GET).people.values_list("pk", flat=True))
    else:
        named = request.GET.getlist("person")
    ids = dict.fromkeys(int(one) for one in named if one.isdecimal() and len(one) < 19)
    mine = set(event.registrations.filter(pk__in=ids).values_list("pk", flat=True))
    return [one for one in ids if one in mine]


def _back(event: Event, people: list[int]) -> str:
    if len(people) == 1:
        return reverse("desk_participant", args=[event.pk, people[0]])
    return reverse("desk_participants", args=[event.pk])


urlpatterns = [
    path("events/<int:pk>/participants/act/", act, name="desk_act"),
]
