"""Reads the mailbox that return addresses lead to, where the mail server cannot hand the mail over by a pipe."""

import imaplib
import logging
import time
from typing import Any

from outbox import returned_mail
from outbox.returned_mail import Outcome

logger = logging.getLogger(__name__)

#: Of one look: so many mails, for so long, and no answer of the server may take longer than its limit.
MOST, SECONDS, ANSWER_SECONDS = 500, 120, 15


def read(mailbox: dict[str, Any]) -> dict[Outcome, int]:
    """Take the unread mails of a mailbox and return how many became what. Noted ones are deleted, the rest marked read.

    `mailbox` is what `environment.mailbox` makes of RETURN_MAILBOX_URL. A mail is marked after it is noted: a crash in
    between notes it twice, which counts once. One that cannot be read is marked read too; only while the database is
    away it stays unread. Raises OSError, imaplib.IMAP4.error and what `returned_mail.AWAY` names.
    """
    end = time.monotonic() + SECONDS
    counts = dict.fromkeys(Outcome, 0)
    with _connect(mailbox) as server:
        server.login(mailbox["username"], mailbox["password"])
        answer, said = server.select(_quoted(mailbox["folder"]))
        if answer != "OK":
            raise imaplib.IMAP4.error(f"{mailbox['folder']}: {said!r}")
        _answer, [found] = server.uid("SEARCH", "UNSEEN")
        for uid in (found or b"").decode().split()[:MOST]:
            if time.monotonic() > end:
                break
            outcome = returned_mail.take(_fetch(server, uid))
            flags = r"(\Seen \Deleted)" if outcome is Outcome.NOTED else r"(\Seen)"
            server.uid("STORE", uid, "+FLAGS.SILENT", flags)
            counts[outcome] += 1
        if counts[Outcome.NOTED]:
            server.expunge()
    return counts


def _connect(mailbox: dict[str, Any]) -> imaplib.IMAP4:
    place: dict[str, Any] = {
        "host": mailbox["host"],
        "port": mailbox["port"],
        "timeout": ANSWER_SECONDS,
    }
    if mailbox["security"] == "ssl":
        return imaplib.IMAP4_SSL(**place)
    server = imaplib.IMAP4(**place)
    if mailbox["security"] == "tls":
        server.starttls()
    return server


def _fetch(server: imaplib.IMAP4, uid: str) -> bytes:
    """Return the mail, or the beginning of a long one, without marking it read."""
    _answer, parts = server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{returned_mail.MOST_BYTES}>)")
    return next((part[1] for part in parts if isinstance(part, tuple)), b"")


def _quoted(folder: str) -> str:
    escaped = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
