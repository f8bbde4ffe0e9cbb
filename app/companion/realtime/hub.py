"""The devices that are connected to this process. Nothing waits for them: a slow one loses tokens and is told so."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

__all__ = ["Device", "Hub", "News"]

MOST_TOKENS = 256
"""Pieces of text that may wait for one device."""


@dataclass(frozen=True, slots=True)
class News:
    """What has come for a device since it last looked."""

    tokens: tuple[Mapping[str, Any], ...]
    events: bool
    """There may be events that it has not seen."""
    missed: bool
    """Tokens were dropped."""


class Device:
    """One connection."""

    def __init__(self, most_tokens: int = MOST_TOKENS) -> None:
        self._most = most_tokens
        self._tokens: list[Mapping[str, Any]] = []
        self._events = True
        self._missed = False
        self._changed = asyncio.Event()
        self._changed.set()

    def wake(self) -> None:
        self._events = True
        self._changed.set()

    def offer(self, token: Mapping[str, Any]) -> None:
        if len(self._tokens) >= self._most:
            self._tokens.clear()
            self._missed = True
        if not self._missed:
            self._tokens.append(token)
        self._changed.set()

    async def stirred(self) -> None:
        """Returns when there is news."""
        await self._changed.wait()

    def news(self) -> News:
        """All there is; the next call has what came after it."""
        news = News(tuple(self._tokens), self._events, self._missed)
        self._tokens.clear()
        self._events = self._missed = False
        self._changed.clear()
        return news


class Hub:
    """Call its methods in the event loop."""

    def __init__(self) -> None:
        self._devices: defaultdict[UUID, set[Device]] = defaultdict(set)

    @contextmanager
    def joined(self, user_id: UUID) -> Iterator[Device]:
        device = Device()
        self._devices[user_id].add(device)
        try:
            yield device
        finally:
            self._devices[user_id].discard(device)
            if not self._devices[user_id]:
                del self._devices[user_id]

    def wake(self, user_id: UUID) -> None:
        for device in self._devices.get(user_id, ()):
            device.wake()

    def wake_all(self) -> None:
        for user_id in list(self._devices):
            self.wake(user_id)

    def offer(self, user_id: UUID, token: Mapping[str, Any]) -> None:
        for device in self._devices.get(user_id, ()):
            device.offer(token)

    def connected(self, user_id: UUID) -> int:
        return len(self._devices.get(user_id, ()))
