"""History: every decision that was ever made, who made it and why."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from app.paging import Offset
from app.reviews import service as reviews
from app.runs import service as runs
from app.state import AppDatabase
from app.web.page import Visitor, page
from app.web.page_route import pages

__all__ = ["router"]

router = pages()

ON_A_PAGE = 50


@router.get("/history")
def show(
    visit: Visitor,
    database: AppDatabase,
    project: Annotated[str, Query(max_length=300)] = "",
    offset: Offset = 0,
) -> Response:
    with database.read() as session:
        found, total = reviews.history(session, project=project or None, limit=ON_A_PAGE, offset=offset)
        gone = reviews.taken_back(session, found)
        projects = [each.name for each in runs.list_projects(session)]
        changes = {
            (name, fingerprint): change
            for name in {each.project for each in found}
            for fingerprint, change in reviews.changes_named(
                session, name, {each.fingerprint for each in found if each.project == name}
            ).items()
        }
    return page(
        "history.html",
        visit=visit,
        found=[(each, changes[each.project, each.fingerprint]) for each in found],
        gone=gone,
        total=total,
        offset=offset,
        limit=ON_A_PAGE,
        projects=projects,
        project=project,
    )
