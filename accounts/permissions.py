"""Who may do what: each rule once, as a QuerySet filter with its predicate beside it.

Events belong to the organisations that organise them (`organisation_links` with a leading role), articles
to one organisation (`organisation`). The filters name those relations and import nothing from the floors above.
"""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet

from accounts.models import Organisation, Role, User

Someone = User | AnonymousUser

MANAGING = (Role.MANAGER, Role.ORGANISER)
EDITING = (Role.MANAGER, Role.EDITOR)
CHECKING_IN = (Role.MANAGER, Role.ORGANISER, Role.DOOR)
LEADING = ("organiser", "co-organiser")


def is_staff(user: Someone) -> bool:
    """Whether this person has any business at the desk."""
    return user.is_active and (user.is_superuser or user.memberships.exists())


def has_role(user: Someone, roles: tuple[Role, ...]) -> bool:
    """Whether this person holds one of the roles in any organisation."""
    if not user.is_active:
        return False
    return user.is_superuser or user.memberships.filter(role__in=roles).exists()


def organisations_of(user: Someone, roles: tuple[Role, ...]) -> QuerySet[Organisation]:
    """The organisations in which this person holds one of the roles; all for an administrator."""
    if user.is_active and user.is_superuser:
        return Organisation.objects.all()
    if not user.is_active or user.is_anonymous:
        return Organisation.objects.none()
    return Organisation.objects.filter(
        memberships__user=user, memberships__role__in=roles
    ).distinct()


def _led_by[Q: QuerySet[Any]](events: Q, user: Someone, roles: tuple[Role, ...]) -> Q:
    if user.is_active and user.is_superuser:
        return events
    if not user.is_active or user.is_anonymous:
        return events.none()
    links = events.model._meta.get_field("organisation_links").related_model._default_manager
    led = links.filter(
        role__in=LEADING,
        organisation__memberships__user=user,
        organisation__memberships__role__in=roles,
    )
    return events.filter(pk__in=led.values("event_id"))


def manageable[Q: QuerySet[Any]](events: Q, user: Someone) -> Q:
    """The events that this person may see at the desk and change."""
    return _led_by(events, user, MANAGING)


def can_manage(user: Someone, event: Model) -> bool:
    """Whether this person may change the event."""
    return manageable(_itself(event), user).exists()


def attendable[Q: QuerySet[Any]](events: Q, user: Someone) -> Q:
    """The events whose participants this person may check in."""
    return _led_by(events, user, CHECKING_IN)


def can_check_in(user: Someone, event: Model) -> bool:
    """Whether this person may check in participants of the event."""
    return attendable(_itself(event), user).exists()


def reportable[Q: QuerySet[Any]](events: Q, user: Someone) -> Q:
    """The events that this person may write a recap of, and whose figures they may therefore read."""
    return _led_by(events, user, (Role.MANAGER, Role.ORGANISER, Role.EDITOR))


def can_report(user: Someone, event: Model) -> bool:
    """Whether this person may read the event's figures and write about it."""
    return reportable(_itself(event), user).exists()


def editable[Q: QuerySet[Any]](articles: Q, user: Someone) -> Q:
    """The articles that this person may see at the desk and change."""
    if user.is_active and user.is_superuser:
        return articles
    return articles.filter(organisation__in=organisations_of(user, EDITING))


def can_edit(user: Someone, article: Model) -> bool:
    """Whether this person may change the article."""
    return editable(_itself(article), user).exists()


def _itself[M: Model](instance: M) -> QuerySet[M]:
    return type(instance)._default_manager.filter(pk=instance.pk)


class MembershipBackend(ModelBackend):
    """Django's own backend, but that any membership opens the door of the desk.

    What lies behind that door is decided by the functions above, object by object.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if perm == "wagtailadmin.access_admin":
            return is_staff(user_obj)
        return super().has_perm(user_obj, perm, obj)
