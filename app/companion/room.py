"""What the companion holds while the application runs: the model, the plugins, the devices."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from app.companion.plugins.calculator import Calculator
from app.companion.plugins.clock import Clock
from app.companion.plugins.registry import Plugins, installed
from app.companion.plugins.wordlist import Wordlist
from app.companion.provider import Together
from app.companion.realtime.bus import Bus, opened
from app.companion.settled import stopped
from app.companion.turns import Turns
from app.settings import Settings

__all__ = ["CompanionRoom", "Room", "lifespan"]


@dataclass(frozen=True, slots=True)
class Room:
    together: Together
    plugins: Plugins
    bus: Bus
    turns: Turns = field(default_factory=Turns)


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    settings: Settings = application.state.settings
    together = model(settings)
    plugins = Plugins([Clock(), Calculator(), Wordlist(settings.companion_blocked_words.split(",")), *installed()])
    try:
        async with opened(application.state.database) as bus:
            room = application.state.companion = Room(together, plugins, bus)
            yield
            await stopped(room.turns.running)
    finally:
        await together.close()


def model(settings: Settings) -> Together:
    key = settings.together_api_key
    return Together(
        base_url=settings.together_base_url,
        key=key.get_secret_value() if key else "",
        silence=settings.together_silence_seconds,
        deadline=settings.together_deadline_seconds,
        first_wait=settings.together_first_wait_seconds,
    )


def _room(connection: HTTPConnection) -> Room:
    return cast(Room, connection.app.state.companion)


CompanionRoom = Annotated[Room, Depends(_room)]
