"""The people who work in the demo: made once, with a password of their own, written where its owner can read it.

A password that everybody knows must not exist on a site that others can reach, so each is made by chance.
"""

import os
import secrets
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from django.utils.translation import gettext as _

from accounts.models import Membership, Organisation, Role, User

#: Stands for the password of someone who is there, while the file that named it is not.
UNKNOWN = "(unknown)"
CONSONANTS, VOWELS = "bdfghjklmnprstvz", "aeiou"


@dataclass(frozen=True)
class Account:
    """Someone who signs in."""

    who: str
    email: str
    may: str
    role: Role | None = None
    organisation: str = ""


ADMINISTRATOR = Account("Miriam Lindqvist", "admin@plenary.example", "administrator: everything")
ORGANISER = Account("Tomás Verbeke", "organiser@cep.example", "manager of CEP", Role.MANAGER, "cep")
EDITOR = Account("Elif Novotná", "editor@cep.example", "editor of CEP", Role.EDITOR, "cep")
ACCOUNTS = (
    ADMINISTRATOR,
    ORGANISER,
    Account(
        "Sanna Moretti",
        "organiser@europris.example",
        "organiser of EuroPris",
        Role.ORGANISER,
        "europris",
    ),
    EDITOR,
    Account("Jonas Okafor", "door@cep.example", "door staff of CEP", Role.DOOR, "cep"),
)


def ensure_users(organisations: dict[str, Organisation], *, file: Path) -> dict[Account, User]:
    """Return the users of the demo; make those that are missing, and write their passwords into `file`."""
    emails = [account.email for account in ACCOUNTS]
    present = {user.email: user for user in User.objects.filter(email__in=emails)}
    passwords = _kept_passwords(file)
    users = {}
    for account in ACCOUNTS:
        if account.email not in present:
            passwords[account.email] = new_password()
            present[account.email] = _make(account, passwords[account.email], organisations)
        users[account] = present[account.email]
    _keep(file, table(passwords))
    return users


def table(passwords: dict[str, str]) -> str:
    """Return who signs in with what, a line each, in columns."""
    rows = [(_("who"), _("e-mail"), _("password"), _("what they can do"))]
    rows += [
        (account.who, account.email, passwords.get(account.email, UNKNOWN), account.may)
        for account in ACCOUNTS
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        + "\n"
        for row in rows
    )


def new_password() -> str:
    """Return three words that can be said aloud and a number: about 70 bits."""
    words = (
        "".join(secrets.choice(CONSONANTS) + secrets.choice(VOWELS) for _syllable in range(3))
        for _word in range(3)
    )
    return f"{'-'.join(words)}-{secrets.randbelow(9000) + 1000}"


def _make(account: Account, password: str, organisations: dict[str, Organisation]) -> User:
    given_name, family_name = account.who.split(" ", 1)
    make = User.objects.create_superuser if account.role is None else User.objects.create_user
    user = make(account.email, password, first_name=given_name, last_name=family_name)
    organisation = organisations.get(account.organisation)
    if account.role and organisation:
        Membership.objects.create(user=user, organisation=organisation, role=account.role)
    return user


def _kept_passwords(file: Path) -> dict[str, str]:
    """The passwords that an earlier run wrote down, by e-mail address."""
    if not file.is_file():
        return {}
    emails = {account.email for account in ACCOUNTS}
    rows = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
    return {cell: following for row in rows for cell, following in pairwise(row) if cell in emails}


def _keep(file: Path, text: str) -> None:
    """Write what only the owner of the file may read; leave it alone where it says so already."""
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(text)
