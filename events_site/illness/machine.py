"""What this machine says: room on its disks, static files, and settings that are not safe."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.checks import WARNING, Tags, run_checks
from django.utils.translation import gettext as _

from events_site.illness.findings import Finding, ill, note, unknown, well

GIGABYTE = 1024**3
#: Gigabytes of free room that are worth knowing, and that are too few.
LITTLE, TOO_LITTLE = 2, 0.3
#: What Django says of a site without HTTPS, four times over.
FOR_HTTPS = {"security.W004", "security.W008", "security.W012", "security.W016"}
STYLESHEET = "css/plenary.css"


def read_disks() -> dict[str, float]:
    """Return the free gigabytes of each folder that the system writes to. Raises OSError."""
    folders = {settings.VAR_DIR, settings.MEDIA_ROOT, settings.PRIVATE_ROOT}
    return {
        str(folder): shutil.disk_usage(_existing(Path(folder))).free / GIGABYTE
        for folder in folders
    }


def judge_disks(reading: Any, now: datetime) -> list[Finding]:
    if isinstance(reading, Exception):
        return [
            unknown(
                "disk", _("The room on disk could not be read (%(error)s).") % {"error": reading}
            )
        ]
    folder, free = min(reading.items(), key=lambda pair: pair[1])
    words = _("%(gigabytes)s GB are free in %(folder)s.") % {
        "gigabytes": f"{free:.1f}",
        "folder": folder,
    }
    if free >= LITTLE:
        return [well("disk", words)]
    to_do = _("Make room, or move the folder to a larger disk (VAR_DIR, MEDIA_ROOT, PRIVATE_ROOT).")
    return [ill("disk", words, to_do) if free < TOO_LITTLE else note("disk", words, to_do)]


def read_static() -> bool:
    """Return whether the stylesheet of this version has been collected."""
    try:
        return staticfiles_storage.exists(staticfiles_storage.stored_name(STYLESHEET))  # type: ignore[attr-defined]
    except AttributeError:  # a storage without hashed names serves the files where they are
        return True
    except ValueError:  # the name is not in the manifest
        return False


def judge_static(reading: Any, now: datetime) -> list[Finding]:
    if reading is True:
        return [well("static", _("The static files are collected."))]
    return [
        ill(
            "static",
            _("The static files are not collected: no page can be shown."),
            _("Run: python manage.py collectstatic"),
        )
    ]


def read_settings() -> list[str]:
    """Return what Django's checks for production say of security, in sentences; the lack of HTTPS is one."""
    found = run_checks(tags=[Tags.security], include_deployment_checks=True)
    said = [message for message in found if message.level >= WARNING]
    if settings.HTTPS:
        return [f"{message.msg} ({message.id})" for message in said]
    more = [f"{message.msg} ({message.id})" for message in said if message.id not in FOR_HTTPS]
    return [_("The site is not on HTTPS: what people type can be read on the way."), *more]


def judge_settings(reading: Any, now: datetime) -> list[Finding]:
    if isinstance(reading, Exception):
        return [
            unknown(
                "settings", _("The settings could not be checked (%(error)s).") % {"error": reading}
            )
        ]
    if settings.DEBUG:
        return [
            ill(
                "settings",
                _("DEBUG is on: visitors see the insides of errors."),
                _("Take DEBUG out of the environment and restart."),
            )
        ]
    if reading:
        to_do = _(
            "Where people can reach the site, SITE_URL must begin with https://;"
            " `python manage.py check --deploy` says more."
        )
        return [note("settings", " ".join(reading), to_do)]
    return [well("settings", _("The settings are safe."))]


def _existing(folder: Path) -> Path:
    """The folder, or the one above in which it would be made."""
    while not folder.exists():
        folder = folder.parent
    return folder
