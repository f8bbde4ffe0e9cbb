"""Every recording that others made is read with its recorded status and its true body, or refused with the reason.

What is expected is read here a second time and independently: PyYAML, and Python's own codecs.
"""

from __future__ import annotations

import gzip
import json
import sys
from base64 import b64decode
from collections import Counter
from pathlib import Path
from typing import Any

import brotli
import pytest
import yaml

from acetate.cassette import Cassette, read_exchanges, rendered
from acetate.errors import CassetteError
from acetate.exchange import Exchange, RedactedExchange
from acetate.foreign import read_foreign

REFUSED = {"llama-stack-sdk-level": "objects that an SDK has parsed"}
CODECS = {"gzip": gzip.decompress, "br": brotli.decompress}


def header(headers: dict[str, Any], name: str) -> str:
    return ",".join(str(value) for key, values in headers.items() if key.lower() == name for value in values)


def independent(response: dict[str, Any]) -> bytes:
    if "parsed_body" in response:
        return json.dumps(response["parsed_body"], separators=(",", ":"), ensure_ascii=False).encode()
    body = response["body"]["string"]
    if isinstance(body, str):  # whatever its headers say, it is text
        return body.encode()
    coding = header(response["headers"], "content-encoding")
    return CODECS[coding](body) if coding else body


def expected_of_yaml(path: Path) -> list[tuple[int, bytes]]:
    document = yaml.load(path.read_bytes(), yaml.CSafeLoader)
    responses = [interaction["response"] for interaction in document["interactions"]]
    return [(response["status"]["code"], independent(response)) for response in responses]


def expected_of_har(path: Path) -> list[tuple[int, bytes]]:
    return [
        (entry["response"]["status"], packed(entry["response"]["content"]))
        for entry in json.loads(path.read_text())["log"]["entries"]
    ]


def packed(content: dict[str, Any]) -> bytes:
    if content.get("encoding") != "base64":
        return str(content["text"]).encode()
    return gzip.decompress(b"".join(b64decode(chunk) for chunk in json.loads(content["text"])))


def answers(exchanges: list[Exchange]) -> list[tuple[int, bytes]]:
    return [(each.response.status, each.response.body) for each in exchanges]


def tell(capsys: pytest.CaptureFixture[str], *lines: str) -> None:
    """To whoever runs the tests: how much was read is what they want to know."""
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")


def files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in suffixes)


def test_every_cassette_is_read_as_it_was_recorded(real_cassettes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: Counter[str] = Counter()
    read: Counter[str] = Counter()
    exchanges = 0
    for path in files(real_cassettes, ".yaml"):
        folder = path.parent.relative_to(real_cassettes).as_posix()
        found[folder] += 1
        loaded = Cassette.load(path, real_cassettes).exchanges
        assert answers(loaded) == expected_of_yaml(path), path
        read[folder] += 1
        exchanges += len(loaded)
    lines = [f"  {read[folder]:3} of {total:3}  {folder}" for folder, total in found.items()]
    total = f"  {read.total():3} of {found.total():3}  in all, {exchanges} exchanges"
    tell(capsys, "cassettes of others, read with status and body:", *lines, total)
    assert read == found
    assert exchanges > 200


def test_every_other_file_is_imported_or_refused_with_the_reason(
    real_cassettes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported = refused = 0
    paths = files(real_cassettes, ".har", ".json")
    for path in paths:
        reason = REFUSED.get(path.parent.name)
        if reason is None:
            assert answers(read_foreign(path).exchanges) == expected_of_har(path), path
            imported += 1
        else:
            with pytest.raises(CassetteError, match=reason):
                read_foreign(path)
            refused += 1
    tell(capsys, f"files of others: {imported} imported, {refused} refused with the reason, of {len(paths)}")
    assert imported + refused == len(paths) > 10


def pairs(headers: dict[str, Any], *without: str) -> list[tuple[str, str]]:
    lists = ((name, values if isinstance(values, list) else [values]) for name, values in headers.items())
    return [(name, value) for name, values in lists for value in values if name.lower() not in without]


def test_no_header_of_a_recording_is_lost_or_moved(real_cassettes: Path) -> None:
    compared = 0
    for path in files(real_cassettes, ".yaml"):
        interactions = yaml.load(path.read_bytes(), yaml.CSafeLoader)["interactions"]
        for recorded, exchange in zip(interactions, Cassette.load(path, real_cassettes).exchanges, strict=True):
            request, response = recorded["request"]["headers"], recorded["response"]["headers"]
            assert list(exchange.request.headers) == pairs(request), path
            kept = [pair for pair in exchange.response.headers if pair[0].lower() != "content-length"]
            assert kept == pairs(response, "content-encoding", "content-length"), path
            compared += len(request) + len(response)
    assert compared > 5000


def test_every_recording_survives_being_written_by_acetate(real_cassettes: Path) -> None:
    for path in files(real_cassettes, ".yaml"):
        loaded = Cassette.load(path, real_cassettes).exchanges
        text = rendered([RedactedExchange(exchange) for exchange in loaded])
        again = read_exchanges(text, path.name)
        assert answers(again) == answers(loaded), path
        assert [each.request for each in again] == [each.request for each in loaded], path
        stock = yaml.load(text, yaml.CSafeLoader)["interactions"]
        bodies = [interaction["response"]["body"]["string"] for interaction in stock]
        assert [body if isinstance(body, bytes) else body.encode() for body in bodies] == [
            each.response.body for each in loaded
        ]
