"""The app of registrations."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RegistrationsConfig(AppConfig):
    name = "registrations"
    verbose_name = _("Registrations")

    def ready(self) -> None:
        from outbox import lists
        from registrations import audiences, receivers

        receivers.connect()
        lists.describers["event"] = audiences.list_in_words
