"""Retyping: which kind of change it is when the JSON types at a path are not the approved ones."""

from __future__ import annotations

from collections.abc import Set

__all__ = ["JSON_TYPES", "type_kind", "types_text"]

JSON_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}
"""The name of a JSON type by the Python type of its values."""

_SCALARS = frozenset({"string", "integer", "number", "boolean"})


def type_kind(approved: Set[str], seen: Set[str]) -> str:
    """The kind of a change from these types to those, null left out of both. `number` stands for integers too."""
    if not approved:
        return "type-changed"
    if approved < seen or (seen == {"number"} and approved == {"integer"}):
        return "type-widened"
    for container in ("object", "array"):
        if seen == {container} and approved <= _SCALARS:
            return f"scalar-became-{container}"
        if approved == {container} and seen and seen <= _SCALARS:
            return f"{container}-became-scalar"
    return "type-changed"


def types_text(types: Set[str]) -> str:
    """For people: `string`, `integer or null`, and `anything` where no type is said."""
    names = sorted(name for name in types if name != "null" and not (name == "integer" and "number" in types))
    return " or ".join([*names, "null"] if "null" in types else names) or "anything"
