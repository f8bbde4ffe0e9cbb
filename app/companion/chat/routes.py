"""The chat: asking, and what was said."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.auth.access import CurrentPerson
from app.companion.chat.schemas import ChatIn, ChatOut
from app.companion.chat.service import Chats
from app.companion.chat.speech import Speech, said_before
from app.companion.conversations import service as conversations
from app.companion.conversations.routes import Order
from app.companion.conversations.schemas import MessageOut
from app.companion.rate import chats, ordinary, rate_headers
from app.companion.room import CompanionRoom
from app.companion.settled import stopped
from app.companion.sse import MEDIA_TYPE
from app.errors import Problem, problems
from app.paging import Limit, Offset, Page
from app.state import AppDatabase, AppSettings

__all__ = ["router"]

router = APIRouter(prefix="/api/chat", tags=["chat"], responses=problems(401, 429))

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes a repeated request safe: with the same key a message is stored and answered once",
    ),
]
STREAM = (
    "`start` with the stored question, `token` with each piece of text, then `done` with what a plain answer has, or "
    "`error` with the members of a problem document and the partial `reply`, where there is one."
)
EVENT = {
    "type": "object",
    "description": STREAM,
    "properties": {
        "event": {"enum": ["start", "token", "done", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["event", "data"],
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The reply, as JSON or, with `stream`, as server-sent events",
        "content": {MEDIA_TYPE: {"schema": EVENT}},
    }
}
T = TypeVar("T")


@router.get("", dependencies=[ordinary], responses=problems(404))
def list_messages(
    person: CurrentPerson,
    database: AppDatabase,
    conversation_id: Annotated[UUID | None, Query(description="Of this conversation; otherwise of all")] = None,
    order: Order = "oldest",
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[MessageOut]:
    """What was said: in one conversation, or in all that one has."""
    with database.read() as session:
        return conversations.messages(session, person.id, conversation_id, order=order, limit=limit, offset=offset)


@router.post("", dependencies=[chats], response_model=ChatOut, responses=ANSWERS | problems(404, 409, 502, 503, 504))
async def chat(
    request: Request,
    wanted: ChatIn,
    person: CurrentPerson,
    database: AppDatabase,
    settings: AppSettings,
    room: CompanionRoom,
    idempotency_key: IdempotencyKey = None,
) -> ChatOut | Response:
    """Asks the companion. A provider that does not answer in time is a 504, one that has too much to do a 429, any
    other failure of it a 502, a service that is about to stop a 503; the question is then kept, unanswered, and may be
    asked again with the same key."""
    chats = Chats(database, settings, room)
    opening = await chats.opened(person.id, wanted, idempotency_key)
    if isinstance(opening, ChatOut):
        return streaming(request, iter(said_before(opening))) if wanted.stream else opening
    if not wanted.stream:
        turn = asyncio.create_task(chats.answered(opening))
        room.turns.add(turn)
        return await while_there(request, turn)
    speech = Speech(opening.question, lambda say: chats.answered(opening, say), room.turns)
    await while_there(request, asyncio.create_task(speech.begun()))
    return streaming(request, speech.events())


def streaming(request: Request, events: Any) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **rate_headers(request)}
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=headers)


async def while_there(request: Request, working: asyncio.Task[T]) -> T:
    """The result of the work, which is cancelled when the client leaves: nobody pays for what nobody reads."""
    leaving = asyncio.ensure_future(left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Problem("client-left", "The client did not wait for the reply.", status=408)  # nobody reads it
    finally:
        await stopped([working, leaving])


async def left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
