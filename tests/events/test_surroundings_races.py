"""What stands around an event is changed while the event is saved, with real threads on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import Organisation
from events import lifecycle
from events.models import Event
from tests.factories import EventFactory, OrganisationFactory
from tests.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "SELECT COUNT(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def someone_waits() -> bool:
    """Whether another connection waits for this one."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def rename(organisation) -> None:
    try:
        renamed = Organisation.objects.get(pk=organisation.pk)
        renamed.name = "Renamed"
        renamed.save()
    finally:
        connection.close()


def test_an_organisation_is_renamed_while_an_event_of_it_gets_another_partner():
    leading, partner = OrganisationFactory(), OrganisationFactory()
    event = EventFactory(organiser=leading)
    before = Event.objects.get(pk=event.pk).changed_at

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Event.objects.select_for_update().get(pk=event.pk)
            renaming = pool.submit(rename, leading)
            wait_until(someone_waits, seconds=10, what="the renaming waits for the event")
            lifecycle.apply_changes(
                event, by=None, organisations=[(partner, "organiser"), (leading, "partner")]
            )
        renaming.result(timeout=10)

    links = event.organisation_links.order_by("position").values_list("organisation", "role")
    assert list(links) == [(partner.pk, "organiser"), (leading.pk, "partner")]
    assert Organisation.objects.get(pk=leading.pk).name == "Renamed"
    assert Event.objects.get(pk=event.pk).changed_at > before
