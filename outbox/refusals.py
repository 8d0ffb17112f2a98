"""What servers say when they do not take a mail: whether it is for good, whose fault it is, and in plain words."""

import re
import smtplib
from enum import Enum
from typing import Any

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Kind(Enum):
    """What a refusal is about. The first three are about the address itself."""

    NOBODY = "nobody"
    CLOSED = "closed"
    NO_SERVER = "no server"
    FULL = "full"
    TOO_LARGE = "too large"
    POLICY = "policy"
    LATER = "later"
    AWAY = "away"
    SIGN_IN = "sign in"
    TOO_FAST = "too fast"
    UNKNOWN = "unknown"


#: Refusals after which an address counts as dead. What is full, too large or unwanted today may pass tomorrow.
OF_THE_ADDRESS = {Kind.NOBODY, Kind.CLOSED, Kind.NO_SERVER}

#: Refusals of a recipient after which this message is given up. Others are about us, and would meet every message.
OF_THE_RECIPIENT = OF_THE_ADDRESS | {Kind.FULL, Kind.TOO_LARGE}

WORDS: dict[Kind, Promise] = {
    Kind.NOBODY: _("the other server knows no such mailbox"),
    Kind.CLOSED: _("the mailbox takes no mail any more"),
    Kind.NO_SERVER: _("there is no mail server behind the @ of this address"),
    Kind.FULL: _("the mailbox is full"),
    Kind.TOO_LARGE: _("the other server finds the message too large"),
    Kind.POLICY: _("the other server does not let mail from us through"),
    Kind.LATER: _("the other server asked us to try again later"),
    Kind.AWAY: _("the mail server could not be reached"),
    Kind.SIGN_IN: _("our mail server does not accept our sign-in"),
    Kind.TOO_FAST: _("our mail provider wants fewer messages at a time"),
    Kind.UNKNOWN: _("the other server did not take it"),
}

#: RFC 3463: class, subject, detail. Not a part of an address such as 5.1.1.9.
ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
REPLY = re.compile(r"(?<![\w.@-])([45]\d\d)(?=[\s.-]|$)")
#: By subject and detail; None stands for any detail of the subject.
BY_STATUS: dict[tuple[int, int | None], Kind] = {
    (1, 0): Kind.NOBODY, (1, 1): Kind.NOBODY, (1, 3): Kind.NOBODY, (1, 4): Kind.NOBODY, (1, 6): Kind.NOBODY,
    (1, 2): Kind.NO_SERVER, (1, 10): Kind.NO_SERVER,
    (1, None): Kind.POLICY,  # 5.1.7 to 5.1.9 are about the sender
    (2, 1): Kind.CLOSED, (2, 2): Kind.FULL, (2, 3): Kind.TOO_LARGE,
    (3, 4): Kind.TOO_LARGE,
    (4, 2): Kind.AWAY, (4, 4): Kind.NO_SERVER,
    (7, None): Kind.POLICY,
}  # fmt: skip
#: For servers that give no such number, or a vague one. The order counts: policy hides behind many words.
BY_WORDS = [
    (Kind.FULL, r"quota|mailbox[\w ]* full|full mailbox|insufficient (system )?storage"),
    (Kind.POLICY, r"spam|block|black ?list|polic|reputation|dmarc|\bspf\b|dkim|relay|unauthenticated"),
    (Kind.CLOSED, r"marked as inactive|disabled|deactivated|inactive|suspended|no longer (active|available|accept)"),
    (Kind.NO_SERVER, r"host (unknown|not found)|domain [\w.-]* ?(not found|does not exist)|no mx|null mx"),
    (
        Kind.NOBODY,
        r"(user|recipient|mailbox|address|account)[\w <>@.'-]* (unknown|rejected|not found|unavailable|does ?n.t exist)"
        r"|(unknown|no such|invalid|non-?existent) (local )?(user|recipient|mailbox|address|account|person)"
        r"|not a valid (user|recipient|mailbox)|doesn't have|does not exist",
    ),
]  # fmt: skip


def kind_of(said: str) -> Kind:
    """Return what a refusal is about: by the name of the error, else by its numbers, else by its words."""
    if kind := _by_name(said) or _by_status(said) or _by_words(said):
        is_only_for_now = _is_passing(said) and kind in OF_THE_ADDRESS | {Kind.POLICY}
        return Kind.LATER if is_only_for_now else kind
    if _is_passing(said):
        return Kind.LATER
    reply = REPLY.search(said)
    if not ENHANCED.search(said) and reply and reply[1] in {"550", "551", "553"}:
        return Kind.NOBODY
    return Kind.TOO_LARGE if reply and reply[1] == "552" else Kind.UNKNOWN


