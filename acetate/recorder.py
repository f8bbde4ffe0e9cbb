"""Recorder: the cassette that one test has open. It plays what is recorded, keeps what is new, and notes what is
missing. It decides nothing about files: what was kept is filed by `staging` once the test's outcome is known.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from acetate.deck import Deck, Played
from acetate.errors import AcetateError
from acetate.exchange import Exchange, Headers, Recording, RedactedExchange, Request, Response
from acetate.interaction import unpacked
from acetate.journal import Journal
from acetate.missed import Missed, missed
from acetate.project import Project
from acetate.redaction import redact
from acetate.secret import check_clean
from acetate.shelf import key
from acetate.verdict import Problem

__all__ = ["Call", "Mode", "Recorder"]

Mode = Literal["play", "record", "extend"]
"""`play` only plays, `record` only records, `extend` plays what is known and records the rest."""

_OWN_HOSTS = frozenset({"test", "testserver"})
"""What test clients call the application itself: it must run, so it is neither played nor recorded."""

_PASSING = frozenset({"host", "connection", "accept-encoding", "content-length", "transfer-encoding", "traceparent"})
"""Request headers that say how a message travels, not what it asks."""


@dataclass(slots=True)
class Call:
    """One request that goes live. Times are counted from when it is sent."""

    request: Request
    number: int
    recorded_at: datetime
    started: float

    def elapsed(self) -> int:
        """Milliseconds since it was sent."""
        return round((time.perf_counter() - self.started) * 1000)


@dataclass(slots=True, eq=False, repr=False)  # it knows the environment, which no traceback should show
class Recorder:
    """`refuse` makes the exception that a client gets for a request without recording; `trouble` is told at once what
    must fail the test. `asked` and `answered` are the
    project's own hooks: they change a request or response, or drop it with None; `read` and `write` are its own keeping
    of cassettes."""

    project: Project
    path: Path
    name: str
    test: str
    mode: Mode
    deck: Deck
    refuse: Callable[[Missed], Exception]
    trouble: Callable[[str], None]
    record_mode: str = "rewrite"
    asked: Callable[[Request], Request | None] | None = None
    answered: Callable[[Response], Response | None] | None = None
    read: Callable[[Path], list[Exchange]] | None = None
    write: Callable[[Path, Sequence[Exchange]], None] | None = None
    played: list[Played] = field(default_factory=list)
    drifted: list[tuple[Played, Request]] = field(default_factory=list)
    live: int = 0
    missed: list[Missed] = field(default_factory=list)
    incomplete: list[tuple[Exchange, str]] = field(default_factory=list)
    mocked: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ruled: set[str] = field(default_factory=set)
    _new: list[tuple[int, RedactedExchange]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _missed_keys: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _journal: Journal | None = None

    @property
    def new(self) -> list[RedactedExchange]:
        """What was recorded, in the order in which it was asked."""
        return [exchange for _, exchange in sorted(self._new, key=lambda each: each[0])]

    def heard(self, request: Request) -> Request | None:
        """The request as the project's hooks leave it; None for one that is none of the cassette's business."""
        if urlsplit(request.uri).hostname in _OWN_HOSTS:
            return None
        return self.asked(request) if self.asked else request

    def play(self, request: Request) -> Played | None:
        """The recorded answer, or None if the request is to go live. Raises what `refuse` makes if it may not."""
        __tracebackhide__ = True
        number = next(self._numbers)
        found = None if self.mode == "record" else self.deck.find(request)
        if found is not None:
            self.played.append(found)
            if found.exchange.request.body != request.body:
                self.drifted.append((found, request))
        elif self.mode == "play":
            raise self.refuse(self._miss(request, number))
        return found

    def call(self, request: Request) -> Call:
        """To be made when a request is sent."""
        self.live += 1
        return Call(request, next(self._numbers), datetime.now(UTC), time.perf_counter())

    def keep(
        self,
        call: Call,
        status: int,
        reason: str,
        headers: Headers,
        body: bytes,
        *,
        chunks: Sequence[tuple[int, int]] = (),
        broken: str | None = None,
    ) -> None:
        """Keep one exchange, its body as it crossed the wire. `broken` says why it is not the whole one: then it never
        gets into a cassette. On return a whole one survives a kill. What stands in the way is a problem of the run:
        the client gets its answer all the same."""
        try:
            exchange = self._exchange(call, status, reason, headers, body, chunks)
            if exchange is None:
                return
            self.ruled |= self.project.rulebook.matched(exchange)
            clean = redact(exchange, self.project.redaction)
            check_clean(clean, self.project.redaction)
            with self._lock:
                if broken is None:
                    self._write(clean)
                    self._new.append((call.number, clean))
                else:
                    self.incomplete.append((clean, broken))
        except AcetateError as error:
            self._trouble(error.where or self.name, error.problem, error.next)
        except ValueError as error:
            self._trouble(self.name, str(error), "look at what the server sends")

    def _trouble(self, where: str, problem: str, next: str) -> None:
        self.problems.append(Problem(where, f"not recorded: {problem}", next))
        self.trouble(f"{where}: not recorded: {problem}")

    def was_mocked(self, name: str) -> None:
        """No socket was opened for the last call: somebody in this process answered, and that is no recording."""
        self.live -= 1
        self.mocked.append(name)

    @property
    def is_open(self) -> bool:
        """True while what was recorded lies in the journal only."""
        return self._journal is not None

    def filed(self) -> None:
        """What was recorded lies in its file now: the journal has done its duty."""
        if self._journal is not None:
            self._journal.remove()
            self._journal = None

    def leave(self) -> None:
        """What was not filed stays in the journal, for whoever recovers it."""
        if self._journal is not None:
            self._journal.close()

    def _exchange(
        self, call: Call, status: int, reason: str, headers: Headers, body: bytes, chunks: Sequence[tuple[int, int]]
    ) -> Exchange | None:
        response: Response | None = unpacked(status, reason, headers, body)
        if self.answered and response is not None:
            response = self.answered(response)
        if response is None:
            return None
        elapsed = call.elapsed()
        if len(chunks) < 2 or sum(size for _, size in chunks) != len(response.body):
            # It came in one piece; or a coding or a hook leaves unknown where its pieces ended.
            chunks = ()
        address = self.project.providers.identify(call.request.uri)
        request = replace(call.request, uri=address.uri, headers=self._kept(call.request.headers))
        recorded_at = call.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        source = urlsplit(call.request.uri).netloc.rpartition("@")[2]
        return Exchange(request, response, Recording(recorded_at, source, elapsed, self.test, tuple(chunks)))

    def _kept(self, headers: Headers) -> Headers:
        wanted = {name.lower() for name in self.project.config.match.headers}
        return tuple(
            (name, value)
            for name, value in headers
            if name.lower() in wanted
            or not (name.lower() in _PASSING or name.lower().startswith(("x-stainless-", "x-datadog-")))
        )

    def _write(self, exchange: RedactedExchange) -> None:
        if self._journal is None:
            self._journal = Journal(self.project.root, self.name, anew=self.mode == "record")
        self._journal.append(exchange)

    def _miss(self, request: Request, number: int) -> Missed:
        """The miss, noted once: clients try again."""
        with self._lock:
            known = self.deck.knows(request)
            candidates = ((f"{each.file.name}#{each.position}", each.exchange.request) for each in self.deck)
            found = Missed(self.test, "", number, self.name, record=self.record_mode)
            noted = missed(request, self.project, candidates, known=known, found=found)
            same = key(request, self.project)
            if same not in self._missed_keys:
                self._missed_keys.add(same)
                self.missed.append(noted)
            return noted
