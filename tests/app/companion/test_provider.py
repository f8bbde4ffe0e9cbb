"""The door to the model: every call ends in a value or in a failure with a code, whatever comes back."""

from __future__ import annotations

import socket
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app.companion.failure import FAILURES, ProviderFailure
from app.companion.provider import Together
from app.companion.reply import Assembly
from tests.standin.server import KEY

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
LLAMA_TOOLS = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
MAVERICK = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"
BGE = "BAAI/bge-large-en-v1.5"
LONG = " ".join(f"word{number}" for number in range(40))
ASKED: dict[str, Any] = {"model": LLAMA, "messages": [{"role": "user", "content": "Say hello."}]}
TOOL = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
async def reach():
    """`reach(url, silence=0.1)`: a door that does not wait long before it knocks again."""
    doors = []

    def door(url, **more):
        doors.append(Together(base_url=url, key=KEY, **{"first_wait": 0.001} | more))
        return doors[-1]

    yield door
    for each in doors:
        await each.close()


@pytest.fixture
def model(reach, together):
    return reach(together.url)


async def said(model, request=ASKED):
    """The pieces of a stream, and what they are together."""
    assembly = Assembly()
    async with aclosing(model.stream(request, assembly)) as pieces:
        return [piece async for piece in pieces], assembly.reply()


async def drained(pieces):
    async for _ in pieces:
        pass


async def failure_of(call):
    with pytest.raises(ProviderFailure) as caught:
        await call
    return caught.value


# --- replies ----------------------------------------------------------------------------------------------------------


async def test_the_base_url_may_have_a_version(reach, together):
    for url in (together.url, f"{together.url}/", f"{together.url}/v1", f"{together.url}/v1/"):
        assert "Say hello." in (await reach(url).chat(ASKED)).content
    assert {arrival.target for arrival in together.requests} == {"/v1/chat/completions"}


async def test_the_key_travels_in_the_header_only(model, together):
    await model.chat(ASKED)
    (arrival,) = together.requests
    assert arrival.key == KEY
    assert KEY not in arrival.target + arrival.body.decode()


@pytest.mark.parametrize("name", [LLAMA, LLAMA_TOOLS, MAVERICK])
async def test_a_stream_says_the_same_in_every_dialect(model, name):
    request = ASKED | {"model": name}
    pieces, reply = await said(model, request)
    plain = await model.chat(request)
    assert "".join(pieces) == reply.content == plain.content
    assert (reply.finish_reason, reply.model, reply.usage) == (plain.finish_reason, name, plain.usage)


@pytest.mark.parametrize("name", [LLAMA, LLAMA_TOOLS, MAVERICK])
async def test_tool_calls_are_the_same_in_every_dialect(model, name):
    request = ASKED | {"model": name, "tools": [TOOL]}
    _, reply = await said(model, request)
    plain = await model.chat(request)
    assert [(call.name, call.arguments) for call in reply.calls] == [
        (call.name, call.arguments) for call in plain.calls
    ]
    assert reply.calls[0].name == "clock"
    assert reply.calls[0].id.startswith("call_")


@pytest.mark.parametrize("coding", ["identity", "gzip", "br", "deflate"])
async def test_a_reply_may_be_packed(model, together, coding):
    together.script(encoding=coding)
    assert "Say hello." in (await model.chat(ASKED)).content


# --- errors -----------------------------------------------------------------------------------------------------------

ERRORS = {
    400: "provider-refused",
    401: "provider-account",
    402: "provider-account",
    403: "provider-refused",
    404: "provider-model-unavailable",
    408: "provider-timeout",
    409: "provider-refused",
    418: "provider-refused",
    422: "provider-refused",
    429: "provider-rate-limited",
    500: "provider-unavailable",
    503: "provider-unavailable",
    504: "provider-timeout",
    520: "provider-unavailable",
    522: "provider-unavailable",
    524: "provider-timeout",
    529: "provider-unavailable",
    302: "provider-refused",
}


@pytest.mark.parametrize(("status", "code"), list(ERRORS.items()))
async def test_an_error_has_a_code_in_whatever_form_it_comes(model, together, status, code):
    for form in ("json", "html", "text"):
        together.script(error=status, error_as=form, headers={"retry-after": "0"})
        assert (await failure_of(model.chat(ASKED))).code == code
        assert (await failure_of(said(model))).code == code


