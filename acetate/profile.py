"""Profile: a provider as data, read from `providers/*.toml` or from what a project configures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

from acetate.provider import ANYWHERE, Mark, Provider, Route, host_of, rule_steps

__all__ = ["described", "profiles"]

# Beside this file and not through importlib.resources, whose import alone costs more than reading the files.
_FOLDER = Path(__file__).with_name("providers")
_LISTS = ("aliases", "base_urls", "base_url_vars", "key_vars", "key_shapes", "secret_fields", "secret_query")
_PARAMETER = re.compile(r"\{[^/]*\}")
_MARKS: tuple[Mark, ...] = get_args(Mark)


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
        if not host_of(address):
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
            if not ANYWHERE.match(pattern):
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
