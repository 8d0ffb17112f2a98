"""Finds links to join online in texts that everybody reads, where no such link may stand."""

import re
from html import unescape
from urllib.parse import unquote

WORD = re.compile(r"[^\s<>\"']{8,}")
#: Rooms of the services whose invitations are pasted most.
ROOM = re.compile(
    r"\bzoom(gov)?\.(us|com)/(j|s|w|wc|my)/|\bteams\.(microsoft|live)\.com/(l/meetup-join|meet)/"
    r"|\bmeet\.google\.com/[a-z]{3}-|\bwebex\.com/(meet/|join/|[\w./-]*j\.php)",
    re.I,
)
ADDRESS = re.compile(r"https?://[^\s<>\"'()]{8,}", re.I)
MARK = r"(?:[^\S\n]|&nbsp;|</?(?:b|i|u|strong|em|span|font)\b[^<>]*>)*"
#: What invitations say beside the link, in the languages of their services, up to the end of the line.
BESIDE = re.compile(
    r"\b(?:(?:meeting|webinar|conference|besprechungs|konferenz)[ -]?id|id (?:de |da )?(?:la )?r[eé]uni[aãoó]+n?"
    r"|id riunione|passcode|password|access code|kenncode|passwort|kennwort|code secret|mot de passe"
    r"|c[oó]digo de acces[so]+|contraseña|senha|codice d.accesso|toegangscode|wachtwoord)"
    rf"{MARK}:{MARK}[^<\n]*",
    re.I,
)
#: A number to be dialled with the number and the password of the meeting behind it.
DIALLED = re.compile(r"\+?\d[\d ]{0,20},,[\d,#*]+")


def is_held(text: str, link: str) -> bool:
    """Whether a text, plain or HTML, holds a link to join, however it is written: with entities, or within another."""
    room = _room(link)
    return any(room.search(_plain(word)) for word in WORD.findall(text))


def first_room(text: str) -> str:
    """The first address of a room of a well-known service; an empty text for none."""
    return next((found for found in map(unescape, ADDRESS.findall(text)) if ROOM.search(found)), "")


def taken_out(text: str, link: str) -> str:
    """A text without its links to rooms and the numbers and passwords beside them; `link` may be empty."""
    rooms = [ROOM, _room(link)] if link else [ROOM]

    def kept(word: re.Match[str]) -> str:
        plain = _plain(word[0])
        return "" if any(room.search(plain) for room in rooms) else word[0]

    left = WORD.sub(kept, text)
    if left == text and not link:
        return text
    left = DIALLED.sub("", BESIDE.sub("", left)).replace("<>", "")
    return text if left == text else re.sub(r"\n{3,}", "\n\n", left).strip()


def _plain(word: str) -> str:
    return unquote(unquote(unescape(word))).lower()


def _room(link: str) -> re.Pattern[str]:
    """What leads to the same room: host and path, with any question behind them.

    A link with a question that is no room of a service may be a public page without it.
    """
    place, *secret = re.split(r"[?#]", _plain(link).partition("://")[2], maxsplit=1)
    behind = r"/?[?#]" if secret and not ROOM.search(link) else r"/?(?![\w/%-])"
    return re.compile(rf"(?<![\w@-]){re.escape(place.rstrip('/'))}{behind}")
