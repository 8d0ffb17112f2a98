"""The app of the wiring, which checks the site's own settings at start and has requests look after the rest."""

from django.apps import AppConfig


class EventsSiteConfig(AppConfig):
    name = "events_site"

    def ready(self) -> None:
        from django.core.signals import request_started

        from events_site import checks, watch  # noqa: F401

        request_started.connect(watch.look_on_request)
