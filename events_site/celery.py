"""The Celery app: workers and beat start here, with every option from Django's settings, and watch each other."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "events_site.settings")

app = Celery("plenary")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def watch_from_the_worker(**_said: Any) -> None:
    from events_site import watch  # Django is set up only now

    watch.watch_from_here()


@beat_init.connect
def watch_from_the_beat(**_said: Any) -> None:
    from events_site import watch  # Django is set up only now

    watch.note_the_beat()
    watch.watch_from_here()
