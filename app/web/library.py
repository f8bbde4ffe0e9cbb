"""The library: what is approved in a project, operation by operation, down to the history of one field."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from starlette.responses import Response

from acetate.snapshot import Entry
from app.errors import NotFound
from app.library import service
from app.models import now
from app.runs import service as runs
from app.state import AppDatabase
from app.web.exchange_diff import sides_of
from app.web.json_lines import Place, lines
from app.web.page import Visitor, page
from app.web.page_route import pages
from app.web.timeline import HEIGHT, WIDTH, timeline

__all__ = ["router"]

router = pages()

MOST_LINES = 4000
Name = Annotated[str, Query(max_length=1000)]


@router.get("/library")
def shelf(visit: Visitor, database: AppDatabase, project: Name = "") -> Response:
    with database.read() as session:
        projects = [each.name for each in runs.list_projects(session)]
        chosen = project or (projects[0] if projects else "")
        try:
            found = service.shelf(session, chosen) if chosen else None
        except NotFound:
            found = None
    return page("library.html", visit=visit, projects=projects, project=chosen, shelf=found)


@router.get("/library/contract")
def contract(visit: Visitor, database: AppDatabase, project: Name, path: Name) -> Response:
    with database.read() as session:
        found = service.contract(session, project, path)
    operation = service.operation_of(path, found)
    return page(
        "contract.html",
        visit=visit,
        project=project,
        path=path,
        operation=operation,
        fields=service.fields_of(found),
        address=lambda each: _field_address(project, operation, each) if operation else "",
        lines=list(lines(found.document, Place("$")))[:MOST_LINES],
    )


def _field_address(project: str, operation: service.Operation, path: str) -> str:
    named = {
        "project": project,
        "provider": operation.provider,
        "operation": operation.name,
        "status": operation.status,
        "stream": int(operation.stream),
        "path": path,
    }
    return f"/library/field?{urlencode(named)}"


@router.get("/library/snapshot")
def snapshot(visit: Visitor, database: AppDatabase, project: Name, name: Name) -> Response:
    with database.read() as session:
        found = service.snapshot(session, project, name)
    return page("snapshot.html", visit=visit, project=project, name=name, entries=[_shown(each) for each in found])


def _shown(entry: Entry) -> tuple[Entry, list[tuple[str, object]]]:
    """An entry, and each of its parts as lines."""
    return entry, [(title, list(lines(value, place))[:MOST_LINES]) for title, place, value in sides_of(entry)]


@router.get("/library/field")
def field(
    visit: Visitor,
    database: AppDatabase,
    project: Name,
    provider: Name,
    operation: Name,
    status: Annotated[int, Query(ge=0, le=999)],
    path: Name,
    stream: bool = False,
) -> Response:
    with database.read() as session:
        history = service.field_history(
            session, project, provider=provider, operation=operation, status=status, stream=stream, path=path
        )
    return page(
        "field.html",
        visit=visit,
        project=project,
        provider=provider,
        operation=operation,
        answered=status,
        stream=stream,
        path=path,
        history=history,
        picture=timeline(history, now()),
        width=WIDTH,
        height=HEIGHT,
    )
