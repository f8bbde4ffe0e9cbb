"""Server-sent events: reading those of the provider as they arrive, writing our own."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["KEEP_ALIVE", "MEDIA_TYPE", "EventReader", "OversizedEvent", "event"]

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE = b": keep-alive\n\n"
LONGEST_EVENT = 1_048_576


class OversizedEvent(ValueError):
    """An event that does not end."""


class EventReader:
    """Takes bytes as they come, cut anywhere, and gives the data of each event that they complete."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self._data: list[str] = []

    def feed(self, received: bytes) -> Iterator[str]:
        """Raises OversizedEvent."""
        self._text += self._decoder.decode(received)
        *lines, self._text = self._text.split("\n")
        for line in lines:
            yield from self._read(line.removesuffix("\r"))
        if len(self._text) + sum(map(len, self._data)) > LONGEST_EVENT:
            raise OversizedEvent(f"an event of more than {LONGEST_EVENT} characters")

    def _read(self, line: str) -> Iterator[str]:
        """Only `data` counts: no provider of chat completions uses another field."""
        if line.startswith("data:"):
            self._data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and self._data:
            yield "\n".join(self._data)
            self._data = []


def event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
