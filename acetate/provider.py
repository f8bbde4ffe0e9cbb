"""Provider: what an API is called and looks like. Data (`profile`), not code.

    Providers(profiles(), os.environ).identify(uri) -> Address(provider, path, uri)
    operation(provider, "POST", address.path)       -> Operation("together", "chat.completions")
    rules(provider, "chat.completions")             -> Rules: what a mask walks along with a value

A host that no profile names is never mixed with another: it gets a profile under its own name, the OpenAI-compatible
one where the path says so, else the generic one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Final, Literal, NamedTuple

from acetate.path import ITEM, MAP_KEY, parts

__all__ = [
    "ANYWHERE",
    "COMPATIBLE",
    "GENERIC",
    "Address",
    "Mark",
    "Operation",
    "Provider",
    "Providers",
    "Route",
    "RuleNode",
    "Rules",
    "host_of",
    "operation",
    "rule_node",
    "rule_steps",
    "rules",
]

Mark = Literal["text", "id", "time", "number", "enum", "const", "keep", "json"]
"""What a rule says of a scalar: `text`, `id`, `time` and `number` are masked (keeping the type), `enum` and `const`
are approved value by value, `keep` is shown and compared but free to vary, `json` is JSON text shown as its shape."""

COMPATIBLE: Final = "openai-compatible"
GENERIC: Final = "generic"

ANYWHERE: Final = re.compile(r"\$\.\.([^.\[\]{}\"]+)\Z")
"""A rule for a key at any depth, `$..created`; its group is the key."""

_ROOTED = re.compile(r"\$(?=[.\[{]|\Z)")
# RFC 3986, appendix B, with the authority taken apart. Total: every text matches.
_URI = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^:/?#]*)(?::(?P<port>\d*))?"
    r"(?P<path>[^?#]*)(?P<query>\?[^#]*)?",
    re.DOTALL,
)
_METHOD_PATH = re.compile(r"([A-Z]+) /(.*)\Z", re.DOTALL)
_FILE_SAFE = re.compile(r"[a-z0-9._{}-]")
_LONGEST_SLUG = 150
_IDENTIFIER = re.compile(
    r"\d+|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{16,}|(?=[^0-9]*[0-9]).{21,}", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Operation:
    """What was called: `together:chat.completions`."""

    provider: str
    name: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"

    @property
    def slug(self) -> str:
        """The name as a file name: `chat.completions`, `get~models~{id}` for `GET /models/{id}`.

        Two names never share one, also where file names ignore case; a very long one ends in a digest.
        """
        call = _METHOD_PATH.match(self.name)
        # Nothing but a call writes `~`, so the two forms cannot meet.
        slug = f"{call[1].lower()}~{'~'.join(map(_escaped, call[2].split('/')))}" if call else _escaped(self.name)
        if len(slug) <= _LONGEST_SLUG:
            return slug
        digest = hashlib.sha256(self.name.encode(errors="surrogatepass")).hexdigest()
        return f"{slug[: _LONGEST_SLUG - 20]}~~{digest[:16]}"


@dataclass(slots=True)
class RuleNode:
    """The rules at and below one path: what a mask walks along with a value."""

    mark: Mark | None = None
    is_map: bool = False
    children: dict[str, RuleNode] = field(default_factory=dict)
    item: RuleNode | None = None
    value: RuleNode | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of one operation. `root` holds the rules with a whole path, `anywhere` those that name a key at any
    depth (`$..created`); a whole path wins."""

    root: RuleNode
    anywhere: Mapping[str, Mark]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a provider: `POST /chat/completions`. `{name}` in the path stands for one segment.

    `rules` and `maps` come on top of the provider's, `documented` are the statuses that its documentation names.
    """

    name: str
    method: str
    path: str
    stream: bool = False
    rules: Mapping[str, Mark] = field(default_factory=dict)
    maps: tuple[str, ...] = ()
    documented: tuple[int, ...] = ()


# Compared by identity: what is compiled from a profile is kept per profile.
@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """A profile. `aliases` are hosts, or hosts with a path (`router.huggingface.co/together`); the first is canonical.

    `base_url_vars` and `key_vars` name environment variables, `base_urls` are addresses it answers at besides.
    `prefixes` start a path and do not count (longest first); with `any_base`, a route without a `{}` is found at the
    end of a path, whatever stands before it. `keep_headers` (lower case) are approved by presence, content-type
    by media type; all others are volatile. `key_shapes` are regular expressions of its keys.
    """

    name: str
    aliases: tuple[str, ...] = ()
    base_urls: tuple[str, ...] = ()
    base_url_vars: tuple[str, ...] = ()
    key_vars: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    any_base: bool = False
    routes: tuple[Route, ...] = ()
    rules: Mapping[str, Mark] = field(default_factory=dict)
    maps: tuple[str, ...] = ()
    keep_headers: tuple[str, ...] = ()
    key_shapes: tuple[str, ...] = ()
    secret_headers: tuple[str, ...] = ()
    secret_fields: tuple[str, ...] = ()
    secret_query: tuple[str, ...] = ()


class Address(NamedTuple):
    """Whose a URI is: the provider, the path without its prefix, and the URI as it is stored."""

    provider: Provider
    path: str
    uri: str


# --- who answers at an address ----------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """An address taken apart. `host` is in lower case, `port` is also there where it is only implied, `default` is
    the port that the scheme implies, `query` has its `?`."""

    host: str
    port: str
    default: str
    path: str
    query: str


class _Door(NamedTuple):
    """One place where a provider answers. `port` None is any port; `path` is what stands before the provider's own."""

    host: str
    port: str | None
    path: str
    provider: Provider


