"""Runs: what CI jobs and developers push, one run for each commit of a project."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

import structlog
from sqlalchemy import Select, func, insert, select, true, update
from sqlalchemy.orm import Session

from acetate.ruling import places
from acetate.verdict import Context
from app.database import Database, lock
from app.errors import NotFound, Unprocessable
from app.models import Change, Project, Report, Run, Sighting, now
from app.runs import outbox, store
from app.runs.arrival import Arrival, Seen
from app.runs.judgement import Moved, judge, settle

__all__ = [
    "change_project",
    "find_project",
    "find_run",
    "hold",
    "list_projects",
    "list_runs",
    "missing",
    "receive",
    "reports_of",
    "run_of_commit",
    "spread_news",
]

MISSING_SHOWN = 100

log = structlog.get_logger("acetate.runs")


def hold(session: Session, project: str) -> None:
    """One writer of a project's runs and decisions at a time."""
    lock(session, f"project {project}")


def missing(session: Session, project: str, digests: Iterable[str]) -> list[str]:
    """Those of these files that have to be sent."""
    wanted = set(digests)
    return sorted(wanted - store.known(session, project, wanted))


def receive(database: Database, arrival: Arrival) -> tuple[Run, bool]:
    """The run that a bundle belongs to, and whether the bundle was news. A report of the same job and commit is
    replaced by a later one and not by an earlier one; the same once more changes nothing."""
    seen = arrival.seen
    with database.write() as session:
        hold(session, arrival.bundle.project)
        project = _project(session, arrival.bundle.project)
        _keep_files(session, arrival, seen)
        run = _run(session, arrival)
        known = session.scalar(select(Report).where(Report.run_id == run.id, Report.job == arrival.bundle.job))
        if known and (known.digest == arrival.digest or known.made_at > arrival.bundle.at):
            return run, False
        if known:
            session.delete(known)
            session.flush()
        report = _report(arrival, run)
        session.add(report)
        session.flush()
        _note_changes(session, run, seen)
        _note_sightings(session, arrival, run, report)
        settle(session, project, Sighting.report_id == report.id)
        moved = judge(session, [run.id])
        run.updated_at = now()
        spread_news(session, project, moved)
    log.info("run received", project=project.name, run=str(run.id), changes=len(seen), outcome=run.outcome)
    return run, True


def spread_news(session: Session, project: Project, moved: Iterable[Moved]) -> None:
    """Tell GitHub of runs that stand otherwise than before, and webhooks of those that begin to wait. Nobody is called
    to a run that a newer one has replaced."""
    for each in moved:
        outbox.report_status(session, project, each.run)
        if each.begins_to_wait and each.run.current:
            outbox.announce(session, each.run, "run.needs-review")


# Reading


def find_run(session: Session, id: UUID) -> Run:
    run = session.get(Run, id)
    if run is None:
        raise NotFound("There is no such run.")
    return run


def run_of_commit(session: Session, project: str, commit: str) -> Run:
    run = session.scalar(select(Run).where(Run.project == project, Run.key == commit))
    if run is None:
        raise NotFound("There is no run of that commit.")
    return run


def list_runs(
    session: Session,
    *,
    project: str | None = None,
    commit: str | None = None,
    branch: str | None = None,
    current: bool | None = None,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[Run], int]:
    """The newest first, and how many there are in all."""
    asked = {Run.project: project, Run.commit: commit, Run.branch: branch, Run.current: current}
    wanted = [column == value for column, value in asked.items() if value is not None]
    total = session.scalar(select(func.count()).select_from(Run).where(true(), *wanted)) or 0
    chosen = select(Run).where(true(), *wanted).order_by(Run.created_at.desc(), Run.id)
    return list(session.scalars(chosen.limit(limit).offset(offset))), total


def reports_of(session: Session, run_id: UUID) -> list[Report]:
    return list(session.scalars(select(Report).where(Report.run_id == run_id).order_by(Report.job)))


# Projects


def list_projects(session: Session) -> list[Project]:
    return list(session.scalars(select(Project).order_by(Project.name)))


def find_project(session: Session, name: str) -> Project:
    project = session.get(Project, name)
    if project is None:
        raise NotFound("There is no such project.")
    return project


def change_project(
    session: Session, name: str, *, require_approval: bool | None = None, repository: str | None = None
) -> Project:
    """What was proposed in pull requests waits for a second person from now on, or no longer."""
    hold(session, name)
    project = find_project(session, name)
    if repository is not None:
        project.repository = repository or None
    if require_approval is not None and require_approval != project.require_approval:
        project.require_approval = require_approval
        touched = settle(session, project, Sighting.said == "proposed")
        spread_news(session, project, judge(session, touched))
    return project


# Receiving, step by step


def _project(session: Session, name: str) -> Project:
    project = session.get(Project, name)
    if project is None:
        project = Project(name=name, require_approval=False)
        session.add(project)
        session.flush()
    return project


def _keep_files(session: Session, arrival: Arrival, seen: Iterable[Seen]) -> None:
    name = arrival.bundle.project
    store.put(session, name, [*arrival.files, *(each.sides for each in seen)])
    absent = missing(session, name, arrival.digests)
    if absent:
        raise Unprocessable(
            "files-missing",
            f"The contents of {len(absent)} files are not here and were not sent.",
            missing=absent[:MISSING_SHOWN],
        )


