"""Turns the addresses of the environment (mail server, broker) into Django's and Celery's settings."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from events_site.mail_environment import PREFIX, provider_mailer, seconds

SMTP_SECONDS = 15


def kept_secret_key(var_dir: Path) -> str:
    """Return the random key kept in `var_dir`, made at first use: the demo needs no variable."""
    path = var_dir / "secret-key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(64))
    return path.read_text()


def mailers(url: str) -> dict[str, dict[str, Any]]:
    """Return Django's MAILERS for `smtp://`, `smtp+tls://`, `smtp+ssl://`, `file:///folder` or a provider of anymail.

    Raises ImproperlyConfigured for any other scheme.
    """
    parts = urlsplit(url)
    if parts.scheme.startswith(PREFIX):
        return {"default": provider_mailer(url)}
    if parts.scheme == "file":
        return {
            "default": {
                "BACKEND": "outbox.backends.EmlFiles",
                "OPTIONS": {"file_path": unquote(parts.path)},
            }
        }
    if parts.scheme not in {"smtp", "smtp+tls", "smtp+ssl"}:
        raise ImproperlyConfigured(
            f"EMAIL_URL begins with {parts.scheme!r}; it must be smtp://, smtp+tls://, smtp+ssl://, file:/// or"
            " anymail+ and a provider, as in anymail+postmark://TOKEN@."
        )
    ssl = parts.scheme == "smtp+ssl"
    return {
        "default": {
            "BACKEND": "outbox.backends.Smtp",
            "OPTIONS": {
                "host": parts.hostname or "localhost",
                "port": parts.port or {"smtp+ssl": 465, "smtp+tls": 587}.get(parts.scheme, 25),
                "username": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
                "use_ssl": ssl,
                "use_tls": parts.scheme == "smtp+tls",
                "timeout": seconds(parse_qs(parts.query), SMTP_SECONDS),
            },
        }
    }


def celery_transport(redis_url: str, var_dir: Path) -> tuple[str, dict[str, Any]]:
    """Return Celery's broker address and transport options: Redis, or files below `var_dir`."""
    if redis_url:
        return redis_url, {
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
            "retry_on_timeout": False,
            "visibility_timeout": 600,
        }
    folder = var_dir / "broker"
    for name in ("queue", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return "filesystem://localhost", {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.2,
    }
