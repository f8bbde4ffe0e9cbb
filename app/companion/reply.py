"""What a model said: read from a whole chat completion, or put together from the chunks of a stream.

Only what is needed is asked for, so that a provider may add, drop or null everything else: the text or the tool calls
must be there; usage, finish reason and model are taken where they make sense.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeGuard

from app.companion.text import clean
from app.companion.thought import Outspoken, outspoken

__all__ = ["Assembly", "Reply", "ToolCall", "Unreadable", "Usage", "whole"]

MOST_TOKENS = 2**31 - 1
MOST_CALLS = 32
LONGEST_WORD = 200
MOST_TEXT = 1_000_000


class Unreadable(ValueError):
    """The answer is not a chat completion; says at which path."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is JSON text as the model wrote it, which need not be JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    def __add__(self, other: Usage | None) -> Usage:
        if other is None:
            return self
        return Usage(
            min(self.prompt_tokens + other.prompt_tokens, MOST_TOKENS),
            min(self.completion_tokens + other.completion_tokens, MOST_TOKENS),
            min(self.total_tokens + other.total_tokens, MOST_TOKENS),
        )


@dataclass(frozen=True, slots=True)
class Reply:
    content: str
    calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None


def whole(body: object) -> Reply:
    """The reply in the body of a chat completion. Raises Unreadable."""
    choice = first_choice(body)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Unreadable("$.choices[0].message")
    calls = tuple(filter(None, map(tool_call, listed(message.get("tool_calls")))))
    content = message.get("content")
    if not isinstance(content, str) and not calls:
        raise Unreadable("$.choices[0].message.content")
    if isinstance(content, str) and len(content) > MOST_TEXT:
        raise Unreadable("$.choices[0].message.content: a reply that does not end")
    return Reply(
        content=outspoken(clean(content)) if isinstance(content, str) else "",
        calls=calls,
        finish_reason=word(choice.get("finish_reason")),
        usage=usage(body.get("usage")) if isinstance(body, dict) else None,
        model=word(body.get("model")) if isinstance(body, dict) else None,
    )


def first_choice(body: object) -> dict[str, Any]:
    choices = body.get("choices") if isinstance(body, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unreadable("$.choices[0]")
    return choices[0]


@dataclass(slots=True)
class CallInPieces:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Assembly:
    """A reply that is being said."""

    content: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    started: bool = False
    _calls: dict[int, CallInPieces] = field(default_factory=dict)
    _outspoken: Outspoken = field(default_factory=Outspoken)

    def add(self, chunk: object) -> str:
        """The text that this chunk adds to what is said. Raises Unreadable where it is not a chunk."""
        if not isinstance(chunk, dict) or not isinstance(chunk.get("choices"), list):
            raise Unreadable("$.choices")
        self.started = True
        self.usage = usage(chunk.get("usage")) or self.usage
        self.model = word(chunk.get("model")) or self.model
        return "".join(self._heard(choice) for choice in chunk["choices"][:1])

    def _heard(self, choice: object) -> str:
        if not isinstance(choice, dict):
            raise Unreadable("$.choices[0]")
        self.finish_reason = word(choice.get("finish_reason")) or self.finish_reason
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            if not self.ended:
                raise Unreadable("$.choices[0].delta")
            delta = {}
        for piece in listed(delta.get("tool_calls")):
            self._call(piece)
        said = delta.get("content")
        text = self._outspoken.feed(clean(said)) if isinstance(said, str) else ""
        if self.ended:
            text += self._outspoken.end()
        self.content += text
        if len(self.content) > MOST_TEXT:
            raise Unreadable("$.choices[0].delta.content: a reply that does not end")
        return text

    def _call(self, piece: object) -> None:
        """A first piece has id and name; later ones repeat the index, with nulls or nothing beside it."""
        index = piece.get("index", 0) if isinstance(piece, dict) else None
        if not isinstance(piece, dict) or not isinstance(index, int) or not 0 <= index < MOST_CALLS:
            return
        call = self._calls.setdefault(index, CallInPieces())
        call.id = word(piece.get("id")) or call.id
        function = piece.get("function")
        if isinstance(function, dict):
            call.name = word(function.get("name")) or call.name
            call.arguments += function["arguments"] if isinstance(function.get("arguments"), str) else ""

    @property
    def ended(self) -> bool:
        return self.finish_reason is not None

    def reply(self) -> Reply:
        """All that was said so far."""
        calls = tuple(
            ToolCall(call.id or f"call_{index}", call.name, clean(call.arguments))
            for index, call in sorted(self._calls.items())
            if call.name
        )
        return Reply(self.content, calls, self.finish_reason, self.usage, self.model)


def tool_call(value: object) -> ToolCall | None:
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(function, dict):
        return None
    name, arguments = word(function.get("name")), function.get("arguments")
    if name is None or not isinstance(arguments, str):
        return None
    return ToolCall(word(value.get("id")) or f"call_{name}", name, clean(arguments))


def usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    counts = [value.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
    prompt, completion, total = counts
    return Usage(prompt, completion, total) if count(prompt) and count(completion) and count(total) else None


def count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS


def word(value: object) -> str | None:
    """A short text, or None for anything else."""
    return clean(value) if isinstance(value, str) and 0 < len(value) <= LONGEST_WORD else None


def listed(value: object) -> list[Any]:
    return value[:MOST_CALLS] if isinstance(value, list) else []
