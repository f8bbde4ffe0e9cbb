"""Leaf: every string of the JSON in a text, as a value or as a key, and where its characters stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from acetate.path import ITEM, child

__all__ = ["STRING", "Document", "Leaf", "documents_in"]

STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
"""A JSON string in a text; its first group is what stands between the quotes."""

_LINE = re.compile(r"^(?:data:[ ]?)?([{\[\"][^\r\n]*)", re.MULTILINE)
_OPENS = frozenset('{["')


class Leaf(NamedTuple):
    """A string in a JSON document, as a value or as a key, and where its characters stand in the text.

    `group` tells apart what `path` does not: items of an array by their `index` (or position), so that the pieces of
    one streamed string share a group. `quiet` is what stands in log probabilities, where every word can be a key.
    """

    text: str
    name: str
    path: str
    group: str
    is_key: bool
    quiet: bool
    start: int
    end: int


class Document(NamedTuple):
    """A JSON document, where it stands in the text, and all its strings in order."""

    start: int
    end: int
    leaves: list[Leaf]


class _Pairs(list[tuple[str, object]]):
    """A JSON object with all its members in order, also those of one name."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=float, strict=False)


def documents_in(text: str) -> list[Document]:
    """The JSON documents in a text: all of it, or lines of it (also as the data of events)."""
    if text.lstrip()[:1] in _OPENS and (document := _located(text, 0, len(text))):
        return [document]
    found = (_located(text, *line.span(1)) for line in _LINE.finditer(text))
    return [document for document in found if document]


def _located(text: str, start: int, end: int) -> Document | None:
    try:
        document = _DECODER.decode(text[start:end])
    except (ValueError, RecursionError):
        return None
    tokens = zip(_leaves(document), STRING.finditer(text, start, end), strict=True)
    return Document(start, end, [Leaf(*said, *token.span(1)) for said, token in tokens])


def _leaves(document: Any) -> Iterator[tuple[str, str, str, str, bool, bool]]:
    """All strings of an object, an array or a string in the order of the text, as the first fields of a `Leaf`."""
    todo: list[tuple[Any, str, str, str, bool, bool]] = [(document, "", "$", "$", False, False)]
    while todo:
        value, name, path, group, is_key, quiet = todo.pop()
        if isinstance(value, str):
            yield value, name, path, group, is_key, quiet
        elif isinstance(value, _Pairs):
            index = _index(value)
            for key, inner in reversed(value):
                at, hushed = _child(path, key), quiet or "logprob" in key
                if isinstance(inner, (str, list)):
                    todo.append((inner, key, at, f"{group}{index}.{key}", False, hushed))
                todo.append((key, "", at, "", True, hushed))
        else:
            for position, inner in reversed(list(enumerate(value))):
                if isinstance(inner, (str, list)):
                    step = ITEM if isinstance(inner, _Pairs) and _index(inner) else f"[{position}]"
                    todo.append((inner, name, path + ITEM, group + step, False, quiet))


def _index(members: _Pairs) -> str:
    for name, value in members:
        if name == "index" and isinstance(value, float):
            return f"<{value}>"
    return ""


_child = lru_cache(maxsize=4096)(child)
