"""What companions remember: kept, found by nearness, forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from sqlalchemy import CursorResult, Select, delete, func, select, update
from sqlalchemy.orm import Session

from app.companion.memory.schemas import MemoryOut
from app.companion.memory.vectors import Near, Vector, nearest, pack, unpack, within
from app.companion.prompt import Role, Said
from app.companion.realtime.events import announce
from app.companion.text import tokens
from app.errors import NotFound
from app.models import Conversation, Memory, Message
from app.paging import Page

__all__ = ["Recollection", "forget", "forget_all", "keep", "listing", "pass_over", "recollections", "remembered"]

MOST_COMPARED = 1000
"""The newest memories of a companion: comparing that many takes a millisecond."""


@dataclass(frozen=True, slots=True)
class Recollection:
    memory_id: UUID
    said: Said


def listing(session: Session, user_id: UUID, *, companion_id: UUID | None, limit: int, offset: int) -> Page[MemoryOut]:
    """The newest first."""
    mine = of(user_id, companion_id)
    total = session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    rows = session.scalars(mine.order_by(Memory.created_at.desc(), Memory.id.desc()).limit(limit).offset(offset))
    return Page(items=[MemoryOut.model_validate(row) for row in rows], total=total)


def of(user_id: UUID, companion_id: UUID | None) -> Select[Memory]:
    mine = select(Memory).where(Memory.user_id == user_id)
    return mine if companion_id is None else mine.where(Memory.companion_id == companion_id)


def forget(session: Session, user_id: UUID, memory_id: UUID) -> None:
    """For good: the message stays where it was said and is not remembered again."""
    row = session.scalar(select(Memory).where(Memory.id == memory_id, Memory.user_id == user_id))
    if row is None:
        raise NotFound("There is no such memory.", code="memory-not-found")
    session.execute(update(Message).where(Message.id == row.message_id).values(memory="none"))
    session.execute(delete(Memory).where(Memory.id == memory_id))
    announce(session, user_id, "memory.forgotten", {"memory_id": str(memory_id), "companion_id": str(row.companion_id)})


def forget_all(session: Session, user_id: UUID, companion_id: UUID | None) -> int:
    """All, or all of one companion; also what was said and not remembered yet. Messages are locked in the order of
    `keep`."""
    said = [Message.user_id == user_id, Message.memory != "none"]
    chosen = delete(Memory).where(Memory.user_id == user_id)
    if companion_id is not None:
        with_it = select(Conversation.id).where(Conversation.companion_id == companion_id)
        said.append(Message.conversation_id.in_(with_it))
        chosen = chosen.where(Memory.companion_id == companion_id)
    session.execute(select(Message.id).where(*said).order_by(Message.id).with_for_update())
    forgotten = update(Message).where(*said).values(memory="none")
    session.execute(forgotten, execution_options={"synchronize_session": False})
    gone = cast("CursorResult[tuple[()]]", session.execute(chosen)).rowcount
    companion = str(companion_id) if companion_id else None
    announce(session, user_id, "memory.forgotten", {"memory_id": None, "companion_id": companion})
    return gone


def keep(
    session: Session, user_id: UUID, companion_id: UUID, vectors: Sequence[tuple[UUID, Vector]], *, model: str
) -> None:
    """Messages by their ids. What was forgotten, kept or deleted meanwhile is left alone."""
    wanted = dict(vectors)
    still_open = select(Message).where(Message.id.in_(wanted), Message.memory == "open").order_by(Message.id)
    for message in session.scalars(still_open.with_for_update()):
        message.memory = "kept"
        session.add(
            Memory(
                user_id=user_id,
                companion_id=companion_id,
                message_id=message.id,
                role=message.role,
                content=message.content,
                vector=pack(wanted[message.id]),
                model=model,
            )
        )


def pass_over(session: Session, messages: Collection[UUID]) -> None:
    """What cannot be remembered is not tried again."""
    still_open = update(Message).where(Message.id.in_(messages), Message.memory == "open")
    session.execute(still_open.values(memory="none"), execution_options={"synchronize_session": False})


def recollections(
    session: Session, user_id: UUID, companion_id: UUID, *, model: str, besides: Collection[UUID]
) -> list[tuple[Recollection, Vector]]:
    """What there is to compare with, the oldest first; `besides` are messages that are in the prompt anyway."""
    newest = (
        select(Memory.id, Memory.message_id, Memory.role, Memory.content, Memory.vector)
        .where(Memory.user_id == user_id, Memory.companion_id == companion_id, Memory.model == model)
        .order_by(Memory.created_at.desc(), Memory.id)
        .limit(MOST_COMPARED)
    )
    return [
        (Recollection(memory_id, Said(cast(Role, role), content)), unpack(vector))
        for memory_id, message_id, role, content, vector in session.execute(newest)
        if message_id not in besides
    ][::-1]


def remembered(
    question: Vector,
    candidates: Sequence[tuple[Recollection, Vector]],
    *,
    most: int,
    threshold: float,
    budget: int,
) -> list[Near[Recollection]]:
    """The nearest that fit into the budget of tokens."""
    near = nearest(question, candidates, most=most, threshold=threshold)
    return within(budget, ((each, tokens(each.item.said.content)) for each in near))
