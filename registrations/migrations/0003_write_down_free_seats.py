"""Writes down the seats that were given up before vacancies were kept."""

from django.db import migrations


def write_down(apps, schema_editor):
    """Store a vacancy for each free seat below the highest one that is held."""
    Registration = apps.get_model("registrations", "Registration")
    Vacancy = apps.get_model("registrations", "Vacancy")
    seated = Registration.objects.filter(seat__isnull=False).order_by()
    for event_id, mode in seated.values_list("event_id", "mode").distinct():
        held = set(seated.filter(event_id=event_id, mode=mode).values_list("seat", flat=True))
        Vacancy.objects.bulk_create(
            [
                Vacancy(event_id=event_id, mode=mode, seat=seat)
                for seat in range(1, max(held))
                if seat not in held
            ],
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):

    dependencies = [("registrations", "0002_registration_in_depth")]

    operations = [migrations.RunPython(write_down, migrations.RunPython.noop, elidable=True)]
