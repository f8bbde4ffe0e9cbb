"""The reply of a stream, dialect by dialect, and what becomes of streams that are cut, broken or strange."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetate.reply import Reply, assemble, is_keep_alive, read
from acetate.stream import Decoder

DONE = "[DONE]"


def sse(*data: Any) -> bytes:
    """One event for each; text is sent as it is, anything else as JSON."""
    return b"".join(f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode() for value in data)


def chunk(delta: Any = None, *, choice: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    return {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": None, **(choice or {})}],
        **top,
    }


def body(*data: Any) -> Any:
    return read(sse(*data)).body


def message(*deltas: Any) -> Any:
    return body(*[chunk(delta) for delta in deltas], DONE)["choices"][0]["message"]


def named(name: str, value: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **value})}\n\n".encode()


# Chat


def test_a_native_together_stream_has_its_words_once_and_the_usage_of_its_last_chunk() -> None:
    def native(text: str, token: int, **choice: Any) -> dict[str, Any]:
        delta = {"token_id": token, "role": "assistant", "content": text, "tool_calls": None}
        return chunk(delta, choice={"text": text, "logprobs": None, "seed": None, **choice}, usage=None)

    last = {**native("", 2, finish_reason="stop", seed=2**64 - 1), "usage": {"total_tokens": 3}}
    assert body(native("Hel", 1), native("lo", 7), last, DONE) == {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"token_id": 2, "role": "assistant", "content": "Hello", "tool_calls": None},
                "finish_reason": "stop",
                "logprobs": None,
                "seed": 18446744073709551615,
            }
        ],
        "usage": {"total_tokens": 3},
    }


def test_tool_call_pieces_with_only_an_index_and_arguments_are_joined() -> None:
    assert message(
        {"role": "assistant", "content": None},
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
    ) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
    }


def test_null_ids_and_names_in_later_pieces_erase_nothing() -> None:
    first = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    later = {"index": 0, "id": None, "type": "function", "function": {"name": None, "arguments": "{}"}}
    assert message({"tool_calls": [first]}, {"tool_calls": [later]})["tool_calls"] == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


def test_an_id_and_a_name_sent_with_every_piece_stand_once() -> None:
    piece = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "."}}
    assert message({"tool_calls": [piece]}, {"tool_calls": [piece]})["tool_calls"] == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ".."}}
    ]


def test_two_pieces_of_one_tool_call_in_one_chunk_are_joined() -> None:
    calls = [{"index": 0, "function": {"arguments": "{"}}, {"index": 0, "function": {"arguments": "}"}}]
    assert message({"tool_calls": calls})["tool_calls"] == [{"index": 0, "function": {"arguments": "{}"}}]


def test_tool_calls_without_an_index_are_whole() -> None:
    calls = [{"id": "a", "function": {"name": "f"}}, {"id": "b", "function": {"name": "f"}}]
    assert message({"tool_calls": calls})["tool_calls"] == calls


def test_usage_may_come_in_a_chunk_without_choices() -> None:
    usage = {**chunk(), "choices": [], "usage": {"total_tokens": 3, "prompt_tokens_details": None}}
    reply = body(chunk({"content": "a"}, choice={"matched_stop": 7, "finish_reason": "stop"}), usage, DONE)
    assert reply["usage"] == {"total_tokens": 3, "prompt_tokens_details": None}
    assert reply["choices"] == [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop", "matched_stop": 7}]


def test_the_last_finish_reason_that_says_something_stands() -> None:
    reasons = [None, "tool_calls", "stop", "", None]
    reply = body(*[chunk(choice={"finish_reason": reason}) for reason in reasons], DONE)
    assert reply["choices"][0]["finish_reason"] == "stop"


def test_zero_says_something() -> None:
    reply = body(chunk(choice={"matched_stop": 7}), chunk(choice={"matched_stop": 0}), DONE)
    assert reply["choices"][0]["matched_stop"] == 0


def test_choices_stand_in_the_order_of_their_index() -> None:
    def one(index: int, text: str) -> dict[str, Any]:
        return chunk(choice={"index": index, "delta": {"content": text}})

    choices = body(one(1, "x"), one(0, "a"), one(1, "y"), one(0, "b"), DONE)["choices"]
    assert [(choice["index"], choice["message"]["content"]) for choice in choices] == [(0, "ab"), (1, "xy")]


@pytest.mark.parametrize("field", ["content", "reasoning", "reasoning_content", "refusal", "a_field_of_tomorrow"])
def test_strings_of_a_delta_are_pieces_known_or_not(field: str) -> None:
    assert message({field: None}, {field: "a"}, {}, {field: "b"}, {field: None}) == {field: "ab"}


def test_a_function_call_of_the_old_kind_is_joined() -> None:
    deltas = [{"function_call": {"name": "f", "arguments": ""}}, {"function_call": {"arguments": "{}"}}]
    assert message(*deltas) == {"function_call": {"name": "f", "arguments": "{}"}}


def test_lists_without_an_index_grow_and_other_scalars_are_the_last_that_is_not_null() -> None:
    assert message({"annotations": [1], "score": 1}, {"annotations": [2], "score": 0}, {"score": None}) == {
        "annotations": [1, 2],
        "score": 0,
    }


def test_content_that_turns_from_text_to_parts_and_back_keeps_both() -> None:
    part = {"type": "thinking", "thinking": "hm"}
    assert message({"content": ""}, {"content": [part]}, {"content": "Hi"})["content"] == [part, "Hi"]
    assert message({"content": "Hi"}, {"content": [part]})["content"] == ["Hi", part]


def test_log_probabilities_grow() -> None:
    def one(token: str) -> dict[str, Any]:
        return chunk(choice={"logprobs": {"content": [{"token": token}], "refusal": None}})

    assert body(one("a"), one("b"), DONE)["choices"][0]["logprobs"] == {
        "content": [{"token": "a"}, {"token": "b"}],
        "refusal": None,
    }


def test_the_empty_head_of_an_azure_stream_is_filled_by_what_follows() -> None:
    head = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"x": 1}]}
    reply = read(sse(head, chunk({"content": "a"}, system_fingerprint=None), chunk(id="other"), DONE))
    assert reply.dialect == "chat"
    assert {key: value for key, value in reply.body.items() if key != "choices"} == {
        "created": 1,
        "id": "c-1",
        "model": "m",
        "object": "chat.completion.chunk",
        "prompt_filter_results": [{"x": 1}],
        "system_fingerprint": None,
    }


def test_warnings_and_usage_of_the_last_chunk_that_has_them_stand() -> None:
    reply = body(
        chunk(usage={"total_tokens": None}, warnings=[{"message": "w"}]),
        chunk(usage={"total_tokens": 5}, warnings=[]),
        chunk(usage=None),
        DONE,
    )
    assert (reply["usage"], reply["warnings"]) == ({"total_tokens": 5}, [{"message": "w"}])


def test_a_chat_stream_is_known_by_its_deltas_where_the_object_is_strange() -> None:
    stranger = {"object": "text_completion", "choices": [{"index": 0, "delta": {"content": "a"}}]}
    assert read(sse(stranger, DONE)).dialect == "chat"


def test_choices_that_say_nothing_leave_the_dialect_to_what_follows() -> None:
    assert read(sse({"choices": [{}, {}]})).dialect == "generic"
    assert read(sse({"choices": [{}, {}]}, {"choices": [{"text": "a"}]})).dialect == "completion"


@pytest.mark.parametrize("choices", [None, 1, [None], [{}], [{"index": "0", "delta": None}], [{"delta": 3}]])
def test_a_chunk_that_is_no_chunk_stops_nothing(choices: Any) -> None:
    reply = read(sse(chunk({"content": "a"}), {**chunk(), "choices": choices}, chunk({"content": "b"}), DONE))
    assert reply.body["choices"][0]["message"]["content"] == "ab"


def test_the_data_of_the_events_is_left_as_it_was() -> None:
    first = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}, usage={"a": 1})
    second = chunk({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}, usage={"a": 2})
    assert read(sse(first, second, DONE)).data == (first, second)


# Text completions


def test_a_text_completion_is_its_text_joined() -> None:
    def one(text: str, reason: str | None = None) -> dict[str, Any]:
        return {"object": "text_completion", "choices": [{"text": text, "index": 0, "finish_reason": reason}]}

    reply = read(sse(one("a"), one("b"), one("", "stop"), DONE))
    assert reply.dialect == "completion"
    assert reply.complete
    assert reply.body == {
        "object": "text_completion",
        "choices": [{"index": 0, "text": "ab", "finish_reason": "stop"}],
    }


def test_a_together_completion_has_its_words_once() -> None:
    one = {"object": "completion.chunk", "choices": [{"index": 0, "text": "a", "delta": {"content": "a"}}]}
    assert body(one, one, DONE) == {"object": "completion.chunk", "choices": [{"index": 0, "text": "aa"}]}


# OpenAI responses


@pytest.mark.parametrize("end", ["completed", "incomplete"])
def test_a_response_is_the_one_its_last_event_carries(end: str) -> None:
    stream = (
        named("response.created", {"response": {"status": "in_progress", "output": []}})
        + named("response.output_text.delta", {"delta": "Hi"})
        + named(f"response.{end}", {"response": {"status": end, "output": [{"text": "Hi"}], "error": None}})
    )
    reply = read(stream)
    assert (reply.dialect, reply.terminator, reply.complete) == ("responses", f"response.{end}", True)
    assert reply.body == {"status": end, "output": [{"text": "Hi"}], "error": None}
    assert reply.error is None


def test_a_response_that_failed_is_complete_and_says_why() -> None:
    failed = {"response": {"status": "failed", "error": {"code": "server_error"}}}
    reply = read(named("response.created", {"response": {"status": "in_progress"}}) + named("response.failed", failed))
    assert (reply.complete, reply.error) == (True, {"code": "server_error"})


def test_a_response_that_was_cut_is_the_one_it_began_with() -> None:
    reply = read(named("response.created", {"response": {"id": "r"}}) + named("response.output_text.delta", {}))
    assert (reply.body, reply.complete, reply.terminator) == ({"id": "r"}, False, None)


# Anthropic messages


def test_a_message_has_its_blocks_the_input_of_its_tools_and_the_last_usage() -> None:
    head = {"id": "msg", "role": "assistant", "content": [], "stop_reason": None, "usage": {"in": 9, "out": 1, "c": 2}}
    tool = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    stream = b"".join(
        named(name, value)
        for name, value in [
            ("message_start", {"message": head}),
            (
                "content_block_start",
                {"index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
            ),
            ("ping", {}),
            ("content_block_delta", {"index": 0, "delta": {"type": "thinking_delta", "thinking": "h"}}),
            ("content_block_delta", {"index": 0, "delta": {"type": "thinking_delta", "thinking": "m"}}),
            ("content_block_delta", {"index": 0, "delta": {"type": "signature_delta", "signature": "sig"}}),
            ("content_block_stop", {"index": 0}),
            ("content_block_start", {"index": 2, "content_block": tool}),
            ("content_block_delta", {"index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}}),
            ("content_block_delta", {"index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a": '}}),
            ("content_block_start", {"index": 1, "content_block": {"type": "text", "text": ""}}),
            ("content_block_delta", {"index": 1, "delta": {"type": "text_delta", "text": "Hi"}}),
            ("content_block_delta", {"index": 1, "delta": {"type": "citations_delta", "citation": {"n": 1}}}),
            ("content_block_delta", {"index": 2, "delta": {"type": "input_json_delta", "partial_json": f"{2**64}}}"}}),
            ("content_block_start", {"index": 3, "content_block": tool}),
            (
                "message_delta",
                {"delta": {"stop_reason": "tool_use"}, "usage": {"out": 5, "c": None}, "edits": {"e": 1}},
            ),
            ("message_stop", {}),
            ("content_block_delta", {"index": 1, "delta": {"type": "text_delta", "text": "too late"}}),
        ]
    )
    reply = read(stream)
    assert (reply.dialect, reply.terminator, reply.complete, reply.events) == ("messages", "message_stop", True, 18)
    assert reply.body == {
        "id": "msg",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "Hi", "citations": [{"n": 1}]},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 18446744073709551616}},
            {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        ],
        "stop_reason": "tool_use",
        "usage": {"in": 9, "out": 5, "c": 2},
        "edits": {"e": 1},
    }


def test_a_tool_input_that_was_cut_stays_text() -> None:
    reply = read(
        named("message_start", {"message": {"content": []}})
        + named("content_block_start", {"index": 0, "content_block": {"type": "tool_use", "input": {}}})
        + named("content_block_delta", {"index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a'}})
    )
    assert reply.body == {"content": [{"type": "tool_use", "input": '{"a'}]}
    assert not reply.complete


def test_the_data_of_the_events_of_a_message_is_left_as_it_was() -> None:
    data = [
        {"type": "message_start", "message": {"content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "", "citations": []}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {"n": 1}}},
    ]
    reply = read(sse(*data))
    assert reply.body == {"content": [{"type": "text", "text": "Hi", "citations": [{"n": 1}]}]}
    assert list(reply.data) == data


# Cohere


def test_a_cohere_message_has_its_content_its_tool_calls_and_its_usage() -> None:
    def say(name: str, index: int | None = None, **message: Any) -> bytes:
        return named(name, {"delta": {"message": message}} | ({} if index is None else {"index": index}))

    stream = (
        named("message-start", {"id": "m", "delta": {"message": {"role": "assistant", "content": [], "tool_plan": ""}}})
        + say("tool-plan-delta", tool_plan="I ")
        + say("tool-plan-delta", tool_plan="look")
        + say(
            "tool-call-start", 0, tool_calls={"id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}
        )
        + say("tool-call-delta", 0, tool_calls={"function": {"arguments": "{}"}})
        + named("tool-call-end", {"index": 0})
        + say("content-start", 0, content={"type": "text", "text": ""})
        + say("content-delta", 0, content={"text": "Hi"})
        + named("message-end", {"delta": {"finish_reason": "COMPLETE", "usage": {"tokens": 1}}})
    )
    reply = read(stream)
    assert (reply.dialect, reply.terminator, reply.complete) == ("cohere", "message-end", True)
    assert reply.body == {
        "id": "m",
        "message": {
            "role": "assistant",
            "content": [{"type": "text", "text": "Hi"}],
            "tool_plan": "I look",
            "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        "finish_reason": "COMPLETE",
        "usage": {"tokens": 1},
    }


def test_items_that_are_no_objects_stay_in_a_cohere_message() -> None:
    assert body({"type": "message-start", "delta": {"message": {"citations": ["a"]}}}) == {
        "message": {"citations": ["a"]}
    }


# Any other stream


def test_a_stream_of_another_kind_has_no_reply_and_is_complete_with_its_last_event() -> None:
    reply = read(sse({"candidates": []}, {"candidates": []}))
    assert reply == Reply("generic", None, True, None, None, 2, ({"candidates": []}, {"candidates": []}))


def test_text_is_no_problem_in_a_stream_of_another_kind() -> None:
    reply = read(sse("Sure", ", here", {"type": 7}))
    assert (reply.data, reply.problems) == (("Sure", ", here", {"type": 7}), ())


def test_a_stream_without_events_is_not_complete() -> None:
    assert read(b": hi\n\n") == Reply("generic", None, False, None, None, 0, ())


# Ends, cuts and errors


def test_a_chat_stream_without_its_terminator_is_not_complete() -> None:
    reply = read(sse(chunk({"content": "a"}, choice={"finish_reason": "stop"})))
    assert (reply.complete, reply.terminator) == (False, None)


def test_a_terminator_without_its_blank_line_did_not_come() -> None:
    reply = read(sse(chunk({"content": "a"}), DONE)[:-1])
    assert (reply.complete, reply.terminator) == (False, None)


def test_bytes_of_an_event_after_the_terminator_leave_the_stream_incomplete() -> None:
    reply = read(sse(chunk(), DONE) + b"data: {")
    assert (reply.complete, reply.terminator) == (False, "[DONE]")


def test_what_follows_the_terminator_is_not_read() -> None:
    reply = read(sse(chunk({"content": "a"}), DONE, chunk({"content": "b"}), "nonsense"))
    assert reply.body["choices"][0]["message"]["content"] == "a"
    assert (reply.events, len(reply.data), reply.problems) == (4, 1, ())


def test_an_error_on_the_way_is_kept_and_the_stream_is_not_complete() -> None:
    reply = read(sse(chunk({"content": "a"}), {"error": {"message": "first"}}, {"error": {"message": "next"}}, DONE))
    assert (reply.complete, reply.error) == (False, {"message": "first"})
    assert reply.body["choices"][0]["message"]["content"] == "a"


def test_an_error_of_null_is_none() -> None:
    reply = read(sse(chunk({"content": "a"}, error=None), DONE))
    assert (reply.complete, reply.error) == (True, None)


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (named("error", {"error": {"type": "overloaded_error"}}), {"type": "overloaded_error"}),
        (named("error", {"code": "x"}), {"type": "error", "code": "x"}),
        (b"event: error\ndata: boom\n\n", "boom"),
        (b"event: error\ndata\n\n", "error"),
    ],
)
def test_an_error_event_says_what_it_has(stream: bytes, error: Any) -> None:
    reply = read(sse(chunk()) + stream)
    assert (reply.complete, reply.error) == (False, error)


@pytest.mark.parametrize("text", ['{"a": ', "[" * 100_000, "9" * 5000])
def test_data_that_is_not_json_is_a_problem_with_its_place_and_without_its_text(text: str) -> None:
    reply = read(sse(chunk({"content": "a"}), text, DONE))
    place = len(sse(chunk({"content": "a"})))
    assert len(reply.problems) == 1
    assert reply.problems[0].startswith(f"event 1 at byte {place}: the data is not JSON: ")
    assert text not in reply.problems[0]
    assert (reply.complete, reply.data[1]) == (True, text)


def test_deltas_nested_deeper_than_python_can_join_are_a_problem() -> None:
    deep: Any = {}
    for _ in range(700):
        deep = {"a": deep}
    reply = read(sse(*[f'{{"choices": [{{"delta": {json.dumps(deep)}}}]}}'] * 2, DONE))
    assert (reply.body, reply.problems) == (None, ("the events are nested too deeply to be joined",))
    assert (reply.dialect, reply.terminator, len(reply.data)) == ("chat", "[DONE]", 2)


WHOLE = sse(chunk({"role": "assistant", "content": "Hé"}), chunk({"content": "llo 🥐"}), chunk(usage={"n": 1}), DONE)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_stream_cut_anywhere_is_incomplete_and_gives_what_came(cut: int) -> None:
    reply = read(WHOLE[:cut])
    assert not reply.complete
    said = "".join(choice["message"].get("content", "") for choice in (reply.body or {"choices": []})["choices"])
    assert "Héllo 🥐".startswith(said)


def test_events_assembled_as_they_came_make_the_same_reply() -> None:
    decoder = Decoder()
    events = [event for at in range(len(WHOLE)) for event in decoder.feed(WHOLE[at : at + 1])]
    assert assemble(iter(events), incomplete=decoder.incomplete) == read(WHOLE)


KEYS = (
    *("choices", "content", "content_block", "citation", "delta", "error", "id", "index", "logprobs", "message"),
    *("object", "partial_json", "response", "text", "tool_calls", "type", "usage"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["", "a", "message_start", "response.created"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)
KINDS = (
    *("message-start", "content-delta", "message_start", "message_delta"),
    *("content_block_start", "content_block_delta", "response.completed"),
)
TYPES = st.sampled_from(
    [
        {},
        {"object": "chat.completion.chunk"},
        {"object": "completion.chunk"},
        *({"type": kind} for kind in KINDS),
    ]
)


@given(st.lists(st.tuples(JSON, TYPES), max_size=8))
def test_no_stream_raises_and_none_changes_its_data(values: list[tuple[Any, dict[str, str]]]) -> None:
    data = [value | kind if isinstance(value, dict) else value for value, kind in values]
    reply = read(sse(*[json.dumps(value) for value in data]))
    assert list(reply.data) == data


def test_names_that_only_the_framing_says_are_kept() -> None:
    data = b"event: note\ndata: {}\n\nevent: output\ndata: a\n\nevent: ping\ndata: {}\n\nevent: output\ndata: b\n\n"
    assert read(named("start", {}) + data + sse(DONE)).names == ("note", "output")


def test_what_keeps_a_stream_alive_is_told_by_its_type_alone() -> None:
    assert is_keep_alive({"type": "ping"})
    assert is_keep_alive({"type": "ping", "cost": "0"})
    assert not any(map(is_keep_alive, ("ping", None, ["ping"], {"type": "pong"}, {"kind": "ping"})))