class Providers:
    """The providers of a project, found by address."""

    def __init__(self, known: Mapping[str, Provider], environ: Mapping[str, str]) -> None:
        """`known` are profiles by name, among them at least `openai-compatible` and `generic`; `environ` holds the
        base-URL variables. The longest path wins; then an alias, a base URL of the configuration, one of the
        environment; then the profile that stands first."""
        self._known = known
        doors = [_door(_place(alias), provider, any_port=True) for provider, alias in _each(known, "aliases")]
        doors += [_door(_place(url), provider) for provider, url in _each(known, "base_urls")]
        doors += [_door(_place(environ.get(name, "")), provider) for provider, name in _each(known, "base_url_vars")]
        self._doors: dict[str, list[_Door]] = {}
        for door in sorted(doors, key=lambda door: -len(door.path)):
            if door.host:
                self._doors.setdefault(door.host, []).append(door)
        self._identified = lru_cache(maxsize=1024)(self._identify)  # a suite calls the same few again and again

    def identify(self, uri: str) -> Address:
        """Whose URI this is. Scheme and userinfo never count; a fragment is no part of the path."""
        return self._identified(uri)

    def _identify(self, uri: str) -> Address:
        place = _place(uri)
        for door in self._doors.get(place.host, ()):
            if door.port in (None, place.port) and f"{place.path}/".startswith(f"{door.path}/"):
                rest = place.path[len(door.path) :]
                stored = _stored(door.provider, f"{rest}{place.query}") or uri
                return Address(door.provider, _without_prefix(rest, door.provider.prefixes), stored)
        family = self._family(place.path)
        return Address(_named(family, _host_name(place)), _without_prefix(place.path, family.prefixes), uri)

    def of(self, called: Operation) -> Provider:
        """The profile of an operation whose address is not at hand: the same that `identify` found for it."""
        if called.provider in self._known:
            return self._known[called.provider]
        route = next((route for route in self._known[COMPATIBLE].routes if route.name == called.name), None)
        family = self._family(route.path if route else called.name.partition(" ")[2])
        return _named(family, called.provider)

    def _family(self, path: str) -> Provider:
        """What a host that no profile names looks like, by the path it is called with."""
        compatible = self._known[COMPATIBLE]
        fits = _index(compatible).answers(_without_prefix(path, compatible.prefixes))
        return compatible if fits else self._known[GENERIC]


def _each(known: Mapping[str, Provider], key: str) -> Iterator[tuple[Provider, str]]:
    return ((provider, value) for provider in known.values() for value in getattr(provider, key))


def _place(uri: str) -> _Place:
    match = _URI.match(uri)
    assert match is not None
    default = "80" if (match["scheme"] or "").lower() in ("http", "ws") else "443"
    host = match["host"].lower().rstrip(".")
    return _Place(host, match["port"] or default, default, match["path"], match["query"] or "")


def host_of(address: str) -> str:
    """The host that an address names, in small letters; an empty text where it names none."""
    return _place(address).host


def _door(place: _Place, provider: Provider, *, any_port: bool = False) -> _Door:
    port = None if any_port and place.port == place.default else place.port
    return _Door(place.host, port, _base_path(place.path, provider), provider)


def _base_path(path: str, provider: Provider) -> str:
    """What stands before the provider's own paths. A base URL may end in a prefix of theirs (`…/v1`) or not."""
    path = path.rstrip("/")
    return next((path.removesuffix(prefix) for prefix in provider.prefixes if path.endswith(prefix)), path)


def _stored(provider: Provider, rest: str) -> str | None:
    """The URI under the provider's first alias; None where it has no alias."""
    if not provider.aliases:
        return None
    place = _place(provider.aliases[0])
    port = "" if place.port == place.default else f":{place.port}"
    return f"https://{place.host}{port}{_base_path(place.path, provider)}{rest}"


