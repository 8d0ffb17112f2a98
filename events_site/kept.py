"""Keeps rendered public pages for as long as nothing public has changed.

Every answer asks the database once for a stamp of all that public pages show. A page is taken from memory only while
its stamp is the newest, and for five seconds at most: the clock and the names of venues and topics are in no stamp.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest, HttpResponse

from events.models import Event
from recaps.models import Article
from registrations.models import Figures, StatusChange

View = Callable[..., HttpResponse]

SECONDS = 5
# Seats move with a row in the log of moves; programme, facts and state of an event with its `changed_at`.
STAMP = (
    f"SELECT (SELECT MAX(id) FROM {StatusChange._meta.db_table}),"
    f" (SELECT MAX(changed_at) FROM {Event._meta.db_table}),"
    f" (SELECT MAX(id) FROM {Figures._meta.db_table}),"
    f" (SELECT MAX(last_published_at) FROM {Article._meta.db_table}),"
    f" (SELECT COUNT(*) FROM {Article._meta.db_table} WHERE live)"
)


class KeptPages:
    """Answers a GET of a public page from memory where it can."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not getattr(view, "is_public_page", False) or request.method not in {"GET", "HEAD"}:
            return None
        pages = caches["pages"]
        key = sha256(f"{request.get_full_path()} {newest_stamp()}".encode()).hexdigest()
        if kept := pages.get(key):
            content, headers = kept
            return HttpResponse(content, headers=headers)
        response = view(request, *args, **kwargs)
        if render := getattr(response, "render", None):
            response = render()
        if response.status_code == 200:
            pages.set(key, (response.content, dict(response.headers)), SECONDS)
        return response


def newest_stamp() -> tuple[Any, ...]:
    """Return what differs after any change of seats, events, figures or articles; one query."""
    with connection.cursor() as cursor:
        cursor.execute(STAMP)
        return tuple(cursor.fetchone())
