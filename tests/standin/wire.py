"""An answer as it goes over the wire: header lines and the pieces of the body, each sent by itself."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import brotli  # type: ignore[import-untyped]
import zstandard

from tests.standin.answers import EVENTS, JSON, Answer
from tests.standin.arrival import Arrival
from tests.standin.faults import FAULTS, RETRY_AFTER, envelope
from tests.standin.mint import Mint
from tests.standin.script import Coding, CutBy, Script

__all__ = ["Wire", "wire"]

ENGINE_FAILED = FAULTS[500]


@dataclass(frozen=True, slots=True)
class Wire:
    """`broken` says how the connection ends before the body does; None where it does not. `claimed_length` is what
    the header says in place of the truth."""

    status: int
    headers: list[tuple[str, str]]
    pieces: list[bytes]
    broken: CutBy | None
    claimed_length: int | None


def wire(answer: Answer, arrival: Arrival, script: Script, mint: Mint) -> Wire:
    plain = written(answer, script, mint)
    pieces = plain if script.cut is None else cut(plain, script.cut)
    broken = None if script.cut is None or script.cut_by == "end" else script.cut_by
    if script.chunk_size is not None:
        body, size = b"".join(pieces), script.chunk_size
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
    coding = script.encoding or chosen(answer, arrival)
    packed = encoded(pieces, coding, whole=broken is None)
    whole = encoded(plain, coding, whole=True) if broken else packed
    sized = answer.status != 200 or script.content_length is not None
    headers = described(answer, mint) | framed(coding, sum(map(len, whole)) if sized else None)
    if answer.media_type == JSON and answer.status == 200:
        headers["etag"] = etag(b"".join(plain))
    for name, value in script.headers.items():
        headers = {key: old for key, old in headers.items() if key.lower() != name.lower()}
        if value is not None:
            headers[name] = value
    return Wire(answer.status, list(headers.items()), packed, broken, script.content_length)


# --- bodies -----------------------------------------------------------------------------------------------------------


def written(answer: Answer, script: Script, mint: Mint) -> list[bytes]:
    """The body in its pieces: the events of a stream, or the one piece of any other body."""
    if answer.media_type == EVENTS:
        chunks = [compact(script.edited(chunk)) for chunk in answer.content]
        return events(chunks, script, mint)
    if answer.media_type == JSON:
        value = script.edited(answer.content)
        text = compact(value) if script.indent is None else json.dumps(value, indent=script.indent, ensure_ascii=False)
        return [text.encode()]
    return [answer.content]


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def events(chunks: list[str], script: Script, mint: Mint) -> list[bytes]:
    """The frames of a stream, with all that the script wants wrong with them."""
    wrong, middle = script.malformed, len(chunks) // 2
    if "bad-json" in wrong:
        chunks[middle] = chunks[middle][: len(chunks[middle]) // 2]
    if "error" in wrong:
        chunks = [*chunks[:middle], compact(script.edited({"error": envelope(ENGINE_FAILED, mint)["error"]}))]
    elif "no-done" not in wrong:
        chunks.append("[DONE]")
    comment = ": keep-alive\n\n" if "comments" in wrong else ""
    frames = [f"{comment}data: {chunk}\n\n" for chunk in chunks]
    return [(frame.replace("\n", "\r\n") if "crlf" in wrong else frame).encode() for frame in frames]


def cut(pieces: list[bytes], place: str | int) -> list[bytes]:
    """The pieces up to a place. Raises ValueError where the body has none of the kind."""
    at = place if isinstance(place, int) else offset(pieces, place)
    kept = []
    for piece in pieces:
        kept.append(piece[:at])
        at = max(at - len(piece), 0)
    return [piece for piece in kept if piece]


def offset(pieces: list[bytes], place: str) -> int:
    half = len(pieces) // 2
    before = sum(map(len, pieces[:half]))
    match place:
        case "stream":
            return before
        case "event":
            return before + len(pieces[half]) // 2
        case _:
            letters = [at for at, byte in enumerate(b"".join(pieces)) if byte >= 0xC0]
            if not letters:
                raise ValueError("no letter of this body has more than one byte")
            return letters[-1] + 1


# --- content codings --------------------------------------------------------------------------------------------------


def chosen(answer: Answer, arrival: Arrival) -> Coding:
    """Only whole replies are packed."""
    if answer.status != 200 or answer.media_type != JSON:
        return "identity"
    accepted = {item.partition(";")[0].strip() for item in arrival.header("accept-encoding").split(",")}
    return next((coding for coding in PACKERS if coding in accepted), "identity")


def deflater(bits: int) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    packer = zlib.compressobj(wbits=bits)
    return lambda piece: packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH), packer.flush


def brotli_packer() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    packer = brotli.Compressor()
    return lambda piece: packer.process(piece) + packer.flush(), packer.finish


def zstd_packer() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    packer = zstandard.ZstdCompressor().compressobj()
    return lambda piece: packer.compress(piece) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK), packer.flush


PACKERS: dict[Coding, Callable[[], tuple[Callable[[bytes], bytes], Callable[[], bytes]]]] = {
    "gzip": lambda: deflater(zlib.MAX_WBITS | 16),
    "br": brotli_packer,
    "deflate": lambda: deflater(zlib.MAX_WBITS),
    "zstd": zstd_packer,
}
"""What packs a piece so that it can be read at once, and what ends the body. Together's own choice comes first."""


