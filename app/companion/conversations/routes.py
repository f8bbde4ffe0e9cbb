"""Conversations and their messages."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.auth.access import CurrentPerson
from app.companion.conversations import service
from app.companion.conversations.schemas import (
    ConversationChange,
    ConversationIn,
    ConversationOut,
    ConversationSort,
    MessageOrder,
    MessageOut,
)
from app.companion.rate import ordinary
from app.errors import problems
from app.paging import Limit, Offset, Page
from app.state import AppDatabase

__all__ = ["Order", "router"]

router = APIRouter(
    prefix="/api/v1/conversations", tags=["conversations"], responses=problems(401, 429), dependencies=[ordinary]
)

Words = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="Only those with these words in the title or in a message"),
]
Sort = Annotated[ConversationSort, Query(description="`-` for the last first; equals in the order of their ids")]
Order = Annotated[MessageOrder, Query(description="Which come first")]


@router.get("/")
def list_conversations(
    person: CurrentPerson,
    database: AppDatabase,
    q: Words = None,
    sort: Sort = "-updated_at",
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[ConversationOut]:
    """One's own: all, or those where the words were said."""
    with database.read() as session:
        return service.listing(session, person.id, words=q, sort=sort, limit=limit, offset=offset)


@router.post("/", status_code=201)
def create_conversation(wanted: ConversationIn, person: CurrentPerson, database: AppDatabase) -> ConversationOut:
    """Empty, with a companion. A companion that does not exist is a 422 with the code `companion-not-found`."""
    return database.write_again(lambda session: service.create(session, person.id, wanted))


@router.get("/{conversation_id}", responses=problems(404))
def get_conversation(conversation_id: UUID, person: CurrentPerson, database: AppDatabase) -> ConversationOut:
    """One conversation."""
    with database.read() as session:
        return service.show(session, person.id, conversation_id)


@router.patch("/{conversation_id}", responses=problems(404))
def change_conversation(
    conversation_id: UUID, wanted: ConversationChange, person: CurrentPerson, database: AppDatabase
) -> ConversationOut:
    """Another title."""
    return database.write_again(lambda session: service.change(session, person.id, conversation_id, wanted))


@router.delete("/{conversation_id}", status_code=204, responses=problems(404))
def delete_conversation(conversation_id: UUID, person: CurrentPerson, database: AppDatabase) -> None:
    """With its messages and what was remembered of them."""
    database.write_again(lambda session: service.delete(session, person.id, conversation_id))


@router.get("/{conversation_id}/messages", responses=problems(404))
def list_messages(
    conversation_id: UUID,
    person: CurrentPerson,
    database: AppDatabase,
    order: Order = "oldest",
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[MessageOut]:
    """What was asked and replied."""
    with database.read() as session:
        return service.messages(session, person.id, conversation_id, order=order, limit=limit, offset=offset)
