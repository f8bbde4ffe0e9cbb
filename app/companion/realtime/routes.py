"""The WebSocket of a device. docs/companion.md says what is said on it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.websockets import WebSocket

from app.companion.realtime.connection import Connection
from app.companion.room import CompanionRoom
from app.state import AppDatabase, AppSettings

__all__ = ["router"]

router = APIRouter()


@router.websocket("/api/v1/ws")
async def listen(socket: WebSocket, database: AppDatabase, settings: AppSettings, room: CompanionRoom) -> None:
    """Everything new of the user whose token the first message has."""
    await socket.accept()
    await Connection(socket, database, settings, room.bus.hub).run()
