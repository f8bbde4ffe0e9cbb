"""The inbox: everything that waits for a decision, and deciding several changes at once."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from fastapi import Form, Query
from starlette.responses import Response

from app.auth.sessions import Visit
from app.errors import Problem, Unprocessable
from app.models import Role
from app.reviews import service as reviews
from app.settings import Settings
from app.state import AppDatabase, AppSettings
from app.web.done import chosen as read_chosen
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
    settings: AppSettings,
    database: AppDatabase,
    done: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    with database.read() as session:
        found = find_done(session, done, visit.person) if done else None
    return _inbox(visit, way, settings, database, done=found)


@router.post("/decisions")
def decide(
    visit: ReviewerSender,
    way: WayHere,
    settings: AppSettings,
    database: AppDatabase,
    decision: Annotated[Literal["approved", "rejected", "undone", ""], Form()] = "",
    chosen: Annotated[list[str] | None, Form(max_length=10_000)] = None,
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """All or none of the selected changes; or what was decided together taken back together."""
    done = uuid4()
    try:
        if not decision:
            raise Unprocessable("decision-missing", "Enter decides nothing: approve or reject with a button.")
        wanted = sorted(_read(each) for each in chosen or [])
        if not wanted:
            raise Unprocessable("nothing-selected", "Select what you want to decide.")
        with database.write() as session:
            for run, same in groupby(wanted, key=lambda each: each[0]):
                named = [(fingerprint, state) for _, fingerprint, state in same]
                reviews.decide(
                    session, settings, visit.person, run, decision=decision, why=why, chosen=named, batch=done
                )
    except Problem as problem:
        kept = {"why": why, "ticked": frozenset(chosen or ())}
        return _inbox(visit, way, settings, database, status=problem.status, refused=problem.detail, **kept)
    return see("/" + way.query(done=done))


def _read(value: str) -> tuple[UUID, str, str]:
    try:
        return read_chosen(value)
    except ValueError:
        raise Unprocessable("selection-unreadable", "This form is not from the inbox. Load the page again.") from None


def _inbox(
    visit: Visit, way: Way, settings: Settings, database: AppDatabase, *, status: int = 200, **said: Any
) -> Response:
    with database.read() as session:
        everything = reviews.inbox(session)
    found = narrowed(everything, way, visit.person)
    own = {id(each) for each in found if reviews.is_own(settings, visit.person, each)}
    return page(
        "inbox.html",
        visit=visit,
        status=status,
        headers={"HX-Push-Url": "false"} if status != 200 else None,
        way=way,
        all=everything,
        found=found,
        filters=[(name, title, choices(everything, way, visit.person, name)) for name, title in FILTERS],
        severities=choices(everything, way, visit.person, "severity"),
        decides=visit.person.role.includes(Role.REVIEWER) and len(own) < len(found),
        is_own=lambda each: id(each) in own,
        **({"done": None, "refused": "", "why": "", "ticked": frozenset()} | said),
    )
