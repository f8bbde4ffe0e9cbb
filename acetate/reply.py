"""The reply that a stream adds up to: what a person reads, in the form the operation has without `stream`.

The dialect is told by the events, not by the host. The events themselves stay the truth of the wire: what only a
stream says (Together's `choices[].text`, a copy of `delta.content`) is theirs alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, Protocol, TypeAlias

from acetate.body import Json, parse_json
from acetate.stream import Decoder, Event

__all__ = ["Dialect", "Reply", "assemble", "is_keep_alive", "read"]

Dialect = Literal["chat", "completion", "responses", "messages", "cohere", "generic"]
"""Chat and text completions as OpenAI, Together and their likes send them, OpenAI's responses, Anthropic's messages,
Cohere's chat v2; `generic` is any other stream."""

_Object: TypeAlias = "dict[str, Json]"
_DONE = "[DONE]"
_WHOLE = frozenset({"format", "id", "name", "object", "role", "type"})
"""Strings that come whole, often again with every piece; all other strings of a delta come in pieces."""

_PIECES = frozenset({"logprobs", "text"})
"""What comes in pieces beside the delta of a choice."""

_KEEP_ALIVE = "ping"
_RESPONSE_ENDS = frozenset({"response.completed", "response.failed", "response.incomplete"})
_MESSAGES = frozenset(
    {
        "content_block_delta",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_start",
        "message_stop",
    }
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a stream added up to.

    `body` is None where the dialect has no such form. `data` goes along with the events before `[DONE]`: the JSON of
    each, or its text where that is not JSON, which is one of the `problems` unless the stream is generic. `terminator`
    is the `[DONE]` or the type of the event that ended the stream; what follows adds nothing to the body. `complete`
    says that the stream came to its end: the terminator (generic streams have none that is known: at least one event),
    no unfinished bytes, no error on the way. `error` is what an error event said, or a response that failed. `names`
    are the types of events that stand in the framing alone, in order of first appearance.
    """

    dialect: Dialect
    body: Json
    complete: bool
    terminator: str | None
    error: Json
    events: int
    data: tuple[Json, ...]
    problems: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def read(body: bytes) -> Reply:
    """The reply of a whole body of server-sent events. A stream that was cut gives what came, not `complete`."""
    decoder = Decoder()
    events = decoder.feed(body)
    return assemble(events, incomplete=decoder.incomplete)


def assemble(events: Iterable[Event], *, incomplete: bytes = b"") -> Reply:
    """The reply of these events; `incomplete` is what the decoder still holds after the last byte."""
    events = list(events)
    before_done = list(takewhile(lambda event: not event.data.startswith(_DONE), events))
    data, problems = _data(before_done)
    dialect = _dialect(data)
    errors = (_error(event, value) for event, value in zip(before_done, data, strict=True))
    error = next((said for said in errors if said), None)
    body: Json = None
    end: str | None = None
    if dialect == "generic":
        problems = []
    else:
        try:
            body, end = _assembled(_ASSEMBLIES[dialect](), data)
        except RecursionError:
            problems.append("the events are nested too deeply to be joined")
    terminator = end or (_DONE if len(before_done) < len(events) else None)
    ended = terminator is not None if dialect != "generic" else bool(events)
    return Reply(
        dialect=dialect,
        body=body,
        complete=ended and not incomplete and (error is None or terminator == "response.failed"),
        terminator=terminator,
        error=error,
        events=len(events),
        data=tuple(data),
        problems=tuple(problems),
        names=tuple(dict.fromkeys(_names(before_done, data))),
    )


def is_keep_alive(data: Json) -> bool:
    """True for what is sent while there is nothing to say, in Anthropic's dialect: as often as the sender likes."""
    return _object(data).get("type") == _KEEP_ALIVE


def _names(events: Iterable[Event], data: Iterable[Json]) -> Iterator[str]:
    """What the framing calls events whose data does not say it of itself."""
    for event, value in zip(events, data, strict=True):
        if event.type not in ("message", _KEEP_ALIVE, _object(value).get("type")):
            yield event.type


def _data(events: Iterable[Event]) -> tuple[list[Json], list[str]]:
    """The data of the events, and what is not JSON."""
    data: list[Json] = []
    problems: list[str] = []
    for number, event in enumerate(events):
        try:
            data.append(parse_json(event.data))
        except ValueError as reason:
            data.append(event.data)
            problems.append(f"event {number} at byte {event.offset}: the data is not JSON: {reason}")
    return data, problems


def _error(event: Event, value: Json) -> Json:
    said = _object(value)
    error = said.get("error") or _object(said.get("response")).get("error")
    if not error and "error" in (event.type, said.get("type")):
        return value or "error"
    return error or None


def _dialect(data: Iterable[Json]) -> Dialect:
    for value in data:
        found = _dialect_of(_object(value))
        if found is not None:
            return found
    return "generic"


def _dialect_of(value: _Object) -> Dialect | None:
    match value.get("object"):
        case "chat.completion.chunk":
            return "chat"
        case "completion.chunk":
            return "completion"
    kind = value.get("type")
    if isinstance(kind, str):
        if kind.startswith("response."):
            return "responses"
        if kind in _MESSAGES:
            return "messages"
        if kind == "message-start":
            return "cohere"
    for choice in _objects(value.get("choices")):
        if "delta" in choice:
            return "chat"
        if "text" in choice:
            return "completion"
    return None


def _assembled(assembly: _Assembly, data: Iterable[Json]) -> tuple[Json, str | None]:
    """The body, and the type of the event that ended the stream, if one did."""
    ends = (assembly.add(_object(value)) for value in data)
    end = next(filter(None, ends), None)
    return assembly.body(), end


class _Assembly(Protocol):
    def add(self, value: _Object) -> str | None:
        """Take the data of one event; its type, if it ends the stream."""

    def body(self) -> Json:
        """The reply so far."""


class _Chat:
    """Choices by index, their deltas joined to a `message`. Top level: scalars as first said, because Azure opens with
    empty ones; objects and lists as last said, because usage counts up."""

    _copy = "text"
    """What Together sends beside the piece that counts, with the same words."""

    def __init__(self) -> None:
        self._top: _Object = {}
        self._choices: dict[int, _Object] = {}

    def add(self, value: _Object) -> str | None:
        for key, said in value.items():
            held = self._top.get(key)
            if held is None or (said and (not held or isinstance(said, (dict, list)))):
                self._top[key] = said
        for choice in _objects(value.get("choices")):
            index = _index(choice) or 0
            self._add_choice(self._choices.setdefault(index, {"index": index}), choice)
        return None

    def _add_choice(self, held: _Object, choice: _Object) -> None:
        for key, said in choice.items():
            if key == self._copy:
                continue
            if key == "delta":
                held["message"] = _joined(held.get("message"), _object(said))
            elif key in _PIECES:
                held[key] = _joined(held.get(key), said)
            else:
                held[key] = _last(held.get(key), said)

    def body(self) -> Json:
        return self._top | {"choices": [self._choices[index] for index in sorted(self._choices)]}


class _Completion(_Chat):
    """Choices by index, their `text` joined."""

    _copy = "delta"


class _Responses:
    """The last event carries the whole response; a stream that was cut has the one its first events carried."""

    def __init__(self) -> None:
        self._response: Json = None

    def add(self, value: _Object) -> str | None:
        self._response = value.get("response") or self._response
        kind = value.get("type")
        return kind if isinstance(kind, str) and kind in _RESPONSE_ENDS else None

    def body(self) -> Json:
        return self._response


class _Messages:
    """Anthropic: the message of `message_start`, its content blocks by index, the last word of `message_delta`."""

    def __init__(self) -> None:
        self._message: _Object = {}
        self._blocks: dict[int, _Object] = {}
        self._inputs: dict[int, str] = {}

    def add(self, value: _Object) -> str | None:
        index = _index(value) or 0
        match value.get("type"):
            case "message_start":
                self._message = dict(_object(value.get("message")))
            case "content_block_start":
                self._blocks[index] = dict(_object(value.get("content_block")))
            case "content_block_delta":
                self._add_delta(index, _object(value.get("delta")))
            case "message_delta":
                usage = _updated(_object(self._message.get("usage")), _object(value.get("usage")))
                rest = {key: said for key, said in value.items() if key not in ("delta", "type")}
                self._message = _updated(self._message, {**_object(value.get("delta")), **rest, "usage": usage})
            case "message_stop":
                return "message_stop"
        return None

    def _add_delta(self, index: int, delta: _Object) -> None:
        block = self._blocks.setdefault(index, {})
        for key, said in delta.items():
            if key == "partial_json":
                self._inputs[index] = self._inputs.get(index, "") + str(said)
            elif key == "citation":
                block["citations"] = _joined(block.get("citations"), [said])
            elif key != "type":
                block[key] = _joined(block.get(key), said)

    def body(self) -> Json:
        content: list[Json] = []
        for index in sorted(self._blocks):
            block = self._blocks[index]
            content.append(block | {"input": _parsed(self._inputs[index])} if self._inputs.get(index) else block)
        return {**self._message, "content": content}


class _Cohere:
    """Cohere v2: what has an `index` is an item of a list of the message, the rest is joined as it comes."""

    def __init__(self) -> None:
        self._reply: _Object = {}
        self._message: _Object = {}

    def add(self, value: _Object) -> str | None:
        if "id" in value:
            self._reply["id"] = value["id"]
        delta = _object(value.get("delta"))
        for key, said in _object(delta.get("message")).items():
            item: Json = [{**said, "index": value.get("index")}] if isinstance(said, dict) else said
            self._message[key] = _joined(self._message.get(key), item)
        self._reply = _updated(self._reply, {key: said for key, said in delta.items() if key != "message"})
        return "message-end" if value.get("type") == "message-end" else None

    def body(self) -> Json:
        return {**self._reply, "message": {key: _unnumbered(said) for key, said in self._message.items()}}


_ASSEMBLIES: dict[Dialect, type[_Assembly]] = {
    "chat": _Chat,
    "completion": _Completion,
    "responses": _Responses,
    "messages": _Messages,
    "cohere": _Cohere,
}


def _joined(held: Json, piece: Json) -> Json:
    """Two pieces of one value as one, as a new value. Strings and lists grow, objects are joined key by key, items
    of lists by their `index`; of anything else the later one that is not null."""
    if piece is None:
        return held
    if isinstance(held, str) and isinstance(piece, str):
        return held + piece
    if isinstance(piece, dict):
        return _joined_object(_object(held), piece)
    if isinstance(piece, list):
        return _joined_list(held if isinstance(held, list) else [held] if held else [], piece)
    return [*held, piece] if isinstance(held, list) else piece


def _joined_object(held: _Object, pieces: _Object) -> _Object:
    joined = dict(held)
    for key, piece in pieces.items():
        join = _first if key in _WHOLE else _joined
        joined[key] = join(joined.get(key), piece)
    return joined


def _joined_list(held: list[Json], pieces: list[Json]) -> list[Json]:
    joined = list(held)
    for piece in pieces:
        index = _index(_object(piece))
        at = None if index is None else _position(joined, index)
        if at is None:
            joined.append(piece)
        else:
            joined[at] = _joined(joined[at], piece)
    return joined


def _updated(held: _Object, said: _Object) -> _Object:
    return {**held, **{key: _last(held.get(key), value) for key, value in said.items()}}


def _first(held: Json, said: Json) -> Json:
    """The first value that says something: null, an empty string and 0 do not."""
    return said if not held and said is not None else held


def _last(held: Json, said: Json) -> Json:
    """The last value that says something: null and what is empty do not; 0 and false do."""
    return held if held is not None and said in (None, "", [], {}) else said


def _object(value: Json) -> _Object:
    return value if isinstance(value, dict) else {}


def _objects(value: Json) -> list[_Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _index(value: _Object) -> int | None:
    index = value.get("index")
    return index if isinstance(index, int) else None


def _position(items: list[Json], index: int) -> int | None:
    return next((at for at, item in enumerate(items) if _index(_object(item)) == index), None)


def _unnumbered(value: Json) -> Json:
    if not isinstance(value, list):
        return value
    return [
        {key: said for key, said in item.items() if key != "index"} if isinstance(item, dict) else item
        for item in value
    ]


def _parsed(text: str) -> Json:
    """The JSON that pieces of text make; the text itself where the stream was cut inside it."""
    try:
        return parse_json(text)
    except ValueError:
        return text
