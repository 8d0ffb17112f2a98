"""Certificates of attendance as PDF, for people who were present."""

import json
import logging
from pathlib import Path
from typing import Any, Literal

import typst
from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from events import calendar
from events.dates import days_in_words
from registrations.models import Registration

logger = logging.getLogger(__name__)

TEMPLATE = Path(settings.BASE_DIR, "templates", "pdf", "certificate.typ")


def can_have(registration: Registration) -> bool:
    """Whether the event is over and the person was present on at least one day."""
    return (
        registration.event.is_over
        and registration.erased_at is None
        and registration.attendances.exists()
    )


def pdf(registration: Registration) -> bytes:
    """Return the certificate of somebody who can have one, in the language of the registration.

    It is PDF/UA (ISO 14289-1), which wants a glyph for every letter: names in a script that no font here has go out
    without that mark rather than not at all.
    """
    with translation.override(registration.language):
        said = _words(registration)
    try:
        return _compile(said, standard="ua-1")
    except typst.TypstError:
        # Its words quote the name, which belongs in no log.
        logger.warning("The certificate of registration %s is not PDF/UA.", registration.pk)
        return _compile(said, standard=None)


def _compile(said: dict[str, Any], *, standard: Literal["ua-1"] | None) -> bytes:
    return typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        format="pdf",
        sys_inputs={"said": json.dumps(said)},
        pdf_standards=standard,
    )


def _words(registration: Registration) -> dict[str, Any]:
    event = registration.event
    names = [organisation.name for organisation in event.organisers] or [settings.SITE_NAME]
    return {
        "title": _("Certificate of attendance"),
        "language": registration.language.partition("-")[0],
        "issuer": get_text_list(names, _("and")),
        "words_before": _("This is to certify that"),
        "name": registration.name,
        "organisation": registration.organisation,
        "words_after": _("took part in"),
        "event": event.title,
        "when_and_where": _("%(days)s, %(place)s")
        % {
            "days": days_in_words(event.first_day, event.last_day),
            "place": calendar.location(event),
        },
        "days": [
            _("Present on %(day)s (%(mode)s)")
            % {
                "day": date_format(attendance.day, "DATE_FORMAT"),
                "mode": attendance.get_mode_display().lower(),
            }
            for attendance in registration.attendances.all()
        ],
        "foot": _("Reference %(reference)s, %(site)s, %(address)s")
        % {
            "reference": registration.reference,
            "site": settings.SITE_NAME,
            "address": settings.SITE_URL + event.get_absolute_url(),
        },
    }
