"""The tile map of Europe: one square for each country and jurisdiction, shaded by the number of people."""

from dataclasses import dataclass

from registrations.figures import Tally

#: Column and row of each tile, and its name on the map where that is not the code.
TILES: dict[str, tuple[int, int, str]] = {
    "IS": (1, 1, "IS"), "NO": (7, 1, "NO"), "SE": (8, 1, "SE"), "FI": (9, 1, "FI"),
    "IE": (2, 2, "IE"), "GB-SCT": (3, 2, "SCT"), "DK": (5, 2, "DK"), "EE": (8, 2, "EE"),
    "GB-NIR": (2, 3, "NIR"), "GB-EAW": (3, 3, "E&W"), "NL": (4, 3, "NL"), "DE": (5, 3, "DE"), "PL": (6, 3, "PL"),
    "LT": (7, 3, "LT"), "LV": (8, 3, "LV"), "JE": (2, 4, "JE"), "GB": (3, 4, "GB"), "BE": (4, 4, "BE"),
    "LU": (5, 4, "LU"), "CZ": (6, 4, "CZ"), "SK": (7, 4, "SK"), "UA": (8, 4, "UA"),
    "PT": (1, 5, "PT"), "FR": (3, 5, "FR"), "CH": (4, 5, "CH"), "LI": (5, 5, "LI"), "AT": (6, 5, "AT"),
    "HU": (7, 5, "HU"), "RO": (8, 5, "RO"), "MD": (9, 5, "MD"), "GE": (10, 5, "GE"),
    "ES": (2, 6, "ES"), "ES-CT": (3, 6, "CAT"), "MC": (4, 6, "MC"), "IT": (5, 6, "IT"), "SI": (6, 6, "SI"),
    "HR": (7, 6, "HR"), "RS": (8, 6, "RS"), "BG": (9, 6, "BG"), "AM": (10, 6, "AM"), "AZ": (11, 6, "AZ"),
    "AD": (2, 7, "AD"), "SM": (5, 7, "SM"), "BA": (7, 7, "BA"), "ME": (8, 7, "ME"), "MK": (9, 7, "MK"),
    "TR": (10, 7, "TR"), "MT": (5, 8, "MT"), "AL": (8, 8, "AL"), "XK": (9, 8, "XK"),
    "GR": (8, 9, "GR"), "CY": (10, 9, "CY"),
}  # fmt: skip


@dataclass(frozen=True)
class Tile:
    """One square: where it stands, what is on it, how many people, and a shade from 0 (none) to 3."""

    column: int
    row: int
    label: str
    people: int
    shade: int


@dataclass(frozen=True)
class TileMap:
    """The squares, and every jurisdiction with its people as (name, number): the table for those who read or listen."""

    tiles: list[Tile]
    rows: list[tuple[str, int]]


def tile_map(tally: Tally) -> TileMap:
    """Return the map of a tally. Jurisdictions outside Europe stand in the table alone."""
    people = {share.code: share.people for share in tally.shares}
    most = max(people.values(), default=0)
    tiles = [
        Tile(column, row, label, people.get(code, 0), _shade(people.get(code, 0), most))
        for code, (column, row, label) in TILES.items()
    ]
    return TileMap(tiles, [(share.name, share.people) for share in tally.shares])


def _shade(number: int, most: int) -> int:
    if not number:
        return 0
    return 1 if number * 3 <= most else 2 if number * 3 <= most * 2 else 3
