"""Every address below /desk/, found by machine, asked for by every role and by strangers.

The table says who may pass. An address that is not in it fails the test, so that nobody adds one without saying so.
"""

import uuid
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from wagtail.admin.models import EditingSession
from wagtail.test.utils.form_data import rich_text

from accounts.models import Role
from events.importing.drafts import keep
from events.models import Event, OrganisationRole
from outbox.models import Message
from recaps.models import Article, Issue
from registrations import bulk, seats
from registrations.models import Mailing, MailingKind, PendingImport, QuestionKind
from tests.events.ics import calendar, entry
from tests.factories import (
    ArticleFactory,
    EventFactory,
    InvitationFactory,
    MembershipFactory,
    OrganisationFactory,
    QuestionFactory,
    UserFactory,
    person,
)

pytestmark = pytest.mark.django_db

ROLES = ("manager", "organiser", "editor", "door")
MANAGING = frozenset({"manager", "organiser"})
EDITING = frozenset({"manager", "editor"})
EVERYBODY = frozenset(ROLES)

#: Addresses that name an object of organisation A: who of A may pass. A stranger never does.
OWN = {
    "desk_event": MANAGING,
    "desk_event_edit": MANAGING,
    "desk_event_preview": MANAGING,
    "desk_event_publish": MANAGING,
    "desk_event_postpone": MANAGING,
    "desk_event_cancel": MANAGING,
    "desk_event_delete": MANAGING,
    "desk_event_copy": MANAGING,
    "desk_programme": MANAGING,
    "desk_participants": MANAGING,
    "desk_participant_new": MANAGING,
    "desk_participant": MANAGING,
    "desk_invitations": MANAGING,
    "desk_invitation_new": MANAGING,
    "desk_invitation_remind": MANAGING,
    "desk_invitation_resend": MANAGING,
    "desk_invitation_withdraw": MANAGING,
    "desk_answer_file": MANAGING,
    "desk_act": MANAGING,
    "desk_import": MANAGING,
    "desk_import_check": MANAGING,
    "desk_export": MANAGING,
    "desk_terms": MANAGING,
    "desk_questions": MANAGING,
    "desk_question": MANAGING,
    "desk_question_new": MANAGING,
    "desk_question_ready_made": MANAGING,
    "desk_question_move": MANAGING,
    "desk_question_remove": MANAGING,
    "desk_wordings": MANAGING,
    "desk_wording": MANAGING,
    "desk_wording_reset": MANAGING,
    "desk_reminders": MANAGING,
    "desk_reminders_drop": MANAGING,
    "desk_reminder_on": MANAGING,
    "desk_reminder_off": MANAGING,
    "desk_reminder_remove": MANAGING,
    "desk_attendance": frozenset({"manager", "organiser", "door"}),
    "desk_figures": frozenset({"manager", "organiser", "editor"}),
    "desk_sign_off": MANAGING,
    "desk_recap": EDITING,
    "desk_mail": MANAGING,
    "desk_message": MANAGING,
    "desk_message_retry": MANAGING,
    "desk_message_again": MANAGING,
    "desk_message_stop": MANAGING,
    "desk_mailings": MANAGING,
    "desk_mailing_move": MANAGING,
    "wagtailsnippets_recaps_article:edit": EDITING,
    "wagtailsnippets_recaps_article:delete": EDITING,
    "wagtailsnippets_recaps_article:usage": EDITING,
    "wagtailsnippets_recaps_article:history": EDITING,
    "wagtailsnippets_recaps_article:history_results": EDITING,
    "wagtailsnippets_recaps_article:copy": EDITING,
    "wagtailsnippets_recaps_article:preview_on_edit": EDITING,
    "wagtailsnippets_recaps_article:revisions_view": EDITING,
    "wagtailsnippets_recaps_article:revisions_revert": EDITING,
    "wagtailsnippets_recaps_article:revisions_compare": EDITING,
    "wagtailsnippets_recaps_article:revisions_unschedule": EDITING,
    "wagtailsnippets_recaps_article:unpublish": EDITING,
    "wagtailadmin_editing_sessions:ping": EDITING,
}
#: Addresses that name nothing: who may pass, of whichever organisation; they show each what is theirs.
SHARED = {
    "desk_events": MANAGING,
    "desk_event_new": MANAGING,
    "desk_calendar_import": MANAGING,
    "desk_calendar_check": MANAGING,
    "desk_venue_new": MANAGING,
    "wagtailsnippets_recaps_article:list": EDITING,
    "wagtailsnippets_recaps_article:list_results": EDITING,
    "wagtailsnippets_recaps_article:add": EDITING,
    "wagtailsnippets_recaps_article:preview_on_add": EDITING,
    "wagtailadmin_home": EVERYBODY,
    "wagtailadmin_account": EVERYBODY,
    "wagtailadmin_logout": EVERYBODY,
    "wagtailadmin_dismissibles": EVERYBODY,
    "wagtailadmin_editing_sessions:release": EVERYBODY,
    "wagtailadmin_choose_page_external_link": EVERYBODY,
    "wagtailadmin_choose_page_email_link": EVERYBODY,
    "wagtailadmin_choose_page_phone_link": EVERYBODY,
    "wagtailadmin_choose_page_anchor_link": EVERYBODY,
}
#: Addresses that need no signing in.
OPEN = {"wagtailadmin_login", "wagtailadmin_sprite", "wagtailadmin_javascript_catalog"}
#: Wagtail's addresses that we have switched off for everybody.
OFF = {
    "wagtailadmin_password_reset",
    "wagtailadmin_password_reset_done",
    "wagtailadmin_password_reset_confirm",
    "wagtailadmin_password_reset_complete",
}
#: Addresses for administrators: a 404 to everybody else.
ADMINISTRATORS = {
    "desk_system", "desk_outbox", "desk_outbox_message", "desk_outbox_retry", "desk_outbox_again",
    "desk_outbox_stop",
    "desk_network_reminders", "desk_network_reminders_drop", "desk_network_reminder_on", "desk_network_reminder_off",
    "desk_network_reminder_remove",
    "desk_newsletter", "desk_issue", "desk_issue_new", "desk_issue_edit", "desk_issue_test", "desk_issue_send",
    "desk_issue_stop", "desk_issue_delete",
    "desk_network_wordings", "desk_network_wording", "desk_network_wording_reset",
    *(
        f"network_{model}:{view}"
        for model in (
            "organisations", "mail-domains", "memberships", "jurisdictions", "topics", "series", "venues",
        )
        for view in ("index", "index_results", "add", "edit", "delete", "history", "history_results", "usage")
    ),
    *(
        f"wagtailusers_{model}:{view}"
        for model in ("users", "groups")
        for view in ("index", "index_results", "add", "edit", "delete", "history", "history_results", "usage")
    ),
    "wagtailsnippets:index",
    "wagtailsnippetchoosers_recaps_article:choose", "wagtailsnippetchoosers_recaps_article:choose_results",
    "wagtailsnippetchoosers_recaps_article:chosen", "wagtailsnippetchoosers_recaps_article:chosen_multiple",
    "wagtailsnippetchoosers_recaps_article:create",
    "wagtail_bulk_action", "wagtailadmin_block_preview", "wagtailadmin_error_test",
    "wagtailadmin_tag_autocomplete", "wagtailadmin_tag_model_autocomplete",
    "wagtailadmin_explore_root", "wagtailadmin_explore", "wagtailadmin_explore_results",
    "wagtailadmin_choose_page", "wagtailadmin_choose_page_child", "wagtailadmin_choose_page_search",
    "wagtailadmin_choose_page_chosen_multiple",
    *(
        f"wagtailadmin_api:{kind}:{view}"
        for kind in ("pages", "images", "documents")
        for view in ("listing", "detail", "find")
    ),
    "wagtailadmin_api:pages:action",
    *(
        f"wagtailadmin_pages:{view}"
        for view in (
            "add", "preview_on_add", "type_use", "type_use_results", "choose_parent", "usage", "edit",
            "preview_on_edit", "view_draft", "add_subpage", "delete", "unpublish", "convert_alias", "search",
            "search_results", "move", "move_confirm", "set_page_position", "copy", "workflow_action",
            "collect_workflow_action_data", "confirm_workflow_cancellation", "workflow_preview", "set_privacy",
            "lock", "unlock", "revisions_index", "revisions_view", "revisions_revert", "revisions_unschedule",
            "revisions_compare", "workflow_history", "workflow_history_detail", "history", "history_results",
        )
    ),
    *(f"wagtailadmin_collections:{view}" for view in ("index", "add", "edit", "delete", "set_privacy")),
    *(
        f"wagtailadmin_workflows:{view}"
        for view in (
            "index", "index_results", "add", "enable", "disable", "edit", "usage", "usage_results", "remove",
            "add_task", "select_task_type", "task_index", "task_index_results", "edit_task", "disable_task",
            "enable_task", "task_chooser", "task_chooser_results", "task_chooser_create", "task_chosen",
        )
    ),
    *(
        f"wagtailadmin_reports:{view}{part}"
        for view in ("locked_pages", "workflow", "workflow_tasks", "site_history", "aging_pages", "page_types_usage")
        for part in ("", "_results")
    ),
    *(
        f"wagtailimages:{view}"
        for view in (
            "index", "index_results", "edit", "delete", "url_generator", "url_generator_output", "preview", "add",
            "image_usage", "add_multiple", "edit_multiple", "create_multiple_from_uploaded_image",
            "delete_multiple", "delete_upload_multiple",
        )
    ),
    *(
        f"wagtaildocs:{view}"
        for view in (
            "index", "index_results", "add", "edit", "delete", "add_multiple", "edit_multiple",
            "create_multiple_from_uploaded_document", "delete_multiple", "delete_upload_multiple", "document_usage",
        )
    ),
    *(
        f"wagtail{kind}_chooser:{view}"
        for kind in ("images", "docs")
        for view in ("choose", "choose_results", "chosen", "chosen_multiple", "create")
    ),
    "wagtailimages_chooser:select_format",
    "desk/test404/", "desk/^.*/$",
}  # fmt: skip