@pytest.mark.parametrize("code", ["model_not_available", "dedicated_endpoint_not_running", "model_not_found"])
async def test_a_model_that_is_not_served_is_known_by_its_code(model, together, code):
    together.script(error=400, edit=lambda body: body["error"].update(code=code) or body)
    assert (await failure_of(model.chat(ASKED))).code == "provider-model-unavailable"


@pytest.mark.parametrize("body", [{"error": "no"}, {"error": {"code": 7}}, [], None, {"error": {"code": {"a": 1}}}])
async def test_an_error_without_an_envelope_has_a_code_too(model, together, body):
    together.script(error=400, edit=lambda _: body)
    assert (await failure_of(model.chat(ASKED))).code == "provider-refused"


async def test_an_error_that_is_cut_has_a_code_too(model, together):
    together.script(error=400, cut=5)
    assert (await failure_of(model.chat(ASKED))).code == "provider-refused"


@pytest.mark.parametrize("error", [429, 500, 503, 529])
async def test_what_may_pass_is_asked_three_times(model, together, error):
    together.script(times=2, error=error, headers={"retry-after": "0"})
    assert (await model.chat(ASKED)).content
    assert together.calls == 3
    together.script(error=error, headers={"retry-after": "0"})
    await failure_of(said(model))
    assert together.calls == 6


@pytest.mark.parametrize("error", [400, 401, 404, 422, 504])
async def test_what_does_not_pass_is_asked_once(model, together, error):
    together.script(error=error, headers={"retry-after": "0"})
    await failure_of(model.chat(ASKED))
    assert together.calls == 1


async def test_the_next_attempt_waits_as_long_as_it_is_told(model, together):
    together.script(times=1, error=429, headers={"retry-after": "0.3"})
    began = datetime.now(UTC)
    await model.chat(ASKED)
    assert datetime.now(UTC) - began >= timedelta(seconds=0.3)


@pytest.mark.parametrize("form", ["30", "date"])
async def test_a_wait_that_is_too_long_is_not_begun_and_passed_on(model, together, form):
    said_so = form if form != "date" else format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    together.script(error=429, headers={"retry-after": said_so})
    failure = await failure_of(model.chat(ASKED))
    assert together.calls == 1
    assert failure.retry_after is not None
    assert 25 < failure.retry_after <= 30


STRANGE = ["nan", "inf", "-1", "1e400", "soon", "", "9" * 30, "99999999"]


@pytest.mark.parametrize("strange", [*STRANGE, "Mon, 01 Jan 99999999999 00:00:00 GMT"])
async def test_a_strange_retry_after_is_none(model, together, strange):
    together.script(error=429, headers={"retry-after": strange})
    assert (await failure_of(model.chat(ASKED))).retry_after is None
    assert together.calls == 3


