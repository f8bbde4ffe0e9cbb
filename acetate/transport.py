"""Transport: the one door to the HTTP client, which is the standard library's.

One request, one answer. Certificates are verified, redirects are not followed (a token would go along), time and size
are bounded whatever the other side does.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from acetate.errors import AcetateError

__all__ = ["Answer", "Unreachable", "is_address", "send"]

_CHUNK = 1 << 16

Admits = Callable[[str], bool]


class Unreachable(AcetateError):
    """Nobody answered, or not in time, or not in bounds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_address(url: str) -> bool:
    """Whether a request can be sent there at all."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def send(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float = 10,
    limit: int = 16 << 20,
    admits: Admits | None = None,
) -> Answer:
    """Send a request. `timeout` is in seconds for all of it, `limit` in bytes of the answer. Raises Unreachable.

    Where `admits` is given, it is asked about the address that the connection really reached, before anything is sent
    there, and no proxy is used; else those of the environment are.
    """
    if not is_address(url):
        raise Unreachable("is no address of the web", where=url, next="write one with http:// or https://")
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    guard = _Guard(timeout, admits)
    try:
        with _opener(guard).open(request, timeout=timeout) as response:
            return Answer(response.status, _headers(response), _read(response, limit))
    except _Refused as refused:
        raise Unreachable(
            f"leads to {refused}, where nothing is sent", where=url, next="name another address"
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = "did not answer in time" if guard.is_over else _reason(error)
        raise Unreachable(reason, where=url, next="look whether it runs and can be reached from here") from None
    finally:
        guard.release()


class _Refused(Exception):
    """The address of a connection was not admitted. No OSError: that one is wrapped on its way."""


class _Guard:
    """Watches one connection: where it leads, and that it ends. The timeout of a socket begins anew with each byte."""

    def __init__(self, timeout: float, admits: Admits | None) -> None:
        self.admits = admits
        self.is_over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(timeout, self._end)
        self._timer.daemon = True
        self._timer.start()

    def connected(self, sock: socket.socket) -> None:
        address = str(sock.getpeername()[0])
        if self.admits is not None and not self.admits(address):
            sock.close()
            raise _Refused(address)
        self._socket = sock

    def release(self) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _Untouched(urllib.request.HTTPErrorProcessor):
    """Every answer is an answer, also an error or a redirect."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:  # noqa: ARG002
        return response

    https_response = http_response


def _opener(guard: _Guard) -> urllib.request.OpenerDirector:
    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            guard.connected(self.sock)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            guard.connected(self.sock)

    class Http(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class Https(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, req, context=ssl.create_default_context())

    direct = [urllib.request.ProxyHandler({})] if guard.admits else []
    return urllib.request.build_opener(_Untouched, Http, Https, *direct)


def _headers(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _read(response: Any, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.read1(_CHUNK):
        size += len(part)
        if size > limit:
            raise ValueError(f"it answers with more than {limit} bytes")
        parts.append(part)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        error = error.reason
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be reached: {error.strerror}"
    return f"cannot be reached: {error}" if str(error) else f"cannot be reached: {type(error).__name__}"
