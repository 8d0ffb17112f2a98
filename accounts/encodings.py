"""Which codings of content a browser or program takes (RFC 9110 12.5.3)."""

import re

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

GZIP = re.compile(
    r"(?:^|[\s,])(?:x-)?gzip\s*(?:;\s*q=(?P<weight>[0-9.]+))?\s*(?:,|$)", re.IGNORECASE
)


def takes_gzip(request: HttpRequest) -> bool:
    """Whether gzip is asked for, and not with a weight of nought."""
    found = GZIP.search(request.headers.get("Accept-Encoding", ""))
    return found is not None and (found["weight"] or "1").strip("0.") != ""


class ZippedOnRequest(GZipMiddleware):
    """Django's middleware takes any mention of gzip for a wish, also the refusal `gzip;q=0`."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if takes_gzip(request):
            return super().process_response(request, response)
        patch_vary_headers(response, ["Accept-Encoding"])
        return response
