"""Redaction over other people's recordings: what is no secret stays, and what is one goes."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from acetate.exchange import Exchange, Headers, Request, Response
from acetate.redaction import MARK, Redaction, redact
from acetate.secret import scan

RECORDINGS = Path(__file__).parents[3] / "shared" / "real-cassettes"
EXPECTED_HEADERS = {
    *("authorization", "x-api-key", "cookie", "set-cookie", "openai-organization", "openai-project"),
    *("x-databricks-org-id", "x-together-client-user-agent"),
}

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="../shared/real-cassettes is not here")


@cache
def exchanges() -> list[tuple[str, Exchange]]:
    return list(read())


def read() -> Iterator[tuple[str, Exchange]]:
    for path in sorted(RECORDINGS.rglob("*.yaml")):
        recorded = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
        for number, one in enumerate(recorded["interactions"]):
            request, response = one["request"], one["response"]
            status = response["status"]
            yield (
                f"{path.stem}#{number}",
                Exchange(
                    Request(request["method"], request["uri"], headers_of(request), body_of(request)),
                    Response(
                        status["code"] if isinstance(status, dict) else status,
                        (status["message"] or "") if isinstance(status, dict) else "",
                        headers_of(response),
                        body_of(response),
                    ),
                ),
            )


def headers_of(message: dict) -> Headers:
    found = []
    for name, values in (message.get("headers") or {}).items():
        found += [(name, str(value)) for value in (values if isinstance(values, list) else [values])]
    return tuple(found)


def body_of(message: dict) -> bytes:
    body = message.get("body")
    if "parsed_body" in message:
        body = message["parsed_body"]
    elif isinstance(body, dict) and "string" in body:
        body = body["string"]
    if body is None:
        return b""
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def strings(body: bytes) -> list[str]:
    """All strings of a body: of its JSON or of the JSON of its events; else its lines."""
    found: list[str] = []
    text = body.decode("utf-8", "surrogateescape")
    for document in [text] if text[:1] in "{[" else text.splitlines():
        try:
            todo = [json.loads(document.removeprefix("data: "))]
        except ValueError:
            found.append(document)
            continue
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                todo += value.values()
                found += value
            elif isinstance(value, list):
                todo += value
            elif isinstance(value, str):
                found.append(value)
    return found


def test_at_most_one_in_a_hundred_ordinary_values_is_redacted(capsys):
    redaction = Redaction.of()
    seen, wrong, expected = 0, [], 0
    for name, exchange in exchanges():
        clean = redact(exchange, redaction)
        for side in ("request", "response"):
            before, after = getattr(exchange, side), getattr(clean, side)
            seen += len(before.headers) + len(strings(before.body))
            for (header, value), (_, other) in zip(before.headers, after.headers, strict=True):
                expected += value != other and header.lower() in EXPECTED_HEADERS
                if value != other and header.lower() not in EXPECTED_HEADERS:
                    wrong.append((name, header, value, other))
            if before.body != after.body:
                pairs = zip(strings(before.body), strings(after.body), strict=True)
                wrong += [(name, side, one, other) for one, other in pairs if one != other]
        seen += 1
        if exchange.request.uri != clean.request.uri:
            wrong.append((name, "uri", exchange.request.uri, clean.request.uri))
    with capsys.disabled():
        sys.stderr.write(f"\nreal recordings: {len(wrong)} of {seen} values redacted unlisted, {expected} listed\n")
    assert seen > 10_000
    assert expected > 100
    assert len(wrong) <= seen / 100, wrong[:10]


def test_the_second_look_has_nothing_to_say_about_what_real_apis_send(capsys):
    redaction = Redaction.of()
    checked, alarms = 0, []
    for name, exchange in exchanges():
        checked += 1
        alarms += [(name, finding) for finding in scan(redact(exchange, redaction), redaction)]
    with capsys.disabled():
        sys.stderr.write(f"\nreal recordings: {len(alarms)} false alarms in {checked} redacted exchanges\n")
    assert checked > 200
    assert alarms == []


def test_every_recorded_cookie_and_organization_goes():
    redaction = Redaction.of()
    for _, exchange in exchanges():
        clean = redact(exchange, redaction)
        for name, value in (*clean.request.headers, *clean.response.headers):
            if name.lower() in EXPECTED_HEADERS:
                assert value.endswith(MARK)


def test_redacting_a_real_recording_again_changes_nothing():
    redaction = Redaction.of()
    for _, exchange in exchanges():
        once = redact(exchange, redaction)
        assert redact(once, redaction) == once
