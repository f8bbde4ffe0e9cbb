"""A reply as server-sent events. It is answered in a task of its own: whether the client reads fast, slowly or not at
all, nothing waits for it but this. `turns` are the tasks that the application waits for before it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from app.companion.chat.dialogue import Say
from app.companion.chat.schemas import ChatOut
from app.companion.conversations.schemas import MessageOut
from app.companion.settled import stopped
from app.companion.sse import KEEP_ALIVE, event
from app.companion.turns import Turns
from app.errors import Problem

__all__ = ["Speech", "said_before"]

SILENCE = 15.0
"""Seconds after which a comment says that the reply is still being made."""


class Speech:
    """A turn that is being answered. The text of a reply is small, so what nobody has read yet may wait."""

    def __init__(
        self,
        question: MessageOut,
        answer: Callable[[Say], Awaitable[ChatOut]],
        turns: Turns,
    ) -> None:
        self._question = question
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._answered(answer))
        turns.add(self._task)
        self._first: str | None = None

    async def _answered(self, answer: Callable[[Say], Awaitable[ChatOut]]) -> ChatOut:
        try:
            return await answer(self._pieces.put)
        finally:
            self._pieces.put_nowait(None)

    async def begun(self) -> None:
        """Returns with the first piece. Raises what the turn raises before it, when a status can still say so."""
        try:
            self._first = await self._pieces.get()
        except asyncio.CancelledError:
            await stopped([self._task])
            raise
        if self._first is None:
            await self._task

    async def events(self) -> AsyncIterator[bytes]:
        try:
            yield event("start", {"message": self._question.model_dump(mode="json")})
            piece = self._first
            while piece is not None:
                yield event("token", {"text": piece})
                piece = None
                async for kept_alive in self._next():
                    if isinstance(kept_alive, bytes):
                        yield kept_alive
                    else:
                        piece = kept_alive
            try:
                yield event("done", (await self._task).model_dump(mode="json"))
            except Problem as problem:
                yield event(
                    "error", {"status": problem.status, "code": problem.code, "detail": problem.detail, **problem.extra}
                )
        finally:
            self._task.cancel()

    async def _next(self) -> AsyncIterator[bytes | str | None]:
        while True:
            try:
                yield await asyncio.wait_for(self._pieces.get(), SILENCE)
                return
            except TimeoutError:
                yield KEEP_ALIVE


def said_before(answer: ChatOut) -> list[bytes]:
    """The events of a turn that was answered before."""
    return [
        event("start", {"message": answer.message.model_dump(mode="json")}),
        event("token", {"text": answer.reply.content}),
        event("done", answer.model_dump(mode="json")),
    ]
