"""Interactions: every dialect of other recorders in, vcrpy's own out."""

from __future__ import annotations

import gzip
from base64 import b64encode
from datetime import datetime
from typing import Any

import brotli
import pytest

from acetate.exchange import Exchange, Headers, Recording, RedactedExchange, Request, Response
from acetate.interaction import Reader, Unreadable, unpacked, utc, written


def interaction(request: Any = None, response: Any = None, **more: Any) -> dict[str, Any]:
    asked = {"method": "POST", "uri": "https://api.together.ai/v1/chat/completions"} | (request or {})
    answered = {"status": {"code": 200, "message": "OK"}, "body": {"string": "hi"}} | (response or {})
    return {"request": asked, "response": answered, **more}


def read(request: Any = None, response: Any = None, **more: Any) -> Exchange:
    return Reader().exchange(interaction(request, response, **more))


def refusal(request: Any = None, response: Any = None, *, exact: bool = False) -> str:
    with pytest.raises(Unreadable) as caught:
        Reader(exact=exact).exchange(interaction(request, response))
    return str(caught.value)


def test_an_interaction_of_vcrpy_is_read_whole() -> None:
    headers = {"content-type": ["application/json"], "accept": ["*/*"]}
    exchange = read(
        {"headers": headers, "body": '{"model": "ü"}'},
        {"headers": {"x-request-id": ["1"]}, "body": {"string": '{"id": "x"}'}},
    )
    asked: Headers = (("content-type", "application/json"), ("accept", "*/*"))
    assert exchange == Exchange(
        Request("POST", "https://api.together.ai/v1/chat/completions", asked, '{"model": "ü"}'.encode()),
        Response(200, "OK", (("x-request-id", "1"),), b'{"id": "x"}'),
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, b""),
        ("", b""),
        ("{}", b"{}"),
        (b"\xff\x00", b"\xff\x00"),
        ({"string": "a"}, b"a"),
        ({"string": None}, b""),
        ({}, b""),
        ({"encoding": "UTF-8", "string": "a"}, b"a"),
        ({"encoding": "ASCII-8BIT", "base64_string": b64encode(b"\xff").decode()}, b"\xff"),
        ({"model": "m", "stream": False, "seed": 2**70}, b'{"model":"m","stream":false,"seed":1180591620717411303424}'),
        ([{"a": "ü"}], '[{"a":"ü"}]'.encode()),
    ],
)
def test_a_body_is_read_in_every_form_that_recorders_give_it(body: Any, expected: bytes) -> None:
    assert read({"body": body}).request.body == expected
    assert read(response={"body": body}).response.body == expected


def test_a_message_without_a_body_has_an_empty_one() -> None:
    bare = interaction()
    del bare["response"]["body"]
    assert Reader().exchange(bare).response.body == b""


def test_a_parsed_body_is_json_again() -> None:
    exchange = read({"parsed_body": {"b": 1, "a": None}}, {"parsed_body": ["text", 1.5], "body": None})
    assert (exchange.request.body, exchange.response.body) == (b'{"b":1,"a":null}', b'["text",1.5]')


@pytest.mark.parametrize(
    ("media", "expected"),
    [("text/event-stream;charset=utf-8", b"data: 1\n\n"), ("application/json", b'"data: 1\\n\\n"')],
)
def test_parsed_text_is_the_events_of_a_stream_or_a_string_of_json(media: str, expected: bytes) -> None:
    response = {"headers": {"content-type": [media]}, "parsed_body": "data: 1\n\n"}
    assert read(response=response).response.body == expected


def test_a_parsed_body_was_decoded_by_its_recorder() -> None:
    headers = {"Content-Encoding": ["gzip"], "Content-Length": ["99"], "Vary": ["*"]}
    answer = read(response={"headers": headers, "parsed_body": {}}).response
    assert answer.headers == (("Content-Length", "2"), ("Vary", "*"))


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"at": datetime(2026, 1, 1)}, {"a": b"\xff"}])
def test_a_parsed_body_that_is_not_json_is_refused(body: Any) -> None:
    assert "its body is not JSON" in refusal(response={"parsed_body": body})


