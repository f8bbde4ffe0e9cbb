"""The masked form of a JSON value: what differs from call to call is replaced by a token that keeps its type.

Strings become `<text>`, `<id>` or `<time>`, numbers `<int>` or `<number>`; null, absence, `[]` and booleans are never
masked. Which values are shown as they are (enums, constants) is said by the rules of the provider, never guessed from
values. An array is written as its distinct items in order of first appearance, then the note `n ≥ 1`; a map (`{*}`)
likewise; JSON text inside a string is shown as `{"<json>": …}`. What a provider sends can never pass for one of these
signs.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import datetime

from acetate.body import Json, parse_json
from acetate.path import ITEM, MAP_KEY, parts
from acetate.provider import Mark, RuleNode, Rules
from acetate.shape import JSON_TEXT, MASKS, NOTE

__all__ = ["DEEPEST", "forms", "is_deep", "mark_at", "marked", "mask", "remask"]

DEEPEST = 100
"""How many levels of JSON are looked into: what is nested deeper is nobody's API, and no walk would end well."""

_SHOWN = frozenset({"enum", "const", "keep"})
_NUMBER_TOKENS = frozenset({"<int>", "<number>"})
_SIGNS = frozenset({*MASKS, NOTE})
_SIGN_KEYS = frozenset({JSON_TEXT, MAP_KEY})
# What JSON Schema calls `date-time`: RFC 3339, with an offset.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_NOTHING = RuleNode()
_INSIDE_TEXT = Rules(RuleNode(), {})


def mask(value: Json, rules: Rules) -> Json:
    """The masked form of a value as it was received."""
    return _mask(value, rules.root, rules.root.mark, rules)


def forms(values: list[Json]) -> list[Json]:
    """Distinct masked values in order of first appearance, then the note; `[]` stays `[]`."""
    distinct: list[Json] = []
    for value in values:
        # In Python, True == 1 == 1.0; in JSON they are three values.
        if not any(value == each and _is_same(value, each) for each in distinct):
            distinct.append(value)
    return [*distinct, NOTE] if distinct else []


def _is_same(one: Json, other: Json) -> bool:
    return repr(one) == repr(other) or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def remask(masked: Json, rules: Rules) -> Json:
    """An approved masked value under today's rules, so that a newer profile makes no change."""
    return _remask(masked, rules.root, rules.root.mark, rules)


def is_deep(value: Json) -> bool:
    """True if a value is nested more than DEEPEST levels deep."""
    level = [value]
    for _ in range(DEEPEST + 1):
        holders = [each for each in level if isinstance(each, (dict, list))]
        if not holders:
            return False
        level = [inner for each in holders for inner in (each.values() if isinstance(each, dict) else each)]
    return True


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


def marked(rules: Rules, path: str, mark: Mark) -> Rules:
    """The rules with one more, at a path of properties and items."""
    root = node = replace(rules.root)
    for step in parts(path):
        if step == ITEM:
            node.item = inner = replace(node.item or _NOTHING)
        else:
            inner = replace(node.children.get(str(step), _NOTHING))
            node.children = {**node.children, str(step): inner}
        node = inner
    node.mark = mark
    return Rules(root, rules.anywhere)


def _mask(value: Json, node: RuleNode, mark: Mark | None, rules: Rules) -> Json:
    kind = type(value)
    if kind is str:
        return _mask_string(value, mark)  # type: ignore[arg-type]
    if kind is dict:
        return _mask_object(value, node, rules)  # type: ignore[arg-type]
    if kind is list:
        item = node.item or _NOTHING
        return forms([_mask(each, item, item.mark, rules) for each in value])  # type: ignore[union-attr]
    if value is None or kind is bool or (mark in _SHOWN and (kind is int or math.isfinite(value))):  # type: ignore[arg-type]
        return value
    return "<int>" if kind is int and mark != "number" else "<number>"


def _mask_object(value: dict[str, Json], node: RuleNode, rules: Rules) -> Json:
    if node.is_map or (len(value) == 1 and not _SIGN_KEYS.isdisjoint(value)):
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
        return "<text>" if value in _SIGNS else value
    if mark == "id":
        return "<id>"
    if mark == "time":
        return "<time>" if _is_time(value) else "<text>"
    if mark == "json":
        try:
            inner = parse_json(value)
        except ValueError:
            return "<text>"
        if isinstance(inner, (dict, list)) and not is_deep(inner):
            return {JSON_TEXT: mask(inner, _INSIDE_TEXT)}
    return "<text>"


def _is_time(value: str) -> bool:
    if not _TIME.match(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


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
        # It stays in what is text today, too: there it was shown because the request asked for JSON.
        return value if mark in (None, "text", "json") else _remask_string("<text>", mark)
    held = value.get(MAP_KEY) if len(value) == 1 else None
    if isinstance(held, list):
        inner = node.value or _NOTHING
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
    if value not in MASKS:
        return _mask_string(value, mark)
    if value == "<bytes>" or (mark == "time" and value == "<time>"):
        return value
    return "<id>" if mark == "id" else "<text>"
