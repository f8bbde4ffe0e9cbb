"""A question answered: opened in the database, thought about without it, closed in it.

However the thinking ends - a reply, a provider that fails, a client that leaves, a process that stops - the turn is
closed or given up, and what was said so far is kept.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any
from uuid import UUID

import structlog

from app.companion.chat import record
from app.companion.chat.dialogue import Dialogue, Say
from app.companion.chat.record import Opening
from app.companion.chat.schemas import ChatIn, ChatOut, RecalledOut
from app.companion.conversations.schemas import MessageOut
from app.companion.failure import ProviderFailure
from app.companion.memory import service as memory
from app.companion.memory.service import Recollection
from app.companion.memory.vectors import Near, Vector
from app.companion.plugins.hooks import Talk
from app.companion.prompt import compose, wire
from app.companion.reply import Reply
from app.companion.room import Room
from app.companion.settled import settled
from app.database import Database
from app.errors import Problem
from app.settings import Settings

__all__ = ["Chats"]

LEASE_MARGIN = 30.0
"""Seconds in which a turn that has had its time is ended; after them its process has died."""
MOST_RECALLED = 5
RECALL_BUDGET = 600

log = structlog.get_logger("acetate.companion")


class Chats:
    def __init__(self, database: Database, settings: Settings, room: Room) -> None:
        self._database = database
        self._settings = settings
        self._room = room

    async def opened(self, user_id: UUID, chat: ChatIn, key: str | None) -> Opening | ChatOut:
        """The turn to be answered, or the answer that its key has got before."""
        return await settled(lambda: self._opened(user_id, chat, key))

    def _opened(self, user_id: UUID, chat: ChatIn, key: str | None) -> Opening | ChatOut:
        seconds = self._settings.companion_turn_seconds + LEASE_MARGIN
        return self._database.write_again(
            lambda session: record.opened(
                session, user_id, chat, key=key, model=self._settings.companion_model, seconds=seconds
            )
        )

    async def answered(self, opening: Opening, say: Say | None = None) -> ChatOut:
        """Raises Problem where the provider fails."""
        dialogue = Dialogue(
            together=self._room.together,
            plugins=self._room.plugins,
            parameters=opening.persona.parameters,
            tools=self._room.plugins.offered(opening.persona.tools),
            say=None if say is None else self._heard_by_all(opening, say),
        )
        try:
            reply, recalled = await self._thought(opening, dialogue)
            return await settled(lambda: self._closed(opening, reply, recalled))
        except ProviderFailure as failure:
            log.warning("provider failed", code=failure.code, detail=failure.detail)
            partial = await settled(lambda: self._given_up(opening, dialogue, "error"))
            raise problem(failure, opening, partial) from failure
        except BaseException:
            partial = await settled(lambda: self._given_up(opening, dialogue, "cancelled"))
            if self._room.turns.ending:
                raise shutting_down(opening, partial) from None
            raise

    async def _thought(self, opening: Opening, dialogue: Dialogue) -> tuple[Reply, list[RecalledOut]]:
        try:
            async with asyncio.timeout(self._settings.companion_turn_seconds):
                return await self._thought_in_time(opening, dialogue)
        except TimeoutError:
            raise ProviderFailure("provider-timeout", "the turn took too long") from None

    async def _thought_in_time(self, opening: Opening, dialogue: Dialogue) -> tuple[Reply, list[RecalledOut]]:
        near = await self._recalled(opening)
        persona = opening.persona
        prompt = compose(
            persona.system_prompt,
            [each.item.said for each in near],
            opening.turns,
            opening.question.content,
            budget=self._settings.companion_prompt_tokens,
        )
        talk = Talk(opening.user_id, opening.question.conversation_id, persona.name)
        changed = await self._room.plugins.before_prompt(prompt, talk)
        reply = await dialogue.reply(wire(changed))
        dialogue.said = await self._room.plugins.after_reply(reply.content, talk)
        recalled = [
            RecalledOut(memory_id=each.item.memory_id, content=each.item.said.content, similarity=each.similarity)
            for each in near
        ]
        return Reply(dialogue.said, (), reply.finish_reason, reply.usage, reply.model), recalled

    # --- memory -------------------------------------------------------------------------------------------------------

    async def _recalled(self, opening: Opening) -> list[Near[Recollection]]:
        """What the companion remembers to it; nothing where the embeddings fail, which must not cost a reply."""
        if not opening.persona.remembers:
            return []
        texts = [text for _, text in opening.unremembered]
        model = self._settings.companion_embedding_model
        try:
            async with asyncio.timeout(self._settings.companion_recall_seconds):
                vectors = await self._room.together.embed(texts, model=model)
        except (ProviderFailure, TimeoutError) as error:
            log.warning("nothing recalled", error=repr(error))
            if isinstance(error, ProviderFailure) and error.code == "provider-refused":
                await settled(lambda: self._passed_over(opening))
            return []
        return await settled(lambda: self._kept_and_compared(opening, vectors))

    def _passed_over(self, opening: Opening) -> None:
        """One of the texts cannot be embedded, and would be in the way of every later one."""
        messages = [message_id for message_id, _ in opening.unremembered]
        self._database.write_again(lambda session: memory.pass_over(session, messages))

    def _kept_and_compared(self, opening: Opening, vectors: list[Vector]) -> list[Near[Recollection]]:
        model = self._settings.companion_embedding_model
        user_id, companion_id = opening.user_id, opening.persona.companion_id
        besides = opening.shown | {message_id for message_id, _ in opening.unremembered}
        with self._database.read() as session:
            candidates = memory.recollections(session, user_id, companion_id, model=model, besides=besides)
        made = [(message_id, vector) for (message_id, _), vector in zip(opening.unremembered, vectors, strict=True)]
        self._database.write_again(lambda session: memory.keep(session, user_id, companion_id, made, model=model))
        return memory.remembered(
            vectors[-1],
            candidates,
            most=MOST_RECALLED,
            threshold=self._settings.companion_recall_threshold,
            budget=RECALL_BUDGET,
        )

    # --- the end of a turn --------------------------------------------------------------------------------------------

    def _closed(self, opening: Opening, reply: Reply, recalled: list[RecalledOut]) -> ChatOut:
        return self._database.write_again(lambda session: record.close(session, opening, reply, recalled))

    def _given_up(self, opening: Opening, dialogue: Dialogue, why: str) -> MessageOut | None:
        partial = Reply(dialogue.said, (), why, dialogue.usage, opening.persona.parameters["model"])
        return self._database.write_again(lambda session: record.give_up(session, opening, partial))

    def _heard_by_all(self, opening: Opening, say: Say) -> Say:
        """Says it to the client and to every device of the user, to these not more often than the bus can bear."""
        waiting, offset, last = "", 0, -math.inf

        async def heard(piece: str) -> None:
            nonlocal waiting, offset, last
            await say(piece)
            waiting += piece
            if time.monotonic() - last < self._room.bus.interval:
                return
            token: dict[str, Any] = {
                "conversation_id": str(opening.question.conversation_id),
                "reply_to_id": str(opening.question.id),
                "offset": offset,
                "text": waiting,
            }
            offset, waiting, last = offset + len(waiting), "", time.monotonic()
            await self._room.bus.say(opening.user_id, token)

        return heard


def problem(failure: ProviderFailure, opening: Opening, partial: MessageOut | None) -> Problem:
    outcome = failure.outcome
    headers = {}
    if failure.code == "provider-rate-limited" or failure.retry_after:
        headers["Retry-After"] = str(max(1, math.ceil(failure.retry_after or 1)))
    return Problem(failure.code, outcome.problem, status=outcome.status, headers=headers, **left(opening, partial))


def shutting_down(opening: Opening, partial: MessageOut | None) -> Problem:
    detail = "The service is about to stop. Ask again in a moment."
    return Problem("shutting-down", detail, status=503, headers={"Retry-After": "1"}, **left(opening, partial))


def left(opening: Opening, partial: MessageOut | None) -> dict[str, Any]:
    """What there is of a turn that was given up: with these it can go on."""
    return {
        "conversation_id": str(opening.question.conversation_id),
        "message_id": str(opening.question.id),
        "reply": None if partial is None else partial.model_dump(mode="json"),
    }
