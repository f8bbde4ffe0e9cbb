"""What a test wants the stand-in to do otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, MutableSequence
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
    """The engine's, whatever the model."""
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
        for container, key in places(value, "$.choices[].finish_reason"):
            if key in container:
                container[key] = self.finish_reasons.get(container[key], container[key])
        for path in self.remove:
            for container, key in places(value, path):
                container.pop(key, None)
        for path in self.null:
            for container, key in places(value, path):
                if not isinstance(container, dict) or key in container:
                    container[key] = None
        for path, name in self.rename.items():
            for container, key in places(value, path):
                renamed = {name if each == key else each: inner for each, inner in container.items()}
                container.clear()
                container.update(renamed)
        for path, other in self.put.items():
            for container, key in places(value, path):
                container[key] = other
        return self.edit(value) if self.edit else value


Container = MutableMapping[Any, Any] | MutableSequence[Any]


def places(value: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Each container that the last step of a path leads into, and its key or index there. A list, since what is
    found may be changed on the way."""
    *steps, last = parts(path)
    containers = [value]
    for step in steps:
        containers = [
            container[key] for each in containers for container, key in within(each, step) if has(container, key)
        ]
    return iter([place for container in containers for place in within(container, last)])


def within(container: Any, step: str | int) -> list[tuple[Any, Any]]:
    """The places that one step names in a container."""
    if isinstance(container, list):
        if step == ITEM:
            return [(container, index) for index in range(len(container))]
        return [(container, step)] if isinstance(step, int) and step < len(container) else []
    if isinstance(container, dict) and step != ITEM:
        return [(container, key) for key in container] if step == MAP_KEY else [(container, step)]
    return []


def has(container: Any, key: Any) -> bool:
    return isinstance(container, list) or key in container
