"""The library: what is approved in a project, operation by operation, down to the history of one field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from starlette.responses import Response

from acetate.snapshot import Entry
from app.errors import NotFound
from app.library import service
from app.models import Change, Decision, now
from app.reviews import service as reviews
from app.reviews.reviewed import as_seen
from app.runs import service as runs
from app.state import AppDatabase
from app.web.exchange_diff import sides_of
from app.web.json_lines import Place, lines
from app.web.page import Visitor, page
from app.web.page_route import pages
from app.web.timeline import HEIGHT, WIDTH, timeline
from app.web.wording import shown_sides

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


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A change of a field, its values in few words, and what was decided on it, newest first."""

    change: Change
    sides: tuple[str, str] | None
    decisions: tuple[Decision, ...]


def _sides(known: Change) -> tuple[str, str] | None:
    return shown_sides(as_seen(known))


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
        known = [
            FieldChange(each.change, _sides(each.change), tuple(reversed(each.decisions)))
            for each in reversed(history.changes)
        ]
        runs_of = reviews.newest_runs(session, project, [each.change.fingerprint for each in history.changes])
        gone = reviews.taken_back(session, [one for each in history.changes for one in each.decisions])
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
        known=known,
        runs_of=runs_of,
        gone=gone,
        picture=timeline(history, now()),
        width=WIDTH,
        height=HEIGHT,
    )
