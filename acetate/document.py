"""The text of a cassette as plain values: YAML or JSON, read fast, and safely whoever wrote it.

There are two readers. The fast one (yaml12: YAML 1.2, Rust) is used where both surely agree; the careful one (PyYAML:
YAML 1.1, which is what vcrpy uses; 1.2 for cassetter's) decides everything else, and refuses what is built to hurt.
"""

from __future__ import annotations

import re
from base64 import decodebytes
from typing import Any

import yaml12

from acetate.body import parse_json

__all__ = ["Malformed", "careful", "fast"]

_ANCHOR = re.compile(r"&([\w-]+|\S)")
_ALIAS = re.compile(r"\*([\w-]+|\S)")
_STEPS = bytes.maketrans(b":?", b"--")
# The character that is looked for comes first: so it is found at the speed of a character search.
_COLLECTION_BEFORE = re.compile(rb":(?<=[}\]]:)")
_COMPLEX_KEY = re.compile(rb"\?(?<=[{\[,\n-]\?)")


class Malformed(ValueError):
    """The text is not a document that may be read. `line` counts from 1, and is None where nobody knows it."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


def fast(text: str) -> Any | None:
    """The values, or None where only the careful reader can tell.

    Scalars that are not strings in YAML 1.2 may be strings in YAML 1.1 (`08`, `1e3`): whoever wants a string and
    finds something else here has to ask the careful reader. The text has no carriage return.
    """
    if text.lstrip().startswith("{"):
        try:
            return parse_json(text)
        except ValueError:
            return None  # a flow mapping is YAML, too
    if _doubtful(text):
        return None
    try:
        return yaml12.parse_yaml(text, handlers={"!!binary": _bytes})
    except ValueError:
        return None


def _doubtful(text: str) -> bool:
    """True where the fast reader may read something else, take forever or fall over: aliases (it copies what they
    stand for), deep nesting, collections as keys, several documents, line breaks of YAML 1.1. It looks at the bare
    characters, so text inside strings can raise a doubt as well: that costs time, never the truth."""
    data = b"\n" + text.encode()
    dense = data.translate(None, b" \t")
    return bool(
        b"\n" + 200 * b" " in data
        or 20 * b"-" in dense.translate(_STEPS)
        or any(mark in data for mark in (b"\n---", b"\n..."))
        or _COLLECTION_BEFORE.search(dense.translate(None, b"\n"))
        or _COMPLEX_KEY.search(dense)
        or any(mark in text for mark in "\x85\u2028\u2029")
        or not set(_ANCHOR.findall(text)).isdisjoint(_ALIAS.findall(text))
    )


def _bytes(base64: Any) -> bytes:
    return decodebytes(str(base64).encode("ascii"))


def careful(text: str, *, core: bool = False) -> Any:
    """The values as vcrpy would read them, or by the `core` schema of YAML 1.2. Raises Malformed, also for unsafe tags,
    for nesting deeper than 100 and for aliases that stand for too much."""
    import yaml

    from acetate.composer import Composer, CoreComposer

    try:
        return yaml.load(text, CoreComposer if core else Composer)  # type: ignore[arg-type]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Malformed(str(error.problem or error.context), mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise Malformed(str(error).splitlines()[0]) from None
    except ValueError as error:
        raise Malformed(f"a value cannot be read: {error}") from None
