"""Guard: in replay-only, no socket of this process reaches out of the machine and its private networks.

Loopback, private addresses, names without a dot and Unix sockets pass, so that databases work; they are listed. What
the configuration calls a provider is refused wherever it lies. The guard hears of every connection from the
interpreter itself (an audit hook), so no client, no earlier import and no patch of a test goes around it; what does
not use Python's sockets (uvloop, pycurl, another process) does. A name that is handed straight to `connect`, which no
client does, is looked up before the connection is refused.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from acetate.errors import AcetateError

__all__ = ["Guard", "NetworkRefused", "Place", "is_local", "said"]

Place = tuple[str, int | None]
"""A host (a name or an address) and a port; None where only the name was looked up."""

_ADDRESSED: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOKED_UP: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_NEVER_PUBLIC: Final = ("localhost", "local", "internal", "test", "invalid", "home.arpa")
_PRIVATE: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"))
)


class NetworkRefused(AcetateError):
    """A test reached for the network. Not an OSError: no client may take it for a bad connection and try again."""


@dataclass(slots=True)
class Guard:
    """Between `start` and `stop` it refuses. `refused` is told of each attempt, from whatever thread; `passed` counts
    what was let through."""

    refused: Callable[[Place], None]
    providers: frozenset[Place] = frozenset()
    passed: Counter[Place] = field(default_factory=Counter)

    def start(self) -> None:
        """One guard is on duty at a time: the one that started last."""
        if not _on_duty:
            _install()
        _on_duty.append(self)

    def stop(self) -> None:
        _on_duty.remove(self)

    def check(self, place: Place) -> None:
        """Raises NetworkRefused for an address or a name that is not of here."""
        __tracebackhide__ = True
        if is_local(place[0]) and place not in self.providers:
            if place[1] is not None:
                self.passed[place] += 1
            return
        self.refused(place)
        raise NetworkRefused(
            f"replay-only: {said(place)} was not reached",
            where="the network",
            next="record the test (without CI set and without --acetate-replay-only), or mark it to use its cassette",
        )


def said(place: Place) -> str:
    """`api.together.ai:443`, or `the name api.together.ai`."""
    host, port = place
    return f"the name {host}" if port is None else f"{host}:{port}"


def is_local(host: str) -> bool:
    """True for loopback, private networks, and names that nobody can register."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        name = host.lower().rstrip(".")
        return "." not in name or name.endswith(tuple(f".{suffix}" for suffix in _NEVER_PUBLIC))
    address = getattr(address, "ipv4_mapped", None) or address
    near = address.is_loopback or address.is_unspecified or address.is_link_local
    return near or any(address in network for network in _PRIVATE if network.version == address.version)


# An audit hook cannot be taken out again, so there is one for all guards, which does nothing while none is on duty.
_on_duty: list[Guard] = []
_installed: list[bool] = []


def _install() -> None:
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    __tracebackhide__ = True
    if _on_duty and event in _HEARD:
        place = _place(event, arguments)
        if place is None:
            return
        try:
            _on_duty[-1].check(place)
        except NetworkRefused:
            # Whoever opened it expects nothing but an OSError, and would leave it open.
            if event == "socket.connect":
                arguments[0].close()
            raise


# Otherwise no debugger and no coverage sees what happens in there.
_hear.__cantrace__ = True  # type: ignore[attr-defined]


def _place(event: str, arguments: tuple[Any, ...]) -> Place | None:
    """Where an event leads; None for what stays inside of the machine by its nature (a Unix socket, no address)."""
    if event in _LOOKED_UP:
        return (_text(arguments[0]), None) if arguments[0] else None
    address = arguments[1]
    if arguments[0].family not in (socket.AF_INET, socket.AF_INET6) or not address:
        return None
    return _text(address[0]), int(address[1])


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)


_HEARD = _ADDRESSED | _LOOKED_UP
