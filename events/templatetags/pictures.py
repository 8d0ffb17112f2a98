"""Draws in templates: the tile map of Europe."""

from typing import Any, Protocol

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

register = template.Library()

SIDE, GAP = 26, 4


class Square(Protocol):
    """One square of the map."""

    @property
    def column(self) -> int: ...
    @property
    def row(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def shade(self) -> int: ...


@register.simple_tag
def tile_picture(tiles: Any) -> SafeString:
    """The squares of a tile map as an SVG; places and sizes are attributes, colours come from the stylesheet."""
    squares: list[Square] = tiles.tiles
    step = SIDE + GAP
    width = max(square.column for square in squares) * step - GAP
    height = max(square.row for square in squares) * step - GAP
    parts = [
        f'<g class="shade-{square.shade}"'
        f' transform="translate({(square.column - 1) * step} {(square.row - 1) * step})">'
        f'<rect width="{SIDE}" height="{SIDE}" rx="3"/>'
        f'<text x="{SIDE // 2}" y="{SIDE // 2 + 4}">{escape(square.label)}</text></g>'
        for square in squares
    ]
    return format_html(
        '<svg class="tiles" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        width,
        height,
        _("Map of Europe: one square for each country and jurisdiction, darker where more came."),
        mark_safe("".join(parts)),
    )
