"""What a person approves of a response: observed, written, read and paired."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.body import Json
from acetate.comparison import compare
from acetate.contract import Contract
from acetate.derivation import Sample, derive
from acetate.errors import ApprovedFileError, CassetteError
from acetate.exchange import Exchange, Headers, Recording, Request, Response
from acetate.mask import mask
from acetate.profile import profiles
from acetate.provider import Operation, Provider, rules
from acetate.snapshot import Entry, Observation, observe, paired, read_snapshot, snapshot_bytes
from acetate.violation import Validator
from tests.toolkit.bodies import RULES, objects

TOGETHER = profiles()["together"]
CHAT = Operation("together", "chat.completions")
JSON_HEADERS: Headers = (("Content-Type", "application/json; charset=utf-8"), ("Date", "Thu, 06 Aug 2026 12:00:00 GMT"))
REPLY: dict[str, Any] = {
    "id": "oNv-1",
    "object": "chat.completion",
    "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "choices": [
        {"finish_reason": "stop", "seed": 2**70, "message": {"role": "assistant", "content": "Rome.", "tool_calls": []}}
    ],
}


def observed(
    body: Any,
    *,
    request: Any = None,
    headers: Headers = JSON_HEADERS,
    recording: Recording | None = None,
    call: Operation = CHAT,
    provider: Provider = TOGETHER,
) -> Observation:
    sent = b"" if request is None else json.dumps(request).encode()
    received = body if isinstance(body, bytes) else json.dumps(body).encode()
    exchange = Exchange(
        Request("POST", "https://api.together.ai/v1/chat/completions", (), sent),
        Response(200, "OK", headers, received),
        recording or Recording(),
    )
    return observe(exchange, provider, call, rules(provider, call.name), "key")


def streamed(*events: Any, done: bool = True, **said: Any) -> Observation:
    text = "".join(f"data: {json.dumps(each)}\n\n" for each in events) + ("data: [DONE]\n\n" if done else "")
    return observed(text.encode(), headers=(("content-type", "text/event-stream;charset=utf-8"),), **said)


def chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def test_a_response_is_seen_with_what_names_it() -> None:
    headers = (*JSON_HEADERS, ("X-Request-ID", "abc"), ("cf-ray", "abc"))
    seen = observed(REPLY, headers=headers, recording=Recording(test="tests/test_chat.py::test_hello"))
    assert seen.entry.label == "chat.completions meta-llama/Llama-3.3-70B-Instruct-Turbo"
    assert seen.entry.model == "meta-llama/Llama-3.3-70B-Instruct-Turbo"
    assert seen.entry.headers == {"content-type": "application/json", "x-request-id": "<text>"}
    assert (seen.entry.status, seen.entry.stream, seen.entry.match_key) == (200, False, "key")
    assert seen.test == "tests/test_chat.py::test_hello"
    assert seen.bodies == (REPLY,)
    assert seen.entry.masked == (seen.entry.body,)
    assert (seen.entry.reply, seen.entry.terminator) == (None, None)


def test_the_date_of_a_recording_is_its_own_or_that_of_the_header() -> None:
    own = observed(REPLY, recording=Recording(recorded_at="2026-11-22T08:30:00.25Z"))
    assert (own.recorded_at, own.entry.recorded) == ("2026-11-22T08:30:00.25Z", "2026-11-22")
    header = observed(REPLY)
    assert (header.recorded_at, header.entry.recorded) == ("2026-08-06T12:00:00Z", "2026-08-06")


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 06 Foo 2026 12:00:00 GMT", "Thu, 06 Anf 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    seen = observed(REPLY, headers=(("date", date),))
    assert (seen.recorded_at, seen.entry.recorded) == (None, None)


@pytest.mark.parametrize(("month", "number"), [("Jan", "01"), ("May", "05"), ("Sep", "09"), ("Dec", "12")])
def test_every_month_is_known(month: str, number: str) -> None:
    seen = observed(REPLY, headers=(("date", f"Thu, 06 {month} 2026 12:00:00 GMT"),))
    assert seen.entry.recorded == f"2026-{number}-06"


def test_the_model_is_that_of_the_request_where_the_response_names_none() -> None:
    assert observed({"data": []}, request={"model": "m2"}).entry.model == "m2"
    assert observed({"data": []}, request=["m2"]).entry.label == "chat.completions"
    assert observed({"model": 7}).entry.model is None


@pytest.mark.parametrize(
    ("body", "masked"),
    [(b"", None), (b"Bad Gateway", "<text>"), (b"\xff\xfe\x00", "<bytes>"), (b"[]", []), (b"NaN", "<text>")],
)
def test_a_body_that_is_no_object_is_masked_too(body: bytes, masked: Json) -> None:
    assert observed(body, headers=()).entry.body == masked


def test_a_stream_is_its_distinct_events_its_reply_and_its_end() -> None:
    events = [chunk({"role": "assistant", "content": "R"}), chunk({"content": "o"}), chunk({"content": "me"}, "stop")]
    entry = streamed(*events).entry
    assert entry.stream
    assert [each["choices"][0]["delta"] for each in entry.masked] == [  # type: ignore[index, call-overload]
        {"role": "assistant", "content": "<text>"}, {"content": "<text>"}, {"content": "<text>"},
    ]  # fmt: skip
    assert entry.reply["choices"][0]["message"] == {"role": "assistant", "content": "<text>"}  # type: ignore[index, call-overload]
    assert entry.terminator == "[DONE]"
    assert streamed(chunk({"content": "o"}), done=False).entry.terminator is None


def test_a_stream_without_a_known_form_has_events_alone() -> None:
    entry = streamed({"a": 1}, {"a": 2}, done=False).entry
    assert (entry.masked, entry.reply) == (({"a": "<int>"},), None)
    assert streamed(done=False).entry.masked == ()


def test_a_stream_is_told_by_its_first_bytes_where_no_header_was_kept() -> None:
    body = b'\n\ndata: {"a": 1}\n\n'
    assert observed(body, headers=()).entry.stream
    assert not observed(body, headers=(("content-type", "text/plain"),)).entry.stream


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"response_format": {"type": "json_object"}}, True),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, True),
        ({"response_format": {"type": "text"}}, False),
        ({"response_format": {"type": ["json_object"]}}, False),
        ({"response_format": "json_object"}, False),
        ({"messages": [{"content": '"json_object"'}]}, False),
        (["json_object"], False),
        (None, False),
    ],
)
def test_structured_output_is_shown_as_its_shape(asked: Any, shown: bool) -> None:
    content = '{"city": "Rome", "days": 3}'
    body = {"choices": [{"message": {"role": "assistant", "content": content}}]}
    masked = observed(body, request=asked).entry.body["choices"][0]["message"]["content"]  # type: ignore[index, call-overload]
    assert masked == ({"<json>": {"city": "<text>", "days": "<int>"}} if shown else "<text>")


def test_structured_output_of_a_response_is_shown_as_its_shape() -> None:
    body = {"output": [{"type": "message", "content": [{"type": "output_text", "text": '{"a": 1}'}]}]}
    openai, call = profiles()["openai"], Operation("openai", "responses.create")
    asked = {"text": {"format": {"type": "json_schema"}}}
    entry = observed(body, request=asked, provider=openai, call=call).entry
    assert entry.body["output"][0]["content"][0]["text"] == {"<json>": {"a": "<int>"}}  # type: ignore[index, call-overload]


def test_structured_output_of_a_stream_is_shown_in_its_reply() -> None:
    asked = {"response_format": {"type": "json_object"}}
    entry = streamed(chunk({"role": "assistant", "content": '{"a"'}), chunk({"content": ": 1}"}), request=asked).entry
    assert entry.reply["choices"][0]["message"]["content"] == {"<json>": {"a": "<int>"}}  # type: ignore[index, call-overload]


def test_a_profile_that_says_what_the_content_is_has_the_last_word() -> None:
    kept = replace(TOGETHER, rules={**TOGETHER.rules, "$.choices[].message.content": "keep"})
    entry = observed(
        {"choices": [{"message": {"content": "{}"}}]},
        request={"response_format": {"type": "json_object"}},
        provider=kept,
    ).entry
    assert entry.body["choices"][0]["message"]["content"] == "{}"  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        ('{"city": "Paris"}', []),
        ('{"city": "Paris", "days": 3}', ["value-changed"]),
        ('{"city": 7}', ["value-changed"]),
        ("I cannot do that.", []),
    ],
)
def test_changes_inside_what_a_model_wrote_are_other_values(content: str, kinds: list[str]) -> None:
    asked = {"response_format": {"type": "json_object"}}
    before, now = (
        observed({"choices": [{"message": {"content": text}}]}, request=asked).entry
        for text in ('{"city": "Rome"}', content)
    )
    found = compare(before.masked, now.masked, rules(TOGETHER, CHAT.name), None)
    assert [each.kind for each in found] == kinds


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_json_that_nobody_can_look_into_is_a_named_error(opening: bytes) -> None:
    closing = {b"[": b"]", b'{"a":': b"}"}[opening]
    body = opening * 101 + b"1" + closing * 101
    for seen in (body, b"data: " + body + b"\n\n"):
        with pytest.raises(CassetteError, match="nested more than 100 levels"):
            observed(seen, headers=())
    assert observed(opening * 100 + b"1" + closing * 100, headers=()).entry.body


@pytest.mark.parametrize("number", [2**63, 2**64, 2**70, -(2**70)])
def test_an_integer_of_any_size_goes_all_the_way(number: int) -> None:
    seen = observed({"seed": number, "id": "x"})
    assert seen.bodies == ({"seed": number, "id": "x"},)
    assert seen.entry.body == {"seed": "<int>", "id": "<id>"}
    [entry] = read_snapshot(snapshot_bytes([seen.entry]), "x")
    assert entry == seen.entry
    document = derive(CHAT, 200, False, [Sample(None, {}, entry.masked)], rules(TOGETHER, CHAT.name), {})
    assert Validator(Contract(document)).check(seen.bodies[0]) == []


# --- files ------------------------------------------------------------------------------------------------------------


def entry(key: str = "key", body: Json = None, **said: Any) -> Entry:
    return replace(Entry("label", key, CHAT, 200, False, {}, body), **said)


words = st.text(max_size=6) | st.sampled_from(["\ud800", "ü", "n ≥ 1", "<<<<<<< HEAD", "a:b:c"])
entries = st.builds(
    Entry,
    label=words,
    match_key=words,
    operation=st.builds(Operation, st.sampled_from(["together", "localhost-8000"]), words),
    status=st.sampled_from([200, 404]),
    stream=st.booleans(),
    headers=st.dictionaries(words, words, max_size=2),
    body=objects.map(lambda body: mask(body, RULES)),
    model=st.none() | words,
    recorded=st.none() | st.just("2026-01-01"),
)


@given(st.lists(entries, max_size=3))
def test_entries_are_read_as_they_were_written(some: list[Entry]) -> None:
    text = snapshot_bytes(some)
    assert read_snapshot(text, "x") == some
    assert snapshot_bytes(read_snapshot(text, "x")) == text


def test_a_file_is_made_to_be_read() -> None:
    text = snapshot_bytes([entry(body={"b": "ü", "a": ["<int>", "n ≥ 1"]})]).decode()
    assert text.startswith('{\n  "exchanges": [\n    {\n      "body": {\n        "a": [\n')
    assert text.endswith('"version": 1\n}\n')
    assert '"n ≥ 1"' in text


def test_the_order_of_keys_makes_no_difference_to_the_bytes() -> None:
    assert snapshot_bytes([entry(body={"a": 1, "b": 2})]) == snapshot_bytes([entry(body={"b": 2, "a": 1})])


def test_conflict_markers_are_named_with_their_cure() -> None:
    text = snapshot_bytes([entry()]).replace(b"\n", b"\n<<<<<<< HEAD\n", 1)
    with pytest.raises(ApprovedFileError) as caught:
        read_snapshot(text, "snapshots/a.json")
    assert "merge conflict" in caught.value.problem
    assert caught.value.where == "snapshots/a.json"
    assert "git checkout --ours" in caught.value.next


def test_a_newer_snapshot_is_not_guessed_at() -> None:
    with pytest.raises(ApprovedFileError, match="newer Acetate") as caught:
        read_snapshot(b'{"version": 2, "entries": {}, "exchanges": 7}', "snapshots/a.json")
    assert "upgrade" in caught.value.next


GOOD = json.loads(snapshot_bytes([entry()]))


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"version": 1}',
        b'{"version": "1", "exchanges": []}',
        b'{"version": NaN, "exchanges": []}',
        b'{"version": 1, "exchanges": 7}',
        b'{"version": 1, "exchanges": ["a"]}',
        *(
            json.dumps({"version": 1, "exchanges": [{**GOOD["exchanges"][0], key: value}]}).encode()
            for key, value in (("headers", []), ("status", "200"))
        ),
        *(
            json.dumps(
                {"version": 1, "exchanges": [{k: v for k, v in GOOD["exchanges"][0].items() if k != key}]}
            ).encode()
            for key in ("label", "match_key", "operation", "status", "stream", "headers", "body")
        ),
    ],
)
def test_a_damaged_snapshot_is_a_named_error(damaged: bytes) -> None:
    with pytest.raises(ApprovedFileError) as caught:
        read_snapshot(damaged, "snapshots/a.json")
    assert caught.value.where == "snapshots/a.json"
    assert caught.value.next == "git checkout -- 'snapshots/a.json'"


@pytest.mark.parametrize("body", [7, {}, {"events": 7}, {"events": [], "reply": 1, "terminator": 7}])
def test_a_stream_whose_body_somebody_damaged_has_no_events(body: Json) -> None:
    damaged = entry(body=body, stream=True)
    assert (damaged.masked, damaged.terminator) == ((), None)


# --- pairs ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcdef"), unique=True).flatmap(lambda keys: st.tuples(*[st.permutations(keys)] * 2)))
def test_exchanges_find_their_entries_by_match_key_in_any_order(both: tuple[list[str], list[str]]) -> None:
    approved, seen = ([entry(key) for key in keys] for keys in both)
    assert [approved[index].match_key for index in paired(approved, seen) if index is not None] == both[1]


calls = st.builds(
    entry,
    st.sampled_from("abc"),
    operation=st.sampled_from([CHAT, Operation("together", "embeddings")]),
    status=st.sampled_from([200, 500]),
    stream=st.booleans(),
)


@given(st.lists(calls, max_size=6), st.lists(calls, max_size=6))
def test_no_entry_is_paired_twice_and_none_is_left_that_would_fit(approved: list[Entry], seen: list[Entry]) -> None:
    partners = paired(approved, seen)
    taken = [index for index in partners if index is not None]
    assert len(partners) == len(seen)
    assert max(Counter(taken).values(), default=1) == 1
    free = [each for index, each in enumerate(approved) if index not in taken]
    alone = [each for each, partner in zip(seen, partners, strict=True) if partner is None]
    assert not [
        (old, new) for old in free for new in alone if old.operation == new.operation or old.match_key == new.match_key
    ]


@given(st.lists(st.sampled_from("ab"), max_size=6))
def test_identical_requests_are_paired_in_order(keys: list[str]) -> None:
    some = [entry(key) for key in keys]
    assert paired(some, some) == list(range(len(some)))


def test_a_request_that_changed_answers_to_the_entry_of_its_operation() -> None:
    embeddings = Operation("together", "embeddings")
    approved = [entry("a"), entry("b", operation=embeddings), entry("c")]
    seen = [entry("x", operation=embeddings), entry("c"), entry("y"), entry("z")]
    assert paired(approved, seen) == [1, 2, 0, None]


def test_the_same_request_with_another_status_answers_to_its_entry() -> None:
    approved = [entry("a"), entry("a", status=500)]
    assert paired(approved, [entry("a", status=500), entry("a", status=503)]) == [1, 0]


def test_a_thousand_exchanges_are_paired_at_once() -> None:
    approved = [entry(f"k{number}") for number in range(1000)]
    changed = [entry(f"x{number}") for number in range(1000)]
    start = time.process_time()
    assert paired(approved, approved[::-1]) == list(range(1000))[::-1]
    assert paired(approved, changed) == list(range(1000))
    assert time.process_time() - start < 0.5
