"""Masked JSON as lines to be read: each line in tokens, with its path, and what is masked marked as such.

Nothing here is HTML: the template escapes every text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from acetate.body import Json
from acetate.path import ITEM, MAP_KEY, child
from acetate.report.wording import cut
from acetate.shape import JSON_TEXT, MASKS, NOTE

__all__ = ["Line", "Place", "Token", "bracket", "lines", "step_into"]

TokenKind = Literal["key", "mark", "string", "number", "word", "masked", "note"]

LONGEST_TEXT: Final = 400
"""Columns of one recorded value. What a snapshot shows as it is are short words."""

_MASKED: Final = {
    "<text>": "text",
    "<id>": "id",
    "<int>": "integer",
    "<number>": "number",
    "<time>": "time",
    "<bytes>": "bytes",
}
assert _MASKED.keys() == MASKS.keys()


class Token(NamedTuple):
    kind: TokenKind
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """`path` is normalised; `opens` and `closes` an object or an array that goes over several lines."""

    depth: int
    path: str
    tokens: tuple[Token, ...]
    opens: bool = False
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its path, how deep, and the property whose value it is. The items of a `list_of_forms`
    stand at its own path: they are the events of a stream, or the values of a map."""

    path: str
    depth: int = 0
    name: str | None = None
    list_of_forms: bool = False

    @property
    def label(self) -> tuple[Token, ...]:
        if self.name is None:
            return ()
        if self.name in (MAP_KEY, JSON_TEXT):
            note = "each key" if self.name == MAP_KEY else "JSON in a text"
            return (Token("note", note), Token("mark", ": "))
        return (Token("key", cut(json.dumps(self.name, ensure_ascii=False), LONGEST_TEXT)), Token("mark", ": "))


def step_into(place: Place, key: str | None) -> Place:
    """The place of a property, or of an item where `key` is None."""
    if key is None:
        return Place(place.path if place.list_of_forms else place.path + ITEM, place.depth + 1)
    if key == JSON_TEXT:
        return Place(place.path, place.depth + 1, key)
    if key == MAP_KEY:
        return Place(place.path + MAP_KEY, place.depth + 1, key, list_of_forms=True)
    return Place(child(place.path, key), place.depth + 1, key)


def lines(value: Json, place: Place) -> Iterator[Line]:
    """A value from its label to its last bracket."""
    if not value or not isinstance(value, (dict, list)):
        yield Line(place.depth, place.path, (*place.label, _leaf(value)))
        return
    yield bracket(value, place, opening=True)
    if isinstance(value, dict):
        for key in sorted(value):
            yield from lines(value[key], step_into(place, key))
    else:
        for item in value:
            yield from lines(item, step_into(place, None))
    yield bracket(value, place, opening=False)


def bracket(value: Json, place: Place, *, opening: bool) -> Line:
    """The first or the last line of a branch."""
    pair = "{}" if isinstance(value, dict) else "[]"
    if opening:
        return Line(place.depth, place.path, (*place.label, Token("mark", pair[0])), opens=True)
    return Line(place.depth, place.path, (Token("mark", pair[1]),), closes=True)


def _leaf(value: Json) -> Token:
    if isinstance(value, str):
        if value in _MASKED:
            return Token("masked", _MASKED[value])
        if value == NOTE:
            return Token("note", "one or more of these")
        return Token("string", cut(json.dumps(value, ensure_ascii=False), LONGEST_TEXT))
    if isinstance(value, dict):
        return Token("mark", "{}")
    if isinstance(value, list):
        return Token("mark", "[]")
    if value is None or isinstance(value, bool):
        return Token("word", json.dumps(value))
    return Token("number", cut(json.dumps(value), LONGEST_TEXT))
