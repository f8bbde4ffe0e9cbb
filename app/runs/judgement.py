"""Judgement: which decision counts for a change in a report, and how its run stands because of that."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.orm import Session

from acetate.change import Decision
from acetate.ruling import Sides, carries
from app.models import Change, Project, Report, Run, Sighting, now
from app.runs import store

__all__ = ["WAITING", "Moved", "judge", "settle", "sides_from", "sides_json"]

WAITING: Final = ("error", "warn")
"""Severities that wait for a decision."""


@dataclass(frozen=True)
class Moved:
    """A run that stands otherwise than before, when `waited` of its changes waited for a decision."""

    run: Run
    waited: int

    @property
    def begins_to_wait(self) -> bool:
        return self.run.waiting > 0 and not self.waited


def sides_json(sides: Mapping[str, Sides]) -> Any:
    """As what was on the screen is stored."""
    return {name: list(each) for name, each in sides.items()}


def sides_from(stored: Any) -> dict[str, Sides]:
    return {name: Sides(*each) for name, each in stored.items()}


def settle(session: Session, project: Project, scope: ColumnElement[bool]) -> set[UUID]:
    """Decide anew which decision counts for each sighting in scope; the runs for which another one does. Sightings with
    the same sides are alike, so few are looked at."""
    mine = Sighting.project == project.name
    rows = session.execute(
        select(Sighting.fingerprint, Sighting.sides, Sighting.said, Sighting.decision, Change)
        .join(Change, (Change.project == Sighting.project) & (Change.fingerprint == Sighting.fingerprint))
        .where(mine, scope)
        .distinct()
    ).all()
    ruled = {digest for _, sides, _, _, change in rows if change.sides for digest in (sides, change.sides)}
    screens = {digest: sides_from(held) for digest, held in store.read_json(session, project.name, ruled).items()}
    moved: dict[str | None, list[tuple[str, str, str]]] = {}
    for fingerprint, sides, said, before, change in rows:
        counts = _counting(project, change, screens, sides, said)
        if counts != before:
            moved.setdefault(counts, []).append((fingerprint, sides, said))
    touched: set[UUID] = set()
    alike = tuple_(Sighting.fingerprint, Sighting.sides, Sighting.said)
    for counts, those in moved.items():
        for some in store.chunks(those):
            wanted = (mine, scope, alike.in_(some))
            touched.update(session.scalars(select(Sighting.run_id).where(*wanted).distinct()))
            session.connection().execute(update(Sighting).where(*wanted).values(decision=counts))
    return touched


def _counting(
    project: Project, change: Change, screens: Mapping[str, Mapping[str, Sides]], sides: str, said: str
) -> str | None:
    """What was decided here, as long as it carries; else what the files say."""
    ruling = cast("Decision | None", change.decision)
    if ruling and change.sides and carries(change.kind, ruling, screens[change.sides], screens[sides]):
        return ruling
    if said == "proposed":
        return None if project.require_approval else "approved"
    return said or None


def judge(session: Session, runs: Collection[UUID]) -> list[Moved]:
    """Say of runs how they stand; those that stand otherwise than before."""
    moved: list[Moved] = []
    for some in store.chunks(sorted(runs)):
        waiting = _waiting(session, some)
        looked = _looked(session, some)
        # Whoever waited for the project's lock may have read a run before somebody else changed it.
        chosen = select(Run).where(Run.id.in_(some)).order_by(Run.id).execution_options(populate_existing=True)
        for run in session.scalars(chosen):
            counts = waiting[run.id]
            outcome = _outcome(counts, *looked[run.id])
            open_ones = sum(counts[severity, None] for severity in WAITING)
            if (outcome, open_ones) != (run.outcome, run.waiting):
                moved.append(Moved(run, run.waiting))
                run.outcome, run.waiting, run.updated_at = outcome, open_ones, now()
    session.flush()
    return moved


Counted = Counter[tuple[str, str | None]]


def _waiting(session: Session, runs: Iterable[UUID]) -> dict[UUID, Counted]:
    """How many changes of each run there are by severity and decision."""
    found: dict[UUID, Counted] = defaultdict(Counter)
    rows = session.execute(
        select(Sighting.run_id, Sighting.severity, Sighting.decision, func.count(func.distinct(Sighting.fingerprint)))
        .where(Sighting.run_id.in_(runs))
        .group_by(Sighting.run_id, Sighting.severity, Sighting.decision)
    )
    for run, severity, decision, number in rows:
        found[run][severity, decision] = number
    return found


def _looked(session: Session, runs: Iterable[UUID]) -> dict[UUID, tuple[bool, int]]:
    """Whether reports of each run have problems, and how much was examined."""
    found: dict[UUID, tuple[bool, int]] = defaultdict(lambda: (False, 0))
    for report in session.scalars(select(Report).where(Report.run_id.in_(runs))):
        problems, examined = found[report.run_id]
        found[report.run_id] = (problems or bool(report.problems), examined + report.counts.get("examined", 0))
    return found


def _outcome(counts: Counted, problems: bool, examined: int) -> str:
    """As `acetate.verdict.judged` has it."""
    if problems or not examined:
        return "unknown"
    if counts["error", None] or any(number for (_, decision), number in counts.items() if decision == "rejected"):
        return "failed"
    return "needs-review" if counts["warn", None] else "passed"
