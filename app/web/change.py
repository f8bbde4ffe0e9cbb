"""One change: what is approved beside what was seen, how often, since when and where; and deciding it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import Form, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from acetate.change import Change, Occurrence
from app.auth.sessions import Visit
from app.errors import NotFound, Problem
from app.models import Role
from app.reviews import service as reviews
from app.reviews.reviewed import Reviewed
from app.settings import Settings
from app.state import AppDatabase, AppSettings
from app.web.done import find_done
from app.web.exchange_diff import Part, document_parts, entry_parts, focus_of
from app.web.page import ReviewerSender, Visitor, page
from app.web.page_route import pages, see
from app.web.way import Spot, Way, WayHere, narrowed, spot

__all__ = ["router"]

router = pages()

MOST_PLACES = 200
MOST_DECISIONS = 50


@router.get("/runs/{run_id}/changes/{fingerprint}")
def show(
    run_id: UUID,
    fingerprint: str,
    visit: Visitor,
    way: WayHere,
    settings: AppSettings,
    database: AppDatabase,
    at: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    done: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    return _change(visit, way, settings, database, run_id, fingerprint, at=at, done=done)


@router.post("/runs/{run_id}/changes/{fingerprint}/decision")
def decide(
    run_id: UUID,
    fingerprint: str,
    visit: ReviewerSender,
    way: WayHere,
    settings: AppSettings,
    database: AppDatabase,
    decision: Annotated[Literal["approved", "rejected", "undone"], Form()],
    state: Annotated[str, Form(max_length=500)],
    why: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """On to the next change that waits, or back to the one whose decision was taken back."""
    with database.read() as session:
        following = _spot(session, visit, way, run_id, fingerprint).next_open
    done, chosen = uuid4(), [(fingerprint, state)]
    try:
        with database.write() as session:
            reviews.decide(
                session, settings, visit.person, run_id, decision=decision, why=why, chosen=chosen, batch=done
            )
    except NotFound:
        raise
    except Problem as problem:
        return _change(visit, way, settings, database, run_id, fingerprint, problem=problem, why=why)
    if decision == "undone":
        return see(f"/runs/{run_id}/changes/{fingerprint}{way.query(done=done)}")
    if following is None:
        home = "/" if way.through == "inbox" else f"/runs/{run_id}"
        return see(home + way.query(through="", done=done))
    return see(f"/runs/{following.run.id}/changes/{following.change.fingerprint}{way.query(done=done)}")


def _spot(session: Session, visit: Visit, way: Way, run: UUID, fingerprint: str) -> Spot:
    listed = reviews.inbox(session) if way.through == "inbox" else reviews.changes(session, run)
    return spot(narrowed(listed, way, visit.person), run, fingerprint)


def _change(
    visit: Visit,
    way: Way,
    settings: Settings,
    database: AppDatabase,
    run: UUID,
    fingerprint: str,
    *,
    at: int = 0,
    done: str = "",
    problem: Problem | None = None,
    why: str = "",
) -> Response:
    with database.read() as session:
        reviewed = reviews.change(session, run, fingerprint)
        change = reviewed.change
        places = change.occurrences
        place = places[min(at, len(places) - 1)] if places else None
        values: dict[str, Any] = {
            "spot": _spot(session, visit, way, run, change.fingerprint),
            "done": find_done(session, done, visit.person) if done else None,
            "parts": _parts(session, run, change, place) if place else [],
        }
        values["listed"], _ = reviews.history(
            session, project=reviewed.run.project, fingerprint=change.fingerprint, limit=MOST_DECISIONS
        )
        values["gone"] = reviews.taken_back(session, values["listed"])
    return page(
        "change.html",
        visit=visit,
        status=problem.status if problem else 200,
        headers={"HX-Push-Url": "false"} if problem else None,
        way=way,
        reviewed=reviewed,
        places=list(enumerate(places[:MOST_PLACES])),
        hidden=max(0, len(places) - MOST_PLACES),
        tests=_tests(places),
        shown_place=place,
        at=at,
        barred=_barred(visit, settings, reviewed),
        problem=problem,
        why=why,
        field_query=_field_query(reviewed),
        **values,
    )


def _parts(session: Session, run: UUID, change: Change, place: Occurrence) -> list[Part]:
    """The differences at one occurrence; none where the run did not bring its files."""
    try:
        if place.cassette.endswith(".json"):
            return document_parts(*reviews.document(session, run, place.cassette), focus_of(change))
        shown = reviews.exchange(session, run, place.cassette, place.exchange, kind=change.kind)
    except NotFound:
        return []
    return entry_parts(shown.approved, shown.now, focus_of(change))


def _tests(places: Sequence[Occurrence]) -> int:
    return len({each.test for each in places if each.test})


def _barred(visit: Visit, settings: Settings, reviewed: Reviewed) -> str | None:
    """Why this visitor may not decide."""
    if not visit.person.role.includes(Role.REVIEWER):
        return f"Deciding takes the role reviewer; yours is {visit.person.role}."
    if reviews.is_own(settings, visit.person, reviewed):
        return "You are the author of this change: somebody else decides it."
    return None


def _field_query(reviewed: Reviewed) -> str:
    change = reviewed.change
    return urlencode(
        {
            "project": reviewed.run.project,
            "provider": change.provider,
            "operation": change.operation,
            "status": change.status,
            "stream": int(change.stream),
            "path": change.path,
        }
    )
