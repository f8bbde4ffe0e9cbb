"""Evidence: what a run of tests asked for, so that what nobody asks for any more can be told.

Each worker of a run gathers its own, the run merges them, and that of the last complete run of a suite is kept under
`.acetate/evidence/`. A run is complete if every test of the suite was collected, ran and passed, and nothing was
recorded: anything less may have left out the one test that needs an exchange.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from acetate.files import WORKSPACE, workspace, write_atomic
from acetate.project import Project

__all__ = ["Evidence", "digest_of", "evidence_from", "keep", "kept", "merged"]

_VERSION = 1
_NAMED = 3  # tests that a reason names

Positions = Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one run has seen, or one of its workers.

    `suite` is pytest's root as a folder of the project (`.` for the project's own); `collected` and `passed` are ids
    of tests as pytest writes them. `played` has every cassette that was opened, with the positions that were played;
    `compared` has every snapshot of the provide edge that a response was compared with, with the positions of its
    entries. `gaps` says in words what was left out (`-k chat`, `2 exchanges were recorded`).

    `at` and `digests` (of every cassette and snapshot, by its file) are added when it is kept.
    """

    suite: str = "."
    collected: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    played: Positions = field(default_factory=dict)
    compared: Positions = field(default_factory=dict)
    gaps: tuple[str, ...] = ()
    at: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """Why this was no complete run, in words; empty if it was one."""
        found = list(self.gaps)
        if not self.collected:
            found.append("no test was collected")
        silent = sorted(self.collected - self.passed)
        if silent:
            more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
            names = ", ".join(silent[:_NAMED])
            found.append(f"{len(silent)} of {len(self.collected)} tests did not run and pass: {names}{more}")
        return found

    def speaks_for(self, path: str) -> bool:
        """True for a file that its suite could use: one below the suite's folder."""
        return self.suite == "." or PurePosixPath(path).is_relative_to(self.suite)

    def as_json(self) -> dict[str, Any]:
        """As a worker sends it and as it is kept."""
        return {
            "evidence": _VERSION,
            "suite": self.suite,
            "collected": sorted(self.collected),
            "passed": sorted(self.passed),
            "played": _listed(self.played),
            "compared": _listed(self.compared),
            "gaps": list(self.gaps),
            "at": self.at,
            "digests": dict(self.digests),
        }


def evidence_from(document: Any) -> Evidence | None:
    """What `as_json` wrote; None for anything else, which is as good as no evidence."""
    try:
        if document["evidence"] != _VERSION:
            return None
        return Evidence(
            suite=document["suite"],
            collected=frozenset(document["collected"]),
            passed=frozenset(document["passed"]),
            played={name: frozenset(positions) for name, positions in document["played"].items()},
            compared={name: frozenset(positions) for name, positions in document["compared"].items()},
            gaps=tuple(document["gaps"]),
            at=document["at"],
            digests=dict(document["digests"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def merged(parts: Iterable[Evidence]) -> Evidence:
    """The evidence of one run, of that of its workers: a test has passed if it passed on one of them."""
    whole = Evidence()
    for number, part in enumerate(parts):
        whole = Evidence(
            suite=part.suite if number == 0 else whole.suite,
            collected=whole.collected | part.collected,
            passed=whole.passed | part.passed,
            played=_together(whole.played, part.played),
            compared=_together(whole.compared, part.compared),
            gaps=tuple(dict.fromkeys([*whole.gaps, *part.gaps])),
        )
    return whole


def keep(project: Project, evidence: Evidence, *, at: datetime | None = None) -> Evidence:
    """Keep the evidence of a complete run until the next one of its suite; what was kept. It says of which bytes it
    speaks: a cassette that changes afterwards is not judged by it. Raises ValueError for an incomplete run."""
    if evidence.missing:
        raise ValueError(f"this was no complete run: {evidence.missing[0]}")
    moment = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sealed = replace(evidence, at=moment, digests=dict(_digests(project)))
    workspace(project.root)
    write_atomic(_file(project, evidence.suite), json.dumps(sealed.as_json(), separators=(",", ":")).encode())
    return sealed


def kept(project: Project) -> list[Evidence]:
    """That of the last complete run of each suite."""
    found = (evidence_from(_document(path)) for path in sorted(_folder(project).glob("*.json")))
    return [each for each in found if each is not None and (project.root / each.suite).is_dir()]


def digest_of(project: Project, path: str) -> str | None:
    """The digest of a file of the project; None where there is none."""
    content = project.library.tree.read(path)
    return None if content is None else hashlib.blake2b(content, digest_size=20).hexdigest()


def _digests(project: Project) -> Iterator[tuple[str, str]]:
    library = project.library
    paths: Sequence[str] = [
        *(file.path for file in project.cassettes()),
        *(library.snapshot_file(name) for name in library.snapshot_names()),
    ]
    for path in paths:
        yield path, digest_of(project, path) or ""


def _together(one: Positions, other: Positions) -> Positions:
    return {name: one.get(name, frozenset()) | other.get(name, frozenset()) for name in sorted({*one, *other})}


def _listed(positions: Positions) -> dict[str, list[int]]:
    return {name: sorted(found) for name, found in sorted(positions.items())}


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _folder(project: Project) -> Path:
    return project.root / WORKSPACE / "evidence"


def _file(project: Project, suite: str) -> Path:
    return _folder(project) / f"{hashlib.sha256(suite.encode()).hexdigest()[:16]}.json"
