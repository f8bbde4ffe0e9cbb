"""Turns: the questions that are being answered at this moment. The application waits for them before it ends, and ends
those that take too long while it can still say so to whoever waits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Turns"]


@dataclass(slots=True)
class Turns:
    running: set[asyncio.Task[Any]] = field(default_factory=set)
    ending: bool = False
    """Whoever is cancelled now is so because the application ends."""

    def add(self, turn: asyncio.Task[Any]) -> None:
        self.running.add(turn)
        turn.add_done_callback(self.running.discard)

    def end(self) -> None:
        self.ending = True
        for turn in self.running:
            turn.cancel()
