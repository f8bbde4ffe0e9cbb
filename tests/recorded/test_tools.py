"""Conversations in which tools are called and tell what they know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recorded.models import DEEPSEEK, LLAMA, TOOLS, said

pytestmark = pytest.mark.vcr

WEATHER = said("What is the weather in Oslo and Paris?")


def told(message: Any) -> list[Any]:
    """The message that calls tools, and what these answer."""
    calls = [call.model_dump(exclude_none=True) for call in message.tool_calls]
    asked = {"role": "assistant", "content": None, "tool_calls": calls}
    answers = [
        {"role": "tool", "tool_call_id": call["id"], "content": f"Rain: {call['function']['arguments']}"}
        for call in calls
    ]
    return [asked, *answers]


def test_loop(together):
    first = together.chat.completions.create(model=LLAMA, messages=WEATHER, tools=TOOLS)
    messages = [*WEATHER, *told(first.choices[0].message)]
    last = together.chat.completions.create(model=LLAMA, messages=messages, tools=TOOLS)
    assert 'the tool says Rain: {"city": "Paris"}' in last.choices[0].message.content
    assert last.choices[0].finish_reason == "stop"


def test_conversation(together):
    """Three turns, each with all that was said before."""
    messages = said("What is the weather in Oslo?")
    first = together.chat.completions.create(model=LLAMA, messages=messages, tools=TOOLS)
    messages += told(first.choices[0].message)
    second = together.chat.completions.create(model=LLAMA, messages=messages, tools=TOOLS)
    messages += [{"role": "assistant", "content": second.choices[0].message.content}, *said("Thank you.")]
    third = together.chat.completions.create(model=LLAMA, messages=messages)
    assert "“Thank you.”" in third.choices[0].message.content


def test_forced(together):
    """A model that takes no forced choice says so."""
    choice = {"type": "function", "function": {"name": "weather"}}
    reply = together.chat.completions.create(model=DEEPSEEK, messages=WEATHER, tools=TOOLS, tool_choice=choice)
    assert reply.model_dump()["warnings"] == [{"message": "Model supports only tool_choice auto"}]
    assert len(reply.choices[0].message.tool_calls) == 2


def test_none(together):
    reply = together.chat.completions.create(model=LLAMA, messages=WEATHER, tools=TOOLS, tool_choice="none")
    assert reply.choices[0].message.tool_calls == []


async def test_async_loop(async_together):
    first = await async_together.chat.completions.create(model=LLAMA, messages=WEATHER, tools=TOOLS)
    messages = [*WEATHER, *told(first.choices[0].message)]
    stream = await async_together.chat.completions.create(model=LLAMA, messages=messages, tools=TOOLS, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert 'the tool says Rain: {"city": "Paris"}' in text
