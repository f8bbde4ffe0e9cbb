"""Inventory: what a project has, by cassette: age, source, model, operation, size; and what is amiss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from acetate.errors import AcetateError
from acetate.evidence import kept
from acetate.leftovers import Leftover, find_leftovers
from acetate.pattern import matching
from acetate.project import CassetteFile, Project
from acetate.redaction import redact
from acetate.secret import scan
from acetate.snapshot import paired
from acetate.verdict import Problem

__all__ = ["Inventory", "Stock", "take_stock"]

_FOREIGN = (".har", ".json")


@dataclass(slots=True)
class Stock:
    """One cassette. `recorded` is the range of dates; `size` is in bytes."""

    name: str
    size: int
    exchanges: int = 0
    approved: int = 0
    recorded: str | None = None
    sources: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Inventory:
    """The whole project. The lists name cassettes and exchanges (`cassette#n`). What is unused, only a complete run of
    the tests can tell; `stale` are the files that have changed since."""

    project: str
    cassettes: list[Stock] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def exchanges(self) -> int:
        return sum(each.exchanges for each in self.cassettes)

    @property
    def approved(self) -> int:
        return sum(each.approved for each in self.cassettes)

    def as_json(self) -> dict[str, Any]:
        return {"schema": "acetate.status/1", **asdict(self)}


def take_stock(project: Project, cassettes: Iterable[CassetteFile]) -> Inventory:
    """Look at all cassettes of a project, one at a time."""
    stock = Inventory(project.config.project)
    files = []
    for file in cassettes:
        files.append(file)
        stock.cassettes.append(_stock(project, file, stock))
    names = {each.name for each in stock.cassettes}
    library = project.library
    stock.orphans += [
        library.snapshot_file(name)
        for name in library.snapshot_names()
        if name not in names and not library.is_own(name)
    ]
    runs = kept(project)
    if runs:
        leftovers = find_leftovers(project, files, runs)
        stock.unused += [each.place for each in leftovers.found if _is_unused(project, each)]
        stock.stale += leftovers.stale
    stock.foreign += sorted(set(_foreign(project)))
    staged = project.root / ".acetate" / "staged"
    stock.staged += sorted(path.relative_to(staged).as_posix() for path in staged.rglob("*.y*ml"))
    return stock


def _is_unused(project: Project, leftover: Leftover) -> bool:
    """True for what no test asked for; what is recorded twice, or approved and not recorded, is listed as that."""
    return leftover.kind in ("unused", "orphan-cassette", "unopened") or project.library.is_own(leftover.cassette)


def _stock(project: Project, file: CassetteFile, stock: Inventory) -> Stock:
    one = Stock(file.name, (project.root / file.path).stat().st_size)
    try:
        exchanges = project.exchanges(file)
        observations = [project.observed(exchange) for exchange in exchanges]
        entries = project.library.entries(file.name)
    except AcetateError as error:
        one.problems.append(Problem(error.where or file.path, error.problem, error.next))
        return one
    one.exchanges = len(exchanges)
    partners = paired(entries, [each.entry for each in observations])
    one.approved = sum(partner is not None for partner in partners)
    stock.orphans += [
        f"{project.library.snapshot_file(file.name)}: {entry.label}"
        for index, entry in enumerate(entries)
        if index not in partners
    ]
    dates = sorted(each.recorded_at[:10] for each in observations if each.recorded_at)
    one.recorded = " to ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else None
    one.sources = sorted({each.recording.source for each in exchanges if each.recording.source})
    one.operations = [
        f"{name} {count}" for name, count in sorted(Counter(str(each.entry.operation) for each in observations).items())
    ]
    one.models = sorted({each.entry.model for each in observations if each.entry.model})
    seen: Counter[tuple[str, bytes]] = Counter()
    for index, (exchange, observation) in enumerate(zip(exchanges, observations, strict=True)):
        answer = (observation.entry.match_key, exchange.response.body)
        if seen[answer]:
            stock.duplicates.append(f"{file.name}#{index}")
        seen[answer] += 1
        if redact(exchange, project.redaction) != exchange or scan(exchange, project.redaction):
            stock.secrets.append(f"{file.name}#{index}")
    return one


def _foreign(project: Project) -> Iterator[str]:
    for pattern in project.config.cassettes:
        yield from (path for path in matching(project.root, pattern) if path.endswith(_FOREIGN))
