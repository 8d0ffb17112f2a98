"""Who may come: the rules of an event, applied to one person in plain words.

Some rules refuse (`check`), others only keep a person from a seat for now (`Entrance.hindrance`): then there is the
waiting list.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.members import Directory
from accounts.models import User
from events.dates import moment_in_words
from events.models import Entry, Event
from registrations import answers, seating, shares
from registrations.models import Registration, Status, Terms, terms_of
from registrations.seating import RefusedSeat


@dataclass(frozen=True)
class Share:
    """A limited part of the places; `full` says so to the person who finds it full."""

    name: str
    limit: int
    full: str

    @property
    def field(self) -> str:
        """What the person could change, as a field of the form."""
        kind = self.name.partition(":")[0]
        return kind if kind in {"organisation", "jurisdiction"} else ""


class Entrance:
    """Who may take a seat of one event now. Made under the event's lock, good for one transaction."""

    def __init__(self, event: Event, *, now: datetime | None = None) -> None:
        self.event = event
        self.now = now or timezone.now()
        self.directory = Directory()
        self._taken: dict[str, int] = {}

    @cached_property
    def terms(self) -> Terms:
        return terms_of(self.event)

    def seat_for(self, person: Registration, mode: str) -> int | None:
        """Return the lowest free seat, or None where there is none or a rule keeps the person from it."""
        if self.hindrance(person, mode):
            return None
        return seating.lowest_free_seat(self.event, mode)

    def hindrance(self, person: Registration, mode: str) -> str:
        """Return why a rule keeps this person from a seat for now, or an empty text."""
        if self.terms.is_for_members(self.now) and not self._comes_first(person):
            return members_first(self.terms)
        wanted = self.shares(person, mode)
        held = self._held_by(person) if wanted else set()
        full = (one.full for one in wanted if one.name not in held and not self.has_room(one))
        return next(full, "")

    def has_room(self, share: Share) -> bool:
        """Whether one more person may count in a share."""
        if share.name not in self._taken:
            self._taken[share.name] = shares.taken(self.event, [share.name])[share.name]
        return self._taken[share.name] < share.limit

    def sit(
        self,
        person: Registration,
        to: Status,
        *,
        seat: int,
        by: User | None = None,
        why: str = "",
    ) -> None:
        """Move a registration to a state with a seat; with a new one it counts in every share, and so do its choices.

        The caller has looked for a hindrance. Raises RefusedSeat where there is one all the same.
        """
        is_new = person.seat is None
        seating.move(person, to, seat=seat, by=by, why=why)
        if is_new:
            self.count_in(person)
            answers.take_all_options(person, strict=False)

    def count_in(self, person: Registration) -> None:
        """Count a person who has got a seat in every limited share. Raises RefusedSeat where one is full."""
        for share in self.shares(person, person.mode):
            if not shares.take(person, share.name, limit=share.limit):
                raise RefusedSeat(share.full, field=share.field)
            self._taken.pop(share.name, None)

    def count_anew(self, person: Registration) -> None:
        """Count a person with a seat in the shares that are right now, and in no others; the places of answers stay.

        Raises RefusedSeat where a share is full.
        """
        wanted = [share.name for share in self.shares(person, person.mode)]
        left = person.allotments.exclude(share__startswith="option:").exclude(share__in=wanted)
        left.delete()
        self._taken.clear()
        self.count_in(person)

    def shares(self, person: Registration, mode: str) -> list[Share]:
        """The limited shares that a person with a seat counts in."""
        terms, found = self.terms, []
        if (most := terms.most_per_organisation) and (key := self._organisation(person)):
            full = ngettext(
                "The %(number)s place for people of one organisation is taken for yours.",
                "All %(number)s places for people of one organisation are taken for yours.",
                most,
            )
            found.append(Share(f"organisation:{key}"[:220], most, full % {"number": most}))
        if (most := terms.most_per_jurisdiction) and person.jurisdiction_id:
            full = ngettext(
                "The %(number)s place for people of one country or jurisdiction is taken for yours.",
                "All %(number)s places for people of one country or jurisdiction are taken for yours.",
                most,
            )
            name = f"jurisdiction:{person.jurisdiction_id}"
            found.append(Share(name, most, full % {"number": most}))
        kept, capacity = terms.kept(mode, self.now), self.event.capacity(mode)
        if kept and capacity is not None and not person.invitation_id:
            found.append(Share(f"general:{mode}", max(0, capacity - kept), kept_for_invited(terms)))
        return found

    def _held_by(self, person: Registration) -> set[str]:
        """The shares that somebody with a seat counts in already."""
        if person.seat is None:
            return set()
        return set(person.allotments.values_list("share", flat=True))

    def _organisation(self, person: Registration) -> str:
        return self.directory.key(email=person.email, name=person.organisation)

    def _comes_first(self, person: Registration) -> bool:
        if person.invitation_id:
            return True
        found = self.directory.find(email=person.email, name=person.organisation)
        return found is not None and found.is_member


