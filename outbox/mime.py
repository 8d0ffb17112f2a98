"""The mail as it leaves: its headers, its parts, and the address that it comes back to."""

from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage as MimeMessage
from email.policy import Policy, default
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.encoding import punycode

from outbox import lists
from outbox.models import Message


class UnfoldedHeader(UnstructuredHeader):
    """A header in one line: Python would encode an address longer than a line as words, which nobody could follow."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


HEADERS = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", UnfoldedHeader)  # type: ignore[arg-type]


class CalendarMail(EmailMultiAlternatives):
    """A mail with a calendar file: inline as the last alternative, and attached for clients that look only there.

    Both are in base64 and name the METHOD (RFC 6047 2.4; 8bit and quoted-printable break some clients).
    """

    def __init__(self, *, calendar: str = "", method: str = "", **fields: Any) -> None:
        super().__init__(**fields)
        self.calendar, self.method = calendar, method

    def message(self, *, policy: Any = default) -> MimeMessage:
        if self.calendar and not any(
            kind == "text/calendar" for _content, kind in self.alternatives
        ):
            self.attach_alternative(self.calendar, "text/calendar")
            self.attach("event.ics", self.calendar, "text/calendar")
        mime: MimeMessage = super().message(policy=policy.clone(header_factory=HEADERS))
        for part in mime.walk():
            if part.get_content_type() == "text/calendar":
                name = part.get_filename()
                part.clear_content()
                part.set_content(
                    self.calendar.encode(), "text", "calendar", cte="base64", filename=name
                )
                part.set_param("charset", "utf-8")
                part.set_param("method", self.method)
                if name is None:
                    del part["Content-Disposition"]
        return mime


def as_mail(message: Message) -> CalendarMail:
    """Return the mail with its headers, alternatives and calendar file."""
    mail = CalendarMail(
        calendar=message.calendar,
        method=message.calendar_method,
        subject=message.subject,
        body=message.text,
        from_email=_mailbox(message.sender_name or settings.SITE_NAME, settings.DEFAULT_FROM_EMAIL),
        to=[_mailbox(message.recipient_name, message.recipient)],
        reply_to=[_mailbox("", message.reply_to)] if message.reply_to else [],
        headers={
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
