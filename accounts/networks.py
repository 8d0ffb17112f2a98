"""Tells which network an address on the internet is counted with."""

import ipaddress


def network_of(address: str) -> str:
    """Return one IPv4 address, or the /64 that an IPv6 subscriber holds; what is no address stays as it is.

    An IPv4 address in the clothes of IPv6 (RFC 4291 2.5.5.2) is itself.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip.packed, 64), strict=False))
    return str(ip)
