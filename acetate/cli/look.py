"""Verbs that look: show, explain, log, status."""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from shlex import quote

from acetate.amendment import CommitTree, examine_amendment
from acetate.change import Absent, Change
from acetate.cli.decide import decided_place, named_one
from acetate.cli.progress import counting
from acetate.context import context_of
from acetate.decision import Decided
from acetate.errors import UsageError
from acetate.examine import examine
from acetate.exchange import Exchange
from acetate.inventory import Inventory, Stock, take_stock
from acetate.kind import KINDS, Kind
from acetate.project import CassetteFile, Project
from acetate.promotion import examine_staged
from acetate.provide import pending, with_provided
from acetate.redaction import redact
from acetate.report.wording import Scope, counted, place, printable
from acetate.report.wording import seen as seen_in
from acetate.secret import check_clean
from acetate.snapshot import Entry, paired
from acetate.staging import StagedProject, all_staged
from acetate.stream import events

__all__ = ["explain", "log", "show", "status"]


def show(arguments: argparse.Namespace) -> int:
    """A change with both sides, or one exchange."""
    project = Project.open(arguments.root, os.environ)
    name, separator, number = arguments.what.rpartition("#")
    if separator and number.isdecimal():
        if arguments.against is not None:
            raise UsageError(
                "`--against` shows a change, and this is an exchange", next=f"acetate show {quote(arguments.what)}"
            )
        lines = _exchange_lines(project, _cassette(project, name), int(number))
    else:
        change, sides = _change(project, arguments.what, arguments.against)
        lines = _change_lines(change, sides, Scope(arguments.against))
    for line in lines:
        print(printable(line))
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """A kind of change, or the list of them."""
    if arguments.kind is None:
        print(f"{'kind':28}  {'group':8}  consume  provide")
        for each in KINDS.values():
            print(f"{each.id:28}  {each.group:8}  {each.consume:7}  {each.provide}")
        print("\nnext: acetate explain KIND")
        return 0
    kind = KINDS.get(arguments.kind)
    if kind is None:
        import difflib

        near = difflib.get_close_matches(arguments.kind, KINDS, n=1)
        raise UsageError(
            f"there is no kind `{arguments.kind}`",
            next=f"acetate explain {near[0]}" if near else "acetate explain   (lists all kinds)",
        )
    print("\n".join(_explained(kind)))
    return 0


def log(arguments: argparse.Namespace) -> int:
    """The decisions, newest first; those of one command together."""
    project = Project.open(arguments.root, os.environ)
    decisions = project.decisions.all()
    if arguments.what is not None:
        decisions = [each for each in decisions if _concerns(project, each, arguments.what)]
    if not decisions:
        print("no decision yet" if arguments.what is None else f"no decision on `{arguments.what}`; all: acetate log")
    commands = groupby(reversed(decisions), lambda each: (each.batch, each.decision, each.by, each.why, each.via))
    for index, (_, together) in enumerate(commands):
        for line in _log_lines(list(together), separated=index > 0):
            print(printable(line))
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Take stock of the project."""
    project = Project.open(arguments.root, os.environ)
    cassettes = project.cassettes()
    stock = take_stock(project, counting(iter(cassettes), len(cassettes)))
    if arguments.format == "json":
        print(json.dumps(stock.as_json(), indent=2))
        return 0
    for line in _stock_lines(stock):
        print(printable(line))
    return 0


# show


Sides = Callable[[str], tuple[Sequence[Entry], Sequence[Entry]]]
"""By the name of a cassette, what is approved of it and what is seen now."""


def _change(project: Project, what: str, against: str | None) -> tuple[Change, Sides]:
    """A change, and both sides of what it is seen in: as it is, as it would be with what is staged, or as a commit has
    it beside what is approved now."""
    if "/" in what or (project.root / what).exists():
        first = quote(f"{what}#0")
        raise UsageError(f"`{what}` names no exchange", next=f"acetate show {first}   (its first exchange)")
    context = context_of(project.config.project, project.root, os.environ, quick=True)
    if against is not None:
        changes = examine_amendment(project, against, context).changes
        before = project.library_of(CommitTree.at(project.root, against))
        look = f"acetate check{Scope(against).looking}"
        change = named_one(what, changes, lambda each: each.fingerprint, look)
        return change, lambda name: (before.entries(name), project.library.entries(name))
    verdict = with_provided(examine(project, project.cassettes(), context, complete=True, counting=counting), project)
    staged = examine_staged(project, context).changes if all_staged(project.root) else ()
    change = named_one(what, [*staged, *verdict.changes], lambda each: each.fingerprint, "acetate check")
    view = project if change in verdict.changes else StagedProject(project.config, project.environ)
    return change, lambda name: (view.library.entries(name), _seen_entries(view, name))


def _change_lines(change: Change, sides: Sides, scope: Scope) -> Iterator[str]:
    yield f"{change.fingerprint}  {change.kind}  {change.severity}  {change.edge}"
    yield f"{place(change)}  {change.path}"
    evidence = change.evidence
    for label, side, counts, date in (
        ("approved", change.before, evidence.approved, evidence.last_approved),
        ("now", change.after, None, evidence.first_recorded),
    ):
        value = "absent" if isinstance(side, Absent) else json.dumps(side, ensure_ascii=False)
        present = f", present in {counts}" if counts and not isinstance(side, Absent) else ""
        yield f"  {label:8}  {value}{present}{f', recorded {date}' if date else ''}"
    if change.decision:
        yield f"  decided   {change.decision}{f': {change.reason}' if change.reason else ''}"
    yield ""
    yield f"seen in {seen_in(change)}"
    for each in change.occurrences:
        details = ", ".join(text for text in (each.model, each.test, each.recorded_at) if text)
        yield f"  {each.cassette}#{each.exchange}  {each.at}{f'  ({details})' if details else ''}"
    first = change.occurrences[0]
    approved, entries = sides(first.cassette)
    if first.exchange < len(entries):
        yield ""
        yield f"the first of them, approved and now ({first.cassette}#{first.exchange})"
        yield from _sides(approved, entries, first.exchange)
    short = f"{change.fingerprint[:8]}{scope.deciding}"
    yield ""
    yield f'  acetate accept {short} --reason "..."'
    yield f'  acetate reject {short} --reason "..."'
    yield f"  acetate explain {change.kind}"


def _cassettes(project: Project) -> Iterator[CassetteFile]:
    """All of them; what is staged before what it would replace, where the project is seen so."""
    if isinstance(project, StagedProject):
        yield from (each.file for each in all_staged(project.root))
    yield from project.cassettes()


def _seen_entries(project: Project, name: str) -> list[Entry]:
    """What is seen of a cassette, or of a test of the project's own API; nothing of what is seen no more."""
    if project.library.is_own(name):
        left = pending(project).of(name)
        return [each.entry for each in left.answers] if left else []
    file = next((each for each in _cassettes(project) if each.name == name), None)
    return [each.entry for each in project.observations(file)] if file else []


