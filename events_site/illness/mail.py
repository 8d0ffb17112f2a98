"""What the mail server says to a greeting and to our name and password; nothing is sent."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import InvalidMailer, mailers
from django.core.mail.backends.smtp import EmailBackend
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from events_site.illness.findings import Finding, ill, said, unknown, well
from outbox.backends import EmlFiles

NAMES = ("mail",)
#: Seconds for each step of the talk.
SECONDS = 4


def mailer() -> Any:
    """Return the mailer of the site with a short patience, not connected. Raises InvalidMailer."""
    config = settings.MAILERS["default"]
    kind = import_string(config["BACKEND"])
    if not issubclass(kind, EmailBackend):
        return mailers.default
    options = config.get("OPTIONS", {})
    seconds = min(SECONDS, options.get("timeout") or SECONDS)
    return kind(alias="default", **(options | {"timeout": seconds}))


def read() -> bool | None:
    """Connect, greet, sign in, say goodbye; return None where the mailer has no way to try without sending.

    Raises OSError (SMTPException is one) where the server does not answer or refuses us.
    """
    ours = mailer()
    if isinstance(ours, EmlFiles):
        return _can_write(ours.folder)
    if not isinstance(ours, EmailBackend):
        return None
    try:
        ours.open()
        ours.connection.ehlo_or_helo_if_needed()  # type: ignore[union-attr]
    finally:
        ours.close()
    return True


def judge(reading: Any, now: datetime) -> list[Finding]:
    """Return the finding; `reading` is what `read` returned or raised."""
    if isinstance(reading, InvalidMailer):
        return [ill("mail", said(reading), _("Put EMAIL_URL right."))]
    if isinstance(reading, Exception):
        return [
            ill(
                "mail",
                _(
                    "The mail server cannot be reached or refuses us (%(error)s). Mail waits until it answers."
                )
                % {"error": said(reading)},
                _(
                    "See whether the mail server runs and EMAIL_URL is right. Nothing is lost meanwhile."
                ),
            )
        ]
    if reading is None:
        return [unknown("mail", _("The mail provider cannot be tried without sending a mail."))]
    return [well("mail", _("The mail server answers."))]


def _can_write(folder: Path) -> bool:
    """Raises PermissionError where no mail could be written to the folder."""
    there = folder
    while not there.exists():
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise PermissionError(f"{folder} cannot be written to.")
    return True
