import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0006_versions_of_zone_rules'),
        ('registrations', '0009_news_by_what_a_person_knows'),
    ]

    operations = [
        migrations.CreateModel(
            name='Departure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('moves', models.PositiveIntegerField(default=0)),
                ('left_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='departures', to='events.event')),
                ('feed', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='departures', to='registrations.personalfeed')),
            ],
            options={
                'verbose_name': 'departure from a feed',
                'verbose_name_plural': 'departures from feeds',
                'constraints': [models.UniqueConstraint(fields=('feed', 'event'), name='departures_from_a_feed_are_counted_once')],
            },
        ),
    ]
