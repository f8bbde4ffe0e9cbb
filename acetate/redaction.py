"""Secrets out, before anything is written or matched.

A secret is known by its place (a header, a JSON field, a query parameter), by its shape (`sk-…`, a JWT, a PEM block),
or because it is the value of a key in use. It is replaced by `<redacted>` where it stands; everything else stays byte
for byte. `secret.check_clean` looks again, with other eyes, at what comes out of here.
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

from acetate import multipart
from acetate.body import essence
from acetate.edit import Edit, Span, applied, merged, outside, shifted, through
from acetate.exchange import Exchange, Headers, RedactedExchange, Request, Response, header
from acetate.hallmark import (
    COMMON,
    HEADERS,
    NAMED,
    NOT_IN_A_WORD,
    PHRASES,
    QUERY,
    QUOTED_FIELD,
    SCHEME,
    SHAPES,
    THEN,
    WEAK,
    Shape,
    as_shape,
    is_secret_name,
    plain_name,
)
from acetate.leaf import Leaf, documents_in

if TYPE_CHECKING:
    from acetate.provider import Provider

__all__ = ["MARK", "Redaction", "redact", "redact_request", "spellings"]

MARK = "<redacted>"

Chunks = tuple[tuple[int, int], ...]

_MARK_IN_URL = quote(MARK, safe="")
_SHORTEST_KEY = 8  # a key in use below this is a dummy, and a word of the language
_DEEPEST = 8  # JSON inside JSON strings: every level doubles its escapes, so real bodies stop at two or three

_NUMBER = re.compile(r"\s*+:\s*+(-?\d{4,}[0-9.eE+-]*)")
_ESCAPED = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL)
_ESCAPES = dict(zip('bfnrt"\\/', '\b\f\n\r\t"\\/', strict=True))
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_PAIR = re.compile(r"(?:^|[?&#;])([^?&#;=]*)=([^?&#;]*)")
_USERINFO = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#]*)@")
_EVENT_STREAMS = frozenset({"text/event-stream", "application/x-ndjson", "application/jsonl", "application/jsonlines"})


@dataclass(frozen=True)
class Redaction:
    """What is secret here. Build it with `of`: the names are kept in the form in which they are compared."""

    headers: frozenset[str] = HEADERS
    fields: frozenset[str] = frozenset()
    query: frozenset[str] = QUERY
    shapes: tuple[Shape, ...] = SHAPES
    standing: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    values: tuple[str, ...] = field(default=(), repr=False)
    allow: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        providers: Iterable[Provider] = (),
        environ: Mapping[str, str] | None = None,
        *,
        headers: Iterable[str] = (),
        fields: Iterable[str] = (),
        query: Iterable[str] = (),
        patterns: Iterable[str | re.Pattern[str]] = (),
        allow: Iterable[str] = (),
    ) -> Redaction:
        """The built-in rules, what the providers add, and what the project's `[tool.acetate.redact]` adds.

        `environ` is read for the variables that hold the providers' keys. A pattern with a group hides its first
        group, without one the whole match. `allow` lists places as `SecretFound` names them
        (`response.body $.data[].key`); a key in use is hidden there too.
        """
        providers = tuple(providers)
        shapes = [shape for provider in providers for shape in provider.key_shapes]
        prefixed = tuple(found for shape in shapes if (found := as_shape(shape)))
        return cls(
            headers=HEADERS.union(map(str.lower, headers), *(map(str.lower, p.secret_headers) for p in providers)),
            fields=frozenset().union(map(plain_name, fields), *(map(plain_name, p.secret_fields) for p in providers)),
            query=QUERY.union(map(plain_name, query), *(map(plain_name, p.secret_query) for p in providers)),
            shapes=SHAPES + prefixed,
            standing=tuple(shape for shape in shapes if not as_shape(shape)),
            patterns=tuple(map(re.compile, patterns)),
            values=_keys_in_use(providers, environ or {}),
            allow=frozenset(map(str.strip, allow)),
        )

    def is_secret(self, name: str) -> bool:
        """True if the value of a field of this name is hidden, whatever it looks like."""
        return is_secret_name(name, self.fields)

    def is_suspicious(self, text: str) -> bool:
        """False if the text certainly holds nothing to hide; quick, because nearly all texts are like that."""
        return (
            self._hint.search(text) is not None
            or "\\u00" in text
            or ("@" in text and ("://" in text or ":\\/\\/" in text))
            or (self._own_names is not None and self._own_names.search(text) is not None)
            or any(pattern.search(text) for pattern in self.patterns)
        )

    @cached_property
    def header_names(self) -> Mapping[str, bool]:
        """Whether the value of a header is hidden, whatever it looks like."""
        return _HeaderNames(self)

    @cached_property
    def known(self) -> re.Pattern[str] | None:
        """Finds the values of the keys in use, however they are spelled."""
        spelled = {spelling for value in self.values for spelling in spellings(value)}
        return re.compile("|".join(map(re.escape, sorted(spelled, key=len, reverse=True)))) if spelled else None

    @cached_property
    def _hint(self) -> re.Pattern[str]:
        """Finds the beginnings of all shapes and known values, and the names of secrets. Every alternative starts at
        a letter that is rare, so that ordinary text is passed over at the speed of a character search."""
        beginnings = {(prefix, NOT_IN_A_WORD) for shape in self.shapes for prefix in shape.prefixes}
        beginnings |= {(spelling[:8], "") for value in self.values for spelling in spellings(value)}
        around: dict[str, list[str]] = {}
        for letter, name in NAMED.items():
            around[letter] = [name]
            around[letter.upper()] = [f"(?i:{name})"]
        for beginning, condition in sorted(beginnings):
            at = min(range(len(beginning)), key=lambda n: COMMON.find(beginning[n]))
            before, after = re.escape(beginning[: at + 1]), re.escape(beginning[at + 1 :])
            around.setdefault(beginning[at], []).append(f"(?<={condition}{before}){after}")
        return re.compile("|".join(f"{re.escape(rare)}(?:{'|'.join(found)})" for rare, found in around.items()))

    @cached_property
    def _own_names(self) -> re.Pattern[str] | None:
        """Finds the fields that the project or a provider named."""
        names = ("[^a-z0-9]?".join(map(re.escape, name)) for name in sorted(self.fields))
        return re.compile(rf"(?i)(?:{'|'.join(names)})s?{THEN}") if self.fields else None


class _HeaderNames(dict[str, bool]):
    """Filled as it is asked: a suite sends the same few names ten thousand times."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction

    def __missing__(self, name: str) -> bool:
        self[name] = name.lower() in self._redaction.headers or self._redaction.is_secret(name)
        return self[name]


