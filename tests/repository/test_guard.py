"""tests/conftest.py keeps its promises to every other test."""

from __future__ import annotations

import os
import socket
import urllib.request
from pathlib import Path

import pytest

DOCUMENTATION_ADDRESS = "192.0.2.1"


@pytest.mark.parametrize("host", [DOCUMENTATION_ADDRESS, "provider.example"])
@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_connection_to_another_machine_is_refused(method, host):
    with socket.socket() as client, pytest.raises(RuntimeError, match=f"tried to reach .*{host}"):
        getattr(client, method)((host, 443))


def test_a_datagram_to_another_machine_is_refused():
    with socket.socket(type=socket.SOCK_DGRAM) as client, pytest.raises(RuntimeError, match="tried to reach"):
        client.sendto(b"hello", (DOCUMENTATION_ADDRESS, 53))


def test_a_client_library_cannot_hide_the_refusal():
    with pytest.raises(RuntimeError, match="tried to reach"):
        urllib.request.urlopen(f"http://{DOCUMENTATION_ADDRESS}/", timeout=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_passes(host):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect((host, server.getsockname()[1]))


def test_a_unix_socket_passes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("door")
        server.listen()
        client.connect("door")


def test_no_test_runs_as_ci_or_in_a_real_home():
    assert "CI" not in os.environ
    assert not list(Path.home().iterdir())
