"""Counts withdrawals by mailbox instead of address: those of an address with a +tag go to the one without."""

from django.db import migrations
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac


def count_by_mailbox(apps, schema_editor):
    """Give each mailbox the highest count that any of its addresses had for an event."""
    Registration = apps.get_model("registrations", "Registration")
    Withdrawal = apps.get_model("registrations", "Withdrawal")
    Message = apps.get_model("outbox", "Message")
    tagged = {"address__contains": "+"}
    present = Registration.objects.alias(address=Lower("email")).filter(**tagged)
    left = Message.objects.alias(address=Lower("recipient")).filter(
        calendar_method="CANCEL", **tagged
    )
    for address in {
        *present.annotate(found=Lower("email")).values_list("found", flat=True),
        *left.annotate(found=Lower("recipient")).values_list("found", flat=True),
    }:
        local, _at, domain = address.rpartition("@")
        mailbox = f"{local.partition('+')[0] or local}@{domain}"
        if mailbox == address:
            continue
        for old in Withdrawal.objects.filter(address=digest_of(address)):
            new, _is_new = Withdrawal.objects.get_or_create(
                event_id=old.event_id, address=digest_of(mailbox)
            )
            new.times = max(new.times, old.times)
            new.save()
            old.delete()


def digest_of(address):
    return salted_hmac("registrations.withdrawals.address", address, algorithm="sha256").hexdigest()


class Migration(migrations.Migration):

    dependencies = [
        ("registrations", "0010_feeds_never_go_back"),
        ("outbox", "0006_messages_of_no_batch"),
    ]

    operations = [
        migrations.RunPython(count_by_mailbox, migrations.RunPython.noop, elidable=True)
    ]