def redact(exchange: Exchange, redaction: Redaction) -> RedactedExchange:
    """The exchange without its secrets; the recorded chunks are counted again on the body that remains."""
    response, chunks = _redact_response(exchange.response, exchange.recording.chunks, redaction)
    recording = replace(
        exchange.recording,
        source=exchange.recording.source and _text_without(exchange.recording.source, "recording.source", redaction),
        test=exchange.recording.test and _text_without(exchange.recording.test, "recording.test", redaction),
        chunks=chunks,
    )
    return RedactedExchange(Exchange(redact_request(exchange.request, redaction), response, recording))


def redact_request(request: Request, redaction: Redaction) -> Request:
    """The request without its secrets: what is matched and what is stored. The same object if there are none."""
    headers = _redact_headers(request.headers, "request", redaction)
    uri = _redact_uri(request.uri, redaction)
    body = request.body
    if body:
        body = _redact_body(body, header(request.headers, "content-type") or "", "request.body", redaction)[0]
    if headers is request.headers and uri == request.uri and body == request.body:
        return request
    return replace(request, headers=headers, uri=uri, body=body)


def spellings(value: str) -> frozenset[str]:
    """The ways in which a known value is found in bytes: itself, quoted for a URL, for JSON, as hex digits, and in
    base64 at each of its three alignments (the characters that no neighbour changes)."""
    data = value.encode("utf-8", "surrogateescape")
    found = {quote(value, safe=""), quote(value), data.hex(), data.hex().upper()}
    for text in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        found |= {text, text.replace("/", "\\/")}
    for offset in range(3):
        start, end = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        core = base64.b64encode(bytes(offset) + data).decode()[start:end]
        found |= {core, core.replace("+", "-").replace("/", "_"), quote(core, safe="")}
    return frozenset(found)


def _keys_in_use(providers: Iterable[Provider], environ: Mapping[str, str]) -> tuple[str, ...]:
    names = dict.fromkeys(name for provider in providers for name in provider.key_vars)
    values = (environ.get(name, "").strip() for name in names)
    return tuple(dict.fromkeys(value for value in values if len(value) >= _SHORTEST_KEY))


