"""The desk's pages of the rules for reminders: those of an event, and for administrators those of the network."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.desk import StaffRequest, scoped
from events.desk import GET_AND_POST, frame
from events.models import Event
from outbox.models import Message
from registrations import notices, reminder_board, reminder_rules
from registrations.models import ReminderRule
from registrations.people_desk import managed
from registrations.reminder_forms import RuleForm
from registrations.reminder_rules import RefusedRule, name_of, network_rules, rules_of, usual_rules


@scoped
@require_http_methods(GET_AND_POST)
def reminders(request: StaffRequest, pk: int) -> HttpResponse:
    """The rules of an event with their moments, and a form for one more; it asks where that one is due at once."""
    event = managed(request, pk)
    form = RuleForm(request.POST or None, event=event)
    warnings: list[str] = []
    if request.method == "POST" and form.is_valid():
        rule = form.rule()
        warnings = reminder_board.at_once(rule, event, timezone.now())
        if not warnings or request.POST.get("confirmed") == " ".join(warnings):
            if _add(request, form, rule, event):
                return redirect("desk_reminders", pk=event.pk)
            warnings = []
    rules = rules_of(event)
    context = frame(
        request,
        _("Reminders"),
        event=event,
        rows=reminder_board.rows_of_event(event, rules),
        are_own=any(rule.event_id for rule in rules),
        is_network=False,
        form=form,
        warnings=warnings,
    )
    return _page(request, context, form)


@scoped
@require_http_methods(GET_AND_POST)
def reminder_on(request: StaffRequest, pk: int, name: str) -> HttpResponse:
    """Put a rule in use; opened as a page it asks first, with the number of mails that follow at once."""
    event = managed(request, pk)
    if request.method == "POST":
        return _do(request, event, reminder_rules.switch, name, on=True)
    rule = _named(rules_of(event), name)
    context = frame(
        request,
        _("Switch this reminder on?"),
        event=event,
        warnings=[
            reminder_board.in_words(rule),
            *reminder_board.at_once(rule, event, timezone.now()),
        ],
        button=_("Switch it on"),
        back=reverse("desk_reminders", args=[event.pk]),
    )
    return TemplateResponse(request, "desk/confirm.html", context)


@scoped
@require_POST
def reminder_off(request: StaffRequest, pk: int, name: str) -> HttpResponse:
    """Put a rule out of use, and stop what still waits to be sent by it."""
    return _do(request, managed(request, pk), reminder_rules.switch, name, on=False)


@scoped
@require_POST
def reminder_remove(request: StaffRequest, pk: int, name: str) -> HttpResponse:
    """Take a rule away, and stop what still waits to be sent by it."""
    return _do(request, managed(request, pk), reminder_rules.remove, name)


@scoped
@require_http_methods(GET_AND_POST)
def reminders_drop(request: StaffRequest, pk: int) -> HttpResponse:
    """Ask with what follows, then let the event go by the network's rules again."""
    event = managed(request, pk)
    if request.method == "POST":
        reminder_rules.drop_own(event)
        messages.success(request, _("The event goes by the network's rules again."))
        return redirect("desk_reminders", pk=event.pk)
    rules = [reminder_board.in_words(rule) for rule in network_rules() if rule.is_on]
    context = frame(
        request,
        _("Use the network's rules again?"),
        event=event,
        warnings=[
            _("The rules of this event are removed."),
            _("These hold instead: %(rules)s.") % {"rules": "; ".join(rules)}
            if rules
            else _("The network has none in use, so nobody is reminded."),
            *reminder_board.all_at_once(event, timezone.now()),
        ],
        button=_("Use the network's rules"),
        back=reverse("desk_reminders", args=[event.pk]),
        is_dangerous=True,
    )
    return TemplateResponse(request, "desk/confirm.html", context)


# -- The network's, for administrators ------------------------------------------------------------
@require_http_methods(GET_AND_POST)
def network_reminders(request: StaffRequest) -> HttpResponse:
    """The rules of all events without rules of their own, and a form for one more; it asks as that of an event does."""
    form = RuleForm(request.POST or None, event=None)
    warnings: list[str] = []
    if request.method == "POST" and form.is_valid():
        rule = form.rule()
        warnings = reminder_board.at_once_in_network([rule], timezone.now())
        if not warnings or request.POST.get("confirmed") == " ".join(warnings):
            if _add(request, form, rule, None):
                return redirect("desk_network_reminders")
            warnings = []
    rules = network_rules()
    context = frame(
        request,
        _("Reminders"),
        rows=reminder_board.rows_of_network(rules),
        are_own=any(rule.pk for rule in rules),
        is_network=True,
        form=form,
        warnings=warnings,
    )
    return _page(request, context, form)


