"""The bytes of a message: media type, content decoding under a cap, JSON with every number as it was sent."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from typing import Final, TypeAlias

__all__ = ["Json", "decoded", "essence", "parse_json"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_MIB = 1024 * 1024


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# Made once: `json.loads` would make one for every value, and that is a third of its time.
_JSON = json.JSONDecoder(parse_constant=_refuse)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def essence(content_type: str) -> str:
    """`application/json` of `application/json; charset=utf-8`; an empty string where there is none."""
    return content_type.partition(";")[0].strip().lower()


def parse_json(data: bytes | str) -> Json:
    """The JSON value. Integers of any size survive. Raises ValueError for everything that is not JSON (also NaN,
    Infinity and nesting that Python cannot hold)."""
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    try:
        value: Json = _JSON.decode(text)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    return value


def decoded(body: bytes, content_encoding: str) -> bytes:
    """The body without its content codings (`gzip`, `br`, `deflate`, `zstd`, or several with commas).

    Recorders often decode a body and keep its header, so what does not look coded is returned as it is. Raises
    ValueError for a body that is cut off or damaged, for a coding that nobody knows on bytes that are not text, and
    for one that unpacks to more than 16 MiB and 50 times its size, or to more than 64 MiB at all.
    """
    limit = min(max(16 * _MIB, 50 * len(body)), 64 * _MIB)
    for coding in reversed([name.strip().lower() for name in content_encoding.split(",")]):
        if body and coding not in ("", "identity"):
            body = _DECODERS.get(coding, _unknown)(body, limit)
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    """All members; what follows the last one is ignored, as clients do."""
    whole, rest = b"", body
    while rest.startswith(b"\x1f\x8b"):
        part, rest = _inflate(rest, zlib.MAX_WBITS | 16, limit, before=len(whole))
        whole += part
    return rest if rest is body else whole


def _undeflate(body: bytes, limit: int) -> bytes:
    """With a zlib header as the standard says, or raw as some servers send it."""
    if body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0:
        return _inflate(body, zlib.MAX_WBITS, limit)[0]
    return body if _is_text(body) else _inflate(body, -zlib.MAX_WBITS, limit)[0]


def _inflate(body: bytes, window: int, limit: int, *, before: int = 0) -> tuple[bytes, bytes]:
    """What one stream unpacks to, and the bytes behind it. `before` it, so much has been unpacked already."""
    inflater = zlib.decompressobj(window)
    try:
        plain = inflater.decompress(body, limit - before + 1)
    except zlib.error as error:
        raise ValueError(f"the body is damaged: {error}") from None
    _check(before + len(plain), limit, whole=inflater.eof)
    return plain, inflater.unused_data


def _unbrotli(body: bytes, limit: int) -> bytes:
    if _is_text(body):  # Brotli has no magic number; what it packs is never clean text
        return body
    import brotli  # type: ignore[import-untyped]

    inflater = brotli.Decompressor()
    size = 0
    try:
        parts: list[bytes] = [inflater.process(body, output_buffer_limit=_MIB)]
        while parts[-1] and size <= limit:
            size += len(parts[-1])
            parts.append(inflater.process(b"", output_buffer_limit=_MIB))
    except brotli.error as error:
        raise ValueError(f"the body is damaged: {error}") from None
    _check(size, limit, whole=inflater.is_finished())
    return b"".join(parts)


def _unzstd(body: bytes, limit: int) -> bytes:
    """All frames. The window is bounded to 8 MiB, as RFC 9659 has it."""
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=8 * _MIB)
    whole, rest = b"", body
    try:
        while rest.startswith(b"\x28\xb5\x2f\xfd"):
            with unpacker.stream_reader(rest) as reader:  # this one can stop at the limit,
                _check(len(whole) + len(reader.read(limit - len(whole) + 1)), limit, whole=True)
            frame = unpacker.decompressobj()  # and only this one tells whether the frame was complete
            whole += frame.decompress(rest)
            _check(len(whole), limit, whole=frame.eof)
            rest = frame.unused_data
    except zstandard.ZstdError as error:
        raise ValueError(f"the body is damaged: {error}") from None
    return rest if rest is body else whole


def _unknown(body: bytes, _limit: int) -> bytes:
    if _is_text(body):
        return body
    raise ValueError("nobody here knows its content coding")


def _check(size: int, limit: int, *, whole: bool) -> None:
    if size > limit:
        raise ValueError(f"the body unpacks to more than {limit // _MIB} MiB: refused as a decompression bomb")
    if not whole:
        raise ValueError("the body is cut off: its content coding ends early")


def _is_text(body: bytes) -> bool:
    try:
        return not _CONTROL.search(body.decode())
    except UnicodeDecodeError:
        return False


_DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
