"""What counts as an address that may be written to, and which mailbox stands behind it."""

import re

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: RFC 5321 4.5.3.1: longer ones no server need take.
LONGEST, LONGEST_LOCAL = 254, 64
#: In a quoted local part these are legal; programs read them differently, which is how headers are forged.
SEPARATORS = ',;:<>()[]"\\'
#: Some programs decode words like this one in an address, and so write to another (RFC 2047).
ENCODED_WORD = re.compile(r"=\?.*\?=")


class RefusedAddress(ValueError):
    """The address cannot be written to: it is not one address, or holds what could forge a header. `why` says so."""

    def __init__(self, address: str, why: str | Promise) -> None:
        super().__init__(address)
        self.why = why


def clean_address(address: str) -> str:
    """Return the address without blanks around it, its domain in ASCII; raise RefusedAddress unless it is one address.

    Odd but legal ones pass, as in `o'neil+a=b@example.org`. Quoted local parts, addresses without a domain of the
    Internet and letters beyond ASCII before the @ do not: hardly any server takes them.
    """
    address = address.strip()
    if not address.isprintable() or " " in address:
        raise RefusedAddress(address, _("An e-mail address has no spaces and no line breaks."))
    if address.count("@") > 1 or any(character in address for character in SEPARATORS):
        raise RefusedAddress(
            address, _("Enter one e-mail address only, like name@example.org, without a name.")
        )
    local, _at, domain = address.rpartition("@")
    if not local.isascii() or ENCODED_WORD.search(local):
        raise RefusedAddress(
            address,
            _("Before the @ only plain letters, digits and signs can be used, without accents."),
        )
    address = f"{local}@{_in_ascii(address, domain)}"
    if len(local) > LONGEST_LOCAL or len(address) > LONGEST:
        raise RefusedAddress(address, _("This e-mail address is too long to exist."))
    try:
        validate_email(address)
    except ValidationError as error:
        raise RefusedAddress(
            address, _("Enter one e-mail address like name@example.org.")
        ) from error
    return address


def mailbox_of(address: str) -> str:
    """Return the mailbox behind an address: without a +tag, in lower case (RFC 5233: the part behind + is detail)."""
    local, _at, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def _in_ascii(address: str, domain: str) -> str:
    """Return a domain as it goes over the wire (RFC 5891); raise RefusedAddress for what is none of the Internet."""
    if "." not in domain:
        raise RefusedAddress(
            address, _("Behind the @ something is missing: enter an address like name@example.org.")
        )
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except UnicodeError as error:
        raise RefusedAddress(
            address, _("Behind the @ stands no name of a mail server. Look for a slip.")
        ) from error
