"""Checks at start what the settings promise: accent colours that can be read, and a claim that outlasts sending."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import Error, Warning, register

PAPER, PAPER_DARK = "#fbf9f4", "#10151f"
READABLE = 4.5
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")

#: After its claim a worker waits for so many answers of the mail server: to MAIL, RCPT, DATA, the mail and, once, RSET.
ANSWERS = 5


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour like #a43e16 (WCAG 2.2, definition of relative luminance).

    Raises ValueError for anything else: the colour goes into a stylesheet as it is.
    """
    if not COLOUR.match(colour):
        raise ValueError(colour)
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21 (WCAG 2.2 SC 1.4.3)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@register()
def accents_can_be_read(**_options: Any) -> list[Error]:
    """The accent of each colour scheme must stand out from its paper."""
    errors = []
    for name, paper in (("SITE_ACCENT", PAPER), ("SITE_ACCENT_DARK", PAPER_DARK)):
        colour = getattr(settings, name)
        try:
            ratio = contrast(colour, paper)
        except ValueError:
            errors.append(
                Error(f"{name} is {colour!r}; write a colour like #a43e16.", id="plenary.E001")
            )
            continue
        if ratio < READABLE:
            errors.append(
                Error(
                    f"{name} {colour} has a contrast of {ratio:.1f} to the paper {paper}; it needs {READABLE}.",
                    hint="Choose a darker colour."
                    if name == "SITE_ACCENT"
                    else "Choose a lighter colour.",
                    id="plenary.E002",
                )
            )
    return errors


@register(deploy=True)
def claims_outlast_sending(**_options: Any) -> list[Warning]:
    """A mail server that answers as slowly as it may must not make a second worker send the same message."""
    seconds = settings.MAILERS["default"].get("OPTIONS", {}).get("timeout") or 0
    if ANSWERS * seconds < settings.OUTBOX_CLAIM_SECONDS:
        return []
    return [
        Warning(
            f"A mail server may take {seconds} s for each of {ANSWERS} answers, but OUTBOX_CLAIM_SECONDS is"
            f" {settings.OUTBOX_CLAIM_SECONDS}: a slow one makes two workers send the same message.",
            hint="Make timeout in EMAIL_URL smaller or OUTBOX_CLAIM_SECONDS greater.",
            id="plenary.W001",
        )
    ]