# Messages


def _redact_headers(headers: Headers, side: str, redaction: Redaction) -> Headers:
    secret = redaction.header_names
    suspicious = redaction.is_suspicious("\n".join([value for name, value in headers if not secret[name]]))
    found = tuple(
        [_redact_header(*pair, side, redaction) if suspicious or secret[pair[0]] else pair for pair in headers]
    )
    return headers if found == headers else found


def _redact_header(name: str, value: str, side: str, redaction: Redaction) -> tuple[str, str]:
    place = f"{side}.headers.{name.lower()}"
    if redaction.header_names[name] and place not in redaction.allow:
        return name, applied(value, _hidden(value))
    # How a body is read hangs on this one; if it holds a secret, the second look stops the write.
    return name, value if place.endswith(".content-type") else _text_without(value, place, redaction)


def _redact_uri(uri: str, redaction: Redaction) -> str:
    if "=" not in uri and "@" not in uri and "%" not in uri and not redaction.is_suspicious(uri):
        return uri
    return _settled(uri, lambda text: _uri(text, redaction))


def _redact_response(response: Response, chunks: Chunks, redaction: Redaction) -> tuple[Response, Chunks]:
    body, chunks = _redact_body(
        response.body, header(response.headers, "content-type") or "", "response.body", redaction, chunks
    )
    headers = _redact_headers(response.headers, "response", redaction)
    reason = _text_without(response.reason, "response.reason", redaction)
    return replace(response, headers=headers, reason=reason, body=body), chunks


def _redact_body(
    body: bytes, content_type: str, place: str, redaction: Redaction, chunks: Chunks = ()
) -> tuple[bytes, Chunks]:
    find = _finder(content_type, place, redaction)
    text = body.decode("utf-8", "surrogateescape")
    while edits := find(text):
        chunks = _recounted(chunks, _in_bytes(text, edits))
        text = applied(text, edits)
        body = text.encode("utf-8", "surrogateescape")
    return body, chunks


def _text_without(text: str, place: str, redaction: Redaction) -> str:
    if not redaction.is_suspicious(text):
        return text
    return _settled(text, lambda text: _unknown(text, place, redaction))


def _settled(text: str, find: Callable[[str], list[Edit]]) -> str:
    """Edited until nothing is found: what stands beside a mark may be a secret that its neighbour hid."""
    while edits := find(text):
        text = applied(text, edits)
    return text


def _finder(content_type: str, place: str, redaction: Redaction) -> Callable[[str], list[Edit]]:
    media_type = essence(content_type)
    if media_type == "application/x-www-form-urlencoded":
        return lambda text: _pairs(text, place, redaction)
    if delimiter := multipart.boundary(content_type):
        return lambda text: _multipart(text, delimiter, place, redaction)
    if media_type in _EVENT_STREAMS:
        return lambda text: _unknown(text, place, redaction)
    return lambda text: _unknown(text, place, redaction) if redaction.is_suspicious(text) else []


def _in_bytes(text: str, edits: Sequence[Edit]) -> list[Edit]:
    """Edits of a text as edits of its UTF-8 bytes."""
    if text.isascii():
        return list(edits)
    found, index, offset = [], 0, 0
    for start, end, replacement in edits:
        begin = offset + len(text[index:start].encode("utf-8", "surrogateescape"))
        index, offset = end, begin + len(text[start:end].encode("utf-8", "surrogateescape"))
        found.append((begin, offset, replacement))
    return found


def _recounted(chunks: Chunks, edits: Sequence[Edit]) -> Chunks:
    """The chunks of the edited body. A replacement belongs to the chunk in which the secret began."""
    found, end, before, shift, at = [], 0, 0, 0, 0
    for milliseconds, count in chunks:
        end += count
        while at < len(edits) and edits[at][1] <= end:
            shift += len(edits[at][2]) - (edits[at][1] - edits[at][0])
            at += 1
        inside = at < len(edits) and edits[at][0] < end
        cut = shift + (edits[at][0] + len(edits[at][2]) if inside else end)
        found.append((milliseconds, cut - before))
        before = cut
    return tuple(found)


# Edits of one text. Every function below says what to replace where, and leaves the text alone.


