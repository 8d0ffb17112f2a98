"""What tests of the desk stand on: an organisation, a manager of it, and the manager's browser.

The fixtures import what they need: this file may be read before the settings are, as when its folder alone is tested.
"""

import pytest


@pytest.fixture
def organisation():
    from tests.factories import OrganisationFactory

    return OrganisationFactory()


@pytest.fixture
def manager(organisation):
    from accounts.models import Role
    from tests.factories import MembershipFactory

    return MembershipFactory(organisation=organisation, role=Role.MANAGER).user


@pytest.fixture
def desk(manager):
    from django.test import Client

    client = Client()
    client.force_login(manager)
    return client
