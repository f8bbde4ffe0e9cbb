"""The parts of a multipart body, and where they stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Part", "boundary", "parts"]

_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name="?([^";\r\n]*)', re.IGNORECASE)
_BLANK_LINE = re.compile(r"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its header lines, its `name` (empty where it has none), and the span of its content in the body."""

    headers: str
    name: str
    start: int
    end: int


def boundary(content_type: str) -> str | None:
    """What separates the parts, or None if the media type is not multipart."""
    if not content_type.lower().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return found[1] if found else None


def parts(body: str, boundary: str) -> Iterator[Part]:
    """The parts in order. Preamble and epilogue are nobody's."""
    delimiter = "--" + boundary
    start = body.find(delimiter)
    while start >= 0 and not body.startswith("--", start + len(delimiter)):
        start += len(delimiter)
        following = body.find(delimiter, start)
        yield _part(body, start, len(body) if following < 0 else following)
        start = following


def _part(body: str, start: int, end: int) -> Part:
    blank = _BLANK_LINE.search(body, start, end)
    headers, content = (body[start : blank.start()], blank.end()) if blank else ("", start)
    for line_end in ("\r\n", "\n"):
        if body.endswith(line_end, content, end):
            end -= len(line_end)
            break
    name = _NAME.search(headers)
    return Part(headers, name[1] if name else "", content, end)
