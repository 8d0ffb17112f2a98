"""Keeps secrets out of the logs: whoever reads or keeps them must not be able to open people's pages.

A secret is part of an address, and Django logs the address of each answer from 400 on.
"""

import logging
import re
from collections.abc import Mapping
from copy import copy
from typing import Any

HIDDEN = "[secret]"
#: As it is, encoded in the query of another address, or several times.
SLASH = r"(?:/|%(?:25)*2[Ff])+"
SECRET_BELOW = (
    "r|i|me|address|calendar/personal|mail/unsubscribe|newsletter/confirm|newsletter/preferences"
)
#: The addresses whose next part is a secret. A path begins behind a blank, quote or bracket, or behind scheme and host:
#: so the folders in a traceback are left alone.
ADDRESS = re.compile(
    r"((?:(?:^|[\s\"'`(\[<=:,]|\b[a-z]+://[^/\s\"'<>]+)/+|%(?:25)*2[Ff])"
    rf"(?:{SECRET_BELOW.replace('/', SLASH)}){SLASH})"
    # Pages below /me/ that have no secret.
    rf"(?!(?:sent|calendar|consent|erase|erased|leave){SLASH}|data\.json)"
    r"(?:(?!%(?:25)*2[Ff])[^/\s\"'`<>)\]?&])+",
    re.MULTILINE,
)
#: A secret by itself, as `registrations.links` makes them.
BARE = re.compile(r"\b[2-9A-Z]{8}-[a-z2-7]{32}\b")


class Discreet(logging.Filter):
    """Blots out the secrets in a record: in the message, the traceback and the stack."""

    formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return the record as it may be written; the one that came stays as it is.

        One whose words and arguments do not fit is left to the handler, which says where it was logged: filters run
        where an error would reach whoever logs.
        """
        told = copy(record)
        try:
            told.msg, told.args = without_secrets(record.getMessage()), None
        except Exception:
            told.msg, told.args = _told(record.msg), _each_told(record.args)
        if record.exc_info and not record.exc_text:
            told.exc_text = self.formatter.formatException(record.exc_info)
        if told.exc_text:
            told.exc_text = without_secrets(told.exc_text)
        if told.stack_info:
            told.stack_info = without_secrets(told.stack_info)
        return told


def _each_told(args: Any) -> Any:
    if isinstance(args, Mapping):
        return {name: _told(value) for name, value in args.items()}
    return tuple(map(_told, args or ()))


def _told(value: object) -> str:
    try:
        return without_secrets(value if isinstance(value, str) else repr(value))
    except Exception:
        return f"<{type(value).__name__}>"


def without_secrets(text: str) -> str:
    """Return a text in which no address opens anything any more."""
    return BARE.sub(HIDDEN, ADDRESS.sub(rf"\1{HIDDEN}", text))


def hush_gunicorn() -> None:
    """Let the web server's own loggers keep secrets too: they have handlers of their own."""
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).addFilter(Discreet())
