"""The cells of the SDK matrix: each client in each scenario, in all its variants. `matrix.py` runs them twice, first to
record, then to play, and each time every cell writes down what its client got."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2
import openai
import pytest
import requests
import together

from tests.standin.server import KEY, Standin

RECORDS = "MATRIX_RECORDS" in os.environ
URL = "https://api.together.ai"
"""Who is asked when it is played: the stand-in is gone, and its recordings are found under the provider's own host."""

Object = dict[str, Any]
Call = tuple[str, Object]
"""The path and the body."""
Said = Object
"""What a client got for one call, as JSON: `reply`, `events`, `raised`, or of a plain client `status` and `text`."""
Scenario = Callable[[], Generator[Call, Said, None]]
"""Yields calls and is sent what was said, so that the second can be made of the answer to the first."""


# --- what is said -----------------------------------------------------------------------------------------------------

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
ENGINES = {
    "native": LLAMA,
    "openai": "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo",
    "sglang": "deepseek-ai/DeepSeek-V3.1",
}
"""A model for each way in which Together's engines write."""
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def chat(question: str, model: str = LLAMA, **more: Any) -> Call:
    return "/chat/completions", {"model": model, "messages": [{"role": "user", "content": question}], **more}


def one(call: Call) -> Scenario:
    def calls() -> Generator[Call, Said, None]:
        yield call

    return calls


def loop(model: str) -> Scenario:
    """The model calls two tools, is told what they say, and answers."""

    def calls() -> Generator[Call, Said, None]:
        path, body = chat("What is the weather in Oslo and Paris?", model, tools=TOOLS)
        message = replied((yield path, body))["choices"][0]["message"]
        told = [
            {"role": "tool", "tool_call_id": each["id"], "content": f"Sunny: {each['function']['arguments']}"}
            for each in message["tool_calls"]
        ]
        yield path, body | {"messages": [*body["messages"], message, *told]}

    return calls


def replied(said: Said) -> Object:
    reply: Object = said.get("reply") or json.loads(said["text"])
    return reply


@dataclass(frozen=True)
class Variant:
    """`script` is what the stand-in is told to do otherwise. Only SDKs try again, so `retries` are theirs."""

    calls: Scenario
    script: Object = field(default_factory=dict)
    retries: int = 0


def engines(scenario: Callable[[str], Scenario]) -> dict[str, Variant]:
    return {engine: Variant(scenario(model)) for engine, model in ENGINES.items()}


def embeddings(of: object) -> Scenario:
    return one(("/embeddings", {"model": "togethercomputer/m2-bert-80M-8k-retrieval", "input": of}))


def refused(status: int) -> dict[str, Variant]:
    """An error in each form, and the answer to a request for a stream."""
    plain = {form: Variant(HELLO, {"error": status, "error_as": form}) for form in ("json", "text", "html")}
    return plain | {"to a stream": Variant(HELLO_STREAM, {"error": status})}


WEATHER = "What is the weather in Oslo?"
HELLO = one(chat("Say hello."))
HELLO_STREAM = one(chat("Say hello.", stream=True))
SCENARIOS: dict[str, dict[str, Variant]] = {
    "a reply": engines(lambda model: one(chat("Say hello.", model))),
    "a stream": engines(lambda model: one(chat("Say hello.", model, stream=True))),
    "tools": engines(lambda model: one(chat(WEATHER, model, tools=TOOLS))),
    "tools in a stream": engines(lambda model: one(chat(WEATHER, model, tools=TOOLS, stream=True))),
    "a loop of two calls with tools": engines(loop),
    "embeddings": {"one text": Variant(embeddings("one")), "two texts": Variant(embeddings(["one", "two"]))},
    **{f"error {status}": refused(status) for status in (400, 401, 402, 403, 404, 422, 429, 500, 503)},
    "error 524": {"html": Variant(HELLO, {"error": 524})},
    "an error inside a stream": {"json": Variant(HELLO_STREAM, {"malformed": ["error"]})},
    "another try after a 503": {
        "json": Variant(HELLO, {"error": 503, "times": 1, "headers": {"retry-after-ms": "1"}}, retries=1)
    },
}


# --- who says it ------------------------------------------------------------------------------------------------------

KEPT = ("content-type", "x-request-id", "retry-after", "x-ratelimit-remaining")


def headers(of: Any) -> Object:
    return {name: of.get(name) for name in KEPT}


def raised(error: together.APIError | openai.APIError) -> Said:
    """What a program can see of an SDK's exception."""
    response = getattr(error, "response", None)
    seen = {} if response is None else {"status": response.status_code, "headers": headers(response.headers)}
    return {"raised": type(error).__name__, "message": str(error), "body": error.body, **seen}


def dumped(value: Any) -> Any:
    return value.model_dump(mode="json")


def create(client: Any, path: str, body: Object) -> Any:
    return (client.embeddings if path == "/embeddings" else client.chat.completions).create(**body)


Client = Callable[[Call, str, int], Said]
"""Makes one call to a URL with so many retries."""


