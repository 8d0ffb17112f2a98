"""Reads mail that came back to a return address: what failed for good, what a reader complained of, what to ignore."""

import email.policy
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from enum import Enum

from django.db import InterfaceError, OperationalError

from outbox import refusals, returns
from outbox.return_addresses import find

logger = logging.getLogger(__name__)

#: A report is short; what is longer was made by nobody that we write to.
MOST_BYTES = 1_000_000
MOST_TEXT = 4000
#: What tells that the database is away: the mail is none the worse and can be taken later.
AWAY = (InterfaceError, OperationalError)
#: Where servers write the address to which a mail was delivered.
TO = ("To", "Cc", "Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To")
ROBOTS = re.compile(r"\b(mailer-daemon|postmaster|mdaemon)\b", re.IGNORECASE)
CODE = re.compile(r"(?<![\w.@-])(5\d\d[ -]|[45]\.\d{1,3}\.\d{1,3}\b)[^\n]{0,200}")


class Outcome(Enum):
    """What became of a mail that came in."""

    NOTED = "noted"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Report:
    """What a mail says of one of ours: that it failed, for good or not, or that its reader complained."""

    said: str
    is_complaint: bool = False


def take(content: bytes, *, to: str = "") -> Outcome:
    """Note what a mail that came in reports of a message of ours. `to` is the address that the server took it for.

    Without a valid return address nothing is believed: UNKNOWN. Delays, good news and automatic answers are IGNORED,
    and so is a report that was noted before. Nothing is ever answered. Anybody can write here: a mail on which reading
    breaks is UNKNOWN, and keeps no other from being read. Raises one of AWAY while the database is away.
    """
    try:
        return _take(content, to)
    except AWAY:
        raise
    except Exception as error:
        logger.warning("A mail that came in cannot be read and is passed over: %r", error)
        return Outcome.UNKNOWN


def _take(content: bytes, to: str) -> Outcome:
    mail = message_from_bytes(content[:MOST_BYTES], policy=email.policy.default)
    report = read(mail)
    message = find([to, *_headers(mail, TO), *_enclosed_addresses(mail)])
    if message is None or not message.recipient:
        return Outcome.UNKNOWN
    if report is None:
        return Outcome.IGNORED
    if report.is_complaint:
        news = returns.note_complaint(message.recipient, reason=report.said, message=message)
    else:
        news = returns.note_bounce(
            message.recipient,
            is_hard=refusals.is_hard(report.said),
            reason=report.said,
            message=message,
        )
    logger.info("Message %s came back: %s", message.pk, report.said)
    return Outcome.NOTED if news else Outcome.IGNORED


def read(mail: EmailMessage) -> Report | None:
    """Return what a mail reports, or None for a delay, a success, an automatic answer or anything else."""
    kind = mail.get_content_type()
    if kind == "multipart/report":
        form = str(mail.get_param("report-type", "")).lower()
        if form == "feedback-report":
            return _complaint(mail)
        if form == "delivery-status":
            return _failure(mail)
        return None
    return None if _is_automatic_answer(mail) else _odd_failure(mail)


def _failure(mail: EmailMessage) -> Report | None:
    """Read RFC 3464: a block for each recipient, and ours has one. Only `failed` is final (2.3.3)."""
    for block in _blocks(mail, "message/delivery-status"):
        if _field(block, "Action").lower() != "failed":
            continue
        status = _field(block, "Status").partition(" ")[0]
        said = _field(block, "Diagnostic-Code").partition(";")[2].strip()
        # A status such as 5.0.0 says less than the words of the server, which may hold a better one.
        parts = [said, status] if re.fullmatch(r"\d\.(0\.0|\d+\.0)", status) else [status, said]
        return Report(" ".join(part for part in parts if part)[:500])
    return None


def _complaint(mail: EmailMessage) -> Report | None:
    """Read RFC 5965: anything but a report that something is not spam, or that a mail failed to prove its sender."""
    for block in _blocks(mail, "message/feedback-report"):
        kind = _field(block, "Feedback-Type").lower()
        if kind in {"not-spam", "auth-failure"}:
            return None
        return Report(f"complaint: {kind or 'abuse'}"[:500], is_complaint=True)
    return None


def _odd_failure(mail: EmailMessage) -> Report | None:
    """Read what old servers write as plain text: believed only from a robot and with a number of refusal."""
    senders = " ".join(_headers(mail, ("From", "Sender")))
    if not ROBOTS.search(senders):
        return None
    body = mail.get_body(("plain", "html"))
    text = _text(body) if body else ""
    found = CODE.search(text[:MOST_TEXT])
    return Report(" ".join(found[0].split())) if found and found[0][0] == "5" else None


def _is_automatic_answer(mail: EmailMessage) -> bool:
    """Whether somebody's mail program answers (RFC 3834 5): on holiday, has moved, has read it."""
    said = str(mail.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    if said not in {"no", "auto-generated"}:
        return True
    precedence = str(mail.get("Precedence", "")).strip().lower()
    return precedence == "auto_reply" or any(
        mail.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply")
    )


def _blocks(mail: EmailMessage, kind: str) -> Iterator[Message]:
    """Yield the groups of fields in the part of a report that is for machines."""
    for part in mail.walk():
        if part.get_content_type() != kind:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            yield from (block for block in payload if isinstance(block, Message))
        else:
            yield message_from_bytes(part.get_payload(decode=True) or b"")  # type: ignore[arg-type]


def _enclosed_addresses(mail: EmailMessage) -> Iterator[str]:
    """Yield where our return address stands in a complaint, which comes from elsewhere than the mail went to."""
    for block in _blocks(mail, "message/feedback-report"):
        yield _field(block, "Original-Mail-From")
    for part in mail.walk():
        if part is not mail and part.get("Return-Path"):
            yield str(part["Return-Path"])


def _headers(mail: Message, names: tuple[str, ...]) -> list[str]:
    return [str(value) for name in names for value in mail.get_all(name, [])]


def _field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _text(part: Message) -> str:
    """The words of a part, whatever its bytes claim to be."""
    content = part.get_payload(decode=True)
    return content.decode("utf-8", errors="replace") if isinstance(content, bytes) else ""
