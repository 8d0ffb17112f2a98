"""Settings are safe by default, and a wrong one is told in one sentence at start."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from events_site.checks import accents_can_be_read, claims_outlast_sending
from events_site.environment import mailers

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "SECRET_KEY": "Vq3zT0bYx8mKc5RwJ1hUe6NsDf9LgPa2iOtX7vWyEkQ4rSuBnZ",
    "SITE_URL": "https://plenary.example",
    "ALLOWED_HOSTS": "plenary.example",
    "DATABASE_URL": "postgres://plenary@db.example/plenary",
    "REDIS_URL": "redis://redis.example:6379/0",
    "EMAIL_URL": "smtp+tls://mail.example:587",
}
OF_A_MACHINE = ("PATH", "LANG", "LC_ALL", "TZDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
# A `.env` beside the code must not decide: what it could set is set here.
NEUTRAL = {
    "DEBUG": "false",
    "TRUSTED_PROXIES": "",
    "SITE_ACCENT": "#a43e16",
    "SITE_ACCENT_DARK": "#ff9a6b",
}

needs_defaults = pytest.mark.skipif(
    (ROOT / ".env").is_file(), reason="A .env file stands beside manage.py and sets the defaults."
)


def run(*command, var_dir, **environment):
    """Run Python on a machine with nothing but this environment."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={
            **{name: os.environ[name] for name in OF_A_MACHINE if name in os.environ},
            "VAR_DIR": str(var_dir),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check(var_dir, **environment):
    """Run the checks for a deployment."""
    return run("manage.py", "check", "--deploy", "--fail-level", "WARNING", var_dir=var_dir, **environment)  # fmt: skip


def settings_of(var_dir, *names, **environment):
    """The values of these settings."""
    code = (
        "import json, sys; from events_site import settings;"
        "print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))"
    )
    answer = run("-c", code, *names, var_dir=var_dir, **environment)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_production_settings_pass_the_check_for_deployment(tmp_path):
    answer = check(tmp_path, **NEUTRAL, **PRODUCTION)
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


def test_a_mail_server_that_may_outlast_a_claim_is_told_by_the_check(settings):
    for seconds, told in ((15, []), (23, []), (24, ["plenary.W001"])):
        settings.MAILERS = mailers(f"smtp://mail.example?timeout={seconds}")
        assert [warning.id for warning in claims_outlast_sending()] == told
    settings.MAILERS = mailers("file:///mails")
    assert claims_outlast_sending() == []


def test_https_brings_its_settings_along(tmp_path):
    names = (
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "SECURE_REFERRER_POLICY",
    )
    assert settings_of(tmp_path, *names, **NEUTRAL, **PRODUCTION) == {
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_NAME": "__Host-session",
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "SECURE_REFERRER_POLICY": "same-origin",
    }


@needs_defaults
def test_nothing_set_is_a_closed_house_on_this_machine(tmp_path):
    names = (
        "DEBUG",
        "ALLOWED_HOSTS",
        "TRUSTED_PROXIES",
        "SECURE_SSL_REDIRECT",
        "CELERY_BROKER_URL",
    )
    assert settings_of(tmp_path, *names) == {
        "DEBUG": False,
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost", "127.0.0.1"],
        "TRUSTED_PROXIES": [],
        "SECURE_SSL_REDIRECT": False,
        "CELERY_BROKER_URL": "filesystem://localhost",
    }


@needs_defaults
def test_the_host_of_the_site_is_allowed_by_default(tmp_path):
    environment = {"SITE_URL": "https://events.example.org/"}
    assert settings_of(tmp_path, "SITE_URL", "ALLOWED_HOSTS", **environment) == {
        "SITE_URL": "https://events.example.org",
        "ALLOWED_HOSTS": ["events.example.org", "localhost", "127.0.0.1"],
    }


def test_the_broker_takes_and_gives_json_only_and_keeps_no_results(tmp_path):
    names = (
        "CELERY_TASK_SERIALIZER",
        "CELERY_ACCEPT_CONTENT",
        "CELERY_TASK_IGNORE_RESULT",
        "CELERY_TASK_ACKS_LATE",
        "CELERY_TASK_REJECT_ON_WORKER_LOST",
    )
    assert settings_of(tmp_path, *names, **NEUTRAL, **PRODUCTION) == {
        "CELERY_TASK_SERIALIZER": "json",
        "CELERY_ACCEPT_CONTENT": ["json"],
        "CELERY_TASK_IGNORE_RESULT": True,
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
    }


def refusal(var_dir, **environment):
    """The last line that a start with these settings prints."""
    answer = run("-c", "import events_site.settings", var_dir=var_dir, **NEUTRAL, **environment)
    assert answer.returncode != 0
    return answer.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("address", ["events.example.org", "ftp://events.example.org", "https:"])
def test_an_address_of_the_site_that_is_none_is_told_in_a_sentence(tmp_path, address):
    assert refusal(tmp_path, **{**PRODUCTION, "SITE_URL": address}) == (
        "django.core.exceptions.ImproperlyConfigured: SITE_URL must be the full address of the site,"
        f" as in https://events.example.org; it is {address!r}."
    )


@pytest.mark.parametrize(
    ("address", "scheme"), [("mail.example:587", "mail.example"), ("imap://mail.example", "imap")]
)
def test_an_address_of_the_mail_server_that_is_none_is_told_in_a_sentence(
    tmp_path, address, scheme
):
    assert refusal(tmp_path, **{**PRODUCTION, "EMAIL_URL": address}) == (
        f"django.core.exceptions.ImproperlyConfigured: EMAIL_URL begins with {scheme!r};"
        " it must be smtp://, smtp+tls://, smtp+ssl://, file:/// or anymail+ and a provider,"
        " as in anymail+postmark://TOKEN@."
    )


def test_an_accent_that_cannot_be_read_stops_the_deployment(tmp_path):
    answer = check(tmp_path, **{**NEUTRAL, **PRODUCTION, "SITE_ACCENT": "#ffcc00"})
    assert answer.returncode != 0
    assert "(plenary.E002) SITE_ACCENT #ffcc00 has a contrast of 1.4" in answer.stderr


@pytest.mark.parametrize(
    ("name", "colour", "errors"),
    [
        ("SITE_ACCENT", "#a43e16", []),
        ("SITE_ACCENT", "#1D4ED8", []),
        ("SITE_ACCENT", "#ff9a6b", ["plenary.E002"]),
        ("SITE_ACCENT_DARK", "#ff9a6b", []),
        ("SITE_ACCENT_DARK", "#223344", ["plenary.E002"]),
        ("SITE_ACCENT", "red", ["plenary.E001"]),
        ("SITE_ACCENT", "a43e16f", ["plenary.E001"]),
        ("SITE_ACCENT", "#a43e16;}body{display:none", ["plenary.E001"]),
        ("SITE_ACCENT", "#a43e16\n", ["plenary.E001"]),
    ],
)
def test_an_accent_must_be_a_colour_that_stands_out_from_its_paper(settings, name, colour, errors):
    setattr(settings, name, colour)
    assert [error.id for error in accents_can_be_read()] == errors


@needs_defaults
def test_the_key_is_made_once_and_kept_for_nobody_else_to_read(tmp_path):
    first = settings_of(tmp_path, "SECRET_KEY")["SECRET_KEY"]
    kept = tmp_path / "secret-key"
    assert kept.read_text() == first
    assert len(first) >= 50
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert settings_of(tmp_path, "SECRET_KEY")["SECRET_KEY"] == first
    assert settings_of(tmp_path / "other", "SECRET_KEY")["SECRET_KEY"] != first
