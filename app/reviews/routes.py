"""What reviewers look at and decide; and what a check asks about it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.auth.access import Caller, CurrentPerson, Reviewer
from app.auth.person import CiJob
from app.errors import NotFound, problems
from app.paging import Limit, Offset, Page
from app.reviews import service
from app.reviews.schemas import ChangeOut, ChangeWithPlaces, DecisionOut, DecisionsIn, RulingOut, RulingsOut
from app.runs.schemas import Name
from app.state import AppDatabase, AppSettings

__all__ = ["router"]

runs = APIRouter(prefix="/api/v1/runs", tags=["reviews"], responses=problems(401, 403, 404))
inbox = APIRouter(prefix="/api/v1/inbox", tags=["reviews"], responses=problems(401, 403))
history = APIRouter(prefix="/api/v1/history", tags=["reviews"], responses=problems(401, 403))
decisions = APIRouter(prefix="/api/v1/decisions", tags=["reviews"], responses=problems(401, 403))

MOST_ASKED = 200


@inbox.get("")
def waiting(_: CurrentPerson, database: AppDatabase, project: Name | None = None) -> list[ChangeOut]:
    """What waits for a decision in the newest run of any branch or pull request, worst first."""
    with database.read() as session:
        return [ChangeOut.of(each) for each in service.inbox(session, project=project)]


@runs.get("/{run_id}/changes")
def changes(run_id: UUID, _: CurrentPerson, database: AppDatabase) -> list[ChangeOut]:
    """The changes of a run, worst first."""
    with database.read() as session:
        return [ChangeOut.of(each) for each in service.changes(session, run_id)]


@runs.get("/{run_id}/changes/{fingerprint}")
def change(run_id: UUID, fingerprint: str, _: CurrentPerson, database: AppDatabase) -> ChangeWithPlaces:
    """One change of a run and all its places; any unique start of its fingerprint will do."""
    with database.read() as session:
        return ChangeWithPlaces.of(service.change(session, run_id, fingerprint))


@runs.post("/{run_id}/decisions", responses=problems(409))
def decide(
    run_id: UUID, said: DecisionsIn, person: Reviewer, settings: AppSettings, database: AppDatabase
) -> list[ChangeOut]:
    """Approve, reject, or take a decision back: for one change or many, all of them or none. A change that has moved on
    since it was looked at is a 409 with the newer state."""
    chosen = [(each.fingerprint, each.state) for each in said.changes]
    with database.write() as session:
        decided = service.decide(session, settings, person, run_id, decision=said.decision, why=said.why, chosen=chosen)
        return [ChangeOut.of(each) for each in decided]


@history.get("")
def made(
    _: CurrentPerson,
    database: AppDatabase,
    project: Name | None = None,
    fingerprint: Annotated[str | None, Query(max_length=16)] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Page[DecisionOut]:
    """Every decision that was ever made, also those that were taken back; the newest first."""
    with database.read() as session:
        found, total = service.history(session, project=project, fingerprint=fingerprint, limit=limit, offset=offset)
        return Page(items=[DecisionOut.of(each) for each in found], total=total)


@decisions.get("", responses=problems(404))
def rulings(
    project: Name,
    of: Annotated[str, Query(max_length=17 * MOST_ASKED, description="Fingerprints, separated by commas")],
    caller: Caller,
    database: AppDatabase,
) -> RulingsOut:
    """The decisions that stand on some changes, for `acetate check --service` and `acetate pull`."""
    if isinstance(caller, CiJob) and caller.project != project:
        raise NotFound("There is no such project.")
    asked = [each for each in of.split(",") if each][:MOST_ASKED]
    with database.read() as session:
        require_approval, found = service.rulings(session, project, asked)
    return RulingsOut(
        project=project, require_approval=require_approval, decisions=[RulingOut.of(each) for each in found]
    )


router = APIRouter()
for room in (inbox, runs, history, decisions):
    router.include_router(room)
