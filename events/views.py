"""The calendar files of events, and the picture that stands for an event or article without one."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from itertools import chain
from typing import BinaryIO
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.request import QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.doors import public
from accounts.encodings import takes_gzip
from accounts.models import Named, Organisation
from events import calendar, covers, feeds, selections
from events.deeplinks import subscription_links
from events.feeds import Edition, Feed
from events.filters import EventFilter
from events.models import Event, EventQuerySet, Series, Topic
from events.sql import one_state

CALENDAR = "text/calendar; charset=utf-8"
#: Bytes; what is longer is never in memory as a whole.
LONG = 1_000_000


def calendar_door(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Open a calendar file to everybody; caches may keep it for five minutes.

    Nothing is written there, so a program that tries is told 405, not that its form was open for too long.
    """
    kept = vary_on_headers("Accept-Encoding")(cache_control(public=True, max_age=300)(view))
    return csrf_exempt(login_not_required(require_safe(kept)))


@calendar_door
def event_calendar(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One event as a file to save; with `sessions=1` an entry for each item of its programme."""
    events = Event.objects.public().filter(slug=slug)
    revision = events.values_list("uid", "changed_at").first()
    if revision is None:
        raise Http404
    answer = _answer(request, _edition_of(request, *revision))
    if answer.status_code == 200:
        with one_state():
            answer = _event_written(request, events)
    answer["Content-Disposition"] = f'attachment; filename="{slug}.ics"'
    return answer


@calendar_door
def all_calendar(request: HttpRequest) -> HttpResponseBase:
    """All public events of the last year and ahead, or those that the filters of the list select, to subscribe to."""
    return _feed(request, lambda: selections.of_all(request.GET))


@calendar_door
def topic_calendar(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The same of a topic."""
    return _feed(request, lambda: selections.of_topic(slug, request.GET), Topic)


@calendar_door
def series_calendar(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The same of a series."""
    return _feed(request, lambda: selections.of_series(slug, request.GET), Series)


@calendar_door
def organisation_calendar(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The same of an organisation."""
    return _feed(request, lambda: selections.of_organisation(slug, request.GET), Organisation)


@public
def calendar_page(request: HttpRequest) -> HttpResponse:
    """How to subscribe, to all events or to those that the filters select."""
    found = EventFilter(request.GET, Event.objects.in_calendars())
    is_narrowed = found.is_valid() and bool(found.narrowing())
    feed = selections.of_all(request.GET if found.is_valid() else QueryDict())
    return TemplateResponse(
        request,
        "events/calendar_page.html",
        {
            "links": subscription_links(feed),
            "feed": feed,
            "filter": found,
            "is_narrowed": is_narrowed,
            "narrowing": found.in_words_of_people() if is_narrowed else "",
            "number": feed.events.count() if is_narrowed else None,
            "by_session": feed.by_session,
        },
    )


@login_not_required
@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def cover(request: HttpRequest, slug: str) -> HttpResponse:
    """The pattern of a slug, the same for ever."""
    return HttpResponse(covers.pattern(slug), content_type="image/svg+xml")


def calendar_response(content: bytes, *, name: str = "") -> HttpResponse:
    """Return a calendar file that is somebody's own; with `name` as a download, else as a feed."""
    response = HttpResponse(content, content_type=CALENDAR)
    if name:
        response["Content-Disposition"] = f'attachment; filename="{name}.ics"'
    return response


def _edition_of(request: HttpRequest, uid: UUID, changed_at: datetime) -> Edition:
    by_session = selections.is_by_session(request.GET)
    return Edition(feeds.digest([uid, changed_at, by_session]), changed_at)


def _event_written(request: HttpRequest, events: EventQuerySet) -> HttpResponse:
    """Answer with the file of an event under the tag of the row that it is written from."""
    event = get_object_or_404(events.with_entries())
    answer = _answer(request, _edition_of(request, event.uid, event.changed_at))
    if answer.status_code == 200:
        by_session = selections.is_by_session(request.GET)
        content = calendar.event_file(event, by_session=by_session)
        parts = feeds.zipped([content]) if answer.has_header("Content-Encoding") else [content]
        answer.content = b"".join(parts)
    return answer


def _feed(request: HttpRequest, make: Callable[[], Feed], *named: type[Named]) -> HttpResponseBase:
    """Answer with a feed: 304 to those who have it, else its file, else what is written while it goes out.

    It is called after one of `named`, or after what its filters name.
    """
    key, named = request.get_full_path(), feeds.NAMED if request.GET else named
    known = feeds.known_edition(key, named)
    if known and (found := _unwritten(request, known)):
        return found
    # Its tag and all that is written are of one state, and that lasts until the last part has gone out.
    with ExitStack() as state:
        state.enter_context(one_state())
        feed = make()
        edition = feeds.edition(key, feed, named)
        return _unwritten(request, edition) or _written(request, feed, edition, state)


def _unwritten(request: HttpRequest, edition: Edition) -> HttpResponseBase | None:
    """Answer without writing anything: with 304 or the kept file; None where there is none."""
    answer = _answer(request, edition)
    if answer.status_code != 200:
        return answer
    file = edition.kept(is_zipped=answer.has_header("Content-Encoding"))
    return _kept(file, answer) if file else None


def _kept(file: BinaryIO, answer: HttpResponse) -> HttpResponseBase:
    """Answer with a kept file: in one piece, or where it is long by the server's own way of sending files."""
    size = os.fstat(file.fileno()).st_size
    if size <= LONG:
        with file:
            answer.content = file.read()
        return answer
    body = FileResponse(file)  # which guesses a type and a name
    del body["Content-Disposition"]
    for name, value in answer.items():
        body[name] = value
    return body


def _written(
    request: HttpRequest, feed: Feed, edition: Edition, state: ExitStack
) -> HttpResponseBase:
    """Answer with what is written anew: in one piece with its length, or as it comes where it is long."""
    answer, left_out = _answer(request, edition), list[int]()
    is_zipped = answer.has_header("Content-Encoding")
    parts = feed.parts(left_out)
    if feed.is_kept:
        parts = edition.kept_while_sent(parts, left_out, is_zipped=is_zipped)
    elif is_zipped:
        parts = feeds.zipped(parts)
    state.callback(parts.close)
    first, size = [], 0
    for part in parts:
        first.append(part)
        size += len(part)
        if size > LONG:
            sent = _Parts(chain(first, parts), state.pop_all())
            body: HttpResponseBase = StreamingHttpResponse(sent, headers=dict(answer.headers))
            break
    else:
        answer.content = b"".join(first)
        body = answer
    if left_out:  # it may be whole the next time
        del body["ETag"], body["Last-Modified"]
    return body


class _Parts:
    """The parts of an answer, with what is open until they have gone out or the reader has: the server closes it."""

    def __init__(self, parts: Iterator[bytes], state: ExitStack) -> None:
        self._parts, self._state = parts, state

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._state.close()


def _answer(request: HttpRequest, edition: Edition) -> HttpResponse:
    """Return the headers of a calendar file, or 304 to whoever has it as it is.

    Zipped and plain are two representations, each with a tag of its own (RFC 9110 8.8.3.3).
    """
    answer = HttpResponse(content_type=CALENDAR)
    tag = edition.digest
    if takes_gzip(request):
        answer["Content-Encoding"] = "gzip"
        tag += "-gzip"
    answer["ETag"] = f'"{tag}"'
    changed_at = int(edition.changed_at.timestamp())
    answer["Last-Modified"] = http_date(changed_at)
    found = get_conditional_response(
        request, etag=answer["ETag"], last_modified=changed_at, response=answer
    )
    assert isinstance(found, HttpResponse)
    return found
