"""Who may be talked to. Every function answers for one user: what is another's is not there."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid5

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.companion.companions.schemas import CompanionChange, CompanionIn, CompanionOut
from app.database import lock
from app.errors import Conflict, NotFound, Unprocessable
from app.models import Companion, Conversation, now
from app.paging import Page

__all__ = ["change", "companion", "create", "delete", "first_companion", "listing", "show"]

FIRST = "the companion of the first use"
FIRST_NAME = "Companion"
FIRST_PROMPT = "You are a friendly companion. Answer briefly."


def listing(session: Session, user_id: UUID, *, limit: int, offset: int) -> Page[CompanionOut]:
    """The oldest first."""
    mine = select(Companion).where(Companion.user_id == user_id)
    total = session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    rows = session.scalars(mine.order_by(Companion.created_at, Companion.id).limit(limit).offset(offset))
    return Page(items=[CompanionOut.model_validate(row) for row in rows], total=total)


def create(session: Session, user_id: UUID, wanted: CompanionIn, *, model: str, tools: Collection[str]) -> CompanionOut:
    """`model` where none is named; `tools` are those there are."""
    known(wanted.tools, tools)
    row = Companion(user_id=user_id, **wanted.model_dump(exclude={"model"}), model=wanted.model or model)
    session.add(row)
    session.flush()
    return CompanionOut.model_validate(row)


def show(session: Session, user_id: UUID, companion_id: UUID) -> CompanionOut:
    return CompanionOut.model_validate(companion(session, user_id, companion_id))


def change(
    session: Session, user_id: UUID, companion_id: UUID, wanted: CompanionChange, *, tools: Collection[str]
) -> CompanionOut:
    known(wanted.tools, tools)
    row = companion(session, user_id, companion_id, change=True)
    for name, value in wanted.model_dump(exclude_unset=True).items():
        setattr(row, name, value)
    row.updated_at = now()
    session.flush()
    return CompanionOut.model_validate(row)


def delete(session: Session, user_id: UUID, companion_id: UUID) -> None:
    """With all that it remembers. Refused while there are conversations with it."""
    row = companion(session, user_id, companion_id, change=True)
    if session.scalar(select(exists().where(Conversation.companion_id == companion_id))):
        raise Conflict("companion-in-use", "There are conversations with this companion: delete them first.")
    session.delete(row)


def companion(session: Session, user_id: UUID, companion_id: UUID, *, change: bool = False) -> Companion:
    """With `change` nobody else can change or delete it until the session ends."""
    query = select(Companion).where(Companion.id == companion_id, Companion.user_id == user_id)
    row = session.scalar(query.with_for_update() if change else query)
    if row is None:
        raise NotFound("There is no such companion.", code="companion-not-found")
    return row


def first_companion(session: Session, user_id: UUID, *, model: str) -> Companion:
    """The oldest that somebody has, which nobody else can delete until the session ends; one is made for those who have
    none, the same for every chat that begins so."""
    oldest = (
        select(Companion)
        .where(Companion.user_id == user_id)
        .order_by(Companion.created_at, Companion.id)
        .limit(1)
        .with_for_update()
    )
    row = session.scalar(oldest)
    if row is None:
        companion_id = uuid5(user_id, FIRST)
        lock(session, str(companion_id))
        row = session.get(Companion, companion_id)
    if row is None:
        row = Companion(
            id=companion_id,
            user_id=user_id,
            name=FIRST_NAME,
            system_prompt=FIRST_PROMPT,
            model=model,
            tools=[],
            remembers=True,
        )
        session.add(row)
        session.flush()
    return row


def known(wanted: Collection[str], tools: Collection[str]) -> None:
    strangers = [name for name in wanted if name not in tools]
    if strangers:
        raise Unprocessable("unknown-tool", f"There are these tools: {', '.join(sorted(tools)) or 'none'}.")
