"""Envelope: a request's body as it was before it was packed, within bounds."""

from __future__ import annotations

import json
import zlib
from typing import Any

from app.errors import Problem

__all__ = ["opened"]

GZIP = 16 + zlib.MAX_WBITS


def opened(body: bytes, encoding: str, *, most: int) -> Any:
    """The JSON of a body that may be gzipped; it has `most` bytes at most once it is unpacked."""
    if encoding.lower() == "gzip":
        body = _unzipped(body, most)
    elif encoding.lower() not in ("", "identity"):
        raise Problem("encoding-unknown", "The body may be gzipped or plain.", status=415)
    try:
        return json.loads(body, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise Problem("not-json", "The body is not JSON.", status=400) from None


def _unzipped(body: bytes, most: int) -> bytes:
    """Stops at the bound: a small body can hold gigabytes."""
    reader = zlib.decompressobj(GZIP)
    try:
        content = reader.decompress(body, most)
    except zlib.error:
        raise Problem("not-gzip", "The body says that it is gzipped, and is not.", status=400) from None
    if reader.unconsumed_tail:
        raise Problem("body-too-large", f"Unpacked, the body may have {most} bytes at most.", status=413)
    if not reader.eof or reader.unused_data:
        raise Problem("not-gzip", "The body is not one whole gzip member.", status=400)
    return content


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
