"""Comparison: the approved masked form of one exchange beside what is seen now, as differences.

Both sides are read as shapes, so that the order of array items and of keys never matters, and every path is
reported once. What the contract has approved elsewhere decides between a break and a known variation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from acetate.body import Json
from acetate.change import ABSENT, Difference
from acetate.folding import Added, Removed, enveloped, folded
from acetate.keying import rekeyed
from acetate.mask import mark_at, remask
from acetate.path import ITEM, MAP_KEY, child
from acetate.provider import Rules
from acetate.retyping import JSON_TYPES, type_kind, types_text
from acetate.sequence import resequenced
from acetate.shape import Shape

__all__ = ["Known", "compare"]

_BINARY = "binary"


class Known(Protocol):
    """What a contract has approved at a path, over all its exchanges."""

    def requires(self, path: str) -> bool:
        """True if every approved parent object had the property."""

    def types(self, path: str) -> frozenset[str]:
        """JSON types approved there (`number` stands for integers too); empty where nothing was seen."""

    def values(self, path: str, model: str | None) -> frozenset[Json]:
        """Literal values approved there for one model; for every model where it is None."""

    def may_be_empty(self, path: str) -> bool:
        """True if an empty array was approved there."""


def compare(
    approved: Sequence[Json],
    seen: Sequence[Json],
    rules: Rules,
    known: Known | None,
    *,
    root: str = "$",
    model: str | None = None,
) -> list[Difference]:
    """What differs between two masked bodies (or the distinct masked events of two streams), folded. `model` is given
    where both sides come from the same one: only then a change between two values that were both approved for it is
    no more than a `value-changed`."""
    if approved == seen:
        return []
    approved = [remask(each, rules) for each in approved]
    if approved == list(seen):
        return []
    before, now = (Shape.merged(map(Shape.of, each)) for each in (approved, seen))
    envelope = enveloped(root, before, now)
    if envelope:
        return [envelope]
    walk = _Walk(rules, known, model)
    walk.shapes(root, before, now)
    found = [*folded(root, walk.removed, walk.added, walk.found), *walk.values()]
    # The events of a stream come in pieces: which of them is before which says nothing.
    return resequenced(approved[0], seen[0], rules, found, root) if len(approved) == len(seen) == 1 else found


def _type_set(shape: Shape) -> frozenset[str]:
    names = {name for name, count in shape.types.items() if count}
    if "number" in names:
        names.discard("integer")
    return frozenset(names)


@dataclass(slots=True)
class _Walk:
    """One walk over two shapes; what it finds is collected, because folding needs the whole."""

    rules: Rules
    known: Known | None
    model: str | None
    removed: list[Removed] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    found: list[Difference] = field(default_factory=list)
    literals: dict[str, tuple[list[Json], list[Json]]] = field(default_factory=dict)

    def shapes(self, path: str, before: Shape, now: Shape) -> None:
        if not self.types(path, before, now):
            return
        if before.map_value is not None and now.map_value is not None:
            self.shapes(path + MAP_KEY, before.map_value, now.map_value)
        elif before.map_value is None and before.types.get("object") and now.types.get("object"):
            # What was approved as a map, by an older profile or by a person, kept no keys to compare with: the contract
            # speaks alone.
            self.objects(path, before, now)
        if before.types.get("array") and now.types.get("array"):
            self.items(path, before, now)
        self.strings(path, before, now)
        self.collect(path, before, now)

    def types(self, path: str, before: Shape, now: Shape) -> bool:
        """Report a type that was not approved here; False if there is nothing further to compare below. That a number
        is whole once narrows no type."""
        old, new = _type_set(before), _type_set(now)
        known = self.known.types(path) if self.known else frozenset()
        fresh = {name for name in new - old if not (name == "integer" and "number" in old)}
        if not fresh:
            return True
        surprising = {name for name in fresh if name not in known and not (name == "integer" and "number" in known)}
        if not surprising:
            if not old & new:
                self.report("value-changed", path, before, now)
            return bool(old & new)
        if surprising == {"null"}:
            self.report("became-nullable", path, before, now)
            return True
        self.report(rekeyed(before, now) or type_kind(old - {"null"}, new - {"null"}), path, before, now)
        return False

    def objects(self, path: str, before: Shape, now: Shape) -> None:
        kind = rekeyed(before, now)
        if kind is None:
            self.properties(path, before, now)
        else:
            self.found.append(Difference(kind, path, path, *kind.split("-became-")))

    def properties(self, path: str, before: Shape, now: Shape) -> None:
        objects_before, objects_now = before.types["object"], now.types["object"]
        for key, old in before.properties.items():
            where = child(path, key)
            new = now.properties.get(key)
            always = old.count == objects_before
            required = self.known.requires(where) if self.known else always
            if new is None:
                self.removed.append(Removed(where, path, key, old, required))
            elif new.count < objects_now and always and required:
                self.removed.append(Removed(where, path, key, old, required, everywhere=False))
            if new is not None:
                self.shapes(where, old, new)
        for key, new in now.properties.items():
            if key not in before.properties:
                self.added.append(Added(child(path, key), path, key, new))

    def items(self, path: str, before: Shape, now: Shape) -> None:
        where = path + ITEM
        if before.items is not None and now.items is not None:
            self.shapes(where, before.items, now.items)
        elif now.items is not None and not (self.known and self.known.types(where)):
            self.added.append(Added(where, path, ITEM, now.items))
        if now.empty and not before.empty and not (self.known and self.known.may_be_empty(path)):
            self.found.append(Difference("array-may-be-empty", path, path, "array", "empty array"))

    def strings(self, path: str, before: Shape, now: Shape) -> None:
        """Formats, and the shape of JSON text in a string."""
        if not (before.types.get("string") and now.types.get("string")):
            return
        old, new = _format(before), _format(now)
        if old == "JSON text" and not new and mark_at(self.rules, path) != "json":
            return  # Shown because a request asked for JSON, and this one did not.
        if old != new and (old or new == _BINARY):
            kind = "format-changed" if new else "format-lost"
            self.found.append(Difference(kind, path, path, old or "text", new or "text"))
        elif before.json is not None and now.json is not None and before.json.signature != now.json.signature:
            self.found.append(Difference("value-changed", path, path, "JSON text", "JSON text of another shape"))

    def collect(self, path: str, before: Shape, now: Shape) -> None:
        """Literals of both sides, by type, where both sides show all of theirs."""
        old: list[Json] = []
        new: list[Json] = []
        for names in (("string",), ("integer", "number"), ("boolean",)):
            shown_before, shown_now = _shown(before, names), _shown(now, names)
            if shown_before and shown_now:
                old += shown_before
                new += shown_now
        if old != new:
            self.literals[path] = (old, new)

    def values(self) -> Iterator[Difference]:
        if not self.literals:
            return
        # Heavy, and only needed when a shown value differs at all.
        from deepdiff import DeepDiff

        before = {path: old for path, (old, _) in self.literals.items()}
        now = {path: new for path, (_, new) in self.literals.items()}
        found = DeepDiff(before, now, ignore_order=True, threshold_to_diff_deeper=0, view="tree")
        for path in sorted({item.path(output_format="list")[0] for items in found.values() for item in items}):
            yield from self.value(path, *self.literals[path])

    def value(self, path: str, old: list[Json], new: list[Json]) -> Iterator[Difference]:
        mark = mark_at(self.rules, path)
        gone = [value for value in old if value not in new]
        fresh = [value for value in new if value not in old]
        if mark not in ("enum", "const"):
            if fresh or len(new) == len(old):
                yield Difference("value-changed", path, path, _one(old), _one(new))
            return
        approved = self.known.values(path, self.model) if self.known and self.model else frozenset()
        for index, value in enumerate(fresh):
            replaced = gone[index] if index < len(gone) else ABSENT
            if value in approved and (replaced is ABSENT or replaced in approved):
                if replaced is not ABSENT:
                    yield Difference("value-changed", path, path, replaced, value)
            elif mark == "const":
                yield Difference("const-changed", path, path, replaced, value)
            elif replaced is ABSENT:
                yield Difference("enum-value-added", path, path, ABSENT, value)
            else:
                yield Difference("enum-value-replaced", path, path, replaced, value)

    def report(self, kind: str, path: str, before: Shape, now: Shape) -> None:
        self.found.append(Difference(kind, path, path, types_text(_type_set(before)), types_text(_type_set(now))))


def _format(shape: Shape) -> str | None:
    """What all strings of a shape are: a time, JSON text, no text at all, or nothing in particular."""
    strings = shape.types.get("string", 0)
    if strings and shape.formats.get("<bytes>") == strings:
        return _BINARY
    if strings and shape.formats.get("<time>") == strings:
        return "date-time"
    if strings and shape.json is not None and shape.json.count == strings:
        return "JSON text"
    return None


def _shown(shape: Shape, names: tuple[str, ...]) -> list[Json]:
    """The literals of these types in order; none where some values are masked."""
    held = {value: count for value, count in shape.values.items() if JSON_TYPES[type(value)] in names}
    masked = sum(held.values()) < sum(shape.types.get(name, 0) for name in names)
    return [] if masked else sorted(held, key=repr)


def _one(values: list[Json]) -> Json:
    return values[0] if len(values) == 1 else values
