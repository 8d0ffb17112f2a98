"""Fictional people, the same for the same seed, with names in the scripts of their countries."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from accounts.models import Jurisdiction
from registrations.seats import Person

#: Where people come from (codes with blanks between), with how likely each place is.
EUROPE = {
    "NL BE DE IE SE NO CZ RO HR PT FR GB-SCT GB-EAW ES-CT": 3.0,
    "FI DK EE LV LT PL AT CH IT HU SI BG GR MT CY LU SK GB-NIR ES JE TR GE AM MD UA RS AL XK MK ME BA IS": 1.0,
    "AZ GG IM LI AD SM MC FO ES-PV BE-VLG BE-WAL": 0.15,
}
WORLD = {
    **EUROPE,
    "US CA JP AU NZ KR SG TH KE ZA NG BR AR CL MX CO IN ID PH VN MY TW GH JM IL EG JO MA TN AE QA": 1.0,
    "SN CI CM PE UY CR MZ": 0.5,
}

#: The jurisdiction at home in a city, where it is not the country.
AT_HOME = {
    "Barcelona": "ES-CT",
    "Bilbao": "ES-PV",
    "Glasgow": "GB-SCT",
    "Belfast": "GB-NIR",
    "London": "GB-EAW",
}

#: More places than this cannot all be European: the Council of Europe has 46 members.
MOST_EUROPEAN = 46
SERVICES = (
    "Probation service",
    "Prison and probation service",
    "Ministry of justice",
    "Prison service",
)
OTHERS = ("University", "Training academy", "Association for resettlement", "Victim support")
DOMAINS = ("example.org", "example.net", "example.com")
LETTERS = str.maketrans("øØłŁđĐıßæÆðÐþÞħĦəƏ", "oOlLdDisaAdDtThHeE")


class People:
    """Finds people among the known jurisdictions, given by code."""

    def __init__(self, known: Mapping[str, Jurisdiction]) -> None:
        self.known = known

    def crowd(
        self,
        *,
        seed: str,
        people: int,
        jurisdictions: int | None,
        home: str = "",
        is_worldwide: bool = False,
    ) -> list[Person]:
        """Return so many people of exactly so many jurisdictions, each with an address of their own.

        `home` is the jurisdiction of the venue: always there, with more people than others. Without
        `jurisdictions` nobody says where they come from. `is_worldwide` brings other continents in; so does a
        number that Europe does not hold.
        """
        rng = Random(seed)
        count = min(jurisdictions or 12, people)
        places = self._places(rng, count, home, is_worldwide or count > MOST_EUROPEAN)
        codes = [*places, *_repeated(rng, places, people - len(places))]
        rng.shuffle(codes)
        names = _Names(rng)
        return [names.person(code, self.known[code] if jurisdictions else None) for code in codes]

    def _places(self, rng: Random, count: int, home: str, is_worldwide: bool) -> list[str]:
        """`count` different codes by chance, the likely ones before the others."""
        likely = _by_luck(rng, WORLD if is_worldwide else EUROPE)
        if home in self.known and (is_worldwide or self.known[home].is_european):
            likely.insert(0, home)
        others = [code for code in self.known if is_worldwide or self.known[code].is_european]
        return list(dict.fromkeys([*likely, *others]))[:count]


def home_of(city: str, country: str) -> str:
    """Return the code of the jurisdiction that a venue lies in."""
    return AT_HOME.get(city) or ("GB-EAW" if country == "GB" else country)


def _by_luck(rng: Random, likelihoods: dict[str, float]) -> list[str]:
    """The codes in an order by chance in which likely ones tend to come first."""
    weights = {code: weight for codes, weight in likelihoods.items() for code in codes.split()}
    return sorted(weights, key=lambda code: rng.random() ** (1 / weights[code]), reverse=True)


def _repeated(rng: Random, places: list[str], number: int) -> list[str]:
    """`number` more people of the places, about a fifth of them from the first, and unevenly from the others."""
    if number <= 0:
        return []
    weights = [len(places) / 4, *(rng.uniform(0.2, 1.6) for _place in places[1:])]
    return rng.choices(places, weights, k=number)


@lru_cache
def _book() -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
    """The languages of each jurisdiction, and the names of each language."""
    with (Path(__file__).parent / "names.toml").open("rb") as file:
        book = tomllib.load(file)
    spoken: dict[str, list[str]] = {}
    for language, codes in book["languages"].items():
        for code in codes:
            spoken.setdefault(code, []).append(language)
    return spoken, book["names"]


class _Names:
    """Gives names and addresses, none twice as long as the book has others."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.supply: dict[str, Iterator[tuple[str, str]]] = {}
        self.addresses: Counter[str] = Counter()

    def person(self, code: str, jurisdiction: Jurisdiction | None) -> Person:
        """Someone from there, who says so if `jurisdiction` is given."""
        spoken, _names = _book()
        language = self.rng.choice(spoken.get(code, ["en"]))
        if language not in self.supply:
            self.supply[language] = self._endless(language)
        given_name, family_name = next(self.supply[language])
        return Person(
            given_name=given_name,
            family_name=family_name,
            email=self._address(given_name, family_name, code),
            organisation=self.rng.choice(SERVICES if self.rng.random() < 0.75 else OTHERS),
            jurisdiction=jurisdiction,
        )

    def _endless(self, language: str) -> Iterator[tuple[str, str]]:
        names = _book()[1][language]
        families = names["families"].split()
        families_of_women = names.get("families_of_women", names["families"]).split()
        pairs = [(given, name) for given in names["women"].split() for name in families_of_women]
        pairs += [(given, name) for given in names["men"].split() for name in families]
        while True:
            self.rng.shuffle(pairs)
            yield from pairs

    def _address(self, given_name: str, family_name: str, code: str) -> str:
        local = ".".join(filter(None, (_ascii(given_name), _ascii(family_name)))) or "delegate"
        domain = f"{code.lower()}.{self.rng.choice(DOMAINS)}"
        self.addresses[f"{local}@{code}"] += 1
        number = self.addresses[f"{local}@{code}"]
        return f"{local}{number if number > 1 else ''}@{domain}"


def _ascii(name: str) -> str:
    """The letters of a name that every mail server takes; none for other scripts."""
    plain = unicodedata.normalize("NFKD", name.translate(LETTERS)).encode("ascii", "ignore")
    return re.sub(r"[^a-z]", "", plain.decode().lower())
