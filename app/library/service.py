"""The library of a project: what is approved, as its newest run brought it, and how a field came to be what it is.

Nothing is kept here: contracts and snapshots are those that runs have pushed, decisions those of the reviews.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from acetate.contract import REPLY, Contract, read_contract
from acetate.errors import ApprovedFileError
from acetate.snapshot import Entry, read_snapshot
from app.errors import NotFound
from app.models import Change, Decision, Report, Run
from app.runs import store
from app.runs.service import find_project

__all__ = [
    "Field",
    "FieldHistory",
    "Known",
    "Operation",
    "Point",
    "Shelf",
    "contract",
    "field_history",
    "fields_of",
    "operation_of",
    "shelf",
    "snapshot",
]

MOST_RUNS = 300
"""How many runs the history of a field looks back on."""


@dataclass(frozen=True)
class Operation:
    """One contract: of an operation, a status, plain or as a stream. `recorded` are the first and the last day."""

    path: str
    provider: str
    name: str
    status: int
    stream: bool
    exchanges: int
    models: tuple[tuple[str, int], ...]
    fields: int
    recorded: tuple[str, str] | None


@dataclass(frozen=True)
class Shelf:
    """What is approved in a project, as `run` brought it. `documents` are approved files that are no contract of one
    operation: the OpenAPI document of the project's own API."""

    run: Run
    operations: tuple[Operation, ...]
    documents: tuple[str, ...]
    snapshots: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """One path of a contract. `presence` is "18 of 20", `values` are the literal ones that are approved."""

    path: str
    types: tuple[str, ...]
    required: bool
    presence: str | None
    models: tuple[tuple[str, str], ...]
    values: tuple[Any, ...]
    phase: str | None
    pinned: bool


@dataclass(frozen=True)
class Point:
    """How a field stood in one approved contract: there `number` times `of` so many, or not at all."""

    at: datetime
    run: Run
    number: int
    of: int
    required: bool


@dataclass(frozen=True)
class Known:
    """A change of a field, and all that was decided on it, oldest first."""

    change: Change
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class FieldHistory:
    """`first_seen` is the first approved contract that had it, or the first change that spoke of it."""

    first_seen: datetime | None
    points: tuple[Point, ...]
    changes: tuple[Known, ...]


def shelf(session: Session, project: str) -> Shelf:
    """What is approved now."""
    run, files = _standing(session, project)
    contents = store.contents(session, project, files.contracts.values())
    read = {path: _read(contents.get(digest), path) for path, digest in files.contracts.items()}
    known = {path: operation_of(path, found) for path, found in read.items() if found}
    operations = [each for each in known.values() if each]
    return Shelf(
        run=run,
        operations=tuple(sorted(operations, key=_identity)),
        documents=tuple(sorted(files.contracts.keys() - {each.path for each in operations})),
        snapshots=tuple(sorted(files.snapshots)),
    )


def contract(session: Session, project: str, path: str) -> Contract:
    """One approved contract, or any other approved document under its path."""
    _, files = _standing(session, project)
    digest = files.contracts.get(path)
    found = _read(store.contents(session, project, [digest]).get(digest), path) if digest else None
    if found is None:
        raise NotFound("There is no such contract, or none that can be read.")
    return found


def fields_of(found: Contract) -> list[Field]:
    """Every path that a contract speaks of, in the order of its paths."""
    return [
        Field(
            path=path,
            types=tuple(sorted(map(str, fact.types))),
            required=fact.required,
            presence=_text(_evidence(fact.schema), "presence"),
            models=tuple(
                sorted((name, str(number)) for name, number in _table(_evidence(fact.schema), "models").items())
            ),
            values=_values(fact.schema),
            phase=_text(_evidence(fact.schema), "phase"),
            pinned=bool(_evidence(fact.schema).get("pinned")),
        )
        for path, fact in sorted(found.facts.items())
    ]


def snapshot(session: Session, project: str, name: str) -> list[Entry]:
    """The approved, masked exchanges of one cassette or test."""
    _, files = _standing(session, project)
    digest = files.snapshots.get(name)
    content = store.contents(session, project, [digest]).get(digest) if digest else None
    if content is None:
        raise NotFound("There is no such snapshot.")
    try:
        return read_snapshot(content, name)
    except ApprovedFileError:
        raise NotFound("That snapshot cannot be read.") from None


def field_history(
    session: Session, project: str, *, provider: str, operation: str, status: int, stream: bool, path: str
) -> FieldHistory:
    """How often a field was there over time, and every change and decision on it."""
    find_project(session, project)
    same = (
        Change.provider == provider,
        Change.operation == operation,
        Change.status == status,
        Change.stream == stream,
    )
    mine = select(Change).where(Change.project == project, Change.path == path, *same).order_by(Change.first_seen_at)
    changes = list(session.scalars(mine))
    points = tuple(_points(session, project, (provider, operation, status, stream), path))
    if not changes and not any(point.number for point in points):
        return FieldHistory(None, (), ())
    began = [point.at for point in points if point.number] + [each.first_seen_at for each in changes]
    return FieldHistory(
        first_seen=min(began, default=None), points=points, changes=tuple(_known(session, project, changes))
    )


