"""Shelf: cassettes as they are played, read once per process as long as their bytes stay the same."""

from __future__ import annotations

import gc
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from acetate.cassette import read_exchanges, read_text
from acetate.exchange import Exchange, Request, header
from acetate.matching import match_key
from acetate.project import CassetteFile, Project
from acetate.redaction import redact_request

__all__ = ["Shelf", "Spelling", "Tape", "key", "spelling"]

_KEPT = 256  # tapes


class Spelling(NamedTuple):
    """A request byte for byte. Two of one spelling always share their match key, so nothing needs to be read."""

    method: str
    uri: str
    content_type: str
    body: bytes


def spelling(request: Request, project: Project) -> Spelling:
    """How a request is spelled, its URI as cassettes store it."""
    uri = project.providers.identify(request.uri).uri
    return Spelling(request.method, uri, header(request.headers, "content-type") or "", request.body)


def key(request: Request, project: Project) -> str:
    """The match key of a request under today's rules."""
    match = project.config.match
    clean = redact_request(request, project.redaction)
    address = project.providers.identify(clean.uri)
    return match_key(clean, address.provider, address.path, headers=match.headers, ignore=match.ignore, mask=match.mask)


@dataclass(eq=False)
class Tape:
    """One cassette's exchanges, and where each request stands. What is not asked for is not worked out. The `silent`
    positions are not played: the project drops these recordings when they are read."""

    file: CassetteFile
    exchanges: Sequence[Exchange]
    project: Project = field(repr=False)
    silent: frozenset[int] = frozenset()

    def audible(self) -> Iterator[tuple[int, Exchange]]:
        """What can be played, with its positions."""
        return (each for each in enumerate(self.exchanges) if each[0] not in self.silent)

    @cached_property
    def spelled(self) -> dict[Spelling, list[int]]:
        """The positions of each spelling. Empty where headers count: a spelling does not hold them."""
        found: dict[Spelling, list[int]] = {}
        if not self.project.config.match.headers:
            for position, exchange in self.audible():
                found.setdefault(spelling(exchange.request, self.project), []).append(position)
        return found

    @cached_property
    def keyed(self) -> dict[str, list[int]]:
        """The positions of each match key."""
        found: dict[str, list[int]] = {}
        for position, exchange in self.audible():
            found.setdefault(key(exchange.request, self.project), []).append(position)
        return found


class Shelf:
    """The tapes of one project, under the digest of their text."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._tapes: OrderedDict[tuple[str, bytes], Tape] = OrderedDict()

    def tape(self, file: CassetteFile, path: Path) -> Tape:
        """The cassette in a file. Raises CassetteError."""
        text = read_text(path, file.path)
        found = file.path, hashlib.blake2b(text.encode(), digest_size=20).digest()
        if found not in self._tapes:
            with _no_collector():
                self._tapes[found] = Tape(file, read_exchanges(text, file.path), self.project)
            if len(self._tapes) > _KEPT:
                self._tapes.popitem(last=False)
        self._tapes.move_to_end(found)
        return self._tapes[found]


@contextmanager
def _no_collector() -> Iterator[None]:
    """Thousands of new values at once, none of them garbage: the collector would look through all of them for
    nothing, again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
