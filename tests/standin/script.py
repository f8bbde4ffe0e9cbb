"""What a test wants the stand-in to do otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from acetate.path import ITEM, MAP_KEY, parts
from tests.standin.models import Dialect

__all__ = ["Coding", "CutBy", "ErrorForm", "Malformed", "Script"]

ErrorForm = Literal["json", "text", "html"]
Coding = Literal["identity", "gzip", "br", "deflate", "zstd"]
Malformed = Literal["bad-json", "no-done", "error", "crlf", "comments"]
CutPlace = Literal["stream", "event", "utf-8"]
CutBy = Literal["reset", "close", "end"]


@dataclass(frozen=True, kw_only=True)
class Script:
    """The defaults are what Together does. Paths are JSON paths (`$.choices[].message.role`) into the body, or into
    each event of a stream; where a path leads nowhere, nothing is done."""

    # --- what is said
    say: str | None = None
    """The content of every reply, which then calls no tools."""
    dialect: Dialect | None = None
    """The engine's, whatever the model; of chats only."""
    finish_reasons: Mapping[str, str] = field(default_factory=dict)
    """Another word for each."""
    remove: Collection[str] = ()
    null: Collection[str] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    """A path and the key that stands there instead."""
    put: Mapping[str, Any] = field(default_factory=dict)
    """A path and its value, added where its parent is."""
    edit: Callable[[Any], Any] | None = None
    """Anything else: takes the body (or one event) and gives another."""
    indent: int | None = 2
    """Of JSON bodies; None writes them compact, as in 2024."""
    clock: bool = False
    """Times from the clock, not from the request."""

    # --- refusing
    error: int | None = None
    error_as: ErrorForm | None = None
    """JSON, but a page for Cloudflare's own statuses."""

    # --- on the wire
    headers: Mapping[str, str | None] = field(default_factory=dict)
    """More headers, or other values; None leaves one out."""
    delay: float = 0
    """Seconds before the status line."""
    pause: float = 0
    """Seconds between the pieces of the body."""
    chunk_size: int | None = None
    """Bytes of a piece. Otherwise a stream has one event in each and any other body is one."""
    encoding: Coding | None = None
    """Otherwise what the client accepts, and never for a stream or an error."""
    content_length: int | None = None
    """What the header says, whatever is true; the connection closes afterwards."""
    malformed: Collection[Malformed] = ()
    """What is wrong with a stream."""
    cut: CutPlace | int | None = None
    """Where the body stops: after half of its events, inside the next event, inside a letter, or after so many bytes
    (before any content coding)."""
    cut_by: CutBy = "reset"
    """What the client then sees: a TCP reset, the end of the connection, or an end in good order."""

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("dialect", [self.dialect], Dialect),
            ("error_as", [self.error_as], ErrorForm),
            ("encoding", [self.encoding], Coding),
            ("malformed", self.malformed, Malformed),
            ("cut", [] if isinstance(self.cut, int) else [self.cut], CutPlace),
            ("cut_by", [self.cut_by], CutBy),
        ):
            if strange := set(value) - {None, *get_args(allowed)}:
                raise ValueError(f"{name} cannot be {', '.join(map(repr, strange))}: choose from {get_args(allowed)}")

    def edited(self, value: Any) -> Any:
        """The body, or one event, as this script wants it. Works in place where it can."""
        for container, key in there(value, "$.choices[].finish_reason"):
            container[key] = self.finish_reasons.get(container[key], container[key])
        for path in self.remove:
            for container, key in reversed(there(value, path)):
                del container[key]
        for path in self.null:
            for container, key in there(value, path):
                container[key] = None
        for path, name in self.rename.items():
            for container, key in there(value, path):
                renamed = {name if each == key else each: inner for each, inner in container.items()}
                container.clear()
                container.update(renamed)
        for path, other in self.put.items():
            for container, key in places(value, path):
                container[key] = other
        return self.edit(value) if self.edit else value


Place = tuple[Any, Any]
"""A container and a key or an index in it."""


def places(value: Any, path: str) -> list[Place]:
    """Where a path leads in a JSON value. Nothing need be there yet, but its container is."""
    *steps, last = parts(path)
    containers = [value]
    for step in steps:
        containers = [
            each[key] for container in containers for each, key in named(container, step) if key in keys(each)
        ]
    return [place for container in containers for place in named(container, last)]


def there(value: Any, path: str) -> list[Place]:
    """The places where something is."""
    return [(container, key) for container, key in places(value, path) if key in keys(container)]


def named(container: Any, step: str | int) -> list[Place]:
    """What one step of a path names in a container."""
    if step in (ITEM, MAP_KEY):
        return [(container, key) for key in keys(container)] if isinstance(container, KINDS[step]) else []
    kind = list if isinstance(step, int) else dict
    return [(container, step)] if isinstance(container, kind) else []


def keys(container: Any) -> Collection[Any]:
    return list(container) if isinstance(container, dict) else range(len(container))


KINDS = {ITEM: list, MAP_KEY: dict}
