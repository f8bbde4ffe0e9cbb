"""The guard refuses what leads out of this machine and its networks, from whatever client, thread or reference."""

from __future__ import annotations

import _socket
import asyncio
import socket
import threading
import urllib.request

import pytest

from acetate.guard import Guard, NetworkRefused, is_local, said

PUBLIC = "192.0.2.1"


@pytest.fixture
def refused(monkeypatch):
    """What a guard on duty has refused. The suite's own guard stands aside."""
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, getattr(_socket.socket, name))
    found = []
    guard = Guard(found.append)
    guard.start()
    yield found
    guard.stop()


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "10.0.0.7", "172.16.3.4", "192.168.1.1", "169.254.1.1"),
        *("fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "localhost", "db", "postgres", "api.localhost", "nas.local"),
        *("db.internal", "host.docker.internal", "x.test", "DB."),
    ],
)
def test_this_machine_and_its_networks_are_local(host):
    assert is_local(host)


@pytest.mark.parametrize(
    "host",
    [
        *("8.8.8.8", PUBLIC, "172.32.0.1", "2606:4700::1", "::ffff:8.8.8.8", "api.together.ai", "together.xyz"),
        *("localhost.example.com", "internal.example", "100.64.0.1"),
    ],
)
def test_everything_else_is_not(host):
    assert not is_local(host)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_connection_is_refused(refused, method):
    with socket.socket() as client, pytest.raises(NetworkRefused, match=f"{PUBLIC}:443 was not reached"):
        getattr(client, method)((PUBLIC, 443))
    assert refused == [(PUBLIC, 443)]


def test_a_name_is_not_looked_up(refused):
    for look_up in (
        lambda: socket.getaddrinfo("api.together.ai", 443),
        lambda: socket.getaddrinfo(b"api.together.ai", 443),
        lambda: socket.gethostbyname("api.together.ai"),
        lambda: socket.gethostbyname_ex("api.together.ai"),
        lambda: socket.gethostbyaddr("api.together.ai"),
        lambda: socket.getfqdn("api.together.ai"),
    ):
        with pytest.raises(NetworkRefused, match=r"the name api\.together\.ai"):
            look_up()
    assert refused == [("api.together.ai", None)] * 6


def test_a_datagram_is_refused(refused):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        with pytest.raises(NetworkRefused):
            client.sendto(b"hello", (PUBLIC, 53))
        with pytest.raises(NetworkRefused):
            client.sendmsg([b"hello"], [], 0, (PUBLIC, 53))


def test_a_reference_from_before_and_the_socket_below_are_refused_too(refused):
    with pytest.raises(NetworkRefused):
        _socket.socket().connect((PUBLIC, 443))
    with socket.socket() as client, pytest.raises(NetworkRefused):
        _socket.socket.connect(client, (PUBLIC, 443))


def test_another_thread_and_an_event_loop_are_refused_too(refused):
    errors = []

    def reach():
        try:
            socket.create_connection((PUBLIC, 443), timeout=1)
        except NetworkRefused as error:
            errors.append(error)

    thread = threading.Thread(target=reach)
    thread.start()
    thread.join()
    assert len(errors) == 1
    with pytest.raises(NetworkRefused):
        asyncio.run(asyncio.open_connection(PUBLIC, 443))
    with pytest.raises(NetworkRefused):
        asyncio.run(asyncio.open_connection("api.together.ai", 443))


def test_no_client_takes_it_for_a_bad_connection(refused):
    with pytest.raises(NetworkRefused):
        urllib.request.urlopen(f"http://{PUBLIC}/", timeout=1)


def test_local_connections_pass_and_are_counted(refused, tmp_path, monkeypatch):
    passed = []
    guard = Guard(passed.append)
    guard.start()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            with socket.create_connection((host, port)):
                pass
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("door")
        server.listen()
        client.connect("door")
    guard.stop()
    assert (passed, refused) == ([], [])
    assert guard.passed["127.0.0.1", port] == 2


def test_a_provider_is_refused_also_on_this_machine(refused):
    guard = Guard(refused.append, lambda: frozenset({("127.0.0.1", 8000)}))
    guard.start()
    try:
        for host in ("127.0.0.1", "0.0.0.0", "127.8.8.8", "localhost"):
            with socket.socket() as client, pytest.raises(NetworkRefused, match=f"{host}:8000"):
                client.connect((host, 8000))
        with socket.socket(socket.AF_INET6) as client, pytest.raises(NetworkRefused, match=r"::ffff:127\.0\.0\.1:8000"):
            client.connect(("::ffff:127.0.0.1", 8000))
    finally:
        guard.stop()


@pytest.mark.parametrize("port", [4000, "4000", b"4000"])
def test_a_name_is_refused_where_a_provider_answers_under_it(refused, port):
    guard = Guard(refused.append, lambda: frozenset({("llm", 4000)}))
    guard.start()
    try:
        with pytest.raises(NetworkRefused, match=r"LLM\.:4000"):
            socket.getaddrinfo("LLM.", port)
        with pytest.raises(NetworkRefused, match="llm:4000"):
            asyncio.run(asyncio.open_connection("llm", 4000))
        assert socket.getaddrinfo("localhost", port)
    finally:
        guard.stop()


def test_providers_are_asked_for_each_time(refused):
    providers = set()
    guard = Guard(refused.append, lambda: frozenset(providers))
    guard.start()
    try:
        assert socket.getaddrinfo("localhost", 4000)
        providers.add(("localhost", 4000))
        with pytest.raises(NetworkRefused):
            socket.getaddrinfo("localhost", 4000)
    finally:
        guard.stop()


def test_the_guard_that_started_last_is_on_duty(refused):
    later = []
    guard = Guard(later.append)
    guard.start()
    with socket.socket() as client, pytest.raises(NetworkRefused):
        client.connect((PUBLIC, 443))
    guard.stop()
    with socket.socket() as client, pytest.raises(NetworkRefused):
        client.connect((PUBLIC, 443))
    assert (later, refused) == ([(PUBLIC, 443)], [(PUBLIC, 443)])


def test_what_a_guard_refused_passes_once_it_has_stopped():
    refused = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        provider = server.getsockname()
        guard = Guard(refused.append, lambda: frozenset({provider}))
        guard.start()
        try:
            with socket.socket() as client, pytest.raises(NetworkRefused):
                client.connect(provider)
        finally:
            guard.stop()
        with socket.socket() as client:
            assert client.connect_ex(provider) == 0
    assert refused == [provider]


def test_a_place_is_said_as_people_write_it():
    assert said(("api.together.ai", 443)) == "api.together.ai:443"
    assert said(("api.together.ai", None)) == "the name api.together.ai"
