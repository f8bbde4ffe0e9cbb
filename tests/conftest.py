"""What every test stands on: no network, no CI, nobody's home, and other people's recordings where there are any."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parents[1]
FOREIGN = re.compile(r"CI\Z|(CI|GITHUB|GITLAB|XDG)_|PYTEST_ADDOPTS\Z|.*_(API_KEY|BASE_URL|PROXY)\Z", re.IGNORECASE)
"""What a CI job or a developer's shell may set and a test must not see. A proxy would be a way past the guard."""

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "quick")


class NetworkBlocked(RuntimeError):
    """A test reached for an address outside this machine. Not an OSError: nothing may take it for a bad connection."""


def is_local(family: int, address: Any) -> bool:
    """True for a Unix socket and for loopback: a name other than localhost is not looked up."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """The socket method, with the address (its last argument) looked at first."""

    def call(self: socket.socket, *args: Any) -> Any:
        if not is_local(self.family, args[-1]):
            self.close()
            raise NetworkBlocked(f"a test tried to reach {args[-1]}")
        return method(self, *args)

    return call


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set for each test anew: other plugins put the socket back as they found it."""
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))


@pytest.fixture(scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, _home: Path) -> None:
    """A developer's machine that belongs to nobody. A test about CI sets `CI` itself."""
    for name in [name for name in os.environ if FOREIGN.match(name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(_home))


@pytest.fixture(scope="session")
def real_cassettes() -> Path:
    """The folder of other people's recordings that lies beside the repository. They are not ours to copy into it."""
    folder = REPOSITORY.parent / "shared" / "real-cassettes"
    if not folder.is_dir():
        pytest.skip("no ../shared/real-cassettes beside the repository")
    return folder