def encoded(pieces: list[bytes], coding: Coding, *, whole: bool) -> list[bytes]:
    if coding == "identity":
        return pieces
    pack, end = PACKERS[coding]()
    packed = [pack(piece) for piece in pieces]
    return [*packed[:-1], b"".join([*packed[-1:], end()])] if whole else packed


# --- headers ----------------------------------------------------------------------------------------------------------


def described(answer: Answer, mint: Mint) -> dict[str, str]:
    """All that does not depend on how the body travels."""
    date = formatdate(mint.created, usegmt=True)
    proxy = {
        "Date": date,
        "Content-Type": answer.media_type,
        "Connection": "keep-alive",
        "server": "cloudflare",
        "cf-ray": f"{mint.ray}-AMS",
        "cf-cache-status": "DYNAMIC",
    }
    if answer.media_type.startswith("text/html"):
        return proxy
    received = f"{mint.created}{mint.number('received', 1000):03}"
    gateway = proxy | {
        "access-control-allow-origin": "*",
        "strict-transport-security": "max-age=15552000; includeSubDomains",
        "alt-svc": 'h3=":443"; ma=86400',
        "x-api-received": received,
        "x-amzn-trace-id": f"Root=1-{mint.created:08x}-{mint.hex('trace', 24)}",
        "x-request-id": mint.id,
    }
    return gateway if answer.status == 401 else gateway | from_engine(answer, received)


def from_engine(answer: Answer, received: str) -> dict[str, str]:
    """A request without a key never gets so far. More calls remain than the limit has, as measured."""
    headers = {
        "x-api-call-start": received,
        "x-ratelimit": "false",
        "x-ratelimit-limit": "100",
        "x-ratelimit-remaining": "199",
        "x-ratelimit-reset": "1",
        "x-ratelimit-limit-tokens": "100000",
        "x-ratelimit-remaining-tokens": "199000",
        "retry-after": RETRY_AFTER.get(answer.status, "0"),
    }
    if answer.media_type == EVENTS:
        return headers | {"cache-control": "no-cache, no-transform"}
    return headers | {"x-api-call-end": str(int(received) + 300), "vary": "Accept-Encoding"}


def framed(coding: Coding, length: int | None) -> dict[str, str]:
    """Errors say how long they are, everything else comes in chunks."""
    packed = {} if coding == "identity" else {"Content-Encoding": coding}
    return packed | ({"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)})


def etag(body: bytes) -> str:
    """Express's: the length and a digest of the body, before any content coding."""
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
    return f'W/"{len(body):x}-{digest[:27]}"'
