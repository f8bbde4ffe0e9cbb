"""Ruling: a decision that stands at the service, and the changes for which it still speaks.

What a reviewer had on the screen were two sides of each snapshot (or contract) in which a change occurs: what is
approved, and what was seen. A ruling remembers their digests, and carries over to later runs until the approved side
moves on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from acetate.change import Change, Decision
from acetate.verdict import Verdict, judged

__all__ = ["Ruling", "Sides", "carries", "places", "ruled"]


class Sides(NamedTuple):
    """The SHA-256 of a file as it is approved and as it would be if all that was seen were approved; None where there
    is no file."""

    approved: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A reviewer's decision on a change. `at` is RFC 3339; `sides` are those that were on the screen, by the names that
    occurrences give their files."""

    fingerprint: str
    decision: Decision
    by: str
    at: str
    why: str
    sides: Mapping[str, Sides]


def places(change: Change) -> list[str]:
    """The names of the files in which a change occurs."""
    return sorted({each.cassette for each in change.occurrences})


def carries(kind: str, decision: Decision, decided: Mapping[str, Sides], seen: Mapping[str, Sides]) -> bool:
    """Whether a decision on these sides speaks for a change that is seen with those. A refusal always does. An approval
    is spent once an approved file has moved on; files that only one of the two names say nothing about that. What was
    said of a new exchange says nothing of the next one, so for these all that is seen must have been seen."""
    if decision == "rejected":
        return True
    if kind == "exchange-unapproved":
        return all(name in decided and decided[name] == sides for name, sides in seen.items())
    common = decided.keys() & seen.keys()
    return bool(common) and all(decided[name].approved == seen[name].approved for name in common)


def ruled(
    verdict: Verdict, rulings: Iterable[Ruling], sides: Mapping[str, Sides], *, second_person: bool = False
) -> Verdict:
    """The verdict with the decisions of the service, judged again: where the service has one, it counts. With
    `second_person` an approval in the files alone is only its author's word, and the change waits."""
    by_change = {each.fingerprint: each for each in rulings}
    changes = tuple(_ruled(each, by_change.get(each.fingerprint), sides, second_person) for each in verdict.changes)
    return replace(verdict, changes=changes, outcome=judged(changes, verdict.problems, verdict.counts.examined))


def _ruled(change: Change, ruling: Ruling | None, sides: Mapping[str, Sides], second_person: bool) -> Change:
    seen = {name: sides[name] for name in places(change) if name in sides}
    if ruling and carries(change.kind, ruling.decision, ruling.sides, seen):
        said = f"{ruling.why} ({ruling.by})" if ruling.why else f"({ruling.by})"
        return replace(change, decision=ruling.decision, reason=said)
    if second_person and change.decision == "approved":
        return replace(change, decision=None, reason=None)
    return change
