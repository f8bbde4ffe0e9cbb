"""Adoption: what was approved, edited at the path of one change and nowhere else, so that accepts come in any order.

An array (or a map, or the events of a stream) is approved as a set of forms. An edit keeps all of them and gives each
its part from the form that is seen and most like it; what is seen besides is set beside them as one more form. Where a
path cannot be followed on one side, the smallest part around it that both sides have is taken whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from acetate.body import Json
from acetate.change import ABSENT, Absent, Change
from acetate.course import rerouted
from acetate.mask import forms
from acetate.path import ITEM, MAP_KEY, parts
from acetate.sequence import shown_by
from acetate.shape import JSON_TEXT, MASKS, NOTE
from acetate.snapshot import Entry

__all__ = ["adopted"]

Leaf: TypeAlias = "Json | Absent"
"""What is at the end of a path: a masked value, or nothing beside its siblings."""

_WHOLE = ("$status", "$headers.content-type")
_ENVELOPES = ("body-wrapped", "body-unwrapped")
_SIGNS = frozenset({JSON_TEXT, MAP_KEY})


class _Edit(NamedTuple):
    """Which leaves an edit is about. Those seen take the place of those approved, or with `adds` stand beside them."""

    fits: Callable[[Leaf], bool]
    adds: bool = False


def _is_anything(_leaf: Leaf) -> bool:
    return True


def _is_there(leaf: Leaf) -> bool:
    return not isinstance(leaf, Absent)


def _is_shown(leaf: Leaf) -> bool:
    """A string, also one with JSON text, a boolean, or a number that is shown as it is."""
    if isinstance(leaf, str):
        return leaf not in MASKS or MASKS[leaf].type == "string"
    return isinstance(leaf, (bool, int, float)) or (isinstance(leaf, dict) and JSON_TEXT in leaf)


def _is_same(leaf: Leaf, value: Leaf) -> bool:
    return type(leaf) is type(value) and leaf == value


_TAKE = _Edit(_is_anything)
_RETYPE = _Edit(_is_there)
_SHOW = _Edit(_is_shown)


def adopted(entry: Entry, seen: Entry, change: Change, echoes: Sequence[str]) -> Entry:
    """The approved entry with this change taken from what is seen. `echoes` are the paths in the assembled reply that
    only repeat a change in the events of a stream."""
    if change.path in _WHOLE:
        return seen
    course = rerouted(entry, seen, change)
    if course is not None:
        return course
    if change.path.startswith("$headers."):
        name = change.path.removeprefix("$headers.")
        return replace(entry, headers={key: value for key, value in entry.headers.items() if key != name})
    paths = [change.path]
    if change.kind in ("field-renamed", "field-moved"):
        paths = [str(change.before), str(change.after)]
    elif change.kind in _ENVELOPES:
        paths = [min(str(change.before), str(change.after), key=len)]
    body = entry.body
    for path in paths:
        body = _edited(body, seen.body, _steps(path, entry.stream), change)
    for path in echoes:
        body = _taken(body, seen.body, _steps(path, entry.stream), _TAKE)
    if "$.model" in paths:
        return replace(entry, body=body, model=seen.model, label=seen.label)
    return replace(entry, body=body)


def _steps(path: str, stream: bool) -> list[str]:
    steps = [str(step) for step in parts(path)]
    if not stream:
        return steps
    return ["reply", *steps] if path.startswith("$reply") else ["events", ITEM, *steps]


def _edited(before: Json, now: Json, steps: list[str], change: Change) -> Json:
    """The edit that a kind of change asks for and no more: one path can carry several changes."""
    if change.kind.endswith("-became-map"):
        # As a map: other keys the next time are no news.
        return _taken(before, _mapped(now, [*steps, MAP_KEY]), steps, _RETYPE)
    if MAP_KEY in steps:
        now = _mapped(now, steps)
    if isinstance(change.before, list) and isinstance(change.after, list) and ITEM not in steps:
        return _resequenced(before, now, steps, change.before, change.after)
    match change.kind:
        case "body-wrapped" | "body-unwrapped" if not steps and isinstance(before, dict) and isinstance(now, dict):
            return {key: before.get(key, value) for key, value in now.items()}
        case "field-removed" | "optional-field-removed" | "presence-dropped":
            return _taken(before, now, steps, _Edit(lambda leaf: leaf is ABSENT, adds=True))
        case "became-nullable":
            return _taken(before, now, steps, _Edit(lambda leaf: leaf is None, adds=True))
        case "array-may-be-empty":
            return _taken(before, now, steps, _Edit(lambda leaf: leaf == [], adds=True))
        case "field-added" | "presence-rose" if steps[-1] == ITEM:  # The first items of an array that was always empty.
            return _taken(before, now, steps[:-1], _Edit(lambda leaf: isinstance(leaf, list)))
        case "field-added" | "presence-rose" | "field-renamed" | "field-moved" | "body-wrapped" | "body-unwrapped":
            return _taken(before, now, steps, _TAKE)
        case "enum-value-added" | "enum-value-replaced" | "const-changed" | "value-changed" | "null-only":
            return _reworded(before, now, steps, change)
        case "format-lost" | "format-changed":
            return _taken(before, now, steps, _SHOW)
    return _taken(before, now, steps, _RETYPE)


def _reworded(before: Json, now: Json, steps: list[str], change: Change) -> Json:
    if isinstance(change.before, Absent):
        return _taken(before, now, steps, _Edit(lambda leaf: _is_same(leaf, change.after), adds=True))
    old, new = ([leaf for leaf in _leaves(side, steps) if _is_shown(leaf)] for side in (before, now))
    if any(_is_same(leaf, change.before) for leaf in old) and any(_is_same(leaf, change.after) for leaf in new):
        return _replaced(before, steps, change.before, change.after)
    return _taken(before, now, steps, _SHOW if old and new else _RETYPE)


def _replaced(value: Json, steps: list[str], old: Leaf, new: Leaf) -> Json:
    if not steps:
        return new if _is_same(value, old) and not isinstance(new, Absent) else value
    step, rest = steps[0], steps[1:]
    held = _forms_in(value, step)
    if held is not None:
        return _with_forms(value, [_replaced(each, rest, old, new) for each in held])
    if isinstance(value, dict) and step in value:
        return {**value, step: _replaced(value[step], rest, old, new)}
    return value


def _mapped(value: Json, steps: list[str]) -> Json:
    """The value with every object that the path goes through as a map written as one."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step == MAP_KEY and isinstance(value, dict) and _SIGNS.isdisjoint(value):
        value = {MAP_KEY: forms(list(value.values()))}
    held = _forms_in(value, step)
    if held is not None:
        return _with_forms(value, [_mapped(each, rest) for each in held])
    if isinstance(value, dict) and step in value:
        return {**value, step: _mapped(value[step], rest)}
    return value


