"""What a proxy says of the visitor is believed of our own proxies only."""

import ipaddress

import pytest
from django.http import HttpResponse

from events_site.proxies import TrustedProxies


@pytest.fixture
def seen(rf, settings):
    """Gives the address, scheme and host that a view sees."""
    settings.TRUSTED_PROXIES = [
        ipaddress.ip_network(network) for network in ("10.0.0.0/8", "192.0.2.7", "2001:db8::/64")
    ]
    settings.ALLOWED_HOSTS = ["events.plenary.test"]

    def ask(peer, **headers):
        found = []

        def view(request):
            found.append((request.META["REMOTE_ADDR"], request.scheme, request.get_host()))
            assert not [name for name in request.META if name.startswith("HTTP_X_FORWARDED")]
            return HttpResponse()

        names = {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()}
        TrustedProxies(view)(rf.get("/", REMOTE_ADDR=peer, HTTP_HOST="events.plenary.test", **names))  # fmt: skip
        return found[0]

    return ask


HOST = "events.plenary.test"


@pytest.mark.parametrize("peer", ["10.1.2.3", "192.0.2.7", "2001:db8::1"])
def test_a_proxy_of_ours_says_who_asks_and_how(seen, peer):
    assert seen(peer, **{"for": "198.51.100.4", "proto": "https"}) == ("198.51.100.4", "https", HOST)  # fmt: skip


@pytest.mark.parametrize("peer", ["198.51.100.9", "192.0.2.8", "2001:db8:0:1::1", ""])
def test_nobody_else_is_believed(seen, peer):
    assert seen(peer, **{"for": "203.0.113.5", "proto": "https"}) == (peer, "http", HOST)


def test_the_host_is_never_taken_from_a_proxy(seen):
    assert seen("10.1.2.3", host="evil.example") == ("10.1.2.3", "http", HOST)


def test_of_several_hops_the_last_that_is_not_ours_is_the_visitor(seen):
    forged_and_true = "203.0.113.66, 198.51.100.4, 10.9.9.9"
    assert seen("10.1.2.3", **{"for": forged_and_true})[0] == "198.51.100.4"


def test_hops_that_are_all_ours_end_at_the_first(seen):
    assert seen("10.1.2.3", **{"for": "10.0.0.5, 10.0.0.6"})[0] == "10.0.0.5"


@pytest.mark.parametrize("said", ["", " , ,", "https"])
def test_a_scheme_or_hop_that_is_none_changes_nothing(seen, said):
    assert seen("10.1.2.3", proto="ftp", **({} if said == "https" else {"for": said})) == (
        "10.1.2.3", "http", HOST,
    )  # fmt: skip


def test_a_hop_that_is_no_address_does_not_become_the_visitor(seen):
    assert seen("10.1.2.3", **{"for": "198.51.100.4, <script>"})[0] == "10.1.2.3"


def test_without_proxies_nobody_is_believed(seen, settings):
    settings.TRUSTED_PROXIES = []
    assert seen("127.0.0.1", **{"for": "198.51.100.4"})[0] == "127.0.0.1"
