"""Believes what a proxy says of the visitor only when the proxy is one of ours."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")


class TrustedProxies:
    """Takes address and scheme of the visitor from TRUSTED_PROXIES; drops those headers from anyone else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        forwarded_for, scheme, _host = (request.META.pop(name, "") for name in FORWARDED)
        if _is_trusted(request.META.get("REMOTE_ADDR", "")):
            if scheme in {"http", "https"}:
                request.META["wsgi.url_scheme"] = scheme
            for hop in reversed(
                [part.strip() for part in forwarded_for.split(",") if part.strip()]
            ):
                if not _is_address(hop):
                    break
                request.META["REMOTE_ADDR"] = hop
                if not _is_trusted(hop):
                    break
        return self.get_response(request)


def _is_trusted(address: str) -> bool:
    return _is_address(address) and any(
        ipaddress.ip_address(address) in network for network in settings.TRUSTED_PROXIES
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
