"""The wiring of the house: settings, addresses, Celery, and pages that bring several floors together."""

from events_site.celery import app as celery_app

__all__ = ["celery_app"]
