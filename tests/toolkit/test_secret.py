from __future__ import annotations

import base64
import gzip
import json
import random
import string
import zlib

import pytest

from acetate.errors import SecretFound
from acetate.exchange import Exchange, Recording, Request, Response
from acetate.provider import Provider
from acetate.redaction import MARK, Redaction
from acetate.secret import Leak, check_clean, scan

ANY = random.Random(11)
RANDOM = "aB3" + "".join(ANY.choices(string.ascii_letters + string.digits, k=45))
NPM = "npm_" + RANDOM[:36]
KEY = "0123456789abcdef" * 4
IN_USE = Redaction.of([Provider("together", key_vars=("TOGETHER_API_KEY",))], {"TOGETHER_API_KEY": KEY})
JSON = (("content-type", "application/json"),)


def sent(
    body: bytes = b"", *, uri: str = "https://h.example/v1", headers: tuple[tuple[str, str], ...] = ()
) -> Exchange:
    return Exchange(Request("POST", uri, headers, body), Response(200))


def answered(body: bytes, *, headers: tuple[tuple[str, str], ...] = (), reason: str = "") -> Exchange:
    return Exchange(Request("GET", "https://h.example/v1"), Response(200, reason, headers, body))


def places(subject: Exchange | str, redaction: Redaction = IN_USE) -> list[str]:
    return [leak.path for leak in scan(subject, redaction)]


def test_ordinary_traffic_is_clean():
    body = {
        "id": "chatcmpl-B1x9A8b7C6d5E4f3G2h1",
        "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "usage": {"prompt_tokens": 12345678, "max_tokens": 5},
        "system_fingerprint": "fp_0123456789abcdef",
        "signature": base64.b64encode(ANY.randbytes(300)).decode(),
        "encrypted_content": base64.urlsafe_b64encode(ANY.randbytes(300)).decode(),
        "sha256": "".join(ANY.choices("0123456789abcdef", k=64)),
        "logprobs": {"content": [{"token": "password", "top_logprobs": [{"token": "secret"}]}]},
        "prompt_cache_key": RANDOM,
        "next_page_token": RANDOM,
        "api_key": MARK,
        "authorization": f"Bearer {MARK}",
    }
    headers = (
        ("Idempotency-Key", f"stainless-python-retry-{RANDOM}"),
        ("X-Request-Id", RANDOM),
        ("Authorization", MARK),
    )
    exchange = Exchange(
        Request("POST", f"https://h.example/v1?sig={MARK}&a=1#b", headers, json.dumps(body).encode()),
        Response(200, "OK", (("report-to", json.dumps({"key": RANDOM})),), json.dumps(body).encode()),
        Recording(source="h.example", test="tests/test_a.py::test_b[x-1]"),
    )
    assert scan(exchange, IN_USE) == []
    check_clean(exchange, IN_USE)


@pytest.mark.parametrize(
    ("exchange", "place"),
    [
        (sent(headers=(("X-Note", NPM),)), "request.headers.x-note"),
        (sent(headers=(("X-Acme-Auth", RANDOM),)), "request.headers.x-acme-auth"),
        (sent(headers=(("Authorization", "Bearer x"),)), "request.headers.authorization"),
        (sent(uri=f"https://h.example/{NPM}"), "request.uri"),
        (sent(uri="https://h.example/?api_key=x"), "request.uri ?api_key"),
        (sent(uri=f"https://h.example/#note={NPM}"), "request.uri ?note"),
        (sent(uri="https://me:pa55@h.example/"), "request.uri"),
        (sent(json.dumps({"data": [{"key": RANDOM}]}).encode()), "request.body $.data[].key"),
        (sent(json.dumps({"a": json.dumps({"b": NPM})}).encode()), "request.body $.a $.b"),
        (sent(json.dumps({NPM: 1}).encode()), "request.body $"),
        (
            sent(f"a=1&note={NPM}".encode(), headers=(("content-type", "application/x-www-form-urlencoded"),)),
            "request.body ?note",
        ),
        (
            sent(
                b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nx\r\n--b--',
                headers=(("content-type", "multipart/form-data; boundary=b"),),
            ),
            "request.body ?password",
        ),
        (answered(f"it is {NPM}".encode()), "response.body"),
        (answered(b"-----BEGIN EC PRIVATE KEY-----"), "response.body"),
        (answered(b"Authorization: Bearer abcdefghijk1234567890"), "response.body"),
        (answered(b"", headers=(("X-Echo", NPM),)), "response.headers.x-echo"),
        (answered(b"", reason=NPM), "response.reason"),
        (Exchange(Request("GET", "h"), Response(200), Recording(test=NPM)), "recording.test"),
        (Exchange(Request("GET", "h"), Response(200), Recording(source=NPM)), "recording.source"),
    ],
)
def test_what_looks_like_a_secret_is_found_at_its_place(exchange, place):
    assert place in places(exchange)


