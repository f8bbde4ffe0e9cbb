"""The model and its tools: asked until it has said something, at most MOST_ROUNDS times with tools in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from app.companion.failure import ProviderFailure
from app.companion.plugins.hooks import Tool
from app.companion.plugins.registry import Plugins
from app.companion.prompt import WireMessage, tool_round
from app.companion.provider import Together
from app.companion.reply import Assembly, Reply, Usage

__all__ = ["Dialogue", "Say"]

MOST_ROUNDS = 2

Say: TypeAlias = Callable[[str], Awaitable[None]]
"""Takes each piece of the reply as it comes."""


@dataclass(slots=True)
class Dialogue:
    """One reply in the making. `said` and `usage` are there also when `reply` raises."""

    together: Together
    plugins: Plugins
    parameters: dict[str, Any]
    """Of each request: the model and how it chooses."""
    tools: Sequence[Tool]
    say: Say | None = None
    """Where it is, the reply is streamed."""
    said: str = ""
    usage: Usage | None = None

    async def reply(self, messages: Sequence[WireMessage]) -> Reply:
        """With the text of all rounds. Raises ProviderFailure."""
        told = list(messages)
        for rounds_left in range(MOST_ROUNDS, -1, -1):
            reply = await self._round(told, may_call=rounds_left > 0)
            if not reply.calls or not self.tools:
                break
            allowed = [tool.name for tool in self.tools]
            results = await asyncio.gather(*(self.plugins.call(call, allowed) for call in reply.calls))
            told += tool_round(reply, results)
        if not self.said:
            raise ProviderFailure("provider-malformed", "a reply without text")
        return replace(reply, content=self.said, calls=(), usage=self.usage)

    async def _round(self, messages: list[WireMessage], *, may_call: bool) -> Reply:
        request = self.parameters | {"messages": messages}
        if self.tools:
            request["tools"] = [tool.wire() for tool in self.tools]
            request["tool_choice"] = "auto" if may_call else "none"
        if self.say is None:
            reply = await self.together.chat(request)
            self.said += reply.content
            self.usage = reply.usage + self.usage if reply.usage else self.usage
            return reply
        return await self._streamed(request, self.say)

    async def _streamed(self, request: dict[str, Any], say: Say) -> Reply:
        assembly = Assembly()
        try:
            async with aclosing(self.together.stream(request, assembly)) as pieces:
                async for piece in pieces:
                    self.said += piece
                    await say(piece)
        finally:
            self.usage = assembly.usage + self.usage if assembly.usage else self.usage
        return assembly.reply()
