"""What a chat may be asked besides: several choices, an end, structured output, pictures, reasoning."""

from __future__ import annotations

import json

import pytest

from tests.recorded.models import DEEPSEEK, LLAMA, MAVERICK, said

pytestmark = pytest.mark.vcr

CITY = {"type": "object", "properties": {"city": {"type": "string"}, "people": {"type": "integer"}}}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def test_several_choices(together):
    reply = together.chat.completions.create(model=LLAMA, messages=said("Say hello."), n=2)
    one, two = (choice.message.content for choice in reply.choices)
    assert one != two


def test_several_choices_in_a_stream(together):
    chunks = together.chat.completions.create(model=LLAMA, messages=said("Say hello."), n=2, stream=True)
    assert {choice.index for chunk in chunks for choice in chunk.choices} == {0, 1}


def test_length(together):
    reply = together.chat.completions.create(model=LLAMA, messages=said("Say hello."), max_tokens=2)
    assert reply.choices[0].finish_reason == "length"


def test_stop(together):
    reply = together.chat.completions.create(model=LLAMA, messages=said("Say hello."), stop=["très"], seed=7)
    assert "très" not in reply.choices[0].message.content
    assert reply.choices[0].seed == 7


def test_logprobs(together):
    """In a form that is Together's own."""
    reply = together.chat.completions.create(model=LLAMA, messages=said("Say hello."), logprobs=1, max_tokens=3)
    assert len(reply.model_dump()["choices"][0]["logprobs"]["token_logprobs"]) == 3


def test_echo(together):
    reply = together.chat.completions.create(model=LLAMA, messages=said("Say hello."), echo=True)
    assert reply.model_dump()["prompt"][0]["text"] == "Say hello."


def test_json_object(together):
    wanted = {"type": "json_object"}
    reply = together.chat.completions.create(model=LLAMA, messages=said("Name a city."), response_format=wanted)
    assert "answer" in json.loads(reply.choices[0].message.content)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_json_schema(together, stream):
    wanted = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY}}
    asked = {"model": LLAMA, "messages": said("Name a city."), "response_format": wanted}
    if stream:
        chunks = together.chat.completions.create(**asked, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        text = together.chat.completions.create(**asked).choices[0].message.content
    assert json.loads(text) == {"city": "Name a city.", "people": 1}


def test_picture(together):
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    reply = together.chat.completions.create(model=MAVERICK, messages=[{"role": "user", "content": parts}])
    assert "“What is this? image_url”" in reply.choices[0].message.content


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_reasoning(together, stream):
    asked = {"model": DEEPSEEK, "messages": said("Say hello."), "reasoning": {"enabled": True}}
    if stream:
        chunks = list(together.chat.completions.create(**asked, stream=True))
        thought = "".join(choice.delta.reasoning or "" for chunk in chunks for choice in chunk.choices)
    else:
        thought = together.chat.completions.create(**asked).choices[0].message.reasoning
    assert thought == "Someone asks, so I answer."
