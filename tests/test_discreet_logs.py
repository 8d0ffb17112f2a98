"""No secret of an address gets into the logs, whatever goes wrong behind it."""

import io
import logging
import os
import re
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver

from events.models import Event
from events_site.discreet_logs import HIDDEN, Discreet, without_secrets
from outbox import lists
from registrations import links, mailed_link, own_calendar
from tests.factories import EventFactory, verified
from tests.servers import free_port, wait_until
from tests.test_processes import running

SECRET = "ABCD2345-" + "abcdefgh" * 4
SIGNED = "WyJhbmFAZXhhbXBsZS5vcmciLDFd:1tAbCd:x_Yz-0123456789"


def patterns(resolver, prefix=""):
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from patterns(entry, pattern)
        elif "<str:token>" in pattern:
            yield "/" + pattern


@pytest.fixture
def log():
    """What the handler of the settings writes."""
    [console] = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]
    written = io.StringIO()
    before = console.setStream(written)
    yield written
    console.setStream(before)


@pytest.mark.parametrize("secret", [SECRET, SIGNED])
def test_the_secret_of_every_address_is_blotted_out(secret):
    found = list(patterns(get_resolver()))
    assert len(found) > 20
    for pattern in found:
        path = pattern.replace("<str:token>", secret)
        told = pattern.replace("<str:token>.ics", HIDDEN).replace("<str:token>", HIDDEN)
        for words in (
            "Not Found: {}", "GET {} HTTP/1.1", "<WSGIRequest: GET '{}'>", '"{}"', "https://a.example{}", "({})",
            "webcal://a.example:8000{}?x=1", "path={}", "{}", "/{}", "https://a.example/{}",
        ):  # fmt: skip
            assert without_secrets(words.format(path)) == words.format(told)


@pytest.mark.parametrize("secret", [SECRET, SIGNED])
def test_the_secret_of_an_encoded_address_is_blotted_out(secret):
    for pattern in patterns(get_resolver()):
        path = pattern.replace("<str:token>", secret)
        for often in range(1, 4):
            path = quote(path, safe="")
            if often == 2:
                path = path.replace("%252F", "%252f")
            for words in ("GET /?next={}&a=b HTTP/1.1", "https%3A%2F%2Fa.example{}", "{}"):
                told = without_secrets(words.format(path))
                assert HIDDEN in told
                assert secret not in unquote(unquote(unquote(told)))
                assert told.endswith(words.partition("{}")[2])
    assert without_secrets(f"GET /me%2F{secret}/ HTTP/1.1") == f"GET /me%2F{HIDDEN}/ HTTP/1.1"


@pytest.mark.parametrize(
    "words",
    [
        "Not Found: /me/sent/",
        "Not Found: //me/sent/",
        "GET /?next=%2Fme%2Fsent%2F",
        "GET /?next=%2Fevents%2Ffirst%2F",
        "Not Found: /me/data.json",
        "Not Found: /events/r/",
        "/home/me/plenary/registrations/me.py",
        'File "/srv/i/plenary/r/views.py", line 3',
        "Message 12 was not sent (attempt 1): 450 4.2.1 busy",
    ],
)
def test_all_else_stays_as_it_is(words):
    assert without_secrets(words) == words


def test_a_secret_is_blotted_out_wherever_it_stands_by_itself():
    assert without_secrets(f"no reverse for ('{SECRET}',)") == f"no reverse for ('{HIDDEN}',)"


def test_arguments_and_tracebacks_are_blotted_out_and_the_record_stays_as_it_was(log, caplog):
    try:
        raise ValueError(f"/r/{SECRET}/ opens nothing")
    except ValueError:
        logging.getLogger("a.b").exception("%s at %s", "Broken", f"/i/{SECRET}/")
    assert f"Broken at /i/{HIDDEN}/" in log.getvalue()
    assert f"ValueError: /r/{HIDDEN}/ opens nothing" in log.getvalue()
    assert SECRET not in log.getvalue()
    [record] = caplog.records
    assert record.args == ("Broken", f"/i/{SECRET}/")


class Unspeakable:
    def __repr__(self):
        raise ValueError(SECRET)


