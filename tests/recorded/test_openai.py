"""OpenAI's own SDK, pointed at Together: many programs do so."""

from __future__ import annotations

import openai
import pytest

from tests.recorded.models import DEEPSEEK, LLAMA, TOOLS, said

pytestmark = pytest.mark.vcr

HELLO = said("Say hello.")


def test_reply(sdk):
    reply = sdk.chat.completions.create(model=LLAMA, messages=HELLO)
    assert "“Say hello.”" in reply.choices[0].message.content


def test_tools(sdk):
    reply = sdk.chat.completions.create(model=LLAMA, messages=said("What is the weather in Oslo?"), tools=TOOLS)
    assert reply.choices[0].message.tool_calls[0].function.arguments == '{"city": "Oslo"}'


def test_stream(sdk):
    """With the option that asks OpenAI for usage; Together sends it anyway."""
    chunks = list(
        sdk.chat.completions.create(model=DEEPSEEK, messages=HELLO, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0


def test_error(sdk, script):
    script(error=429)
    with pytest.raises(openai.RateLimitError, match="You have been rate limited"):
        sdk.chat.completions.create(model=LLAMA, messages=HELLO)


async def test_async_stream(async_sdk):
    stream = await async_sdk.chat.completions.create(model=LLAMA, messages=HELLO, stream=True)
    assert "“Say hello.”" in "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
