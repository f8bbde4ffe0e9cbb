"""Writes cassettes/chat/: exchanges made by hand from the documentation of Together AI's API, recorded from nobody.

Run it as `python tests/handmade.py` from the repository's root, then look with `acetate check` and decide. Each
exchange says `source: "handmade"`. The shapes are those of the API's OpenAPI document and of the three dialects in
which its engines write streams; the words, ids and numbers are made up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from acetate.body import Json
from acetate.cassette import Cassette
from acetate.exchange import Exchange, Headers, Recording, Request, Response
from acetate.profile import profiles
from acetate.redaction import Redaction, redact

__all__ = ["SOURCE", "cassettes", "main"]

SOURCE = "handmade"
FOLDER = Path("cassettes/chat")

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
LLAMA_TOOLS = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
DEEPSEEK = "deepseek-ai/DeepSeek-V3.1"
CREATED = 1767225600
SEED = 1234567890123456789

Object = dict[str, Any]

TOOL: Object = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def cassettes() -> dict[str, list[Exchange]]:
    """The exchanges by the name of their cassette's file."""
    return {
        "hello.yaml": [hello()],
        "weather.yaml": [weather()],
        "streams.yaml": [native_stream(), tool_stream(), sglang_stream()],
        "rate-limit.yaml": [rate_limit()],
    }


# --- whole replies ----------------------------------------------------------------------------------------------------


def hello() -> Exchange:
    """A plain reply."""
    answer = {
        "id": "handmade-hello",
        "object": "chat.completion",
        "created": CREATED,
        "model": LLAMA,
        "prompt": [],
        "choices": [
            {
                "finish_reason": "stop",
                "seed": SEED,
                "logprobs": None,
                "index": 0,
                "message": {"role": "assistant", "content": "Hello, and welcome!", "tool_calls": []},
            }
        ],
        "usage": usage(15, 6),
    }
    return exchange(asked(LLAMA, "Say hello."), 200, answer)


def weather() -> Exchange:
    """A reply that calls a tool instead of speaking."""
    call = {
        "index": 0,
        "id": "call_handmade",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
    }
    answer = {
        "id": "handmade-weather",
        "object": "chat.completion",
        "created": CREATED,
        "model": LLAMA,
        "prompt": [],
        "choices": [
            {
                "finish_reason": "tool_calls",
                "seed": SEED,
                "logprobs": None,
                "index": 0,
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
            }
        ],
        "usage": usage(61, 14),
    }
    return exchange(asked(LLAMA, "What is the weather in Oslo?", tools=[TOOL]), 200, answer)


def rate_limit() -> Exchange:
    """Too many requests."""
    answer = {
        "id": "handmade-rate-limit",
        "error": {
            "message": "You have been rate limited. Your rate limit is 60 queries per minute.",
            "type": "credit_limit",
            "param": None,
            "code": None,
        },
    }
    return exchange(asked(LLAMA, "Say hello once more."), 429, answer, {"retry-after": "2"})


# --- streams ----------------------------------------------------------------------------------------------------------


def native_stream() -> Exchange:
    """The native dialect: `text` repeats the delta, and the last chunk carries finish reason, seed and usage."""

    def chunk(text: str, token: int, **last: Json) -> Object:
        choice: Object = {
            "index": 0,
            "text": text,
            "logprobs": None,
            "finish_reason": None,
            "seed": None,
            "delta": {"token_id": token, "role": "assistant", "content": text},
        }
        return framed("handmade-native", LLAMA, choice | last, usage=None)

    words = [chunk(text, token) for text, token in (("One", 3966), (",", 11), (" two", 1403))]
    end = chunk("", 128009, finish_reason="stop", seed=SEED) | {"usage": usage(14, 4)}
    return exchange(asked(LLAMA, "Count to two.", stream=True), 200, stream([*words, end]))


def tool_stream() -> Exchange:
    """The dialect of tools: the role only at first, the call in pieces, and no usage at all."""

    def chunk(delta: Object, finish: str | None = None) -> Object:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return framed("handmade-tools", LLAMA_TOOLS, choice)

    def piece(arguments: str, **first: Json) -> Object:
        return {"tool_calls": [{"index": 0, **first, "function": {"arguments": arguments}}]}

    call: Object = {
        "index": 0,
        "id": "call_handmade",
        "type": "function",
        "function": {"name": "weather", "arguments": ""},
    }
    chunks = [
        chunk({"role": "assistant", "content": None}),
        chunk({"tool_calls": [call]}),
        chunk(piece('{"city":')),
        chunk(piece('"Oslo"}')),
        chunk({}, "tool_calls"),
    ]
    request = asked(LLAMA_TOOLS, "What is the weather in Oslo?", stream=True, tools=[TOOL])
    return exchange(request, 200, stream(chunks))


def sglang_stream() -> Exchange:
    """The dialect with usage in one more chunk, which has no choices."""

    def chunk(delta: Object, **last: Json) -> Object:
        choice: Object = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} | last
        return framed("handmade-sglang", DEEPSEEK, choice)

    def said(text: str, **role: Json) -> Object:
        return {**role, "content": text, "reasoning": None, "token_id": None}

    end = framed("handmade-sglang", DEEPSEEK)
    end["usage"] = usage(9, 3) | {"prompt_tokens_details": None, "reasoning_tokens": 0}
    chunks = [
        chunk(said("", role="assistant")),
        chunk(said("Good")),
        chunk(said(" evening.")),
        chunk(said(""), finish_reason="stop", matched_stop=1),
        end,
    ]
    return exchange(asked(DEEPSEEK, "Say good evening.", stream=True), 200, stream(chunks))


def framed(name: str, model: str, *choices: Object, **more: Json) -> Object:
    return {
        "id": name,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "choices": list(choices),
        **more,
    }


def stream(chunks: Iterable[Object]) -> str:
    data = [json.dumps(chunk, separators=(",", ":")) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in [*data, "[DONE]"])


# --- what all have ----------------------------------------------------------------------------------------------------


def usage(prompt: int, completion: int) -> Object:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def asked(model: str, words: str, **more: Json) -> Object:
    return {"model": model, "messages": [{"role": "user", "content": words}], **more}


def exchange(body: Object, status: int, answer: Object | str, headers: Mapping[str, str] | None = None) -> Exchange:
    """`answer` is the JSON of a whole reply, or the text of a stream."""
    media_type = "text/event-stream;charset=utf-8" if isinstance(answer, str) else "application/json; charset=utf-8"
    text = answer if isinstance(answer, str) else json.dumps(answer, indent=2)
    sent: Headers = (("content-type", "application/json"),)
    got: Headers = (("content-type", media_type), *(headers or {}).items())
    return Exchange(
        Request("POST", "https://api.together.ai/v1/chat/completions", sent, json.dumps(body).encode()),
        Response(status, {200: "OK", 429: "Too Many Requests"}[status], got, text.encode()),
        Recording(source=SOURCE),
    )


def main(root: Path) -> None:
    """Write the cassettes below `root`, in place of what they held."""
    redaction = Redaction.of(profiles().values(), {})
    for name, exchanges in cassettes().items():
        cassette = Cassette(root / FOLDER / name, root)
        for each in exchanges:
            cassette.append(redact(each, redaction))
        cassette.replace()


if __name__ == "__main__":
    main(Path(__file__).parents[1])
