"""Project: a repository under Acetate, with everything that its configuration says, made once."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import acetate
from acetate.cassette import read_exchanges, read_text
from acetate.config import KEYS, Config, load
from acetate.decision import Decisions
from acetate.errors import UsageError
from acetate.exchange import Exchange, Request
from acetate.files import WORKSPACE
from acetate.library import Library, Tree, WorkingTree
from acetate.matching import match_key
from acetate.pattern import matching
from acetate.provider import Operation, Providers, Rules, operation, rules
from acetate.redaction import Redaction, redact_request
from acetate.results import Results
from acetate.rulebook import Rulebook
from acetate.snapshot import Observation, observe

__all__ = ["CassetteFile", "Project"]

_SUFFIXES = (".yaml", ".yml")
_USUAL = next(tuple(key.default) for key in KEYS if key.name == "cassettes")


class CassetteFile(NamedTuple):
    """A cassette's name, and its file from the root."""

    name: str
    path: str


@dataclass
class Project:
    """One project. Nothing is read before it is asked for."""

    config: Config
    environ: Mapping[str, str]

    @classmethod
    def open(cls, root: Path | None, environ: Mapping[str, str]) -> Project:
        """The project of a folder, or of the nearest configuration upwards from the current one."""
        return cls(load(Path.cwd(), root), environ)

    @property
    def root(self) -> Path:
        return self.config.root

    @cached_property
    def providers(self) -> Providers:
        return Providers(self.config.providers, self.environ)

    @cached_property
    def redaction(self) -> Redaction:
        said = self.config.redact
        return Redaction.of(
            self.config.providers.values(),
            self.environ,
            headers=said.headers,
            fields=said.fields,
            query=said.query,
            patterns=said.patterns,
            allow=said.allow,
        )

    @cached_property
    def rulebook(self) -> Rulebook:
        return Rulebook(self.config.redact)

    @cached_property
    def library(self) -> Library:
        return self.library_of(WorkingTree(self.root))

    def library_of(self, tree: Tree) -> Library:
        """What is approved in a tree of this project's files."""
        service = self.config.service if self.config.app else None
        return Library(tree, self.config.contracts, self.config.snapshots, service)

    @cached_property
    def decisions(self) -> Decisions:
        return Decisions(self.library.tree, f"{self.config.contracts}/.reviews")

    @cached_property
    def results(self) -> Results:
        return Results(self.root)

    @property
    def undo_folder(self) -> Path:
        return self.root / WORKSPACE / "undo"

    def cassettes(self, paths: Sequence[str] = ()) -> list[CassetteFile]:
        """The project's cassettes, or those of these files and folders, in order of their names. Raises UsageError for
        a path that holds none."""
        if not paths:
            found = {path for pattern in self.config.cassettes for path in matching(self.root, pattern)}
            named = (os.path.splitext(path) for path in found)
            return sorted(CassetteFile(name, name + suffix) for name, suffix in named if suffix in _SUFFIXES)
        chosen: set[CassetteFile] = set()
        for path in paths:
            here = set(self._below(Path(path)))
            if not here:
                raise UsageError(
                    "is no cassette and holds none", where=path, next="acetate status   (lists all cassettes)"
                )
            chosen |= here
        return sorted(chosen)

    def idle_globs(self) -> list[str]:
        """The globs of the configuration that fit no cassette. Of the globs that nobody has written, most fit none."""
        if self.config.cassettes == _USUAL:
            return []
        return [
            pattern
            for pattern in self.config.cassettes
            if not any(path.endswith(_SUFFIXES) for path in matching(self.root, pattern))
        ]

    def cassette_file(self, name: str) -> CassetteFile:
        """The file of a cassette by its name. Raises UsageError where there is none."""
        for suffix in _SUFFIXES:
            if (self.root / f"{name}{suffix}").is_file():
                return CassetteFile(name, f"{name}{suffix}")
        raise UsageError("there is no such cassette", where=name, next="acetate status   (lists all cassettes)")

    def target(self, name: str) -> str:
        """The file of a cassette from the root, be it there or not."""
        there = (f"{name}{suffix}" for suffix in _SUFFIXES if (self.root / f"{name}{suffix}").is_file())
        return next(there, f"{name}{_SUFFIXES[0]}")

    def exchanges(self, file: CassetteFile) -> list[Exchange]:
        """What a cassette holds, not redacted."""
        return read_exchanges(read_text(self.root / file.path, file.path), file.path)

    def observations(self, file: CassetteFile) -> list[Observation]:
        """The exchanges of a cassette as they are examined."""
        return [self.observed(exchange) for exchange in self.exchanges(file)]

    def observed(self, exchange: Exchange) -> Observation:
        """One exchange, matched to its provider and operation under today's rules."""
        request = redact_request(self._matched(exchange.request), self.redaction)
        address = self.providers.identify(request.uri)
        called = operation(address.provider, request.method, address.path)
        match = self.config.match
        key = match_key(
            request, address.provider, address.path, headers=match.headers, ignore=match.ignore, mask=match.mask
        )
        return observe(exchange, address.provider, called, rules(address.provider, called.name), key)

    def _matched(self, request: Request) -> Request:
        """The request with the headers that count for its match key, and its content type."""
        wanted = {"content-type", *map(str.lower, self.config.match.headers)}
        return replace(request, headers=tuple(pair for pair in request.headers if pair[0].lower() in wanted))

    def rules(self, called: Operation) -> Rules:
        """What may vary in the responses of an operation."""
        return rules(self.providers.of(called), called.name)

    def result_key(self, file: CassetteFile) -> str:
        """A digest of all that examining a cassette depends on."""
        # A check of unchanged files is this, and processors help with this one.
        digest = hashlib.sha256(self._setting)
        for path in (file.path, self.library.snapshot_file(file.name)):
            content = self.library.tree.read(path)
            digest.update(f"\0{path}\0{-1 if content is None else len(content)}\0".encode())
            digest.update(content or b"")
        return digest.hexdigest()

    @cached_property
    def _setting(self) -> bytes:
        """What holds for all cassettes: this version, the configuration, the contracts, where base URLs point."""
        base_urls = {
            name: self.environ.get(name) for each in self.config.providers.values() for name in each.base_url_vars
        }
        said = (acetate.__version__, sys.version, self.config.digest, sorted(base_urls.items()), self.redaction.values)
        return repr((*said, self.library.contracts_digest())).encode()

    def _below(self, path: Path) -> Iterator[CassetteFile]:
        """A file, a folder's files, or a cassette by its name; from the current folder or from the root. Of a folder
        the project's cassettes; every YAML file only where it has none of them, since other YAML is no cassette."""
        root = self.root.resolve()
        for base in (Path.cwd(), root):
            here = (base / path).resolve()
            if not here.is_relative_to(root):
                continue
            if here.is_dir():
                known = [root / each.path for each in self.cassettes()]
                files = [each for each in known if each.is_relative_to(here)] or [
                    each for each in here.rglob("*") if each.suffix in _SUFFIXES and each.is_file()
                ]
            else:
                named = [here, *(here.with_name(here.name + suffix) for suffix in _SUFFIXES)]
                files = [each for each in named if each.suffix in _SUFFIXES and each.is_file()]
            if files:
                for each in files:
                    inside = each.relative_to(root)
                    yield CassetteFile(inside.with_suffix("").as_posix(), inside.as_posix())
                return
