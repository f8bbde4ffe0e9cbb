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
from typing import Any, Final, NoReturn

from acetate.errors import AcetateError

__all__ = ["Guard", "NetworkRefused", "Place", "is_local", "said"]

Place = tuple[str, int | None]
"""A host (a name or an address) and a port; None where only the name was looked up."""

_ADDRESSED: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOKED_UP: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_NEVER_PUBLIC: Final = ("localhost", "local", "internal", "test", "invalid", "home.arpa")
_PRIVATE: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"))
)


class NetworkRefused(AcetateError):
    """A test reached for the network. Not an OSError: no client may take it for a bad connection and try again."""


@dataclass(slots=True)
class Guard:
    """Between `start` and `stop` it refuses. `refused` is told of each attempt, from whatever thread; `providers` is
    asked each time, as a test may say where one is to be found; `passed` counts what was let through."""

    refused: Callable[[Place], None]
    providers: Callable[[], frozenset[Place]] = frozenset
    passed: Counter[Place] = field(default_factory=Counter)

    def start(self) -> None:
        """One guard is on duty at a time: the one that started last."""
        if not _on_duty:
            _install()
        _on_duty.append(self)

    def stop(self) -> None:
        _on_duty.remove(self)

    def check(self, place: Place) -> None:
        """Raises NetworkRefused for an address that is not of here."""
        __tracebackhide__ = True
        if not is_local(place[0]) or self._is_provider(place):
            self._refuse(place)
        self.passed[place] += 1

    def check_name(self, place: Place) -> None:
        """Raises NetworkRefused for a name that is not of here. A provider's may be: what is found under it could be
        anything, so that it is not even looked up."""
        __tracebackhide__ = True
        if self._is_provider(place):
            self._refuse(place)
        if not is_local(place[0]):
            self._refuse((place[0], None))

    def _is_provider(self, place: Place) -> bool:
        return _plain(place) in map(_plain, self.providers())

    def _refuse(self, place: Place) -> NoReturn:
        __tracebackhide__ = True
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
    address = _address(host)
    if address is None:
        name = _plain_name(host)
        return "." not in name or name.endswith(tuple(f".{suffix}" for suffix in _NEVER_PUBLIC))
    near = address.is_loopback or address.is_unspecified or address.is_link_local
    return near or any(address in network for network in _PRIVATE if network.version == address.version)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is; None for a name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _plain(place: Place) -> Place:
    """One spelling for all that lead to the same door: `0.0.0.0`, `127.0.0.1` and `::1` are this machine."""
    address = _address(place[0])
    if address is None:
        return _plain_name(place[0]), place[1]
    return "localhost" if address.is_loopback or address.is_unspecified else str(address), place[1]


def _plain_name(host: str) -> str:
    return host.lower().rstrip(".")


# An audit hook cannot be taken out again, so there is one for all guards, which does nothing while none is on duty.
_on_duty: list[Guard] = []
_installed: list[bool] = []


def _install() -> None:
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    __tracebackhide__ = True
    if not _on_duty:
        return
    if event in _LOOKED_UP and arguments[0]:
        _on_duty[-1].check_name(_name(arguments))
    elif event in _ADDRESSED and (place := _place(arguments)) is not None:
        try:
            _on_duty[-1].check(place)
        except NetworkRefused:
            # Whoever opened it expects nothing but an OSError, and would leave it open.
            if event == "socket.connect":
                arguments[0].close()
            raise


# Otherwise no debugger and no coverage sees what happens in there.
_hear.__cantrace__ = True  # type: ignore[attr-defined]


def _name(arguments: tuple[Any, ...]) -> Place:
    """What is looked up, and the port that it is wanted for where that is known."""
    port = _text(arguments[1]) if len(arguments) > 1 else ""
    return _text(arguments[0]), int(port) if port.isdecimal() else None


def _place(arguments: tuple[Any, ...]) -> Place | None:
    """Where a socket leads; None for what stays inside of the machine by its nature (a Unix socket, no address)."""
    address = arguments[1]
    if arguments[0].family not in (socket.AF_INET, socket.AF_INET6) or not address:
        return None
    return _text(address[0]), int(address[1])


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
