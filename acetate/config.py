"""Config: what a project says in `acetate.toml`, or under `[tool.acetate]` in `pyproject.toml`.

Everything works without either. `KEYS` is the whole of what can be said: it checks what is read, and the documentation
is made of it. A key that is not in it, or a value that cannot be used, is a ConfigError that names file and key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, NamedTuple, get_args

from acetate.errors import ConfigError
from acetate.kind import KINDS, Edge, Severity
from acetate.path import parts
from acetate.profile import described, profiles
from acetate.provider import ANYWHERE, COMPATIBLE, Mark, Provider

__all__ = ["KEYS", "Config", "Key", "Match", "Redact", "load"]

FILE: Final = "acetate.toml"
_LEVELS: tuple[Severity, ...] = get_args(Severity)
_EDGES: tuple[Edge, ...] = get_args(Edge)
_RULES = (*get_args(Mark), "maps")
_CONFLICT = re.compile(rb"^(?:<{7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
_APP_PLACE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*\Z")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_ADDRESS = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?\Z")
_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]\Z")


class Key(NamedTuple):
    """One thing that can be said. A `*` in the name stands for a name of the user's."""

    name: str
    type: str
    default: Any
    doc: str


@dataclass(frozen=True, slots=True)
class Match:
    """What counts when a request is looked for: `headers` do, the paths of `ignore` do not, and of the text at a path
    of `mask` not what its regular expression matches. All paths are those of the request's body."""

    headers: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    mask: tuple[tuple[str, re.Pattern[str]], ...] = ()


@dataclass(frozen=True, slots=True)
class Redact:
    """What is a secret here besides what always is: names of headers, JSON or form fields and query parameters, and
    regular expressions. `allow` names places whose secrets are none."""

    headers: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """What holds for one project. `file` is None where nothing was configured; `contracts` and `snapshots` are folders
    and `cassettes` globs below `root`, with `/`; `severity` is keyed by kind, or by edge and kind
    (`consume.field-added`); `digest` stands for all that was said. `app` is the project's own (None where it has none),
    `service` its name, `values` the places whose values its snapshots show, `service_url` where runs are reviewed."""

    root: Path
    file: Path | None
    project: str
    cassettes: tuple[str, ...]
    contracts: str
    snapshots: str
    repeats: Literal["error", "last"]
    match: Match
    redact: Redact
    severity: Mapping[str, Severity]
    providers: Mapping[str, Provider] = field(repr=False)
    digest: str
    app: str | None
    service: str
    values: tuple[str, ...]
    service_url: str | None


_TEXTS = "a list of texts"
_GLOBS = "a list of globs"
_PATHS = "a list of paths"
_REGEXES = "a list of regular expressions"
_APP = "an app"
_PLACES = "a list of places"

