"""The stand-in says what Together says, does what its script says, and keeps to HTTP."""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import re
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.standin.models import MODELS
from tests.standin.server import KEY, Standin

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
LLAMA_TOOLS = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
MAVERICK = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"
DEEPSEEK = "deepseek-ai/DeepSeek-V3.1"
R1 = "deepseek-ai/DeepSeek-R1"
BERT = "togethercomputer/m2-bert-80M-8k-retrieval"
FLUX = "black-forest-labs/FLUX.1-schnell"
RANK = "Salesforce/Llama-Rank-V1"
SONIC = "cartesia/sonic"

CHAT = "/v1/chat/completions"
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


def post(standin: Standin, path: str, body: Any, **headers: str) -> httpx.Response:
    sent = {"authorization": f"Bearer {KEY}", **headers}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with httpx.Client(verify=False) as client:
        return client.post(standin.url + path, content=content, headers=sent)


def asked(words: str = "Say hello.", model: str = LLAMA, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": words}], **more}


def chat(standin: Standin, words: str = "Say hello.", model: str = LLAMA, **more: Any) -> Any:
    return post(standin, CHAT, asked(words, model, **more)).json()


def stream(standin: Standin, words: str = "Say hello.", model: str = LLAMA, **more: Any) -> list[Any]:
    return events(post(standin, CHAT, asked(words, model, stream=True, **more)).text)


def events(text: str) -> list[Any]:
    """The JSON of each event; the terminator must be there."""
    *data, done = re.findall(r"^data: (.*)$", text, re.MULTILINE)
    assert done == "[DONE]"
    return [json.loads(line) for line in data]


# --- whole replies ----------------------------------------------------------------------------------------------------


def test_a_native_reply_has_the_documented_keys_in_their_order(together):
    reply = chat(together)
    assert list(reply) == ["id", "object", "created", "model", "prompt", "choices", "usage"]
    assert list(reply["choices"][0]) == ["finish_reason", "seed", "logprobs", "index", "message"]
    assert reply["prompt"] == reply["choices"][0]["message"]["tool_calls"] == []
    assert reply["usage"]["cached_tokens"] == 0


def test_a_seed_does_not_fit_64_bits_with_a_sign(together):
    seed = chat(together)["choices"][0]["seed"]
    assert 2**63 <= seed < 2**64
    assert seed % 1000 == 0  # rounded to a double on its way


def test_a_seed_that_was_asked_for_comes_back(together):
    assert chat(together, seed=7)["choices"][0]["seed"] == 7


def test_an_sglang_reply_has_another_order_and_no_seed(together):
    reply = chat(together, model=DEEPSEEK)
    assert list(reply) == ["id", "object", "created", "model", "choices", "usage", "metadata", "prompt"]
    assert reply["metadata"] == {"weight_version": "default"}
    assert reply["choices"][0]["seed"] is None
    assert reply["choices"][0]["message"]["reasoning"] is None
    assert "cached_tokens" not in reply["usage"]


def test_maverick_leaves_reasoning_out_where_there_are_tools(together):
    assert "reasoning" in chat(together, model=MAVERICK)["choices"][0]["message"]
    assert "reasoning" not in chat(together, model=MAVERICK, tools=[TOOL])["choices"][0]["message"]


@pytest.mark.parametrize("more", [{"reasoning": {"enabled": True}}, {"reasoning_effort": "low"}])
def test_reasoning_comes_when_asked_for(together, more):
    said = chat(together, model=DEEPSEEK, **more)["choices"][0]["message"]
    chunks = stream(together, model=DEEPSEEK, **more)
    thoughts = [choice["delta"]["reasoning"] or "" for chunk in chunks for choice in chunk["choices"]]
    assert said["reasoning"] == "".join(thoughts) != ""


def test_r1_thinks_in_its_content(together):
    message = chat(together, model=R1)["choices"][0]["message"]
    assert message["content"].startswith("<think>\n")
    assert "reasoning" not in message


def test_two_choices_differ(together):
    one, two = chat(together, n=2)["choices"]
    assert (one["index"], two["index"]) == (0, 1)
    assert one["message"]["content"] != two["message"]["content"]
    assert one["seed"] != two["seed"]


def test_max_tokens_ends_a_reply_early(together):
    reply = chat(together, max_tokens=3)
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["choices"][0]["message"]["content"] == "Voilà: you asked"


@pytest.mark.parametrize("stop", ["asked", ["asked", "never said"]])
def test_a_stop_sequence_ends_a_reply(together, stop):
    choice = chat(together, stop=stop)["choices"][0]
    assert choice["message"]["content"] == "Voilà: you "
    assert choice["finish_reason"] == "stop"


def test_logprobs_have_togethers_own_form(together):
    logprobs = chat(together, logprobs=2)["choices"][0]["logprobs"]
    assert list(logprobs) == ["tokens", "token_ids", "token_logprobs", "top_logprobs"]
    assert len(logprobs["tokens"]) == len(logprobs["token_ids"]) == len(logprobs["token_logprobs"]) > 2
    assert len(logprobs["top_logprobs"]) == 2


def test_echo_gives_the_prompt_back(together):
    completion = {"model": LLAMA, "prompt": "Once", "echo": True}
    assert chat(together, echo=True)["prompt"] == [{"text": "Say hello."}]
    assert post(together, "/v1/completions", completion).json()["prompt"] == [{"text": "Once"}]


def test_the_text_in_a_message_of_parts_is_read(together):
    parts = [{"type": "text", "text": "Look at"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    reply = post(together, CHAT, {"model": LLAMA, "messages": [{"role": "user", "content": parts}]}).json()
    assert "“Look at image_url”" in reply["choices"][0]["message"]["content"]


def test_two_conversations_with_the_same_last_words_are_answered_differently(together):
    longer = {"model": LLAMA, "messages": [{"role": "system", "content": "Be kind."}, *asked()["messages"]]}
    short, long = chat(together), post(together, CHAT, longer).json()
    assert short["choices"][0]["message"]["content"] != long["choices"][0]["message"]["content"]


def test_json_mode_gives_json(together):
    reply = chat(together, response_format={"type": "json_object"})
    assert json.loads(reply["choices"][0]["message"]["content"]) == {"answer": "Voilà: Say hello."}


@pytest.mark.parametrize("place", ["json_schema", "schema"])
def test_a_schema_is_filled(together, place):
    kinds = {"string": "Say hello.", "integer": 1, "number": 0.5, "boolean": True, "null": None}
    properties = {name: {"type": name} for name in kinds} | {
        "array": {"type": "array", "items": {"type": "integer"}},
        "enum": {"enum": ["red", "blue"]},
    }
    schema = {"type": "object", "properties": properties}
    wrapped = {"json_schema": {"name": "x", "schema": schema}} if place == "json_schema" else {"schema": schema}
    reply = chat(together, response_format={"type": "json_schema", **wrapped})
    assert json.loads(reply["choices"][0]["message"]["content"]) == kinds | {"array": [1], "enum": "red"}


def test_a_completion_is_a_text(together):
    reply = post(together, "/v1/completions", {"model": LLAMA, "prompt": "Once"}).json()
    assert reply["object"] == "text.completion"
    assert list(reply["choices"][0]) == ["text", "finish_reason", "seed", "logprobs", "index"]


# --- tools ------------------------------------------------------------------------------------------------------------


def calls(reply: Any) -> list[tuple[str, str]]:
    found = reply["choices"][0]["message"]["tool_calls"]
    return [(call["function"]["name"], call["function"]["arguments"]) for call in found]


def test_a_tool_call_is_shaped_as_recorded(together):
    choice = chat(together, "How is it in Oslo?", tools=[TOOL])["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert list(call) == ["index", "id", "type", "function"]
    assert re.fullmatch(r"call_[a-z0-9]{24}", call["id"])
    assert call["function"] == {"name": "get_weather", "arguments": '{"city": "Oslo"}'}


def test_the_tools_that_the_question_names_are_called(together):
    assert [name for name, _ in calls(chat(together, "get time, get weather!", tools=[TOOL, TIME]))] == [
        "get_weather",
        "get_time",
    ]


def test_a_forced_choice_calls_that_tool(together):
    forced = {"type": "function", "function": {"name": "get_time"}}
    assert calls(chat(together, tools=[TOOL, TIME], tool_choice=forced)) == [("get_time", "{}")]


def test_no_tool_is_called_where_the_choice_is_none(together):
    assert calls(chat(together, tools=[TOOL], tool_choice="none")) == []


@pytest.mark.parametrize(("choice", "warned"), [("required", True), ("auto", False)])
def test_deepseek_warns_of_a_forced_choice(together, choice, warned):
    whole = chat(together, model=DEEPSEEK, tools=[TOOL], tool_choice=choice)
    chunks = stream(together, model=DEEPSEEK, tools=[TOOL], tool_choice=choice)
    assert ["warnings" in each for each in (whole, *chunks)] == [warned] * (1 + len(chunks))


# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_is_framed_as_recorded(together):
    reply = post(together, CHAT, asked(stream=True))
    assert reply.headers["content-type"] == "text/event-stream;charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert not {"etag", "content-encoding", "x-api-call-end"} & set(reply.headers)
    assert re.fullmatch(r'(data: \{"id":.*\}\n\n)+data: \[DONE\]\n\n', reply.text)


def test_the_native_dialect_ends_with_everything_at_once(together):
    *chunks, last = stream(together)
    assert all(chunk["usage"] is None and chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
    assert all(chunk["choices"][0]["text"] == chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert all(chunk["choices"][0]["delta"]["role"] == "assistant" for chunk in chunks)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["choices"][0]["seed"] > 2**63
    assert last["choices"][0]["delta"]["content"] == ""
    assert last["usage"]["total_tokens"]


def test_a_native_stream_that_is_too_long_ends_with_its_last_token(together):
    last = stream(together, max_tokens=3)[-1]["choices"][0]
    assert (last["finish_reason"], last["text"]) == ("length", " asked")


def test_a_native_chunk_has_one_number_as_logprobs(together):
    assert all(isinstance(chunk["choices"][0]["logprobs"], float) for chunk in stream(together, logprobs=1)[:-1])


def test_the_openai_dialect_says_the_role_once_and_no_usage(together):
    chunks = stream(together, "How is it in Oslo?", LLAMA_TOOLS, tools=[TOOL])
    assert ["role" in chunk["choices"][0]["delta"] for chunk in chunks] == [True] + [False] * (len(chunks) - 1)
    assert all("usage" not in chunk and "seed" not in chunk["choices"][0] for chunk in chunks)
    assert chunks[2]["choices"][0]["delta"]["tool_calls"][0].keys() == {"index", "function"}


def test_the_same_model_without_tools_is_native(together):
    assert stream(together, model=LLAMA_TOOLS)[-1]["usage"]


def test_the_sglang_dialect_says_the_usage_in_a_chunk_without_choices(together):
    *chunks, last = stream(together, model=DEEPSEEK)
    assert last["choices"] == []
    assert list(last["usage"].items())[-2:] == [("prompt_tokens_details", None), ("reasoning_tokens", 0)]
    assert all(chunk["choices"][0]["delta"]["token_id"] is None for chunk in chunks)
    assert "matched_stop" in chunks[-1]["choices"][0]


def test_sglang_pieces_of_a_call_have_no_name(together):
    chunks = stream(together, "How is it in Oslo?", MAVERICK, tools=[TOOL])
    head, piece, _, end, _ = chunks
    assert head["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] == "get_weather"
    assert piece["choices"][0]["delta"]["tool_calls"][0]["id"] is None
    assert piece["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] is None
    assert end["choices"][0]["role"] == "assistant"


@pytest.mark.parametrize("model", [LLAMA, DEEPSEEK])
def test_the_choices_of_a_stream_come_in_turn(together, model):
    indexes = [choice["index"] for chunk in stream(together, model=model, n=2) for choice in chunk["choices"]]
    assert indexes[:4] == [0, 1, 0, 1]


@pytest.mark.parametrize("model", [LLAMA, DEEPSEEK])
def test_a_streamed_completion_is_native(together, model):
    chunks = events(post(together, "/v1/completions", {"model": model, "prompt": "Once", "stream": True}).text)
    assert {chunk["object"] for chunk in chunks} == {"completion.chunk"}
    assert chunks[-1]["usage"]["total_tokens"]


# --- the other operations ---------------------------------------------------------------------------------------------


def test_an_embedding_in_base64_is_the_same_vector(together):
    request = {"model": BERT, "input": "one"}
    (numbers,) = post(together, "/v1/embeddings", request).json()["data"]
    (packed,) = post(together, "/v1/embeddings", request | {"encoding_format": "base64"}).json()["data"]
    values = struct.unpack(f"<{len(numbers['embedding'])}f", base64.b64decode(packed["embedding"]))
    assert values == pytest.approx(numbers["embedding"])


def test_embeddings_have_no_usage(together):
    reply = post(together, "/v1/embeddings", {"model": BERT, "input": ["one"]}).json()
    assert list(reply) == ["object", "model", "data"]


def test_documents_come_back_when_asked_for(together):
    request = {"model": RANK, "query": "sea", "documents": [{"text": "a fox"}, {"text": "the sea"}], "top_n": 1}
    silent = post(together, "/v1/rerank", request).json()["results"]
    shown = post(together, "/v1/rerank", request | {"return_documents": True}).json()["results"]
    assert silent == [{"index": 1, "relevance_score": 1.0, "document": {}}]
    assert shown == [{"index": 1, "relevance_score": 1.0, "document": {"text": "the sea"}}]


def test_the_models_are_a_bare_array(together):
    with httpx.Client(verify=False) as client:
        reply = client.get(together.url + "/v1/models?dedicated=false", headers={"authorization": f"Bearer {KEY}"})
    assert [model["id"] for model in reply.json()] == list(MODELS)


def test_images_come_as_addresses_or_bytes(together):
    request = {"model": FLUX, "prompt": "a bird", "n": 2}
    address = post(together, "/v1/images/generations", request).json()
    plain = post(together, "/v1/images/generations", request | {"response_format": "base64"}).json()
    assert [list(item) for item in address["data"]] == [["timings", "index", "url"]] * 2
    assert base64.b64decode(plain["data"][1]["b64_json"]).startswith(b"\x89PNG")
    assert address["id"].endswith("-AMS")


@pytest.mark.parametrize(
    ("form", "media_type", "start"),
    [("wav", "audio/wav", b"RIFF"), ("mp3", "audio/mpeg", b"ID3"), ("raw", "application/octet-stream", b"")],
)
def test_sound_comes_in_the_form_asked_for(together, form, media_type, start):
    request = {"model": SONIC, "input": "Hello", "voice": "friendly", "response_format": form}
    reply = post(together, "/v1/audio/speech", request)
    assert reply.headers["content-type"] == media_type
    assert reply.content.startswith(start)
    assert len(reply.content) >= 480


@pytest.mark.parametrize(("operation", "task"), [("transcriptions", "transcribe"), ("translations", "translate")])
def test_a_verbose_transcript_says_more(together, operation, task):
    with httpx.Client(verify=False) as client:
        reply = client.post(
            f"{together.url}/v1/audio/{operation}",
            headers={"authorization": f"Bearer {KEY}"},
            data={"response_format": "verbose_json"},
            files={"file": ("a.wav", b"RIFF" * 100)},
        ).json()
    assert list(reply) == ["task", "language", "duration", "text", "segments"]
    assert reply["task"] == task


# --- headers ----------------------------------------------------------------------------------------------------------


def test_the_id_stands_in_the_headers_and_holds_the_ray(together):
    reply = post(together, CHAT, asked())
    name = reply.json()["id"]
    assert re.fullmatch(r"[0-9A-Za-z]{7}-[0-9A-Za-z]{6}-[0-9a-f]{16}", name)
    assert reply.headers["x-request-id"] == name
    assert reply.headers["cf-ray"] == name.rpartition("-")[2] + "-AMS"


def test_the_etag_is_expresss(together):
    reply = post(together, CHAT, asked())
    digest = base64.b64encode(hashlib.sha1(reply.content).digest()).decode()[:27]
    assert reply.headers["etag"] == f'W/"{len(reply.content):x}-{digest}"'


def test_json_is_indented_packed_and_comes_in_chunks(together):
    reply = post(together, CHAT, asked())
    assert reply.text == json.dumps(reply.json(), indent=2, ensure_ascii=False)
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["transfer-encoding"] == "chunked"


def test_a_client_that_unpacks_nothing_gets_plain_bytes(together):
    assert "content-encoding" not in post(together, CHAT, asked(), **{"accept-encoding": "identity"}).headers


def test_more_calls_remain_than_the_limit_has(together):
    headers = post(together, CHAT, asked()).headers
    assert int(headers["x-ratelimit-remaining"]) > int(headers["x-ratelimit-limit"])
    assert headers["retry-after"] == "0"


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500, 503, 504, 529, 418])
def test_an_error_has_the_envelope(together, status):
    together.script(error=status)
    reply = post(together, CHAT, asked())
    assert reply.status_code == status
    assert list(reply.json()) == ["id", "error"]
    assert list(reply.json()["error"]) == ["message", "type", "param", "code"]
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert "etag" not in reply.headers


def test_a_call_without_a_key_is_refused_before_the_engine_sees_it(together):
    with httpx.Client(verify=False) as client:
        replies = [
            client.post(together.url + CHAT, json=asked(), headers=sent) for sent in ({}, {"authorization": "x"})
        ]
    for reply in replies:
        assert reply.status_code == 401
        assert reply.json()["error"]["code"] == "invalid_api_key"
        assert not {"retry-after", "x-api-call-start", "x-ratelimit-limit"} & set(reply.headers)


@pytest.mark.parametrize(("status", "wait"), [(429, "2"), (500, "1"), (503, "1")])
def test_some_errors_say_when_to_come_back(together, status, wait):
    together.script(error=status)
    assert post(together, CHAT, asked()).headers["retry-after"] == wait


@pytest.mark.parametrize("status", [520, 522, 524])
def test_cloudflares_own_errors_are_pages(together, status):
    together.script(error=status)
    reply = post(together, CHAT, asked())
    assert reply.headers["content-type"] == "text/html; charset=UTF-8"
    assert f"Error code {status}" in reply.text
    assert "x-request-id" not in reply.headers


def test_an_error_can_be_plain_text(together):
    together.script(error=503, error_as="text")
    reply = post(together, CHAT, asked())
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.text == "The server is overloaded or not ready yet."


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        (CHAT, {"messages": [{}]}, 400, {"param": "model"}),
        (CHAT, {"model": LLAMA}, 400, {"param": "messages"}),
        (CHAT, b"{not json", 400, {"param": "model"}),
        (CHAT, b"[]", 400, {"param": "model"}),
        (CHAT, asked(model="gpt-4o"), 404, {"code": "model_not_found"}),
        (CHAT, asked(model="meta-llama/Llama-2-70b-hf"), 400, {"code": "model_not_available"}),
        (CHAT, asked(logprobs=21), 400, {"message": "21 is greater than the maximum of 20 - 'logprobs'"}),
        (
            "/v1/embeddings",
            {"model": BERT, "input": "x", "user": "me"},
            400,
            {"message": "Unrecognized request arguments supplied: user"},
        ),
        ("/v1/unheard-of", {}, 404, {"code": "not_found"}),
    ],
)
def test_a_request_that_together_does_not_take_is_refused(together, path, body, status, error):
    reply = post(together, path, body)
    assert reply.status_code == status
    assert error.items() <= reply.json()["error"].items()


# --- the script -------------------------------------------------------------------------------------------------------


def test_fields_are_renamed_removed_made_null_and_added(together):
    together.script(
        rename={"$.choices[].message.role": "speaker"},
        remove=["$.usage.cached_tokens", "$.prompt", "$.never"],
        null=["$.choices[0].message.content", "$.nothing", "$.choices[9]", "$.id[]", "$.id.nothing"],
        put={"$.service_tier": "default", "$.usage.total_tokens": 0, "$.nowhere.at.all": 1},
    )
    reply = chat(together)
    assert list(reply["choices"][0]["message"]) == ["speaker", "content", "tool_calls"]
    assert reply["choices"][0]["message"]["content"] is None
    assert list(reply) == ["id", "object", "created", "model", "choices", "usage", "service_tier"]
    assert list(reply["usage"].items())[-1] == ("total_tokens", 0)


def test_every_event_of_a_stream_is_edited(together):
    together.script(rename={"$.choices[].delta.role": "speaker"})
    assert all("speaker" in chunk["choices"][0]["delta"] for chunk in stream(together))


def test_the_items_of_an_array_and_the_keys_of_a_map_are_places_too(together):
    together.script(null=["$.usage{*}", "$.choices[]"])
    reply = chat(together, n=2)
    assert set(reply["usage"].values()) == {None}
    assert reply["choices"] == [None, None]


def test_items_of_an_array_are_removed(together):
    together.script(remove=["$.choices[]"])
    assert chat(together, n=3)["choices"] == []


def test_any_other_edit_is_a_function(together):
    together.script(edit=lambda body: {"data": body})
    assert list(chat(together)) == ["data"]


def test_errors_are_edited_too(together):
    together.script(error=429, put={"$.error.type": "rate_limit"})
    assert chat(together)["error"]["type"] == "rate_limit"


def test_a_finish_reason_has_another_word(together):
    together.script(finish_reasons={"stop": "eos"})
    assert chat(together)["choices"][0]["finish_reason"] == "eos"
    assert stream(together)[-1]["choices"][0]["finish_reason"] == "eos"


def test_words_can_be_put_into_its_mouth(together):
    together.script(say="Good evening.")
    assert chat(together, tools=[TOOL])["choices"][0]["message"]["content"] == "Good evening."


@pytest.mark.parametrize(
    ("dialect", "choices", "usage"), [("native", True, True), ("openai", True, False), ("sglang", False, True)]
)
def test_any_model_can_speak_another_dialect(together, dialect, choices, usage):
    together.script(dialect=dialect)
    last = stream(together)[-1]
    assert (bool(last["choices"]), bool(last.get("usage"))) == (choices, usage)


def test_json_can_be_compact(together):
    together.script(indent=None)
    assert "\n" not in post(together, CHAT, asked()).text


def test_headers_are_added_replaced_and_left_out(together):
    together.script(headers={"x-new": "1", "Retry-After": "9", "etag": None})
    headers = post(together, CHAT, asked()).headers
    assert (headers["x-new"], headers["retry-after"], "etag" in headers) == ("1", "9", False)


def test_a_script_for_some_calls_comes_before_the_one_that_stays(together):
    together.script(say="later")
    together.script(times=2, error=503)
    together.script(times=1, error=429)
    statuses = [post(together, CHAT, asked()).status_code for _ in range(4)]
    assert statuses == [503, 503, 429, 200]
    assert chat(together)["choices"][0]["message"]["content"] == "later"


def test_an_empty_script_makes_it_together_again(together):
    together.script(error=500)
    together.script()
    assert post(together, CHAT, asked()).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"dialect": "french"}, {"malformed": ["no-dome"]}, {"cut": "here"}, {"encoding": "rar"}]
)
def test_a_misspelt_word_of_the_script_is_refused(together, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} cannot be"):
        together.script(**wrong)


def test_a_setting_that_does_not_exist_is_refused(together):
    with pytest.raises(TypeError, match="latencey"):
        together.script(latencey=1)


# --- slow, cut and broken ---------------------------------------------------------------------------------------------


def raw(standin: Standin, body: dict[str, Any]) -> tuple[list[tuple[float, bytes]], bool]:
    """What arrives on a bare socket: when and what, and whether the connection was reset at the end."""
    content = json.dumps(body).encode()
    address = urlsplit(standin.url)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
    arrived: list[tuple[float, bytes]] = []
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as client:
        client.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        sent = time.monotonic()
        try:
            while data := client.recv(65536):
                arrived.append((time.monotonic() - sent, data))
        except ConnectionResetError:
            return arrived, True
    return arrived, False


def received(standin: Standin, **more: Any) -> bytes:
    return b"".join(data for _, data in raw(standin, asked(**more))[0])


def test_a_slow_answer_keeps_its_client_waiting(together):
    together.script(delay=0.1)
    assert raw(together, asked())[0][0][0] >= 0.1


def test_the_events_of_a_slow_stream_arrive_one_by_one(together):
    together.script(pause=0.02, say="one two three")
    arrived, _ = raw(together, asked(stream=True))
    times = [when for when, data in arrived if b"data: " in data]
    assert len(times) > 1
    assert times[-1] >= 4 * 0.02


def test_a_slow_answer_keeps_nobody_else_waiting(together):
    together.script(times=1, delay=60)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(post, together, CHAT, asked("slow"))
        while not together.calls:
            time.sleep(0.001)
        assert post(together, CHAT, asked("quick")).status_code == 200
        assert not slow.done()
        together.stop()


def test_pieces_can_have_any_size(together):
    together.script(chunk_size=7)
    reply = post(together, CHAT, asked(stream=True))
    assert events(reply.text)
    assert b"\r\n7\r\n" in received(together, stream=True)


@pytest.mark.parametrize("cut_by", ["reset", "close", "end"])
def test_a_cut_stream_ends_as_the_script_says(together, cut_by):
    together.script(cut="stream", cut_by=cut_by)
    arrived, reset = raw(together, asked(stream=True))
    body = b"".join(data for _, data in arrived)
    assert reset == (cut_by == "reset")
    assert body.endswith(b"\r\n0\r\n\r\n") == (cut_by == "end")
    assert b'"finish_reason":null' in body
    assert b"[DONE]" not in body


def cut_text(standin: Standin, place: str | int) -> bytes:
    standin.script(cut=place, cut_by="end")
    return post(standin, CHAT, asked(stream=True)).content


def test_a_stream_is_cut_between_two_events(together):
    assert cut_text(together, "stream").endswith(b"}\n\n")


def test_a_stream_is_cut_inside_an_event(together):
    last = cut_text(together, "event").rpartition(b"\n\n")[2]
    assert last.startswith(b"data: {")
    assert not last.endswith(b"}")


def test_a_stream_is_cut_inside_a_letter(together):
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        cut_text(together, "utf-8").decode()


def test_a_body_is_cut_after_so_many_bytes(together):
    assert len(cut_text(together, 100)) == 100


def test_an_error_is_cut_before_the_length_it_has(together):
    together.script(error=500, cut=10, cut_by="close")
    with pytest.raises(httpx.RemoteProtocolError, match="received 10 bytes"):
        post(together, CHAT, asked())


def test_a_packed_body_is_cut(together):
    together.script(cut="event", cut_by="close")
    with pytest.raises(httpx.RemoteProtocolError):
        post(together, CHAT, asked())


def test_a_packed_stream_can_be_read_as_it_comes(together):
    together.script(encoding="br", pause=0.01)
    assert events(post(together, CHAT, asked(stream=True)).text)


def test_a_length_can_be_too_great(together):
    together.script(content_length=10_000, encoding="identity")
    with pytest.raises(httpx.RemoteProtocolError, match="expected 10000"):
        post(together, CHAT, asked())


def test_a_length_can_be_too_small(together):
    together.script(content_length=10, encoding="identity")
    assert post(together, CHAT, asked()).text == '{\n  "id": "'[:10]


def malformed(standin: Standin, *how: str) -> str:
    standin.script(malformed=how)
    return post(standin, CHAT, asked(stream=True)).text


def test_an_event_can_hold_bad_json(together):
    with pytest.raises(json.JSONDecodeError):
        events(malformed(together, "bad-json"))


def test_the_terminator_can_be_missing(together):
    assert malformed(together, "no-done").endswith("}\n\n")


def test_an_error_can_come_in_the_middle(together):
    text = malformed(together, "error")
    last = json.loads(text.rstrip().rpartition("data: ")[2])
    assert last["error"]["type"] == "server_error"
    assert "[DONE]" not in text


def test_lines_can_end_otherwise_and_comments_stand_between(together):
    text = malformed(together, "crlf", "comments")
    assert text.startswith(": keep-alive\r\n\r\ndata: {")
    assert re.findall(r"(?<!\r)\n", text) == []


# --- the server -------------------------------------------------------------------------------------------------------


def started() -> float:
    """Seconds until a client is let in."""
    begun = time.perf_counter()
    with Standin() as standin, socket.create_connection(("127.0.0.1", urlsplit(standin.url).port)):
        return time.perf_counter() - begun


def test_it_starts_within_50_ms():
    assert min(started() for _ in range(5)) < 0.05


def answers(standin: Standin) -> list[tuple[bytes, dict[str, str]]]:
    bodies = [asked(), asked(), asked(stream=True), asked("Weather in Oslo?", tools=[TOOL])]
    replies = [post(standin, CHAT, body) for body in bodies]
    return [(reply.content, dict(reply.headers)) for reply in replies]


def test_two_stand_ins_answer_the_same_bytes():
    with Standin() as one, Standin() as other:
        assert answers(one) == answers(other)


def test_a_form_is_the_same_whatever_its_boundary():
    texts = []
    for boundary in ("one", "another"):
        part = 'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF'
        body = f"--{boundary}\r\n{part}\r\n--{boundary}--\r\n"
        with Standin() as standin:
            sent = {"content-type": f"multipart/form-data; boundary={boundary}"}
            reply = post(standin, "/v1/audio/transcriptions", body.encode(), **sent)
            texts.append((reply.text, reply.headers["x-request-id"]))
    assert texts[0] == texts[1]


def test_the_same_question_gets_the_same_words_under_another_id(together):
    one, two = chat(together), chat(together)
    assert one["choices"][0]["message"] == two["choices"][0]["message"]
    assert one["id"] != two["id"]


def test_times_come_from_the_clock_when_asked(together):
    together.script(clock=True)
    assert abs(chat(together)["created"] - time.time()) < 60


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/chat/completions"])
def test_the_version_in_the_path_is_optional(together, path):
    assert post(together, path, asked()).status_code == 200


def test_what_arrived_can_be_looked_at(together):
    post(together, CHAT + "?a=1", asked(), **{"X-Mine": "yes"})
    (request,) = together.requests
    assert (request.method, request.target, request.call) == ("POST", CHAT + "?a=1", "POST /chat/completions")
    assert request.header("x-mine") == "yes"
    assert request.header("x-not-sent") == ""
    assert request.key == KEY
    assert request.json == asked()
    assert together.calls == 1


def test_many_threads_mix_nothing(together):
    def ask(number: int) -> bool:
        return f"“number {number}”" in chat(together, f"number {number}")["choices"][0]["message"]["content"]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(64)))
    assert together.calls == 64


