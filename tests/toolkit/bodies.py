"""Bodies as hypothesis draws them, and the ways in which a provider changes one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from acetate.provider import Mark, RuleNode, Rules

KEYS = ["id", "type", "status", "object", "role", "created_at", "score", "text", "model", "usage", "arguments", "tags"]
WORDS = [
    "stop",
    "eos",
    "length",
    "2026-01-01T00:00:00Z",
    "hello there",
    '{"city": "Rome"}',
    "",
    "<int>",
    "n ≥ 1",
    "<text>",
]

RULES = Rules(
    RuleNode(),
    {
        "id": "id",
        "type": "enum",
        "status": "enum",
        "object": "const",
        "role": "enum",
        "created_at": "time",
        "score": "number",
        "model": "keep",
        "arguments": "json",
    },
)
"""Marks of every sort, by the name of the key alone."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([2**63, 2**64, 2**70, -(2**70)]),
    st.sampled_from([0.5, 1.0, -2.25e10]),
    st.sampled_from(WORDS),
)
keys = st.sampled_from(KEYS)


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(keys, inner, max_size=4)


values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | _objects(inner), max_leaves=12)
"""Any JSON value."""

objects = st.dictionaries(keys, values, min_size=1, max_size=5)
"""A body as most APIs send it."""

marks: st.SearchStrategy[Mark | None] = st.sampled_from(
    [None, "text", "id", "time", "number", "enum", "const", "keep", "json"]
)


def _nodes(inner: st.SearchStrategy[RuleNode]) -> st.SearchStrategy[RuleNode]:
    return st.builds(
        RuleNode,
        mark=marks,
        is_map=st.booleans(),
        children=st.dictionaries(keys, inner, max_size=3),
        item=st.none() | inner,
        value=st.none() | inner,
    )


rule_sets = st.builds(
    Rules,
    st.recursive(st.builds(RuleNode, mark=marks), _nodes, max_leaves=6),
    st.dictionaries(
        keys, st.sampled_from(["text", "id", "time", "number", "enum", "const", "keep", "json"]), max_size=6
    ),
)
"""Any profile, however odd."""


def _holders(value: Any) -> Iterator[Any]:
    """Every object and every array in a value."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _holders(each)
    elif isinstance(value, list):
        yield value
        for each in value:
            yield from _holders(each)


@st.composite
def mutated(draw: st.DrawFn, body: Any, most: int = 3) -> Any:
    """The body with one to three things changed as providers change them."""
    changed = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, most))):
        holder = draw(st.sampled_from(list(_holders(changed))))
        if isinstance(holder, dict):
            _mutate_object(draw, holder)
        else:
            _mutate_array(draw, holder)
    return changed


def _mutate_object(draw: st.DrawFn, holder: dict[str, Any]) -> None:
    key = draw(st.sampled_from([*holder, draw(keys)]))
    match draw(st.sampled_from(["remove", "rename", "null", "set", "empty"])):
        case "remove":
            holder.pop(key, None)
        case "rename":
            holder[draw(keys)] = holder.pop(key, None)
        case "null":
            holder[key] = None
        case "empty":
            holder[key] = []
        case _:
            holder[key] = draw(values)


def _mutate_array(draw: st.DrawFn, holder: list[Any]) -> None:
    match draw(st.sampled_from(["add", "copy", "remove", "empty"])):
        case "copy" if holder:
            held = copy.deepcopy(draw(st.sampled_from(holder)))
            if isinstance(held, dict):
                _mutate_object(draw, held)
            holder.append(held)
        case "remove" if holder:
            holder.pop(draw(st.integers(0, len(holder) - 1)))
        case "empty":
            holder.clear()
        case _:
            holder.append(draw(values))