def _uri(text: str, redaction: Redaction) -> list[Edit]:
    userinfo = _USERINFO.match(text)
    hidden = _whole(text, userinfo.span(1)) if userinfo else []
    return merged(text, hidden + _pairs(text, "request.uri", redaction))


def _pairs(text: str, place: str, redaction: Redaction) -> list[Edit]:
    """`name=value` pairs: of a query, of a fragment, of a form."""
    edits, values = [], []
    for pair in _PAIR.finditer(text):
        name = unquote_plus(pair[1])
        here = f"{place} ?{name}"
        values.append(pair.span(2))
        if (redaction.is_secret(name) or plain_name(name) in redaction.query) and here not in redaction.allow:
            edits += _whole(text, pair.span(2))
        else:
            edits += _percent_encoded(text, pair.span(2), here, redaction)
    for span in outside(values, len(text)):
        edits += _percent_encoded(text, span, place, redaction)
    return merged(text, edits)


def _whole(text: str, span: Span) -> list[Edit]:
    return [] if text[slice(*span)] in ("", MARK, _MARK_IN_URL) else [(*span, _MARK_IN_URL)]


def _percent_encoded(text: str, span: Span, place: str, redaction: Redaction) -> list[Edit]:
    raw = text[slice(*span)]
    if len(raw) < _SHORTEST_KEY:
        return []
    if "%" not in raw and "+" not in raw:
        edits = _unknown(raw, place, redaction) if redaction.is_suspicious(raw) else []
        return [(span[0] + start, span[0] + end, quote(replacement, safe="")) for start, end, replacement in edits]
    # A key in base64 may hold a `+`, so the text is looked at as it stands, too.
    edits = [(span[0] + start, span[0] + end, _MARK_IN_URL) for start, end, _ in _known(raw, redaction)]
    units = list(_PERCENT.finditer(raw))
    inner = "".join(
        [chr(int(unit[0][1:], 16)) if len(unit[0]) == 3 else " " if unit[0] == "+" else unit[0] for unit in units]
    )
    if redaction.is_suspicious(inner):
        spans = [(span[0] + unit.start(), span[0] + unit.end()) for unit in units]
        edits += through(_unknown(inner, place, redaction), spans, lambda replacement: quote(replacement, safe=""))
    return edits


def _multipart(text: str, delimiter: str, place: str, redaction: Redaction) -> list[Edit]:
    edits, contents = [], []
    for part in multipart.parts(text, delimiter):
        here = f"{place} ?{part.name}"
        content = text[part.start : part.end]
        contents.append((part.start, part.end))
        if redaction.is_secret(part.name) and here not in redaction.allow:
            edits += shifted(_hidden(content), part.start)
        elif redaction.is_suspicious(content):
            edits += shifted(_unknown(content, here, redaction), part.start)
    for start, end in outside(contents, len(text)):
        edits += shifted(_plain_text(text[start:end], place, redaction), start)
    return merged(text, edits)


def _unknown(text: str, place: str, redaction: Redaction, depth: int = 0) -> list[Edit]:
    """A text of any kind: JSON, lines of JSON, server-sent events, or anything else."""
    documents = documents_in(text) if depth < _DEEPEST else []
    leaves = [leaf for document in documents for leaf in document.leaves]
    edits = _split_over(leaves, text, place, redaction, depth) if len(documents) > 1 else []
    if redaction.is_suspicious(text):
        for leaf in leaves:
            edits += _in_leaf(text, leaf, place, redaction, depth)
        for start, end in outside([(document.start, document.end) for document in documents], len(text)):
            edits += shifted(_plain_text(text[start:end], place, redaction), start)
    return merged(text, edits)


def _in_leaf(text: str, leaf: Leaf, place: str, redaction: Redaction, depth: int) -> Iterator[Edit]:
    here = f"{place} {leaf.path}"
    secret = not leaf.quiet and here not in redaction.allow
    if leaf.is_key:
        number = _NUMBER.match(text, leaf.end + 1)
        if number and secret and redaction.is_secret(leaf.text):
            yield (*number.span(1), f'"{MARK}"')
    elif secret and (redaction.is_secret(leaf.name) or _is_key(leaf.name, leaf.text, redaction)):
        yield from _in_string(text, leaf, _hidden)
        return
    if redaction.is_suspicious(leaf.text):
        yield from _in_string(text, leaf, lambda inner: _unknown(inner, here, redaction, depth + 1))


