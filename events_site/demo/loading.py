"""Takes the records of one list one by one: what is there stays, what is bad is named, the rest is made."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, models, transaction

from events.lifecycle import RefusedChange
from events_site.demo.records import BadRecord, Ledger, Record

#: Checks a record and returns what stores its object; the check alone writes nothing.
Reader = Callable[[Record], Callable[[], models.Model]]

REFUSALS = (BadRecord, ValidationError, RefusedChange, IntegrityError, DataError)


@dataclass
class Count:
    """How many records of a list were made, found and refused."""

    new: int = 0
    present: int = 0
    bad: int = 0


def load(
    list_name: str, records: list[Any], *, model: type[models.Model], read: Reader, ledger: Ledger
) -> Count:
    """Make an object of each record whose slug is not in the database; a bad record leaves no trace there."""
    slugs = [slug for record in records if (slug := _slug(record))]
    present = {
        instance.slug: instance  # type: ignore[attr-defined]
        for instance in model._default_manager.filter(slug__in=slugs)
    }
    count, seen = Count(), set[str]()
    for number, record in enumerate(records, start=1):
        slug = _slug(record)
        try:
            if not slug:
                raise BadRecord("it must be an object with a text as 'slug'")
            if slug in seen:
                raise BadRecord("another record of this list has the same slug")
            seen.add(slug)
            make = read(Record(record, ledger))
            if slug in present:
                count.present += 1
                ledger.stored[list_name][slug] = present[slug]
                continue
            with transaction.atomic():
                ledger.stored[list_name][slug] = make()
            count.new += 1
        except REFUSALS as refusal:
            count.bad += 1
            ledger.note(list_name, slug or f"record {number}", _in_words(refusal))
    return count


def store(instance: models.Model) -> models.Model:
    """Check the fields of a new object, and save it. Raises ValidationError."""
    check(instance)
    instance.save()
    return instance


def check(instance: models.Model) -> None:
    """Raise ValidationError if a field is bad. What concerns other rows, the database checks itself.

    The time zone was looked up when the record was read, and looking it up again takes a while.
    """
    instance.full_clean(exclude={"timezone"}, validate_unique=False, validate_constraints=False)


def _slug(record: Any) -> str:
    slug = record.get("slug") if isinstance(record, dict) else None
    return slug if isinstance(slug, str) else ""


def _in_words(refusal: Exception) -> str:
    if not isinstance(refusal, ValidationError):
        return " ".join(str(refusal).split())
    if not hasattr(refusal, "error_dict"):
        return " ".join(refusal.messages)
    return "; ".join(
        f"{name}: {' '.join(messages)}" for name, messages in refusal.message_dict.items()
    )
