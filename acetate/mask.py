"""The masked form of a JSON value: what differs from call to call is replaced by a token that keeps its type.

Strings become `<text>`, `<id>` or `<time>`, numbers `<int>` or `<number>`; null, absence, `[]` and booleans are never
masked. What is shown value by value (enums, constants) is said by the provider's rules, never guessed from values.
An array is written as its distinct items in order of first appearance, then the note `n ≥ 1`; a map (`{*}`) likewise;
JSON text inside a string is shown as `{"<json>": …}`.
"""

from __future__ import annotations

import re

from acetate.body import Json, parse_json
from acetate.path import ITEM, MAP_KEY, parts
from acetate.provider import Mark, RuleNode, Rules
from acetate.shape import JSON_TEXT, NOTE

__all__ = ["forms", "mark_at", "mask", "remask"]

_SHOWN = frozenset({"enum", "const", "keep"})
_STRING_TOKENS = frozenset({"<text>", "<id>", "<time>", "<bytes>"})
_NUMBER_TOKENS = frozenset({"<int>", "<number>"})
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?\Z")
_NOTHING = RuleNode()
_INSIDE_TEXT = Rules(RuleNode(), {})


def mask(value: Json, rules: Rules) -> Json:
    """The masked form of a value as it was received."""
    return _mask(value, rules.root, rules.root.mark, rules)


def forms(values: list[Json]) -> list[Json]:
    """Distinct masked values in order of first appearance, then the note; `[]` stays `[]`."""
    if not values:
        return []
    distinct: list[Json] = []
    for value in values:
        # True == 1 in Python, but masked numbers are tokens, so equality is the equality of JSON here.
        if value not in distinct:
            distinct.append(value)
    return [*distinct, NOTE]


def remask(masked: Json, rules: Rules) -> Json:
    """An approved masked value under today's rules, so that a newer profile makes no change."""
    return _remask(masked, rules.root, rules.root.mark, rules)


def mark_at(rules: Rules, path: str) -> Mark | None:
    """What the rules say of the scalars at a normalised path."""
    node: RuleNode | None = rules.root
    mark = rules.root.mark
    for step in parts(path):
        if step == ITEM:
            node = node.item if node else None
            mark = node.mark if node else None
        elif step == MAP_KEY:
            node = node.value if node else None
            mark = node.mark if node else None
        else:
            node = node.children.get(str(step)) if node else None
            mark = (node.mark if node else None) or rules.anywhere.get(str(step))
    return mark


def _mask(value: Json, node: RuleNode, mark: Mark | None, rules: Rules) -> Json:
    kind = type(value)
    if kind is str:
        return _mask_string(value, mark)  # type: ignore[arg-type]
    if kind is dict:
        return _mask_object(value, node, rules)  # type: ignore[arg-type]
    if kind is list:
        item = node.item or _NOTHING
        return forms([_mask(each, item, item.mark, rules) for each in value])  # type: ignore[union-attr]
    if value is None or kind is bool or mark in _SHOWN:
        return value
    return "<int>" if kind is int and mark != "number" else "<number>"


def _mask_object(value: dict[str, Json], node: RuleNode, rules: Rules) -> Json:
    if node.is_map:
        inner = node.value or _NOTHING
        return {MAP_KEY: forms([_mask(each, inner, inner.mark, rules) for each in value.values()])}
    children, anywhere = node.children, rules.anywhere
    masked: dict[str, Json] = {}
    for key, each in value.items():
        child = children.get(key)
        if child is None:
            masked[key] = _mask(each, _NOTHING, anywhere.get(key), rules)
        else:
            masked[key] = _mask(each, child, child.mark or anywhere.get(key), rules)
    return masked


def _mask_string(value: str, mark: Mark | None) -> Json:
    if mark is None or mark == "text":
        return "<text>"
    if mark in _SHOWN:
        return value
    if mark == "id":
        return "<id>"
    if mark == "time":
        return "<time>" if _TIME.match(value) else "<text>"
    if mark == "json":
        try:
            inner = parse_json(value)
        except ValueError:
            return "<text>"
        if isinstance(inner, (dict, list)):
            return {JSON_TEXT: mask(inner, _INSIDE_TEXT)}
    return "<text>"


def _remask(value: Json, node: RuleNode, mark: Mark | None, rules: Rules) -> Json:
    if isinstance(value, dict):
        return _remask_object(value, node, mark, rules)
    if isinstance(value, list):
        item = node.item or _NOTHING
        return forms([_remask(each, item, item.mark, rules) for each in value if each != NOTE])
    if isinstance(value, str):
        return _remask_string(value, mark)
    return _mask(value, node, mark, rules)


def _remask_object(value: dict[str, Json], node: RuleNode, mark: Mark | None, rules: Rules) -> Json:
    if set(value) == {JSON_TEXT}:
        return value if mark == "json" else "<text>"
    if set(value) == {MAP_KEY}:
        inner = node.value or _NOTHING
        held = value[MAP_KEY]
        assert isinstance(held, list)
        return {MAP_KEY: forms([_remask(each, inner, inner.mark, rules) for each in held if each != NOTE])}
    if node.is_map:
        inner = node.value or _NOTHING
        return {MAP_KEY: forms([_remask(each, inner, inner.mark, rules) for each in value.values()])}
    masked: dict[str, Json] = {}
    for key, each in value.items():
        child = node.children.get(key, _NOTHING)
        masked[key] = _remask(each, child, child.mark or rules.anywhere.get(key), rules)
    return masked


def _remask_string(value: str, mark: Mark | None) -> Json:
    if value in _NUMBER_TOKENS:
        return "<number>" if mark == "number" else value
    if value not in _STRING_TOKENS:
        return _mask_string(value, mark) if mark != "json" else "<text>"
    if mark in _SHOWN or mark == "time":
        return value
    return "<id>" if mark == "id" else "<text>"