def test_a_masked_value_is_no_secret_whatever_it_is_called():
    assert scan(json.dumps({"access_token": "<text>", "api_key": "<id>"}), IN_USE) == []
    assert scan(json.dumps({"access_token": "<other>"}), IN_USE) != []


def test_a_body_is_not_named_where_a_place_in_it_is():
    assert places(sent(json.dumps({"a": NPM}).encode())) == ["request.body $.a"]


def test_what_events_say_one_after_the_other_is_read_as_one():
    stream = "".join(f"data: {json.dumps({'delta': NPM[n : n + 5]})}\n\n" for n in range(0, len(NPM), 5))
    assert places(answered(stream.encode())) == ["response.body $.delta"]


@pytest.mark.parametrize(
    "hidden",
    [
        KEY,
        KEY.upper().lower(),
        KEY[:40],
        KEY.encode().hex(),
        base64.b64encode(b"user:" + KEY.encode()).decode(),
        base64.b64encode(gzip.compress(KEY.encode(), mtime=0)).decode(),
        base64.b64encode(zlib.compress(KEY.encode())).decode(),
        "".join(f"%{ord(c):02x}" for c in KEY),
        "".join(f"\\u{ord(c):04x}" for c in KEY),
        "\0".join(KEY),
    ],
)
def test_the_key_in_use_is_found_however_it_is_written(hidden):
    (leak,) = scan(answered(f"it is {hidden}!".encode()), IN_USE)
    assert leak == Leak("response.body", "the key in use", "a value of 64 characters")


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_compressed_body_is_read(compress):
    assert places(sent(compress(f'{{"a": "{NPM}"}}'.encode()))) == ["request.body"]


@pytest.mark.parametrize(
    "body", [b"\x1f\x8bbroken", b"\x78\x9c broken", b"\xff\xfe\x00", b"", b"{broken", b"[" * 100_000]
)
def test_a_body_that_cannot_be_read_is_not_a_secret(body):
    assert scan(sent(body), IN_USE) == []


def test_a_bomb_is_read_in_part():
    assert scan(sent(gzip.compress(b"a" * (1 << 26))), IN_USE) == []


def test_a_text_about_to_be_written_is_read():
    assert places(f"line\n  value: {NPM}\n") == ["text"]
    assert places("line\n") == []


def test_words_and_uuids_are_not_random():
    words = {
        "api": {
            "key_name": "the-quick-brown-fox-jumps-over-the-lazy-dog",
            "auth_id": "0b0e7a4e-3c3f-4c8b-9d3f-1f2e3d4c5b6a",
        }
    }
    assert scan(sent(json.dumps(words).encode()), IN_USE) == []
    assert scan(sent(headers=(("x-auth-id", "1" * 40),)), IN_USE) == []


def test_an_allowed_place_may_look_like_a_secret():
    exchange = answered(json.dumps({"a": NPM}).encode())
    allowing = Redaction.of(allow=["response.body $.a"])
    assert scan(exchange, allowing) == []
    assert scan(answered(json.dumps({"a": NPM, "b": f"{NPM}x"}).encode()), allowing) != []


def test_a_key_in_use_is_never_allowed():
    redaction = Redaction.of(
        [Provider("together", key_vars=("K",))], {"K": KEY}, allow=["response.body", "response.body $.a"]
    )
    exchange = answered(json.dumps({"a": KEY}).encode())
    with pytest.raises(SecretFound) as raised:
        check_clean(exchange, redaction)
    assert raised.value.where == "response.body $.a"
    assert "allow =" not in raised.value.next
    assert KEY not in str(raised.value)


def test_the_way_out_is_a_line_of_configuration():
    with pytest.raises(SecretFound) as raised:
        check_clean(answered(json.dumps({"odd name": NPM}).encode()), Redaction.of())
    assert raised.value.where == 'response.body $["odd name"]'
    assert '[tool.acetate.redact] allow = ["response.body $[\\"odd name\\"]"]' in raised.value.next
    assert f"`{NPM[:4]}...` (40 characters)" in raised.value.problem
