"""Verdict: the changes and problems of one examination, and an outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from acetate.change import Change

__all__ = ["Context", "Counts", "Outcome", "Problem", "Verdict", "judged"]

Outcome = Literal["passed", "needs-review", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be looked at: where, what is wrong, what to do next."""

    where: str
    problem: str
    next: str


@dataclass(frozen=True, slots=True)
class Context:
    """Where a run took place. Everything but `project` and `acetate` may be unknown."""

    project: str
    acetate: str
    commit: str | None = None
    branch: str | None = None
    base: str | None = None
    pull_request: str | None = None
    author: str | None = None
    ci_url: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was looked at."""

    cassettes: int = 0
    exchanges: int = 0
    examined: int = 0
    replayed: int = 0
    live: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run saw. Changes are ordered as people should read them: worst first."""

    outcome: Outcome
    context: Context
    counts: Counts = field(default_factory=Counts)
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()


def judged(changes: tuple[Change, ...], problems: tuple[Problem, ...], examined: int) -> Outcome:
    """Failed on an undecided error or a rejected change that is still there, needs-review on an undecided warn;
    unknown above all others, when there are problems or nothing was examined."""
    if problems or not examined:
        return "unknown"
    if any(c.decision == "rejected" or (c.severity == "error" and c.decision is None) for c in changes):
        return "failed"
    if any(c.severity == "warn" and c.decision is None for c in changes):
        return "needs-review"
    return "passed"
