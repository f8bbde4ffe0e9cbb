"""The files of other recorders become exchanges, or are refused with the reason."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from acetate.errors import CassetteError
from acetate.exchange import Exchange, Recording, Request, Response
from acetate.foreign import read_foreign

URL = "https://api.together.ai/v1/chat/completions"


def entry(content: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    request = {
        "method": "POST",
        "url": URL,
        "headers": [{"name": ":path", "value": "/v1"}, {"name": "accept", "value": "*/*"}],
        "postData": {"mimeType": "application/json", "text": '{"q": "ü"}'},
    }
    headers = [{"name": "content-type", "value": "application/json"}]
    response = {
        "status": 200,
        "statusText": "OK",
        "headers": headers,
        "content": {"text": '{"a": 1}'} if content is None else content,
    }
    return {"request": request, "response": response} | more


def har(*entries: Any) -> dict[str, Any]:
    return {"log": {"version": "1.2", "entries": list(entries)}}


def read(tmp_path: Path, document: Any) -> list[Exchange]:
    (tmp_path / "a").write_text(document if isinstance(document, str) else json.dumps(document))
    return read_foreign(tmp_path / "a").exchanges


def refusal(tmp_path: Path, document: Any) -> CassetteError:
    with pytest.raises(CassetteError) as caught:
        read(tmp_path, document)
    return caught.value


def test_an_entry_of_a_har_file_is_an_exchange(tmp_path: Path) -> None:
    one = entry(startedDateTime="2026-11-22T10:00:00.500+02:00", time=12.6)
    assert read(tmp_path, har(one)) == [
        Exchange(
            Request("POST", URL, (("accept", "*/*"),), '{"q": "ü"}'.encode()),
            Response(200, "OK", (("content-type", "application/json"),), b'{"a": 1}'),
            Recording(recorded_at="2026-11-22T08:00:00.500Z", elapsed_ms=13),
        )
    ]


def test_the_entries_of_a_har_file_keep_their_order(tmp_path: Path) -> None:
    bodies = [{"text": "a"}, {"text": "b"}, {}]
    assert [each.response.body for each in read(tmp_path, har(*map(entry, bodies)))] == [b"a", b"b", b""]
    assert read(tmp_path, har()) == []


def test_what_a_har_file_does_not_tell_stays_unknown(tmp_path: Path) -> None:
    [only] = read(tmp_path, har(entry(time=-1)))
    assert only.recording == Recording()


PACKED = gzip.compress(b'{"a": 1}')


@pytest.mark.parametrize(
    "content",
    [
        {"encoding": "base64", "text": b64encode(PACKED).decode()},
        {"encoding": "base64", "text": json.dumps([b64encode(part).decode() for part in (PACKED[:9], PACKED[9:])])},
        {"_isBinary": True, "text": json.dumps([PACKED.hex()])},
        {"text": '{"a": 1}'},
    ],
)
def test_a_packed_body_is_unpacked_however_it_is_kept(tmp_path: Path, content: dict[str, Any]) -> None:
    one = entry(content)
    one["response"]["headers"] = [{"name": "Content-Encoding", "value": "gzip"}]
    assert read(tmp_path, har(one))[0].response == Response(200, "OK", (), b'{"a": 1}')


def test_the_fields_of_a_form_are_its_body(tmp_path: Path) -> None:
    one = entry()
    one["request"]["postData"] = {"mimeType": "x", "params": [{"name": "a b", "value": "ü"}, {"name": "c"}]}
    assert read(tmp_path, har(one))[0].request.body == b"a+b=%C3%BC&c="


def test_a_request_without_data_has_no_body(tmp_path: Path) -> None:
    one = entry()
    del one["request"]["postData"]
    assert read(tmp_path, har(one))[0].request.body == b""


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({}, "it is not understood: KeyError('request')"),
        (entry({"encoding": "base64", "text": "a"}), "it is not understood: Error("),
        (entry({"_isBinary": True, "text": "xyz"}), "it is not understood: ValueError("),
        (entry(startedDateTime="soon"), "it is not understood: ValueError("),
        (entry() | {"response": {**entry()["response"], "status": None}}, "the status of its response is not a number"),
        (
            entry() | {"response": {**entry()["response"], "headers": [{"name": "a", "value": "b\r\nc"}]}},
            "the header `a` contains a line break or NUL",
        ),
        ("text", "it is not understood: TypeError("),
    ],
)
def test_an_entry_that_is_not_understood_is_named(tmp_path: Path, broken: Any, problem: str) -> None:
    error = refusal(tmp_path, har(entry(), broken))
    assert error.problem.startswith(problem)
    assert error.where == f"{tmp_path / 'a'}, entry 1"
    assert error.next.startswith("export it again, as a HAR file")


def test_a_call_that_a_browser_gave_up_is_left_out_and_named(tmp_path: Path) -> None:
    stopped = entry() | {"response": {**entry()["response"], "status": 0}}
    (tmp_path / "a").write_text(json.dumps(har(stopped, entry(), stopped)))
    found = read_foreign(tmp_path / "a")
    assert (len(found.exchanges), found.unanswered) == (1, (0, 2))


@pytest.mark.parametrize("log", [None, [], {"entries": {}}])
def test_a_har_file_without_entries_is_refused(tmp_path: Path, log: Any) -> None:
    assert refusal(tmp_path, {"log": log}).problem == "it is a HAR file without a list of entries"


def test_objects_that_an_sdk_has_parsed_are_refused_with_the_reason(tmp_path: Path) -> None:
    dump = {"request": {"url": URL}, "response": {"body": {"__type__": "openai.ChatCompletion", "__data__": {}}}}
    error = refusal(tmp_path, dump)
    assert "not what crossed the wire" in error.problem
    assert error.next == "record the calls again, through Acetate or vcrpy"


def test_the_tapes_of_huggingface_js_are_exchanges(tmp_path: Path) -> None:
    answer = {"body": '{"a": 1}', "status": 200, "statusText": "OK", "headers": {"content-type": "application/json"}}
    image = {"body": "data:application/octet-stream;base64,/w==", "status": 200, "statusText": ""}
    tapes = {
        "1f": {"url": URL, "init": {"method": "POST", "headers": {"A": "b"}, "body": "{}"}, "response": answer},
        "2f": {"url": "https://huggingface.co/api", "response": image},
    }
    assert read(tmp_path, tapes) == [
        Exchange(
            Request("POST", URL, (("A", "b"),), b"{}"),
            Response(200, "OK", (("content-type", "application/json"),), b'{"a": 1}'),
        ),
        Exchange(Request("GET", "https://huggingface.co/api"), Response(200, "", (), b"\xff")),
    ]


def test_a_tape_without_the_body_of_its_request_is_refused(tmp_path: Path) -> None:
    tapes = {"1f": {"url": URL, "init": {"method": "POST"}, "response": {"body": "", "status": 200}}}
    assert "does not keep the body of its request" in refusal(tmp_path, tapes).problem


@pytest.mark.parametrize(
    "text",
    [
        "interactions:\n- request: {method: GET, uri: x}\n  response: {status: 200, parsed_body: {a: 1}}\n",
        '{"http_interactions": [{"request": {"method": "GET", "uri": "x"}, "response": {"status": 200, '
        '"body": {"base64_string": "eyJhIjoxfQ=="}}}]}',
    ],
)
def test_whatever_a_cassette_may_be_can_be_imported(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [Exchange(Request("GET", "x"), Response(200, "", (), b'{"a":1}'))]


@pytest.mark.parametrize("text", ["{}", "[]", "text", "{broken"])
def test_a_file_of_nobody_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).next
