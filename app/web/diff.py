"""Diff: two masked JSON values aligned line by line, with what is equal folded away around what is not.

The values are walked as trees, so a bracket never pairs with somebody else's and every line knows its path: the lines
of the change in question are in focus, those that belong to other changes are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, islice, zip_longest
from typing import Final, NamedTuple

from acetate.body import Json
from acetate.change import ABSENT, Absent
from acetate.mask import is_deep
from acetate.path import covers
from app.web.json_lines import Line, Place, Token, bracket, lines, step_into

__all__ = ["Block", "Diff", "diff"]

CONTEXT: Final = 3
"""Equal lines that stay beside unequal ones."""

MOST_LINES: Final = 4000
"""What is longer is cut: a page is for people."""

LARGEST_MATCH: Final = 1_000_000
"""Items of one array times items of the other: beyond that they are taken in order."""

TOO_DEEP: Final = Line(0, "$", (Token("note", "nested too deeply to be shown"),))


class Row(NamedTuple):
    """What stands beside each other; an equal line stands on both sides."""

    old: Line | None
    new: Line | None
    focus: bool = False

    @property
    def is_equal(self) -> bool:
        return self.old is self.new


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that are read together. Of an equal block both sides are the same lines; a `folded` one is opened on
    demand."""

    old: tuple[Line, ...]
    new: tuple[Line, ...]
    equal: bool
    focus: bool = False
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Diff:
    """`cut` says that there were more lines than anybody reads."""

    blocks: tuple[Block, ...]
    cut: bool = False

    @property
    def is_equal(self) -> bool:
        return all(block.equal for block in self.blocks)

    @property
    def has_focus(self) -> bool:
        return any(block.focus for block in self.blocks)


def diff(old: Json | Absent, new: Json | Absent, *, place: Place, focus: Sequence[str] = ()) -> Diff:
    """What is approved beside what was seen. `focus` are the normalised paths of the change in question."""
    if any(not isinstance(each, Absent) and is_deep(each) for each in (old, new)):
        return Diff((Block((TOO_DEEP,), (TOO_DEEP,), equal=True),))
    rows = list(islice(_rows(old, new, place), MOST_LINES + 1))
    shown = [row._replace(focus=_is_in(row, focus)) for row in rows[:MOST_LINES]]
    return Diff(tuple(_blocks(shown)), cut=len(rows) > MOST_LINES)


def _is_in(row: Row, focus: Sequence[str]) -> bool:
    return any(covers(path, line.path) for line in {row.old, row.new} if line for path in focus)


def _rows(old: Json | Absent, new: Json | Absent, place: Place) -> Iterator[Row]:
    if isinstance(old, Absent) or isinstance(new, Absent):
        yield from _replaced(old, new, place)
    elif _is_same(old, new):
        yield from (Row(line, line) for line in lines(old, place))
    elif old and new and isinstance(old, dict) and isinstance(new, dict):
        yield from _inside(old, place, _members(old, new, place))
    elif old and new and isinstance(old, list) and isinstance(new, list):
        yield from _inside(old, place, _items(old, new, place))
    else:
        yield from _replaced(old, new, place)


def _inside(value: Json, place: Place, rows: Iterator[Row]) -> Iterator[Row]:
    opening, closing = bracket(value, place, opening=True), bracket(value, place, opening=False)
    yield Row(opening, opening)
    yield from rows
    yield Row(closing, closing)


def _replaced(old: Json | Absent, new: Json | Absent, place: Place) -> Iterator[Row]:
    removed = () if isinstance(old, Absent) else lines(old, place)
    added = () if isinstance(new, Absent) else lines(new, place)
    yield from (Row(one, other) for one, other in zip_longest(removed, added))


def _members(old: dict[str, Json], new: dict[str, Json], place: Place) -> Iterator[Row]:
    for key in sorted({*old, *new}):
        yield from _rows(old.get(key, ABSENT), new.get(key, ABSENT), step_into(place, key))


def _items(old: list[Json], new: list[Json], place: Place) -> Iterator[Row]:
    inner = step_into(place, None)
    for before, after in _aligned(old, new):
        for one, other in zip_longest(before, after, fillvalue=ABSENT):
            yield from _rows(one, other, inner)


def _aligned(old: list[Json], new: list[Json]) -> Iterator[tuple[list[Json], list[Json]]]:
    """The items in runs that belong together."""
    if len(old) * len(new) > LARGEST_MATCH:
        yield old, new
        return
    matcher = SequenceMatcher(None, [_canonical(each) for each in old], [_canonical(each) for each in new], False)
    for _, start, end, begin, stop in matcher.get_opcodes():
        yield old[start:end], new[begin:stop]


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _is_same(old: Json, new: Json) -> bool:
    # In Python, True == 1 == 1.0; in JSON they are three values.
    return old == new and (old is new or _canonical(old) == _canonical(new))


def _blocks(rows: list[Row]) -> Iterator[Block]:
    kept = _kept(rows)
    for (equal, focus, stays), run in groupby(
        zip(rows, kept, strict=True), key=lambda each: (each[0].is_equal, each[0].focus, each[1])
    ):
        found = [row for row, _ in run]
        yield Block(
            old=tuple(row.old for row in found if row.old),
            new=tuple(row.new for row in found if row.new),
            equal=equal,
            focus=focus and not equal,
            folded=not stays,
        )


def _kept(rows: list[Row]) -> list[bool]:
    """Which rows are shown at once: the unequal ones, some around them, and what they are inside of; or all, where
    nothing differs."""
    unequal = [index for index, row in enumerate(rows) if not row.is_equal]
    if not unequal:
        return [True] * len(rows)
    kept = [False] * len(rows)
    for index in unequal:
        start, end = max(0, index - CONTEXT), index + CONTEXT + 1
        kept[start:end] = [True] * len(kept[start:end])
    for index in _around(rows):
        kept[index] = True
    return _without_slits(kept)


def _around(rows: Iterable[Row]) -> set[int]:
    """The rows that open what an unequal row is inside of."""
    found: set[int] = set()
    open_rows: list[int] = []
    for index, row in enumerate(rows):
        if not row.is_equal:
            found.update(open_rows)
        elif row.new is not None and row.new.opens:
            open_rows.append(index)
        elif row.new is not None and row.new.closes:
            open_rows.pop()
    return found


def _without_slits(kept: list[bool]) -> list[bool]:
    """One or two hidden lines are not worth a fold."""
    result: list[bool] = []
    for stays, run in groupby(kept):
        length = len(list(run))
        result += [stays or length <= 2] * length
    return result
