from django.db import migrations, models


def keep_to_topics(apps, schema_editor):
    """Whoever has chosen topics wants these alone."""
    subscribers = apps.get_model("recaps", "Subscriber").objects
    subscribers.filter(topics__isnull=False).update(wants_all=False)


class Migration(migrations.Migration):
    dependencies = [("recaps", "0002_newsletter")]

    operations = [
        migrations.AddField(
            model_name="subscriber",
            name="wants_all",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="Said, not read from the topics: whoever chose some keeps to them when they are gone.",
                verbose_name="wants all of it",
            ),
        ),
        migrations.RunPython(keep_to_topics, migrations.RunPython.noop),
    ]
