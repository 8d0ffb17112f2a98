"""Turns the addresses of mail in the environment into settings: providers, senders, and where mail comes back to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import getaddresses
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

#: What names a message in its return address, with the sign before it (outbox/return_addresses.py).
NAME_LENGTH = 35
PREFIX = "anymail+"
PROVIDER_SECONDS = 15
Query = dict[str, list[str]]


@dataclass(frozen=True)
class Provider:
    """How the address of a provider becomes anymail's options.

    `user`, `password` and `host` name the option that each part of the address is; `more` names those that may stand
    behind the question mark. `eu` is where the provider keeps data in Europe; `signs_with` the setting of the key by
    which its reports are known, and `package` what it needs beside anymail.
    """

    form: str
    user: str = "api_key"
    password: str = ""
    host: str = ""
    needs_host: bool = False
    more: tuple[str, ...] = ()
    eu: str = ""
    signs_with: str = ""
    reports: str = ""
    package: str = ""
    options: Callable[[SplitResult, Query], dict[str, Any]] | None = field(default=None)


def _amazon(parts: SplitResult, query: Query) -> dict[str, Any]:
    """Amazon's own names; without a key it finds its credentials itself, as on a machine of theirs."""
    limit = seconds(query, PROVIDER_SECONDS)
    client: dict[str, Any] = {"config": {"connect_timeout": limit, "read_timeout": limit}}
    if region := query.get("region"):
        client["region_name"] = region[0]
    if parts.username:
        client["aws_access_key_id"] = unquote(parts.username)
        client["aws_secret_access_key"] = unquote(parts.password or "")
    return {"client_params": client}


def _postal(parts: SplitResult, query: Query) -> dict[str, Any]:
    """Its address is where it runs: nobody runs it for others."""
    return {
        "timeout": seconds(query, PROVIDER_SECONDS),
        "api_key": unquote(parts.username or ""),
        "api_url": f"https://{parts.netloc.rpartition('@')[2]}/api/v1",
    }


PROVIDERS = {
    "amazon-ses": Provider(
        "anymail+amazon-ses://KEY:SECRET@?region=eu-central-1",
        user="", more=("region",), package="boto3", options=_amazon,
        reports="amazon_ses.AmazonSESTrackingWebhookView",
    ),
    "brevo": Provider("anymail+brevo://KEY@", reports="brevo.BrevoTrackingWebhookView"),
    "mailersend": Provider(
        "anymail+mailersend://TOKEN@", user="api_token", signs_with="MAILERSEND_SIGNING_SECRET",
        reports="mailersend.MailerSendTrackingWebhookView",
    ),
    "mailgun": Provider(
        "anymail+mailgun://KEY@mail.example.org?eu=1", host="sender_domain", needs_host=True,
        eu="https://api.eu.mailgun.net/v3", signs_with="MAILGUN_WEBHOOK_SIGNING_KEY",
        reports="mailgun.MailgunTrackingWebhookView",
    ),
    "mailjet": Provider(
        "anymail+mailjet://KEY:SECRET@", password="secret_key",
        reports="mailjet.MailjetTrackingWebhookView",
    ),
    "mailtrap": Provider(
        "anymail+mailtrap://TOKEN@", user="api_token", signs_with="MAILTRAP_SIGNING_SECRET",
        reports="mailtrap.MailtrapTrackingWebhookView",
    ),
    "mandrill": Provider(
        "anymail+mandrill://KEY@", signs_with="MANDRILL_WEBHOOK_KEY",
        reports="mandrill.MandrillCombinedWebhookView",
    ),
    "postal": Provider(
        "anymail+postal://KEY@postal.example.org", needs_host=True, options=_postal, package="cryptography",
        signs_with="POSTAL_WEBHOOK_KEY", reports="postal.PostalTrackingWebhookView",
    ),
    "postmark": Provider(
        "anymail+postmark://TOKEN@", user="server_token", more=("message_stream",),
        reports="postmark.PostmarkTrackingWebhookView",
    ),
    "resend": Provider("anymail+resend://KEY@", reports="resend.ResendTrackingWebhookView"),
    "scaleway": Provider(
        "anymail+scaleway://SECRET@PROJECT?region=fr-par", user="secret_key", host="project_id",
        needs_host=True, more=("region",),
    ),
    "sparkpost": Provider(
        "anymail+sparkpost://KEY@?eu=1", eu="https://api.eu.sparkpost.com/api/v1",
        reports="sparkpost.SparkPostTrackingWebhookView",
    ),
}  # fmt: skip


def mail_provider(url: str) -> str:
    """Return the name of the provider in EMAIL_URL, or an empty text where mail goes another way."""
    scheme = urlsplit(url).scheme
    return scheme.removeprefix(PREFIX) if scheme.startswith(PREFIX) else ""


