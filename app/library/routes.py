"""Browsing what is approved. Names may hold slashes, so they are asked for in the query."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from app.auth.access import CurrentPerson
from app.errors import problems
from app.library import service
from app.library.schemas import ContractOut, EntryOut, FieldHistoryOut, ShelfOut
from app.state import AppDatabase

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/library", tags=["library"], responses=problems(401, 404))

Project = Annotated[str, Query(min_length=1, max_length=200)]
Name = Annotated[str, Query(min_length=1, max_length=1000)]


@router.get("")
def shelf(project: Project, _: CurrentPerson, database: AppDatabase) -> ShelfOut:
    """Operations with their contracts, and the names of all snapshots."""
    with database.read() as session:
        return ShelfOut.of(service.shelf(session, project))


@router.get("/contract")
def contract(project: Project, path: Name, _: CurrentPerson, database: AppDatabase) -> ContractOut:
    """One approved contract, field by field."""
    with database.read() as session:
        found = service.contract(session, project, path)
    fields = service.fields_of(found)
    return ContractOut.model_validate({"document": found.document, "fields": fields}, from_attributes=True)


@router.get("/snapshot")
def snapshot(project: Project, name: Name, _: CurrentPerson, database: AppDatabase) -> list[EntryOut]:
    """The approved, masked exchanges of one cassette or test."""
    with database.read() as session:
        return [EntryOut.of(each) for each in service.snapshot(session, project, name)]


@router.get("/field")
def field(
    project: Project,
    provider: Name,
    operation: Name,
    status: Annotated[int, Query(ge=0, le=999)],
    path: Name,
    _: CurrentPerson,
    database: AppDatabase,
    stream: bool = False,
) -> FieldHistoryOut:
    """The history of a field."""
    with database.read() as session:
        return FieldHistoryOut.of(
            service.field_history(
                session, project, provider=provider, operation=operation, status=status, stream=stream, path=path
            )
        )
