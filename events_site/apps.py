"""The app of the wiring, which checks the site's own settings at start."""

from django.apps import AppConfig


class EventsSiteConfig(AppConfig):
    name = "events_site"

    def ready(self) -> None:
        from events_site import checks  # noqa: F401
