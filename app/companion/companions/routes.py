"""Companions: personas to talk to."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from app.auth.access import CurrentPerson
from app.companion.companions import service
from app.companion.companions.schemas import CompanionChange, CompanionIn, CompanionOut
from app.companion.rate import ordinary
from app.companion.room import CompanionRoom
from app.errors import problems
from app.paging import Limit, Offset, Page
from app.state import AppDatabase, AppSettings

__all__ = ["router"]

router = APIRouter(
    prefix="/api/v1/companions", tags=["companions"], responses=problems(401, 429), dependencies=[ordinary]
)


@router.get("/")
def list_companions(
    person: CurrentPerson, database: AppDatabase, limit: Limit = 50, offset: Offset = 0
) -> Page[CompanionOut]:
    """One's own, the oldest first."""
    with database.read() as session:
        return service.listing(session, person.id, limit=limit, offset=offset)


@router.post("/", status_code=201)
def create_companion(
    wanted: CompanionIn, person: CurrentPerson, database: AppDatabase, settings: AppSettings, room: CompanionRoom
) -> CompanionOut:
    """A persona with a name, a system prompt, a model and the tools that it may call."""
    return database.write_again(
        lambda session: service.create(
            session, person.id, wanted, model=settings.companion_model, tools=room.plugins.tools.keys()
        )
    )


@router.get("/{companion_id}", responses=problems(404))
def get_companion(companion_id: UUID, person: CurrentPerson, database: AppDatabase) -> CompanionOut:
    """One companion."""
    with database.read() as session:
        return service.show(session, person.id, companion_id)


@router.patch("/{companion_id}", responses=problems(404))
def change_companion(
    companion_id: UUID, wanted: CompanionChange, person: CurrentPerson, database: AppDatabase, room: CompanionRoom
) -> CompanionOut:
    """What is left out stays as it is. Conversations that go on use the companion as it is then."""
    return database.write_again(
        lambda session: service.change(session, person.id, companion_id, wanted, tools=room.plugins.tools.keys())
    )


@router.delete("/{companion_id}", status_code=204, responses=problems(404, 409))
def delete_companion(companion_id: UUID, person: CurrentPerson, database: AppDatabase) -> None:
    """With all that it remembers. Refused while there are conversations with it."""
    database.write_again(lambda session: service.delete(session, person.id, companion_id))
