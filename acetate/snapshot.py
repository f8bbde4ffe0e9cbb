"""Snapshot: the masked form of each response of a cassette, which is what a person approves.

`snapshots/<cassette>.json` is a list of entries with sorted keys, made to be read in a pull request. For a stream the
body holds the distinct masked events in order of first appearance, the reply assembled from them, and how it ended;
also the names of events that their data does not say.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acetate import reply as replies
from acetate.body import Json, essence, parse_json
from acetate.errors import ApprovedFileError, CassetteError
from acetate.exchange import Exchange, Headers, Response, header
from acetate.mask import DEEPEST, forms, is_deep, mark_at, marked, mask
from acetate.provider import Operation, Provider, Rules

__all__ = ["VERSION", "Entry", "Observation", "observe", "paired", "read_snapshot", "snapshot_bytes"]

VERSION = 1
_UNMASKED_HEADERS = frozenset({"content-type"})
_BYTES = "<bytes>"
_CONFLICT = re.compile(rb"^<<<<<<< ", re.MULTILINE)
_JSON_REPLIES = ("json_object", "json_schema")
_DATE = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d) GMT\Z", re.ASCII)
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


@dataclass(frozen=True, slots=True)
class Entry:
    """The approved form of one exchange. `headers` are those that the profile keeps, masked but for the media type;
    `recorded` is the ISO date of the recording, where it is known."""

    label: str
    match_key: str
    operation: Operation
    status: int
    stream: bool
    headers: dict[str, str]
    body: Json
    model: str | None = None
    recorded: str | None = None

    @property
    def masked(self) -> tuple[Json, ...]:
        """The masked body, or for a stream its distinct masked events but those that only keep it alive."""
        if not self.stream:
            return (self.body,)
        events = self.body.get("events") if isinstance(self.body, dict) else None
        held = events[:-1] if isinstance(events, list) else []
        return tuple(each for each in held if not replies.is_keep_alive(each))

    @property
    def reply(self) -> Json:
        """The masked reply that a stream adds up to; None where its dialect has none."""
        return self.body.get("reply") if self.stream and isinstance(self.body, dict) else None

    @property
    def terminator(self) -> str | None:
        found = self.body.get("terminator") if self.stream and isinstance(self.body, dict) else None
        return found if isinstance(found, str) else None

    @property
    def names(self) -> tuple[str, ...] | None:
        """The types of events that only the framing of a stream says; None where nobody wrote any down."""
        found = self.body.get("names") if self.stream and isinstance(self.body, dict) else None
        return tuple(map(str, found)) if isinstance(found, list) else None


_LIKENESS: tuple[Callable[[Entry], object], ...] = (
    lambda entry: (entry.match_key, entry.status),
    lambda entry: entry.match_key,
    lambda entry: (entry.operation, entry.status, entry.stream),
    lambda entry: entry.operation,
)
"""What an approved and a seen entry must share to be the same exchange, closest first."""


@dataclass(frozen=True, slots=True)
class Observation:
    """An exchange as it is examined: its entry, and the values that the masks hide. `bodies` is the one body, or the
    data of all events of a stream."""

    entry: Entry
    bodies: tuple[Json, ...]
    reply: Json
    test: str | None
    recorded_at: str | None


def observe(exchange: Exchange, provider: Provider, operation: Operation, rules: Rules, match_key: str) -> Observation:
    """What there is to compare in a response. Raises CassetteError for JSON that is nested too deeply."""
    rules = _as_asked(rules, exchange.request.body)
    response = exchange.response
    media_type = essence(header(response.headers, "content-type") or "")
    recorded_at = exchange.recording.recorded_at or _date(response.headers)
    if _is_stream(response, media_type):
        read = replies.read(response.body)
        bodies, reply = read.data, read.body
        _check_depth([*bodies, reply], response.body)
        held: dict[str, Json] = {
            "events": forms([mask(each, rules) for each in bodies]),
            "terminator": read.terminator,
        }
        if read.names:
            held["names"] = [*sorted(read.names)]
        if reply is not None:
            held["reply"] = mask(reply, rules)
        body: Json = held
        stream = True
    else:
        value = _value(response.body)
        _check_depth([value], response.body)
        masked = mask(value, rules) if value != _BYTES else value
        bodies, reply, body, stream = (value,), None, masked, False
    model = _model(bodies) or _model((_value(exchange.request.body),))
    entry = Entry(
        label=f"{operation.name} {model}" if model else operation.name,
        match_key=match_key,
        operation=operation,
        status=response.status,
        stream=stream,
        headers=_kept(response.headers, provider.keep_headers),
        body=body,
        model=model,
        recorded=recorded_at[:10] if recorded_at else None,
    )
    return Observation(entry, bodies, reply, exchange.recording.test, recorded_at)


def paired(approved: Sequence[Entry], seen: Sequence[Entry]) -> list[int | None]:
    """For each entry that is seen, the index of the approved one that it answers to: by match key first, then within
    one operation in order. What stays without partner is None; an approved one without partner is an orphan."""
    partners: list[int | None] = [None] * len(seen)
    taken: set[int] = set()
    for likeness in _LIKENESS:
        free: dict[object, deque[int]] = {}
        for index, old in enumerate(approved):
            if index not in taken:
                free.setdefault(likeness(old), deque()).append(index)
        for index, new in enumerate(seen):
            if partners[index] is None and free.get(likeness(new)):
                partners[index] = found = free[likeness(new)].popleft()
                taken.add(found)
        if len(taken) in (len(approved), len(seen)):
            break
    return partners


def snapshot_bytes(entries: Sequence[Entry]) -> bytes:
    """The file of these entries: the same entries always give the same bytes."""
    document = {"version": VERSION, "exchanges": [_document(each) for each in entries]}
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def read_snapshot(text: bytes, where: str) -> list[Entry]:
    """The entries of a file. Raises ApprovedFileError for everything that is not one."""
    if _CONFLICT.search(text):
        raise ApprovedFileError(
            "holds merge conflict markers",
            where=where,
            next=f"git checkout --ours -- '{where}' (or --theirs), then acetate check and acetate accept",
        )
    try:
        document = json.loads(text)
        version = document["version"]
        if not isinstance(version, int):
            raise ValueError("`version` is no whole number")
        entries = [_entry(each) for each in document["exchanges"]] if version <= VERSION else []
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ApprovedFileError(
            f"is not a snapshot: {type(error).__name__} {error}", where=where, next=f"git checkout -- '{where}'"
        ) from None
    if version > VERSION:
        raise ApprovedFileError(
            f"was written by a newer Acetate (version {version})", where=where, next="pip install --upgrade acetate"
        )
    return entries


def _document(entry: Entry) -> dict[str, Json]:
    document: dict[str, Json] = {
        "label": entry.label,
        "match_key": entry.match_key,
        "operation": str(entry.operation),
        "status": entry.status,
        "stream": entry.stream,
        "headers": dict(entry.headers),
        "body": entry.body,
    }
    if entry.model is not None:
        document["model"] = entry.model
    if entry.recorded is not None:
        document["recorded"] = entry.recorded
    return document


def _entry(document: dict[str, Json]) -> Entry:
    provider, _, name = str(document["operation"]).partition(":")
    headers, model, recorded = document["headers"], document.get("model"), document.get("recorded")
    if not isinstance(headers, dict) or not isinstance(document["status"], int):
        raise ValueError("`headers` is no object or `status` no number")
    return Entry(
        label=str(document["label"]),
        match_key=str(document["match_key"]),
        operation=Operation(provider, name),
        status=document["status"],
        stream=bool(document["stream"]),
        headers={key: str(value) for key, value in headers.items()},
        body=document["body"],
        model=None if model is None else str(model),
        recorded=None if recorded is None else str(recorded),
    )


def _as_asked(rules: Rules, request: bytes) -> Rules:
    """The rules, with the reply as JSON text where the request asked for structured output."""
    asked = _value(request) if b'"json_' in request else None
    if not isinstance(asked, dict):
        return rules
    text = asked.get("text")
    for path, form in (
        ("$.choices[].message.content", asked.get("response_format")),
        ("$.output[].content[].text", text.get("format") if isinstance(text, dict) else None),
    ):
        wanted = form.get("type") if isinstance(form, dict) else None
        if wanted in _JSON_REPLIES and mark_at(rules, path) in (None, "text"):
            rules = marked(rules, path, "json")
    return rules


def _check_depth(values: list[Json], body: bytes) -> None:
    # Most bodies have too few brackets to be deep at all.
    if body.count(b"{") + body.count(b"[") > DEEPEST and any(map(is_deep, values)):
        raise CassetteError(
            f"holds a response whose JSON is nested more than {DEEPEST} levels deep",
            next="take that exchange out of the cassette: nothing can be said about it",
        )


def _is_stream(response: Response, media_type: str) -> bool:
    """Says the media type, or, where a recording kept no headers, the first bytes."""
    if media_type:
        return media_type == "text/event-stream"
    return response.body.lstrip(b"\xef\xbb\xbf\r\n")[:6].startswith((b"data:", b"event:"))


def _value(body: bytes) -> Json:
    """The JSON of a body; text as a string, other bytes as the token that stands for them, nothing as null."""
    if not body:
        return None
    try:
        return parse_json(body)
    except ValueError:
        pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return _BYTES


def _model(bodies: Sequence[Json]) -> str | None:
    for body in bodies:
        model = body.get("model") if isinstance(body, dict) else None
        if isinstance(model, str):
            return model
    return None


def _kept(headers: Headers, names: Sequence[str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name in names:
        value = header(headers, name)
        if value is not None:
            kept[name] = essence(value) if name in _UNMASKED_HEADERS else "<text>"
    return kept


def _date(headers: Headers) -> str | None:
    """The Date header as RFC 3339, for recordings that do not say when they were made."""
    match = _DATE.match(header(headers, "date") or "")
    if match is None or match[2] not in _MONTHS:
        return None
    day, month, year, time = match.groups()
    return f"{year}-{_MONTHS.index(month) // 3 + 1:02}-{day}T{time}Z"
