"""Change: one difference between what was approved and what is seen now, once for all its occurrences."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Final, Literal

from acetate.body import Json
from acetate.kind import Edge, Severity

__all__ = [
    "ABSENT",
    "Absent",
    "Change",
    "Decision",
    "Difference",
    "Edge",
    "Evidence",
    "Occurrence",
    "Severity",
    "fingerprint",
]

Decision = Literal["approved", "rejected"]


class Absent:
    """The side of a change that is not there; JSON's null is a value."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"  # There is one, also in other processes.


ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference in one exchange. `path` is normalised, `at` concrete; `before` and `after` are type names for
    shape kinds and masked values for value kinds."""

    kind: str
    path: str
    at: str
    before: Json | Absent = ABSENT
    after: Json | Absent = ABSENT


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Where a change was seen: the `exchange`-th of `cassette` (its path from the root without suffix)."""

    cassette: str
    exchange: int
    at: str
    test: str | None = None
    model: str | None = None
    recorded_at: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """How often: `now` "20 of 20" examined exchanges of the operation show it; `approved` says the same of the
    approved side ("20 of 20" had the field), or None where the contract has no count."""

    now: str | None = None
    approved: str | None = None
    first_recorded: str | None = None
    last_approved: str | None = None
    models: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A difference with its severity, its edge, its fingerprint and everywhere it occurs: one decision."""

    fingerprint: str
    kind: str
    severity: Severity
    edge: Edge
    provider: str
    operation: str
    status: int
    stream: bool
    path: str
    before: Json | Absent = ABSENT
    after: Json | Absent = ABSENT
    evidence: Evidence = field(default_factory=Evidence)
    decision: Decision | None = None
    reason: str | None = None
    occurrences: tuple[Occurrence, ...] = ()


def fingerprint(edge: Edge, provider: str, operation: str, status: int, stream: bool, difference: Difference) -> str:
    """The first 16 hex digits of SHA-256 over the canonical JSON of what the change is; nothing else of the run."""
    identity: list[Json] = [edge, provider, operation, status, stream, difference.path, difference.kind]
    identity += [side for side in (difference.before, difference.after) if not isinstance(side, Absent)]
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate is legal in JSON and has no UTF-8.
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]
