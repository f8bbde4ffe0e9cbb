"""A second look, with other eyes, at what is about to be written.

`redaction` knows where it replaces things. This knows nothing of that: it reads an exchange as someone would who looks
for keys in it, also through base64, gzip and percent signs, and is broader than what it checks. What it finds stops
the write.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from acetate import multipart
from acetate.body import Json, essence, parse_json
from acetate.errors import SecretFound
from acetate.exchange import Exchange, Headers, header
from acetate.path import ITEM, child
from acetate.redaction import MARK, Redaction, spellings
from acetate.shape import MASKS

__all__ = ["Leak", "check_clean", "scan"]

_SHAPES = (
    (
        "API key",
        r"(?<![A-Za-z0-9])(?:sk-|pk-|tgp_v1_|hf_|gsk_|xai-|pplx-|r8_|nvapi-|gh[pousr]_|github_pat_|glpat-|[sr]k_(?:live|test)_"
        r"|whsec_|npm_|pypi-|hvs\.|dop_v1_|lsv2_|pcsk_|csk-|ya29\.|GOCSPX-|jina_|tvly-|fw_|dckr_pat_)"
        r"(?=[a-z_.+/=-]{0,30}[A-Z0-9])[A-Za-z0-9_.+/=-]{20,}",
    ),
    ("OpenAI organization or project", r"(?<![A-Za-z0-9])(?:org-|proj_)(?=[a-z]{0,30}[A-Z0-9])[A-Za-z0-9]{20,}"),
    ("Slack token", r"(?<![A-Za-z0-9])xox[a-z]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T[A-Z0-9]{6,}/"),
    ("SendGrid key", r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("Google API key", r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}"),
    (
        "AWS access key",
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|AROA)[A-Z0-9]{16}(?![A-Za-z0-9])|(?<![A-Za-z0-9])ABSK[A-Za-z0-9+/]{60,}",
    ),
    ("JSON Web Token", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\."),
    ("private key", r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"),
    ("password in a URL", r"://[^\s/@:\"'<>]{1,200}:[^\s/@\"'<>]{1,300}@"),
    ("bearer token", r"(?i)(?<![a-z])bearer\s{1,4}(?=[a-z._~+/-]{0,60}\d)[a-z0-9._~+/-]{20,}"),
)
_SECRET_WORDS = frozenset(
    {"key", "apikey", "token", "secret", "auth", "authorization", "credential", "credentials", "password", "passwd"}
    | {"cookie", "jwt", "bearer", "passphrase"}
)
_HARMLESS_WORDS = frozenset(
    {
        "idempotency",
        "cache",
        "public",
        "page",
        "next",
        "previous",
        "continuation",
        "eos",
        "bos",
        "pad",
        "stop",
        "logprobs",
    }
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DENSE = re.compile(r"[A-Za-z0-9_+/=.~-]{32,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}")
_ESCAPE = re.compile(r"(?<!\\)\\+u00([0-7][0-9a-fA-F])")
_INFLATED_AT_MOST = 1 << 20
_RANDOM_BITS = 3.5  # per character; hex digits come to 3.7 and more in 32 of them
_IN_USE = "the key in use"
_SHORTEST = 8  # no key is shorter


class Leak(NamedTuple):
    """Something that looks like a secret: where (`response.body $.data[].key`), what it looks like, and a hint to
    recognise it by that does not give it away."""

    path: str
    shape: str
    hint: str


class _Said(NamedTuple):
    """A text, the name under which it stands (or an empty string), and where."""

    path: str
    name: str
    text: str


def check_clean(subject: Exchange | str, redaction: Redaction) -> None:
    """Raises SecretFound for the first thing that still looks like a secret."""
    for path, shape, hint in scan(subject, redaction):
        raise SecretFound(
            f"{hint} looks like a secret ({shape}) and was about to be written", where=path, next=_advice(path, shape)
        )


def _advice(path: str, shape: str) -> str:
    if shape == _IN_USE:
        return "keep the key out of what is sent: no rule allows it"
    return (
        "hide it with `headers`, `fields`, `query` or `patterns` of [tool.acetate.redact]; if it is no secret: "
        f"[tool.acetate.redact] allow = [{json.dumps(path)}]"
    )


def scan(subject: Exchange | str, redaction: Redaction) -> list[Leak]:
    """Everything in an exchange, or in a text about to be written, that looks like a secret; each place once."""
    said = dict.fromkeys(_of_text(subject, "", "text") if isinstance(subject, str) else _of_exchange(subject))
    allowed = [text.text for text in said if text.path in redaction.allow]
    found: dict[str, Leak] = {}
    for text in said:
        for leak in _leaks(text, allowed, redaction):
            found.setdefault(leak.path, leak)
    return [one for path, one in found.items() if not any(other.startswith(path + " ") for other in found)]


def _leaks(said: _Said, allowed: Sequence[str], redaction: Redaction) -> Iterator[Leak]:
    for text in _readings(said.text) if len(said.text) >= _SHORTEST else ():
        for value in redaction.values:
            if _holds(text, value):
                yield Leak(said.path, _IN_USE, f"a value of {len(value)} characters")
        for shape, pattern in _SHAPES if said.path not in redaction.allow else ():
            for match in re.finditer(pattern, text):
                # The text of a whole body holds what is allowed at a place in it.
                if not any(match[0] in other for other in allowed):
                    yield Leak(said.path, shape, _hint(match[0]))
                    break
    if said.name and said.path not in redaction.allow:
        yield from _by_name(said, redaction)


def _holds(text: str, value: str) -> bool:
    """True if the text holds the value in any spelling, or a half of it that is long enough to be no accident."""
    half = max(16, len(value) // 2)
    return any(spelling in text for part in (value, value[:half], value[-half:]) for spelling in spellings(part))


def _by_name(said: _Said, redaction: Redaction) -> Iterator[Leak]:
    if redaction.is_secret(said.name) and said.text and said.text not in MASKS and MARK not in said.text:
        yield Leak(said.path, f"the value of `{said.name}`", _hint(said.text))
    words = {word.lower() for word in _WORD.findall(said.name)}
    if words & _SECRET_WORDS and not words & _HARMLESS_WORDS:
        for token in _DENSE.findall(said.text):
            if _is_random(token):
                yield Leak(said.path, f"random characters in `{said.name}`", _hint(token))


def _is_random(token: str) -> bool:
    if _UUID.search(token) or not re.search(r"\d", token) or not re.search(r"[A-Za-z]", token):
        return False
    shares = [count / len(token) for count in Counter(token).values()]
    return -sum(share * math.log2(share) for share in shares) >= _RANDOM_BITS


def _hint(secret: str) -> str:
    return f"`{secret[:4]}...` ({len(secret)} characters)"


# What is said where


def _of_exchange(exchange: Exchange) -> Iterator[_Said]:
    request, response = exchange.request, exchange.response
    yield from _of_headers(request.headers, "request")
    yield _Said("request.uri", "", request.uri)
    url = urlsplit(request.uri)
    for name, value in parse_qsl(f"{url.query}&{url.fragment}", keep_blank_values=True):
        yield _Said(f"request.uri ?{name}", name, value)
    yield from _of_body(request.body, header(request.headers, "content-type") or "", "request.body")
    yield from _of_headers(response.headers, "response")
    yield _Said("response.reason", "", response.reason)
    yield from _of_body(response.body, header(response.headers, "content-type") or "", "response.body")
    yield _Said("recording.source", "", exchange.recording.source or "")
    yield _Said("recording.test", "", exchange.recording.test or "")


def _of_headers(headers: Headers, side: str) -> Iterator[_Said]:
    for name, value in headers:
        yield _Said(f"{side}.headers.{name.lower()}", name, value)


def _of_body(body: bytes, content_type: str, place: str) -> Iterator[_Said]:
    text = body.decode("utf-8", "surrogateescape")
    yield from _of_text(text, content_type, place)
    if "\0" in text:
        yield _Said(place, "", text.replace("\0", ""))
    if inflated := _inflated(body):
        yield _Said(place, "", inflated)


def _of_text(text: str, content_type: str, place: str) -> Iterator[_Said]:
    if essence(content_type) == "application/x-www-form-urlencoded":
        for name, value in parse_qsl(text, keep_blank_values=True):
            yield _Said(f"{place} ?{name}", name, value)
    if delimiter := multipart.boundary(content_type):
        for part in multipart.parts(text, delimiter):
            content = text[part.start : part.end]
            yield _Said(f"{place} ?{part.name}", part.name, content)
            yield from _of_documents(content, f"{place} ?{part.name}")
    yield from _of_documents(text, place)
    yield _Said(place, "", text)


def _of_documents(text: str, place: str) -> Iterator[_Said]:
    """Every string of the JSON in a text: of all of it, or of its lines. Strings that events say one after the other
    at one path are read once more as one."""
    joined: dict[str, list[str]] = {}
    documents = [text] if text.lstrip()[:1] in ("{", "[") else text.splitlines()
    for document in documents:
        for said in _of_json(document.removeprefix("data:"), place):
            yield said
            joined.setdefault(said.path, []).append(said.text)
    for path, pieces in joined.items():
        if len(set(pieces)) > 1 and len(documents) > 1:
            yield _Said(path, "", "".join(pieces))


def _of_json(text: str, place: str) -> Iterator[_Said]:
    if not text.lstrip().startswith(("{", "[")):
        return
    try:
        value = parse_json(text)
    except ValueError:
        return
    todo: list[tuple[Json, str, str]] = [(value, "$", "")]
    while todo:
        value, path, name = todo.pop()
        if isinstance(value, dict):
            yield from (_Said(f"{place} {path}", "", key) for key in value)
            quiet = "logprob" in path
            todo += [(inner, child(path, key), "" if quiet else key) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            todo += [(inner, path + ITEM, name) for inner in reversed(value)]
        elif isinstance(value, str):
            yield _Said(f"{place} {path}", name, value)
            yield from _of_json(value, f"{place} {path}")


def _readings(text: str) -> Iterator[str]:
    """The text, and what it says once its percent signs, its JSON escapes and its base64 are undone."""
    yield text
    if "%" in text:
        yield unquote(text, "latin-1")
    if "\\" in text:
        yield _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text).replace("\\/", "/")
    for token in _BASE64.findall(text):
        if decoded := _from_base64(token):
            yield decoded


def _from_base64(token: str) -> str | None:
    """The text in a base64 token, also a compressed one; None where there are only bytes, as in an image."""
    try:
        data = base64.b64decode(token.replace("-", "+").replace("_", "/") + "==")
    except binascii.Error:
        return None
    if inflated := _inflated(data):
        return inflated
    return data.decode() if data.isascii() else None


def _inflated(data: bytes) -> str | None:
    if data[:2] not in (b"\x1f\x8b", b"\x78\x9c", b"\x78\xda", b"\x78\x01"):
        return None
    try:
        return zlib.decompressobj(wbits=47).decompress(data, _INFLATED_AT_MOST).decode("utf-8", "replace")
    except zlib.error:
        return None