async def test_a_retry_after_in_the_past_is_now(model, together):
    together.script(error=429, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert (await failure_of(model.chat(ASKED))).retry_after == 0


async def test_a_pause_that_would_pass_the_deadline_is_not_begun(reach, together):
    together.script(error=429, headers={"retry-after": "5"})
    await failure_of(reach(together.url, deadline=1).chat(ASKED))
    assert together.calls == 1


# --- time -------------------------------------------------------------------------------------------------------------


async def test_silence_is_a_timeout_and_is_not_asked_twice(reach, together):
    model = reach(together.url, silence=0.05)
    together.script(delay=0.5)
    assert (await failure_of(model.chat(ASKED))).code == "provider-timeout"
    assert (await failure_of(said(model))).code == "provider-timeout"
    assert together.calls == 2


async def test_silence_inside_a_reply_is_a_timeout(reach, together):
    model = reach(together.url, silence=0.05)
    together.script(pause=0.5, chunk_size=20)
    assert (await failure_of(model.chat(ASKED))).code == "provider-timeout"
    assert (await failure_of(said(model))).code == "provider-timeout"


async def test_dawdling_is_a_timeout_at_the_deadline(reach, together):
    model = reach(together.url, deadline=0.15)
    together.script(pause=0.01, chunk_size=10, say=LONG)
    assert (await failure_of(model.chat(ASKED))).code == "provider-timeout"
    assert (await failure_of(said(model))).code == "provider-timeout"


async def test_nobody_there_is_unreachable(reach):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert (await failure_of(reach(f"http://127.0.0.1:{port}").chat(ASKED))).code == "provider-unreachable"


async def test_something_that_does_not_speak_http_is_unreachable(reach):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        model = reach(f"http://127.0.0.1:{silent.getsockname()[1]}", attempts=1, silence=0.1)
        assert (await failure_of(model.chat(ASKED))).code == "provider-timeout"


# --- what cannot be read ----------------------------------------------------------------------------------------------


def nested(depth):
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


NOT_WHOLE = {
    "shorter than announced": {"content_length": 100_000},
    "reset": {"cut": 40},
    "closed": {"cut": 40, "cut_by": "close"},
    "ended": {"cut": 40, "cut_by": "end"},
    "cut while packed": {"encoding": "gzip", "cut": 40},
    "not what it says": {"headers": {"content-type": "text/html"}, "cut": 0, "cut_by": "end"},
    "nothing but brackets": {"edit": lambda body: nested(900)},
    "huge": {"put": {"$.choices[].message.content": "x" * 9_000_000}},
    "a bomb": {"put": {"$.choices[].message.content": "x" * 9_000_000}, "encoding": "gzip"},
}


@pytest.mark.parametrize("name", NOT_WHOLE)
async def test_a_body_that_is_not_whole_or_not_sound_is_a_failure(model, together, name):
    together.script(**NOT_WHOLE[name])
    assert (await failure_of(model.chat(ASKED))).code in ("provider-malformed", "provider-cut")


@pytest.mark.parametrize("cut", ["stream", "event", "utf-8"])
@pytest.mark.parametrize("cut_by", ["reset", "close", "end"])
async def test_half_a_stream_fails_and_leaves_what_was_said(model, together, cut, cut_by):
    together.script(say=f"{LONG} à la fin", cut=cut, cut_by=cut_by)
    assembly = Assembly()
    assert (await failure_of(drained(model.stream(ASKED, assembly)))).code == "provider-cut"
    assert assembly.content.startswith("word0 word1")
    assert together.calls == 1


@pytest.mark.parametrize(("wrong", "code"), [("bad-json", "provider-malformed"), ("error", "provider-cut")])
async def test_a_stream_that_goes_wrong_in_the_middle_fails(model, together, wrong, code):
    together.script(say=LONG, malformed=[wrong])
    assert (await failure_of(said(model))).code == code


@pytest.mark.parametrize("wrong", ["no-done", "crlf", "comments"])
async def test_a_stream_that_is_only_written_otherwise_is_read(model, together, wrong):
    together.script(say=LONG, malformed=[wrong])
    assert (await said(model))[1].content == LONG


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_a_stream_may_be_cut_into_any_pieces(model, together, size):
    together.script(chunk_size=size, say="Voilà: “très bien”.")
    assert (await said(model))[1].content == "Voilà: “très bien”."


@pytest.mark.parametrize(
    "script",
    [
        {"remove": ["$.choices"]},
        {"edit": lambda chunk: []},
        {"put": {"$.choices[]": None}},
        {"remove": ["$.choices[].delta"]},
        {"headers": {"content-type": "text/html"}, "cut": 0, "cut_by": "end"},
        {"say": "x" * 1_100_000},
    ],
    ids=["no choices", "no object", "no choice", "no delta", "a page", "an endless event"],
)
async def test_a_stream_without_a_chunk_is_malformed(model, together, script):
    together.script(**script)
    assert (await failure_of(said(model))).code == "provider-malformed"


async def test_a_stream_that_never_stops_talking_is_stopped(model, together):
    together.script(say=" ".join(["x" * 1000] * 1200))
    assert (await failure_of(said(model))).code == "provider-malformed"


# --- embeddings -------------------------------------------------------------------------------------------------------


async def test_embeddings_come_in_the_order_of_their_texts(model, together):
    together.script(edit=lambda body: body | {"data": body["data"][::-1]})
    one, two = await model.embed(["one", "two"], model=BGE)
    for text, vector in (("one", one), ("two", two)):
        assert (await model.embed([text], model=BGE))[0].tolist() == vector.tolist()
    assert one.tolist() != two.tolist()


async def test_embeddings_are_asked_for_once(model, together):
    together.script(error=503)
    assert (await failure_of(model.embed(["one"], model=BGE))).code == "provider-unavailable"
    assert together.calls == 1


async def test_embeddings_that_are_none_are_malformed(model, together):
    together.script(remove=["$.data"])
    assert (await failure_of(model.embed(["one"], model=BGE))).code == "provider-malformed"


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_code_is_a_502_but_for_time_and_rate():
    others = {code: outcome.status for code, outcome in FAILURES.items() if outcome.status != 502}
    assert others == {"provider-timeout": 504, "provider-rate-limited": 429}
