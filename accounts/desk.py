"""The door of every back-office view: what is not opened here is a 404 to all but administrators.

Wagtail checks permissions by model, not by object. So members of organisations reach only views that are marked
as scoped, which look up every object in a queryset of their own, and the few of Wagtail's views named below, which
show nothing that belongs to anybody else. A test walks every address below /desk/ (tests/test_desk_scope.py).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db.models import BigIntegerField, Model, QuerySet, Value
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern
from wagtail.admin.menu import AdminOnlyMenuItem
from wagtail.admin.ui.side_panels import ChecksSidePanel
from wagtail.admin.views.generic import IndexView as ModelIndexView
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permission_policies import BasePermissionPolicy
from wagtail.permissions import register_permission_policy
from wagtail.snippets.views import snippets

from accounts.models import User
from accounts.permissions import Someone

View = Callable[..., HttpResponseBase]
Scope = Callable[[QuerySet[Any], Someone], QuerySet[Any]]

#: Wagtail's views that hold nothing of anybody: one's own account, the frame, the link dialogs of the text editor.
#: The editing sessions ask the policy of the object (`ScopedPolicy`), and let go only of one's own.
OPEN_TO_STAFF = {
    "wagtailadmin_home",
    "wagtailadmin_login",
    "wagtailadmin_logout",
    "wagtailadmin_account",
    "wagtailadmin_sprite",
    "wagtailadmin_javascript_catalog",
    "wagtailadmin_dismissibles",
    "wagtailadmin_choose_page_external_link",
    "wagtailadmin_choose_page_email_link",
    "wagtailadmin_choose_page_phone_link",
    "wagtailadmin_choose_page_anchor_link",
    "wagtailadmin_editing_sessions:ping",
    "wagtailadmin_editing_sessions:release",
}


class StaffRequest(HttpRequest):
    """A request behind the door of the desk: somebody is signed in."""

    user: User


class DeskGate:
    """Lets members of organisations through to scoped views only."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> None:
        match = request.resolver_match
        if match is None or not match.route.startswith("desk/"):
            return
        user = request.user
        if user.is_anonymous or (user.is_active and user.is_superuser):
            return
        if match.view_name in OPEN_TO_STAFF or getattr(view, "is_scoped", False):
            return
        raise Http404


def scoped(view: View) -> View:
    """Say of a desk view that it looks up every object among those of the person who asks.

    The mark survives the decorators that are put around the view, since they copy its attributes.
    """
    view.is_scoped = True  # type: ignore[attr-defined]
    return view


class ScopedPolicy(BasePermissionPolicy):
    """Wagtail's questions of permission, answered object by object from one scope.

    `may_add` says whether a person may make new objects at all.
    """

    def __init__(
        self, model: type[Model], scope: Scope, may_add: Callable[[Someone], bool]
    ) -> None:
        super().__init__(model)
        self.scope = scope
        self.may_add = may_add

    def user_has_permission(self, user: Someone, action: str) -> bool:
        """Wagtail asks for each button of each row; the answer is kept as long as the user, who is one request's."""
        known: dict[type[Model], bool] = user.__dict__.setdefault("_may_add", {})
        if self.model not in known:
            known[self.model] = self.may_add(user)
        return known[self.model]

    def user_has_any_permission(self, user: Someone, actions: Any) -> bool:
        return self.user_has_permission(user, "")

    def user_has_permission_for_instance(self, user: Someone, action: str, instance: Model) -> bool:
        if getattr(instance, "found_by", None) == user.pk:  # a row of a list, see below
            return True
        return self.scope(self.model._default_manager.filter(pk=instance.pk), user).exists()

    def user_has_any_permission_for_instance(
        self, user: Someone, actions: Any, instance: Model
    ) -> bool:
        return self.user_has_permission_for_instance(user, "", instance)

    def instances_user_has_permission_for(self, user: Someone, action: str) -> QuerySet[Any]:
        """The objects in scope, each with the person whose it is, so that a list asks once and not row by row."""
        found_by = Value(user.pk, output_field=BigIntegerField())
        return self.scope(self.model._default_manager.all(), user).annotate(found_by=found_by)

    def instances_user_has_any_permission_for(self, user: Someone, actions: Any) -> QuerySet[Any]:
        return self.instances_user_has_permission_for(user, "")

    def users_with_any_permission(
        self, actions: Any, include_superusers: bool = True
    ) -> QuerySet[User]:
        return (
            User.objects.filter(is_active=True, is_superuser=True)
            if include_superusers
            else User.objects.none()
        )


class ScopedIndexView(snippets.IndexView):
    """The list of one's own objects; without the tick boxes of bulk actions, which know no owners."""

    columns = ModelIndexView.columns


class WithoutChecks:
    """A view without the panel of checks, which works through a bar in the public page that we do not have."""

    def get_side_panels(self) -> Any:
        panels = super().get_side_panels()  # type: ignore[misc]
        panels[:] = [panel for panel in panels if not isinstance(panel, ChecksSidePanel)]
        return panels


class ScopedCreateView(WithoutChecks, snippets.CreateView):
    pass


class ScopedEditView(WithoutChecks, snippets.EditView):
    pass


class ScopedSnippetViewSet(snippets.SnippetViewSet):
    """Wagtail's views of a model with drafts, for one's own objects only.

    A subclass sets `scope` and `may_add`. The guard sits around every address of the set, so that a view that
    Wagtail adds tomorrow is behind it too.
    """

    scope: Scope
    may_add: Callable[[Someone], bool]
    index_view_class = ScopedIndexView
    add_view_class = ScopedCreateView
    edit_view_class = ScopedEditView

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.policy = ScopedPolicy(self.model, type(self).scope, type(self).may_add)
        register_permission_policy(self.model, self.policy)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.policy.instances_user_has_permission_for(request.user, "view")

    def get_urlpatterns(self) -> list[URLPattern]:
        patterns = super().get_urlpatterns()
        return [URLPattern(p.pattern, self._guard(p.callback), name=p.name) for p in patterns]

    def _guard(self, view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated:
                if not self.policy.user_has_permission(request.user, "view"):
                    raise Http404
                pk = kwargs.get("pk", args[0] if args else None)
                mine = self.policy.instances_user_has_permission_for(request.user, "change")
                if pk is not None and not mine.filter(pk=_unquoted(pk)).exists():
                    raise Http404
            response = view(request, *args, **kwargs)
            # A preview has been through the middleware already: the policies of the desk hold, not the public ones.
            for policy in ("Content-Security-Policy", "X-Frame-Options"):
                response.headers.pop(policy, None)
            return response

        return scoped(guarded)


class AdministratorsViewSet(ModelViewSet):
    """Wagtail's views of a plain model. Nothing opens them, so they are a 404 to all but administrators."""

    menu_item_class = AdminOnlyMenuItem
    name = ""
    menu_hook = "register_network_menu_item"
    copy_view_enabled = False
    add_to_reference_index = False
    search_backend_name = None

    @property
    def url_prefix(self) -> str:
        return f"network/{self.name}"

    @property
    def url_namespace(self) -> str:
        return f"network_{self.name}"


def _unquoted(pk: Any) -> int:
    try:
        return int(pk)
    except (TypeError, ValueError) as error:
        raise Http404 from error