KEYS: tuple[Key, ...] = (
    Key("project", "a text", None, "What the project is called in reports and at the service. Default: its folder."),
    Key(
        "cassettes",
        _GLOBS,
        ["cassettes/**", "tests/**/cassettes/**"],
        "Where `acetate check` looks for cassettes: globs from the root.",
    ),
    Key(
        "app",
        _APP,
        None,
        "Your own API, `package.module:app` or a function that makes it: what its test clients get is examined too.",
    ),
    Key("service", "a text", None, "What your own API is called in snapshots and contracts. Default: the project."),
    Key(
        "service_url",
        "an address",
        None,
        "Where the service runs that `acetate push` sends runs to: `https://acetate.example.org`. Its token is in the "
        "variable `ACETATE_TOKEN`, never here.",
    ),
    Key(
        "provide.values",
        _PLACES,
        [],
        "Places in your own API's responses whose texts are compared, not their shape alone: `$.items[].name`, "
        "`$..version`, or of one operation `GET /items/{id} $.name`.",
    ),
    Key("contracts", "a folder", "contracts", "Where contracts and decisions are kept."),
    Key("snapshots", "a folder", "snapshots", "Where approved snapshots are kept."),
    Key(
        "repeats",
        '"error" or "last"',
        "error",
        "What follows the last recorded answer to a request: an error, or the last answer again.",
    ),
    Key("match.headers", _TEXTS, [], "Request headers that count when a recording is looked for. None does by itself."),
    Key("match.ignore", _PATHS, [], "Paths in the request's body that do not count: `$.metadata.trace_id`."),
    Key(
        "match.mask",
        "a list of masks",
        [],
        "Parts of texts that do not count: what `regex` matches in the text at `path`, a date inside a prompt.",
    ),
    Key("redact.headers", _TEXTS, [], "Headers whose values are secret, besides those that always are."),
    Key("redact.fields", _TEXTS, [], "JSON and form fields whose values are secret, at any depth."),
    Key("redact.query", _TEXTS, [], "Query parameters whose values are secret."),
    Key("redact.patterns", _REGEXES, [], "What a secret looks like, wherever it stands."),
    Key(
        "redact.allow",
        _TEXTS,
        [],
        "Places where what looks like a secret is none, as the error names them: `response.body $.data[].key`.",
    ),
    Key(
        "severity.*",
        "a level",
        None,
        "The level of a kind of change: `error`, `warn`, `info` or `none`; or one for each edge, "
        '`{consume = "warn", provide = "error"}`.',
    ),
    Key(
        "providers.*.like",
        "a profile",
        None,
        "The built-in profile that a provider starts from. Default: the one of the same name, else "
        f"`{COMPATIBLE}`. Lists are added to it; rules and operations replace.",
    ),
    Key("providers.*.aliases", _TEXTS, [], "Its hosts, also with a path (`gateway.example/llm`); the first is stored."),
    Key("providers.*.base_urls", _TEXTS, [], "Addresses that stand for it: `http://localhost:8000/v1`."),
    Key("providers.*.base_url_vars", _TEXTS, [], "Environment variables that hold such an address."),
    Key("providers.*.key_vars", _TEXTS, [], "Environment variables that hold its keys."),
    Key("providers.*.prefixes", _TEXTS, [], "What may start a path and does not count: `/v1`."),
    Key("providers.*.any_base", "true or false", None, "Find its operations at the end of any path."),
    Key(
        "providers.*.operations",
        _TEXTS,
        [],
        "Its operations, `name METHOD /path/{id}`, then the documented statuses, then `stream` if it can.",
    ),
    Key(
        "providers.*.rules",
        "a table of rules",
        {},
        "What may vary: lists of paths under `text`, `id`, `time`, `number` (masked), `enum`, `const` (approved value "
        "by value), `keep` (shown, free to vary), `json` (JSON text), `maps` (objects whose keys are data). `$..key` "
        "is a key at any depth.",
    ),
    Key("providers.*.rules_for.*", "a table of rules", {}, "The same for one operation."),
    Key("providers.*.keep_headers", _TEXTS, [], "Response headers whose presence is approved; all others may vary."),
    Key("providers.*.key_shapes", _REGEXES, [], "What its keys look like."),
    Key("providers.*.secret_headers", _TEXTS, [], "Its headers whose values are secret."),
    Key("providers.*.secret_fields", _TEXTS, [], "Its JSON fields whose values are secret."),
    Key("providers.*.secret_query", _TEXTS, [], "Its query parameters whose values are secret."),
)


# --- finding and reading ----------------------------------------------------------------------------------------------


def load(start: Path, explicit_root: Path | None = None) -> Config:
    """The configuration of the project that `start` lies in: the nearest file upwards names its root. Without any, the
    root is the nearest folder with `.git`, `pyproject.toml` or `cassettes/`, else `start`.

    An explicit root is the root, whatever lies above it. Raises ConfigError.
    """
    if explicit_root is not None:
        if not explicit_root.is_dir():
            raise ConfigError(f"`{explicit_root}` is no folder", next="name the folder of the project with --root")
        root = explicit_root.resolve()
        found = _read(root)
    else:
        start = start.resolve()
        upwards = (start, *start.parents)
        root, found = next(((folder, said) for folder in upwards if (said := _read(folder))), (_bare_root(start), None))
    file, table = found or (None, {})
    try:
        return _config(root, file, table)
    except ConfigError as error:
        raise ConfigError(error.problem, where=str(file), next=error.next) from None


