"""Counts how often entries were taken out of calendars before that was written down.

Until now each further confirmed registration of an address for an event raised SEQUENCE by two. An address that was
left behind has no registration to tell: the mail that took the entry out does.
"""

from collections import Counter
from itertools import batched

from django.db import migrations
from django.db.models import Count, Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac


def count(apps, schema_editor):
    """Store for each event and address how often the entry was withdrawn; rather once too often than too seldom."""
    Registration = apps.get_model("registrations", "Registration")
    Withdrawal = apps.get_model("registrations", "Withdrawal")
    Message = apps.get_model("outbox", "Message")
    confirmed = Registration.objects.filter(erased_at=None).exclude(confirmed_at=None).order_by()
    times = Counter()
    rows = (
        confirmed.annotate(address=Lower("email"))
        .values_list("event_id", "address")
        .annotate(all=Count("pk"), present=Count("pk", filter=Q(status="confirmed")))
    )
    for event_id, address, every, present in rows.iterator():
        times[event_id, address] += every - present
    left = Message.objects.filter(key__contains="/address-left/", calendar_method="CANCEL")
    for topic, recipient in left.exclude(recipient="").values_list("topic", "recipient").iterator():
        times[int(topic.removeprefix("event/")), recipient.lower()] += 1
    events = set(apps.get_model("events", "Event").objects.values_list("pk", flat=True))
    found = (
        Withdrawal(event_id=event_id, address=digest_of(address), times=number)
        for (event_id, address), number in times.items()
        if number and event_id in events
    )
    for some in batched(found, 1000):
        Withdrawal.objects.bulk_create(some, ignore_conflicts=True)


def digest_of(address):
    return salted_hmac("registrations.withdrawals.address", address, algorithm="sha256").hexdigest()


class Migration(migrations.Migration):

    dependencies = [
        ("registrations", "0007_count_withdrawn_entries"),
        ("outbox", "0006_messages_of_no_batch"),
    ]

    operations = [migrations.RunPython(count, migrations.RunPython.noop, elidable=True)]
