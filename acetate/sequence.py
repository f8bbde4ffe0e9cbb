"""Sequence: the order and the length of arrays whose values are shown to be compared.

Masked items that look alike are one, and their order says nothing. Only where a rule keeps values (`keep`: in the
project's own API the places that `values` names) an array is a sequence: of what it shows of each of its items. Items
that show the same count once, and an array inside of another one is no sequence of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from acetate.body import Json
from acetate.change import Difference
from acetate.path import MAP_KEY, child, covers
from acetate.provider import Mark, RuleNode, Rules
from acetate.shape import JSON_TEXT, MASKS, NOTE

__all__ = ["resequenced", "shown_by"]

_NOTHING = RuleNode()
_SIGNS = frozenset({JSON_TEXT, MAP_KEY})


def resequenced(before: Json, now: Json, rules: Rules, found: Sequence[Difference], root: str) -> list[Difference]:
    """`found`, with what the arrays of two masked bodies show in sequence said as one difference for each array: the
    same in another order, some more or some less. Both sides are what is shown, item by item."""
    for each in _sequences(root, before, now, rules.root, rules):
        inside = [one for one in found if one.kind == "value-changed" and covers(each.path, one.path)]
        if each.kind != "value-changed":
            found = [*(one for one in found if one not in inside), each]
        elif not inside:
            found = [*found, each]  # Each value is known, and no item shows the same of them as before.
    return list(found)


def shown_by(item: Json, known: Sequence[Json]) -> Json:
    """Which of the `known` things a masked item shows; None for an item that shows nothing."""
    fitting = [each for each in known if _fits(item, each)]
    return max(fitting, key=lambda each: len(each) if isinstance(each, dict) else 0, default=None)


def _fits(item: Json, shown: Json) -> bool:
    if isinstance(shown, dict):
        return isinstance(item, dict) and all(key in item and _fits(item[key], each) for key, each in shown.items())
    return type(item) is type(shown) and item == shown


def _sequences(path: str, before: Json, now: Json, node: RuleNode, rules: Rules) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() & now.keys()):
            inner = node.children.get(key, _NOTHING)
            yield from _sequences(child(path, key), before[key], now[key], inner, rules)
    elif isinstance(before, list) and isinstance(now, list):
        old, new = (_shown_in(each, node.item or _NOTHING, rules) for each in (before, now))
        kind = _kind(old, new)
        if kind:
            yield Difference(kind, path, path, list(old.values()), list(new.values()))


def _kind(old: dict[str, Json], new: dict[str, Json]) -> str | None:
    if not old or not new or list(old) == list(new):
        return None
    if old.keys() == new.keys():
        return "order-changed"
    return "length-changed" if old.keys() < new.keys() or new.keys() < old.keys() else "value-changed"


def _shown_in(items: list[Json], node: RuleNode, rules: Rules) -> dict[str, Json]:
    """What each item shows, in order, by how it is written; nothing where an older profile has hidden a part of it."""
    if any(_hides(each, node, node.mark, rules) for each in items if each != NOTE):
        return {}
    shown = [_shown(each, node, node.mark, rules) for each in items if each != NOTE]
    return {json.dumps(each, sort_keys=True): each for each in shown if each is not None}


def _hides(item: Json, node: RuleNode, mark: Mark | None, rules: Rules) -> bool:
    if isinstance(item, dict):
        inner = ((key, each, node.children.get(key, _NOTHING)) for key, each in item.items())
        return not _SIGNS.isdisjoint(item) or any(
            _hides(each, one, one.mark or rules.anywhere.get(key), rules) for key, each, one in inner
        )
    return mark == "keep" and isinstance(item, str) and item in MASKS


def _shown(item: Json, node: RuleNode, mark: Mark | None, rules: Rules) -> Json:
    """The kept values in an item; None where it has none."""
    if isinstance(item, dict):
        shown: dict[str, Json] = {}
        for key, each in item.items():
            inner = node.children.get(key, _NOTHING)
            found = _shown(each, inner, inner.mark or rules.anywhere.get(key), rules)
            if found is not None:
                shown[key] = found
        return shown or None
    return item if mark == "keep" and not isinstance(item, list) else None
