"""Draws the cover pattern: quarter circles on a grid, the same for the same slug, for ever."""

import hashlib
from collections.abc import Iterator

COLUMNS, ROWS, SIDE = 12, 6, 50
INK, ACCENT, SAND, TEAL, OCHRE, TINT = (
    "#17223b",
    "#a43e16",
    "#e9c9a8",
    "#3f6f6a",
    "#c9a227",
    "#f3ece0",
)
COLOURS = (INK, ACCENT, SAND, TEAL, OCHRE, TINT)


def pattern(slug: str) -> bytes:
    """Return the pattern of a slug as an SVG file of a few kB, 600 by 300 units."""
    draws = _numbers(slug)
    squares: dict[str, list[str]] = {colour: [] for colour in COLOURS}
    arcs: dict[str, list[str]] = {colour: [] for colour in COLOURS}
    for row in range(ROWS):
        for column in range(COLUMNS):
            ground = COLOURS[next(draws) % len(COLOURS)]
            figure = COLOURS[next(draws) % len(COLOURS)]
            x, y = column * SIDE, row * SIDE
            squares[ground].append(f"M{x} {y}h{SIDE}v{SIDE}h-{SIDE}z")
            if figure != ground:
                arcs[figure].append(_quarter(x, y, next(draws) % 4))
    width, height = COLUMNS * SIDE, ROWS * SIDE
    paths = "".join(
        f'<path fill="{colour}" d="{"".join(parts)}"/>'
        for layer in (squares, arcs)
        for colour, parts in layer.items()
        if parts
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' preserveAspectRatio="xMidYMid slice">{paths}</svg>'
    ).encode()


def _quarter(x: int, y: int, corner: int) -> str:
    """The path of a quarter disc whose centre is one corner of the square at x, y."""
    r = SIDE
    return (
        f"M{x} {y}h{r}a{r} {r} 0 0 1-{r} {r}z",
        f"M{x + r} {y}v{r}a{r} {r} 0 0 1-{r}-{r}z",
        f"M{x + r} {y + r}h-{r}a{r} {r} 0 0 1 {r}-{r}z",
        f"M{x} {y + r}v-{r}a{r} {r} 0 0 1 {r} {r}z",
    )[corner]


def _numbers(slug: str) -> Iterator[int]:
    """Bytes that follow from the slug alone."""
    block = slug.encode()
    while True:
        block = hashlib.sha256(block).digest()
        yield from block