def test_a_parsed_body_deeper_than_python_can_go_is_refused() -> None:
    body: list[Any] = []
    for _ in range(100_000):
        body = [body]
    assert "its body is not JSON" in refusal(response={"parsed_body": body})


@pytest.mark.parametrize(
    "response",
    [
        {"status": {"code": 429, "message": None}},
        {"status": {"code": 429}},
        {"status": {"code": "429", "message": ""}},
        {"status": 429},
        {"status": None, "status_code": 429},
    ],
)
def test_a_status_is_read_in_every_form_that_recorders_give_it(response: dict[str, Any]) -> None:
    if response["status"] is None:
        answered = interaction(response=response)
        del answered["response"]["status"]
        answer = Reader().exchange(answered).response
    else:
        answer = read(response=response).response
    assert (answer.status, answer.reason) == (429, "")


@pytest.mark.parametrize("status", [None, True, 99, 1000, "ok", 200.0, {"message": "OK"}])
def test_a_status_that_is_none_is_refused(status: Any) -> None:
    assert refusal(response={"status": status}) == "the status of its response is not a number from 100 to 999"


def test_what_old_vcrpy_wrote_for_httpx_is_read() -> None:
    headers = {"content-encoding": "gzip", "content-length": "30"}
    old = {"content": gzip.compress(b"hello"), "headers": headers, "http_version": "HTTP/1.1", "status_code": 200}
    exchange = Reader().exchange({"request": interaction()["request"], "response": old})
    assert exchange.response == Response(200, "", (("content-length", "5"),), b"hello")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, ()),
        ({}, ()),
        ({"a": "1"}, (("a", "1"),)),
        ({"Set-Cookie": ["1", "2"], "b": ["3"]}, (("Set-Cookie", "1"), ("Set-Cookie", "2"), ("b", "3"))),
        ({"b": [["1", "2"]], "a": ("3",)}, (("b", "1"), ("b", "2"), ("a", "3"))),
        ([["a", "1"], ("a", ["2", "3"])], (("a", "1"), ("a", "2"), ("a", "3"))),
        ({"a": [], "b": None, "c": 12, "d": [b"\xe9"]}, (("b", ""), ("c", "12"), ("d", "é"))),
    ],
)
def test_headers_keep_their_order_and_their_repetitions(headers: Any, expected: Headers) -> None:
    assert read({"headers": headers}).request.headers == expected


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ("a: 1", "its headers are not a mapping"),
        ([["a"]], "its headers are not a mapping"),
        ({"a": {"b": "c"}}, "the value of a header is a mapping"),
        ({"a": 1.5}, "the header `a` is not text: put it in quotes"),
        ({"a": True}, "the header `a` is not text: put it in quotes"),
        ({None: "a"}, "the name of a header is missing"),
        ({"a": "b\r\nSet-Cookie: c"}, "the header `a` contains a line break or NUL"),
        ({"a": "b\nc"}, "the header `a` contains a line break or NUL"),
        ({"a": "b\0"}, "the header `a` contains a line break or NUL"),
        ({"a\rb": "c"}, "the name of a header contains a line break or NUL"),
    ],
)
def test_headers_that_no_client_should_see_are_refused(headers: Any, problem: str) -> None:
    assert refusal(response={"headers": headers}) == problem
    assert refusal({"headers": headers}) == problem


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"method": None}, "the method of its request is missing"),
        ({"uri": ["x"]}, "the URI of its request is not text: put it in quotes"),
        ({"uri": "https://x/\r\nHost: y"}, "the URI of its request contains a line break or NUL"),
        ({"body": {"base64_string": "a"}}, "its body is not the Base64 that it claims to be"),
        ({"body": {"base64_string": None}}, "its body is not the Base64 that it claims to be"),
        ({"body": "\ud800"}, "its body contains half a character (a lone surrogate), which no server sends"),
    ],
)
def test_a_request_that_cannot_be_matched_is_refused(request_: Any, problem: str) -> None:
    assert refusal(request_) == problem


