"""Every engine behind Together's models, and the ways in which its replies, streams and tool calls are written."""

from __future__ import annotations

import json

import pytest

from tests.recorded.models import ENGINES, TOOLS, said

pytestmark = pytest.mark.vcr

engines = pytest.mark.parametrize("model", ENGINES.values(), ids=ENGINES)

HELLO = said("Say hello.")
WEATHER = said("What is the weather in Oslo and Paris?")
CITIES = [{"city": "Oslo"}, {"city": "Paris"}]


@engines
def test_reply(together, model):
    reply = together.chat.completions.create(model=model, messages=HELLO)
    assert "“Say hello.”" in reply.choices[0].message.content
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


@engines
def test_stream(together, model):
    chunks = list(together.chat.completions.create(model=model, messages=HELLO, stream=True))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert "“Say hello.”" in text
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"


@engines
def test_tools(together, model):
    reply = together.chat.completions.create(model=model, messages=WEATHER, tools=TOOLS)
    calls = reply.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == CITIES


@engines
def test_tools_in_a_stream(together, model):
    arguments = ["", ""]
    for chunk in together.chat.completions.create(model=model, messages=WEATHER, tools=TOOLS, stream=True):
        for piece in (piece for choice in chunk.choices for piece in choice.delta.tool_calls or []):
            arguments[int(piece.index)] += piece.function.arguments or ""
    assert [json.loads(each) for each in arguments] == CITIES
