"""What companions remember, to be looked at and forgotten."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.auth.access import CurrentPerson
from app.companion.memory import service
from app.companion.memory.schemas import Forgotten, MemoryOut
from app.companion.rate import ordinary
from app.errors import problems
from app.paging import Limit, Offset, Page
from app.state import AppDatabase

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/memories", tags=["memory"], responses=problems(401, 429), dependencies=[ordinary])

OfCompanion = Annotated[UUID | None, Query(description="Only what this companion remembers")]


@router.get("/")
def list_memories(
    person: CurrentPerson,
    database: AppDatabase,
    companion_id: OfCompanion = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[MemoryOut]:
    """What is remembered, the newest first."""
    with database.read() as session:
        return service.listing(session, person.id, companion_id=companion_id, limit=limit, offset=offset)


@router.delete("/")
def forget_memories(person: CurrentPerson, database: AppDatabase, companion_id: OfCompanion = None) -> Forgotten:
    """All that is remembered, or all that one companion remembers."""
    return Forgotten(count=database.write_again(lambda session: service.forget_all(session, person.id, companion_id)))


@router.delete("/{memory_id}", status_code=204, responses=problems(404))
def forget_memory(memory_id: UUID, person: CurrentPerson, database: AppDatabase) -> None:
    """One memory. The message stays in its conversation and is not remembered again."""
    database.write_again(lambda session: service.forget(session, person.id, memory_id))
