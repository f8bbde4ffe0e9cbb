"""Census: what only the whole library can show, once a complete run has seen every exchange.

What no exchange speaks for any more; a success status that none has; a field that is null wherever it carried a value;
an optional field that is there far less, or far more, often; a type of events that no stream has. What these say takes
the place of what single exchanges said of the same path.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
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
"""A presence that fell to less than this part of the approved one has dropped; one of which the approved one is less
than this part has risen."""


_LOSSES = ("optional-field-removed", "value-changed", "enum-value-removed")
"""What an exchange that lost something says by itself."""

_Question = tuple[Ref, str, str]
"""A contract, a path, and where one path can have several the value that is asked about."""


def census(findings: Sequence[Finding], library: Library, totals: Totals) -> list[Finding]:
    """The findings of a complete run, seen as a whole."""
    doubtful: dict[_Question, list[Finding]] = defaultdict(list)
    for each in findings:
        if _asks_for_the_whole(each, library):
            doubtful[each.ref, each.difference.path, _value(each.difference)].append(each)
    approved = _counted(library, doubtful)
    seen_as = {}
    for question, group in doubtful.items():
        before = approved[question]
        now = before + _exchanges(group, "field-added") - _exchanges(group, *_LOSSES)
        kinds = {kind: _as_a_whole(kind, before, now) for kind in {each.difference.kind for each in group}}
        seen_as.update({id(each): kinds[each.difference.kind] for each in group})
    told = [_told(each, seen_as.get(id(each))) for each in findings]
    return [*told, *_gone(library, totals)]


def _told(finding: Finding, kind: str | None) -> Finding:
    return replace(finding, difference=replace(finding.difference, kind=kind)) if kind else finding


def _exchanges(group: Iterable[Finding], *kinds: str) -> int:
    """How many exchanges show one of these kinds."""
    places = (each.occurrence for each in group if each.difference.kind in kinds)
    return len({(each.cassette, each.exchange) for each in places})


def _asks_for_the_whole(finding: Finding, library: Library) -> bool:
    difference = finding.difference
    match difference.kind:
        case "optional-field-removed" | "enum-value-removed":
            return True
        case "value-changed":
            return difference.after == "null"
        case "field-added":
            contract = library.contract(finding.ref)
            return contract is not None and difference.path in contract.facts
    return False


def _value(difference: Difference) -> str:
    """The value that a difference is about, where one path can have several."""
    return str(difference.before) if difference.kind == "enum-value-removed" else ""


def _as_a_whole(kind: str, before: int, now: int) -> str | None:
    """The kind that all exchanges together show where single ones show this one, or None. `before` is how many approved
    ones had what it is about, `now` how many have it."""
    match kind:
        case "value-changed":
            return "null-only" if now <= 0 else None
        case "enum-value-removed":
            return "stream-event-type-removed" if now <= 0 else None
        case "field-added":
            return "presence-rose" if 0 < before < now * _FELL else None
    return "presence-dropped" if 0 < now < before * _FELL else None


def _counted(library: Library, questions: Iterable[_Question]) -> Counter[_Question]:
    """How many approved exchanges have what is asked about: a type of event, or a value at a path."""
    asked: dict[Ref, list[tuple[_Question, list[str | int]]]] = defaultdict(list)
    for question in questions:
        asked[question[0]].append((question, list(parts(question[1]))))
    counts: Counter[_Question] = Counter()
    for _, entry in library.all_entries() if asked else ():
        for question, steps in asked.get(Ref.of(entry), ()):
            _, path, value = question
            if _has_type(entry, value) if value else any(_has_value(body, steps) for body in _bodies(entry, path)):
                counts[question] += 1
    return counts


def _has_type(entry: Entry, name: str) -> bool:
    said = (each.get("type") for each in entry.masked if isinstance(each, dict))
    return name in (entry.names or ()) or name in said


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


def _gone(library: Library, totals: Totals) -> Iterator[Finding]:
    """What is approved, and no exchange speaks for any more: a success status where the operation answers with others,
    else every approved entry."""
    seen = {ref for ref, _ in totals}
    answering = {(ref.operation, ref.stream) for ref in seen}
    lost: set[Ref] = set()
    for ref in library.refs():
        if ref not in seen and ref.status < 400 and (ref.operation, ref.stream) in answering:
            difference = Difference("status-removed", "$status", "$status", ref.status, ABSENT)
            yield Finding(ref, difference, Occurrence(ref.file(library.contracts), 0, "$status"))
        elif ref not in seen:
            lost.add(ref)
    if lost:
        yield from _lost(library, lost)


def _lost(library: Library, refs: Collection[Ref]) -> Iterator[Finding]:
    """Nothing for a contract that a person wrote without any exchange."""
    position: Counter[str] = Counter()
    for name, entry in library.all_entries():
        if Ref.of(entry) in refs and not library.is_own(name):
            where = Occurrence(name, position[name], "$", model=entry.model, recorded_at=entry.recorded)
            yield Finding(Ref.of(entry), Difference("observation-lost", "$", "$"), where)
        position[name] += 1