def needs_decision(event: Event, person: Registration) -> bool:
    """Whether the organiser decides about this person; nobody does about those who were invited."""
    return event.entry == Entry.APPROVAL and not person.invitation_id


def check(terms: Terms, person: Registration) -> None:
    """Raise RefusedSeat where a rule of the event shuts this person out, or asks for what was not given."""
    domain = person.email.lower().rpartition("@")[2]
    is_inside = any(domain == one or domain.endswith(f".{one}") for one in terms.domains)
    if terms.domains and not is_inside and not person.invitation_id:
        raise RefusedSeat(
            _(
                "Registering is open to addresses at %(domains)s. Use such an address,"
                " or ask the organiser for an invitation."
            )
            % {"domains": ", ".join(terms.domains)},
            field="email",
        )
    if terms.most_per_organisation and not person.organisation.strip():
        raise RefusedSeat(
            _("Places are limited for each organisation: say which one you come from."),
            field="organisation",
        )
    if terms.most_per_jurisdiction and not person.jurisdiction_id:
        raise RefusedSeat(
            _("Places are limited for each country or jurisdiction: choose yours."),
            field="jurisdiction",
        )


def check_declared(terms: Terms, person: Registration) -> None:
    """Raise RefusedSeat where the event asks for a declaration that was not made."""
    if terms.declaration and person.declared_at is None:
        raise RefusedSeat(
            _("This event asks for a declaration: “%(declaration)s”. Tick it first.")
            % {"declaration": terms.declaration},
            field="declares",
        )


def rules_in_words(terms: Terms, now: datetime) -> list[str]:
    """Return what people should know before they fill in the form, a sentence a rule."""
    said = []
    if terms.is_for_members(now):
        said.append(members_first(terms))
    if terms.domains:
        said.append(
            _("Registering is open to addresses at %(domains)s.")
            % {"domains": ", ".join(terms.domains)}
        )
    if most := terms.most_per_organisation:
        said.append(
            ngettext(
                "At most %(number)s person from one organisation has a place; others join the waiting list.",
                "At most %(number)s people from one organisation have a place; others join the waiting list.",
                most,
            )
            % {"number": most}
        )
    if most := terms.most_per_jurisdiction:
        said.append(
            ngettext(
                "At most %(number)s person from one country or jurisdiction has a place;"
                " others join the waiting list.",
                "At most %(number)s people from one country or jurisdiction have a place;"
                " others join the waiting list.",
                most,
            )
            % {"number": most}
        )
    return said


def members_first(terms: Terms) -> str:
    """Say until when members come first."""
    return _(
        "Until %(moment)s places go to member organisations first. Others join the waiting list until then."
    ) % {"moment": _until(terms, terms.members_only_until)}


def kept_for_invited(terms: Terms) -> str:
    """Say until when places are kept."""
    return _("The places that are left are kept for invited people until %(moment)s.") % {
        "moment": _until(terms, terms.kept_until)
    }


def some_kept_for_invited(terms: Terms, number: int) -> str:
    """Say how many more places there are that are kept, and until when."""
    return ngettext(
        "%(number)s more place is kept for invited people until %(moment)s.",
        "%(number)s more places are kept for invited people until %(moment)s.",
        number,
    ) % {"number": number, "moment": _until(terms, terms.kept_until)}


def _until(terms: Terms, moment: datetime | None) -> str:
    return moment_in_words(moment, terms.event.timezone) if moment else ""
