"""Leftovers: exchanges, cassettes and approved entries that nothing uses any more.

What lies in files tells some of them: an approved entry whose exchange is gone. For the others it takes the evidence of
a complete run, and a file that is still what it was during that run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from acetate.errors import AcetateError
from acetate.evidence import Evidence, digest_of
from acetate.exchange import Exchange
from acetate.pattern import means
from acetate.project import CassetteFile, Project
from acetate.snapshot import Observation, paired
from acetate.verdict import Problem

__all__ = ["Kind", "Leftover", "Leftovers", "cassette_of", "find_leftovers", "item_spans", "module_of"]

Kind = Literal["unused", "duplicate", "orphan-cassette", "unopened", "orphan-snapshot", "orphan-entry"]

_TEST_NAME = re.compile(r"(?:\w+\.)?test\w*(?:\[.*\])?", re.DOTALL)
_FORBIDDEN = str.maketrans(dict.fromkeys("<>?%*:|\"'/\\", "-"))


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that can go. `file` is its file from the root, `position` that of the exchange or entry in it, None
    for a whole file; `size` is in bytes. `entry` is the position of the approved entry that goes with an exchange."""

    kind: Kind
    file: str
    cassette: str
    position: int | None
    size: int
    what: str
    why: str
    entry: int | None = None

    @property
    def place(self) -> str:
        """Its file, or where it stands in it (`cassette#n`)."""
        if self.position is None:
            return self.file
        return f"{self.cassette if self.kind != 'orphan-entry' else self.file}#{self.position}"


@dataclass(slots=True)
class Leftovers:
    """All of a project. `stale` names the cassettes that have changed since the run that could tell; `problems` are
    files that could not be read."""

    found: list[Leftover] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find_leftovers(
    project: Project, cassettes: Iterable[CassetteFile], runs: Sequence[Evidence], used: Collection[str] = ()
) -> Leftovers:
    """What nothing uses among all cassettes of a project and its snapshots, given the evidence of the complete runs
    that are known, each of another suite. The cassettes in `used` hold nothing of that kind, and are not read."""
    leftovers = Leftovers()
    expected = {name for run in runs for name in _expected(run)}
    known = set(used)
    for file in cassettes:
        known.add(file.name)
        try:
            leftovers.found += _of_cassette(project, file, runs, expected, leftovers.stale)
        except AcetateError as error:
            leftovers.problems.append(Problem(error.where or file.path, error.problem, error.next))
    for name in project.library.snapshot_names():
        if name not in known:
            try:
                leftovers.found += _of_snapshot(project, name, runs)
            except AcetateError as error:
                leftovers.problems.append(Problem(error.where, error.problem, error.next))
    return leftovers


def cassette_of(test: str) -> str:
    """The cassette of a test as pytest-recording names it, from pytest's root and without suffix:
    `tests/test_a.py::TestB::test_c[d]` has `tests/cassettes/test_a/TestB.test_c[d]`."""
    path, _, inside = test.partition("::")
    outer, bracket, parameters = inside.partition("[")
    *classes, function = outer.split("::")
    name = f"{classes[-1]}.{function}" if classes else function
    module = PurePosixPath(path)
    return (module.parent / "cassettes" / module.stem / f"{name}{bracket}{parameters}".translate(_FORBIDDEN)).as_posix()


def module_of(cassette: str) -> str | None:
    """The module whose test has a cassette of this name, by the same rule; None for a name that no test has."""
    path = PurePosixPath(cassette)
    if path.parent.parent.name != "cassettes" or not _TEST_NAME.fullmatch(path.name):
        return None
    return f"{path.parent.parent.parent / path.parent.name}.py"


def item_spans(text: str, total: int) -> list[tuple[int, int]] | None:
    """From where to where each of `total` interactions stands in a cassette's text; None where its layout does not
    tell (JSON, or a list that is indented)."""
    starts = [found.start() for found in re.finditer(r"^- ", text, re.MULTILINE)]
    if len(starts) != total or not starts:
        return None
    after = re.compile(r"^[^\s-]", re.MULTILINE).search(text, starts[-1])
    return list(zip(starts, [*starts[1:], after.start() if after else len(text)], strict=True))


# Cassettes


