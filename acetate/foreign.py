"""The files of other recorders, for `acetate import`: HAR (browsers, mitmproxy, Polly.JS), the tapes of huggingface.js,
and everything that a cassette may be."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from acetate.body import parse_json
from acetate.cassette import read_exchanges, read_text
from acetate.errors import CassetteError
from acetate.exchange import Exchange
from acetate.interaction import Reader, Unreadable, utc

__all__ = ["Foreign", "read_foreign"]

_KNOWN = "a HAR file, a vcrpy, Betamax or VCR cassette, or the tapes of huggingface.js"


class Foreign(NamedTuple):
    """The exchanges of another recorder's file, in its order, not redacted; and the numbers of the entries that hold
    no answer."""

    exchanges: list[Exchange]
    unanswered: tuple[int, ...] = ()


def read_foreign(path: Path) -> Foreign:
    """What is in another recorder's file. Raises CassetteError."""
    where = str(path)
    text = read_text(path, where)
    document = _json(text)
    if isinstance(document, dict):
        if "log" in document:
            entries = _entries(document["log"], where)
            unanswered = tuple(number for number, each in enumerate(entries) if _is_unanswered(each))
            answered = [(number, each) for number, each in enumerate(entries) if number not in unanswered]
            return Foreign(list(_exchanges(where, answered, _of_entry)), unanswered)
        if isinstance(document.get("response"), dict) and '"__type__"' in text:
            raise CassetteError(
                "it holds objects that an SDK has parsed, not what crossed the wire: missing fields became null",
                where=where,
                next="record the calls again, through Acetate or vcrpy",
            )
        if document and all(isinstance(tape, dict) and "url" in tape for tape in document.values()):
            return Foreign(list(_exchanges(where, enumerate(document.values()), _of_tape)))
    return Foreign(read_exchanges(text, where))


def _json(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return None


def _exchanges(
    where: str, items: Iterable[tuple[int, Any]], interaction: Callable[[Any], dict[str, Any]]
) -> Iterator[Exchange]:
    """Each item as an interaction of vcrpy's, so that what a cassette refuses is refused here, too."""
    for number, item in items:
        try:
            yield Reader().exchange(interaction(item))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problem = str(error) if isinstance(error, Unreadable) else f"it is not understood: {error!r}"
            place = f"{where}, entry {number}"
            raise CassetteError(problem, where=place, next=f"export it again, as {_KNOWN}") from None


# HAR 1.2


def _entries(log: Any, where: str) -> list[Any]:
    entries = log.get("entries") if isinstance(log, dict) else None
    if isinstance(entries, list):
        return entries
    raise CassetteError("it is a HAR file without a list of entries", where=where, next=f"export it again, as {_KNOWN}")


def _is_unanswered(entry: Any) -> bool:
    """True for a call that a browser gave up, or stopped: it writes status 0."""
    response = entry.get("response") if isinstance(entry, dict) else None
    return isinstance(response, dict) and response.get("status") == 0


def _of_entry(entry: Any) -> dict[str, Any]:
    request, response = entry["request"], entry["response"]
    return {
        "request": {
            "method": request["method"],
            "uri": request["url"],
            "headers": _pairs(request["headers"]),
            "body": _sent(request.get("postData") or {}),
        },
        "response": {
            "status": {"code": response["status"], "message": response.get("statusText")},
            "headers": _pairs(response["headers"]),
            "body": {"string": _bytes(response["content"])},
            "acetate": _notes(entry),
        },
    }


def _pairs(headers: list[Any]) -> list[tuple[Any, Any]]:
    """Browsers list the pseudo headers of HTTP/2 (`:path`), which are no headers."""
    return [(one["name"], one["value"]) for one in headers if not one["name"].startswith(":")]


def _sent(data: dict[str, Any]) -> bytes:
    """The text; or the parameters of a form, where a browser keeps nothing else."""
    if data.get("text") or not data.get("params"):
        return _bytes(data)
    from urllib.parse import urlencode

    return urlencode([(one["name"], one.get("value", "")) for one in data["params"]]).encode()


def _bytes(content: dict[str, Any]) -> bytes:
    """Plain text or Base64. What Polly.JS did not decode, it keeps as a JSON list of chunks in Base64, or in hex
    before its version 6."""
    text = content.get("text") or ""
    binary = content.get("_isBinary") is True
    if content.get("encoding") != "base64" and not binary:
        return str(text).encode()
    chunk = bytes.fromhex if binary else b64decode
    return b"".join(chunk(part) for part in (json.loads(text) if text.startswith("[") else [text]))


def _notes(entry: dict[str, Any]) -> dict[str, Any]:
    started, took = entry.get("startedDateTime"), entry.get("time")
    return {
        "version": 1,
        "recorded_at": utc(started) if started else None,
        "elapsed_ms": round(took) if isinstance(took, int | float) and took >= 0 else None,
    }


# The tapes of huggingface.js

_DATA_URL = "data:application/octet-stream;base64,"


def _of_tape(tape: Any) -> dict[str, Any]:
    init, response = tape.get("init") or {}, tape["response"]
    method, body = init.get("method", "GET"), init.get("body")
    if method != "GET" and not isinstance(body, str):
        raise Unreadable("the tape does not keep the body of its request, so nothing could ever match it")
    text = response["body"]
    return {
        "request": {"method": method, "uri": tape["url"], "headers": init.get("headers"), "body": body},
        "response": {
            "status": {"code": response["status"], "message": response.get("statusText")},
            "headers": response.get("headers"),
            "body": {"string": b64decode(text.removeprefix(_DATA_URL)) if text.startswith(_DATA_URL) else text},
        },
    }
