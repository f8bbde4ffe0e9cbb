"""Which recorded exchange answers a request, and how far the nearest one is when none does.

Two requests are the same if their method, path, query and body say the same: JSON whatever the order of its keys and
however its numbers are written, a form whatever the order of its fields, a multipart body whatever its boundary.
Requests are compared as they are after redaction, which is the caller's part.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import parse_qsl

from acetate import multipart
from acetate.body import essence
from acetate.exchange import Request, header
from acetate.path import ITEM, MAP_KEY, child, parts

if TYPE_CHECKING:
    from acetate.provider import Provider

__all__ = ["Mask", "Mismatch", "Miss", "drifted", "match_key", "nearest"]

Mask = tuple[str, re.Pattern[str]]
"""A path in the body, and what does not count in the texts there."""
Reference = TypeVar("Reference")

_COMPARED = 8  # candidates that are compared path by path; the others are only counted
_DEEPEST = 200
_END = 1500  # bytes
_COUNTED = 1000  # differences of one candidate
_LISTED = 20  # mismatches of one miss
_SHOWN = 60  # characters of a value
_MASKED = "\N{REPLACEMENT CHARACTER}"
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")
_EXACT_DIGITS = 15  # a float keeps that many decimal digits apart
_LONGEST_INTEGER = 4000
_VARYING = (
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?",
    r"\d{4}-\d\d-\d\d",
    r"(January|February|March|April|May|June|July|August|September|October|November|December) \d{1,2}, \d{4}",
    r"\d\d:\d\d(:\d\d)?",
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    r"\b[0-9a-fA-F]{12,}\b",
    r"\d+",
)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One place where a recording says something else: `$.messages[0].content`, `?page`, `method`, `path`. Both
    values are as people read them, cut around what differs; `(absent)` where one side has nothing."""

    path: str
    recorded: str
    sent: str


@dataclass(frozen=True, slots=True)
class Miss(Generic[Reference]):
    """The nearest recording, which is not the one that was asked for.

    Without mismatches it is the same request, and has been played. `mask` is the configuration that would make the
    two one, where they differ only in a date, an id or a number inside of texts.
    """

    reference: Reference
    mismatches: tuple[Mismatch, ...]
    mask: str | None = None


def match_key(
    request: Request,
    provider: Provider,
    path: str,
    *,
    headers: Sequence[str] = (),
    ignore: Sequence[str] = (),
    mask: Sequence[Mask] = (),
) -> str:
    """What two requests share if one answers for the other: 64 hex digits. `path` is without the provider's prefix."""
    call = [provider.name, request.method.upper(), path, _query(request.uri), _headers(request, headers)]
    said = _CANONICAL.encode([*call, _body(request, ignore, mask)])
    return hashlib.sha256(said.encode()).hexdigest()


def nearest(
    wanted: Request,
    candidates: Sequence[tuple[Reference, Request]],
    *,
    headers: Sequence[str] = (),
    ignore: Sequence[str] = (),
    mask: Sequence[Mask] = (),
) -> Miss[Reference] | None:
    """The candidate that differs least, the first of equals; None if there is none."""
    looked_for = _whole(wanted, headers, ignore, mask)
    best: tuple[int, Reference, list[tuple[str, Any, Any]]] | None = None
    for reference, request in _likely(wanted, candidates):
        found = list(islice(_differences(_whole(request, headers, ignore, mask), looked_for), _COUNTED))
        score = _distance(found)
        if best is None or score < best[0]:
            best = score, reference, found
    if best is None:
        return None
    mismatches = tuple(_mismatch(*difference) for difference in best[2][:_LISTED])
    return Miss(best[1], mismatches, _advice(best[2]))


def drifted(recorded: Request, sent: Request) -> list[Mismatch]:
    """Where the bodies of two requests differ, `match.ignore` and `match.mask` or not."""
    sides = (
        {"$" if kind != "bytes" else "body": value for kind, value in _body(each, (), ()).items()}
        for each in (recorded, sent)
    )
    return [_mismatch(*each) for each in islice(_differences(*sides), _LISTED)]


# What a request says


def _query(uri: str) -> list[tuple[str, str]]:
    query = uri.partition("#")[0].partition("?")[2]
    return sorted(parse_qsl(query, keep_blank_values=True)) if query else []