def _without_prefix(path: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        if path == prefix or path.startswith(f"{prefix}/"):
            return path[len(prefix) :] or "/"
    return path or "/"


def _host_name(place: _Place) -> str:
    """A host as the name of a provider, safe as the name of a folder: `api.groq.com`, `localhost-8000`.

    A host without a dot always carries its port, so that a container called `together` is not Together.
    """
    name = re.sub(r"[^a-z0-9.-]", "-", place.host).strip("-.") or "unknown"
    return name if "." in name and place.port == place.default else f"{name}-{place.port}"


@cache
def _named(family: Provider, name: str) -> Provider:
    return replace(family, name=name)


# --- what was called --------------------------------------------------------------------------------------------------


def operation(provider: Provider, method: str, path: str) -> Operation:
    """What a call is called; `path` is without the provider's prefix. A call that no route describes is its method
    and its path, with `{id}` for every segment that looks like an identifier."""
    method = method.upper()
    path = path.rstrip("/") or "/"
    route = _index(provider).find(method, path)
    return Operation(provider.name, route.name if route else f"{method} {_templated(path)}")


def _templated(path: str) -> str:
    return "/".join(map(_segment, path.split("/")))


def _segment(segment: str) -> str:
    name, colon, verb = segment.rpartition(":")
    if colon and name and verb.isalpha():
        return f"{_segment(name)}:{verb}"
    return "{id}" if _IDENTIFIER.fullmatch(segment) else segment


@dataclass(frozen=True, slots=True)
class _Index:
    """The routes of a provider, ready to be found."""

    any_base: bool
    literal: Mapping[tuple[str, str], Route]
    templates: tuple[tuple[tuple[str, ...], Route], ...]
    ends: tuple[str, ...]

    def find(self, method: str, path: str) -> Route | None:
        for tail in _tails(path) if self.any_base else (path,):
            if route := self.literal.get((method, tail)):
                return route
        segments = path.split("/")
        fitting = (route for template, route in self.templates if route.method == method and _fits(template, segments))
        return next(fitting, None)

    def answers(self, path: str) -> bool:
        """True if some route has this path, whatever the method."""
        path = path.rstrip("/")
        segments = path.split("/")
        return path.endswith(self.ends) or any(_fits(template, segments) for template, _ in self.templates)


@cache
def _index(provider: Provider) -> _Index:
    literal = {(route.method, route.path): route for route in provider.routes if "{" not in route.path}
    templates = [route for route in provider.routes if "{" in route.path]
    # `/files/{id}/content` before `/{kind}/files/content`: of two that fit, the one that is literal for longer.
    templates.sort(key=lambda route: [segment.startswith("{") for segment in route.path.split("/")])
    return _Index(
        provider.any_base,
        literal,
        tuple((tuple(route.path.split("/")), route) for route in templates),
        tuple(dict.fromkeys(path for _, path in literal)),
    )


def _fits(template: tuple[str, ...], segments: list[str]) -> bool:
    """True if the segments are those of the template, with something in place of each `{name}`."""
    return len(template) == len(segments) and all(
        bool(segment) if part.startswith("{") else part == segment
        for part, segment in zip(template, segments, strict=True)
    )


def _tails(path: str) -> Iterator[str]:
    """`/a/b/c`, `/b/c`, `/c`: the longest tail wins."""
    start = 0
    while start != -1:
        yield path[start:]
        start = path.find("/", start + 1)


def _escaped(text: str) -> str:
    """Everything but small letters, digits, `.`, `_`, `-` and braces as `%xx`; no dot first or last."""
    safe = "".join(
        each if _FILE_SAFE.match(each) else "".join(f"%{byte:02x}" for byte in each.encode(errors="surrogatepass"))
        for each in text
    )
    if safe.startswith("."):
        safe = f"%2e{safe[1:]}"
    return f"{safe[:-1]}%2e" if safe.endswith(".") else safe


# --- what may vary ----------------------------------------------------------------------------------------------------


@cache
def rules(provider: Provider, name: str) -> Rules:
    """The rules of the operation of that name: the provider's, and on top of them those of its route."""
    route = next((route for route in provider.routes if route.name == name), None)
    root = RuleNode()
    anywhere: dict[str, Mark] = {}
    for pattern, mark in {**provider.rules, **(route.rules if route else {})}.items():
        if key := ANYWHERE.match(pattern):
            anywhere[key[1]] = mark
        else:
            rule_node(root, pattern).mark = mark
    for pattern in (*provider.maps, *(route.maps if route else ())):
        rule_node(root, pattern).is_map = True
    return Rules(root, anywhere)


def rule_steps(pattern: str) -> tuple[str, ...]:
    """The steps of the path of a rule. It starts at `$`, the body, and writes `[]` for every index.

    Raises ValueError for text that is no such path.
    """
    if not _ROOTED.match(pattern):
        raise ValueError(f"`{pattern}` is not a path: write `$.choices[].finish_reason`")
    steps = tuple(parts(pattern))
    for step in steps:
        if isinstance(step, int):
            raise ValueError(f"`{pattern}` names index {step}: write `[]` for all items")
    return tuple(map(str, steps))


def rule_node(root: RuleNode, pattern: str) -> RuleNode:
    """The node of a whole path, made where it is missing."""
    node = root
    for step in rule_steps(pattern):
        if step == ITEM:
            node.item = node.item or RuleNode()
            node = node.item
        elif step == MAP_KEY:
            node.is_map = True
            node.value = node.value or RuleNode()
            node = node.value
        else:
            node = node.children.setdefault(step, RuleNode())
    return node
