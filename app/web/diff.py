"""Diff: two masked JSON values aligned line by line, with what is equal folded away around what is not.

The values are walked as trees, so a bracket never pairs with somebody else's and every line knows its path: the lines
of the change in question are in focus, those that belong to other changes are not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
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
"""What is longer is cut: a page is for people. First goes what is folded away, last what is in focus."""

MOST_COMPARED: Final = 100_000
"""Lines. Beyond that it is said that there are more, not what they are."""

LARGEST_MATCH: Final = 1_000_000
"""Items of one array times items of the other: beyond that they are taken in order."""

TOO_DEEP: Final = Line(0, "$", (Token("note", "nested too deeply to be shown"),))
TOO_LONG: Final = Line(0, "$", (Token("note", "the rest is too long to be compared"),))


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
    demand. One that is `cut` has more lines than are shown, and none of them: so many are left out."""

    old: tuple[Line, ...]
    new: tuple[Line, ...]
    equal: bool
    focus: bool = False
    folded: bool = False
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Diff:
    """All blocks in order, also those of which nothing is shown."""

    blocks: tuple[Block, ...]

    @property
    def is_equal(self) -> bool:
        return all(block.equal for block in self.blocks)

    @property
    def stretches(self) -> list[Stretch]:
        """The blocks by whether they are folded away."""
        return [Stretch(tuple(same), folded) for folded, same in groupby(self.blocks, key=lambda block: block.folded)]

    @property
    def has_focus(self) -> bool:
        return any(block.focus for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring blocks that are all shown, or all folded away under one line."""

    blocks: tuple[Block, ...]
    folded: bool

    @property
    def is_equal(self) -> bool:
        return all(block.equal for block in self.blocks)

    @property
    def length(self) -> int:
        return sum(block.cut or max(len(block.old), len(block.new)) for block in self.blocks)


def diff(old: Json | Absent, new: Json | Absent, *, place: Place, focus: Sequence[str] = ()) -> Diff:
    """What is approved beside what was seen. `focus` are the normalised paths of the change in question."""
    if any(not isinstance(each, Absent) and is_deep(each) for each in (old, new)):
        return Diff((Block((TOO_DEEP,), (TOO_DEEP,), equal=True),))
    every = _rows(old, new, place)
    rows = [row._replace(focus=_is_in(row, focus)) for row in islice(every, MOST_COMPARED)]
    if next(every, None):
        rows.append(Row(None, TOO_LONG))
    return Diff(tuple(_blocks(rows)))


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
    shown = _shown(rows, kept)
    for (cut, folded, equal, focus), run in groupby(zip(rows, kept, shown, strict=True), key=_look):
        found = [row for row, _, _ in run]
        if cut:
            yield Block((), (), equal=all(row.is_equal for row in found), folded=folded, cut=len(found))
            continue
        yield Block(
            old=tuple(row.old for row in found if row.old),
            new=tuple(row.new for row in found if row.new),
            equal=equal,
            focus=focus,
            folded=folded,
        )


def _look(fate: tuple[Row, bool, bool]) -> tuple[bool, bool, bool, bool]:
    """Rows that look the same stand in one block; of those that are cut nobody sees how they look."""
    row, kept, shown = fate
    return (not shown, not kept, shown and row.is_equal, shown and row.focus and not row.is_equal)


def _shown(rows: list[Row], kept: list[bool]) -> list[bool]:
    """Which rows a page has room for: those in focus before those that are kept, and these before the folded ones."""
    if len(rows) <= MOST_LINES:
        return [True] * len(rows)
    ranks = [_rank(row, stays) for row, stays in zip(rows, kept, strict=True)]
    first = set(sorted(range(len(rows)), key=lambda index: ranks[index])[:MOST_LINES])
    return [index in first for index in range(len(rows))]


def _rank(row: Row, kept: bool) -> int:
    if row.focus and not row.is_equal:
        return 0
    return 1 if kept else 2


def _kept(rows: list[Row]) -> list[bool]:
    """Which rows are shown at once: those in question, some around them, and what they are inside of; or all, where
    nothing differs."""
    wanted = _in_question(rows)
    if not any(wanted):
        return [True] * len(rows)
    kept = [False] * len(rows)
    for index, is_wanted in enumerate(wanted):
        if is_wanted:
            start, end = max(0, index - CONTEXT), min(len(rows), index + CONTEXT + 1)
            kept[start:end] = [True] * (end - start)
    for index in _around(rows, wanted):
        kept[index] = True
    return _without_slits(kept)


def _in_question(rows: list[Row]) -> list[bool]:
    """The rows that differ: those in focus, or all where none is."""
    differ = [not row.is_equal for row in rows]
    focused = [row.focus and differs for row, differs in zip(rows, differ, strict=True)]
    return focused if any(focused) else differ


def _around(rows: list[Row], wanted: list[bool]) -> set[int]:
    """The rows that open what a wanted row is inside of."""
    found: set[int] = set()
    open_rows: list[int] = []
    for index, row in enumerate(rows):
        if wanted[index]:
            found.update(open_rows)
        elif row.is_equal and row.new is not None and row.new.opens:
            open_rows.append(index)
        elif row.is_equal and row.new is not None and row.new.closes:
            open_rows.pop()
    return found


def _without_slits(kept: list[bool]) -> list[bool]:
    """One or two hidden lines are not worth a fold."""
    result: list[bool] = []
    for stays, run in groupby(kept):
        length = len(list(run))
        result += [stays or length <= 2] * length
    return result
