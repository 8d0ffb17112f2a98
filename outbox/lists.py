"""Who has left which list of mail, and the link that leaves it: signed, for one address and one list, never expiring.

A list is named by a kind and, where there are many of the kind, a number: `newsletter`, `event/12`. Addresses are
compared in lower case.
"""

from collections.abc import Callable

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.dispatch import Signal
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from outbox.models import Message, Unsubscription

NEWSLETTER = "newsletter"
#: Why a message of a list is stopped; translated where it is shown.
LEFT = gettext_noop("The recipient has left this list.")
SALT = "outbox.lists.unsubscribe"

#: An address has left a list, or joined it again: sent with `address` and `list_name`, inside the transaction.
list_left = Signal()
list_joined = Signal()

#: Says in words what a list of a kind holds, from its whole name; the apps above add theirs when they are ready.
describers: dict[str, Callable[[str], str]] = {}


def leave(address: str, list_name: str) -> bool:
    """Take an address off a list and stop what the list still had for it; return whether that was news.

    Harmless when repeated. `list_left` is sent each time: who left before may have joined in between by another way.
    """
    address = address.lower()
    with transaction.atomic():
        _row, is_new = Unsubscription.objects.get_or_create(address=address, list_name=list_name)
        of_list = Message.objects.filter(list_name=list_name, recipient__iexact=address)
        of_list.stop(last_error=LEFT)
        list_left.send(sender=Unsubscription, address=address, list_name=list_name)
    return is_new


def join(address: str, list_name: str) -> bool:
    """Let an address that left a list have its mail again; return whether it had left. Stopped mail stays so."""
    address = address.lower()
    with transaction.atomic():
        gone = Unsubscription.objects.filter(address=address, list_name=list_name).delete()[0]
        if gone:
            list_joined.send(sender=Unsubscription, address=address, list_name=list_name)
    return bool(gone)


def forget(address: str) -> None:
    """Take an address off the newsletter and keep no note of any list that it left: its owner asked for erasure."""
    address = address.lower()
    with transaction.atomic():
        list_left.send(sender=Unsubscription, address=address, list_name=NEWSLETTER)
        Unsubscription.objects.filter(address=address).delete()


def has_left(address: str, list_name: str) -> bool:
    """Whether the reader at an address has left a list."""
    return Unsubscription.objects.filter(address=address.lower(), list_name=list_name).exists()


def token_for(address: str, list_name: str) -> str:
    """Return the secret that takes this address off this list. It never expires: old mails must keep their way out."""
    return _signer().sign_object([address.lower(), list_name])


def read_token(token: str) -> tuple[str, str] | None:
    """Return the address and the list that a secret was made for, or None if we did not make it."""
    try:
        address, list_name = _signer().unsign_object(token)
    except (BadSignature, ValueError):
        return None
    return address, list_name


def unsubscribe_url(message: Message) -> str:
    """Return the full address of the page on which the reader of a message leaves its list."""
    return url_for(message.recipient, message.list_name)


def url_for(address: str, list_name: str) -> str:
    """Return the full address of the page on which an address leaves a list."""
    return settings.SITE_URL + reverse("unsubscribe", args=[token_for(address, list_name)])


def title_of(list_name: str) -> str:
    """Return in words what a list holds, to go on after “mail about”, as in “the newsletter of Plenary”."""
    describe = describers.get(list_name.partition("/")[0])
    return describe(list_name) if describe else _("this")


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")
