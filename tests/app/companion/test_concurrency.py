"""Many at once: nothing is lost, nothing is mixed, nothing is locked, and no connection waits for a model."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx
import pytest

from app.companion.chat.schemas import ChatIn
from app.companion.chat.service import Chats
from app.database import Database

CHAT = "/api/chat"
MANY = 100


@pytest.fixture
async def asking(app, me):
    """A client in the event loop of the application itself."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=me, timeout=60) as client:
            yield client


async def ask(client, message, **more):
    answer = await client.post(CHAT, json={"message": message, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def all_messages(client):
    pages = [(await client.get(CHAT, params={"limit": 200, "offset": at})).json()["items"] for at in (0, 200)]
    return [message for page in pages for message in page]


async def test_a_hundred_chats_at_once_lose_and_mix_nothing(asking, together):
    """Half of them in one conversation."""
    talk = (await ask(asking, "Begin"))["conversation_id"]
    places = [{"conversation_id": talk} if number % 2 else {} for number in range(MANY)]
    answers = await asyncio.gather(*(ask(asking, f"Question number {n}", **place) for n, place in enumerate(places)))
    for number, answer in enumerate(answers):
        assert answer["message"]["content"] == f"Question number {number}"
        assert f"“Question number {number}”" in answer["reply"]["content"]
    stored = await all_messages(asking)
    assert len(stored) == 2 * (MANY + 1)
    questions = {message["id"]: message for message in stored if message["role"] == "user"}
    replies = {message["reply_to_id"]: message for message in stored if message["role"] == "assistant"}
    assert replies.keys() == questions.keys()
    assert all(f"“{questions[asked]['content']}”" in reply["content"] for asked, reply in replies.items())
    assert all(questions[asked]["conversation_id"] == reply["conversation_id"] for asked, reply in replies.items())
    here = sorted(message["position"] for message in stored if message["conversation_id"] == talk)
    assert here == list(range(1, MANY + 3))
    assert len({message["conversation_id"] for message in stored}) == 1 + MANY // 2


async def test_no_connection_is_held_while_the_model_thinks(app, asking, together):
    together.script(delay=0.5)
    database: Database = app.state.database
    asked = asyncio.ensure_future(ask(asking, "Slow?"))
    while not together.calls:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    assert database._writing.pool.checkedout() + database._reading.pool.checkedout() == 0
    await asked


async def test_a_turn_that_is_cancelled_anywhere_leaves_nothing_pending(app, asking, together):
    """As when a client leaves: at whatever moment, the question is unanswered or answered and the key is free."""
    person = (await asking.get("/api/v1/me")).json()
    chats = Chats(app.state.database, app.state.settings, app.state.companion)
    together.script(pause=0.01)
    for moment in range(0, 60, 6):
        opening = await chats.opened(UUID(person["id"]), ChatIn(message=f"At {moment}"), f"key-{moment}")

        async def say(piece):
            pass

        task = asyncio.ensure_future(chats.answered(opening, say))
        await asyncio.sleep(moment / 200)
        task.cancel()
        await asyncio.wait([task])
    messages = await all_messages(asking)
    assert {message["status"] for message in messages} <= {"unanswered", "answered", "partial", "complete"}
    for message in messages:
        if message["status"] == "partial":
            assert message["finish_reason"] == "cancelled"
            assert message["content"]
    again = await asking.post(CHAT, json={"message": "At 6"}, headers={"Idempotency-Key": "key-6"})
    assert again.status_code == 200