#: Wagtail breaks where a field that its own form always sends is not there at all.
SENT = {("post", "wagtailadmin_choose_page_external_link"): {"external-link-chooser-url": ""}}

#: What staff write to people.
LETTER = {"subject": "News", "text": "Read this.", "key": "0123456789abcdef"}

#: Of A's, and nobody else's to see.
SECRETS = (
    "Quetzal workshop",
    "Ocelot draft",
    "Tapir recap",
    "Xochitl",
    "Umbridge",
    "secretperson",
    "secretguest",
    "Okapi",
    "Axolotl",
    "staff-of-a",
)


def addresses() -> Iterator[tuple[str, str]]:
    """Yield name and path of every address below /desk/; what has no name goes by its route."""
    yield from _below(get_resolver(), "", ())


def _below(
    resolver: URLResolver, prefix: str, names: tuple[str, ...]
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = (*names, pattern.namespace) if pattern.namespace else names
            yield from _below(pattern, route, inner)
        elif route.startswith("desk/"):
            yield (":".join((*names, pattern.name)) if pattern.name else route), pattern


@pytest.fixture
def network():
    """Organisation A with one of everything, its staff, and the manager of a stranger organisation B."""
    ours, theirs = OrganisationFactory(name="Organisation A"), OrganisationFactory(name="B")
    people = {
        role: MembershipFactory(
            organisation=ours,
            role=Role(role),
            user__email=f"{role}@staff-of-a.example",
            user__last_name="Umbridge",
        ).user
        for role in ROLES
    }
    people["stranger"] = MembershipFactory(organisation=theirs, role=Role.MANAGER).user
    people["administrator"] = UserFactory(is_superuser=True)
    event = EventFactory(
        title="Quetzal workshop",
        organiser=ours,
        starts_at=timezone.now() - timezone.timedelta(days=1),
        ends_at=timezone.now() + timezone.timedelta(days=1),
    )
    EventFactory(title="Ocelot draft", organiser=ours, draft=True)
    own = EventFactory(title="Event of B", organiser=theirs)
    # An organisation that only hosts or supports an event has no business with its people.
    event.organisation_links.create(organisation=theirs, role=OrganisationRole.PARTNER, position=1)
    registration = seats.enrol(
        event,
        person=person(given_name="Xochitl", email="secretperson@example.org"),
        mode="in-person",
        by=people["manager"],
    )
    answer = registration.answers.create(
        question=QuestionFactory(event=event, kind=QuestionKind.FILE, label="Okapi form"),
        value="secretperson.pdf",
    )
    answer.file.save("answer.pdf", ContentFile(b"%PDF-1.7"))
    pending = PendingImport.objects.create(
        event=event,
        uploaded_by=people["manager"],
        rows=[{"line": 2, "email": "secretperson@example.org", "mode": "in-person"}],
    )
    article = ArticleFactory(title="Tapir recap", organisation=ours, event=event)
    revisions = [article.save_revision(user=people["editor"]) for _n in range(2)]
    session = EditingSession.objects.create(
        user=people["editor"],
        content_type=ContentType.objects.get_for_model(Article),
        object_id=article.pk,
        last_seen_at=timezone.now(),
    )
    return SimpleNamespace(
        people=people,
        ours=ours,
        theirs=theirs,
        event=event,
        own=own,
        registration=registration,
        invitation=InvitationFactory(event=event, email="secretguest@example.org"),
        answer=answer,
        pending=pending,
        calendar=_calendar(ours, people["manager"]),
        message=Message.objects.get(topic=f"event/{event.pk}"),
        mailing=Mailing.objects.create(event=event, kind=MailingKind.CHANGED, key="scope"),
        article=article,
        issue=Issue.objects.create(subject="What came of it"),
        revisions=revisions,
        session=session,
    )


def _calendar(organisation, user):
    """A calendar file that waits for a yes."""
    return keep(
        calendar(entry(summary=":Axolotl meeting")), file_name="a.ics", organisation=organisation, kind="workshop",
        format="online", months=12, with_past=True, by=user,
    )  # fmt: skip


def path_of(name: str, pattern: URLPattern, network) -> str:
    """The path of an address that names objects of A, or plausible ones."""
    if name == "desk/test404/":
        return "/desk/test404/"
    if name == "desk/^.*/$":
        return "/desk/no/such/page/"
    known = {
        "registration_id": network.registration.pk,
        "message_id": network.message.pk,
        "mailing_id": network.mailing.pk,
        "issue_id": network.issue.pk,
        "invitation_id": network.invitation.pk,
        "answer_id": network.answer.pk,
        "question_id": network.answer.question_id,
        "notice": "confirmed",
        "language": "en",
        "import_id": network.pending.pk,
        "calendar_id": network.calendar.pk,
        "file_format": "csv",
        "name": "7d",
        "revision_id": network.revisions[0].pk,
        "revision_id_a": network.revisions[0].pk,
        "revision_id_b": network.revisions[1].pk,
        "session_id": network.session.pk,
        "object_id": str(network.article.pk),
        "app_label": "recaps",
        "model_name": "article",
        "app_name": "recaps",
        "action": "delete",
        "action_name": "unpublish",
        "content_type_app_name": "wagtailcore",
        "content_type_model_name": "page",
        "filter_spec": "max-100x100",
        "uidb64": "MQ",
        "token": "set-password",
    }
    pks = {
        "wagtailsnippets_recaps_article": network.article.pk,
        "network_organisations": network.ours.pk,
        "network_memberships": network.people["door"].memberships.get().pk,
        "network_venues": network.event.venue_id,
        "wagtailusers_users": network.people["editor"].pk,
    }
    space = name.rpartition(":")[0]
    pk = pks.get(space, network.event.pk if name.startswith("desk_") else 1)
    names = (
        list(pattern.pattern.converters)
        if hasattr(pattern.pattern, "converters") and pattern.pattern.converters
        else list(pattern.pattern.regex.groupindex)
    )
    return reverse(name, kwargs={key: pk if key == "pk" else known.get(key, 1) for key in names})


class Visitor:
    """Somebody signed in who asks for one thing at a time; what a request changes is undone at once."""

    def __init__(self, user=None) -> None:
        self.session = ""
        if user is not None:
            client = Client()
            client.force_login(user)
            self.session = client.cookies[settings.SESSION_COOKIE_NAME].value

    def ask(self, method: str, path: str, **more):
        client = Client(raise_request_exception=False)
        if self.session:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.session
        with transaction.atomic():
            response = getattr(client, method)(path, **more)
            transaction.set_rollback(True)
        return response


def may_pass(role: str, name: str) -> bool:
    if name in OPEN:
        return True
    if role == "stranger":
        return name in SHARED and "manager" in SHARED[name]
    return role in OWN.get(name, SHARED.get(name, ()))


def test_every_address_of_the_desk_has_a_policy():
    tables = [set(OWN), set(SHARED), OPEN, OFF, ADMINISTRATORS]
    assert {name for name, _pattern in addresses()} == set().union(*tables)
    assert sum(map(len, tables)) == len(set().union(*tables))


@pytest.mark.parametrize("role", [*ROLES, "stranger"])
def test_members_pass_where_the_table_says_and_get_a_404_elsewhere(network, role):
    visitor = Visitor(network.people[role])
    administrator = Visitor(network.people["administrator"])
    wrong = []
    for name, pattern in addresses():
        path = path_of(name, pattern, network)
        for method in ("get", "post"):
            answer = visitor.ask(method, path, data=SENT.get((method, name)))
            if may_pass(role, name):
                right = answer.status_code in {200, 302, 400, 405, 409, 422}
                if answer.status_code == 302 and name != "wagtailadmin_logout":
                    right = not answer["Location"].startswith(reverse("wagtailadmin_login"))
            else:
                right = answer.status_code == 404
                if answer.status_code == 405:  # then the address does not know this method at all
                    right = administrator.ask(method, path).status_code == 405
            if not right:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_a_stranger_reads_nothing_of_ours(network):
    visitor = Visitor(network.people["stranger"])
    told = []
    for name, pattern in addresses():
        path = path_of(name, pattern, network)
        for search in ("", "?q=Quetzal", "?show=drafts", "?show=past", "?q=Tapir&is_searching=1"):
            text = visitor.ask("get", path + search).content.decode(errors="replace")
            told += [(path + search, secret) for secret in SECRETS if secret in text]
    assert told == []


def test_the_secrets_are_there_to_be_read_by_their_owner(network):
    """Or else the test above could not fail."""
    visitor = Visitor(network.people["manager"])
    text = ""
    for name in ("wagtailadmin_home", "desk_events", "wagtailsnippets_recaps_article:list"):
        text += visitor.ask("get", reverse(name)).text
    text += visitor.ask("get", reverse("desk_events") + "?show=drafts").text
    for name in ("desk_participants", "desk_mail", "desk_questions", "desk_invitations"):
        text += visitor.ask("get", reverse(name, args=[network.event.pk])).text
    text += visitor.ask("get", reverse("desk_calendar_check", args=[network.calendar.pk])).text
    one = [network.event.pk, network.registration.pk]
    text += visitor.ask("get", reverse("desk_participant", args=one)).text
    # The addresses of colleagues are on administrators' pages only.
    assert [secret for secret in SECRETS if secret not in text] == ["staff-of-a"]


def test_nobody_passes_without_signing_in(network):
    visitor = Visitor()
    wrong = []
    for name, pattern in addresses():
        path = path_of(name, pattern, network)
        for method in ("get", "post"):
            answer = visitor.ask(method, path)
            if name in OPEN:
                right = answer.status_code in {200, 405}
            elif name in OFF:
                right = answer.status_code == 404
            elif answer.status_code == 405:
                right = False
            else:
                to_login = answer.headers.get("Location", "").startswith("/desk/login/?next=")
                right = answer.status_code == 302 and to_login
            if not right:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_somebody_without_membership_is_sent_back_to_the_door(network):
    visitor = Visitor(UserFactory())
    for name in ("wagtailadmin_home", "desk_events", "wagtailsnippets_recaps_article:list"):
        assert visitor.ask("get", reverse(name)).status_code in {302, 404}


def test_a_deactivated_manager_is_out(network):
    manager = network.people["manager"]
    visitor = Visitor(manager)
    manager.is_active = False
    manager.save()
    answer = visitor.ask("get", reverse("desk_event", args=[network.event.pk]))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/desk/login/")


def test_an_administrator_reaches_all_of_ours(network):
    visitor = Visitor(network.people["administrator"])
    ours = ("desk_", "network_", "wagtailsnippets_recaps_article:", "wagtailusers_users:")
    wrong = []
    for name, pattern in addresses():
        if not name.startswith(ours):
            continue
        path = path_of(name, pattern, network)
        if name.startswith("network_") and "/1/" in path:
            continue  # no such row in this test
        answer = visitor.ask("get", path)
        if answer.status_code not in {200, 302, 405}:
            wrong.append((path, answer.status_code))
    assert wrong == []


# -- Ways in that an address alone does not show ------------------------------------------------------
def test_a_revision_of_anothers_article_cannot_be_reached_through_ones_own(network):
    mine = ArticleFactory(organisation=network.theirs)
    revision = mine.save_revision()
    visitor = Visitor(network.people["stranger"])
    foreign = network.revisions[0].pk
    space = "wagtailsnippets_recaps_article:"
    for name, args in (
        ("revisions_view", [mine.pk, foreign]),
        ("revisions_revert", [mine.pk, foreign]),
        ("revisions_unschedule", [mine.pk, foreign]),
        ("revisions_compare", [mine.pk, foreign, revision.pk]),
        ("revisions_compare", [mine.pk, revision.pk, foreign]),
    ):
        assert visitor.ask("get", reverse(space + name, args=args)).status_code == 404, name
    overwriting = article_form(mine, overwrite_revision_id=foreign)
    visitor.ask("post", reverse(space + "edit", args=[mine.pk]), data=overwriting)
    network.revisions[0].refresh_from_db()
    assert network.revisions[0].content["title"] == "Tapir recap"


def test_a_message_or_participant_of_another_event_cannot_be_reached_through_ones_own(network):
    visitor = Visitor(network.people["stranger"])
    for method, name, pk in (
        ("get", "desk_message", network.message.pk),
        ("post", "desk_message_retry", network.message.pk),
        ("post", "desk_message_again", network.message.pk),
        ("post", "desk_message_stop", network.message.pk),
        ("post", "desk_mailing_move", network.mailing.pk),
        ("get", "desk_participant", network.registration.pk),
        *(
            (method, f"desk_invitation_{action}", network.invitation.pk)
            for method in ("get", "post")
            for action in ("resend", "withdraw")
        ),
        ("get", "desk_question", network.answer.question_id),
        ("post", "desk_question", network.answer.question_id),
        ("post", "desk_question_move", network.answer.question_id),
        ("get", "desk_question_remove", network.answer.question_id),
        ("post", "desk_question_remove", network.answer.question_id),
    ):
        path = reverse(name, args=[network.own.pk, pk])
        assert visitor.ask(method, path).status_code == 404, name
    mine = seats.enrol(network.own, person=person(2), mode="in-person", by=None)
    for registration in (network.registration, mine):
        path = reverse(
            "desk_answer_file", args=[network.own.pk, registration.pk, network.answer.pk]
        )
        assert visitor.ask("get", path).status_code == 404


def test_nothing_is_done_to_a_participant_of_another_event(network):
    client = Client()
    client.force_login(network.people["stranger"])
    act = reverse("desk_act", args=[network.own.pk])
    pk = network.registration.pk
    for action in bulk.ACTIONS:
        assert client.get(act, {"action": action, "person": pk}).status_code == 302
        order = {"action": action, "people": pk, "mode": "online", "sure": "yes", **LETTER}
        assert client.post(act, order).status_code == 302
    network.registration.refresh_from_db()
    assert network.registration.status == "confirmed"
    assert Message.objects.count() == 1


def test_a_list_that_a_colleague_uploaded_is_not_ones_own(network):
    colleague = Visitor(network.people["organiser"])
    path = reverse("desk_import_check", args=[network.event.pk, network.pending.pk])
    assert colleague.ask("get", path).status_code == 302
    assert colleague.ask("post", path).status_code == 302
    assert Visitor(network.people["manager"]).ask("get", path).status_code == 200


def test_a_tick_for_a_participant_of_another_event_changes_nothing(network):
    client = Client()
    client.force_login(network.people["stranger"])
    pk = network.registration.pk
    client.post(reverse("desk_attendance", args=[network.own.pk]), {"shown": [pk], "present": [pk]})
    assert not network.registration.attendances.exists()


def test_an_article_cannot_be_given_to_an_organisation_or_event_of_others(network):
    client = Client()
    client.force_login(network.people["stranger"])
    mine = ArticleFactory(organisation=network.theirs, title="Ours")
    path = reverse("wagtailsnippets_recaps_article:edit", args=[mine.pk])
    for change in ({"organisation": network.ours.pk}, {"event": network.event.pk}):
        answer = client.post(path, article_form(mine, **change))
        assert answer.status_code == 200
        assert "could not be saved" in answer.text
    mine.refresh_from_db()
    assert (mine.organisation, mine.event) == (network.theirs, None)


def test_an_event_cannot_be_made_for_others_alone(network):
    client = Client()
    client.force_login(network.people["stranger"])
    answer = client.post(
        reverse("desk_event_new"),
        {
            "title": "In their name",
            "kind": "workshop",
            "format": "online",
            "starts_at": "2030-01-01T09:00",
            "ends_at": "2030-01-01T10:00",
            "timezone": "Europe/Madrid",
            "organisers": [network.ours.pk],
            "entry": "open",
        },
    )
    assert answer.status_code == 422
    assert not Event.objects.filter(title="In their name").exists()


def test_editing_sessions_are_those_of_ones_own_articles(network):
    stranger, editor = (Visitor(network.people[role]) for role in ("stranger", "editor"))

    def ping(app, model, pk):
        return reverse("wagtailadmin_editing_sessions:ping", args=[app, model, pk, 0])

    theirs = ping("recaps", "article", network.article.pk)
    assert (stranger.ask("post", theirs).status_code, editor.ask("post", theirs).status_code) == (
        404,
        200,
    )
    for app, model, pk in (
        ("accounts", "user", network.people["manager"].pk),
        ("events", "event", network.event.pk),
        ("accounts", "organisation", network.ours.pk),
        ("wagtailcore", "page", 1),
        ("no", "such", uuid.uuid4()),
    ):
        assert editor.ask("post", ping(app, model, pk)).status_code == 404
    client = Client()
    client.force_login(network.people["stranger"])
    client.post(
        reverse("wagtailadmin_editing_sessions:release", args=[network.session.pk]),
    )
    assert EditingSession.objects.filter(pk=network.session.pk).exists()


def article_form(article: Article, **changes) -> dict[str, object]:
    """What the edit page of an article sends."""
    return {
        "title": article.title,
        "slug": article.slug,
        "kind": article.kind,
        "lead": article.lead,
        "body": rich_text(article.body),
        "authors": article.authors,
        "published_on": article.published_on or "",
        "organisation": article.organisation_id,
        "event": article.event_id or "",
        **changes,
    }
