"""What tests of the desk stand on: an organisation, a manager of it, and the manager's browser."""

import pytest
from django.test import Client

from accounts.models import Role
from tests.factories import MembershipFactory, OrganisationFactory


@pytest.fixture
def organisation():
    return OrganisationFactory()


@pytest.fixture
def manager(organisation):
    return MembershipFactory(organisation=organisation, role=Role.MANAGER).user


@pytest.fixture
def desk(manager):
    client = Client()
    client.force_login(manager)
    return client