def _bare_root(start: Path) -> Path:
    for folder in (start, *start.parents):
        if (folder / ".git").exists() or (folder / "pyproject.toml").is_file() or (folder / "cassettes").is_dir():
            return folder
    return start


def _read(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The file of this folder that configures Acetate, and what it says."""
    own, shared = folder / FILE, folder / "pyproject.toml"
    table = _pyproject(shared) if shared.is_file() else None
    if not own.is_file():
        return None if table is None else (shared, table)
    if table is not None:
        problem = f"`{FILE}` and `[tool.acetate]` in `pyproject.toml` both configure this project"
        raise ConfigError(problem, where=str(folder), next="move everything into one of them")
    return own, _toml(own, own.read_bytes())


def _pyproject(file: Path) -> dict[str, Any] | None:
    content = file.read_bytes()
    # A file of other tools is not parsed: that takes longer than all the rest.
    if b"acetate" not in content:
        return None
    tool = _toml(file, content).get("tool", {})
    table = tool.get("acetate")
    if table is not None and not isinstance(table, dict):
        raise ConfigError("`tool.acetate` must be a table", where=str(file), next="write `[tool.acetate]`")
    return table


def _toml(file: Path, content: bytes) -> dict[str, Any]:
    import tomllib

    if conflict := _CONFLICT.search(content):
        line = content.count(b"\n", 0, conflict.start()) + 1
        raise ConfigError(
            "a merge conflict is not resolved",
            where=f"{file}:{line}",
            next=f"edit it, or `git checkout --ours {file.name}` or `--theirs`",
        )
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8", where=f"{file}:{line}", next="save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        where = f"{file}:{at[1]}" if at else f"{file}, at its end"
        problem = str(error).partition(" (at ")[0]
        raise ConfigError(f"not TOML: {problem}", where=where, next="correct the line") from None


def _config(root: Path, file: Path | None, table: dict[str, Any]) -> Config:
    for path, key, value in _leaves(table):
        try:
            _CHECKS[key.type](value)
        except ConfigError as error:
            raise ConfigError(f"`{_dotted(path)}` {error.problem}", next=error.next) from None

    _check_apart(*(_folder(table.get(name, _BY_NAME[name,].default)) for name in ("contracts", "snapshots")))

    def said(name: str) -> Any:
        section, _, last = name.rpartition(".")
        inside = table.get(section, {}) if section else table
        return inside.get(last, _BY_NAME[tuple(name.split("."))].default)

    return Config(
        root=root,
        file=file,
        project=said("project") or root.name or "project",
        cassettes=tuple(said("cassettes")),
        contracts=_folder(said("contracts")),
        snapshots=_folder(said("snapshots")),
        repeats=said("repeats"),
        match=Match(
            headers=tuple(said("match.headers")),
            ignore=tuple(said("match.ignore")),
            mask=tuple((mask["path"], re.compile(mask["regex"])) for mask in said("match.mask")),
        ),
        redact=Redact(*(tuple(said(f"redact.{name}")) for name in ("headers", "fields", "query", "patterns", "allow"))),
        severity=dict(_levels(table.get("severity", {}))),
        providers=_providers(table.get("providers", {})),
        digest=hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest(),
        app=said("app"),
        service=_service(said("service") or said("project") or root.name or "project", said("app"), said("cassettes")),
        values=tuple(said("provide.values")),
        service_url=said("service_url"),
    )


def _service(name: str, app: str | None, cassettes: Iterable[str]) -> str:
    """The name of the project's own API, which is that of a folder of snapshots."""
    if app is not None and not _SERVICE.match(name):
        raise ConfigError(f"`{name}` cannot name the service of `app`", next='write `service = "chat"`')
    if app is not None and any(pattern.partition("/")[0] == name for pattern in cassettes):
        raise ConfigError(f"`{name}` is a folder of cassettes and cannot be the service", next='write `service = "…"`')
    return name


def _check_apart(contracts: str, snapshots: str) -> None:
    """What is below one of the two folders is read as a contract or as a snapshot, never as both."""
    if f"{contracts}/".startswith(f"{snapshots}/") or f"{snapshots}/".startswith(f"{contracts}/"):
        problem = f"`contracts` and `snapshots` lie in each other: `{contracts}`, `{snapshots}`"
        raise ConfigError(problem, next='write `contracts = "contracts"` and `snapshots = "snapshots"`')


def _folder(path: str) -> str:
    return PurePosixPath(path).as_posix()


def _levels(table: Mapping[str, Severity | dict[Edge, Severity]]) -> Iterator[tuple[str, Severity]]:
    for kind, level in table.items():
        if isinstance(level, dict):
            yield from ((f"{edge}.{kind}", of_edge) for edge, of_edge in level.items())
        else:
            yield kind, level


def _providers(tables: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Provider]:
    """All profiles, those of the user first, so that they win where two claim one host."""
    built_in = profiles()
    own = {}
    for name, table in tables.items():
        base = built_in[table["like"]] if "like" in table else built_in.get(name, built_in[COMPATIBLE])
        try:
            own[name] = described(name, table, base)
        except ValueError as error:
            raise ConfigError(f"`{_dotted(('providers', name))}`: {error}", next="correct it there") from None
    return {**own, **{name: profile for name, profile in built_in.items() if name not in own}}


# --- checking ---------------------------------------------------------------------------------------------------------

Names = tuple[str, ...]
_BY_NAME: Mapping[Names, Key] = {tuple(key.name.split(".")): key for key in KEYS}


def _leaves(table: Mapping[str, Any], above: Names = ()) -> Iterator[tuple[Names, Key, Any]]:
    """All keys that are said, with their values. Raises ConfigError for one that does not exist."""
    for name, value in table.items():
        path = (*above, name)
        _check_name(name, above)
        if key := _find(path):
            yield path, key, value
        elif not _is_section(path):
            raise ConfigError(f"`{_dotted(path)}` is not a key of Acetate", next=_advice(path))
        elif not isinstance(value, dict):
            raise ConfigError(f"`{_dotted(path)}` must be a table", next=f"write `[{_dotted(path)}]`")
        else:
            yield from _leaves(value, path)


def _check_name(name: str, above: Names) -> None:
    """Of the names that the user chooses: a kind of change must exist, a provider's name is that of a folder."""
    if above == ("severity",) and name not in KINDS:
        raise ConfigError(f"`{name}` is no kind of change", next=_choice(name, KINDS))
    if above == ("providers",) and not _PROVIDER_NAME.match(name):
        raise ConfigError(f"`{name}` cannot name a provider", next="use small letters, digits, `.` and `-`")


def _fits(pattern: Names, path: Names) -> bool:
    return all(wanted in ("*", name) for wanted, name in zip(pattern, path, strict=False))


def _find(path: Names) -> Key | None:
    return next((key for name, key in _BY_NAME.items() if len(name) == len(path) and _fits(name, path)), None)


def _is_section(path: Names) -> bool:
    return any(len(name) > len(path) and _fits(name, path) for name in _BY_NAME)


def _advice(path: Names) -> str:
    """What to write instead of a key that does not exist: the nearest that can stand there, or its true section."""
    here = {name[len(path) - 1] for name in _BY_NAME if len(name) >= len(path) and _fits(name, path[:-1])}
    if near := _nearest(path[-1], here):
        return f"write `{_dotted((*path[:-1], near))}`"
    if elsewhere := [key.name for key in KEYS if key.name.endswith(f".{path[-1]}")]:
        return f"write `{elsewhere[0]}`"
    return _listed(here)


def _nearest(word: str, words: Iterable[str]) -> str | None:
    import difflib

    found = difflib.get_close_matches(word, list(words), n=1)
    return found[0] if found else None


def _choice(word: str, words: Iterable[str]) -> str:
    near = _nearest(word, words)
    return f"write `{near}`" if near else _listed(words)


def _listed(words: Iterable[str]) -> str:
    return f"there are {', '.join(f'`{word}`' for word in sorted(words))}"


def _dotted(path: Names) -> str:
    return ".".join(name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"' for name in path)


def _require(fits: bool, form: str, advice: str) -> None:
    if not fits:
        raise ConfigError(f"must be {form}", next=advice)


def _check_text(value: Any) -> None:
    _require(_is_text(value), "a text", 'write `"…"`')


def _check_texts(value: Any) -> None:
    _require(isinstance(value, list) and all(map(_is_text, value)), "a list of texts", 'write `["…"]`')


def _check_globs(value: Any) -> None:
    """What is approved of a cassette is called like it, so a cassette outside of the root would be approved outside."""
    _check_texts(value)
    for each in value:
        below = not (PurePosixPath(each).is_absolute() or ".." in PurePosixPath(each).parts or "\\" in each)
        _require(below, "globs below the root", f'write `["cassettes/**"]`, or name a root above `{each}` with --root')


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _check_address(value: Any) -> None:
    fits = isinstance(value, str) and bool(_ADDRESS.match(value))
    _require(fits, "an address of the web", 'write `"https://acetate.example.org"`, without a name or password in it')


def _check_folder(value: Any) -> None:
    _check_text(value)
    path = PurePosixPath(value)
    below = not (path.is_absolute() or ".." in path.parts or "\\" in value)
    _require(below and path.name != "", "a folder below the root", 'write `"contracts"`, with `/` between folders')


def _check_repeats(value: Any) -> None:
    _require(value in ("error", "last"), "one of two", 'write `"error"` or `"last"`')


def _check_switch(value: Any) -> None:
    _require(isinstance(value, bool), "true or false", "write `true` or `false`")


def _check_regexes(value: Any) -> None:
    _check_texts(value)
    for each in value:
        _check_regex(each)


def _check_regex(regex: str) -> None:
    try:
        re.compile(regex)
    except re.error as error:
        problem = f"has a regular expression that cannot be read: `{regex}`: {error}"
        raise ConfigError(problem, next="correct it, in single quotes, where a backslash is a backslash") from None


def _check_paths(value: Any) -> None:
    _check_texts(value)
    for each in value:
        _check_path(each)


def _check_path(path: str) -> None:
    """A path in a request's body: `[]` is every item, `[0]` the first one."""
    try:
        if not path.startswith("$"):
            raise ValueError(f"`{path}` does not start with `$`")
        list(parts(path))
    except ValueError as error:
        raise ConfigError(f"has a path that cannot be read: {error}", next="write `$.messages[0].content`") from None


def _check_app(value: Any) -> None:
    fits = isinstance(value, str) and bool(_APP_PLACE.match(value))
    _require(fits, "the place of an app", "write `app.main:app`: the module, then its name in there")


def _check_places(value: Any) -> None:
    _check_texts(value)
    for each in value:
        path = each.rpartition(" ")[2]
        if not ANYWHERE.match(path):
            _check_path(path)


def _check_masks(value: Any) -> None:
    fits = isinstance(value, list) and all(map(_is_mask, value))
    _require(fits, "a list of masks", """write `[{path = "$.messages[].content", regex = '…'}]`""")
    for mask in value:
        _check_path(mask["path"])
        _check_regex(mask["regex"])


def _is_mask(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"path", "regex"} and all(map(_is_text, value.values()))


def _check_rules(value: Any) -> None:
    _require(isinstance(value, dict), "a table of rules", 'write `{enum = ["$..type"]}`')
    for rule, paths in value.items():
        if rule not in _RULES:
            raise ConfigError(f"has no rule `{rule}`", next=_choice(rule, _RULES))
        _check_texts(paths)


def _check_level(value: Any) -> None:
    for edge, level in (value if isinstance(value, dict) else {_EDGES[0]: value}).items():
        _require(edge in _EDGES, "set for edges that exist", _choice(edge, _EDGES))
        _require(level in _LEVELS, "a level", _choice(str(level), _LEVELS))


def _check_profile(value: Any) -> None:
    _require(isinstance(value, str) and value in profiles(), "a built-in profile", _choice(str(value), profiles()))


_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "a text": _check_text,
    _TEXTS: _check_texts,
    _GLOBS: _check_globs,
    "a folder": _check_folder,
    "an address": _check_address,
    '"error" or "last"': _check_repeats,
    "true or false": _check_switch,
    _PATHS: _check_paths,
    _REGEXES: _check_regexes,
    "a list of masks": _check_masks,
    _APP: _check_app,
    _PLACES: _check_places,
    "a level": _check_level,
    "a profile": _check_profile,
    "a table of rules": _check_rules,
}
