"""Between the transactions and the devices, also of other processes.

`LocalBus` serves SQLite, which has one process. `PostgresBus` hears and says everything through one channel of the
database: who has new events, and pieces of text as they come.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Protocol
from uuid import UUID, uuid4

import psycopg
import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.companion.realtime.events import AWAKE, CHANNEL
from app.companion.realtime.hub import Hub
from app.companion.settled import settled, stopped
from app.database import Database

__all__ = ["Bus", "opened"]

MOST_BYTES = 7000
"""PostgreSQL takes 8000 in a notification."""
CONNECT_SECONDS = 10
PATIENCE = (0.1, 0.5, 1.0, 5.0)
"""Seconds before the channel is opened again."""

log = structlog.get_logger("acetate.companion")


class Bus(Protocol):
    hub: Hub
    interval: float
    """Seconds between two pieces of one reply."""

    async def say(self, user_id: UUID, token: Mapping[str, Any]) -> None:
        """A piece of text, to every device of the user that listens now."""


class LocalBus:
    interval = 0.0

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._loop = asyncio.get_running_loop()

    def committed(self, session: Session) -> None:
        """In the thread of the transaction."""
        for user_id in session.info.pop(AWAKE, ()):
            self._loop.call_soon_threadsafe(self.hub.wake, user_id)

    async def say(self, user_id: UUID, token: Mapping[str, Any]) -> None:
        self.hub.offer(user_id, token)


class PostgresBus:
    interval = 0.2

    def __init__(self, hub: Hub, database: Database) -> None:
        self.hub = hub
        self._database = database
        self._me = uuid4().hex

    async def say(self, user_id: UUID, token: Mapping[str, Any]) -> None:
        self.hub.offer(user_id, token)
        note = json.dumps({"from": self._me, "user": user_id.hex, "token": token}, ensure_ascii=False)
        if len(note.encode()) <= MOST_BYTES:
            await settled(partial(self._notify, note))

    def _notify(self, note: str) -> None:
        with self._database.write() as session:
            session.execute(select(func.pg_notify(CHANNEL, note)))

    async def listen(self) -> None:
        """For ever. After a lost connection every device looks for what it may have missed."""
        address = self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
        failures = 0
        while True:
            try:
                async with await connected(address) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.hub.wake_all()
                    failures = 0
                    async for note in connection.notifies():
                        self._heard(note.payload)
            except psycopg.Error as error:
                log.warning("channel lost", error=type(error).__name__)
            await asyncio.sleep(PATIENCE[min(failures, len(PATIENCE) - 1)])
            failures += 1

    def _heard(self, payload: str) -> None:
        if not payload.startswith("{"):
            self.hub.wake(UUID(payload))
            return
        note = json.loads(payload)
        if note["from"] != self._me:
            self.hub.offer(UUID(note["user"]), note["token"])


async def connected(address: str) -> psycopg.AsyncConnection:
    """Whoever is stopped while connecting leaves no connection behind."""
    connecting = asyncio.ensure_future(
        psycopg.AsyncConnection.connect(address, autocommit=True, connect_timeout=CONNECT_SECONDS)
    )
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        with suppress(psycopg.Error):
            await (await connecting).close()
        raise


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Bus]:
    if database.is_sqlite:
        local = LocalBus(Hub())
        with database.listening(local.committed):
            yield local
        return
    bus = PostgresBus(Hub(), database)
    listening = asyncio.create_task(bus.listen())
    try:
        yield bus
    finally:
        await stopped([listening])
