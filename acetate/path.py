"""Paths into JSON: `$.choices[].message.role`.

Normalised paths write every array index as `[]` and every key of a map as `{*}`; concrete ones keep the index.
`$` is the body (of one event, for a stream), `$reply` the reply assembled from a stream, `$headers` the kept
headers, `$status` the status, `$request` the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

__all__ = ["ITEM", "MAP_KEY", "child", "covers", "last", "normalised", "parts"]

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


def normalised(path: str) -> str:
    """The path with every index as `[]`."""
    return re.sub(r"\[\d+\]", ITEM, path)


def last(path: str) -> str:
    """The last step as text: the name of a leaf."""
    steps = list(parts(path))
    return str(steps[-1]) if steps else path


def covers(path: str, other: str) -> bool:
    """True if `other` is `path` or lies below it."""
    return other == path or (other.startswith(path) and other[len(path)] in ".[{")