def _of_cassette(
    project: Project, file: CassetteFile, runs: Sequence[Evidence], expected: set[str], stale: list[str]
) -> Iterator[Leftover]:
    exchanges = project.exchanges(file)
    seen = [project.observed(exchange) for exchange in exchanges]
    entries = project.library.entries(file.name)
    partners = paired(entries, [each.entry for each in seen])
    snapshot = project.library.snapshot_file(file.name)
    for position, entry in enumerate(entries):
        if position not in partners:
            yield Leftover(
                "orphan-entry", snapshot, file.name, position, 0, entry.label, "approved, and no exchange answers to it"
            )
    asked = [run for run in runs if run.speaks_for(file.path) or file.name in run.played]
    now = digest_of(project, file.path)
    if any(run.digests.get(file.path) != now for run in asked):
        stale.append(file.path)
    elif any(file.name in run.played for run in asked):
        played = frozenset[int]().union(*(run.played.get(file.name, ()) for run in asked))
        sizes = _sizes(project, file, exchanges)
        for position, duplicate in _unplayed(exchanges, seen, played):
            test = exchanges[position].recording.test
            yield Leftover(
                "duplicate" if duplicate else "unused",
                file.path,
                file.name,
                position,
                sizes[position],
                f"{seen[position].entry.operation} {seen[position].entry.status}",
                "the same request and answer stand before it" if duplicate else _unused(test, asked),
                partners[position],
            )
    elif asked:
        gone = _gone(project, file, exchanges, asked, expected)
        size = (project.root / file.path).stat().st_size
        what = f"{len(exchanges)} exchange{'s' * (len(exchanges) != 1)}"
        if gone:
            yield Leftover("orphan-cassette", file.path, file.name, None, size, what, gone)
        else:
            yield Leftover("unopened", file.path, file.name, None, size, what, "no test opened it")


def _unplayed(
    exchanges: Sequence[Exchange], seen: Sequence[Observation], played: frozenset[int]
) -> Iterator[tuple[int, bool]]:
    """The positions that nobody asked for, each with whether it only says again what stands before it."""
    said: set[tuple[str, int, bytes]] = set()
    for position, (exchange, observed) in enumerate(zip(exchanges, seen, strict=True)):
        answer = (observed.entry.match_key, exchange.response.status, exchange.response.body)
        if position not in played:
            yield position, answer in said
        said.add(answer)


def _unused(test: str | None, asked: Sequence[Evidence]) -> str:
    if test and not any(test in run.collected for run in asked):
        return f"the test that recorded it is gone: {test}"
    return "no test asked for it"


def _sizes(project: Project, file: CassetteFile, exchanges: Sequence[Exchange]) -> list[int]:
    text = (project.library.tree.read(file.path) or b"").decode("utf-8", "replace")
    spans = item_spans(text, len(exchanges))
    if spans is None:
        return [len(each.request.body) + len(each.response.body) for each in exchanges]
    return [len(text[start:end].encode()) for start, end in spans]


def _gone(
    project: Project, file: CassetteFile, exchanges: Sequence[Exchange], asked: Sequence[Evidence], expected: set[str]
) -> str | None:
    """Why the test of a cassette that nobody opened is surely gone: the recording names it, or the cassette's name is
    that of a test. None where nothing tells, and for a module that is there and was not looked into."""
    tests = {each.recording.test for each in exchanges}
    named = sorted(test for test in tests if test)
    if named and None not in tests:
        present = any(not _is_gone(project, test, run) for test in named for run in asked)
        return None if present else f"its test is gone: {named[0]}"
    module = module_of(file.name)
    if module is None or file.name in expected or any(_was_passed_over(project, module, run) for run in asked):
        return None
    return f"there is no such test in {module} any more"


def _is_gone(project: Project, test: str, run: Evidence) -> bool:
    module = (PurePosixPath(run.suite) / test.partition("::")[0]).as_posix()
    return test not in run.collected and not _was_passed_over(project, module, run)


def _was_passed_over(project: Project, module: str, run: Evidence) -> bool:
    """True for a module that is there and had no test collected: something else than its absence is the reason."""
    tests = (PurePosixPath(run.suite) / test.partition("::")[0] for test in run.collected)
    return (project.root / module).is_file() and PurePosixPath(module) not in tests


def _expected(run: Evidence) -> Iterator[str]:
    """The cassettes that the tests of a run would have, from the project's root."""
    for test in run.collected:
        yield (PurePosixPath(run.suite) / cassette_of(test)).as_posix()


# Snapshots


def _of_snapshot(project: Project, name: str, runs: Sequence[Evidence]) -> Iterator[Leftover]:
    """A snapshot without a cassette: of one that is gone, or of the provide edge, which never had one."""
    file = project.library.snapshot_file(name)
    size = len(project.library.tree.read(file) or b"")
    entries = project.library.entries(name)
    what = f"{len(entries)} approved entr{'y' if len(entries) == 1 else 'ies'}"
    if any(means(pattern, f"{name}.yaml") for pattern in project.config.cassettes):
        yield Leftover("orphan-snapshot", file, name, None, size, what, f"its cassette is gone: {name}")
        return
    asked = [run for run in runs if run.compared and run.digests.get(file) == digest_of(project, file)]
    if not asked:
        return
    compared = frozenset[int]().union(*(run.compared.get(name, ()) for run in asked))
    if not compared:
        yield Leftover("orphan-snapshot", file, name, None, size, what, "no test got such a response")
        return
    for position, entry in enumerate(entries):
        if position not in compared:
            yield Leftover("orphan-entry", file, name, position, 0, entry.label, "no test got such a response")