@pytest.mark.parametrize(
    ("words", "args", "told"),
    [
        (f"%d opened /r/{SECRET}/", ("nobody",), f"'%d opened /r/{HIDDEN}/'"),
        ("%d opened", (f"/r/{SECRET}/",), f"('/r/{HIDDEN}/',)"),
        ("%(a)d", ({"a": [SECRET]},), f"{{'a': \"['{HIDDEN}']\"}}"),
        ("%s %s", (Unspeakable(),), "('<Unspeakable>',)"),
    ],
)
def test_a_wrong_call_of_a_logger_harms_nobody_and_is_told_without_secrets(
    words, args, told, capsys
):
    logger = logging.Logger("a.b")
    handler = logging.StreamHandler()
    handler.addFilter(Discreet())
    logger.addHandler(handler)

    logger.warning(words, *args)

    said = capsys.readouterr().err
    assert "--- Logging error ---" in said
    assert told in said
    assert SECRET not in said


@pytest.mark.django_db
def test_answers_that_are_logged_name_no_secret(log, settings):
    settings.FETCHES_OF_A_FEED = 1
    event = EventFactory()
    registration = verified(event, 1)
    feed = own_calendar.renew(registration.email)
    client = Client(raise_request_exception=False)
    path = f"/calendar/personal/{links.feed_token(feed)}.ics"
    wrong = f"/calendar/personal/{links.feed_token(feed)[::-1]}.ics"
    own = f"/r/{links.token_of(registration)}/"
    mailed = mailed_link.token_of(registration.email)
    left = lists.token_for(registration.email, "newsletter")

    statuses = [client.get(one).status_code for one in (path, path, wrong)]
    statuses += [client.post(one).status_code for one in (path, own)]
    statuses.append(client.get(f"/r/{mailed}/").status_code)
    statuses.append(client.put(f"/mail/unsubscribe/{left}/").status_code)
    Event.objects.update(timezone="Nowhere/At_all")
    statuses.append(client.get(own).status_code)

    assert statuses == [200, 429, 404, 405, 405, 404, 405, 500]
    said = log.getvalue()
    for status in ("Too Many Requests", "Not Found", "Method Not Allowed", "Internal Server Error"):
        assert f"{status}" in said
    assert f"/calendar/personal/{HIDDEN}" in said
    assert "Traceback" in said
    for secret in (links.feed_token(feed), links.token_of(registration), mailed, left):
        assert secret not in said
        assert secret[::-1] not in said
    assert not re.search(r"/(r|me|personal|unsubscribe)/[^\s\[]", said)


def test_no_logger_of_ours_or_of_django_writes_past_the_filter():
    """Each handler that is set up blots out secrets; those of pytest are not ours."""
    names = [None, *logging.root.manager.loggerDict]
    for name in names:
        for handler in logging.getLogger(name).handlers:
            if type(handler).__module__.startswith(("logging", "django")):
                if type(handler) is logging.NullHandler:
                    continue
                assert [type(one).__name__ for one in handler.filters] == ["Discreet"], name


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_the_web_server_writes_no_secret_not_even_with_an_access_log(tmp_path):
    database = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    # The list of hashed static files is made by collectstatic, and not asked for with DEBUG.
    environment = os.environ | {"DATABASE_URL": database.geturl(), "DEBUG": "true"}
    port, log = free_port(), tmp_path / "log"
    command = ["-m", "gunicorn", "events_site.wsgi", "--bind", f"127.0.0.1:{port}"]
    asked = Request(
        f"http://127.0.0.1:{port}/i/{SECRET}/", headers={"Referer": f"http://a.example/r/{SIGNED}/"}
    )

    def is_answered():
        with suppress(OSError):
            urlopen(asked)
        return "GET" in log.read_text()

    with running(*command, "--access-logfile", "-", environment=environment, log=log):
        wait_until(is_answered, seconds=30, what="the access log has a line")

    said = log.read_text()
    assert f'"GET /i/{HIDDEN}/ HTTP/1.1" 404' in said
    assert f'"http://a.example/r/{HIDDEN}/"' in said
    assert f"Not Found: /i/{HIDDEN}/" in said
    for secret in (SECRET, SIGNED):
        assert secret not in said
