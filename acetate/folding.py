"""Folding: several removals and additions that are one fact become one difference.

A field removed and a field of the same shape added beside it is a rename; the same leaf under another parent is a
move; a whole body that now lies inside one property was wrapped. Children are never reported beside their parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

from acetate.change import ABSENT, Difference
from acetate.path import ITEM, child
from acetate.retyping import types_text
from acetate.shape import Shape

__all__ = ["Added", "Removed", "enveloped", "folded"]

_ALIKE = 0.1
"""How much closer by name the best partner of a rename must be than the next one; else nothing is folded."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A property that was approved and is not there now; `everywhere` is False where only some parents lost it."""

    path: str
    parent: str
    key: str
    shape: Shape
    required: bool
    everywhere: bool = True


@dataclass(frozen=True, slots=True)
class Added:
    """A property, or the first items of an array, that nothing approved has."""

    path: str
    parent: str
    key: str
    shape: Shape


def folded(root: str, removed: list[Removed], added: list[Added], found: list[Difference]) -> list[Difference]:
    """All of it as differences, each fact once, in the order in which people read a body."""
    differences: list[Difference] = []
    wrapped = _wrapped(root, removed, added)
    if wrapped:
        differences.append(wrapped)
        removed = [each for each in removed if each.parent != root or not each.everywhere]
        added = [each for each in added if each.parent != root]
    pool = list(added)
    left: list[Removed] = []
    for gone in removed:
        partner = _renamed(gone, removed, pool) if gone.everywhere else None
        if partner is None:
            left.append(gone)
            continue
        pool.remove(partner)
        differences.append(Difference("field-renamed", gone.path, partner.path, gone.path, partner.path))
    for gone in left:
        move = _moved(gone, pool) if gone.everywhere else None
        if move is not None:
            carrier, before, after = move
            pool.remove(carrier)
            differences.append(Difference("field-moved", before, after, before, after))
            continue
        kind = "field-removed" if gone.required else "optional-field-removed"
        differences.append(Difference(kind, gone.path, gone.path, types_text(gone.shape.types.keys()), ABSENT))
    differences += [
        Difference("field-added", new.path, new.path, ABSENT, types_text(new.shape.types.keys())) for new in pool
    ]
    return differences + found


def enveloped(root: str, before: Shape, now: Shape) -> Difference | None:
    """A list that is a property of an object now, or the other way round."""
    for kind, bare, whole in (("body-wrapped", before, now), ("body-unwrapped", now, before)):
        if set(bare.types) != {"array"}:
            continue
        key = next((key for key, each in whole.properties.items() if each.signature == bare.signature), None)
        if key is not None:
            paths = (root, child(root, key)) if kind == "body-wrapped" else (child(root, key), root)
            return Difference(kind, paths[0], paths[1], *paths)
    return None


def _wrapped(root: str, removed: list[Removed], added: list[Added]) -> Difference | None:
    """The body inside a new property, or the inside of one approved property as the body."""
    gone = [each for each in removed if each.parent == root and each.everywhere]
    new = [each for each in added if each.parent == root]
    if len(gone) > 1 and len(new) == 1 and _holds(new[0].shape, {each.key: each.shape for each in gone}):
        return Difference("body-wrapped", root, new[0].path, root, new[0].path)
    if len(new) > 1 and len(gone) == 1 and _holds(gone[0].shape, {each.key: each.shape for each in new}):
        return Difference("body-unwrapped", gone[0].path, root, gone[0].path, root)
    return None


def _holds(shape: Shape, fields: dict[str, Shape]) -> bool:
    return all(
        key in shape.properties and shape.properties[key].signature == inner.signature for key, inner in fields.items()
    )


def _renamed(gone: Removed, removed: list[Removed], pool: list[Added]) -> Added | None:
    """The one addition beside it that has the same shape; by likeness of names where several do."""
    alike = [
        each
        for each in pool
        if each.parent == gone.parent and each.key != ITEM and each.shape.signature == gone.shape.signature
    ]
    rivals = [
        each
        for each in removed
        if each is not gone and each.parent == gone.parent and each.shape.signature == gone.shape.signature
    ]
    if len(alike) == 1 and not rivals:
        return alike[0]
    ranked = sorted(alike, key=lambda each: (-_likeness(gone.key, each.key), each.key))
    if not ranked:
        return None
    best = _likeness(gone.key, ranked[0].key)
    next_best = _likeness(gone.key, ranked[1].key) if len(ranked) > 1 else 0.0
    rival = max((_likeness(each.key, ranked[0].key) for each in rivals), default=0.0)
    return ranked[0] if best - max(next_best, rival) >= _ALIKE else None


def _moved(gone: Removed, pool: list[Added]) -> tuple[Added, str, str] | None:
    """The addition that carries the same leaf under another parent, with the paths before and after. A leaf may also
    have moved into an object that was added around it, or out of one that was removed around it."""
    for new in pool:
        if new.key == gone.key and new.parent != gone.parent and new.shape.signature == gone.shape.signature:
            return new, gone.path, new.path
    for new in pool:
        if _only(new.shape, gone.key, gone.shape):
            return new, gone.path, child(new.path, gone.key)
        if _only(gone.shape, new.key, new.shape):
            return new, child(gone.path, new.key), new.path
    return None


def _only(outer: Shape, key: str, leaf: Shape) -> bool:
    return set(outer.properties) == {key} and outer.properties[key].signature == leaf.signature


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