def is_hard(said: str) -> bool:
    """Whether this is said of the address, and for good: not of our words, our name, or a mailbox that is full."""
    return not _is_passing(said) and kind_of(said) in OF_THE_ADDRESS


def in_words(said: str) -> str:
    """Return in plain words, to go on in a sentence, what a server or a connection said."""
    return str(WORDS[kind_of(said)])


def said_by(error: Exception) -> str:
    """Return what an error says, in one line with its name first, as the log keeps it."""
    text = str(error)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        text = "; ".join(f"{code} {_text(reply)}" for code, reply in error.recipients.values())
    elif isinstance(error, smtplib.SMTPSenderRefused):
        text = f"{error.smtp_code} {_text(error.smtp_error)} (our address {error.sender})"
    elif isinstance(error, smtplib.SMTPResponseException):
        text = f"{error.smtp_code} {_text(error.smtp_error)}"
    return storable(f"{type(error).__name__}: {' '.join(text.split())}")[:2000]


def storable(said: str) -> str:
    """Return what somebody else said without what no database takes: the character 0, and halves of characters."""
    return said.replace("\0", "").encode(errors="replace").decode()


def is_final(error: Exception) -> bool:
    """Whether trying again is useless: this recipient or this content is refused for good (RFC 5321 4.2.1).

    All else may be our own fault or passing, and is tried again until the pauses are used up: a server that refuses
    each recipient because it relays for us no more would else empty the whole queue in a minute.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        is_for_good = all(500 <= code < 600 for code, _reply in error.recipients.values())
        return is_for_good and kind_of(said_by(error)) in OF_THE_RECIPIENT
    if isinstance(error, AnymailAPIError):
        return getattr(error, "status_code", None) == 413
    if isinstance(error, smtplib.SMTPDataError):
        return 500 <= error.smtp_code < 600
    return isinstance(
        error,
        AnymailRecipientsRefused
        | AnymailInvalidAddress
        | AnymailUnsupportedFeature
        | AnymailSerializationError,
    )


def is_of_the_account(error: Exception) -> bool:
    """Whether a provider refuses us, whatever the message: no attempt is lost, and the rest waits too."""
    return isinstance(error, AnymailAPIError) and error.status_code in {401, 402, 403, 429}


def is_of_the_provider(error: Exception) -> bool:
    """Whether a provider is away or breaks: the rest waits too. An attempt is lost: it may break on this message."""
    if not isinstance(error, AnymailAPIError):
        return False
    if error.status_code is None:
        return isinstance(error, requests.ConnectionError)
    return error.status_code >= 500


def refuses_address(error: Exception) -> bool:
    """Whether the recipient is refused as such, and for good: it counts as mail that came back.

    A provider refuses a single recipient whose mail came back to it before, or who complained there.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return is_final(error) and is_hard(said_by(error))
    return isinstance(error, AnymailInvalidAddress | AnymailRecipientsRefused)


def _by_name(said: str) -> Kind | None:
    name, _colon, rest = said.partition(":")
    if name == "SMTPAuthenticationError" or re.search(r"API response 40[123]\b", rest):
        return Kind.SIGN_IN
    if "API response 429" in rest:
        return Kind.TOO_FAST
    if name in {
        "SMTPConnectError",
        "SMTPServerDisconnected",
        "TimeoutError",
        "gaierror",
        "OSError",
    }:
        return Kind.AWAY
    if name.startswith("Connection") or re.search(r"API response 5\d\d|Error posting to", rest):
        return Kind.AWAY
    return Kind.POLICY if name == "SMTPSenderRefused" else None


def _by_status(said: str) -> Kind | None:
    if enhanced := ENHANCED.search(said):
        subject, detail = int(enhanced[2]), int(enhanced[3])
        return BY_STATUS.get((subject, detail)) or BY_STATUS.get((subject, None))
    return None


def _by_words(said: str) -> Kind | None:
    found = (kind for kind, words in BY_WORDS if re.search(words, said, re.IGNORECASE))
    return next(found, None)


def _is_passing(said: str) -> bool:
    if enhanced := ENHANCED.search(said):
        return enhanced[1] == "4"
    reply = REPLY.search(said)
    return bool(reply and reply[1].startswith("4"))


def _text(reply: Any) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)