@pytest.mark.parametrize("whole", [None, "text", {}, {"request": {}}, {"request": [], "response": {}}])
def test_an_interaction_without_its_two_halves_is_refused(whole: Any) -> None:
    with pytest.raises(Unreadable, match=r"it has no `|an interaction is a mapping"):
        Reader().exchange(whole)


def test_the_exact_reader_takes_no_number_for_text() -> None:
    assert "is not text" in refusal({"headers": {"a": 8}}, exact=True)
    assert "have to be read carefully" in refusal({"parsed_body": {}}, exact=True)
    assert "have to be read carefully" in refusal({"body": {"model": "m"}}, exact=True)


@pytest.mark.parametrize("values", ["br, gzip", ["br", "gzip"]])
def test_a_packed_body_is_decoded_and_its_headers_say_so(values: Any) -> None:
    packed = gzip.compress(brotli.compress(b"hello"))
    answer = read(response={"headers": {"content-encoding": values, "content-length": "9"}, "body": packed}).response
    assert answer == Response(200, "OK", (("content-length", "5"),), b"hello")


def test_a_body_without_a_coding_keeps_its_headers_to_the_letter() -> None:
    headers: Headers = (("Content-Length", "0099"),)
    assert unpacked(200, "OK", headers, b"hello") == Response(200, "OK", headers, b"hello")


def test_an_answer_to_head_keeps_the_length_of_what_it_does_not_send() -> None:
    headers: Headers = (("content-length", "99"), ("content-encoding", "gzip"))
    assert unpacked(200, "OK", headers, b"").headers == (("content-length", "99"),)


def test_a_body_that_cannot_be_decoded_is_refused() -> None:
    response = {"headers": {"content-encoding": "gzip"}, "body": {"string": gzip.compress(b"hello")[:-3]}}
    assert refusal(response=response) == "the body is cut off: its content coding ends early"


@pytest.mark.parametrize(
    ("recorded_at", "expected"),
    [
        ("2026-11-22T10:00:00", "2026-11-22T10:00:00.000Z"),
        ("Tue, 01 Nov 2011 04:58:44 GMT", "2011-11-01T04:58:44.000Z"),
        (datetime(2026, 11, 22, 10), "2026-11-22T10:00:00.000Z"),
        ("yesterday", None),
        (None, None),
        (5, None),
    ],
)
def test_the_time_that_betamax_and_vcr_note_is_kept(recorded_at: Any, expected: str | None) -> None:
    assert read(recorded_at=recorded_at).recording == Recording(recorded_at=expected)


def test_times_are_told_in_utc() -> None:
    assert utc("2026-11-22T10:00:00.123456+02:00") == "2026-11-22T08:00:00.123Z"


def test_what_acetate_notes_is_read() -> None:
    notes = {
        "version": 1,
        "recorded_at": "2026-11-22T10:00:00Z",
        "source": "api.together.xyz",
        "elapsed_ms": 12,
        "test": "tests/test_chat.py::test_hello",
        "chunks": [[3, 1], [9, 1]],
    }
    assert read(response={"acetate": notes}).recording == Recording(
        "2026-11-22T10:00:00Z", "api.together.xyz", 12, "tests/test_chat.py::test_hello", ((3, 1), (9, 1))
    )


def test_chunks_that_do_not_add_up_to_the_body_are_forgotten() -> None:
    notes = {"version": 1, "source": "a", "chunks": [[3, 1]]}
    assert read(response={"acetate": notes}).recording == Recording(source="a")


@pytest.mark.parametrize(
    "notes",
    [
        [],
        {},
        {"version": "1"},
        {"version": 1, "elapsed_ms": -1},
        {"version": 1, "elapsed_ms": "1"},
        {"version": 1, "chunks": 5},
        {"version": 1, "chunks": [[1, 2, 3]]},
        {"version": 1, "chunks": [[1, True]]},
        {"version": 1, "source": {}},
    ],
)
def test_notes_that_acetate_never_wrote_are_refused(notes: Any) -> None:
    assert refusal(response={"acetate": notes}) == "`response.acetate` is not what Acetate writes"


