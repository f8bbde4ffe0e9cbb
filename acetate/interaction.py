"""One interaction of a cassette: an exchange in the dialects that vcrpy and its relatives write, and in our own.

vcrpy of every age, its JSON serializer, Pydantic AI's serializer (`parsed_body`), cassetter (`type` and `content`),
Betamax and Ruby's VCR (`http_interactions`) are read; what is written is vcrpy's version 1, made to be read in a pull
request.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, encodebytes
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from acetate.body import decoded, essence
from acetate.exchange import Exchange, Headers, Recording, RedactedExchange, Request, Response, header

__all__ = ["Reader", "Unreadable", "is_cassetters", "unpacked", "utc", "written"]

_VERSION = 1
_CODING = "content-encoding"
_INJECTION = re.compile(r"[\r\n\0]")
_BARE_STATUS = re.compile(r"^    status: \d+$", re.MULTILINE)


class Unreadable(ValueError):
    """Not an interaction that can be examined or played; the text says why. `next` is what to do about it."""

    def __init__(self, problem: str, next: str = "") -> None:
        super().__init__(problem)
        self.next = next


def unpacked(status: int, reason: str, headers: Headers, body: bytes) -> Response:
    """The response that a client sees, of one as it crossed the wire: its body decoded, no Content-Encoding, and the
    Content-Length of the body that is left. Raises ValueError as `decoded` does."""
    codings = ", ".join(value for name, value in headers if name.lower() == _CODING)
    if not codings:
        return Response(status, reason, headers, body)
    plain = decoded(body, codings)
    return Response(status, reason, _plain_headers(headers, plain), plain)


def _plain_headers(headers: Headers, body: bytes) -> Headers:
    """What is said of an empty body stays: an answer to HEAD tells the length of what it does not send."""
    return tuple(
        (name, str(len(body)) if body and name.lower() == "content-length" else value)
        for name, value in headers
        if name.lower() != _CODING
    )


def utc(moment: str) -> str:
    """RFC 3339 in UTC to the millisecond, of ISO 8601 or of an HTTP date. Raises ValueError."""
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        from email.utils import parsedate_to_datetime

        parsed = parsedate_to_datetime(moment)
    known = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return known.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Reading


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes exchanges of interactions. `exact` takes nothing but text where text belongs: what the fast reader of
    documents has made of a scalar like `08` cannot be trusted. Everything raises Unreadable."""

    exact: bool = False

    def exchange(self, interaction: Any) -> Exchange:
        """The exchange of one interaction, its response decoded."""
        if not isinstance(interaction, dict):
            raise Unreadable("an interaction is a mapping with `request` and `response`")
        request, response = (self._part(interaction, name) for name in ("request", "response"))
        if type(response.get("status")) is int:
            request, response = _of_cassetter(request), _of_cassetter(response)
        recording = self._recording(response.get("acetate"), interaction.get("recorded_at"))
        answer = self._response(response)
        if recording.chunks and sum(size for _, size in recording.chunks) != len(answer.body):
            # Somebody edited the body: it is the truth, and how it once arrived is not worth an error.
            recording = replace(recording, chunks=())
        return Exchange(self._request(request), answer, recording)

    def _part(self, interaction: dict[Any, Any], name: str) -> dict[Any, Any]:
        part = interaction.get(name)
        if not isinstance(part, dict):
            raise Unreadable(f"it has no `{name}`")
        return part

    def _request(self, request: dict[Any, Any]) -> Request:
        headers = self._headers(request.get("headers"))
        return Request(
            method=self._line(request.get("method"), "the method of its request"),
            uri=self._line(request.get("uri"), "the URI of its request"),
            headers=headers,
            body=self._body(request, headers),
        )

    def _response(self, response: dict[Any, Any]) -> Response:
        headers = self._headers(response.get("headers"))
        status, reason = self._status(response)
        body = self._body(response, headers)
        if "parsed_body" in response:  # the recorder has decoded it, whatever the headers say
            return Response(status, reason, _plain_headers(headers, body), body)
        try:
            return unpacked(status, reason, headers, body)
        except ValueError as error:
            raise Unreadable(str(error)) from None

    def _status(self, response: dict[Any, Any]) -> tuple[int, str]:
        """`{code, message}`; a bare number; or `status_code`, as vcrpy once wrote for httpx."""
        status = response.get("status", response.get("status_code"))
        code, message = (status.get("code"), status.get("message")) if isinstance(status, dict) else (status, None)
        if isinstance(code, str) and code.isdecimal() and len(code) == 3:
            code = int(code)
        if type(code) is not int or not 100 <= code <= 999:
            raise Unreadable("the status of its response is not a number from 100 to 999")
        return code, "" if message is None else self._line(message, "the message of its status")

    def _headers(self, headers: Any) -> Headers:
        """A mapping of names to a value or to the list of its values; or a list of pairs."""
        if headers is None:
            return ()
        if isinstance(headers, dict):
            named = list(headers.items())
        elif isinstance(headers, list) and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in headers):
            named = headers
        else:
            raise Unreadable("its headers are not a mapping")
        return tuple(
            [
                (self._line(name, "the name of a header"), self._value(value, name))
                for name, values in named
                for value in _values(values)
            ]
        )

    def _value(self, value: Any, name: Any) -> str:
        if type(value) is str and not _INJECTION.search(value):  # as nearly all are: no words are needed for it
            return value
        return "" if value is None else self._line(value, f"the header `{name!s:.80}`")

    def _line(self, value: Any, what: str) -> str:
        """Text of one line. CR, LF or NUL in it would be a header of somebody else's making."""
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        elif type(value) is int and not self.exact:
            value = str(value)
        if not isinstance(value, str):
            raise Unreadable(f"{what} is not text: put it in quotes" if value is not None else f"{what} is missing")
        if _INJECTION.search(value):
            raise Unreadable(f"{what} contains a line break or NUL")
        return value

    def _body(self, message: dict[Any, Any], headers: Headers) -> bytes:
        if "parsed_body" in message:
            return self._parsed(message["parsed_body"], headers)
        body = message.get("body", message.get("content"))
        if isinstance(body, dict) and "base64_string" in body:
            return _base64(body["base64_string"])
        if isinstance(body, dict) and (not body or "string" in body):
            body = body.get("string")
        if body is None:
            return b""
        if isinstance(body, bytes):
            return body
        if isinstance(body, str):
            return _utf8(body)
        return self._parsed(body, headers)

    def _parsed(self, value: Any, headers: Headers) -> bytes:
        """A body that was stored as the JSON that it contains, or as the text of its events."""
        if self.exact:
            raise Unreadable("numbers of a parsed body have to be read carefully")
        if isinstance(value, str) and essence(header(headers, "content-type") or "") == "text/event-stream":
            return _utf8(value)
        try:
            return _utf8(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise Unreadable(f"its body is not JSON: {error}") from None

    def _recording(self, ours: Any, recorded_at: Any) -> Recording:
        """What Acetate noted, or at least the time that Betamax and Ruby's VCR note."""
        if ours is None:
            return Recording(recorded_at=_moment(recorded_at))
        version = ours.get("version") if isinstance(ours, dict) else None
        if type(version) is not int:
            raise Unreadable("`response.acetate` is not what Acetate writes")
        if version > _VERSION:
            raise Unreadable("it was written by a newer Acetate", next="upgrade: `pip install -U acetate`")
        try:
            chunks = tuple((_number(at), _number(size)) for at, size in ours.get("chunks", ()))
            elapsed = ours.get("elapsed_ms")
            words = [ours.get(name) for name in ("recorded_at", "source", "test")]
            at, source, test = (None if word is None else self._line(word, "a note of Acetate's") for word in words)
            return Recording(at, source, None if elapsed is None else _number(elapsed), test, chunks)
        except (TypeError, ValueError):
            raise Unreadable("`response.acetate` is not what Acetate writes") from None


def _values(values: Any) -> list[Any]:
    """The values of one header, however its recorder grouped them."""
    if isinstance(values, (list, tuple)):
        return [one for value in values for one in ([value] if type(value) is str else _values(value))]
    if isinstance(values, dict):
        raise Unreadable("the value of a header is a mapping")
    return [values]


def is_cassetters(text: str) -> bool:
    """True for a cassette that cassetter wrote, in YAML 1.2: nobody else leaves the status bare at this place."""
    return _BARE_STATUS.search(text) is not None


def _of_cassetter(message: dict[Any, Any]) -> dict[Any, Any]:
    """A message of cassetter's, whose body is `{type, content}`, as others would have written it."""
    body = message.get("body")
    if not isinstance(body, dict) or not {"type"} <= body.keys() <= {"type", "content"}:
        return message
    content = body.get("content")
    match body["type"], content:
        case "json", _:
            return {**message, "body": None, "parsed_body": content}
        case ("text", str()) | ("none", None):
            return {**message, "body": content}
        case "binary", str():
            return {**message, "body": _hex(content)}
        case _:
            raise Unreadable("its body is not what cassetter writes")


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _moment(recorded_at: Any) -> str | None:
    if isinstance(recorded_at, datetime):
        recorded_at = recorded_at.isoformat()
    try:
        return utc(recorded_at) if isinstance(recorded_at, str) else None
    except ValueError:
        return None


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Unreadable("its body contains half a character (a lone surrogate), which no server sends") from None


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Unreadable("its body is not the hexadecimal text that it claims to be") from None


def _base64(text: Any) -> bytes:
    try:
        return b64decode(text)
    except (TypeError, ValueError):
        raise Unreadable("its body is not the Base64 that it claims to be") from None


# Writing

_PLAIN = re.compile(r"[A-Za-z](?:[\w./;=,+@%&?~()*!$'\"-]|:(?=[^\s])| (?=[^#\s]))*", re.ASCII)
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_NOT_LITERAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|[ \t](?:\n|\\Z)|\\A[\\s]")


def written(exchange: RedactedExchange) -> str:
    """The interaction as YAML: one item of the list `interactions`. The same exchange always gives the same bytes.

    A body stands as it is, in a literal block, wherever YAML can hold it so; else in double quotes; else in Base64.
    """
    request, response = exchange.request, exchange.response
    return "\n".join(
        (
            "- request:",
            f"    method: {_scalar(request.method)}",
            f"    uri: {_scalar(request.uri)}",
            *_header_lines(request.headers),
            f"    body: {_block(request.body, 6) if request.body else 'null'}",
            "  response:",
            "    status:",
            f"      code: {response.status}",
            f"      message: {_scalar(response.reason)}",
            *_header_lines(_plain_headers(response.headers, response.body)),
            "    body:",
            f"      string: {_block(response.body, 8)}",
            *_note_lines(exchange.recording),
            "",
        )
    )


def _header_lines(headers: Headers) -> Iterator[str]:
    grouped: dict[str, list[str]] = {}
    for name, value in headers:
        grouped.setdefault(name, []).append(value)
    yield "    headers:" if grouped else "    headers: {}"
    for name, values in grouped.items():
        yield f"      {_scalar(name)}:"
        yield from (f"      - {_scalar(value)}" for value in values)


def _note_lines(recording: Recording) -> Iterator[str]:
    notes: dict[str, str] = {}
    for name in ("recorded_at", "source", "elapsed_ms", "test"):
        note = getattr(recording, name)
        if note is not None:
            notes[name] = str(note) if isinstance(note, int) else _quoted(note)
    if recording.chunks:
        notes["chunks"] = f"[{', '.join(f'[{at}, {size}]' for at, size in recording.chunks)}]"
    if notes:
        yield f"    acetate: {{version: {_VERSION}, {', '.join(f'{name}: {note}' for name, note in notes.items())}}}"


def _scalar(text: str) -> str:
    """Plain where no YAML of any version takes it for something else."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    """JSON's strings are YAML's, once each character that YAML does not print is escaped."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _block(body: bytes, indent: int) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _indented("!!binary |", encodebytes(body).decode().removesuffix("\n"), indent)
    if not text or _NOT_LITERAL.search(text):
        return _quoted(text)
    kept = text.rstrip("\n")
    keep = {0: "|-", 1: "|"}.get(len(text) - len(kept), "|+")
    return _indented(keep, text.removesuffix("\n"), indent)


def _indented(introduction: str, text: str, indent: int) -> str:
    """Empty lines stay empty."""
    return re.sub(r"\n(?=[^\n])", "\n" + indent * " ", f"{introduction}\n{text}")
