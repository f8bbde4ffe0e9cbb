"""One device on its WebSocket, in JSON messages.

    client  {"type": "auth", "token": "…", "last_seen": 17}     first, within seconds; no `last_seen`: from now on
    server  {"type": "welcome", "last_seen": 17, "heartbeat_seconds": 20}
    server  {"type": "event", "number": 18, "kind": "message.created", "data": {…}, "at": "…"}
    server  {"type": "token", "conversation_id": "…", "reply_to_id": "…", "offset": 0, "text": "Hel"}
    server  {"type": "resync", "last_seen": 40}                  something was left out: fetch anew
    server  {"type": "ping"}                                     client {"type": "pong"}, or the connection ends

Events are read from the database in their order, so none is lost or doubled, however long the device was away, as long
as they are kept. Tokens pass by: the event with the whole message follows them.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from starlette.websockets import WebSocket, WebSocketDisconnect

from app.auth import service as auth
from app.auth.person import Person
from app.companion.realtime.events import EventOut, last_number, since
from app.companion.realtime.hub import Device, Hub, News
from app.companion.settled import settled, stopped
from app.database import Database
from app.errors import Problem
from app.settings import Settings

__all__ = ["Connection"]

FIRST_MESSAGE_SECONDS = 10.0
SEND_SECONDS = 30.0
CLOSE_SECONDS = 5.0
LONGEST_MESSAGE = 4096
MOST_DEVICES = 20

UNREADABLE, UNAUTHORIZED, TOO_SLOW, TOO_MANY = 4400, 4401, 4408, 4429
"""Codes with which a connection is closed."""


class Ended(Exception):
    """The connection is to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    def __init__(self, socket: WebSocket, database: Database, settings: Settings, hub: Hub) -> None:
        self._socket = socket
        self._database = database
        self._settings = settings
        self._hub = hub
        self._token = ""
        self._last_seen = 0
        self._answered = True

    async def run(self) -> None:
        with suppress(WebSocketDisconnect):
            try:
                await self._run()
            except Ended as ended:
                await self._close(ended.code, ended.reason)
            except TimeoutError:
                await self._close(TOO_SLOW, "nothing was read or said in time")

    async def _run(self) -> None:
        async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
            person, last_seen = await self._authenticated()
        if self._hub.connected(person.id) >= MOST_DEVICES:
            raise Ended(TOO_MANY, "too many devices")
        with self._hub.joined(person.id) as device:
            if last_seen is None:
                last_seen = await settled(partial(self._newest, person.id))
            self._last_seen = last_seen
            seconds = self._settings.companion_heartbeat_seconds
            await self._send({"type": "welcome", "last_seen": last_seen, "heartbeat_seconds": seconds})
            await both(self._listen(), self._tell(person.id, device))

    async def _authenticated(self) -> tuple[Person, int | None]:
        message = await self._received()
        token, last_seen = message.get("token"), message.get("last_seen")
        if message.get("type") != "auth" or not isinstance(token, str):
            raise Ended(UNREADABLE, "the first message is auth, with a token")
        if last_seen is not None and (type(last_seen) is not int or not 0 <= last_seen < 2**63):
            raise Ended(UNREADABLE, "last_seen is a number of an event")
        self._token = token
        return await settled(self._identified), last_seen

    # --- what the device says -----------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            message = await self._received()
            if message.get("type") != "pong":
                raise Ended(UNREADABLE, "only pong is understood")
            self._answered = True

    async def _received(self) -> dict[str, Any]:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1000))
        text = received.get("text") or ""
        if len(text) > LONGEST_MESSAGE:
            raise Ended(UNREADABLE, "a message that is too long")
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):
            raise Ended(UNREADABLE, "not JSON") from None
        if not isinstance(message, dict):
            raise Ended(UNREADABLE, "not a JSON object")
        return message

    # --- what it is told ----------------------------------------------------------------------------------------------

    async def _tell(self, user_id: UUID, device: Device) -> None:
        """News as they come, and a heartbeat when it is time, however much news there is."""
        clock = asyncio.get_running_loop().time
        beat_at = clock() + self._settings.companion_heartbeat_seconds
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(beat_at):
                    await device.stirred()
            if clock() >= beat_at:
                await self._beat()
                beat_at = clock() + self._settings.companion_heartbeat_seconds
                device.wake()
            await self._pass_on(user_id, device.news())

    async def _pass_on(self, user_id: UUID, news: News) -> None:
        if news.missed:
            await self._send({"type": "resync", "last_seen": self._last_seen})
        for token in news.tokens:
            await self._send({"type": "token", **token})
        if news.events:
            await self._catch_up(user_id)

    async def _beat(self) -> None:
        """Also looks whether the token is still good: whoever is signed out hears nothing more."""
        if not self._answered:
            raise Ended(TOO_SLOW, "no pong")
        self._answered = False
        await settled(self._identified)
        await self._send({"type": "ping"})

    async def _catch_up(self, user_id: UUID) -> None:
        while (events := await settled(partial(self._since, user_id))) != []:
            if events is None:
                self._last_seen = await settled(partial(self._newest, user_id))
                await self._send({"type": "resync", "last_seen": self._last_seen})
                continue
            for event in events:
                await self._send({"type": "event", **event.model_dump(mode="json")})
                self._last_seen = event.number

    async def _send(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    async def _close(self, code: int, reason: str) -> None:
        """Whoever reads nothing is not told why, and is waited for no longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code, reason)

    # --- in a thread --------------------------------------------------------------------------------------------------

    def _identified(self) -> Person:
        try:
            with self._database.read() as session:
                return auth.identify(session, self._settings, self._token)
        except Problem:
            raise Ended(UNAUTHORIZED, "the token is not valid, or no longer") from None

    def _newest(self, user_id: UUID) -> int:
        with self._database.read() as session:
            return last_number(session, user_id)

    def _since(self, user_id: UUID) -> list[EventOut] | None:
        with self._database.read() as session:
            return since(session, user_id, self._last_seen)


async def both(*works: Any) -> None:
    """Until one of them ends, which then says how it ended."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await stopped(tasks)