def _resequenced(before: Json, now: Json, steps: list[str], was: list[Json], wanted: list[Json]) -> Json:
    """The approved items in the order in which they are seen, without those that are not, and those that are new."""
    if steps:
        if isinstance(before, dict) and isinstance(now, dict) and steps[0] in before and steps[0] in now:
            return {**before, steps[0]: _resequenced(before[steps[0]], now[steps[0]], steps[1:], was, wanted)}
        return before
    old, new = (_forms_in(side, ITEM) or [] for side in (before, now))
    known = [*was, *wanted]
    items = [form for form in old if shown_by(form, known) is None]
    for each in wanted:
        items += [form for form in old if shown_by(form, known) == each] or [
            form for form in new if shown_by(form, known) == each
        ]
    return forms(items)


def _taken(before: Json, now: Json, steps: list[str], edit: _Edit) -> Json:
    """`before` with the leaves at `steps` that an edit is about as they are in `now`; masked values both."""
    while steps and not (_leads(before, steps) and _leads(now, steps)):
        steps, edit = steps[:-1], _TAKE
    leaves = list(_leaves(now, steps))
    if not any(map(edit.fits, leaves)):
        return before
    there = [leaf for leaf in leaves if _is_there(leaf)]
    if edit.adds and all(map(edit.fits, there)):
        edit = _RETYPE if there else _TAKE  # Whatever was approved there, all of it is so now.
    return _merged(before, now, steps, edit)


