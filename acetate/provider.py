"""Provider: what an API is called and looks like. Data (`providers/*.toml`), not code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Mark", "Operation", "Provider", "Route", "RuleNode", "Rules"]

Mark = Literal["text", "id", "time", "number", "enum", "const", "keep", "json"]
"""What a rule says of a scalar: `text`, `id`, `time` and `number` are masked (keeping the type), `enum` and `const`
are approved value by value, `keep` is shown and compared but free to vary, `json` is JSON text shown as its shape."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What was called: `together:chat.completions`. `slug` is the name as a file name."""

    provider: str
    name: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"


@dataclass(slots=True)
class RuleNode:
    """The rules at and below one path: what a mask walks along with a value."""

    mark: Mark | None = None
    is_map: bool = False
    children: dict[str, RuleNode] = field(default_factory=dict)
    item: RuleNode | None = None
    value: RuleNode | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of one operation. `root` holds the rules with a whole path, `anywhere` those that name a key at any
    depth (`$..created`); a whole path wins."""

    root: RuleNode
    anywhere: Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a provider: `POST /chat/completions`. `{name}` in the path stands for one segment."""

    name: str
    method: str
    path: str
    stream: bool = False
    rules: Mapping[str, Mark] = field(default_factory=dict)
    maps: tuple[str, ...] = ()
    documented: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Provider:
    """A profile. `aliases` are hosts, or hosts with a path (`router.huggingface.co/together`); the first is canonical."""

    name: str
    aliases: tuple[str, ...] = ()
