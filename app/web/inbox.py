"""The inbox: everything that waits for a decision, and deciding several changes at once."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Form, Query
from starlette.responses import Response

from app.auth.sessions import Visit
from app.errors import Problem, Unprocessable
from app.models import Role
from app.reviews import service as reviews
from app.state import AppDatabase, AppSettings
from app.web.done import find_done
from app.web.page import ReviewerSender, Visitor, page
from app.web.page_route import pages, see
from app.web.way import Way, WayHere, choices, narrowed

__all__ = ["router"]

router = pages()

FILTERS = (("project", "Project"), ("edge", "Edge"), ("provider", "Provider"), ("operation", "Operation"))


@router.get("/")
def show(
    visit: Visitor,
    way: WayHere,
    database: AppDatabase,
    done: Annotated[str, Query(max_length=100)] = "",
    decided: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    with database.read() as session:
        found = find_done(session, done, visit.person) if done else None
    return _inbox(visit, way, database, done=found, decided=decided)


@router.post("/decisions")
def decide(
    visit: ReviewerSender,
    way: WayHere,
    settings: AppSettings,
    database: AppDatabase,
    decision: Annotated[Literal["approved", "rejected"], Form()],
    chosen: Annotated[list[str] | None, Form(max_length=10_000)] = None,
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """All or none of the selected changes."""
    try:
        wanted = sorted(_chosen(each) for each in chosen or [])
        if not wanted:
            raise Unprocessable("nothing-selected", "Select what you want to decide.")
        with database.write() as session:
            for run, same in groupby(wanted, key=lambda each: each[0]):
                named = [(fingerprint, state) for _, fingerprint, state in same]
                reviews.decide(session, settings, visit.person, run, decision=decision, why=why, chosen=named)
    except Problem as problem:
        kept = {"why": why, "ticked": frozenset(chosen or ())}
        return _inbox(visit, way, database, status=problem.status, refused=problem.detail, **kept)
    return see("/" + way.query(decided=len(wanted)))


def _chosen(text: str) -> tuple[UUID, str, str]:
    run, _, rest = text.partition(" ")
    fingerprint, _, state = rest.partition(" ")
    try:
        return UUID(run), fingerprint, state
    except ValueError:
        raise Unprocessable("selection-unreadable", "This form is not from the inbox. Load the page again.") from None


def _inbox(visit: Visit, way: Way, database: AppDatabase, *, status: int = 200, **said: Any) -> Response:
    with database.read() as session:
        everything = reviews.inbox(session)
    return page(
        "inbox.html",
        visit=visit,
        status=status,
        headers={"HX-Push-Url": "false"} if status != 200 else None,
        way=way,
        all=everything,
        found=narrowed(everything, way, visit.person),
        filters=[(name, title, choices(everything, name)) for name, title in FILTERS],
        severities=choices(everything, "severity"),
        decides=visit.person.role.includes(Role.REVIEWER),
        **({"done": None, "decided": 0, "refused": "", "why": "", "ticked": frozenset()} | said),
    )
