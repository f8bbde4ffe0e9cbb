"""While a stream is recorded its client hears it as it comes; it is played in the pieces in which it came."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SYNC = """
import time

def stream(by=client, until=None, **more):
    started, found = time.perf_counter(), []
    with by.stream("POST", url(), json=body("tell me", stream=True, **more), headers=HEADERS) as response:
        for piece in response.iter_raw():
            found.append((time.perf_counter() - started, piece))
            if until and until in piece:
                break
    return found
"""
ASYNC = """
import asyncio, time

def stream(library=httpx, until=None):
    async def go():
        started, found = time.perf_counter(), []
        async with library.AsyncClient(verify=False) as by:
            sent = {"json": body("tell me", stream=True), "headers": HEADERS}
            async with by.stream("POST", url(), **sent) as response:
                async for piece in response.aiter_raw():
                    found.append((time.perf_counter() - started, piece))
                    if until and until in piece:
                        break
        return found
    return asyncio.run(go())
"""
WAYS = {
    "httpx": (SYNC, "stream()"),
    "httpx2": (SYNC, "stream(by=client2)"),
    "httpx, async": (ASYNC, "stream()"),
    "httpx2, async": (ASYNC, "stream(httpx2)"),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_first_event_reaches_the_client_when_it_comes(suite, way):
    preamble, call = WAYS[way]
    suite.tests(
        f"""{preamble}
@pytest.mark.vcr
def test_it():
    found = {call}
    pieces = [piece for _, piece in found]
    assert b"[DONE]" in b"".join(pieces)
    if os.environ.get("LIVE"):
        assert found[-1][0] - found[0][0] > 0.2
        assert found[0][0] < found[-1][0] / 2
    with open("pieces.txt", "a") as file:
        print([len(piece) for piece in pieces], file=file)
"""
    )
    suite.standin.script(pause=0.03)
    suite.env("LIVE", "1")
    recorded = suite.run("--record-mode=once")
    assert recorded.outcomes == {"passed": 1}, recorded.text
    (exchange,) = suite.exchanges()
    chunks = exchange.recording.chunks
    assert sum(size for _, size in chunks) == len(exchange.response.body)
    assert chunks[-1][0] - chunks[0][0] >= 200
    suite.env("LIVE", None)
    played = suite.run()
    assert (played.outcomes, played.hits) == ({"passed": 1}, 0)
    first, second = (suite.root / "pieces.txt").read_text().splitlines()
    assert first == second


def test_a_coded_stream_keeps_where_its_pieces_ended(suite):
    suite.tests(SYNC + "\n@pytest.mark.vcr\ndef test_it():\n    stream()\n")
    suite.standin.script(encoding="gzip")
    suite.run("--record-mode=once")
    (exchange,) = suite.exchanges()
    assert exchange.response.body.startswith(b"data: ")
    assert sum(size for _, size in exchange.recording.chunks) == len(exchange.response.body)


@pytest.mark.parametrize("sdk", ["together", "openai"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_streams_of_the_clients_are_recorded_and_played(suite, sdk, kind):
    made = {
        "together": ("together.Together(api_key='x')", "together.AsyncTogether(api_key='x')"),
        "openai": (
            "openai.OpenAI(base_url=url(''), api_key='x')",
            "openai.AsyncOpenAI(base_url=url(''), api_key='x')",
        ),
    }[sdk][kind == "async"]
    if kind == "sync":
        suite.tests(
            f"""
            import openai, together
            @pytest.mark.vcr
            def test_it():
                with {made} as by:
                    events = list(by.chat.completions.create(**body("hi"), stream=True))
                assert len(events) > 3
            """
        )
    else:
        suite.tests(
            f"""
            import asyncio, openai, together
            async def go():
                async with {made} as by:
                    return [event async for event in await by.chat.completions.create(**body("hi"), stream=True)]
            @pytest.mark.vcr
            def test_it():
                assert len(asyncio.run(go())) > 3
            """
        )
    recorded = suite.run("--record-mode=once")
    assert (recorded.outcomes, recorded.counts) == ({"passed": 1}, "0 replayed, 1 live, 0 missed"), recorded.text
    assert len(suite.exchanges()) == 1
    played = suite.run()
    assert (played.outcomes, played.counts) == ({"passed": 1}, "1 replayed, 0 live, 0 missed")


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_its_client_abandoned_is_kept_aside(suite, way):
    preamble, call = WAYS[way]
    stopped = call.replace(")", ", until=b'data')" if "(" in call and call[-2] != "(" else "until=b'data')")
    suite.tests(f"{preamble}\n@pytest.mark.vcr\ndef test_it():\n    {stopped}\n")
    suite.standin.script(pause=0.01)
    run = suite.run("--record-mode=once")
    assert not suite.has("cassettes")
    assert "a response is not whole: the client stopped reading it" in run.text
    (kept,) = (suite.root / ".acetate/incomplete/cassettes/test_chat").glob("test_it-*.yaml")
    assert "data: " in kept.read_text()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by", ["reset", "close", "end"])
def test_a_stream_that_the_provider_cut_is_kept_aside(suite, way, by):
    preamble, call = WAYS[way]
    suite.tests(
        f"""{preamble}
@pytest.mark.vcr
def test_it():
    try:
        {call}
    except (httpx.HTTPError, httpx2.HTTPError):
        pass
"""
    )
    suite.standin.script(cut="stream", cut_by=by)
    run = suite.run("--record-mode=once")
    assert not suite.has("cassettes")
    assert "a response is not whole: " in run.text
    assert list((suite.root / ".acetate/incomplete/cassettes/test_chat").glob("test_it-*.yaml"))


def test_a_stream_is_whole_once_it_has_said_so(suite):
    suite.tests(SYNC + "\n@pytest.mark.vcr\ndef test_it():\n    stream(until=b'[DONE]')\n")
    suite.standin.script(pause=0.01)
    suite.run("--record-mode=once")
    assert suite.exchanges()[0].response.body.endswith(b"data: [DONE]\n\n")


def test_a_body_that_was_cut_is_kept_aside(suite):
    suite.tests(
        """
        @pytest.mark.vcr
        def test_it():
            try:
                ask("hi")
            except httpx.HTTPError:
                pass
        """
    )
    suite.standin.script(cut=40)
    run = suite.run("--record-mode=once")
    assert not suite.has("cassettes")
    assert "a response is not whole: " in run.text


def test_an_error_inside_a_stream_is_an_answer(suite):
    suite.tests(SYNC + "\n@pytest.mark.vcr\ndef test_it():\n    stream()\n")
    suite.standin.script(malformed=["error"])
    suite.run("--record-mode=once")
    assert b"error" in suite.exchanges()[0].response.body
