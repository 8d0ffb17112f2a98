"""Says whether this process lives, and whether it is ready to serve."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events_site import migrated
from events_site.illness import patience

logger = logging.getLogger(__name__)

#: Load balancers give up after a few seconds; a frozen database must be told before.
SECONDS = 2.5


@login_not_required
@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing of anybody else."""
    return JsonResponse({"status": "live"})


@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers and its tables are those of this version; 503 otherwise.

    Asks neither broker nor mail server nor worker: without them visitors are served all the same.
    """
    try:
        pending = patience.ask("ready", migrated.pending).answer(SECONDS)
    except (DatabaseError, patience.TookTooLong) as error:
        logger.warning("Not ready: %s", error)
        return JsonResponse({"status": "the database does not answer"}, status=503)
    if pending:
        return JsonResponse({"status": "migrations are pending"}, status=503)
    return JsonResponse({"status": "ready"})
