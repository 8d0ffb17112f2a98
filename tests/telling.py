"""Lets what is told to many be written, as the worker does."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from registrations import mailings


def settle() -> None:
    """Write all mailings that are due once changes have settled."""
    pause = timedelta(seconds=settings.CHANGES_SETTLE_SECONDS)
    assert not mailings.write_due(timezone.now() + pause)


def write() -> None:
    """Write all mailings that are due now."""
    assert not mailings.write_due(timezone.now())
