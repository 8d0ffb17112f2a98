"""The mail as it leaves: its headers, its parts, and the address that it comes back to."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage as MimeMessage
from email.message import MIMEPart
from email.policy import EmailPolicy, Policy, default
from email.utils import format_datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from django.utils.encoding import punycode

from outbox import lists
from outbox.models import Message
from outbox.return_addresses import return_address, token_of


class UnfoldedHeader(UnstructuredHeader):
    """A header in one line: Python would encode an address longer than a line as words, which nobody could follow."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


HEADERS = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", UnfoldedHeader)  # type: ignore[arg-type]


class OwnHeaders(EmailPolicy):
    """Python's rules, but that what we wrote of a part is not parsed again whenever something asks for it."""

    def header_fetch_parse(self, name: str, value: str) -> Any:
        if name in {"Content-Type", "Content-Transfer-Encoding"}:
            return value
        return super().header_fetch_parse(name, value)


POLICY = OwnHeaders(header_factory=HEADERS)


class Written(MimeMessage):
    """A mail, or a part of one, whose short headers and encoded content stand as they go out, but for the line ends."""

    boundary = ""

    def as_bytes(self, unixfrom: bool = False, policy: Any = None) -> bytes:
        return "".join(self._pieces(policy or self.policy)).encode("ascii")

    def _pieces(self, policy: Any) -> Iterator[str]:
        end = policy.linesep
        for name, value in self.raw_items():
            yield f"{name}: {value}{end}" if type(value) is str else policy.fold(name, value)
        yield end
        content: Any = self.get_payload()
        if not self.boundary:
            yield content.replace("\n", end)
            return
        for part in content:
            yield f"--{self.boundary}{end}"
            yield from part._pieces(policy)
            yield end
        yield f"--{self.boundary}--{end}"


class CalendarMail(EmailMultiAlternatives):
    """A mail with a calendar file: inline as the last alternative, and attached for clients that look only there.

    Both are in base64 and name the METHOD (RFC 6047 2.4; 8bit and quoted-printable break some clients).
    """

    def __init__(self, *, calendar: str = "", method: str = "", **fields: Any) -> None:
        super().__init__(**fields)
        self.calendar, self.method = calendar, method

    def message(self, *, policy: Any = default) -> MimeMessage:
        """Return the mail to send: of the same words always the same bytes, but for the date.

        Written by hand, as Python's own way reads each header of each part several times over, and draws boundaries.
        """
        policy = POLICY.clone(linesep=policy.linesep)
        parts = [_words(policy, "text/plain", str(self.body))]
        parts += [_words(policy, kind, str(words)) for words, kind in self.alternatives]
        if self.calendar:
            parts.append(_calendar(policy, self.calendar, self.method))
        mail = parts[0]
        if len(parts) > 1:
            mail = _several(policy, "alternative", parts, self._boundary)
        if self.calendar:
            attached = _calendar(policy, self.calendar, self.method, name="event.ics")
            mail = _several(policy, "mixed", [mail, attached], self._boundary)
        for name, value in self._headers():
            _set(mail, name, value)
        return mail

    def _headers(self) -> Iterator[tuple[str, str]]:
        yield "MIME-Version", "1.0"
        yield "Subject", str(self.subject)
        yield "From", self.extra_headers.get("From", self.from_email)
        yield "To", ", ".join(self.to)
        if self.reply_to:
            yield "Reply-To", ", ".join(self.reply_to)
        yield "Date", format_datetime(timezone.now())
        yield from ((name, value) for name, value in self.extra_headers.items() if name != "From")

    @property
    def _boundary(self) -> str:
        """The same at each attempt, and short enough for a header of one line."""
        of = self.extra_headers.get("Message-ID", "")
        return hashlib.sha256(of.encode()).hexdigest()[:24]


