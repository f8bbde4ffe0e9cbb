"""Provider: what an API is called and looks like. Data (`providers/*.toml`), not code.

    Providers(profiles(), os.environ).identify(uri) -> Address(provider, path, uri)
    operation(provider, "POST", address.path)       -> Operation("together", "chat.completions")
    rules(provider, "chat.completions")             -> Rules: what a mask walks along with a value

A host that no profile names is never mixed with another: it gets a profile under its own name, the OpenAI-compatible
one where the path says so, else the generic one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from acetate.path import ITEM, MAP_KEY, parts

__all__ = [
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
    "described",
    "operation",
    "profiles",
    "rule_steps",
    "rules",
]

Mark = Literal["text", "id", "time", "number", "enum", "const", "keep", "json"]
"""What a rule says of a scalar: `text`, `id`, `time` and `number` are masked (keeping the type), `enum` and `const`
are approved value by value, `keep` is shown and compared but free to vary, `json` is JSON text shown as its shape."""

COMPATIBLE: Final = "openai-compatible"
GENERIC: Final = "generic"

# Beside this file and not through importlib.resources, whose import alone costs more than reading the files.
_FOLDER = Path(__file__).with_name("providers")
_MARKS: tuple[Mark, ...] = get_args(Mark)
_ANYWHERE = re.compile(r"\$\.\.([^.\[\]{}\"]+)\Z")
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
_PARAMETER = re.compile(r"\{[^/]*\}")
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


# --- reading profiles -------------------------------------------------------------------------------------------------


@cache
def profiles() -> Mapping[str, Provider]:
    """The profiles that Acetate brings, by name."""
    return {path.stem: _profile(path.stem) for path in sorted(_FOLDER.glob("*.toml"))}


@cache
def _profile(name: str) -> Provider:
    import tomllib

    table = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    like = table.pop("like", None)
    return described(name, table, _profile(like) if like else Provider(name))


def described(name: str, table: Mapping[str, Any], like: Provider) -> Provider:
    """The profile that a table describes, on top of another: lists are added to, rules and operations replaced.
    Where it answers and what opens it is taken over only from a profile of the same name.

    The table has the form of `providers/*.toml` and the types that `config.KEYS` names. Raises ValueError for a host,
    a path, a regular expression or an operation that cannot be read.
    """
    if like.name != name:
        like = replace(like, aliases=(), base_urls=(), base_url_vars=(), key_vars=(), key_shapes=())
    for address in (*table.get("aliases", ()), *table.get("base_urls", ())):
        if not _place(address).host:
            raise ValueError(f"`{address}` names no host")
    for shape in table.get("key_shapes", ()):
        _checked_regex(shape)
    own_rules, own_maps = _rules_in(table.get("rules", {}))
    return Provider(
        name,
        **{key: _added(key, table, like) for key in _LISTS},
        prefixes=_longest_first(_added("prefixes", table, like)),
        any_base=table.get("any_base", like.any_base),
        routes=_routes_in(table, like),
        rules={**like.rules, **own_rules},
        maps=(*like.maps, *own_maps),
        keep_headers=_lower(_added("keep_headers", table, like)),
        secret_headers=_lower(_added("secret_headers", table, like)),
    )


_LISTS = ("aliases", "base_urls", "base_url_vars", "key_vars", "key_shapes", "secret_fields", "secret_query")


def _added(key: str, table: Mapping[str, Any], like: Provider) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*getattr(like, key), *table.get(key, ())]))


def _longest_first(prefixes: Iterable[str]) -> tuple[str, ...]:
    whole = {f"/{prefix.strip('/')}" for prefix in prefixes}
    return tuple(sorted(whole, key=lambda prefix: (-len(prefix), prefix)))


def _lower(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.lower() for name in names))


def _checked_regex(regex: str) -> None:
    try:
        re.compile(regex)
    except re.error as error:
        raise ValueError(f"`{regex}` is not a regular expression: {error}") from None


def _rules_in(table: Mapping[str, Any]) -> tuple[dict[str, Mark], tuple[str, ...]]:
    """`{enum = ["$..type"], maps = [...]}` as rules by pattern, and maps."""
    found: dict[str, Mark] = {}
    for mark in _MARKS:
        for pattern in table.get(mark, ()):
            if pattern in found:
                raise ValueError(f"`{pattern}` is both `{found[pattern]}` and `{mark}`")
            if not _ANYWHERE.match(pattern):
                rule_steps(pattern)
            found[pattern] = mark
    maps = tuple(table.get("maps", ()))
    for pattern in maps:
        rule_steps(pattern)
    return found, maps


def _routes_in(table: Mapping[str, Any], like: Provider) -> tuple[Route, ...]:
    routes = {route.name: route for route in like.routes}
    for line in table.get("operations", ()):
        route = _route(line)
        routes[route.name] = route
    for name, rules_of_one in table.get("rules_for", {}).items():
        if name not in routes:
            raise ValueError(f"`rules_for` names `{name}`, which is not among the operations")
        own_rules, own_maps = _rules_in(rules_of_one)
        route = routes[name]
        routes[name] = replace(route, rules={**route.rules, **own_rules}, maps=(*route.maps, *own_maps))
    # One route per call: a new name for a call takes the place of the old one.
    return tuple({(route.method, _PARAMETER.sub("{}", route.path)): route for route in routes.values()}.values())


def _route(line: str) -> Route:
    """`chat.completions POST /chat/completions 200 400 stream`: name, call, documented statuses, can it stream."""
    words = line.split()
    if len(words) < 3 or not words[1].isalpha() or not words[1].isupper() or not words[2].startswith("/"):
        raise ValueError(f"`{line}` is not an operation: write `name METHOD /path`, then statuses, then `stream`")
    name, method, path, *rest = words
    odd = [word for word in rest if word != "stream" and not re.fullmatch(r"[1-5]\d\d", word)]
    if odd:
        raise ValueError(f"`{odd[0]}` in `{line}` is neither a status nor `stream`")
    return Route(
        name,
        method,
        path,
        stream="stream" in rest,
        documented=tuple(int(word) for word in rest if word.isdigit()),
    )


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

    def identify(self, uri: str) -> Address:
        """Whose URI this is. Scheme and userinfo never count; a fragment is no part of the path."""
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
        if key := _ANYWHERE.match(pattern):
            anywhere[key[1]] = mark
        else:
            _node_at(root, pattern).mark = mark
    for pattern in (*provider.maps, *(route.maps if route else ())):
        _node_at(root, pattern).is_map = True
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


def _node_at(root: RuleNode, pattern: str) -> RuleNode:
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
