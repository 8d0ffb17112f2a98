"""Says of events that were cancelled before it was kept when that was: the moment of their last change."""

from django.db import migrations
from django.db.models import F


def write_down(apps, schema_editor):
    """Store when they were cancelled, as nearly as is known."""
    Event = apps.get_model("events", "Event")
    cancelled = Event.objects.filter(status="cancelled", cancelled_at__isnull=True)
    cancelled.update(cancelled_at=F("changed_at"))


class Migration(migrations.Migration):

    dependencies = [("events", "0003_defaults_in_the_database")]

    operations = [migrations.RunPython(write_down, migrations.RunPython.noop, elidable=True)]
