"""What the desk keeps of calendar files: for a day what waits for a yes, and with each draft where it came from."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User


class PendingCalendar(models.Model):
    """A calendar file that somebody uploaded and has yet to say yes to; forgotten after a day."""

    uploaded_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    uploaded_at = models.DateTimeField(default=timezone.now)
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=200)
    #: The kind and format of the drafts to be.
    kind = models.CharField(max_length=20)
    format = models.CharField(max_length=10)
    #: A `reading.Reading`.
    content = models.JSONField()

    class Meta:
        verbose_name = _("calendar file to import")
        verbose_name_plural = _("calendar files to import")

    def __str__(self) -> str:
        return f"{self.file_name}, {self.uploaded_at:%Y-%m-%d %H:%M}"


class ImportedEntry(models.Model):
    """The entry of a calendar file that an event was made of, with all that we have no place for.

    An organisation imports each time of an entry once: `uid` and `recurrence_id` (RFC 5545 3.8.4.4, in UTC; empty for
    what does not repeat) name it.
    """

    event = models.OneToOneField("events.Event", models.CASCADE, related_name="imported")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="+")
    uid = models.CharField(max_length=255)
    recurrence_id = models.CharField(max_length=16, blank=True)
    sequence = models.PositiveIntegerField(default=0)
    file_name = models.CharField(max_length=200)
    imported_at = models.DateTimeField(default=timezone.now)
    imported_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    #: The VEVENT, unfolded, without the addresses of attendees.
    text = models.TextField()
    #: Pairs of name and value that no field of ours has taken.
    leftovers = models.JSONField(default=list)

    class Meta:
        verbose_name = _("imported entry")
        verbose_name_plural = _("imported entries")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "uid", "recurrence_id"],
                name="an_organisation_imports_an_entry_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.uid} {self.recurrence_id}".strip()