@require_http_methods(GET_AND_POST)
def network_reminder_on(request: StaffRequest, name: str) -> HttpResponse:
    """Put a rule in use; opened as a page it asks first, with the number of mails that follow at once."""
    if request.method == "POST":
        return _do(request, None, reminder_rules.switch, name, on=True)
    rule = _named(network_rules(), name)
    context = frame(
        request,
        _("Switch this reminder on?"),
        warnings=reminder_board.at_once_in_network([rule], timezone.now())
        or [reminder_board.in_words(rule)],
        button=_("Switch it on"),
        back=reverse("desk_network_reminders"),
    )
    return TemplateResponse(request, "desk/confirm.html", context)


@require_POST
def network_reminder_off(request: StaffRequest, name: str) -> HttpResponse:
    return _do(request, None, reminder_rules.switch, name, on=False)


@require_POST
def network_reminder_remove(request: StaffRequest, name: str) -> HttpResponse:
    return _do(request, None, reminder_rules.remove, name)


@require_http_methods(GET_AND_POST)
def network_reminders_drop(request: StaffRequest) -> HttpResponse:
    """Ask, then let the network go by the rules that come with the program."""
    if request.method == "POST":
        reminder_rules.drop_own(None)
        messages.success(request, _("The network goes by the usual rules again."))
        return redirect("desk_network_reminders")
    context = frame(
        request,
        _("Use the usual rules again?"),
        warnings=[
            _("The network's rules are removed. Events with rules of their own keep these."),
            *reminder_board.at_once_in_network(usual_rules(), timezone.now()),
        ],
        button=_("Use the usual rules"),
        back=reverse("desk_network_reminders"),
        is_dangerous=True,
    )
    return TemplateResponse(request, "desk/confirm.html", context)


def _add(request: StaffRequest, form: RuleForm, rule: ReminderRule, event: Event | None) -> bool:
    try:
        reminder_rules.add(event, rule)
    except RefusedRule as refusal:
        form.add_error("when", str(refusal))
        return False
    messages.success(request, _("The reminder is added."))
    return True


def _do(
    request: StaffRequest, event: Event | None, change: Any, name: str, **said: Any
) -> HttpResponse:
    """Change a rule and say so, or say why not; what waits of one that is out of use is stopped."""
    try:
        change(event, name, **said)
    except RefusedRule as refusal:
        messages.error(request, str(refusal))
    else:
        stopped = 0
        if event and not said.get("on"):
            batch = notices.reminder_batch(event, name)
            stopped = notices.forget_reminders(Message.objects.filter(batch=batch))
        messages.success(request, " ".join(filter(None, [_("Saved."), _stopped(stopped)])))
    if event:
        return redirect("desk_reminders", pk=event.pk)
    return redirect("desk_network_reminders")


def _stopped(number: int) -> str:
    if not number:
        return ""
    return ngettext(
        "%(number)s mail that waited is stopped.",
        "%(number)s mails that waited are stopped.",
        number,
    ) % {"number": number}


def _named(rules: list[ReminderRule], name: str) -> ReminderRule:
    for rule in rules:
        if name_of(rule) == name:
            return rule
    raise Http404


def _page(request: StaffRequest, context: dict[str, Any], form: RuleForm) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return TemplateResponse(request, "desk/reminders.html", context, status=status)


OF_EVENT, OF_NETWORK = "events/<int:pk>/reminders/", "reminders/"
urlpatterns = [
    path(OF_EVENT, reminders, name="desk_reminders"),
    path(f"{OF_EVENT}drop/", reminders_drop, name="desk_reminders_drop"),
    path(f"{OF_EVENT}<str:name>/on/", reminder_on, name="desk_reminder_on"),
    path(f"{OF_EVENT}<str:name>/off/", reminder_off, name="desk_reminder_off"),
    path(f"{OF_EVENT}<str:name>/remove/", reminder_remove, name="desk_reminder_remove"),
    path(OF_NETWORK, network_reminders, name="desk_network_reminders"),
    path(f"{OF_NETWORK}drop/", network_reminders_drop, name="desk_network_reminders_drop"),
    path(f"{OF_NETWORK}<str:name>/on/", network_reminder_on, name="desk_network_reminder_on"),
    path(f"{OF_NETWORK}<str:name>/off/", network_reminder_off, name="desk_network_reminder_off"),
    path(
        f"{OF_NETWORK}<str:name>/remove/",
        network_reminder_remove,
        name="desk_network_reminder_remove",
    ),
]
