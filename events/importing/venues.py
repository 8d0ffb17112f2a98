"""Finds the venue on our list that a location in a calendar file means."""

import re
from collections.abc import Iterable

from accounts.members import words_of
from events.models import Venue

#: Letters of a location that are gone through.
LONGEST_PLACE = 1000


class Venues:
    """The venues by what people write for them, read once."""

    def __init__(self, venues: Iterable[Venue]) -> None:
        self._venues = [
            (venue, words_of(venue.name), words_of(venue.address), words_of(venue.city))
            for venue in venues
        ]

    def find(self, location: str) -> Venue | None:
        """Return the one venue whose name, or street and city, a location names; None where there is no such one.

        The name alone is enough where only one venue has it; a city alone means the venue of which only that is known.
        """
        location = location[:LONGEST_PLACE]
        said = f" {words_of(location)} "
        parts = [words_of(part) for part in re.split(r"[,;\n]", location)]
        if not said.strip():
            return None
        named: list[tuple[int, bool, Venue]] = []
        in_city: list[Venue] = []
        for venue, name, address, city in self._venues:
            is_there = f" {city} " in said
            if venue.is_city_only:
                if parts[0] == city or (city in parts and f" {address} " in said and address):
                    in_city.append(venue)
            elif name and f" {name} " in said and (is_there or parts == [name]):
                named.append((len(name), f" {address} " in said, venue))
            elif address and f" {address} " in said and is_there:
                named.append((0, True, venue))
        if named:
            best = max((length, has_address) for length, has_address, _venue in named)
            found = [venue for length, has_address, venue in named if (length, has_address) == best]
            return found[0] if len(found) == 1 else None
        return in_city[0] if len(in_city) == 1 else None
