"""The address that each message comes back to: it names the message, and is signed, so that nobody can report for it.

`bounces+<number>-<signature>@example.org`, in lower case throughout: some servers fold the case of what they return.
"""

import base64
import re
from collections.abc import Iterable

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

from outbox.models import Message

SALT = "outbox.return_addresses"
#: 13 digits hold any number of a row, 20 letters 100 bits of signature; with + and - that many characters in all.
LENGTH = 1 + 13 + 1 + 20
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
TOKEN = re.compile(r"(?<![0-9a-z])([0-9a-z]{1,13})-([a-z2-7]{20})(?![0-9a-z])")


def token_of(message: Message) -> str:
    """Return what names a message, with its signature.

    Reason and recipient are signed too: after a backup was restored the numbers of rows are given out again, and what
    comes back late must not be held against somebody else.
    """
    number = _in_digits(message.pk)
    said = f"{number}\n{message.key}\n{message.recipient}"
    digest = salted_hmac(SALT, said, algorithm="sha256").digest()
    return f"{number}-{base64.b32encode(digest).decode().lower()[:20]}"


def return_address(message: Message) -> str:
    """Return the address that a message comes back to, or an empty text where the environment names none."""
    if not settings.RETURN_ADDRESS:
        return ""
    local, _at, domain = settings.RETURN_ADDRESS.rpartition("@")
    return f"{local}+{token_of(message)}@{domain}"


def message_by(token: str) -> Message | None:
    """Return the message that a token names, or None if we did not make the token or have forgotten the message.

    A message that was emptied, or goes to another address since, is forgotten.
    """
    match = TOKEN.fullmatch(token.strip().lower())
    if not match:
        return None
    number = int(match[1], 36)
    message = Message.objects.filter(pk=number).first() if number < 2**63 else None
    if message is None or not constant_time_compare(token_of(message), match[0]):
        return None
    return message


def find(texts: Iterable[str]) -> Message | None:
    """Return the message whose return address stands in one of these texts, or None."""
    local, _at, domain = settings.RETURN_ADDRESS.lower().rpartition("@")
    ours = re.compile(rf"{re.escape(local)}\+({TOKEN.pattern})@{re.escape(domain)}(?![\w.-])")
    for text in texts if local else ():
        for match in ours.finditer(text.lower()):
            if message := message_by(match[1]):
                return message
    return None


def _in_digits(number: int) -> str:
    """Return a number to the base of 36."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits
