"""Survey: an existing vcrpy suite as it is before Acetate is adopted, and what would change. Nothing is written."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from acetate.errors import AcetateError
from acetate.exchange import Exchange, Headers, Request
from acetate.leftovers import module_of
from acetate.pattern import means
from acetate.project import CassetteFile, Project
from acetate.redaction import redact
from acetate.secret import scan
from acetate.vcr_usage import HOOKS, OPTIONS, UNWRITTEN, Option, Usage, nearest_option, read_usage

__all__ = ["Finding", "FindingKind", "Survey", "survey"]

T = TypeVar("T")
Counting = Callable[[Iterator[T], int], Iterator[T]]

FindingKind = Literal[
    "another-body",
    "stacked",
    "secret",
    "orphan",
    "misspelt-option",
    "live-mode",
    "match-without-body",
    "project-code",
    "not-read",
    "foreign",
]

_SKIPPED: Final = frozenset({"node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env"})
_HEAD: Final = 4096
_IS_CASSETTE = re.compile(rb"""^[\s{]*["']?(?:http_)?interactions["']?\s*:""", re.MULTILINE)
_BODY_MATCHERS: Final = frozenset({"body", "raw_body"})
_PLAYING: Final = frozenset({"none", "None"})
_REPLACED: Final = {
    "filter_headers": "headers",
    "filter_query_parameters": "query",
    "filter_post_data_parameters": "fields",
}
"""What vcrpy filters by name, and the setting of Acetate's that does so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that Acetate does otherwise than vcrpy here. `exchanges` is how many it concerns."""

    kind: FindingKind
    where: str
    what: str
    next: str
    exchanges: int = 0


@dataclass(slots=True)
class Survey:
    """The whole suite. `settings` is the configuration that carries over what the tests tell vcrpy; a key of it is a
    setting of Acetate's."""

    project: str
    cassettes: int = 0
    exchanges: int = 0
    sources: int = 0
    findings: list[Finding] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: FindingKind) -> list[Finding]:
        return [each for each in self.findings if each.kind == kind]

    def as_json(self) -> dict[str, Any]:
        return {"schema": "acetate.adopt/1", **asdict(self)}


def survey(project: Project, paths: Sequence[str], counting: Counting[CassetteFile]) -> Survey:
    """Look at all cassettes and all Python files of a project, or at those below these paths (from its root)."""
    found = Survey(project.config.project)
    files = list(_files(project, paths))
    usages = _usages(project, files)
    found.sources = len(usages)
    configured = {file.name for file in project.cassettes()}
    cassettes = sorted(_cassettes(project, files, paths))
    found.cassettes = len(cassettes)
    for file in counting(iter(cassettes), len(cassettes)):
        try:
            exchanges = project.exchanges(file)
            findings = list(_of_cassette(project, file, exchanges))
        except AcetateError as error:
            found.findings.append(Finding("not-read", error.where or file.path, error.problem, error.next))
            continue
        found.exchanges += len(exchanges)
        found.findings += [*findings, *_orphan(project, file, usages)]
    found.findings += _foreign(project, files)
    for usage in usages.values():
        for option in usage.options:
            found.findings += _of_option(option)
    found.settings = dict(_settings(project, [each for each in cassettes if each.name not in configured], usages))
    return found


# Files


def _files(project: Project, paths: Sequence[str]) -> Iterator[str]:
    """All files from the root, hidden folders and those of other people's packages apart."""
    for start in paths or (".",):
        if (project.root / start).is_file():
            yield start
        for folder, folders, names in os.walk(project.root / start):
            folders[:] = sorted(each for each in folders if each not in _SKIPPED and not each.startswith("."))
            inside = Path(folder).relative_to(project.root)
            yield from ((inside / name).as_posix() for name in sorted(names))


def _cassettes(project: Project, files: Iterable[str], paths: Sequence[str]) -> set[CassetteFile]:
    """What the configuration calls a cassette, and every other YAML file that looks like one."""
    configured = {
        file
        for file in project.cassettes()
        if not paths or any(PurePosixPath(file.path).is_relative_to(each) for each in paths)
    }
    sniffed = (PurePosixPath(path) for path in files if path.endswith((".yaml", ".yml")))
    return configured | {
        CassetteFile(path.with_suffix("").as_posix(), path.as_posix())
        for path in sniffed
        if _IS_CASSETTE.search(_head(project, path.as_posix()))
    }


def _foreign(project: Project, files: Iterable[str]) -> Iterator[Finding]:
    for path in files:
        if not path.endswith((".har", ".json")):
            continue
        if any(means(each, path) for each in project.config.cassettes) or _IS_CASSETTE.search(_head(project, path)):
            yield Finding("foreign", path, "HAR" if path.endswith(".har") else "JSON", "acetate import FILE")


def _head(project: Project, path: str) -> bytes:
    try:
        with (project.root / path).open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def _usages(project: Project, files: Iterable[str]) -> dict[str, Usage]:
    """What the Python files say that are tests, or that speak of vcrpy."""
    usages = {}
    for path in files:
        if path.endswith(".py"):
            source = project.library.tree.read(path) or b""
            name = path.rpartition("/")[2]
            if b"vcr" in source or name.startswith("test_") or name.endswith("_test.py"):
                usage = read_usage(source, path)
                if usage is not None:
                    usages[path] = usage
    return usages


# Cassettes


def _of_cassette(project: Project, file: CassetteFile, exchanges: Sequence[Exchange]) -> Iterator[Finding]:
    keys = [project.observed(exchange).entry.match_key for exchange in exchanges]
    yield from _another_body(file, exchanges, keys)
    yield from _stacked(file, exchanges, keys)
    places = [_secret_places(exchange, project) for exchange in exchanges]
    if any(places):
        what = ", ".join(sorted(set().union(*places)))
        yield Finding("secret", file.name, what, "record it again; revoke what is real", sum(map(bool, places)))


def _another_body(file: CassetteFile, exchanges: Sequence[Exchange], keys: Sequence[str]) -> Iterator[Finding]:
    """Requests that vcrpy takes for one, because it does not look at the body, and that are several."""
    groups: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for exchange, key in zip(exchanges, keys, strict=True):
        groups[_stock_key(exchange.request)].append(key)
    for (method, _, host, _, path, _), found in groups.items():
        if len(set(found)) > 1:
            what = f"{len(found)} requests, {len(set(found))} bodies: {method} {host}{path}"
            next_step = "nothing to do: each request gets its own answer"
            yield Finding("another-body", file.name, what, next_step, len(found))


def _stock_key(request: Request) -> tuple[object, ...]:
    """What vcrpy compares unless it is told otherwise."""
    parts = urlsplit(request.uri)
    return (
        request.method,
        parts.scheme,
        parts.hostname,
        parts.port,
        parts.path,
        "&".join(sorted(parts.query.split("&"))),
    )


def _stacked(file: CassetteFile, exchanges: Sequence[Exchange], keys: Sequence[str]) -> Iterator[Finding]:
    """Requests that are the same in all that counts."""
    answers: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for exchange, key in zip(exchanges, keys, strict=True):
        answers[key].append((exchange.response.status, exchange.response.body))
    for found in answers.values():
        if len(found) > 1:
            different = len(set(found))
            said = "the same answer" if different == 1 else f"{different} different answers"
            what = f"one request {len(found)} times, with {said}"
            yield Finding("stacked", file.name, what, "record it again, if the test asks only once", len(found))


def _secret_places(exchange: Exchange, project: Project) -> set[str]:
    """Where redaction would take something out, or where the second look finds something; never what."""
    clean = redact(exchange, project.redaction)
    places = {leak.path for leak in scan(exchange, project.redaction)}
    for side, before, after in (
        ("request", exchange.request, clean.request),
        ("response", exchange.response, clean.response),
    ):
        places |= {f"{side}.headers.{name}" for name in _changed(before.headers, after.headers)}
        if before.body != after.body and not any(place.startswith(f"{side}.body") for place in places):
            places.add(f"{side}.body")
    if exchange.request.uri != clean.request.uri and not any(place.startswith("request.uri") for place in places):
        places.add("request.uri")
    return places


def _changed(before: Headers, after: Headers) -> set[str]:
    return {name.lower() for (name, value), (_, other) in zip(before, after, strict=True) if value != other}


def _orphan(project: Project, file: CassetteFile, usages: dict[str, Usage]) -> Iterator[Finding]:
    """A cassette that is called like that of a test which is not there, and that no source names."""
    module = module_of(file.name)
    stem = PurePosixPath(file.name).name
    if module is None or any(stem in text for usage in usages.values() for text in usage.texts):
        return
    if module not in usages and (project.root / module).is_file():
        return  # not looked into
    usage = usages.get(module)
    function = stem.partition("[")[0].rpartition(".")[2]
    if usage is None:
        why = f"there is no {module}"
    elif function in usage.functions or (
        usage.inherits and any(function in each.functions for each in usages.values())
    ):
        return
    else:
        why = f"there is no {function} in {module}"
    yield Finding("orphan", file.path, why, "acetate prune, after a run of the whole suite")


# Options


def _of_option(option: Option) -> Iterator[Finding]:
    name, value, where = option.name, option.value, option.where
    shown = f"`{name}`" if value is UNWRITTEN or len(repr(value)) > 60 else f"`{name}={value!r}`"
    if name not in OPTIONS:
        near = nearest_option(name)
        said = f"write `{near}`" if near else "take it out"
        yield Finding("misspelt-option", where, f"`{name}` is no option: vcrpy drops it without a word", said)
    elif name == "record_mode" and value is not UNWRITTEN and str(value) not in _PLAYING:
        what = f"{shown} goes live for what is not recorded, whatever the command line says"
        yield Finding("live-mode", where, what, "take it out; to record: pytest --record-mode=once")
    elif name == "match_on" and isinstance(value, list | tuple | set) and not _BODY_MATCHERS.intersection(value):
        what = f"{shown} leaves the body out: any prompt is answered by any recording"
        yield Finding("match-without-body", where, what, "take it out")
    elif name in HOOKS and value not in ("yaml", None):
        yield Finding("project-code", where, f"{shown} stays in force", "nothing; pytest's header names it")


def _settings(project: Project, apart: Sequence[CassetteFile], usages: dict[str, Usage]) -> Iterator[tuple[str, Any]]:
    """The configuration that this suite needs, besides what holds anyway."""
    folders = sorted({_library(file.path) for file in apart})
    if folders:
        yield "cassettes", [*project.config.cassettes, *(f"{folder}/**" for folder in folders)]
    options = [option for usage in usages.values() for option in usage.options]
    if any(option.name == "allow_playback_repeats" and option.value is True for option in options):
        yield "repeats", "last"
    for name, setting in _REPLACED.items():
        wanted = {each for option in options if option.name == name for each in _names(option.value)}
        missing = sorted(each for each in wanted if not _is_known(project, setting, each))
        if missing:
            yield f"redact.{setting}", missing


def _library(path: str) -> str:
    """The folder to name for a cassette: the one called `cassettes` or the like, else its own."""
    parents = PurePosixPath(path).parents
    for folder in parents:
        if re.search("cassette|vcr|fixture|recording", folder.name):
            return folder.as_posix()
    return parents[0].as_posix()


def _names(value: object) -> Iterator[str]:
    """`["x-key", ("x-user", "somebody")]`: the names to filter."""
    for each in value if isinstance(value, list | tuple | set) else ():
        name = each[0] if isinstance(each, tuple | list) and each else each
        if isinstance(name, str):
            yield name


def _is_known(project: Project, setting: str, name: str) -> bool:
    """True for a name whose value is always secret."""
    if setting == "headers":
        return project.redaction.header_names[name]
    plain = re.sub(r"[_\-. $\[\]]", "", name.lower())
    return project.redaction.is_secret(name) or (setting == "query" and plain in project.redaction.query)
