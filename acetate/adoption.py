"""Adoption: what was approved, edited at the path of one change and nowhere else, so that accepts come in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acetate.body import Json
from acetate.change import Change
from acetate.mask import forms
from acetate.path import ITEM, MAP_KEY, parts
from acetate.shape import NOTE
from acetate.snapshot import Entry

__all__ = ["adopted", "taken"]

_WHOLE = ("$status", "$headers.content-type")
_TWO_PATHS = frozenset({"field-renamed", "field-moved", "body-wrapped", "body-unwrapped"})


def adopted(entry: Entry, seen: Entry, change: Change, echoes: Sequence[str]) -> Entry:
    """The approved entry with this change taken from what is seen. `echoes` are the paths in the assembled reply that
    only repeat a change in the events of a stream."""
    if change.path in _WHOLE:
        return seen
    if change.path.startswith("$headers."):
        name = change.path.removeprefix("$headers.")
        return replace(entry, headers={key: value for key, value in entry.headers.items() if key != name})
    paths = [change.path]
    if change.kind in _TWO_PATHS:
        paths = [str(change.before), str(change.after)]
    body = entry.body
    for path in [*paths, *echoes]:
        body = taken(body, seen.body, _steps(path, entry.stream))
    if "$.model" in paths:
        return replace(entry, body=body, model=seen.model, label=seen.label)
    return replace(entry, body=body)


def taken(before: Json, now: Json, steps: Sequence[str | int]) -> Json:
    """`before` with the part at `steps` as it is in `now`; masked values both."""
    if not steps:
        return now
    step, rest = steps[0], steps[1:]
    if isinstance(before, list) and isinstance(now, list) and step == ITEM:
        return _taken_items(before, now, rest) if rest else now
    if not isinstance(before, dict) or not isinstance(now, dict):
        return before
    if step == MAP_KEY:
        return {**before, MAP_KEY: taken(before.get(MAP_KEY), now.get(MAP_KEY), [ITEM, *rest])}
    key = str(step)
    if rest and key in before and key in now:
        return {**before, key: taken(before[key], now[key], rest)}
    left = {name: value for name, value in before.items() if name != key}
    return {**left, key: now[key]} if key in now else left


def _taken_items(before: list[Json], now: list[Json], steps: Sequence[str | int]) -> Json:
    """Each form that is seen, taken into the approved form that it is closest to; approved forms that are not seen any
    more stay, but for this path."""
    old, new = [each for each in before if each != NOTE], [each for each in now if each != NOTE]
    if not old or not new:
        return before if not new else now
    result, used = [], set()
    for form in new:
        index = _closest(old, form, steps)
        used.add(index)
        result.append(taken(old[index], form, steps))
    result += [taken(form, new[0], steps) for index, form in enumerate(old) if index not in used]
    return forms(result)


def _closest(old: list[Json], form: Json, steps: Sequence[str | int]) -> int:
    """The approved form that differs from this one at no other path; else the one that shares most properties."""
    best, score = 0, -1
    for index, each in enumerate(old):
        if taken(each, form, steps) == form:
            return index
        if isinstance(each, dict) and isinstance(form, dict):
            alike = sum(1 for key in each if key in form and each[key] == form[key])
            if alike > score:
                best, score = index, alike
    return best


def _steps(path: str, stream: bool) -> list[str | int]:
    steps = list(parts(path))
    if not stream:
        return steps
    return ["reply", *steps] if path.startswith("$reply") else ["events", ITEM, *steps]
