"""What cassetter wrote: bodies by their type, plain scalars by YAML 1.2."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acetate.cassette import read_exchanges
from acetate.document import careful, fast
from acetate.errors import CassetteError
from acetate.exchange import Exchange


def exchange(asked: str, answered: str = "{type: none}") -> Exchange:
    """Of a cassette as cassetter lays it out, with these bodies."""
    text = f"""\
version: 1
interactions:
- request:
    method: POST
    uri: https://api.together.ai/v1/chat/completions
    headers:
      content-type:
      - application/json
    body: {asked}
  response:
    status: 200
    headers:
      content-length:
      - "1"
    body: {answered}
  recorded_at: 2026-11-22T19:35:44.380913+00:00
"""
    (found,) = read_exchanges(text, "cassettes/one.yaml")
    return found


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{type: none}", b""),
        ("{type: text, content: a=1&b=2}", b"a=1&b=2"),
        ('{type: text, content: "08"}', b"08"),
        ("{type: text, content: 2026-01-01}", b"2026-01-01"),
        ("\n      type: text\n      content: |+\n        data: [DONE]\n", b"data: [DONE]\n\n"),
        ("{type: binary, content: ff11}", b"\xff\x11"),
        ('{type: binary, content: "112233"}', b'\x11"3'),
        ("{type: json, content: {type: text, content: x}}", b'{"type":"text","content":"x"}'),
        ("{type: json, content: text}", b'"text"'),
        ("{type: json, content: null}", b"null"),
        ("{type: json, content: []}", b"[]"),
    ],
)
def test_a_body_is_what_crossed_the_wire(body: str, expected: bytes) -> None:
    assert exchange(body).request.body == expected
    assert exchange("{type: none}", body).response.body == expected


def test_the_length_is_that_of_the_body() -> None:
    found = exchange("{type: none}", "{type: json, content: {a: 1}}")
    assert found.response.headers == (("content-length", "7"),)
    assert found.recording.recorded_at == "2026-11-22T19:35:44.380Z"


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("=", "="),
        ("<<", "<<"),
        ("on", "on"),
        ("true", True),
        ("null", None),
        ("", None),
        ("18446744073709551615", 2**64 - 1),
        ("-010", -10),
        ("0o17", 15),
        ("0x1f", 31),
        ("1.0e+22", 1e22),
        ("1e5", 1e5),
        (".5", 0.5),
        ("-.inf", float("-inf")),
    ],
)
def test_a_plain_scalar_is_read_by_yaml_1_2(scalar: str, value: Any) -> None:
    found = careful(f"a: {scalar}\n", core=True)["a"]
    assert (found, type(found)) == (value, type(value))


def test_the_json_of_a_body_has_the_values_that_cassetter_meant() -> None:
    content = "{when: 2026-01-01, at: 12:30:45, yes: on, seed: 18446744073709551615, share: 1e5}"
    value = json.loads(exchange(f"{{type: json, content: {content}}}").request.body)
    assert value == {"when": "2026-01-01", "at": "12:30:45", "yes": "on", "seed": 2**64 - 1, "share": 1e5}


@pytest.mark.parametrize(
    "body",
    [
        "{type: text}",
        "{type: text, content: {a: 1}}",
        "{type: none, content: text}",
        "{type: binary, content: {}}",
        "{type: grpc, content: 00ff}",
        "{type: binary, content: xyz}",
        "{type: json, content: .nan}",
    ],
)
def test_a_body_that_cassetter_never_wrote_is_refused(body: str) -> None:
    with pytest.raises(CassetteError, match="its body"):
        exchange(body)


def test_a_body_of_vcrpys_with_such_keys_is_json() -> None:
    text = """\
interactions:
- request:
    body: {type: text, content: hi}
    headers: {}
    method: POST
    uri: http://one/
  response:
    body: {string: ""}
    headers: {}
    status: {code: 200, message: OK}
version: 1
"""
    (found,) = read_exchanges(text, "cassettes/one.yaml")
    assert found.request.body == b'{"type":"text","content":"hi"}'
    assert fast(text) == careful(text)
