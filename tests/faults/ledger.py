"""What was promised and what came, noted outside the product in a file of its own, and the check of the two."""

import hashlib
import sqlite3
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

TABLES = """
CREATE TABLE said (at REAL, what TEXT, address TEXT, subject TEXT);
CREATE TABLE taken (at REAL, address TEXT, message_id TEXT, subject TEXT, body TEXT, is_answered INTEGER);
"""


@dataclass(frozen=True)
class Taken:
    """One mail that the post office took, as often as it took it."""

    at: float
    address: str
    message_id: str
    subject: str
    body: str
    is_answered: bool


@dataclass
class Account:
    """What the check of a ledger found. `wrong` has a sentence for each breach, and is empty if all is well."""

    promised: int = 0
    mails: int = 0
    extras: int = 0
    wrong: list[str] = field(default_factory=list)


class Ledger:
    """A file of rows, written by clients and post office alike."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._rows = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._rows.executescript(TABLES)

    def close(self) -> None:
        self._rows.close()

    def note_promise(self, address: str, *, subject: str) -> None:
        """The product said yes: a mail whose subject ends so must come to this address, once."""
        self._add("said", (time.time(), "promise", address, subject))

    def note_doubt(self, address: str, *, subject: str) -> None:
        """The product gave no answer, or an error: such a mail may come, once at most."""
        self._add("said", (time.time(), "doubt", address, subject))

    def note_end(self, address: str, *, subject: str) -> None:
        """The product said that this mail is not sent any more: from now on it must not come."""
        self._add("said", (time.time(), "end", address, subject))

    def note_taken(self, address: str, content: bytes, *, is_answered: bool) -> None:
        """The mail server took this content, and told so unless its answer is lost."""
        head, _, body = content.partition(b"\r\n\r\n")
        read = message_from_bytes(head + b"\r\n\r\n", policy=policy.default)
        self._add(
            "taken",
            (
                time.time(),
                address,
                str(read["Message-ID"]),
                str(read["Subject"]),
                hashlib.sha256(body).hexdigest(),
                is_answered,
            ),
        )

    def said(self, what: str, of: str) -> dict[tuple[str, str], float]:
        """When something was said of each address that ends so and of which subject."""
        rows = self._read("SELECT address, subject, at FROM said WHERE what = ?", (what,))
        return {(address, subject): at for address, subject, at in rows if address.endswith(of)}

    def taken(self, of: str) -> list[Taken]:
        """The mails to addresses that end so, in the order in which they came."""
        rows = self._read(
            "SELECT at, address, message_id, subject, body, is_answered FROM taken ORDER BY rowid"
        )
        return [Taken(*row[:5], bool(row[5])) for row in rows if row[1].endswith(of)]

    def _add(self, table: str, row: tuple[object, ...]) -> None:
        with self._lock:
            self._rows.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)

    def _read(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        with self._lock:
            return self._rows.execute(sql, values).fetchall()


def check(ledger: Ledger, *, of: str, kills: int = 0, undelivered: frozenset[str] = frozenset()):
    """Compare what came to addresses that end so with what was promised, and return the account.

    A mail may come again only after the answer to it was lost, and once for each process that was killed, because
    that may have been between the answer and the note of it. `undelivered` are addresses that refuse all mail.
    """
    account = Account()
    promised, doubtful = ledger.said("promise", of), ledger.said("doubt", of)
    ended = ledger.said("end", of)
    came: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    for mail in ledger.taken(of):
        came[mail.address, _kind(mail.subject)].append(mail)
    account.promised, account.mails = len(promised), sum(map(len, came.values()))

    for address, subject in promised:
        if not came[address, subject] and address not in undelivered | {a for a, s in ended}:
            account.wrong.append(f"lost: {address} got no {subject!r}")
    for (address, subject), mails in came.items():
        if mails and (address, subject) not in promised | doubtful:
            account.wrong.append(f"unasked: {address} got {subject!r}")
        if len({mail.message_id for mail in mails}) > 1:
            account.wrong.append(f"doubled: {address} got two different {subject!r}")
        for mail in mails:
            if mail.at > ended.get((address, subject), mail.at):
                account.wrong.append(f"too late: {address} got {subject!r} after it was ended")
    _check_repeats(account, came, kills)
    return account


def _check_repeats(account: Account, came: dict[tuple[str, str], list[Taken]], kills: int) -> None:
    unexplained = []
    for (address, subject), mails in came.items():
        account.extras += max(0, len(mails) - 1)
        unexplained += [f"{address}: {subject!r}" for mail in mails[:-1] if mail.is_answered]
        if len({mail.body for mail in mails}) > 1:
            account.wrong.append(f"altered: {address} got {subject!r} again with another body")
    if len(unexplained) > kills:
        account.wrong.append(f"doubled, with {kills} kills: {', '.join(unexplained)}")


def _kind(subject: str) -> str:
    """What a subject says after the title of the event."""
    return subject.partition(": ")[2]