def provider_mailer(url: str) -> dict[str, Any]:
    """Return the entry of MAILERS for the address of a provider; raise ImproperlyConfigured if it lacks something."""
    parts = urlsplit(url)
    name = mail_provider(url)
    provider = PROVIDERS.get(name)
    if provider is None:
        known = ", ".join(PREFIX + one for one in PROVIDERS)
        raise ImproperlyConfigured(f"EMAIL_URL names the provider {name!r}; known are {known}.")
    query = parse_qs(parts.query)
    unknown = query.keys() - _possible(provider)
    is_short = (provider.user and not parts.username) or (provider.password and not parts.password)
    if unknown or is_short or (provider.needs_host and not parts.hostname):
        raise ImproperlyConfigured(
            f"EMAIL_URL for {name} must look like {provider.form}, with your own key in it."
        )
    if provider.package and find_spec(provider.package) is None:
        raise ImproperlyConfigured(
            f"EMAIL_URL names {name}, which needs one more package: pip install 'django-anymail[{name}]'."
        )
    return {
        "BACKEND": f"anymail.backends.{name.replace('-', '_')}.EmailBackend",
        "OPTIONS": _options(provider, parts, query),
    }


def anymail(provider: str, *, secret: str, key: str) -> dict[str, Any]:
    """Return the settings of anymail that are not about sending: how reports of the provider are known to be its own.

    `secret` is `user:password`, which stands in the address that the provider is given; `key` is what it signs with,
    where it signs. Raises ImproperlyConfigured where one is missing.
    """
    if not provider or not secret:
        return {}
    if len(secret) < 20 or secret.strip(":").count(":") != 1:
        raise ImproperlyConfigured(
            "ANYMAIL_WEBHOOK_SECRET must be two random words of 20 characters in all, as in USER:PASSWORD."
        )
    known = {"WEBHOOK_SECRET": secret}
    if name := PROVIDERS[provider].signs_with:
        if not key:
            raise ImproperlyConfigured(
                f"{provider} signs its reports: put the key that it shows for that into ANYMAIL_WEBHOOK_KEY."
            )
        known[name] = key
    return known


def reports_of(provider: str, known: dict[str, Any]) -> str:
    """Return anymail's view that reads the reports of the provider, or an empty text where none are taken."""
    reports = PROVIDERS[provider].reports if provider and known else ""
    return f"anymail.webhooks.{reports}" if reports else ""


def bare_address(variable: str, text: str) -> str:
    """Return the address in `Name <address>` or `address`; raise ImproperlyConfigured if there is not exactly one."""
    found = getaddresses([text])
    if len(found) != 1 or found[0][1].count("@") != 1:
        raise ImproperlyConfigured(
            f"{variable} must be one address, as in events@example.org; it is {text!r}."
        )
    return found[0][1]


def return_address(text: str) -> str:
    """Return RETURN_ADDRESS; raise ImproperlyConfigured if there is no room in it for what names a message."""
    if not text:
        return ""
    address = bare_address("RETURN_ADDRESS", text)
    if len(address.partition("@")[0]) + NAME_LENGTH > 64 or not address.isascii():
        raise ImproperlyConfigured(
            f"RETURN_ADDRESS is too long before the @, or not plain: {address!r}. Take bounces@ and your domain."
        )
    return address


def mailbox(url: str) -> dict[str, Any]:
    """Return where RETURN_MAILBOX_URL leads; raise ImproperlyConfigured for what is no mailbox."""
    if not url:
        return {}
    parts = urlsplit(url)
    if parts.scheme not in {"imap", "imap+tls", "imap+ssl"} or not (
        parts.hostname and parts.username
    ):
        raise ImproperlyConfigured(
            "RETURN_MAILBOX_URL must look like imap+ssl://user:password@mail.example.org/INBOX"
            " (imap+tls:// for STARTTLS)."
        )
    security = parts.scheme.partition("+")[2]
    return {
        "host": parts.hostname,
        "port": parts.port or (993 if security == "ssl" else 143),
        "username": unquote(parts.username),
        "password": unquote(parts.password or ""),
        "folder": unquote(parts.path.strip("/")) or "INBOX",
        "security": security,
    }


def seconds(query: Query, usual: int) -> int:
    """Return the time limit behind the question mark of EMAIL_URL; raise ImproperlyConfigured unless it is one."""
    said = query.get("timeout", [str(usual)])[0]
    if not said.isdecimal() or not 1 <= int(said) <= 60:
        raise ImproperlyConfigured(
            f"The timeout in EMAIL_URL must be a number of seconds from 1 to 60; it is {said!r}."
        )
    return int(said)


def _possible(provider: Provider) -> set[str]:
    """What may stand behind the question mark."""
    possible = {"timeout", *provider.more}
    if provider.eu:
        possible.add("eu")
    return possible if provider.options else possible | {"api_url"}


def _options(provider: Provider, parts: SplitResult, query: Query) -> dict[str, Any]:
    # A header that one provider cannot take must not keep a message from going.
    options: dict[str, Any] = {"ignore_unsupported_features": True}
    if provider.options:
        return options | provider.options(parts, query)
    options["timeout"] = seconds(query, PROVIDER_SECONDS)
    said = ((provider.user, parts.username), (provider.password, parts.password))
    options |= {name: unquote(value or "") for name, value in said if name}
    if provider.host:
        options[provider.host] = parts.hostname
    if provider.eu and query.get("eu") == ["1"]:
        options["api_url"] = provider.eu
    return options | {name: query[name][0] for name in (*provider.more, "api_url") if name in query}
