"""Keying: whether an array, an object with fixed fields and a map, whose keys are data, took the place of each other.

Said only where the structure makes it sure: the same things, listed on one side and under keys on the other; or keys
that no field is called like, all with values of one shape. Everything else stays the change of types or of fields that
it looks like.
"""

from __future__ import annotations

import re

from acetate.shape import Shape

__all__ = ["rekeyed"]

_DATA = re.compile(r"[\d/.: ]|.@")
"""What the keys of maps hold (`gpt-4`, `2026-11-22`, `a/b`, `me@x`) and names of fields hardly ever do."""


def rekeyed(before: Shape, now: Shape) -> str | None:
    """The kind of such a change at one path, or None."""
    match _holder(before), _holder(now):
        case "array", "object" if _lists(before.items, now):
            return "array-became-map"
        case "object", "array" if _lists(now.items, before):
            return "map-became-array"
        case "object", "object" if before.properties and before.properties.keys().isdisjoint(now.properties):
            if _has_data_keys(now):
                return "object-became-map"
            if _has_data_keys(before) and now.properties and not any(map(_DATA.search, now.properties)):
                return "map-became-object"
    return None


def _holder(shape: Shape) -> str | None:
    """`array` or `object` where all values, but for null, are that."""
    types = shape.types.keys() - {"null"}
    return next(iter(types)) if types in ({"array"}, {"object"}) else None


def _lists(items: Shape | None, keyed: Shape) -> bool:
    """True if the items of an array are the values of an object: it is known as a map, its keys are the positions, or
    the values are objects that lack at most the one field that is their key now."""
    if items is None or keyed.map_value is not None:
        return items is not None
    values = list(keyed.properties.values())
    if not values:
        return False
    value = Shape.merged(values)
    if keyed.properties.keys() == {str(position) for position in range(len(values))}:
        return value.signature == items.signature
    return _are_keyed_objects(items, values, value)


def _are_keyed_objects(items: Shape, values: list[Shape], value: Shape) -> bool:
    if set(items.types) != {"object"} or set(value.types) != {"object"} or not value.properties:
        return False
    keys = items.properties.keys() - value.properties.keys()
    always = {name for name, each in items.properties.items() if each.count == items.count} - keys
    return (
        value.properties.keys() <= items.properties.keys()
        and all(items.properties[name].signature == each.signature for name, each in value.properties.items())
        and all(always <= each.properties.keys() for each in values)
        and (len(values) > 1 if not keys else len(keys) == 1 and all(_is_key(items.properties[key]) for key in keys))
    )


def _is_key(shape: Shape) -> bool:
    return set(shape.types) in ({"string"}, {"integer"})


def _has_data_keys(shape: Shape) -> bool:
    values = {each.signature for each in shape.properties.values()}
    return len(shape.properties) > 1 and len(values) == 1 and all(map(_DATA.search, shape.properties))