def _headers(request: Request, names: Sequence[str]) -> dict[str, list[str]]:
    wanted = {name.lower() for name in names}
    found: dict[str, list[str]] = {}
    for name, value in request.headers if wanted else ():
        if name.lower() in wanted:
            found.setdefault(name.lower(), []).append(value)
    return found


def _body(request: Request, ignore: Sequence[str], mask: Sequence[Mask]) -> dict[str, Any]:
    """The body under the name of its kind, so that no two kinds are ever the same."""
    content_type = header(request.headers, "content-type") or ""
    body = request.body
    if essence(content_type) == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
        return {"form": _fields(sorted(pairs), ignore, mask)}
    if delimiter := multipart.boundary(content_type):
        text = body.decode("latin-1")
        found = [
            (part.name, f"{part.headers}\n\n{text[part.start : part.end]}") for part in multipart.parts(text, delimiter)
        ]
        return {"multipart": _fields(found, ignore, mask)}
    try:
        value = _DECODER.decode(body.decode()) if body else None
    except (ValueError, RecursionError):
        return {"bytes": body.decode("latin-1")}
    if _is_too_deep(value, body):
        return {"bytes": body.decode("latin-1")}
    return {"json": _without(value, ignore, mask)} if body else {}


def _is_too_deep(value: Any, body: bytes) -> bool:
    """True for JSON so deep that Python would fail on the way."""
    if body.count(b"[") + body.count(b"{") <= _DEEPEST:
        return False
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for several in inner for one in several if isinstance(one, dict | list)]
        depth += 1
    return depth > _DEEPEST


def _fields(pairs: Sequence[tuple[str, str]], ignore: Sequence[str], mask: Sequence[Mask]) -> Any:
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return _without(fields, ignore, mask)


def _number(text: str) -> Any:
    """A JSON number with a fraction or an exponent by its value: 1.0 and 1e0 are the integer 1. What a float would
    round is kept in decimal digits."""
    if len(text) <= _EXACT_DIGITS and "e" not in text and "E" not in text:
        value = float(text)
        return int(value) if value.is_integer() else value
    found = _NUMBER.fullmatch(text)
    assert found is not None
    sign, whole, fraction, exponent = found.groups(default="")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) - len(fraction) + len(digits)
    digits = digits.rstrip("0")
    power -= len(digits)
    if not digits:
        return 0
    if 0 <= power <= _LONGEST_INTEGER - len(digits):
        return int(sign + digits + "0" * power)
    if len(digits) <= _EXACT_DIGITS and -300 < power < 0:
        return float(text)
    return {"\0number": f"{sign}{digits}e{power}"}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_refuse)


# What does not count


def _without(value: Any, ignore: Sequence[str], mask: Sequence[Mask]) -> Any:
    for path in ignore:
        _drop(value, _steps(path))
    for path, pattern in mask:
        value = _masked(value, _steps(path), pattern)
    return value


@lru_cache(maxsize=256)
def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(parts(path))


def _drop(value: Any, steps: tuple[str | int, ...]) -> None:
    """Removes what a path names; `$` itself stays."""
    for key in _keys(value, steps[0]) if steps else ():
        if len(steps) == 1:
            del value[key]
        else:
            _drop(value[key], steps[1:])


def _masked(value: Any, steps: tuple[str | int, ...], pattern: re.Pattern[str]) -> Any:
    if not steps:
        return pattern.sub(_MASKED, value) if isinstance(value, str) else value
    for key in _keys(value, steps[0]):
        value[key] = _masked(value[key], steps[1:], pattern)
    return value


def _keys(value: Any, step: str | int) -> list[Any]:
    """The keys or indexes that one step of a path names here, from the last on, so that they can be deleted."""
    if isinstance(value, dict):
        return list(value) if step == MAP_KEY else [step] if step in value else []
    if isinstance(value, list):
        return list(range(len(value)))[::-1] if step == ITEM else [step] if step in range(len(value)) else []
    return []


# The nearest


def _likely(wanted: Request, candidates: Sequence[tuple[Reference, Request]]) -> list[tuple[Reference, Request]]:
    """The few that share most of the wanted body's words; counting is quick, comparing is not."""
    if len(candidates) <= _COMPARED:
        return list(candidates)
    mark = b'"' if b'"' in wanted.body else b"&"
    words = frozenset(_ends(wanted.body).split(mark))

    def likeness(candidate: tuple[Reference, Request]) -> tuple[bool, bool, float]:
        request = candidate[1]
        others = _ends(request.body).split(mark)
        shared = len(words.intersection(others)) / max(len(words), len(others))
        return request.method == wanted.method, request.uri == wanted.uri, shared

    return nlargest(_COMPARED, candidates, key=likeness)


