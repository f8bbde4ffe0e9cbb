"""What only a real server and real connections show: clients that leave, and a process that is told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import aclosing

import httpx
import pytest

from tests.app.companion.live import serving
from tests.app.companion.streams import events
from tests.standin.server import Standin

CHAT = "/api/chat"
LONG = " ".join(f"word{number}" for number in range(100))


@pytest.fixture(scope="module")
def model():
    with Standin() as standin:
        yield standin


@pytest.fixture(scope="module")
def live(model, tmp_path_factory):
    with serving(f"sqlite:///{tmp_path_factory.mktemp('live')}/service.db", model) as live:
        yield live


@pytest.fixture
def somebody(live, model, request):
    model.anew()
    headers = live.signed_up(request.node.name[-60:].replace("[", "-").replace("]", ""))
    with httpx.Client(base_url=live.url, headers=headers, timeout=30) as client:
        yield client


def ada(client):
    return client.post("/api/v1/companions/", json={"name": "Ada", "remembers": False}).json()["id"]


def settled(client):
    """The messages, as soon as none is pending."""
    for _ in range(200):
        messages = client.get(CHAT).json()["items"]
        if messages and all(message["status"] != "pending" for message in messages):
            return messages
        time.sleep(0.02)
    raise AssertionError(messages)


def test_a_client_that_leaves_a_stream_ends_it_and_what_was_said_is_kept(somebody, model):
    model.script(pause=0.05, say=LONG)
    body = {"message": "Hello?", "stream": True, "companion_id": ada(somebody)}
    with somebody.stream("POST", CHAT, json=body) as answer:
        for line in answer.iter_lines():
            if "word3" in line:
                break
    question, reply = settled(somebody)
    assert question["status"] == "unanswered"
    assert (reply["status"], reply["finish_reason"]) == ("partial", "cancelled")
    assert reply["content"].startswith("word0 word1 word2")
    assert "word99" not in reply["content"]


def test_a_client_that_does_not_wait_for_a_plain_answer_costs_no_answer(somebody, model):
    companion = ada(somebody)
    model.script(delay=20)
    with pytest.raises(httpx.ReadTimeout):
        somebody.post(CHAT, json={"message": "Hello?", "companion_id": companion}, timeout=0.5)
    (question,) = settled(somebody)
    assert question["status"] == "unanswered"


def test_the_first_token_arrives_while_the_model_still_speaks(somebody, model):
    model.script(pause=0.05, say=LONG)
    body = {"message": "Hello?", "stream": True, "companion_id": ada(somebody)}
    with somebody.stream("POST", CHAT, json=body) as answer:
        began = time.monotonic()
        first = next(line for line in answer.iter_lines() if "word0" in line)
        soon = time.monotonic() - began
    assert first
    assert soon < 2.5  # all of it takes five seconds


async def test_who_still_waits_when_a_process_ends_is_told_so(model, tmp_path):
    """Neither a connection that breaks nor a 500; what was said so far is kept."""
    model.anew()
    with serving(f"sqlite:///{tmp_path}/service.db", model) as live:
        headers = live.signed_up("mara")
        async with httpx.AsyncClient(base_url=live.url, headers=headers, timeout=60) as client:
            ada = (await client.post("/api/v1/companions/", json={"name": "Ada", "remembers": False})).json()["id"]
            asked = {"message": "Hello?", "companion_id": ada}
            model.script(times=1, delay=60)
            plain = asyncio.create_task(client.post(CHAT, json=asked))
            while not model.calls:
                await asyncio.sleep(0.01)
            model.script(times=1, pause=0.5, say=LONG)
            async with client.stream("POST", CHAT, json=asked | {"stream": True}) as answer:
                text = ""
                async for piece in answer.aiter_text():
                    text += piece
                    if "word1" in text and live.process.poll() is None:
                        live.process.send_signal(signal.SIGTERM)
            refused = await plain
        assert live.process.wait(30) in (0, -signal.SIGTERM)
    name, told = events(text)[-1]
    assert (name, told["status"], told["code"]) == ("error", 503, "shutting-down")
    assert told["reply"]["content"].startswith("word0 word1")
    assert (refused.status_code, refused.json()["code"]) == (503, "shutting-down")
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["message_id"]


async def test_a_process_that_is_told_to_stop_ends_fifty_streams_first(model, tmp_path):
    model.anew()
    model.script(pause=0.02, say=LONG)
    with serving(f"sqlite:///{tmp_path}/service.db", model) as live:
        headers = live.signed_up("mara")
        async with httpx.AsyncClient(base_url=live.url, headers=headers, timeout=60) as client:
            started = asyncio.Semaphore(0)

            async def read():
                text = ""
                body = {"message": "Hello?", "stream": True}
                async with client.stream("POST", CHAT, json=body) as answer, aclosing(answer.aiter_text()) as pieces:
                    async for piece in pieces:
                        if not text:
                            started.release()
                        text += piece
                return events(text)

            readers = [asyncio.create_task(read()) for _ in range(50)]
            for _ in readers:
                await started.acquire()
            live.process.send_signal(signal.SIGTERM)
            ends = [told[-1] for told in await asyncio.gather(*readers)]
        assert live.process.wait(30) in (0, -signal.SIGTERM)
    assert [name for name, _ in ends] == ["done"] * 50
    assert {data["reply"]["content"] for _, data in ends} == {LONG}