def _run(session: Session, arrival: Arrival) -> Run:
    """That of the commit; made with its first report, and then the current one of its branch or pull request."""
    context, project = arrival.verdict.context, arrival.bundle.project
    key = context.commit or f"report {arrival.digest}"
    run = session.scalar(select(Run).where(Run.project == project, Run.key == key))
    if run is None:
        line = _line(context, key)
        session.execute(update(Run).where(Run.project == project, Run.line == line).values(current=False))
        run = Run(
            project=project, key=key, line=line, current=True, outcome="unknown", waiting=0, commit=context.commit
        )
        session.add(run)
    for name in ("branch", "base", "pull_request", "author"):
        if getattr(run, name) is None:
            setattr(run, name, getattr(context, name))
    session.flush()
    return run


def _line(context: Context, key: str) -> str:
    if context.pull_request:
        return f"pull request {context.pull_request}"
    return f"branch {context.branch}" if context.branch else key


def _report(arrival: Arrival, run: Run) -> Report:
    bundle, verdict = arrival.bundle, arrival.verdict
    said = bundle.model_dump(mode="json", include={"contracts", "snapshots"})
    counts, problems = (bundle.report[name] for name in ("counts", "problems"))
    return Report(
        run_id=run.id,
        job=bundle.job,
        digest=arrival.digest,
        made_at=bundle.at,
        against=bundle.against,
        acetate=verdict.context.acetate,
        ci_url=verdict.context.ci_url,
        counts=counts,
        problems=problems,
        **said,
    )


def _note_changes(session: Session, run: Run, seen: Collection[Seen]) -> None:
    """What is new gets its row; of what is known only the time moves."""
    fingerprints = sorted(each.change.fingerprint for each in seen)
    known: set[str] = set()
    for some in store.chunks(fingerprints):
        mine = (Change.project == run.project) & Change.fingerprint.in_(some)
        known.update(session.scalars(select(Change.fingerprint).where(mine)))
        session.execute(update(Change).where(mine).values(last_seen_at=now()), execution_options=_UNSYNCHRONIZED)
    rows = [
        {
            "project": run.project,
            **{name: getattr(each.change, name) for name in _IDENTITY},
            "values": {side: each.written[side] for side in ("before", "after") if side in each.written},
            "first_seen_at": now(),
            "last_seen_at": now(),
            "version": 0,
        }
        for each in seen
        if each.change.fingerprint not in known
    ]
    if rows:
        session.execute(insert(Change), rows)


_IDENTITY = ("fingerprint", "kind", "edge", "provider", "operation", "status", "stream", "path")
_UNSYNCHRONIZED = {"synchronize_session": False}


def _note_sightings(session: Session, arrival: Arrival, run: Run, report: Report) -> None:
    authors = _authors(session, run, sorted(each.change.fingerprint for each in arrival.seen))
    owners = arrival.bundle.owners
    rows = [
        {
            "report_id": report.id,
            "run_id": run.id,
            "project": run.project,
            "fingerprint": each.change.fingerprint,
            "position": position,
            "severity": each.change.severity,
            "evidence": each.written["evidence"],
            "seen": len(each.change.occurrences),
            "occurrences": each.written["occurrences"],
            "author": authors.get(each.change.fingerprint, run.author),
            "owners": sorted({owner for name in places(each.change) for owner in owners.get(name, ())}),
            "sides": each.sides.digest,
            "said": _said(each, report),
            "decision": None,
        }
        for position, each in enumerate(arrival.seen)
    ]
    if rows:
        session.execute(insert(Sighting), rows)


def _authors(session: Session, run: Run, fingerprints: list[str]) -> dict[str, str | None]:
    """Who showed each change first: in what the branch or pull request stood for before this run, whoever pushes to it
    now, or in the oldest current run of another."""
    found: dict[str, str | None] = {}
    others = (Run.current & (Run.id != run.id)) | Sighting.report_id.in_(_before(run))
    for some in store.chunks(fingerprints):
        rows = session.execute(
            select(Sighting.fingerprint, Sighting.author)
            .join(Run, Run.id == Sighting.run_id)
            .where(Sighting.project == run.project, Sighting.fingerprint.in_(some), others)
            .order_by(Run.created_at.desc())
        )
        found.update((fingerprint, author) for fingerprint, author in rows)
    return found


def _before(run: Run) -> Select[tuple[UUID]]:
    """The newest earlier report of each job of the run's branch or pull request. Not only those of the run before: a
    job that was cancelled there has not seen that a change is gone."""
    age = func.row_number().over(partition_by=Report.job, order_by=Run.created_at.desc()).label("age")
    earlier = (
        select(Report.id, age)
        .join(Run, Run.id == Report.run_id)
        .where(Run.project == run.project, Run.line == run.line, Run.created_at < run.created_at)
        .subquery()
    )
    return select(earlier.c.id).where(earlier.c.age == 1)


def _said(seen: Seen, report: Report) -> str:
    """What the files say of a change. What a pull request approves itself is its author's word."""
    decision = seen.change.decision or ""
    return "proposed" if decision == "approved" and report.against else decision
