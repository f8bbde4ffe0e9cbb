"""Reviewed: a change of a run as it stands, of all reports of that run together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, undefer

from acetate import change as toolkit
from acetate.change import ABSENT, Decision, Edge, Evidence, Occurrence, Severity
from acetate.verdict import Context, Verdict, merged, ordered
from app.models import Change, Run, Sighting
from app.runs.judgement import WAITING

__all__ = ["Reviewed", "as_seen", "reviewed"]


@dataclass(frozen=True)
class Reviewed:
    """`change.decision` is the one that counts; its occurrences are only there where they were asked for. `said` is
    what the files say, `by`, `at` and `why` are of the decision that was made here. `state` stands for all of that and
    for what is on the screen: it comes back with a decision."""

    run: Run
    change: toolkit.Change
    seen: int
    said: str
    author: str | None
    first_seen_at: datetime
    by: str | None
    at: datetime | None
    why: str | None
    owners: frozenset[str]
    sides: tuple[str, ...]
    state: str

    @property
    def needs_decision(self) -> bool:
        return self.change.decision is None and self.change.severity in WAITING


def reviewed(session: Session, *wanted: ColumnElement[bool], occurrences: bool = False) -> list[Reviewed]:
    """The changes of the sightings that are wanted, one for each run and fingerprint; worst first."""
    chosen = (
        select(Sighting, Change, Run)
        .join(Change, (Change.project == Sighting.project) & (Change.fingerprint == Sighting.fingerprint))
        .join(Run, Run.id == Sighting.run_id)
        .where(*wanted)
        .order_by(Sighting.run_id, Sighting.fingerprint, Sighting.report_id)
    )
    rows = session.execute(chosen.options(undefer(Sighting.occurrences)) if occurrences else chosen).all()
    together: dict[tuple[UUID, str], list[Sighting]] = {}
    for sighting, _, _ in rows:
        together.setdefault((sighting.run_id, sighting.fingerprint), []).append(sighting)
    changes = {(change.project, change.fingerprint): change for _, change, _ in rows}
    runs = {run.id: run for _, _, run in rows}
    found = [
        _reviewed(runs[run_id], changes[runs[run_id].project, fingerprint], same, occurrences)
        for (run_id, fingerprint), same in together.items()
    ]
    # What was seen before and after may be an object, so a change is not hashable.
    position = {id(change): at for at, change in enumerate(ordered(each.change for each in found))}
    return sorted(found, key=lambda each: position[id(each.change)])


def _reviewed(run: Run, known: Change, same: Sequence[Sighting], occurrences: bool) -> Reviewed:
    sides = tuple(sorted({each.sides for each in same}))
    change = _merged([_change(known, each, occurrences) for each in same])
    return Reviewed(
        run=run,
        change=change,
        seen=len(change.occurrences) if occurrences else _seen(same),
        said=next((each.said for each in same if each.said), ""),
        author=next((each.author for each in same if each.author), None),
        first_seen_at=known.first_seen_at,
        by=known.decided_by,
        at=known.decided_at,
        why=known.why,
        owners=frozenset(owner for each in same for owner in each.owners),
        sides=sides,
        state=f"{known.version}-{sha256(','.join(sides).encode()).hexdigest()[:16]}",
    )


def _seen(same: Iterable[Sighting]) -> int:
    """In how many places, without a look at them: jobs with the same sides on the screen saw the same ones."""
    return sum({each.sides: each.seen for each in same}.values())


def _merged(same: Sequence[toolkit.Change]) -> toolkit.Change:
    """What several reports of one commit saw, as `acetate report` merges it."""
    if len(same) == 1:
        return same[0]
    return merged(Verdict("unknown", Context("", ""), changes=(each,)) for each in same).changes[0]


def as_seen(known: Change) -> toolkit.Change:
    """What a fingerprint stands for, wherever it was seen."""
    return toolkit.Change(
        fingerprint=known.fingerprint,
        kind=known.kind,
        severity="none",
        edge=cast("Edge", known.edge),
        provider=known.provider,
        operation=known.operation,
        status=known.status,
        stream=known.stream,
        path=known.path,
        before=known.values.get("before", ABSENT),
        after=known.values.get("after", ABSENT),
    )


def _change(known: Change, sighting: Sighting, occurrences: bool) -> toolkit.Change:
    return replace(
        as_seen(known),
        severity=cast("Severity", sighting.severity),
        evidence=_evidence(sighting.evidence),
        decision=cast("Decision | None", sighting.decision),
        reason=known.why if sighting.decision and sighting.decision == known.decision else None,
        occurrences=tuple(Occurrence(**each) for each in sighting.occurrences) if occurrences else (),
    )


def _evidence(stored: Mapping[str, Any]) -> Evidence:
    return Evidence(**{**stored, "models": tuple(sorted(stored["models"].items()))})
