"""Paths into JSON: `$.choices[].message.role`.

Normalised paths write every array index as `[]` and every key of a map as `{*}`; concrete ones keep the index.
`$` is the body (of one event, for a stream), `$reply` the reply assembled from a stream, `$headers` the kept
headers, `$status` the status, `$request` the request; `$event` is the name of an event where only the framing of a
stream says it, `$terminator` the mark that ends one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from acetate.body import Json

__all__ = ["ITEM", "MAP_KEY", "child", "covers", "expand", "last", "parts"]

ITEM = "[]"
MAP_KEY = "{*}"
_PLAIN = re.compile(r"[A-Za-z_@][A-Za-z0-9_@-]*\Z")
_PART = re.compile(r'\.([^.\[{"]+)|(\[\])|\[(\d+)\]|(\{\*\})|\["((?:[^"\\]|\\.)*)"\]|^(\$[a-z]*)')


def child(path: str, key: str) -> str:
    """The path of a property: `.name`, or `["odd name"]` where a plain name would be ambiguous."""
    return f"{path}.{key}" if _PLAIN.match(key) else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def parts(path: str) -> Iterator[str | int]:
    """The steps of a path without its root: property names, `ITEM`, `MAP_KEY`, and whole numbers for indexes.

    Raises ValueError for text that is not a path.
    """
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            raise ValueError(f"`{path}` is not a path at character {position}")
        name, item, index, map_key, quoted, root = match.groups()
        position = match.end()
        if root is not None:
            continue
        if index is not None:
            yield int(index)
        elif quoted is not None:
            yield json.loads(f'"{quoted}"')
        else:
            yield name if name is not None else item or map_key


def last(path: str) -> str:
    """The last step as text: the name of a leaf."""
    steps = list(parts(path))
    return str(steps[-1]) if steps else path


def covers(path: str, other: str) -> bool:
    """True if `other` is `path` or lies below it."""
    return other == path or (other.startswith(path) and other[len(path)] in ".[{")


def expand(value: Json, path: str, root: str) -> Iterator[tuple[str, bool, Json]]:
    """Every concrete place in `value` that a normalised path names, with `root` for its `$`: the place, whether
    something is there, and what. Where a parent is missing, there is no place."""
    yield from _expand(value, list(parts(path)), root)


def _expand(value: Json, steps: list[str | int], place: str) -> Iterator[tuple[str, bool, Json]]:
    if not steps:
        yield place, True, value
        return
    step, rest = steps[0], steps[1:]
    if step == ITEM and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _expand(item, rest, f"{place}[{index}]")
    elif isinstance(value, dict) and isinstance(step, str):
        if step in value:
            yield from _expand(value[step], rest, child(place, step))
        elif step == MAP_KEY:
            for key, item in value.items():
                yield from _expand(item, rest, child(place, key))
        elif not rest and step != ITEM:
            yield child(place, step), False, None
