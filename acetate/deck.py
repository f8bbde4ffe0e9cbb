"""Deck: the tapes that one test plays, and what of them has been played."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from acetate.exchange import Exchange, Request
from acetate.project import CassetteFile, Project
from acetate.shelf import Tape, key, spelling

__all__ = ["Deck", "Played", "Same"]

Same = Callable[[Request, Request], bool]
"""Whether a request that is sent is the one that was recorded, as a project's own matchers see it."""


class Played(NamedTuple):
    """An exchange of a tape, by its position there."""

    file: CassetteFile
    position: int
    exchange: Exchange


class Deck:
    """Each exchange is played once, in the order of the tapes; what follows the last one is `repeats`. A request of
    the same bytes is found first, then one of the same match key: looking one up costs the same among ten exchanges
    and ten thousand. With `same`, a project's own matchers decide instead. Safe under threads."""

    def __init__(
        self,
        tapes: Sequence[Tape],
        project: Project,
        *,
        repeats: Literal["error", "last"] = "error",
        same: Same | None = None,
    ) -> None:
        self.tapes = tapes
        self._project = project
        self._repeats = repeats
        self._same = same
        self._lock = threading.Lock()
        self._played: set[tuple[int, int]] = set()
        self._seen: dict[tuple[int, object], int] = {}

    def __len__(self) -> int:
        return sum(len(tape.exchanges) - len(tape.silent) for tape in self.tapes)

    def __iter__(self) -> Iterator[Played]:
        for tape in self.tapes:
            yield from (Played(tape.file, position, each) for position, each in tape.audible())

    @property
    def unplayed(self) -> int:
        return len(self) - len(self._played)

    def find(self, request: Request) -> Played | None:
        """The next answer to this request, which counts as played from now on; None where there is none left."""
        with self._lock:
            return self._scanned(request) if self._same else self._spelled(request) or self._keyed(request)

    def knows(self, request: Request) -> bool:
        """True if the request was recorded, whether or not its answers have all been played."""
        if self._same:
            return any(self._same(request, each.exchange.request) for each in self)
        wanted = key(request, self._project)
        return any(wanted in tape.keyed for tape in self.tapes)

    def _spelled(self, request: Request) -> Played | None:
        wanted = spelling(request, self._project)
        return self._next([(number, wanted, tape.spelled.get(wanted, ())) for number, tape in enumerate(self.tapes)])

    def _keyed(self, request: Request) -> Played | None:
        wanted = key(request, self._project)
        found = [(number, wanted, tape.keyed.get(wanted, ())) for number, tape in enumerate(self.tapes)]
        return self._next(found) or self._last(found)

    def _scanned(self, request: Request) -> Played | None:
        assert self._same is not None
        last: Played | None = None
        for number, tape in enumerate(self.tapes):
            for position, exchange in tape.audible():
                if self._same(request, exchange.request):
                    last = Played(tape.file, position, exchange)
                    if (number, position) not in self._played:
                        self._played.add((number, position))
                        return last
        return last if self._repeats == "last" else None

    def _next(self, places: Sequence[tuple[int, object, Sequence[int]]]) -> Played | None:
        """The first position that has not been played. What was passed over once is not looked at again."""
        for number, name, positions in places:
            start = self._seen.get((number, name), 0)
            for index in range(start, len(positions)):
                self._seen[number, name] = index + 1
                if (number, positions[index]) not in self._played:
                    self._played.add((number, positions[index]))
                    return self._at(number, positions[index])
        return None

    def _last(self, places: Sequence[tuple[int, object, Sequence[int]]]) -> Played | None:
        if self._repeats == "error":
            return None
        return next((self._at(number, positions[-1]) for number, _, positions in reversed(places) if positions), None)

    def _at(self, number: int, position: int) -> Played:
        tape = self.tapes[number]
        return Played(tape.file, position, tape.exchanges[position])