def test_a_connection_serves_many_requests(together):
    with httpx.Client(verify=False, headers={"authorization": f"Bearer {KEY}"}) as client:
        ports = set()
        for _ in range(3):
            with client.stream("POST", together.url + CHAT, json=asked()) as reply:
                reply.read()
                ports.add(reply.extensions["network_stream"].get_extra_info("client_addr")[1])
    assert len(ports) == 1


def test_nobody_answers_after_the_stop(together):
    with httpx.Client(verify=False, headers={"authorization": f"Bearer {KEY}"}) as client:
        client.post(together.url + CHAT, json=asked())
        together.stop()
        with pytest.raises(httpx.TransportError):
            client.post(together.url + CHAT, json=asked())
    together.stop()


def test_a_stop_waits_for_nobody(together):
    together.script(delay=60)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(post, together, CHAT, asked())
        while not together.calls:
            time.sleep(0.001)
        begun = time.monotonic()
        together.stop()
        assert time.monotonic() - begun < 1
        assert isinstance(waiting.exception(), httpx.TransportError)


def test_a_client_that_is_halfway_in_is_let_go():
    for _ in range(50):
        standin = Standin()
        with socket.create_connection(("127.0.0.1", urlsplit(standin.url).port)):
            standin.stop()
    gc.collect()  # an unclosed socket would warn


def test_a_client_that_does_not_read_does_not_stop_the_stop(together):
    together.script(say="a word " * 100_000)
    content = json.dumps(asked()).encode()
    with socket.create_connection(("127.0.0.1", urlsplit(together.url).port)) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n".encode())
        client.sendall(f"Authorization: Bearer {KEY}\r\n\r\n".encode() + content)
        while not together.calls:
            time.sleep(0.001)
        together.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "stand-in"]


def test_a_client_that_leaves_harms_nobody(together):
    together.script(pause=0.01)
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.stream("POST", together.url + CHAT, json=asked(stream=True), headers=headers) as reply:
        next(reply.iter_bytes())
    with socket.create_connection(("127.0.0.1", urlsplit(together.url).port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\nHost: x\r\n\r\nhalf")
    together.script()
    assert post(together, CHAT, asked()).status_code == 200


def test_a_failure_of_the_stand_in_itself_is_not_hidden():
    standin = Standin()
    standin.script(say="no such letter", cut="utf-8")
    with pytest.raises(httpx.TransportError):
        post(standin, CHAT, asked("plain"))
    with pytest.raises(ExceptionGroup, match="the stand-in itself failed") as failed:
        standin.stop()
    assert "no letter of this body" in str(failed.value.exceptions[0])
