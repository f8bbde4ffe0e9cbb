"""A server on this machine that answers what a test tells it to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["Loopback", "answer", "listening"]

Conversation = Callable[[socket.socket, bytes], None]


@dataclass
class Loopback:
    """Its address, what it was asked, and what it says to each who connects: raw bytes, or whatever a function does."""

    port: int
    says: bytes | Conversation = b""
    wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection
    asked: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """A whole response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def listening() -> Iterator[Loopback]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        loopback = Loopback(server.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(server, loopback))
        thread.start()
        try:
            yield loopback
        finally:
            loopback.says = _stop
            socket.create_connection(("127.0.0.1", loopback.port)).close()
            thread.join()


def _stop(connection: socket.socket, request: bytes) -> None:
    """Never called: it ends the loop."""


def _serve(server: socket.socket, loopback: Loopback) -> None:
    while True:
        accepted, _ = server.accept()
        with accepted:
            if loopback.says is _stop:
                return
            with contextlib.suppress(OSError), loopback.wrap(accepted) as connection:  # The client has had enough.
                request = _request(connection)
                loopback.asked.append(request)
                if isinstance(loopback.says, bytes):
                    connection.sendall(loopback.says)
                else:
                    loopback.says(connection, request)


def _request(connection: socket.socket) -> bytes:
    """Head and body of a request."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
