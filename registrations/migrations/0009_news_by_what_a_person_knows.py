from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registrations', '0008_count_entries_withdrawn_so_far'),
    ]

    operations = [
        migrations.AddField(
            model_name='mailing',
            name='changes_for',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
    ]
