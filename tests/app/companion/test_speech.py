"""A reply as a stream of events: what is sent while the model is silent, and what happens when the reader leaves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.companion.chat import speech
from app.companion.chat.speech import Speech
from app.companion.conversations.schemas import MessageOut
from app.companion.sse import KEEP_ALIVE
from app.companion.turns import Turns
from app.errors import Problem

QUESTION = MessageOut(
    id=uuid4(),
    conversation_id=uuid4(),
    position=1,
    role="user",
    content="Hello?",
    status="pending",
    reply_to_id=None,
    model=None,
    finish_reason=None,
    usage=None,
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
)


async def test_silence_is_bridged_with_comments(monkeypatch):
    monkeypatch.setattr(speech, "SILENCE", 0.02)

    async def answer(say):
        await say("Hel")
        await asyncio.sleep(0.1)
        raise Problem("provider-cut", "It stopped.", status=502)

    spoken = Speech(QUESTION, answer, Turns())
    await spoken.begun()
    told = [event async for event in spoken.events()]
    assert KEEP_ALIVE in told
    assert [event.split(b"\n")[0] for event in told if event != KEEP_ALIVE] == [
        b"event: start",
        b"event: token",
        b"event: error",
    ]


async def test_who_leaves_before_the_first_piece_ends_the_turn():
    ended = asyncio.Event()

    async def answer(say):
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    turns = Turns()
    waiting = asyncio.create_task(Speech(QUESTION, answer, turns).begun())
    await asyncio.sleep(0.01)
    assert len(turns.running) == 1
    waiting.cancel()
    await asyncio.wait([waiting])
    assert ended.is_set()
    assert turns.running == set()


async def test_a_reply_without_a_piece_raises_what_the_turn_raised():
    async def answer(say):
        raise Problem("provider-timeout", "Too late.", status=504)

    with pytest.raises(Problem, match="provider-timeout"):
        await Speech(QUESTION, answer, Turns()).begun()
