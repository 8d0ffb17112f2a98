"""One house for all scenarios of a run."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.house import House


@pytest.fixture(scope="session")
def _house(django_db_setup):
    from django.conf import settings
    from django.db import connection

    if connection.vendor != "postgresql":
        pytest.skip("the house has a PostgreSQL of its own, made like the test's")
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on the PATH")
    tables = urlsplit(os.environ["DATABASE_URL"])._replace(
        path=f"/{connection.settings_dict['NAME']}"
    )
    # Not in pytest's folder: another run of pytest would close that to the user that PostgreSQL runs as.
    folder = Path(settings.VAR_DIR, "house")
    folder.mkdir()
    house = House(folder, schema=tables.geturl())
    yield house
    house.close()


@pytest.fixture
def house(_house):
    """The house at rest: everything serves, and nothing is left to be sent."""
    _house.calm()
    yield _house
    _house.calm()


@pytest.fixture
def tell(request):
    """Prints one line about a scenario, with what was counted, when output is not captured."""

    def say(account, *, seconds, **more):
        counted = {
            "promised": account.promised,
            "mails": account.mails,
            "extras": account.extras,
            "recovered in": f"{seconds:.1f} s",
            **more,
        }
        words = ", ".join(f"{name} {value}" for name, value in counted.items())
        print(
            f"\n  {request.node.name.removeprefix('test_').replace('_', ' ')}: {words}", flush=True
        )

    return say
