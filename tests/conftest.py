"""What every test stands on: a PostgreSQL for the run, folders that vanish, real servers and a browser.

The environment is set before the settings are loaded, so a run is the same whatever `.env` says. A `DATABASE_URL`
that is set already is kept: `DATABASE_URL=sqlite://:memory: pytest -m sqlite_too` runs on SQLite.
"""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from tests import servers

ROOT = pytest.StashKey[Path]()
POSTGRES = pytest.StashKey[servers.Postgres]()

ENVIRONMENT = {
    "DEBUG": "false",
    "SECRET_KEY": "a key for tests only, long enough and of no use elsewhere: 0123456789",
    "SITE_URL": "http://events.plenary.test",
    "ALLOWED_HOSTS": "events.plenary.test,testserver,localhost,127.0.0.1",
    "TRUSTED_PROXIES": "",
    "SITE_NAME": "Probation Network",
    "OPERATOR_EMAIL": "",
    "REDIS_URL": "",
    "DEFAULT_FROM_EMAIL": "events@plenary.test",
    "TIME_ZONE": "Europe/Amsterdam",
    "HOLD_HOURS": "24",
    "OFFER_HOURS": "48",
    "OUTBOX_CLAIM_SECONDS": "120",
    "OUTBOX_SWEEP_SECONDS": "60",
    "OUTBOX_PAUSE_SECONDS": "60",
    "WATCH_SECONDS": "0",
    "SILENT_SECONDS": "240",
    "CHANGES_SETTLE_SECONDS": "600",
    "FORM_SECONDS": "0",
    "MAILS_AN_HOUR": "10",
    "MAILS_A_DAY": "30",
}


def pytest_configure(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    if worker is None:
        _prepare_run(config)
    if worker is None and config.getoption("dist", "no") != "no":
        return  # the workers run the tests
    folder = Path(os.environ["PLENARY_TEST_ROOT"], worker["workerid"] if worker else "main")
    (folder / "static").mkdir(parents=True)
    os.environ |= ENVIRONMENT | {"VAR_DIR": str(folder), "EMAIL_URL": f"file://{folder / 'mail'}"}
    os.environ.pop("MEDIA_ROOT", None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "events_site.settings"

    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    if POSTGRES in config.stash:
        config.stash[POSTGRES].stop()
    if ROOT in config.stash:
        shutil.rmtree(config.stash[ROOT], ignore_errors=True)


def _prepare_run(config: pytest.Config) -> None:
    """Make the folder of the run and start its database, unless one is given."""
    signal.signal(signal.SIGTERM, _stop)
    config.stash[ROOT] = Path(tempfile.mkdtemp(prefix="plenary-"))
    os.environ["PLENARY_TEST_ROOT"] = str(config.stash[ROOT])
    if not os.environ.get("DATABASE_URL") and not config.option.collectonly:
        config.stash[POSTGRES] = servers.Postgres(config.stash[ROOT] / "postgres")
        os.environ["DATABASE_URL"] = config.stash[POSTGRES].url


def _stop(_signal: int, _frame: object) -> None:
    """Tidy up as after Ctrl-C, and let nobody hurry that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """A test database in SQLite is a file, as in the demo: threads then have connections of their own."""
    from django.conf import settings
    from django.db import connection

    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(settings.VAR_DIR / "test.sqlite3")


@pytest.fixture(autouse=True)
def _empty_cache():
    """What one test puts into the cache is not there for the next."""
    from django.core.cache import caches

    yield
    for cache in (*caches.all(initialized_only=True), caches["pages"]):
        cache.clear()


@pytest.fixture(scope="module", autouse=True)
def _no_idle_connections():
    """Connections that threads of the tests left open are closed after each module."""
    from tests.threads import close_idle

    yield
    close_idle()


@pytest.fixture
def redis_server(tmp_path):
    """The address of a Redis that is ours alone."""
    with servers.redis(tmp_path) as url:
        yield url


@pytest.fixture
def smtp_server(settings):
    """A real mail server; what is sent in the test goes there."""
    from events_site.environment import mailers

    mailbox = servers.Mailbox()
    mailbox.start()
    settings.MAILERS = mailers(mailbox.url)
    yield mailbox
    mailbox.stop()


@pytest.fixture(scope="session")
def chromium():
    """The path of Chromium."""
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if path is None:
        pytest.skip("Chromium is not on the PATH")
    return path


@pytest.fixture
def browser(chromium):
    """A Chromium that asks nobody outside this machine."""
    from django.db import connections
    from playwright.sync_api import sync_playwright

    # Playwright's loop runs in this thread, and Django takes that for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()
        # While that loop runs, Django keeps connections of their own for it, which nobody else can close.
        connections.close_all()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
