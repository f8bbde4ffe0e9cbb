"""Server-sent events, as the WHATWG standard reads them: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Decoder", "Event", "events"]

_BOM = b"\xef\xbb\xbf"
_DIGITS = re.compile(r"[0-9]{1,18}\Z")


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event. `id` and `retry` (milliseconds) are those in force, None until one was sent; `offset` is
    the byte of the body at which its first field begins."""

    type: str
    data: str
    id: str | None = None
    retry: int | None = None
    offset: int = 0


class Decoder:
    """Bytes in, events out as soon as their blank line has come; how the bytes are cut makes no difference.

    Never raises: bytes that are not UTF-8 become U+FFFD, unknown fields and a `retry` of over 18 digits are ignored.
    Time is linear in the bytes.
    """

    def __init__(self) -> None:
        self._fields: list[bytes] = []
        self._line = bytearray()
        self._position = 0
        self._offset = 0
        self._after_cr = False
        self._id: str | None = None
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                self._position += 1
                chunk = chunk[1:]
        lines = chunk.splitlines(keepends=True)
        rest = b"" if not lines or lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        found: list[Event] = []
        if lines:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
            self._after_cr = not rest and lines[-1].endswith(b"\r")
            for line in lines:
                self._read(line, found)
        self._line += rest
        return found

    @property
    def incomplete(self) -> bytes:
        """The fields of an event whose blank line has not come, line ends as LF; empty when there are none. At the
        end of a stream they are lost: the standard discards them."""
        line = self._line.removeprefix(_BOM) if self._position == 0 else self._line
        return b"\n".join([*self._fields, b"" if line.startswith(b":") else line])

    def _read(self, line: bytes, found: list[Event]) -> None:
        at = self._position
        self._position += len(line)
        text = line.rstrip(b"\r\n")
        if at == 0:
            text = text.removeprefix(_BOM)
        if not text:
            self._dispatch(found)
        elif not text.startswith(b":"):
            if not self._fields:
                self._offset = at
            self._fields.append(text)

    def _dispatch(self, found: list[Event]) -> None:
        kind = ""
        data: list[str] = []
        for field in self._fields:
            name, _, value = field.decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "event":
                kind = value
            elif name == "id" and "\0" not in value:
                self._id = value
            elif name == "retry" and _DIGITS.match(value):
                self._retry = int(value)
        self._fields.clear()
        if data:
            found.append(Event(kind or "message", "\n".join(data), self._id, self._retry, self._offset))


def events(body: bytes) -> list[Event]:
    """The events of a whole body. An event without its blank line is discarded (`Decoder.incomplete` has it)."""
    return Decoder().feed(body)
