"""Conversations of one user: what is another's is not there."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.companion.companions.service import companion
from app.companion.conversations.schemas import (
    ConversationChange,
    ConversationIn,
    ConversationOut,
    ConversationSort,
    MessageOrder,
    MessageOut,
    message_out,
)
from app.companion.realtime.events import announce
from app.companion.text import folded, like
from app.errors import NotFound, Unprocessable
from app.models import Conversation, Message, now
from app.paging import Page

__all__ = [
    "UNTITLED",
    "begun",
    "change",
    "conversation",
    "conversation_out",
    "create",
    "delete",
    "listing",
    "messages",
    "show",
    "show_to_devices",
]

UNTITLED = "New conversation"


def listing(
    session: Session, user_id: UUID, *, words: str | None, sort: ConversationSort, limit: int, offset: int
) -> Page[ConversationOut]:
    mine = select(Conversation).where(Conversation.user_id == user_id)
    if words is not None:
        mine = mine.where(said(words))
    total = session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    postgresql = session.get_bind().dialect.name == "postgresql"
    rows = session.scalars(ordered(mine, sort, postgresql=postgresql).limit(limit).offset(offset))
    return Page(items=[conversation_out(row) for row in rows], total=total)


def said(words: str) -> ColumnElement[bool]:
    """In the title or in a message."""
    pattern = like(words)
    in_message = exists().where(
        Message.conversation_id == Conversation.id, Message.content_folded.like(pattern, escape="\\")
    )
    return or_(Conversation.title_folded.like(pattern, escape="\\"), in_message)


def ordered(query: Select[Conversation], sort: ConversationSort, *, postgresql: bool) -> Select[Conversation]:
    """Titles go by their characters, not by a locale, so that both databases agree."""
    columns: dict[str, InstrumentedAttribute[Any]] = {
        "updated_at": Conversation.updated_at,
        "created_at": Conversation.created_at,
        "title": Conversation.title_folded,
    }
    name = sort.removeprefix("-")
    column: ColumnElement[Any] = columns[name].expression
    if name == "title" and postgresql:
        column = column.collate("C")
    if sort.startswith("-"):
        return query.order_by(column.desc(), Conversation.id.desc())
    return query.order_by(column, Conversation.id)


def create(session: Session, user_id: UUID, wanted: ConversationIn) -> ConversationOut:
    try:
        companion(session, user_id, wanted.companion_id, change=True)
    except NotFound as error:
        raise Unprocessable(error.code, error.detail) from None
    return conversation_out(begun(session, user_id, wanted.companion_id, wanted.title))


def begun(session: Session, user_id: UUID, companion_id: UUID, title: str | None) -> Conversation:
    named = title or UNTITLED
    row = Conversation(user_id=user_id, companion_id=companion_id, title=named, title_folded=folded(named))
    session.add(row)
    session.flush()
    announce(session, user_id, "conversation.created", conversation_out(row))
    return row


def show(session: Session, user_id: UUID, conversation_id: UUID) -> ConversationOut:
    return conversation_out(conversation(session, user_id, conversation_id))


def change(session: Session, user_id: UUID, conversation_id: UUID, wanted: ConversationChange) -> ConversationOut:
    row = conversation(session, user_id, conversation_id, change=True)
    row.title, row.title_folded, row.updated_at = wanted.title, folded(wanted.title), now()
    show_to_devices(session, row)
    return conversation_out(row)


def show_to_devices(session: Session, row: Conversation) -> None:
    """Every device of its user sees it as it now is, and where it now stands among the others."""
    session.flush()
    announce(session, row.user_id, "conversation.changed", conversation_out(row))


def delete(session: Session, user_id: UUID, conversation_id: UUID) -> None:
    """With its messages and what was remembered of them."""
    session.delete(conversation(session, user_id, conversation_id, change=True))
    announce(session, user_id, "conversation.deleted", {"id": str(conversation_id)})


def messages(
    session: Session, user_id: UUID, conversation_id: UUID | None, *, order: MessageOrder, limit: int, offset: int
) -> Page[MessageOut]:
    """Of one conversation, or of all that the user has."""
    wanted = select(Message).where(Message.user_id == user_id)
    by: InstrumentedAttribute[Any] = Message.created_at
    if conversation_id is not None:
        conversation(session, user_id, conversation_id)
        wanted, by = wanted.where(Message.conversation_id == conversation_id), Message.position
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    sequence = (by, Message.id) if order == "oldest" else (by.desc(), Message.id.desc())
    rows = session.scalars(wanted.order_by(*sequence).limit(limit).offset(offset))
    return Page(items=[message_out(row) for row in rows], total=total)


def conversation(session: Session, user_id: UUID, conversation_id: UUID, *, change: bool = False) -> Conversation:
    """With `change` nobody else can change or delete it until the session ends."""
    query = select(Conversation).where(Conversation.id == conversation_id, Conversation.user_id == user_id)
    row = session.scalar(query.with_for_update() if change else query)
    if row is None:
        raise NotFound("There is no such conversation.", code="conversation-not-found")
    return row


def conversation_out(row: Conversation) -> ConversationOut:
    return ConversationOut(
        id=row.id,
        companion_id=row.companion_id,
        title=row.title,
        message_count=row.last_position,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
