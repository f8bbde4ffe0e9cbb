"""One request, one answer, and nobody can make us wait or go elsewhere."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from acetate.transport import Unreachable, send
from tests.toolkit.loopback import Loopback, answer, listening


@pytest.fixture
def there() -> Iterator[Loopback]:
    with listening() as loopback:
        yield loopback


def test_a_request_is_sent_and_its_answer_comes_back(there):
    there.says = answer(b"yes", "201 Created", "X-Kind: test")
    said = send("POST", f"{there.url}/place?x=1", b"body", {"Authorization": "Bearer t"})
    assert (said.status, said.headers["x-kind"], said.body) == (201, "test", b"yes")
    head, _, body = there.asked[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /place?x=1 HTTP/1.1")
    assert (b"Authorization: Bearer t" in head, body) == (True, b"body")


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error"])
def test_an_error_is_an_answer_like_any_other(there, status):
    there.says = answer(b"no", status)
    said = send("GET", there.url)
    assert (said.status, said.body) == (int(status[:3]), b"no")


def test_a_redirect_is_not_followed_so_that_no_token_goes_along(there):
    there.says = answer(b"", "302 Found", f"Location: {there.url}/elsewhere")
    assert send("GET", there.url).status == 302
    assert len(there.asked) == 1


def test_an_answer_has_a_bound(there):
    there.says = answer(b"x" * 2000)
    with pytest.raises(Unreachable, match="more than 1000 bytes"):
        send("GET", there.url, limit=1000)


def drip(connection: socket.socket, request: bytes) -> None:
    """A byte now and then, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def silence(connection: socket.socket, request: bytes) -> None:
    connection.recv(1)


@pytest.mark.parametrize("says", [drip, silence])
def test_who_does_not_come_to_an_end_is_left(there, says):
    there.says = says
    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer in time"):
        send("GET", there.url, timeout=0.3)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("says", [b"", b"no HTTP at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
def test_what_is_no_answer_is_said(there, says):
    there.says = says
    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        send("GET", there.url)
    assert caught.value.next


def test_nobody_there_is_said(there):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable, match="Connection refused"):
        send("GET", f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "http://", "nothing", "http://[::1"])
def test_what_is_no_address_of_the_web_is_refused(url):
    with pytest.raises(Unreachable):
        send("GET", url)


def test_an_address_that_is_not_admitted_is_sent_nothing(there):
    asked: list[str] = []

    def admits(address: str) -> bool:
        asked.append(address)
        return False

    with pytest.raises(Unreachable, match=r"leads to 127\.0\.0\.1, where nothing is sent"):
        send("GET", there.url.replace("127.0.0.1", "localhost"), admits=admits)
    assert (set(asked), b"".join(there.asked)) == ({"127.0.0.1"}, b"")


def test_an_address_that_is_admitted_is_reached_without_a_proxy(there, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    there.says = answer(b"here")
    assert send("GET", there.url, admits=lambda address: True).body == b"here"


def test_a_proxy_of_the_environment_is_used_elsewhere(there, monkeypatch):
    monkeypatch.setenv("http_proxy", there.url)
    monkeypatch.delenv("no_proxy", raising=False)
    there.says = answer(b"through the proxy")
    assert send("GET", "http://acetate.example.org/x").body == b"through the proxy"
    assert there.asked[0].startswith(b"GET http://acetate.example.org/x ")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of localhost, vouched for by nobody but itself; its key is in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return file


@pytest.fixture
def secured(there: Loopback, certificate: Path) -> str:
    """The address of a server that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    there.wrap = lambda connection: context.wrap_socket(connection, server_side=True)
    there.says = answer(b"in private")
    return f"https://localhost:{there.port}"


def test_a_certificate_that_nobody_vouches_for_is_refused(secured):
    with pytest.raises(Unreachable, match="certificate that is not trusted"):
        send("GET", secured, headers={"Authorization": "Bearer t"})


def test_a_certificate_that_is_trusted_is_taken(secured, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send("GET", secured, admits=lambda address: True).body == b"in private"
    with pytest.raises(Unreachable, match="certificate that is not trusted"):
        send("GET", secured.replace("localhost", "127.0.0.1"))
