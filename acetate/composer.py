"""PyYAML with bounds. Its events come from C (fast), its nodes from Python: the composer in C recurses on the C stack,
where 100,000 brackets end the process."""

from __future__ import annotations

import re
from typing import Any

from yaml import composer
from yaml.constructor import SafeConstructor
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.error import MarkedYAMLError
from yaml.events import AliasEvent
from yaml.resolver import Resolver

__all__ = ["Composer", "CoreComposer"]

_DEEPEST = 100
_MOST = 1_000_000


class Composer(composer.Composer, CParser, SafeConstructor, Resolver):
    """A loader for `yaml.load`: safe, no deeper than 100, no more than a million values with aliases counted as often
    as they repeat something. Raises MarkedYAMLError beyond."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        composer.Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self._depth = 0
        self._weight = 0
        self._weights: dict[str, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()
        if isinstance(event, AliasEvent):
            if event.anchor in self.anchors:
                self._grow(
                    self._weights.get(str(event.anchor), _MOST), event
                )  # what is not complete yet contains itself
            return super().compose_node(parent, index)
        before = self._weight
        self._grow(1, event)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise MarkedYAMLError(problem=f"it is nested deeper than {_DEEPEST}", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if event.anchor:
            self._weights[event.anchor] = self._weight - before
        return node

    def _grow(self, values: int, event: Any) -> None:
        self._weight += values
        if self._weight > _MOST:
            raise MarkedYAMLError(problem=f"it stands for more than {_MOST:,} values", problem_mark=event.start_mark)

    def _text(self, node: Any) -> Any:
        return self.construct_scalar(node)

    def _sequence(self, node: Any) -> Any:
        return self.construct_sequence(node, deep=True)

    def _file(self, node: Any) -> Any:
        state = self.construct_mapping(node, deep=True).get("state")
        return state[0] if state else b""

    def _iterator(self, node: Any) -> Any:
        arguments = self.construct_mapping(node, deep=True).get("args")
        parts = arguments[0] if arguments else []
        return b"".join(part if isinstance(part, bytes) else str(part).encode() for part in parts)


for _tag, _construct in {
    "str": Composer._text,
    "unicode": Composer._text,
    "tuple": Composer._sequence,
    "object/new:_io.BytesIO": Composer._file,
    "object/apply:builtins.iter": Composer._iterator,
}.items():  # what vcrpy itself writes, read as the data it holds: no object is ever made
    Composer.add_constructor(f"tag:yaml.org,2002:python/{_tag}", _construct)  # type: ignore[type-var]


class CoreComposer(Composer):
    """Reads plain scalars by the core schema of YAML 1.2, and so as JSON has them: `2026-01-01`, `12:30:45`, `yes` and
    `=` are text, `1e5` is a number. Integers are exact, however large."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (as PyYAML wants it)

    def _int(self, node: Any) -> int:
        text = str(self.construct_scalar(node))
        return int(text, 10) if text.lstrip("+-").isdigit() else int(text, 0)

    def _float(self, node: Any) -> float:
        return float(str(self.construct_scalar(node)).replace(".inf", "inf").replace(".nan", "nan"))


for _tag, _form, _first in (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", "-+.0123456789"),
):
    _starts = [*_first, ""] if _tag == "null" else list(_first)
    CoreComposer.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_form})\Z"), _starts)
CoreComposer.add_constructor("tag:yaml.org,2002:int", CoreComposer._int)  # type: ignore[type-var]
CoreComposer.add_constructor("tag:yaml.org,2002:float", CoreComposer._float)  # type: ignore[type-var]
