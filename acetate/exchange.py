"""One request and its response, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NewType

__all__ = ["Exchange", "Headers", "Recording", "RedactedExchange", "Request", "Response", "header"]

Headers = tuple[tuple[str, str], ...]
"""Name and value in the order they were sent; a name that was sent twice stands twice."""


def header(headers: Headers, name: str) -> str | None:
    """The first value of a header, whatever the case of its name."""
    wanted = name.lower()
    for key, value in headers:
        if key.lower() == wanted:
            return value
    return None


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. `body` is the bytes as sent, empty where there were none."""

    method: str
    uri: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered. `body` is decoded (no Content-Encoding is left to undo), byte for byte otherwise."""

    status: int
    reason: str = ""
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Recording:
    """How an exchange was recorded: what rides under `response.acetate` in a cassette.

    `recorded_at` is RFC 3339 in UTC, `source` the host that really answered, `elapsed_ms` the whole call,
    `test` the id of the test that made it, `chunks` pairs of (ms since the request was sent, bytes of the
    stored body). All are None or empty in cassettes that another recorder wrote.
    """

    recorded_at: str | None = None
    source: str | None = None
    elapsed_ms: int | None = None
    test: str | None = None
    chunks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response."""

    request: Request
    response: Response
    recording: Recording = field(default_factory=Recording)


RedactedExchange = NewType("RedactedExchange", Exchange)
"""An exchange without secrets. Only `redaction.redact` makes one, and a cassette takes nothing else."""