def _sides(approved: Sequence[Entry], seen: Sequence[Entry], index: int) -> Iterator[str]:
    import difflib

    partner = paired(approved, seen)[index]
    now = _json_lines(seen[index].body)
    if partner is None:
        yield "  nothing is approved of this exchange; this is what would be"
        yield from (f"  {line}" for line in now)
        return
    diff = list(difflib.unified_diff(_json_lines(approved[partner].body), now, "approved", "now", lineterm="", n=3))
    yield from (f"  {line}" for line in diff)
    if not diff:
        yield "  the bodies are alike: the difference is not in the body, or in what the contract asks"


def _json_lines(body: object) -> list[str]:
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def _cassette(project: Project, name: str) -> CassetteFile:
    files = project.cassettes([name])
    if len(files) != 1:
        first = quote(f"{files[0].name}#0")
        raise UsageError(f"holds {len(files)} cassettes", where=name, next=f"acetate show {first}")
    return files[0]


def _exchange_lines(project: Project, file: CassetteFile, number: int) -> Iterator[str]:
    """What was sent and answered, as if it were recorded today: redacted, and never shown if a secret is left."""
    exchanges = project.exchanges(file)
    if number >= len(exchanges):
        raise UsageError(
            f"holds {counted(len(exchanges), 'exchange')}, numbered from 0",
            where=file.path,
            next=f"acetate show {quote(f'{file.name}#0')}" if exchanges else "record it again",
        )
    exchange = redact(exchanges[number], project.redaction)
    check_clean(exchange, project.redaction)
    observation = project.observed(exchange)
    entry, recording = observation.entry, exchange.recording
    yield f"{file.name}#{number}  {entry.operation} {entry.status}{' stream' if entry.stream else ''}"
    for label, value in (("recorded", observation.recorded_at), ("source", recording.source), ("test", recording.test)):
        if value:
            yield f"  {label:8}  {value}"
    yield ""
    yield f"{exchange.request.method} {exchange.request.uri}"
    yield from _message_lines(exchange.request.headers, _pretty(exchange.request.body))
    yield ""
    yield f"{exchange.response.status} {exchange.response.reason}".rstrip()
    if not entry.stream:
        yield from _message_lines(exchange.response.headers, _pretty(exchange.response.body))
        return
    yield from _message_lines(exchange.response.headers, list(_event_lines(exchange)))
    if observation.reply is not None:
        yield ""
        yield "the reply that these events add up to"
        yield from json.dumps(observation.reply, indent=2, ensure_ascii=False).splitlines()


