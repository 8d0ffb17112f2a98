"""The jurisdictions that every site begins with: all countries, and the parts that have services of their own.

Countries are those of ISO 3166-1, by the names of everyday use, with Kosovo (whose code is the one that others
agreed on). The network counts Scotland and Catalonia beside whole countries, so parts stand here by ISO 3166-2.
"""

from typing import Any

import pycountry

from accounts.models import Jurisdiction

KOSOVO = "XK"

#: Parts with a probation or prison service of their own, and names by which people look for them.
PARTS: dict[str, tuple[str, list[str]]] = {
    "BE-VLG": ("Flanders", ["Flemish Community", "Vlaanderen"]),
    # The communities run the houses of justice; ISO has codes for the regions alone.
    "BE-WAL": (
        "Wallonia-Brussels Federation",
        ["French Community of Belgium", "Wallonia", "Fédération Wallonie-Bruxelles"],
    ),
    "ES-CT": ("Catalonia", ["Catalunya", "Cataluña"]),
    "ES-PV": ("Basque Country", ["Euskadi", "País Vasco"]),
    "GB-EAW": ("England and Wales", ["England", "Wales", "Cymru"]),
    "GB-NIR": ("Northern Ireland", ["Ulster"]),
    "GB-SCT": ("Scotland", ["Alba"]),
}

#: Countries whose name in ISO 3166-1 is not the one that people use.
NAMES = {
    "CD": "Democratic Republic of the Congo",
    "FM": "Micronesia",
    "LA": "Laos",
    "PS": "Palestine",
    "RU": "Russia",
    "SY": "Syria",
    "VA": "Vatican City",
    "VG": "British Virgin Islands",
    "VI": "US Virgin Islands",
}

ALIASES = {
    "BY": ["Belorussia"],
    "CH": ["Schweiz", "Suisse", "Svizzera"],
    "CI": ["Ivory Coast"],
    "CZ": ["Czech Republic"],
    "DE": ["Deutschland"],
    "ES": ["España"],
    "GB": ["UK", "Great Britain", "Britain"],
    "GR": ["Hellas"],
    "HR": ["Hrvatska"],
    "IE": ["Éire", "Republic of Ireland"],
    "KR": ["Korea"],
    "MK": ["Macedonia", "FYROM"],
    "MM": ["Burma"],
    "NL": ["Holland", "The Netherlands"],
    "SZ": ["Swaziland"],
    "TR": ["Turkey"],
    "US": ["USA", "America"],
    "VA": ["Holy See"],
}

#: Members of the Council of Europe, the other states of Europe, and its islands with a government of their own.
EUROPEAN = frozenset(
    [
        "AL",
        "AD",
        "AM",
        "AT",
        "AZ",
        "BE",
        "BA",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "GE",
        "DE",
        "GR",
        "HU",
        "IS",
        "IE",
        "IT",
        "LV",
        "LI",
        "LT",
        "LU",
        "MT",
        "MD",
        "MC",
        "ME",
        "NL",
        "MK",
        "NO",
        "PL",
        "PT",
        "RO",
        "SM",
        "RS",
        "SK",
        "SI",
        "ES",
        "SE",
        "CH",
        "TR",
        "UA",
        "GB",
        "BY",
        "RU",
        "XK",
        "VA",
        "AX",
        "FO",
        "GG",
        "GI",
        "IM",
        "JE",
    ]
)


def seed() -> int:
    """Store the jurisdictions that are missing or differ from this list; return how many were written."""
    stored = {jurisdiction.code: jurisdiction for jurisdiction in Jurisdiction.objects.all()}
    fields = ("name", "country", "aliases", "is_european")
    outdated = [
        wanted
        for wanted in _wanted()
        if wanted.code not in stored
        or any(getattr(wanted, name) != getattr(stored[wanted.code], name) for name in fields)
    ]
    if outdated:
        Jurisdiction.objects.bulk_create(
            outdated, update_conflicts=True, unique_fields=["code"], update_fields=fields
        )
    return len(outdated)


def _wanted() -> list[Jurisdiction]:
    countries = [_country(country) for country in pycountry.countries]
    kosovo = Jurisdiction(
        code=KOSOVO, name="Kosovo", country=KOSOVO, aliases=["Kosova"], is_european=True
    )
    parts = [
        Jurisdiction(code=code, name=name, country=code[:2], aliases=aliases, is_european=True)
        for code, (name, aliases) in PARTS.items()
    ]
    return [*countries, kosovo, *parts]


def _country(country: Any) -> Jurisdiction:
    code = country.alpha_2
    name = NAMES.get(code) or getattr(country, "common_name", country.name)
    formal = [country.name, getattr(country, "official_name", country.name)]
    aliases = dict.fromkeys([*ALIASES.get(code, []), *formal])
    aliases.pop(name, None)
    return Jurisdiction(
        code=code, name=name, country=code, aliases=list(aliases), is_european=code in EUROPEAN
    )
