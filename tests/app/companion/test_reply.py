"""A reply is read where it can be: the text must be there, everything else may be gone, null or something new."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.companion.reply import Assembly, Reply, ToolCall, Unreadable, Usage, whole
from tests.standin.script import Script

BODY: dict[str, Any] = {
    "id": "oYx8JFc-4Yz4kd-97f31d23fc04b3f0",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "llama",
    "prompt": [],
    "choices": [
        {
            "finish_reason": "stop",
            "seed": 9876543210987654000,
            "logprobs": None,
            "index": 0,
            "message": {"role": "assistant", "content": "Hello.", "tool_calls": []},
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "cached_tokens": 0},
}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def changed(**changes):
    return Script(**changes).edited(copy.deepcopy(BODY))


def chunk(delta=None, finish=None, **more):
    return {"choices": [{"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}], **more}


def assembled(*chunks):
    assembly = Assembly()
    for each in chunks:
        assembly.add(each)
    return assembly.reply()


def test_a_whole_reply_is_read():
    assert whole(BODY) == Reply("Hello.", (), "stop", Usage(10, 2, 12), "llama")


UNREADABLE = {
    "no choices": {"remove": ["$.choices"]},
    "null choices": {"null": ["$.choices"]},
    "empty choices": {"put": {"$.choices": []}},
    "choices that are a map": {"put": {"$.choices": {}}},
    "a choice that is a number": {"put": {"$.choices": [1]}},
    "no message": {"remove": ["$.choices[].message"]},
    "a null message": {"null": ["$.choices[].message"]},
    "another name": {"rename": {"$.choices[].message.content": "text"}},
    "null content": {"null": ["$.choices[].message.content"]},
    "a number": {"put": {"$.choices[].message.content": 7}},
    "a reply that does not end": {"put": {"$.choices[].message.content": "x" * 1_000_001}},
    "parts": {"put": {"$.choices[].message.content": [{"type": "text", "text": "hi"}]}},
}
CARRIED_ON = {
    "no usage": {"remove": ["$.usage"]},
    "null usage": {"null": ["$.usage"]},
    "a negative count": {"put": {"$.usage.prompt_tokens": -1}},
    "a count that no column holds": {"put": {"$.usage.total_tokens": 10**30}},
    "half a token": {"put": {"$.usage.total_tokens": 1.5}},
    "a count that is true": {"put": {"$.usage.total_tokens": True}},
    "usage that is a list": {"put": {"$.usage": []}},
    "no envelope": {"remove": ["$.id", "$.object", "$.created", "$.prompt", "$.model"]},
    "no finish": {"null": ["$.choices[].finish_reason"]},
    "a finish that is a list": {"put": {"$.choices[].finish_reason": ["stop"]}},
    "a long name": {"put": {"$.model": "m" * 300}},
    "no role": {"remove": ["$.choices[].message.role", "$.choices[].index"]},
    "calls that are none": {"put": {"$.choices[].message.tool_calls": [None, 1, {"function": {"name": 1}}, {}]}},
    "calls that are text": {"put": {"$.choices[].message.tool_calls": "none"}},
    "another word for the end": {"finish_reasons": {"stop": "eos"}},
    "something new": {"put": {"$.metadata": {"weight_version": "default"}, "$.choices[].message.new": [1]}},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_reply_without_text_is_unreadable(name):
    with pytest.raises(Unreadable, match=r"\$\.choices"):
        whole(changed(**UNREADABLE[name]))


@pytest.mark.parametrize("name", CARRIED_ON)
def test_a_reply_that_lacks_anything_else_is_carried_on(name):
    reply = whole(changed(**CARRIED_ON[name]))
    assert reply.content == "Hello."
    assert reply.calls == ()


@pytest.mark.parametrize("body", [None, [], "text", 1])
def test_what_is_no_object_is_unreadable(body):
    with pytest.raises(Unreadable):
        whole(body)


def test_a_reply_that_calls_tools_needs_no_text():
    body = changed(
        put={"$.choices[].message.tool_calls": [CALL, CALL | {"id": None}]}, null=["$.choices[].message.content"]
    )
    assert whole(body).calls == (ToolCall("call_1", "clock", "{}"), ToolCall("call_clock", "clock", "{}"))


def test_text_is_such_as_every_database_holds():
    body = changed(put={"$.choices[].message.content": "a\0b\ud800c"})
    assert whole(body).content == "ab?c"
    assert assembled(chunk({"content": "a\0b\ud800c"}, "stop")).content == "ab?c"


@given(JSON)
def test_anything_else_is_read_or_unreadable(body):
    for value in (body, {"choices": [body]}, {"choices": [{"message": body}]}):
        with suppress(Unreadable):
            whole(value)


@given(st.lists(JSON, max_size=4))
def test_any_chunks_are_read_or_unreadable(values):
    for shape in (lambda v: v, lambda v: {"choices": [v]}, lambda v: chunk(v), lambda v: chunk({"tool_calls": [v]})):
        assembly = Assembly()
        with suppress(Unreadable):
            for value in values:
                assembly.add(shape(value))
        assembly.reply().content.encode()


def test_chunks_make_a_reply_with_the_last_usage():
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    reply = assembled(
        chunk({"role": "assistant", "content": ""}, model="llama", usage=None),
        chunk({"content": "Hel"}),
        chunk({"content": "lo."}, "stop"),
        {"choices": [], "usage": usage},
    )
    assert reply == Reply("Hello.", (), "stop", Usage(1, 2, 3), "llama")


def test_calls_come_in_pieces_with_nulls_or_nothing_beside_them():
    def piece(index, arguments, **more):
        return chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments}, **more}]})

    reply = assembled(
        chunk({"tool_calls": [CALL | {"function": {"name": "clock", "arguments": ""}}]}),
        piece(0, '{"a"'),
        piece(1, "", id="call_2", **{"type": "function"}),
        chunk({"tool_calls": [{"index": 1, "function": {"name": "calculator", "arguments": None}}]}),
        piece(0, ": 1}", id=None),
        piece(2, "nameless"),
        piece(99, "too many"),
        piece("a", "no number"),
        chunk({}, "tool_calls"),
    )
    assert reply.calls == (ToolCall("call_1", "clock", '{"a": 1}'), ToolCall("call_2", "calculator", ""))


def test_an_end_without_a_delta_is_an_end():
    assembly = Assembly()
    assembly.add({"choices": [{"finish_reason": "stop"}]})
    assert assembly.ended


def test_a_choice_that_is_nothing_is_unreadable():
    for strange in (None, {"choices": [None]}, {"choices": [{}]}, {"choices": None}):
        with pytest.raises(Unreadable):
            Assembly().add(strange)


def test_usage_adds_up_and_stays_storable():
    assert Usage(1, 2, 3) + Usage(1, 1, 2) == Usage(2, 3, 5)
    assert Usage(1, 2, 3) + None == Usage(1, 2, 3)
    most = 2**31 - 1
    assert Usage(most, most, most) + Usage(1, 1, 1) == Usage(most, most, most)