def _message_lines(headers: Iterable[tuple[str, str]], body: Sequence[str]) -> Iterator[str]:
    yield from (f"{name}: {value}" for name, value in headers)
    if body:
        yield ""
        yield from body


def _event_lines(exchange: Exchange) -> Iterator[str]:
    """The events with the moment at which each came, where the recording knows it."""
    arrivals: list[tuple[int, int]] = []
    position = 0
    for milliseconds, size in exchange.recording.chunks:
        position += size
        arrivals.append((position, milliseconds))
    for index, event in enumerate(events(exchange.response.body)):
        moment = next((f"{milliseconds:>6} ms  " for end, milliseconds in arrivals if event.offset < end), "")
        name = "" if event.type == "message" else f"{event.type}  "
        yield f"{index:4}  {moment}{name}{event.data}"


def _pretty(body: bytes) -> list[str]:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False).splitlines()
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace").splitlines()


# explain


def _explained(kind: Kind) -> Iterator[str]:
    yield f"{kind.id}   ({kind.group}, seen in one {kind.seen_in})"
    yield ""
    yield from textwrap.wrap(kind.explanation, 88)
    yield ""
    yield f"what a provider returns to us        {kind.consume}"
    yield f"what our API returns to its clients  {kind.provide}"
    yield ""
    yield "another level here:"
    yield "  [tool.acetate.severity]"
    yield f'  {kind.id} = "{"warn" if kind.consume != "warn" else "info"}"'


# log


def _concerns(project: Project, decided: Decided, what: str) -> bool:
    """True for a decision on a change that starts so, and on files of a cassette, a folder or an approved file, named
    from the current folder or from the root."""
    if decided.fingerprint.startswith(what.lower()):
        return True
    library = project.library
    named = {_stem(what)}
    here = Path.cwd() / what
    if here.is_relative_to(project.root):
        named.add(_stem(here.relative_to(project.root).as_posix()))
    bases = ("", f"{library.snapshots}/", f"{library.contracts}/")
    wanted = [base + name for base in bases for name in named]
    return any(f"{_stem(file.path)}/".startswith(f"{each}/") for file in decided.files for each in wanted)


def _stem(path: str) -> str:
    for suffix in (".yaml", ".yml", ".json"):
        path = path.removesuffix(suffix)
    return path.strip("/")


def _log_lines(together: list[Decided], *, separated: bool) -> Iterator[str]:
    """One command: when, what, who and why, then the changes, in columns."""
    if separated:
        yield ""
    first = together[0]
    service = ", via the service" if first.via == "service" else ""
    yield f"{first.at[:16].replace('T', ' ')}  {first.decision} by {first.by}{service}"
    if first.why:
        yield f"  why: {first.why}"
    width = max(len(str(each.change["kind"])) for each in together)
    for each in together:
        yield f"  {each.fingerprint[:8]}  {each.change['kind']!s:{width}}  {decided_place(each)}"


# status


def _stock_lines(stock: Inventory) -> Iterator[str]:
    cassettes, exchanges = counted(len(stock.cassettes), "cassette"), counted(stock.exchanges, "exchange")
    yield f"{stock.project}  {cassettes}, {exchanges}, {stock.approved} approved"
    for each in stock.cassettes:
        yield ""
        yield from _cassette_lines(each)
    if not stock.cassettes:
        yield ""
        yield "next: acetate init   (says where cassettes lie), or acetate import FILE"
    for title, names, advice in (
        ("no test of the last complete run asked for it", stock.unused, "acetate prune"),
        ("changed since the last complete run, so nobody knows if it is used", stock.stale, "run the whole suite"),
        ("recorded more than once, and answered alike", stock.duplicates, "record the cassette again"),
        (
            "approved, but no recording answers to it any more",
            stock.orphans,
            "record it again, or git rm the snapshot and acetate accept --rebuild",
        ),
        ("staged, waiting for a decision", stock.staged, "acetate check --staged"),
        ("looks like a secret", stock.secrets, "record the cassette again, and revoke what was in it"),
        ("not a cassette", stock.foreign, "acetate import FILE"),
    ):
        if names:
            yield ""
            yield f"{title}: {len(names)}"
            yield from (f"  {name}" for name in names)
            yield f"  next: {advice}"


def _cassette_lines(stock: Stock) -> Iterator[str]:
    yield stock.name
    if stock.problems:
        for problem in stock.problems:
            yield f"  {problem.where}: {problem.problem}"
            yield f"  next: {problem.next}"
        return
    approved = f", {stock.approved} approved" if stock.approved < stock.exchanges else ""
    recorded = f", recorded {stock.recorded}" if stock.recorded else ""
    yield f"  {counted(stock.exchanges, 'exchange')}{approved}, {stock.size:,} bytes{recorded}"
    for label, names in (("calls", stock.operations), ("models", stock.models), ("from", stock.sources)):
        if names:
            yield f"  {label:6}  {', '.join(names)}"