def _merged(before: Json, now: Json, steps: list[str], edit: _Edit) -> Json:
    """Both sides lead to a leaf, and `now` to one that fits."""
    if not steps:
        return now
    step, rest = steps[0], steps[1:]
    old, new = _forms_in(before, step), _forms_in(now, step)
    if old is not None and new is not None:
        return _with_forms(before, _merged_forms(old, new, rest, edit))
    assert isinstance(before, dict)
    assert isinstance(now, dict)
    if rest:
        return {**before, step: _merged(before[step], now[step], rest, edit)}
    left = {key: value for key, value in before.items() if key != step}
    return {**left, step: now[step]} if step in now else left


def _merged_forms(old: list[Json], new: list[Json], steps: list[str], edit: _Edit) -> list[Json]:
    result = list(old)
    givers = [form for form in new if any(map(edit.fits, _leaves(form, steps)))]
    spare = list(givers)
    if not edit.adds:
        for index, form in enumerate(old):
            if any(map(edit.fits, _leaves(form, steps))):
                giver = givers[_closest((_merged(form, each, steps, edit), each) for each in givers)]
                result[index] = _merged(form, giver, steps, edit)
                spare = [each for each in spare if each is not giver]
    bases = [index for index, form in enumerate(old) if _leads(form, steps)]
    for giver in spare if bases else ():
        index = bases[_closest((_merged(old[index], giver, steps, edit), giver) for index in bases)]
        result.append(_merged(old[index], giver, steps, edit))
        if edit.adds and _is_dispensable(result, index, steps):
            result[index] = result.pop()
    return result


def _is_dispensable(held: list[Json], index: int, steps: list[str]) -> bool:
    """True if what a form has at the end of a path, others have there, too."""
    others = [leaf for form in held[:index] + held[index + 1 :] for leaf in _leaves(form, steps)]
    return all(leaf in others for leaf in _leaves(held[index], steps))


def _closest(pairs: Iterator[tuple[Json, Json]]) -> int:
    """Which approved form, once edited, is most like the seen form that it was edited by."""
    looked_at: list[tuple[Json, Json]] = []
    for index, (edited, seen) in enumerate(pairs):
        if edited == seen:
            return index
        looked_at.append((edited, seen))
    return max(range(len(looked_at)), key=lambda index: _alike(*looked_at[index]))


def _alike(one: Json, other: Json) -> int:
    """How many leaves two values share."""
    if isinstance(one, dict) and isinstance(other, dict):
        return sum(_alike(value, other[key]) for key, value in one.items() if key in other)
    if isinstance(one, list) and isinstance(other, list):
        return sum(max((_alike(each, form) for form in other), default=0) for each in one)
    return int(one == other)


def _forms_in(value: Json, step: str) -> list[Json] | None:
    """The forms that a step of a path goes through: of an array for `[]`, of a map for `{*}`."""
    held = value.get(MAP_KEY) if step == MAP_KEY and isinstance(value, dict) else value if step == ITEM else None
    return [each for each in held if each != NOTE] if isinstance(held, list) else None


def _with_forms(value: Json, held: list[Json]) -> Json:
    return {MAP_KEY: forms(held)} if isinstance(value, dict) else forms(held)


def _leaves(value: Json, steps: list[str]) -> Iterator[Leaf]:
    """What is at the end of a path, wherever its parent is there."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    held = _forms_in(value, step)
    if held is not None:
        for each in held:
            yield from _leaves(each, rest)
    elif isinstance(value, dict):
        if step in value:
            yield from _leaves(value[step], rest)
        elif not rest and step not in (ITEM, MAP_KEY):
            yield ABSENT


def _leads(value: Json, steps: list[str]) -> bool:
    return any(True for _ in _leaves(value, steps))
