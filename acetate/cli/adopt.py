"""The verb adopt: what would change for an existing vcrpy suite."""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from acetate.cli.progress import counting
from acetate.errors import UsageError
from acetate.project import Project
from acetate.report.wording import counted, cut, printable
from acetate.survey import Finding, FindingKind, Survey, survey

__all__ = ["run"]

_LISTED = 8
_WIDEST = 60
_LONGEST = 100
_TITLES: dict[FindingKind, tuple[str, str]] = {
    "another-body": (
        "ANSWERED BY ANOTHER BODY",
        "vcrpy takes these for one request and answers in order, whatever is asked; Acetate looks at the body",
    ),
    "stacked": ("STACKED", "the same request several times: played in order, and one more than recorded is a miss"),
    "secret": ("SECRETS", "in these places of recordings; Acetate never writes them"),
    "orphan": ("ORPHANS", "called like the cassette of a test that is not there"),
    "misspelt-option": ("MISSPELT OPTIONS", "they do nothing today; with Acetate they are refused, by name"),
    "live-mode": ("GOES LIVE", "with Acetate a run replays only, unless its command line says to record"),
    "match-without-body": ("BODY LEFT OUT", "Acetate honours it, and so keeps the wrong answers"),
    "project-code": ("YOUR OWN CODE", "honoured as it is"),
    "not-read": ("NOT READ", "Acetate cannot play these"),
    "foreign": ("OTHER FORMATS", "can be imported"),
}


def run(arguments: argparse.Namespace) -> int:
    """Look at a suite, and print what would change."""
    project = Project.open(arguments.root, os.environ)
    found = survey(project, [_inside(project, path) for path in arguments.paths], counting)
    if arguments.format == "json":
        print(json.dumps(found.as_json(), indent=2))
    else:
        for line in _lines(found):
            print(printable(line))
    return 0


def _inside(project: Project, path: str) -> str:
    """A file or folder from the root. Raises UsageError for one that is not in the project."""
    root = project.root.resolve()
    for base in (Path.cwd(), root):
        here = (base / path).resolve()
        if here.exists() and here.is_relative_to(root):
            return here.relative_to(root).as_posix()
    raise UsageError("there is no such file or folder in this project", where=path, next="acetate adopt")


def _lines(found: Survey) -> Iterator[str]:
    cassettes, exchanges = counted(found.cassettes, "cassette"), counted(found.exchanges, "exchange")
    yield f"{found.project}  {cassettes}, {exchanges}, {counted(found.sources, 'test file')}; nothing was written"
    kinds = [kind for kind in _TITLES if found.of(kind)]
    if kinds:
        yield ""
        yield from _table(found, kinds)
    for kind in kinds:
        title, meaning = _TITLES[kind]
        yield ""
        yield f"{title}  {meaning}"
        yield from _section(kind, found.of(kind))
    yield ""
    yield from _end(found)


def _table(found: Survey, kinds: Sequence[FindingKind]) -> Iterator[str]:
    rows = [("", "places", "exchanges"), *(_row(kind, found.of(kind)) for kind in kinds)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for title, places, exchanges in rows:
        yield f"  {title:{widths[0]}}  {places:>{widths[1]}}  {exchanges:>{widths[2]}}".rstrip()


def _row(kind: FindingKind, findings: Sequence[Finding]) -> tuple[str, str, str]:
    exchanges = sum(each.exchanges for each in findings)
    return _TITLES[kind][0].lower(), str(len({each.where for each in findings})), str(exchanges) if exchanges else ""


def _section(kind: FindingKind, findings: Sequence[Finding]) -> Iterator[str]:
    rows = _by_place(findings) if kind == "secret" else [(each.where, each.what) for each in findings]
    shown = rows[:_LISTED]
    width = max(len(first) for first, _ in shown)
    for first, second in shown:
        if width <= _WIDEST:
            yield f"  {first:{width}}  {cut(second, _LONGEST)}"
        else:
            yield f"  {first}"
            yield f"    {cut(second, _LONGEST)}"
    if len(rows) > _LISTED:
        yield f"  and {len(rows) - _LISTED} more: acetate adopt --format json"
    for advice in dict.fromkeys(each.next for each in findings[:_LISTED]):
        yield f"  next: {advice}"


def _by_place(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Where in recordings, the most frequent first: a suite has a few such places, in many cassettes."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in findings:
        for place in each.what.split(", "):
            found[place].append(each.where)
    most_first = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [(place, f"{counted(len(names), 'cassette')}; first {names[0]}") for place, names in most_first]


def _end(found: Survey) -> Iterator[str]:
    if not found.cassettes:
        yield "no cassette was found: acetate adopt DIR, or acetate import FILE"
        return
    steps = [("acetate init", "configuration, folders, git files")]
    if found.of("misspelt-option") or found.of("live-mode") or found.of("match-without-body"):
        steps.append(("edit the options above", "one line each"))
    if found.of("foreign"):
        steps.append(("acetate import FILE", "what other recorders wrote"))
    if found.of("secret") or found.of("stacked") or found.of("not-read"):
        steps.append(("pytest --record-mode=rewrite TEST", "secrets, stacks and what is not read, test by test"))
    if found.of("orphan"):
        steps.append(("pytest && acetate prune", "orphans, and what nothing asks for"))
    steps += [
        ('acetate accept --all --reason "first baseline"', "what is recorded now is approved"),
        ("acetate check", "from now on, here and in CI"),
    ]
    yield "TO BURN IT DOWN  in this order; every step can be taken alone"
    width = max(len(command) for command, _ in steps)
    for command, why in steps:
        yield f"  {command:{width}}  {why}"
    if found.settings:
        yield ""
        yield "  acetate.toml, so that nothing is lost on the way:"
        yield from (f"    {line}" for line in _toml(found.settings))


def _toml(settings: dict[str, object]) -> Iterator[str]:
    """Those of no section first, as TOML wants it. JSON's strings and lists of strings are TOML's."""
    section = ""
    for name, value in sorted(settings.items(), key=lambda item: ("." in item[0], item[0])):
        table, _, key = name.rpartition(".")
        if table != section:
            section = table
            yield f"[{table}]"
        yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