def _ends(body: bytes) -> bytes:
    """The beginning and the end, where the model and the last message stand."""
    return body if len(body) <= 2 * _END else body[:_END] + body[-_END:]


def _whole(request: Request, headers: Sequence[str], ignore: Sequence[str], mask: Sequence[Mask]) -> dict[str, Any]:
    """All that counts, under the names that people know: `$…` is the body."""
    fields: dict[str, list[str]] = {}
    for name, value in _query(request.uri):
        fields.setdefault(f"?{name}", []).append(value)
    body = _body(request, ignore, mask)
    return {
        "method": request.method.upper(),
        "path": request.uri.partition("?")[0],
        **{name: values[0] if len(values) == 1 else values for name, values in fields.items()},
        **{f"header {name}": ", ".join(values) for name, values in _headers(request, headers).items()},
        **{"$" if kind != "bytes" else "body": value for kind, value in body.items()},
    }


_ABSENT = object()


def _differences(recorded: dict[str, Any], sent: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*recorded, *sent]):
        yield from _differing(name, recorded.get(name, _ABSENT), sent.get(name, _ABSENT))


def _differing(path: str, recorded: Any, sent: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(recorded, dict) and isinstance(sent, dict):
        for key in dict.fromkeys([*recorded, *sent]):
            yield from _differing(child(path, key), recorded.get(key, _ABSENT), sent.get(key, _ABSENT))
    elif isinstance(recorded, list) and isinstance(sent, list):
        for index in range(max(len(recorded), len(sent))):
            pair = [side[index] if index < len(side) else _ABSENT for side in (recorded, sent)]
            yield from _differing(f"{path}[{index}]", *pair)
    elif type(recorded) is not type(sent) or recorded != sent:
        yield path, recorded, sent


def _distance(found: Sequence[tuple[str, Any, Any]]) -> int:
    """How far a recording is away: another method or path counts most, what a mask would make one counts least."""
    elsewhere = sum(path in ("method", "path") for path, _, _ in found)
    maskable = sum(_mask_for(recorded, sent) is not None for _, recorded, sent in found[:_LISTED])
    return _COUNTED * 3 * elsewhere + 2 * len(found) - maskable


def _mismatch(path: str, recorded: Any, sent: Any) -> Mismatch:
    if isinstance(recorded, str) and isinstance(sent, str):
        return Mismatch(path, *_cut(recorded, sent))
    shown = _text(recorded), _text(sent)
    # 1 and "1" are not the same, and must not look it.
    return Mismatch(path, *(shown if shown[0] != shown[1] else (json.dumps(recorded), json.dumps(sent))))


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "(absent)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _cut(recorded: str, sent: str) -> tuple[str, str]:
    """Both texts around the first character that differs."""
    same = next((n for n, (one, other) in enumerate(zip(recorded, sent, strict=False)) if one != other), None)
    start = max(0, (min(len(recorded), len(sent)) if same is None else same) - _SHOWN // 3)
    if max(len(recorded), len(sent)) <= _SHOWN:
        return recorded, sent
    return tuple(("..." if start else "") + _text(text[start:]) for text in (recorded, sent))  # type: ignore[return-value]


def _mask_for(recorded: Any, sent: Any) -> str | None:
    """The regular expression without whose matches two texts are one."""
    if not (isinstance(recorded, str) and isinstance(sent, str)):
        return None
    for pattern in _VARYING:
        if re.sub(pattern, _MASKED, recorded) == re.sub(pattern, _MASKED, sent):
            return pattern
    return None


def _advice(differences: Sequence[tuple[str, Any, Any]]) -> str | None:
    masks = []
    for path, recorded, sent in differences[:_LISTED]:
        pattern = _mask_for(recorded, sent)
        if pattern is not None and path.startswith("$"):
            masks.append(f"{{path = {json.dumps(path)}, regex = '{pattern}'}}")
    return f"[tool.acetate.match]\nmask = [{', '.join(masks)}]" if masks else None
