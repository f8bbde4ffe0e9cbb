"""Finding: one difference of one exchange, and all that examining one cassette gave."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from acetate.change import ABSENT, Absent, Difference, Occurrence
from acetate.library import Ref
from acetate.provider import Operation
from acetate.verdict import Problem

__all__ = ["Examined", "Finding", "Totals", "examined_from", "examined_json"]

Totals = Counter[tuple[Ref, str | None]]
"""How many exchanges were examined, by contract and model."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference of one exchange."""

    ref: Ref
    difference: Difference
    occurrence: Occurrence


@dataclass(slots=True)
class Examined:
    """What one cassette showed."""

    cassette: str
    exchanges: int = 0
    findings: list[Finding] = field(default_factory=list)
    totals: Totals = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


def examined_json(examined: Examined) -> Any:
    """As JSON, to be kept."""
    return {
        "cassette": examined.cassette,
        "exchanges": examined.exchanges,
        "findings": [
            [_ref_json(each.ref), _sides(each.difference), _fields(each.occurrence)] for each in examined.findings
        ],
        "totals": [[*_ref_json(ref), model, count] for (ref, model), count in examined.totals.items()],
    }


def _sides(difference: Difference) -> dict[str, Any]:
    return {key: side for key, side in _fields(difference).items() if not isinstance(side, Absent)}


def _fields(value: Difference | Occurrence) -> dict[str, Any]:
    """Its fields by name: what `asdict` gives, which copies everything and takes ten times as long."""
    return {name: getattr(value, name) for name in value.__slots__}


def examined_from(kept: Any) -> Examined:
    """What `examined_json` wrote. Results with problems are never kept."""
    examined = Examined(kept["cassette"], kept["exchanges"])
    for ref, difference, where in kept["findings"]:
        sides = {"before": ABSENT, "after": ABSENT, **difference}
        examined.findings.append(Finding(_ref(*ref), Difference(**sides), Occurrence(**where)))
    for *ref, model, count in kept["totals"]:
        examined.totals[_ref(*ref), model] = count
    return examined


def _ref_json(ref: Ref) -> list[Any]:
    return [ref.operation.provider, ref.operation.name, ref.status, ref.stream]


@cache
def _ref(provider: str, name: str, status: int, stream: bool) -> Ref:
    """The same few, thousands of times."""
    return Ref(Operation(provider, name), status, stream)