def test_notes_of_a_newer_acetate_name_the_upgrade() -> None:
    with pytest.raises(Unreadable, match="written by a newer Acetate") as caught:
        read(response={"acetate": {"version": 2}})
    assert caught.value.next == "upgrade: `pip install -U acetate`"


def exchange(body: bytes, *, request: bytes = b"", headers: Headers = (), recording: Recording | None = None) -> str:
    asked = Request("POST", "https://api.together.ai/v1/chat/completions?a=1&b=c", (), request)
    return written(RedactedExchange(Exchange(asked, Response(200, "OK", headers, body), recording or Recording())))


def test_an_exchange_is_written_to_be_read_in_a_pull_request() -> None:
    text = exchange(
        b'data: {"id":"x"}\n\ndata: [DONE]\n\n',
        request=b'{\n  "model": "m"\n}',
        headers=(("content-type", "text/event-stream;charset=utf-8"), ("Set-Cookie", "a"), ("Set-Cookie", "1")),
        recording=Recording("2026-11-22T10:00:00Z", "api.together.xyz", 12, "tests/test_a.py::test_b[c]", ((1, 30),)),
    )
    assert text == (
        "- request:\n"
        "    method: POST\n"
        "    uri: https://api.together.ai/v1/chat/completions?a=1&b=c\n"
        "    headers: {}\n"
        "    body: |-\n"
        "      {\n"
        '        "model": "m"\n'
        "      }\n"
        "  response:\n"
        "    status:\n"
        "      code: 200\n"
        "      message: OK\n"
        "    headers:\n"
        "      content-type:\n"
        "      - text/event-stream;charset=utf-8\n"
        "      Set-Cookie:\n"
        "      - a\n"
        '      - "1"\n'
        "    body:\n"
        "      string: |+\n"
        '        data: {"id":"x"}\n'
        "\n"
        "        data: [DONE]\n"
        "\n"
        '    acetate: {version: 1, recorded_at: "2026-11-22T10:00:00Z", source: "api.together.xyz", elapsed_ms: 12, '
        'test: "tests/test_a.py::test_b[c]", chunks: [[1, 30]]}\n'
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", '""'),
        (b"a\n", "|\n        a"),
        (b" a", '" a"'),
        (b"a \nb", '"a \\nb"'),
        (b"data: a\r\n\r\n", '"data: a\\r\\n\\r\\n"'),
        ("\u2028\x85\ufeff\x7f😀".encode(), '"\\u2028\\u0085\\ufeff\\u007f😀"'),
        (b"\0", '"\\u0000"'),
        (b"\xff", "!!binary |\n        /w=="),
    ],
)
def test_a_body_that_a_block_cannot_hold_is_quoted_or_binary(body: bytes, expected: str) -> None:
    assert f"      string: {expected}\n" in exchange(body)


@pytest.mark.parametrize("value", ["yes", "Null", "12", "1e3", "a: b", "a #b", "-", "", "é", "[a]", "a:", "0x1f", "~"])
def test_a_header_that_yaml_would_take_for_something_else_is_quoted(value: str) -> None:
    assert f'      - "{value}"\n' in exchange(b"", headers=(("a", value),))


@pytest.mark.parametrize("value", ["application/json; charset=utf-8", "Sun, 22 Nov 2026 10:00:00 GMT", "W/x"])
def test_an_ordinary_header_is_plain(value: str) -> None:
    assert f"      - {value}\n" in exchange(b"", headers=(("a", value),))


def test_what_is_written_has_no_coding_and_the_length_of_its_body() -> None:
    text = exchange(b"hello", headers=(("Content-Encoding", "gzip"), ("Content-Length", "99")))
    assert "Encoding" not in text
    assert '      Content-Length:\n      - "5"\n' in text