def as_mail(message: Message) -> CalendarMail:
    """Return the mail with its headers, alternatives and calendar file; its `from_email` is where it comes back to."""
    sender = _mailbox(message.sender_name or settings.SITE_NAME, settings.DEFAULT_FROM_EMAIL)
    mail = CalendarMail(
        calendar=message.calendar,
        method=message.calendar_method,
        subject=message.subject,
        body=message.text,
        from_email=return_address(message) or sender,
        to=[_mailbox(message.recipient_name, message.recipient)],
        reply_to=[_mailbox("", message.reply_to)] if message.reply_to else [],
        headers={
            "From": sender,
            "Message-ID": message.message_id,
            "Auto-Submitted": "auto-generated",
            "Content-Language": message.language,
            **list_headers(message),
            **message.headers,
        },
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def for_provider(mail: CalendarMail, message: Message, *, takes_parts: bool) -> CalendarMail:
    """Make a mail fit for a provider. `takes_parts` says that its interface takes the parts and not the whole text.

    It sends from our own address, hands back what names the message when something comes back, and must not put
    pictures and other addresses into the words to count who reads them. A calendar file among parts is only attached.
    """
    mail.from_email = mail.extra_headers.pop("From")
    mail.metadata = {"message": token_of(message)}  # type: ignore[attr-defined]
    mail.track_opens = mail.track_clicks = False  # type: ignore[attr-defined]
    if takes_parts and mail.calendar:
        part = MIMEPart()
        part.set_content(
            mail.calendar.encode(), "text", "calendar", cte="base64", filename="event.ics"
        )
        part.set_param("charset", "utf-8")
        part.set_param("method", mail.method)
        mail.attach(part)
        mail.calendar = ""
    return mail


def list_headers(message: Message) -> dict[str, str]:
    """Return what tells mail programs how to leave the list of a message by one press (RFC 8058 3.1).

    Only the newsletter names itself (RFC 2919): rules of readers sort by it, and mail about an event is not one thing.
    """
    if not message.list_name:
        return {}
    headers = {
        "List-Unsubscribe": f"<{lists.unsubscribe_url(message)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    if message.list_name == lists.NEWSLETTER:
        headers["List-Id"] = f"<{lists.NEWSLETTER}.{settings.SITE_HOST}>"
    return headers


def _mailbox(name: str, address: str) -> str:
    """Return name and address as a header has them: quoted where needed, the domain in ASCII (RFC 5322 3.4)."""
    local, _at, domain = address.rpartition("@")
    return str(Address(display_name=name, username=local, domain=punycode(domain)))


def _words(policy: Any, kind: str, text: str) -> Written:
    """A part of text: as it is where every server takes that, else quoted-printable (RFC 2045 6.7)."""
    text = "\n".join(text.splitlines()) + "\n"
    lines = text.split("\n")
    is_plain = text.isascii() and all(len(line) <= 76 and line.isprintable() for line in lines)
    # The boundaries begin so, which neither quoted-printable nor base64 ever writes.
    encoding = "7bit" if is_plain and "=_" not in text else "quoted-printable"
    content = text if encoding == "7bit" else binascii.b2a_qp(text.encode()).decode()
    part = Written(policy)
    part.set_raw("Content-Type", f'{kind}; charset="utf-8"')
    part.set_raw("Content-Transfer-Encoding", encoding)
    part.set_payload(content)
    return part


def _calendar(policy: Any, calendar: str, method: str, *, name: str = "") -> Written:
    """A part with the calendar file, attached under a name or inline."""
    part = Written(policy)
    part.set_raw("Content-Type", f'text/calendar; charset="utf-8"; method="{method}"')
    part.set_raw("Content-Transfer-Encoding", "base64")
    if name:
        part.set_raw("Content-Disposition", f'attachment; filename="{name}"')
    part.set_payload(base64.encodebytes(calendar.encode()).decode())
    return part


def _several(policy: Any, kind: str, parts: list[Written], boundary: str) -> Written:
    mail = Written(policy)
    mail.boundary = f"=_{kind[0]}{boundary}"
    mail.set_raw("Content-Type", f'multipart/{kind}; boundary="{mail.boundary}"')
    mail.set_payload([*parts])
    return mail


def _set(mail: Written, name: str, value: str) -> None:
    """Set a header. What is not a short line of ASCII is left to Python, which encodes, folds or refuses it."""
    if value.isascii() and value.isprintable() and len(name) + len(value) < 76:
        mail.set_raw(name, value)
    else:
        mail[name] = value
