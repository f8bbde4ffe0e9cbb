"""Census: what only the whole library can show, once a complete run has seen every exchange.

A success status that no exchange has any more; a field that is null wherever it carried a value; an optional field
that is there far less often. What these say takes the place of what single exchanges said of the same path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from acetate.body import Json
from acetate.change import ABSENT, Difference, Occurrence
from acetate.finding import Finding, Totals
from acetate.library import Library, Ref
from acetate.path import ITEM, MAP_KEY, parts
from acetate.shape import NOTE
from acetate.snapshot import Entry

__all__ = ["census"]

_FELL = 0.5
"""A presence that fell to less than this part of the approved one has dropped."""


def census(findings: Sequence[Finding], library: Library, totals: Totals) -> list[Finding]:
    """The findings of a complete run, seen as a whole."""
    doubtful: dict[tuple[Ref, str], list[Finding]] = defaultdict(list)
    for each in findings:
        if _asks_for_the_whole(each.difference):
            doubtful[each.ref, each.difference.path].append(each)
    seen_as = {}
    for (ref, path), group in doubtful.items():
        kind = _as_a_whole(group, _approved_at(library, ref, path))
        seen_as.update({id(each): kind for each in group if kind})
    told = [
        replace(each, difference=replace(each.difference, kind=seen_as[id(each)])) if id(each) in seen_as else each
        for each in findings
    ]
    return [*told, *_statuses_gone(library, totals)]


def _asks_for_the_whole(difference: Difference) -> bool:
    return difference.kind == "optional-field-removed" or (
        difference.kind == "value-changed" and difference.after == "null"
    )


def _as_a_whole(group: list[Finding], approved: dict[tuple[str, int], bool]) -> str | None:
    """The kind that all exchanges together show, or None. `approved` says of each approved exchange whether it had a
    value at the path."""
    lost = {(each.occurrence.cassette, each.occurrence.exchange) for each in group}
    before = sum(approved.values())
    now = before - len(lost)
    if group[0].difference.kind == "value-changed":
        return "null-only" if now <= 0 else None
    return "presence-dropped" if 0 < now < before * _FELL else None


def _approved_at(library: Library, ref: Ref, path: str) -> dict[tuple[str, int], bool]:
    steps = list(parts(path))
    return {
        (name, index): any(_has_value(body, steps) for body in _bodies(entry, path))
        for index, (name, entry) in enumerate(library.all_entries())
        if Ref.of(entry) == ref
    }


def _bodies(entry: Entry, path: str) -> Iterable[Json]:
    return (entry.reply,) if path.startswith("$reply") else entry.masked


def _has_value(masked: Json, steps: Sequence[str | int]) -> bool:
    if not steps:
        return masked is not None
    step, rest = steps[0], steps[1:]
    if step == ITEM and isinstance(masked, list):
        return any(_has_value(each, rest) for each in masked if each != NOTE)
    if not isinstance(masked, dict):
        return False
    if step == MAP_KEY:
        return _has_value(masked.get(MAP_KEY), [ITEM, *rest])
    return step in masked and _has_value(masked[str(step)], rest)


def _statuses_gone(library: Library, totals: Totals) -> Iterator[Finding]:
    """Approved success statuses of operations that were seen, but never with that status."""
    answered = {(ref.operation, ref.status) for ref, _ in totals}
    operations = {operation for operation, _ in answered}
    for ref in library.refs():
        if ref.operation in operations and ref.status < 400 and (ref.operation, ref.status) not in answered:
            difference = Difference("status-removed", "$status", "$status", ref.status, ABSENT)
            yield Finding(ref, difference, Occurrence(ref.file(library.contracts), 0, "$status"))