def sdk(module: Any, kind: str, version: str) -> Client:
    def ask(call: Call, url: str, retries: int) -> Said:
        http = module.DefaultHttpxClient(verify=False)
        known = {"base_url": url + version, "api_key": KEY, "max_retries": retries, "http_client": http}
        with getattr(module, kind)(**known) as client:
            try:
                answer = create(client, *call)
                if not isinstance(answer, module.Stream):
                    return {"reply": dumped(answer)}
                return {"events": [dumped(event) for event in answer]}
            except module.APIError as error:
                return raised(error)

    return ask


def in_a_loop(ask: Callable[[Call, str, int], Coroutine[Any, Any, Said]]) -> Client:
    return lambda call, url, retries: asyncio.run(ask(call, url, retries))


def async_sdk(module: Any, kind: str, version: str) -> Client:
    @in_a_loop
    async def ask(call: Call, url: str, retries: int) -> Said:
        http = module.DefaultAsyncHttpxClient(verify=False)
        known = {"base_url": url + version, "api_key": KEY, "max_retries": retries, "http_client": http}
        async with getattr(module, kind)(**known) as client:
            try:
                answer = await create(client, *call)
                if not isinstance(answer, module.AsyncStream):
                    return {"reply": dumped(answer)}
                return {"events": [dumped(event) async for event in answer]}
            except module.APIError as error:
                return raised(error)

    return ask


def posted(call: Call, url: str) -> Object:
    """The arguments of a plain client's call; all four take the same."""
    path, body = call
    return {"url": f"{url}/v1{path}", "json": body, "headers": {"Authorization": f"Bearer {KEY}"}}


def heard(status: int, got: Any, pieces: list[bytes], *, whole: bool = False) -> Said:
    """With the pieces in which the body came; what `requests` and aiohttp get is `whole` when it is recorded."""
    text = b"".join(pieces).decode()
    said = {"status": status, "headers": headers(got), "text": text}
    return said if whole else said | {"pieces": [len(piece) for piece in pieces]}


def plain(module: Any) -> Client:
    def ask(call: Call, url: str, retries: int) -> Said:
        with module.Client(verify=False) as client, client.stream("POST", **posted(call, url)) as reply:
            return heard(reply.status_code, reply.headers, list(reply.iter_bytes()))

    return ask


def async_plain(module: Any) -> Client:
    @in_a_loop
    async def ask(call: Call, url: str, retries: int) -> Said:
        async with (
            module.AsyncClient(verify=False) as client,
            client.stream("POST", **posted(call, url)) as reply,
        ):
            return heard(reply.status_code, reply.headers, [piece async for piece in reply.aiter_bytes()])

    return ask


def by_requests(call: Call, url: str, retries: int) -> Said:
    with requests.post(**posted(call, url), stream=True, timeout=5) as reply:
        return heard(reply.status_code, reply.headers, list(reply.iter_content(None)), whole=True)


@in_a_loop
async def by_aiohttp(call: Call, url: str, retries: int) -> Said:
    async with aiohttp.ClientSession() as client, client.post(**posted(call, url)) as reply:
        pieces = [piece async for piece in reply.content.iter_any()]
        return heard(reply.status, reply.headers, pieces, whole=True)


SDKS = {
    "together": sdk(together, "Together", ""),
    "together, async": async_sdk(together, "AsyncTogether", ""),
    "openai": sdk(openai, "OpenAI", "/v1"),
    "openai, async": async_sdk(openai, "AsyncOpenAI", "/v1"),
}
CLIENTS = SDKS | {
    "httpx": plain(httpx),
    "httpx, async": async_plain(httpx),
    "httpx2": plain(httpx2),
    "httpx2, async": async_plain(httpx2),
    "requests": by_requests,
    "aiohttp": by_aiohttp,
}
CELLS = [
    pytest.param(scenario, client, id=f"{scenario}, by {client}")
    for scenario, variants in SCENARIOS.items()
    for client in CLIENTS
    if client in SDKS or not any(each.retries for each in variants.values())
]


# --- the test ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def standin() -> Iterator[Standin | None]:
    """There is one while it is recorded, and none afterwards."""
    if not RECORDS:
        yield None
        return
    with Standin() as standin:
        os.environ["TOGETHER_BASE_URL"] = standin.url
        yield standin


@pytest.mark.vcr
@pytest.mark.parametrize(("scenario", "client"), CELLS)
def test_cell(scenario: str, client: str, standin: Standin | None) -> None:
    url = URL if standin is None else standin.url
    with Path(os.environ["MATRIX_SAID"]).open("a", encoding="utf-8") as file:
        for name, variant in SCENARIOS[scenario].items():
            if standin is not None:
                standin.script()
                standin.script(**variant.script)
            ask = partial(CLIENTS[client], url=url, retries=variant.retries)
            file.write(json.dumps([scenario, name, client, conversed(variant.calls, ask)]) + "\n")


def conversed(calls: Scenario, ask: Callable[[Call], Said]) -> list[Said]:
    """The answers to all calls of a scenario."""
    said: list[Said] = []
    talk = calls()
    try:
        call = next(talk)
        while True:
            said.append(ask(call))
            call = talk.send(said[-1])
    except StopIteration:
        return said
