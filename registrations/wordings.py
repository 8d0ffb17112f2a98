"""The words of messages: those of an event, else those of the network, else ours; with values in the place of names.

A name stands in braces, as in {name}. Values are put in once, by name alone: nothing is looked up in an object, and a
value that holds braces itself is text.

Who writes to many makes one `Words` for the event and hands it to every notice of the batch: each message in each
language, and what it says of the event, is then looked up and rendered once instead of once a person.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from events.models import Event
from registrations import values
from registrations.models import Wording

NAME = re.compile(r"\{([a-z_]+)\}")
#: A name in braces, or whatever else stands between braces, or beside one.
BRACES = re.compile(r"\{+[^{}\n]*\}*|\}+")
SHOWN = 60
#: A value in an address that is typed: whoever has that address would get the value, and of {link} the person's page.
IN_AN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S*\{[a-z_]+\}", re.IGNORECASE)
LINK = "link"
LINKS = re.compile(r"\{link\}")
#: What {link} may stand between, next to blanks and ends of lines: nothing that makes it part of an address.
BEFORE_A_LINK = re.compile(r"(?:^|\s)[(\[<\"'“„«‹‘]*\Z")
BEHIND_A_LINK = re.compile(r"[)\]>\"'”»›’.,;:!?…]*(?:\s|\Z)")


@dataclass(frozen=True)
class Text:
    """The words of one message in one language, and whose they are: of the event, of the network, or ours."""

    subject: str
    words: str
    source: str


class Words:
    """The words in force for messages about one event, or about none, each looked up once."""

    def __init__(self, event: Event | None) -> None:
        self.event = event
        self._texts: dict[tuple[str, str], Text] = {}
        self._actions: dict[tuple[str, str, str], str] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._values: dict[str, dict[str, str]] = {}

    def text(self, notice: str, language: str) -> Text:
        """Return the words of a message in a language."""
        wanted = notice, language
        if wanted not in self._texts:
            self._texts[wanted] = in_force(self.event, notice, language)
        return self._texts[wanted]

    def action(self, notice: str, language: str, part: str = "action") -> str:
        """Return what stands on the button of a message; that is always ours."""
        wanted = notice, language, part
        if wanted not in self._actions:
            self._actions[wanted] = _part(notice, part, language)
        return self._actions[wanted]

    def facts(self, language: str) -> dict[str, Any]:
        """Return what every message says of the event around the words (see `values.facts`)."""
        if self.event is None:
            return {}
        if language not in self._facts:
            with translation.override(language):
                self._facts[language] = values.facts(self.event)
        return self._facts[language]

    def values(self, language: str) -> dict[str, str]:
        """Return the named values of the event."""
        if self.event is None:
            return {}
        if language not in self._values:
            with translation.override(language):
                self._values[language] = values.of_event(self.event, self.facts(language))
        return self._values[language]


def in_force(event: Event | None, notice: str, language: str) -> Text:
    """Return the words of a message: those of the event, else those of the network, else ours."""
    found = (
        Wording.objects.filter(Q(event=event) | Q(event=None), notice=notice, language=language)
        .order_by(F("event").asc(nulls_last=True))
        .first()
    )
    if found is None:
        return ours(notice, language)
    return Text(found.subject, found.text, "event" if found.event_id else "network")


def without_own(event: Event | None, notice: str, language: str) -> Text:
    """Return the words that hold where the event has none of its own; for the network itself, ours."""
    return in_force(None, notice, language) if event else ours(notice, language)


def own(event: Event | None) -> QuerySet[Wording]:
    """The words that an event has of its own, or those of the network."""
    return Wording.objects.filter(event=event)


def keep(event: Event | None, notice: str, language: str, text: Text) -> bool:
    """Store words for an event or the network, unless the same hold without; return whether any are stored."""
    inherited = without_own(event, notice, language)
    if (text.subject, text.words) == (inherited.subject, inherited.words):
        reset(event, notice, language)
        return False
    Wording.objects.update_or_create(
        event=event,
        notice=notice,
        language=language,
        defaults={"subject": text.subject, "text": text.words},
    )
    return True


def reset(event: Event | None, notice: str, language: str) -> None:
    """Forget the words of an event or of the network. Harmless when repeated."""
    own(event).filter(notice=notice, language=language).delete()


def ours(notice: str, language: str) -> Text:
    """Return the words that a message has where nobody has written others; they stand in its template."""
    return Text(_part(notice, "subject", language), _part(notice, "words", language), "ours")


def expand(text: str, said: Mapping[str, str]) -> str:
    """Return text with each known name in braces replaced by its value, in one pass; anything else stays as it is."""
    return NAME.sub(lambda match: said.get(match[1], match[0]), text)


def check_subject(subject: str, allowed: Collection[str]) -> None:
    """Raise ValidationError as `check` does; a subject holds no personal link: logs and lists show subjects to all."""
    if LINKS.search(subject):
        raise ValidationError(
            _("Take {link} out of the subject: it is the reader's alone. The text may have it."),
            code="link_in_subject",
        )
    check(subject, [name for name in allowed if name != LINK])


def check(text: str, allowed: Collection[str]) -> None:
    """Raise ValidationError where text has braces that are no name, or a value that would become part of an address."""
    _check_names(text, allowed)
    _check_addresses(text)


def _check_addresses(text: str) -> None:
    if found := IN_AN_ADDRESS.search(text):
        raise ValidationError(
            _(
                "“%(thing)s” puts a value into an address, and would hand it over there. Put a blank between the two."
            ),
            code="value_in_address",
            params={"thing": _shortened(found[0])},
        )
    for found in LINKS.finditer(text):
        is_apart = BEFORE_A_LINK.search(text[: found.start()]) and BEHIND_A_LINK.match(
            text, found.end()
        )
        if not is_apart:
            raise ValidationError(
                _("Put a blank before and behind {link}, so that it stays an address of its own."),
                code="link_not_apart",
            )


def _check_names(text: str, allowed: Collection[str]) -> None:
    wrong = [
        found[0]
        for found in BRACES.finditer(text)
        if not ((name := NAME.fullmatch(found[0])) and name[1] in allowed)
    ]
    if not wrong:
        return
    things = list(dict.fromkeys(_shortened(one) for one in wrong))
    raise ValidationError(
        ngettext(
            "%(things)s is not a value of this message. Take it out, or use one of these: %(allowed)s.",
            "%(things)s are not values of this message. Take them out, or use some of these: %(allowed)s.",
            len(things),
        ),
        code="unknown_value",
        params={
            "things": ", ".join(_("“%(thing)s”") % {"thing": one} for one in things[:3]),
            "allowed": ", ".join(f"{{{name}}}" for name in allowed),
        },
    )


def _shortened(thing: str) -> str:
    return thing if len(thing) <= SHOWN else thing[:SHOWN] + "…"


def _part(notice: str, part: str, language: str) -> str:
    with translation.override(language):
        return render_to_string(f"email/{notice}.html#{part}").strip()
