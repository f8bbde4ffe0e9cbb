"""The real SDKs and HTTP clients, sync and async, against the stand-in: each operation once in each of its forms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import httpx2
import openai
import pytest
import requests
import together as together_sdk

from tests.standin.server import KEY, Standin

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
LLAMA_TOOLS = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
MAVERICK = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"
DEEPSEEK = "deepseek-ai/DeepSeek-V3.1"
BERT = "togethercomputer/m2-bert-80M-8k-retrieval"
FLUX = "black-forest-labs/FLUX.1-schnell"
RANK = "Salesforce/Llama-Rank-V1"
SONIC = "cartesia/sonic"
WHISPER = "openai/whisper-large-v3"
DIALECTS = [LLAMA, LLAMA_TOOLS, MAVERICK, DEEPSEEK]

HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER = [{"role": "user", "content": "What is the weather in Oslo and Paris?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
Call = Callable[[Any], Any]


# --- one way to call an SDK, sync or async ----------------------------------------------------------------------------


NO_CERTIFICATES = {"verify": False}
"""There is nothing to check here, and reading them takes longer than most of these tests."""


def sync(sdk: Any, kind: str, version: str) -> Callable[[Standin, Call], Any]:
    def run(standin: Standin, call: Call) -> Any:
        http = sdk.DefaultHttpxClient(**NO_CERTIFICATES)
        with getattr(sdk, kind)(base_url=standin.url + version, api_key=KEY, max_retries=0, http_client=http) as client:
            return complete(call(client))

    return run


def asynchronous(sdk: Any, kind: str, version: str) -> Callable[[Standin, Call], Any]:
    async def run(standin: Standin, call: Call) -> Any:
        http = sdk.DefaultAsyncHttpxClient(**NO_CERTIFICATES)
        client = getattr(sdk, kind)(base_url=standin.url + version, api_key=KEY, max_retries=0, http_client=http)
        async with client:
            return await completed(call(client))

    return lambda standin, call: asyncio.run(run(standin, call))


def complete(result: Any) -> Any:
    """A stream to its end, as a list."""
    return list(result) if isinstance(result, together_sdk.Stream | openai.Stream) else result


async def completed(result: Any) -> Any:
    result = await result
    if isinstance(result, together_sdk.AsyncStream | openai.AsyncStream):
        return [chunk async for chunk in result]
    return result


TOGETHER = {
    "together": sync(together_sdk, "Together", ""),
    "together async": asynchronous(together_sdk, "AsyncTogether", ""),
}
OPENAI = {
    "openai": sync(openai, "OpenAI", "/v1"),
    "openai async": asynchronous(openai, "AsyncOpenAI", "/v1"),
}
both = pytest.mark.parametrize("use", (TOGETHER | OPENAI).values(), ids=TOGETHER | OPENAI)
of_together = pytest.mark.parametrize("use", TOGETHER.values(), ids=TOGETHER)
of_openai = pytest.mark.parametrize("use", OPENAI.values(), ids=OPENAI)
dialects = pytest.mark.parametrize("model", DIALECTS)


# --- chat -------------------------------------------------------------------------------------------------------------


@both
@dialects
def test_a_chat_is_answered(together, use, model):
    reply = use(together, lambda client: client.chat.completions.create(model=model, messages=HELLO))
    assert "“Say hello.”" in reply.choices[0].message.content
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


@both
@dialects
def test_a_streamed_chat_says_what_the_plain_one_says(together, use, model):
    plain = use(together, lambda client: client.chat.completions.create(model=model, messages=HELLO))
    chunks = use(together, lambda client: client.chat.completions.create(model=model, messages=HELLO, stream=True))
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert len(chunks) > 5
    assert "".join(said) == plain.choices[0].message.content
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"


@both
@dialects
def test_tools_are_called_in_parallel(together, use, model):
    create = {"model": model, "messages": WEATHER, "tools": [TOOL]}
    reply = use(together, lambda client: client.chat.completions.create(**create))
    calls = reply.choices[0].message.tool_calls
    assert reply.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Oslo"}, {"city": "Paris"}]


@both
@dialects
def test_streamed_tool_calls_add_up(together, use, model):
    create = {"model": model, "messages": WEATHER, "tools": [TOOL], "stream": True}
    chunks = use(together, lambda client: client.chat.completions.create(**create))
    arguments, names = {0: "", 1: ""}, {0: "", 1: ""}
    for chunk in chunks:
        for choice in chunk.choices:
            for piece in choice.delta.tool_calls or []:
                arguments[piece.index] += piece.function.arguments or ""
                names[piece.index] += piece.function.name or ""
    assert [json.loads(text) for text in arguments.values()] == [{"city": "Oslo"}, {"city": "Paris"}]
    assert names == {0: "weather", 1: "weather"}


@both
def test_a_loop_of_two_calls_ends_with_what_the_tool_said(together, use):
    def ask(messages: list[Any]) -> Any:
        create = {"model": LLAMA, "messages": messages, "tools": [TOOL]}
        return use(together, lambda client: client.chat.completions.create(**create)).choices[0].message

    calls = ask(WEATHER).tool_calls
    asked = {"role": "assistant", "content": None, "tool_calls": [call.model_dump() for call in calls]}
    answers = [{"role": "tool", "tool_call_id": call.id, "content": f"rain at {call.id}"} for call in calls]
    last = ask([*WEATHER, asked, *answers])
    assert f"the tool says rain at {calls[1].id}" in last.content
    assert not last.tool_calls


# --- the other operations ---------------------------------------------------------------------------------------------


@both
def test_a_completion_goes_on(together, use):
    reply = use(together, lambda client: client.completions.create(model=LLAMA, prompt="Once upon"))
    chunks = use(together, lambda client: client.completions.create(model=LLAMA, prompt="Once upon", stream=True))
    assert reply.choices[0].text.startswith(" and so it goes on")
    assert "".join(chunk.choices[0].text for chunk in chunks) == reply.choices[0].text


@both
def test_texts_are_embedded(together, use):
    reply = use(together, lambda client: client.embeddings.create(model=BERT, input=["one", "two"]))
    one, two = (item.embedding for item in reply.data)
    assert len(one) == len(two) > 0
    assert one != two
    assert all(isinstance(number, float) for number in one + two)


@both
def test_an_image_has_its_address(together, use):
    reply = use(together, lambda client: client.images.generate(model=FLUX, prompt="a bird"))
    assert reply.data[0].url.startswith("https://")


@both
def test_text_becomes_sound(together, use):
    reply = use(together, lambda client: client.audio.speech.create(model=SONIC, input="Hello", voice="friendly"))
    assert getattr(reply, "http_response", reply).content.startswith(b"RIFF")


@both
def test_sound_becomes_text(together, use):
    sound = ("hello.wav", b"RIFF....WAVE", "audio/wav")
    reply = use(together, lambda client: client.audio.transcriptions.create(model=WHISPER, file=sound))
    assert reply.text.startswith("Voilà, 12 bytes")


@of_together
def test_sound_is_streamed(together, use):
    create = {"model": SONIC, "input": "Hello", "voice": "friendly", "response_format": "raw", "stream": True}
    chunks = use(together, lambda client: client.audio.speech.create(**create))
    assert [chunk.object for chunk in chunks] == ["audio.tts.chunk"] * 3


@of_together
def test_documents_are_ranked(together, use):
    documents = ["a red fox", "the blue sea", "blue blue sky over the sea"]
    reply = use(together, lambda client: client.rerank.create(model=RANK, query="the blue sky", documents=documents))
    assert [result.index for result in reply.results] == [2, 1, 0]


@of_together
def test_the_models_are_a_bare_array(together, use):
    reply = use(together, lambda client: client.get("/v1/models", cast_to=httpx.Response))
    assert LLAMA in [model["id"] for model in reply.json()]


@of_openai
def test_openais_sdk_stumbles_over_the_bare_array(together, use):
    with pytest.raises(AttributeError, match="'list' object"):
        use(together, lambda client: client.models.list())


@of_openai
def test_openais_sdk_asks_for_embeddings_in_base64(together, use):
    use(together, lambda client: client.embeddings.create(model=BERT, input="one"))
    assert together.requests[0].json["encoding_format"] == "base64"


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "APIStatusError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
    524: "InternalServerError",
}


@both
@pytest.mark.parametrize("status", ERRORS)
def test_an_error_is_raised_by_its_name(together, use, status):
    together.script(error=status)
    with pytest.raises(Exception, match=str(status)) as raised:
        use(together, lambda client: client.chat.completions.create(model=LLAMA, messages=HELLO))
    assert type(raised.value).__name__ == ERRORS[status]
    assert together.calls == 1


@both
def test_an_error_inside_a_stream_is_raised(together, use):
    together.script(malformed=["error"])
    with pytest.raises((together_sdk.APIError, openai.APIError), match="Internal server error"):
        use(together, lambda client: client.chat.completions.create(model=LLAMA, messages=HELLO, stream=True))


def test_an_sdk_tries_again_after_an_error(together):
    together.script(error=503, times=1, headers={"retry-after-ms": "1"})
    with together_sdk.Together(base_url=together.url, api_key=KEY) as client:
        reply = client.chat.completions.create(model=LLAMA, messages=HELLO)
    assert reply.choices[0].message.content
    assert [request.header("x-stainless-retry-count") for request in together.requests] == ["0", "1"]


def test_the_sdk_finds_the_stand_in_by_its_environment(together, monkeypatch):
    for name, value in together.environment.items():
        monkeypatch.setenv(name, value)
    with together_sdk.Together() as client:
        assert client.chat.completions.create(model=LLAMA, messages=HELLO).id


# --- plain HTTP clients -----------------------------------------------------------------------------------------------

HEADERS = {"Authorization": f"Bearer {KEY}"}
Posted = tuple[int, bytes]


def by_httpx(url: str, body: Any) -> Posted:
    with httpx.Client(**NO_CERTIFICATES) as client, client.stream("POST", url, json=body, headers=HEADERS) as reply:
        return reply.status_code, b"".join(reply.iter_bytes())


def by_httpx2(url: str, body: Any) -> Posted:
    with httpx2.Client(**NO_CERTIFICATES) as client, client.stream("POST", url, json=body, headers=HEADERS) as reply:
        return reply.status_code, b"".join(reply.iter_bytes())


def by_requests(url: str, body: Any) -> Posted:
    with requests.post(url, json=body, headers=HEADERS, stream=True, timeout=5) as reply:
        return reply.status_code, b"".join(reply.iter_content(None))


def in_a_loop(post: Callable[[str, Any], Any]) -> Callable[[str, Any], Posted]:
    return lambda url, body: asyncio.run(post(url, body))


@in_a_loop
async def by_async_httpx(url: str, body: Any) -> Posted:
    async with (
        httpx.AsyncClient(**NO_CERTIFICATES) as client,
        client.stream("POST", url, json=body, headers=HEADERS) as reply,
    ):
        return reply.status_code, b"".join([piece async for piece in reply.aiter_bytes()])


@in_a_loop
async def by_async_httpx2(url: str, body: Any) -> Posted:
    async with (
        httpx2.AsyncClient(**NO_CERTIFICATES) as client,
        client.stream("POST", url, json=body, headers=HEADERS) as reply,
    ):
        return reply.status_code, b"".join([piece async for piece in reply.aiter_bytes()])


@in_a_loop
async def by_aiohttp(url: str, body: Any) -> Posted:
    async with aiohttp.ClientSession() as client, client.post(url, json=body, headers=HEADERS) as reply:
        return reply.status, b"".join([piece async for piece in reply.content.iter_any()])


CLIENTS = {
    "httpx": by_httpx,
    "httpx async": by_async_httpx,
    "httpx2": by_httpx2,
    "httpx2 async": by_async_httpx2,
    "requests": by_requests,
    "aiohttp": by_aiohttp,
}
clients = pytest.mark.parametrize("post", CLIENTS.values(), ids=CLIENTS)


@clients
def test_a_client_gets_a_whole_reply(together, post):
    status, body = post(together.url + "/v1/chat/completions", {"model": LLAMA, "messages": HELLO})
    assert status == 200
    assert json.loads(body)["object"] == "chat.completion"


@clients
def test_a_client_gets_a_stream(together, post):
    status, body = post(together.url + "/v1/chat/completions", {"model": LLAMA, "messages": HELLO, "stream": True})
    assert status == 200
    assert body.endswith(b"\n\ndata: [DONE]\n\n")


@clients
def test_a_client_gets_an_error(together, post):
    together.script(error=429)
    status, body = post(together.url + "/v1/chat/completions", {"model": LLAMA, "messages": HELLO})
    assert status == 429
    assert json.loads(body)["error"]["type"] == "credit_limit"


@clients
def test_a_client_unpacks_what_it_says_it_accepts(together, post):
    url, body = together.url + "/v1/embeddings", {"model": BERT, "input": "one"}
    plain = post(url, body)
    accepted = together.requests[0].header("accept-encoding").replace(" ", "").split(",")
    for encoding in accepted:
        together.script(encoding=encoding)
        assert post(url, body) == plain
    assert {"gzip", "deflate"} <= set(accepted)


@clients
@pytest.mark.parametrize("cut_by", ["reset", "close"])
def test_a_client_notices_that_a_stream_is_cut(together, post, cut_by):
    together.script(cut="event", cut_by=cut_by)
    with pytest.raises((httpx.TransportError, httpx2.TransportError, requests.RequestException, aiohttp.ClientError)):
        post(together.url + "/v1/chat/completions", {"model": LLAMA, "messages": HELLO, "stream": True})
