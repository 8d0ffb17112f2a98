"""Puts our users into Wagtail's app of users. A module of its own, since an app has one configuration."""

from wagtail.users.apps import WagtailUsersAppConfig


class UsersConfig(WagtailUsersAppConfig):
    user_viewset = "accounts.staff.StaffViewSet"
