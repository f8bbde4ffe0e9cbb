"""A few short chats: the cassettes that the README and the guides show."""

from __future__ import annotations

import pytest
import together as together_sdk

from tests.recorded.models import DEEPSEEK, LLAMA, LLAMA_TOOLS, TOOLS, said

pytestmark = pytest.mark.vcr


def test_hello(together, script):
    script(say="Hello, and welcome!")
    reply = together.chat.completions.create(model=LLAMA, messages=said("Say hello."))
    assert reply.choices[0].message.content == "Hello, and welcome!"
    assert reply.choices[0].finish_reason == "stop"


def test_weather(together):
    """The reply calls a tool instead of speaking."""
    asked = said("What is the weather in Oslo?")
    reply = together.chat.completions.create(model=LLAMA, messages=asked, tools=TOOLS)
    assert reply.choices[0].message.tool_calls[0].function.arguments == '{"city": "Oslo"}'
    assert reply.choices[0].finish_reason == "tool_calls"


def test_streams(together, script):
    """Once in each of the three ways in which Together's engines write."""
    script(say="One, two")
    native = together.chat.completions.create(model=LLAMA, messages=said("Count to two."), stream=True)
    assert "".join(chunk.choices[0].delta.content for chunk in native) == "One, two"
    script()
    asked = said("What is the weather in Oslo?")
    openai = together.chat.completions.create(model=LLAMA_TOOLS, messages=asked, tools=TOOLS, stream=True)
    assert [chunk.choices[0].finish_reason for chunk in openai][-1] == "tool_calls"
    script(say="Good evening.")
    sglang = together.chat.completions.create(model=DEEPSEEK, messages=said("Say good evening."), stream=True)
    assert [chunk.usage for chunk in sglang][-1].completion_tokens > 0


def test_rate_limit(together, script):
    script(error=429)
    with pytest.raises(together_sdk.RateLimitError, match="You have been rate limited"):
        together.chat.completions.create(model=LLAMA, messages=said("Say hello once more."))
