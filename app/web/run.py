"""Runs: what CI pushed, and one of them with its changes, its problems and its reports."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from app.models import Report
from app.paging import Offset
from app.reviews import service as reviews
from app.reviews.reviewed import Reviewed
from app.runs import service as runs
from app.state import AppDatabase
from app.web.done import find_done
from app.web.page import Visitor, page
from app.web.page_route import pages
from app.web.way import WayHere, choices, narrowed

__all__ = ["router"]

router = pages()

ON_A_PAGE = 50
COUNTS = ("cassettes", "exchanges", "examined", "replayed", "live", "missed")
STANDINGS = ("waiting", "rejected", "approved", "harmless")


@router.get("/runs")
def show_all(
    visit: Visitor,
    database: AppDatabase,
    project: Annotated[str, Query(max_length=300)] = "",
    branch: Annotated[str, Query(max_length=300)] = "",
    offset: Offset = 0,
) -> Response:
    with database.read() as session:
        found, total = runs.list_runs(
            session, project=project or None, branch=branch or None, limit=ON_A_PAGE, offset=offset
        )
        projects = [each.name for each in runs.list_projects(session)]
    return page(
        "runs.html",
        visit=visit,
        found=found,
        total=total,
        offset=offset,
        limit=ON_A_PAGE,
        projects=projects,
        project=project,
        branch=branch,
    )


@router.get("/runs/{run_id}")
def show(
    run_id: UUID,
    visit: Visitor,
    way: WayHere,
    database: AppDatabase,
    done: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    with database.read() as session:
        run = runs.find_run(session, run_id)
        everything = reviews.changes(session, run_id)
        reports = runs.reports_of(session, run_id)
        totals = _totals(reports)
        found_done = find_done(session, done, visit.person) if done else None
        newer = [] if run.current else runs.list_runs(session, project=run.project, branch=run.branch, limit=1)[0]
    found = narrowed(everything, way, visit.person)
    groups = {name: [each for each in found if standing(each) == name] for name in STANDINGS}
    return page(
        "run.html",
        visit=visit,
        run=run,
        way=way,
        all=everything,
        groups=groups,
        severities=choices(everything, way, visit.person, "severity"),
        hidden=len(everything) - len(found),
        reports=reports,
        totals=totals,
        problems=[(each.job, problem) for each in reports for problem in each.problems],
        newer=newer[0] if newer and newer[0].id != run.id else None,
        done=found_done,
    )


def _totals(reports: Iterable[Report]) -> dict[str, int]:
    """Of all reports together. Jobs that brought the same snapshots looked at the same exchanges, which count once."""
    same: dict[str, list[dict[str, int]]] = {}
    for each in reports:
        same.setdefault(json.dumps(each.snapshots, sort_keys=True), []).append(each.counts)
    return {name: sum(max(int(counts.get(name, 0)) for counts in alike) for alike in same.values()) for name in COUNTS}


def standing(each: Reviewed) -> str:
    """Under which heading a change is listed."""
    if each.needs_decision:
        return "waiting"
    return each.change.decision or "harmless"
