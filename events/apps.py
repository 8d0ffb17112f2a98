"""The app of events."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = _("Events")

    def ready(self) -> None:
        from events import offsets, surroundings

        surroundings.connect()
        # Zones that are read already stay as they are when newer files come, so the version is read no later.
        offsets.rules_version()
