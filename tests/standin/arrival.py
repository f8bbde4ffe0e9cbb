"""A request as it arrived at the stand-in, as a value."""

from __future__ import annotations

import email
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Arrival"]


@dataclass(frozen=True)
class Arrival:
    """`target` is what stood in the request line, header names are lower-case, `body` is the bytes as sent."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def call(self) -> str:
        """Method and path without the version: the SDKs differ in where they put it."""
        return f"{self.method} {urlsplit(self.target).path.removeprefix('/v1')}"

    def header(self, name: str) -> str:
        """The first value, empty where there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def key(self) -> str:
        """The bearer key, empty where there is none."""
        scheme, _, key = self.header("authorization").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    @property
    def essence(self) -> bytes:
        """What makes two requests the same: a body's meaning, not its order or the boundary of its parts."""
        asked: Any = self.body.hex()
        if self.form:
            asked = [[name, value.hex()] for name, value in sorted(self.form.items())]
        elif self.body:
            with suppress(ValueError):
                asked = self.json
        return json.dumps([self.method, self.target.removeprefix("/v1"), asked], sort_keys=True).encode()

    @cached_property
    def json(self) -> Any:
        """Raises ValueError where the body is not JSON."""
        return json.loads(self.body)

    @cached_property
    def form(self) -> dict[str, bytes]:
        """The parts of a multipart body by their names; empty for any other body."""
        content_type = self.header("content-type")
        message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + self.body)
        if not message.is_multipart():
            return {}
        parts = (part for part in message.get_payload() if isinstance(part, email.message.Message))
        return {str(part.get_param("name", "", "content-disposition")): payload(part) for part in parts}


def payload(part: email.message.Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