@dataclass(frozen=True)
class _Files:
    """Digests of what is approved, by path and by name."""

    contracts: dict[str, str]
    snapshots: dict[str, str]


def _standing(session: Session, project: str) -> tuple[Run, _Files]:
    """The newest run that is no pull request's, of the branch that was pushed last; any run where there is none."""
    find_project(session, project)
    newest = select(Run).where(Run.project == project).order_by(Run.created_at.desc(), Run.id).limit(1)
    run = session.scalar(newest.where(Run.pull_request.is_(None))) or session.scalars(newest).one()
    rows = session.execute(select(Report.contracts, Report.snapshots).where(Report.run_id == run.id)).all()
    return run, _Files(_approved(row[0] for row in rows), _approved(row[1] for row in rows))


def _approved(held: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {name: sides["approved"] for each in held for name, sides in each.items() if sides["approved"]}


def _read(content: bytes | None, path: str) -> Contract | None:
    """None for what is no contract."""
    try:
        return read_contract(content or b"", path)
    except ApprovedFileError:
        return None


def operation_of(path: str, found: Contract) -> Operation | None:
    """What a contract says of itself; None for a document that is no contract of one operation."""
    evidence = found.evidence
    recorded = _table(evidence, "recorded")
    if not isinstance(evidence.get("status"), int):
        return None
    return Operation(
        path=path,
        provider=str(evidence.get("provider", "")),
        name=str(evidence.get("operation", "")),
        status=evidence["status"],
        stream=bool(evidence.get("stream")),
        exchanges=_number(evidence, "exchanges"),
        models=tuple(sorted((name, _number(_table(evidence, "models"), name)) for name in _table(evidence, "models"))),
        fields=sum(1 for each in found.facts if each not in ("$", REPLY)),
        recorded=(str(recorded["first"]), str(recorded["last"])) if {"first", "last"} <= recorded.keys() else None,
    )


# What was pushed may say anything: what is not as it should be counts as not said.


def _evidence(schema: dict[str, Any]) -> dict[str, Any]:
    return _table(schema, "x-acetate")


def _table(holder: dict[str, Any], name: str) -> dict[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _number(holder: dict[str, Any], name: str) -> int:
    found = holder.get(name)
    return found if type(found) is int else 0


def _text(holder: dict[str, Any], name: str) -> str | None:
    found = holder.get(name)
    return found if isinstance(found, str) else None


def _values(schema: dict[str, Any]) -> tuple[Any, ...]:
    found = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return tuple(found) if isinstance(found, list) else ()


def _points(session: Session, project: str, wanted: tuple[str, str, int, bool], path: str) -> Iterator[Point]:
    """One for every run whose approved contract is another one than that of the run before."""
    chosen = (
        select(Run, Report)
        .join(Report, Report.run_id == Run.id)
        .where(Run.project == project, Run.pull_request.is_(None))
        .order_by(Run.created_at.desc(), Report.job)
        .limit(MOST_RUNS)
        .options(undefer(Report.contracts))
    )
    # The name of a contract's file ends so; the others need not be read.
    ending = f"/{wanted[2]}{'.stream' if wanted[3] else ''}.json"
    rows = [
        (run, {name: digest for name, digest in _approved([report.contracts]).items() if name.endswith(ending)})
        for run, report in reversed(session.execute(chosen).all())
    ]
    contents = store.contents(session, project, {digest for _, files in rows for digest in files.values()})
    before: str | None = None
    for run, files in rows:
        for file, digest in files.items():
            found = _read(contents.get(digest), file)
            known = operation_of(file, found) if found else None
            if found is None or known is None or _identity(known) != wanted or digest == before:
                continue
            before = digest
            yield _point(run, found, path)


def _identity(operation: Operation) -> tuple[str, str, int, bool]:
    return (operation.provider, operation.name, operation.status, operation.stream)


def _point(run: Run, found: Contract, path: str) -> Point:
    fact = found.facts.get(path)
    exchanges = _number(found.evidence, "exchanges")
    if fact is None:
        return Point(run.created_at, run, 0, exchanges, required=False)
    number, _, whole = (_text(_evidence(fact.schema), "presence") or "").partition(" of ")
    if all(each.isascii() and each.isdecimal() and len(each) < 10 for each in (number, whole)):
        return Point(run.created_at, run, int(number), int(whole), fact.required)
    return Point(run.created_at, run, exchanges, exchanges, fact.required)


def _known(session: Session, project: str, changes: Sequence[Change]) -> Iterator[Known]:
    fingerprints = [each.fingerprint for each in changes]
    made = session.scalars(
        select(Decision)
        .where(Decision.project == project, Decision.fingerprint.in_(fingerprints))
        .order_by(Decision.at, Decision.version)
    ).all()
    for each in changes:
        yield Known(each, tuple(one for one in made if one.fingerprint == each.fingerprint))
