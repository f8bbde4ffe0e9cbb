"""The verb prune: what nothing uses any more, and its removal."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from acetate.cli.decide import writable
from acetate.cli.progress import counting
from acetate.errors import UsageError
from acetate.evidence import Evidence, kept
from acetate.leftovers import Leftover, Leftovers, find_leftovers
from acetate.project import Project
from acetate.pruning import LIST, Plan, planned, prune
from acetate.report.text import aside
from acetate.report.wording import counted, printable
from acetate.verdict import Problem

__all__ = ["run"]

_TITLES = {
    "unused": ("UNUSED", "recorded, and no test of a complete run asks for it"),
    "duplicate": ("DUPLICATE", "recorded again, and never reached: the same stands before it"),
    "orphan-cassette": ("ORPHAN CASSETTE", "its test is gone"),
    "orphan-snapshot": ("ORPHAN SNAPSHOT", "approved, and nothing is recorded that it speaks of"),
    "orphan-entry": ("ORPHAN ENTRY", "approved, and no exchange answers to it"),
    "unopened": ("NOT OPENED", "by any test, and nothing says whose it is: it stays, unless you name it"),
}


def run(arguments: argparse.Namespace) -> int:
    """List what nothing uses; with `--yes`, take it out."""
    project = writable(arguments, "prune --yes") if arguments.yes else Project.open(arguments.root, os.environ)
    files = project.cassettes()
    runs = kept(project)
    leftovers = find_leftovers(project, counting(iter(files), len(files)), runs)
    listed, going = _chosen(project, leftovers, arguments.paths)
    plan = (prune if arguments.yes else planned)(project, going)
    problems = [*leftovers.problems, *plan.problems]
    if arguments.format == "json":
        print(json.dumps(_document(listed, plan, leftovers.stale, problems, runs, arguments.yes), indent=2))
    else:
        for line in _lines(project, listed, plan, leftovers.stale, problems, runs, done=arguments.yes):
            print(printable(line))
    return 2 if problems else 0


def _chosen(
    project: Project, leftovers: Leftovers, paths: Sequence[str]
) -> tuple[Sequence[Leftover], Sequence[Leftover]]:
    """The leftovers that these words are about, and those of them that go: all but the cassettes that may belong to
    somebody, unless they are named."""
    if not paths:
        return leftovers.found, [each for each in leftovers.found if each.kind != "unopened"]
    named = [_inside(project, path) for path in paths]
    listed = [each for each in leftovers.found if any(_is_in(each, name) for name in named)]
    return listed, [each for each in listed if each.kind != "unopened" or {each.file, each.cassette} & set(named)]


def _inside(project: Project, path: str) -> str:
    """A file, a folder or a cassette's name from the root, however it is written. Raises UsageError for what does not
    exist there."""
    root = project.root.resolve()
    for base in (Path.cwd(), root):
        here = (base / path).resolve()
        if not here.is_relative_to(root):
            continue
        if here.exists() or any(here.with_name(here.name + suffix).is_file() for suffix in (".yaml", ".yml")):
            return here.relative_to(root).as_posix()
    raise UsageError("there is no such file in this project", where=path, next="acetate prune   (lists all leftovers)")


def _is_in(leftover: Leftover, name: str) -> bool:
    return any(f"{each}/".startswith(f"{name}/") or name == "." for each in (leftover.file, leftover.cassette))


def _lines(
    project: Project,
    listed: Sequence[Leftover],
    plan: Plan,
    stale: Sequence[str],
    problems: Sequence[Problem],
    runs: Sequence[Evidence],
    *,
    done: bool,
) -> Iterator[str]:
    yield f"{project.config.project}  {counted(len(listed), 'leftover')}{_known_from(runs)}"
    if not runs:
        yield ""
        yield "No complete run is known yet, so nobody can tell which recordings the tests use."
        yield "  next: pytest   (the whole suite, without -k, -m or paths; every test passes)"
    for kind, (title, meaning) in _TITLES.items():
        rows = [each for each in listed if each.kind == kind]
        if rows:
            yield ""
            yield f"{title}  {meaning}"
            yield from _rows(rows)
    if plan.contracts:
        yield ""
        yield "CONTRACT  nothing approved speaks for it any more"
        yield from (f"  {path}" for path in plan.contracts)
    if stale:
        yield ""
        yield "NOT JUDGED  it has changed since the complete run"
        yield from (f"  {path}" for path in stale)
        yield "  next: pytest   (the whole suite)"
    if problems:
        yield ""
        yield from aside(problems)
    yield ""
    yield from _end(plan, done=done)


def _known_from(runs: Sequence[Evidence]) -> str:
    said = [f"{(run.at or '')[:16].replace('T', ' ')} ({counted(len(run.collected), 'test')})" for run in runs]
    return f", by the complete run of {', '.join(said)}" if said else ""


def _rows(rows: Sequence[Leftover]) -> Iterator[str]:
    cells = [(each.place, each.what, f"{each.size:,} bytes" if each.size else "", each.why) for each in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    alike = len({each.why for each in rows}) == 1 and rows[0].kind != "orphan-cassette"
    for place, what, size, why in cells:
        line = f"  {place:{widths[0]}}  {what:{widths[1]}}  {size:>{widths[2]}}"
        yield (line if alike else f"{line}  {why}").rstrip()


def _end(plan: Plan, *, done: bool) -> Iterator[str]:
    number = counted(len(plan.leftovers), "leftover")
    if not plan.leftovers:
        yield "nothing to remove" if not done else "nothing was removed"
    elif done:
        yield f"{number} removed, {plan.freed:,} bytes; the contracts were derived again"
        yield f"  take it back: git checkout --pathspec-from-file={LIST} HEAD && acetate accept --rebuild"
    else:
        yield f"Nothing was removed. {number}, with what is approved of it: {plan.freed:,} bytes."
        yield "  acetate prune --yes   remove it; git brings it back"


def _document(
    listed: Sequence[Leftover],
    plan: Plan,
    stale: Sequence[str],
    problems: Sequence[Problem],
    runs: Sequence[Evidence],
    done: bool,
) -> dict[str, object]:
    going = set(plan.leftovers)
    return {
        "schema": "acetate.prune/1",
        "removed": done,
        "runs": [{"suite": run.suite, "at": run.at, "tests": len(run.collected)} for run in runs],
        "leftovers": [{**asdict(each), "goes": each in going} for each in listed],
        "contracts": plan.contracts,
        "bytes": plan.freed,
        "stale": list(stale),
        "problems": [asdict(each) for each in problems],
    }