def _is_key(name: str, value: str, redaction: Redaction) -> bool:
    """True where a key can stand and something of the shape of a key does: `{"key": "<64 hex digits>"}`."""
    plain = plain_name(name)
    if not plain.endswith("key") or plain.endswith("cachekey"):
        return False
    return WEAK.fullmatch(value) is not None or any(re.fullmatch(shape, value) for shape in redaction.standing)


def _in_string(text: str, leaf: Leaf, find: Callable[[str], list[Edit]]) -> list[Edit]:
    """Edits of what a JSON string says as edits of the JSON text. No other escape of the string is touched."""
    if "\\" not in text[leaf.start : leaf.end]:
        return shifted(find(text[leaf.start : leaf.end]), leaf.start)
    inner, spans = _unescaped(text, leaf)
    return through(find(inner), spans, _in_json)


def _unescaped(text: str, leaf: Leaf) -> tuple[str, list[Span]]:
    """What a JSON string says, and the span in which each of its characters is written (two for a surrogate pair)."""
    units = list(_ESCAPED.finditer(text, leaf.start, leaf.end))
    characters = [
        unit[0] if len(unit[0]) == 1 else _ESCAPES.get(unit[0][1]) or chr(int(unit[0][2:], 16)) for unit in units
    ]
    return "".join(characters), [unit.span() for unit in units]


def _in_json(replacement: str) -> str:
    return replacement.replace('"', '\\"')


def _split_over(leaves: Sequence[Leaf], text: str, place: str, redaction: Redaction, depth: int) -> list[Edit]:
    """Secrets that are spread over several events: what one path says in all of them is read as one text."""
    groups: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        if not (leaf.is_key or leaf.quiet):
            groups.setdefault(leaf.group, []).append(leaf)
    edits: list[Edit] = []
    for group in groups.values():
        pieces = [leaf.text for leaf in group]
        if len(set(pieces)) < 2 or not redaction.is_suspicious("".join(pieces)):
            continue
        unescaped = [_unescaped(text, leaf) for leaf in group]
        inner = "".join(said for said, _ in unescaped)
        found = _unknown(inner, f"{place} {group[0].path}", redaction, depth + 1)
        edits += through(found, [span for _, spans in unescaped for span in spans], _in_json)
    return edits


def _plain_text(text: str, place: str, redaction: Redaction) -> list[Edit]:
    spans = [(start, end) for start, end, _ in _known(text, redaction)]
    if place not in redaction.allow:
        spans += [match.span() for shape in redaction.shapes for match in _matches(shape, text)]
        patterns = [*map(re.compile, PHRASES), *redaction.patterns]
        spans += [match.span(min(pattern.groups, 1)) for pattern in patterns for match in pattern.finditer(text)]
        for match in re.finditer(QUOTED_FIELD, text):
            if redaction.is_secret(match[1]):
                spans.append(match.span(match.lastindex or 0))
    return [(start, end, MARK) for start, end in _unmarked(text, spans)]


def _known(text: str, redaction: Redaction) -> list[Edit]:
    return [(*match.span(), MARK) for match in redaction.known.finditer(text)] if redaction.known else []


def _matches(shape: Shape, text: str) -> Iterator[re.Match[str]]:
    for prefix in shape.prefixes:
        if prefix in text:
            literal = re.escape(prefix)
            yield from re.finditer(f"{literal}(?<={NOT_IN_A_WORD}{literal}){shape.tail}", text)


def _hidden(value: str) -> list[Edit]:
    """The whole value, but for the scheme in front of a credential."""
    scheme = SCHEME.match(value)
    start = scheme.end() if scheme else 0
    return [] if value[start:] in ("", MARK) else [(start, len(value), MARK)]


def _unmarked(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """The spans without those that lie in a mark; one that cuts a mark takes it whole. So redacting again is idle,
    whatever pattern a project writes."""
    marks = [match.span() for match in re.finditer(MARK, text)] if MARK in text else []
    starts, ends = [start for start, _ in marks], [end for _, end in marks]
    for start, end in spans:
        first, last = bisect_right(ends, start), bisect_left(starts, end) - 1
        if start >= end or (first == last and starts[first] <= start and end <= ends[first]):
            continue
        yield (min(start, starts[first]), max(end, ends[last])) if first <= last else (start, end)
