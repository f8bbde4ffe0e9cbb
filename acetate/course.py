"""Course: how a stream runs, beside what its events hold: of which types they are, where in it a field comes, and how
it ends.

An event says its type itself (`type`, where the profile calls that an enum) or its framing does (`event:`). Phases are
told where the evidence is clear: of objects outside of arrays, such as `usage`. What is in arrays are the pieces that a
model happens to write, and a scalar may be null in one event by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from acetate.body import Json
from acetate.change import ABSENT, Change, Difference
from acetate.contract import Contract
from acetate.mask import forms, mark_at
from acetate.path import ITEM, MAP_KEY, child, covers, parts
from acetate.provider import Rules
from acetate.shape import MASKS, NOTE
from acetate.snapshot import Entry

__all__ = ["END", "NAME", "TYPE", "Course", "against_contract", "event_types", "phases", "rerouted", "with_course"]

TYPE = "$.type"
NAME = "$event"
"""The path of what only the framing says: the name of an event."""

END = "$terminator"
"""The path of the mark that ends a stream."""

_ENUM_KINDS = frozenset({"enum-value-added", "enum-value-replaced", "value-changed"})
_CLEAR = frozenset({"first", "every", "last"})


@dataclass(frozen=True, slots=True)
class Course:
    """`names` is None where nobody wrote any down; `ends` are the marks of which every stream has one."""

    types: frozenset[str]
    names: frozenset[str] | None
    ends: frozenset[str]
    phases: Mapping[str, str]

    @classmethod
    def of(cls, entry: Entry, rules: Rules) -> Course:
        """How one stream ran. A single event is its first as well as its last, and says nothing of phases."""
        events = entry.masked
        return cls(
            types=event_types(events, rules),
            names=None if entry.names is None else frozenset(entry.names),
            ends=frozenset([entry.terminator] if entry.terminator else []),
            phases=dict(_clear(events)) if len(events) > 1 else {},
        )

    @classmethod
    def of_contract(cls, contract: Contract) -> Course:
        """How every approved stream ran."""
        types = frozenset(each for each in contract.values(TYPE, None) if isinstance(each, str))
        return cls(
            types=types,
            names=frozenset(contract.event_types) - types,
            ends=frozenset(contract.terminators) if contract.always_ends else frozenset(),
            # One event alone is "every" one, too: that is no evidence.
            phases={path: phase for path, phase in contract.phases.items() if phase in ("first", "last")},
        )

    @property
    def all_types(self) -> frozenset[str]:
        return self.types | (self.names or frozenset())


def event_types(events: Iterable[Json], rules: Rules) -> frozenset[str]:
    """What masked events say they are; nothing where the rules do not show it, or where an older profile hid one."""
    if mark_at(rules, TYPE) != "enum":
        return frozenset()
    said = {each["type"] for each in events if isinstance(each, dict) and isinstance(each.get("type"), str)}
    return frozenset() if said & MASKS.keys() else frozenset(map(str, said))


def phases(events: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """Where in a stream each property of an event has a value: in the `first`, the `last`, `every` or `some` events."""
    seen: dict[str, list[int]] = {}
    for index, event in enumerate(events):
        for path in set(_valued("$", event)):
            seen.setdefault(path, []).append(index)
    final = len(events) - 1
    for path, indexes in seen.items():
        if len(indexes) == len(events):
            yield path, "every"
        elif indexes == [0]:
            yield path, "first"
        elif indexes == [final]:
            yield path, "last"
        else:
            yield path, "some"


def with_course(
    found: Sequence[Difference], entry: Entry, seen: Entry, rules: Rules, contract: Contract | None
) -> list[Difference]:
    """`found` between the events of two streams, with what differs in their course. Each fact is told once: what an
    event is called is its type, and no value like others."""
    if entry.body == seen.body:
        return list(found)
    approved, now = Course.of(entry, rules), Course.of(seen, rules)
    rest = _without_types(found, approved, now)
    return [*_changed(approved, now, contract, rest), *rest]


def against_contract(found: Sequence[Difference], seen: Entry, rules: Rules, contract: Contract) -> list[Difference]:
    """`found` in a stream that has no approved entry, with where its course leaves that of every approved one."""
    approved, now = Course.of_contract(contract), Course.of(seen, rules)
    rest = _without_types(found, approved, now)
    changed = [each for each in _changed(approved, now, contract, rest) if each.kind != "enum-value-removed"]
    return [*changed, *rest]


def _without_types(found: Sequence[Difference], approved: Course, seen: Course) -> list[Difference]:
    """What is not told as a type of events that came or went, where both sides say their types."""
    is_told = bool(approved.types and seen.types)
    return [each for each in found if not (is_told and each.path == TYPE and each.kind in _ENUM_KINDS)]


def _changed(
    approved: Course, seen: Course, contract: Contract | None, found: Sequence[Difference]
) -> Iterator[Difference]:
    if approved.ends and not seen.ends:
        yield Difference("stream-terminator-missing", END, END, " or ".join(sorted(approved.ends)), ABSENT)
    yield from _retyped(approved, seen, contract)
    yield from _moved(approved, seen, contract, found)


def _retyped(approved: Course, seen: Course, contract: Contract | None) -> Iterator[Difference]:
    """Types of events that came and went. Which of its ends a stream came to (`response.incomplete`) differs from call
    to call; a type that some approved streams did without is gone for good only where the whole library says so."""
    known = contract.event_types if contract else {}
    ends = approved.ends | (contract.terminators.keys() if contract else frozenset())
    for value in sorted(approved.all_types - seen.all_types - ends):
        path = TYPE if value in approved.types else NAME
        if path == NAME or seen.types:  # Else the field is gone, and that is told.
            kind = "stream-event-type-removed" if known.get(value, True) else "enum-value-removed"
            yield Difference(kind, path, path, value, ABSENT)
    for value in sorted(seen.all_types - approved.all_types - known.keys()):
        path = TYPE if value in seen.types else NAME
        if approved.types if path == TYPE else approved.names is not None:
            yield Difference("stream-event-type-added", path, path, ABSENT, value)


def _moved(
    approved: Course, seen: Course, contract: Contract | None, found: Sequence[Difference]
) -> Iterator[Difference]:
    """Fields that come in another part of the stream, parents before children; not where approved streams differ in
    that, nor below what was told already."""
    known = contract.phases if contract else {}
    told = [each.path for each in found]
    for path in sorted(approved.phases.keys() & seen.phases.keys()):
        was, now = approved.phases[path], seen.phases[path]
        if was != now and known.get(path, was) == was and not any(covers(each, path) for each in told):
            told.append(path)
            yield Difference("stream-field-phase-moved", path, path, was, now)


def _clear(events: Sequence[Json]) -> Iterator[tuple[str, str]]:
    for path, phase in phases(events):
        steps = list(parts(path))
        if phase in _CLEAR and not {ITEM, MAP_KEY} & set(steps) and any(_is_object(each, steps) for each in events):
            yield path, phase


def _is_object(value: Json, steps: Sequence[str | int]) -> bool:
    for step in steps:
        value = value.get(str(step)) if isinstance(value, dict) else None
    return isinstance(value, dict)


def _valued(path: str, value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is not None:
                yield child(path, key)
                yield from _valued(child(path, key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _valued(path + ITEM, inner)


# Taking a change over


def rerouted(entry: Entry, seen: Entry, change: Change) -> Entry | None:
    """The approved entry with a change of its course taken from what is seen; None for a change of something else."""
    if not entry.stream or not isinstance(entry.body, dict) or not isinstance(seen.body, dict):
        return None
    old, new = _events(entry.body), _events(seen.body)
    more: dict[str, Json] = {}
    if change.path == END:
        lasting = [_type_of(each) for each in new]
        old = [each for each in old if _type_of(each) != change.before or change.before in lasting]
        more["terminator"] = seen.terminator
    elif change.path == NAME:
        names = {*(entry.names or ()), *(seen.names or ())} - {change.before}
        more["names"] = [*sorted(each for each in names if each in (entry.names or ()) or each == change.after)]
    elif change.kind == "stream-event-type-added":
        old += [each for each in new if _type_of(each) == change.after]
    elif change.kind == "stream-event-type-removed" or (change.kind == "enum-value-removed" and change.path == TYPE):
        old = [each for each in old if _type_of(each) != change.before]
    elif change.kind == "stream-field-phase-moved":
        old = list(_rephased(old, new, [str(step) for step in parts(change.path)]))
    else:
        return None
    return replace(entry, body={**entry.body, "events": forms(old), **more})


def _rephased(old: Sequence[Json], new: Sequence[Json], steps: list[str]) -> Iterator[Json]:
    """The approved events with a field in the part of the stream in which it is seen: in the first of them as in the
    first, in the last as in the last, and between as between, or where there is nothing as where it is not."""
    between = [*new[1:-1], *sorted((new[0], new[-1]), key=lambda each: _is_object(each, steps))][0]
    for index, event in enumerate(old):
        giver = new[0] if index == 0 else new[-1] if index == len(old) - 1 else between
        yield _given(event, giver, steps)


def _given(event: Json, giver: Json, steps: list[str]) -> Json:
    """An event with what another one has at the end of a path, where both lead there."""
    if not isinstance(event, dict) or not isinstance(giver, dict):
        return event
    step, rest = steps[0], steps[1:]
    if rest and step in event and step in giver:
        return {**event, step: _given(event[step], giver[step], rest)}
    left = {key: each for key, each in event.items() if key != step}
    return {**event, step: giver[step]} if step in giver else left


def _events(body: dict[str, Json]) -> list[Json]:
    held = body.get("events")
    return [each for each in held if each != NOTE] if isinstance(held, list) else []


def _type_of(event: Json) -> Json:
    return event.get("type") if isinstance(event, dict) else None
