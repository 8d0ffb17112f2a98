"""The desk's page of the system: what is ill, who worked when, what waits, which versions run.

It is not scoped, so `DeskGate` keeps all but administrators out.
"""

import platform
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.db.models import Count, Q
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.desk import StaffRequest
from events.desk import frame
from events_site import illness
from events_site.illness import database
from events_site.illness.findings import LABELS, ago
from outbox import heartbeat
from outbox.models import Lane, Message

PACKAGES = ("plenary", "Django", "wagtail", "celery", "kombu", "redis", "gunicorn")
WORST_FIRST = [
    illness.Severity.ILL,
    illness.Severity.NOTE,
    illness.Severity.UNKNOWN,
    illness.Severity.WELL,
]


@require_safe
@never_cache
def system(request: StaffRequest) -> HttpResponse:
    """How everything stands, looked at now; takes seconds where something does not answer."""
    now = timezone.now()
    seen = illness.examine(now)
    reading = seen.readings["database"]
    work = reading.work if isinstance(reading, database.Reading) else None
    return TemplateResponse(
        request,
        "desk/system.html",
        frame(
            request,
            _("System"),
            now=now,
            ill=sum(finding.is_ill for finding in seen.findings),
            findings=_rows(seen.findings),
            work=work,
            heartbeats=_heartbeats(work.heartbeats, now) if work else [],
            lanes=[(lane.label, work.lanes.get(lane, database.Waiting())) for lane in Lane]
            if work
            else [],
            sent=_sent(now),
            queued=getattr(seen.readings["broker"], "queued", None),
            versions=list(_versions(seen.readings)),
        ),
    )


def _rows(findings: list[illness.Finding]) -> list[dict[str, Any]]:
    ranked = sorted(findings, key=lambda finding: WORST_FIRST.index(finding.severity))
    return [
        {
            "name": finding.name,
            "severity": finding.severity.value,
            "label": LABELS[finding.severity],
            "words": finding.words,
            "to_do": finding.to_do,
        }
        for finding in ranked
    ]


def _heartbeats(
    known: dict[str, datetime], now: datetime
) -> list[tuple[str, datetime | None, str]]:
    labels = {
        heartbeat.WORKER: _("worker, at sending mail"),
        heartbeat.BEAT: _("beat, at handing out work"),
        heartbeat.WATCH: _("the look whether all is well"),
    }
    return [
        (label, known.get(name), ago(known[name], now) if name in known else "")
        for name, label in labels.items()
    ]


def _sent(now: datetime) -> dict[str, int]:
    lately = Message.objects.filter(created_at__gt=now - database.TRIED).order_by()
    return lately.aggregate(
        hour=Count("pk", filter=Q(sent_at__gt=now - timedelta(hours=1))),
        day=Count("pk", filter=Q(sent_at__gt=now - timedelta(days=1))),
    )


def _versions(readings: dict[str, Any]) -> Any:
    """Yield what runs, with its version; a server that does not answer is left out."""
    yield "Python", platform.python_version()
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
    if told := getattr(readings["database"], "version", ""):
        yield _("Database"), told
    if told := getattr(readings["broker"], "version", ""):
        yield _("Redis, the server"), told


urlpatterns = [path("system/", system, name="desk_system")]
