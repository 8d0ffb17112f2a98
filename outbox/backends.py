"""How a mail is handed on: to a server, or to a folder with one `.eml` file a message, which any mail program opens."""

import re
import uuid
from collections.abc import Sequence
from email.policy import SMTP
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.utils import timezone

ADDRESS = r"[A-Za-z0-9._+=-]+@[A-Za-z0-9.-]+"
#: What needs no parser: an address of plain characters, alone or behind a name that is not quoted.
PLAIN = re.compile(rf"({ADDRESS})|[^\"<>@,;:()\\\r\n]* <({ADDRESS})>")


class Smtp(EmailBackend):
    """Django's own, but that plain addresses are not parsed at length for each mail."""

    def prep_address(self, address: str, force_ascii: bool = True) -> str:
        if plain := PLAIN.fullmatch(address):
            return plain[1] or plain[2]
        return str(super().prep_address(address, force_ascii))


class EmlFiles(BaseEmailBackend):
    """Writes each message to `file_path`, named by time and recipient."""

    def __init__(self, *, file_path: str, **options: Any) -> None:
        super().__init__(**options)
        self.folder = Path(file_path)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            recipient = re.sub(r"[^\w.@+-]", "_", parseaddr(message.to[0])[1])
            name = f"{timezone.now():%Y%m%d-%H%M%S}-{recipient}-{uuid.uuid4().hex[:6]}"
            draft = self.folder / f".{name}"
            draft.write_bytes(message.message().as_bytes(policy=SMTP))
            draft.rename(self.folder / f"{name}.eml")
        return len(email_messages)
