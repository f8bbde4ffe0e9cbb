"""Address: where the service may send something. An administrator names the place; what answers there may still be
the machine's own metadata, which hands out its credentials."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from app.errors import Unprocessable

__all__ = ["admits", "checked"]

METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})
"""Outside of the link-local networks, where the others are."""


def checked(url: str) -> str:
    """The address as it is kept. Raises Unprocessable for one that nothing is ever sent to."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None or not url.isprintable():
        raise Unprocessable("address-unusable", "Name an http(s) address without a user or password in it.")
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return url  # A name: what it leads to is looked at each time.
    if not admits(str(literal)):
        raise Unprocessable("address-refused", "Nothing is sent to that network.")
    return url


def admits(address: str) -> bool:
    """Whether something may be sent to an IP address: loopback and private networks are the administrator's choice,
    link-local ones (and with them the metadata of clouds) are nobody's."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = _inside(found)
    return not (found.is_link_local or found.is_multicast or found.is_unspecified or found in METADATA) and (
        mapped is None or admits(str(mapped))
    )


def _inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, 6to4, or behind NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
