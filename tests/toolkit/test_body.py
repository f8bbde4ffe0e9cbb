"""Bodies: decoded under a cap, parsed without losing a digit."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from functools import partial

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from acetate.body import decoded, essence, parse_json

MIB = 1024 * 1024


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def streamed_zstd(body: bytes) -> bytes:
    """Without its size in the frame header, as servers stream it."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": partial(brotli.compress, quality=4),
    "zstd": zstandard.compress,
    "ZSTD": streamed_zstd,
}
every_coding = pytest.mark.parametrize("coding", PACKERS)


@every_coding
@given(st.binary(min_size=1, max_size=300))
def test_what_a_server_packs_is_unpacked(coding: str, body: bytes) -> None:
    assert decoded(PACKERS[coding](body), coding) == body


@every_coding
def test_a_large_honest_body_is_unpacked(coding: str) -> None:
    body = b'{"index": 1, "text": "hello"}\n' * 100_000 + os.urandom(100_000)
    assert decoded(PACKERS[coding](body), coding) == body


@every_coding
@pytest.mark.parametrize("body", [b"", b'{"id": "x"}', b"data: [DONE]\n\n", "größer".encode()])
def test_what_a_recorder_has_decoded_already_stays_as_it_is(coding: str, body: bytes) -> None:
    assert decoded(body, coding) == body


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_bytes_without_the_mark_of_their_coding_are_decoded_already(coding: str) -> None:
    assert decoded(b"\x89PNG\r\n\x1a\n\x00\xff", coding) == b"\x89PNG\r\n\x1a\n\x00\xff"


@every_coding
def test_a_body_that_is_cut_off_is_refused(coding: str) -> None:
    packed = PACKERS[coding](os.urandom(4000))
    for end in (len(packed) // 2, len(packed) - 1):
        with pytest.raises(ValueError, match=r"cut off|damaged"):
            decoded(packed[:end], coding)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)[:-8] + bytes(8)),
        ("deflate", zlib.compress(b"hello")[:-4] + bytes(4)),
        ("deflate", b"\x07\xff\xfe\xfd"),
        ("br", b"\xff\xff\xff\xff"),
        ("zstd", zstandard.compress(b"hello")[:6] + b"\xff\xff\xff\xff"),
    ],
)
def test_a_damaged_body_is_refused(coding: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        decoded(body, coding)


@every_coding
def test_a_bomb_is_refused(coding: str) -> None:
    with pytest.raises(ValueError, match="more than 16 MiB"):
        decoded(PACKERS[coding](bytes(60 * MIB)), coding)


@every_coding
def test_a_bomb_in_a_bomb_is_refused(coding: str) -> None:
    with pytest.raises(ValueError, match="more than 16 MiB"):
        decoded(gzip.compress(PACKERS[coding](bytes(60 * MIB))), f"{coding}, gzip")


def test_many_small_members_together_are_a_bomb() -> None:
    with pytest.raises(ValueError, match="more than 16 MiB"):
        decoded(gzip.compress(bytes(9 * MIB)) * 2, "gzip")
    with pytest.raises(ValueError, match="more than 16 MiB"):
        decoded(zstandard.compress(bytes(9 * MIB)) * 2, "zstd")


def test_a_large_body_may_grow_to_fifty_times_its_size() -> None:
    body = os.urandom(MIB // 2) + bytes(20 * MIB)
    assert decoded(gzip.compress(body), "gzip") == body


def test_codings_are_undone_from_the_last_to_the_first() -> None:
    assert decoded(gzip.compress(brotli.compress(b"hello")), " br , identity, GZIP ") == b"hello"


def test_several_members_are_one_body_and_what_follows_is_ignored() -> None:
    assert decoded(gzip.compress(b"a") + gzip.compress(b"b") + b"\0\0", "gzip") == b"ab"
    assert decoded(zstandard.compress(b"a") + zstandard.compress(b"b"), "zstd") == b"ab"


def test_a_body_packed_of_nothing_is_nothing() -> None:
    assert decoded(gzip.compress(b""), "gzip") == b""


def test_an_unknown_coding_is_ignored_on_text_and_refused_on_bytes() -> None:
    assert decoded(b"hello", "chunked") == b"hello"
    with pytest.raises(ValueError, match="content coding"):
        decoded(b"\x1f\x9d\x90", "compress")


def test_the_essence_of_a_media_type_has_no_parameters() -> None:
    assert essence("Application/JSON; charset=utf-8") == "application/json"
    assert essence("") == ""


def test_integers_of_any_size_survive() -> None:
    assert parse_json(b'{"seed": 10583536942961263001234567890}') == {"seed": 10583536942961263001234567890}


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "[" * 100_000, "{", "9" * 5000, b"\xff"])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
