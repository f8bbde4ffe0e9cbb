"""Bundle: one run as it goes to the service (`acetate.run/1`): the report, and by digest the files that it speaks of.

Files are named by the SHA-256 of their bytes; their contents travel beside the bundle, each once, and only those that
the service does not have. All of them are masked: nothing that was recorded travels as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acetate.body import Json
from acetate.ruling import Sides
from acetate.verdict import Verdict, as_json

__all__ = ["SCHEMA", "Bundle", "bundle_json"]

SCHEMA = "acetate.run/1"


@dataclass(frozen=True, slots=True)
class Bundle:
    """One run. `job` tells the reports of one commit apart: a later one of the same job replaces the earlier. `at` is
    RFC 3339, when it was made; `against` the commit that approved files were compared with, for a report of
    `check --against`. `contracts` and `snapshots` have both sides of each file, by path and by name; `owners` says who
    owns the file of each (CODEOWNERS)."""

    project: str
    job: str
    at: str
    report: Verdict
    against: str | None = None
    contracts: Mapping[str, Sides] = field(default_factory=dict)
    snapshots: Mapping[str, Sides] = field(default_factory=dict)
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def digests(self) -> list[str]:
        """All files that it names."""
        sides = (*self.contracts.values(), *self.snapshots.values())
        return sorted({digest for each in sides for digest in each if digest is not None})


def bundle_json(bundle: Bundle) -> dict[str, Json]:
    """As it is sent, without the contents of its files."""
    return {
        "schema": SCHEMA,
        "project": bundle.project,
        "job": bundle.job,
        "at": bundle.at,
        "against": bundle.against,
        "report": as_json(bundle.report),
        "contracts": {path: _sides(sides) for path, sides in bundle.contracts.items()},
        "snapshots": {name: _sides(sides) for name, sides in bundle.snapshots.items()},
        "owners": {name: list(owners) for name, owners in bundle.owners.items()},
    }


def _sides(sides: Sides) -> dict[str, Json]:
    return {"approved": sides.approved, "now": sides.now}
