"""Verbs that look: show, explain, log, status."""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from collections.abc import Iterator

from acetate.change import Absent, Change
from acetate.context import context_of
from acetate.decision import Decided
from acetate.errors import UsageError
from acetate.examine import examine
from acetate.exchange import Exchange
from acetate.inventory import Inventory, take_stock
from acetate.kind import KINDS, Kind
from acetate.project import Project
from acetate.redaction import redact
from acetate.snapshot import paired
from acetate.stream import events

__all__ = ["explain", "log", "show", "status"]


def show(arguments: argparse.Namespace) -> int:
    """A change with both sides, or one exchange."""
    project = Project.open(arguments.root, os.environ)
    name, separator, number = arguments.what.rpartition("#")
    if separator and number.isdigit():
        return _show_exchange(project, name, int(number))
    context = context_of(project.config.project, project.root, os.environ, quick=True)
    changes = examine(project, project.cassettes(), context).changes
    found = [each for each in changes if each.fingerprint.startswith(arguments.what.lower())]
    if len(found) != 1:
        many = ", ".join(each.fingerprint for each in found)
        raise UsageError(
            f"`{arguments.what}` is the start of {len(found)} fingerprints"
            if found
            else f"`{arguments.what}` is no change that is seen now",
            next=f"write more of one: {many}"
            if found
            else "acetate check   (lists them), or CASSETTE#n for an exchange",
        )
    _show_change(project, found[0])
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """A kind of change, or the list of them."""
    if arguments.kind is None:
        for kind in KINDS.values():
            print(f"{kind.id:28} {kind.group:9} consume {kind.consume:6} provide {kind.provide}")
        print("\nnext: acetate explain KIND")
        return 0
    kind = KINDS.get(arguments.kind)
    if kind is None:
        import difflib

        near = difflib.get_close_matches(arguments.kind, KINDS, n=1)
        raise UsageError(
            f"there is no kind `{arguments.kind}`", next=f"acetate explain {near[0] if near else ''}".strip()
        )
    print(_explained(kind))
    return 0


def log(arguments: argparse.Namespace) -> int:
    """The decisions, newest first."""
    project = Project.open(arguments.root, os.environ)
    decisions = [each for each in project.decisions.all() if arguments.what is None or _concerns(each, arguments.what)]
    for each in reversed(decisions):
        change = each.change
        print(
            f"{each.at[:16].replace('T', ' ')}  {each.decision:9} {each.fingerprint[:8]}  {change['kind']}  {change['operation']}  {change['path']}"
        )
        print(f"{'':18}by {each.by}{', via the service' if each.via == 'service' else ''}")
        if each.why:
            print(f"{'':18}why: {each.why}")
    if not decisions:
        print("no decision yet" if arguments.what is None else f"no decision on `{arguments.what}`")
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Take stock of the project."""
    stock = take_stock(Project.open(arguments.root, os.environ))
    print(json.dumps(stock.as_json(), indent=2) if arguments.format == "json" else "\n".join(_stock_lines(stock)))
    return 0


def _concerns(decided: Decided, what: str) -> bool:
    return decided.fingerprint.startswith(what.lower()) or any(what in file.path for file in decided.files)


def _explained(kind: Kind) -> str:
    return "\n".join(
        [
            f"{kind.id}   ({kind.group}, seen in one {kind.seen_in})",
            "",
            *textwrap.wrap(kind.explanation, 88),
            "",
            f"what a provider returns to us       {kind.consume}",
            f"what our API returns to its clients {kind.provide}",
            "",
            "another level here:",
            "  [tool.acetate.severity]",
            f'  {kind.id} = "info"',
        ]
    )


def _show_change(project: Project, change: Change) -> None:
    print(f"{change.fingerprint}  {change.kind}  {change.severity}  {change.edge}")
    stream = " stream" if change.stream else ""
    print(f"{change.provider}:{change.operation} {change.status}{stream}  {change.path}")
    for name, side in (("approved", change.before), ("now", change.after)):
        print(f"  {name:9} {'absent' if isinstance(side, Absent) else json.dumps(side, ensure_ascii=False)}")
    if change.decision:
        print(f"  {change.decision}{f': {change.reason}' if change.reason else ''}")
    print(f"\nseen in {len(change.occurrences)} exchanges")
    for each in change.occurrences:
        details = ", ".join(text for text in (each.model, each.test, each.recorded_at) if text)
        print(f"  {each.cassette}#{each.exchange}  {each.at}{f'  ({details})' if details else ''}")
    first = change.occurrences[0]
    print(f"\nthe first of them, approved and now ({first.cassette}#{first.exchange}):")
    print("\n".join(_sides(project, first.cassette, first.exchange)))
    print(
        f"\n  acetate accept {change.fingerprint[:8]}   acetate reject {change.fingerprint[:8]}   acetate explain {change.kind}"
    )


def _sides(project: Project, cassette: str, index: int) -> Iterator[str]:
    import difflib

    observations = project.observations(project.cassette_file(cassette))
    entries = project.library.entries(cassette)
    partner = paired(entries, [each.entry for each in observations])[index]
    if partner is None:
        yield "  nothing is approved of this exchange"
    before = entries[partner].body if partner is not None else None
    old, new = (
        json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
        for body in (before, observations[index].entry.body)
    )
    for line in difflib.unified_diff([] if partner is None else old, new, "approved", "now", lineterm="", n=3):
        yield f"  {line}"


def _show_exchange(project: Project, name: str, number: int) -> int:
    file = project.cassette_file(name.removesuffix(".yaml").removesuffix(".yml"))
    exchanges = project.exchanges(file)
    if number >= len(exchanges):
        raise UsageError(f"holds {len(exchanges)} exchanges", where=file.path, next=f"acetate show {file.name}#0")
    exchange = redact(exchanges[number], project.redaction)
    observation = project.observed(exchange)
    print(f"{file.name}#{number}  {observation.entry.operation}  {observation.entry.status}")
    recording = exchange.recording
    for label, value in (("source", recording.source), ("recorded", observation.recorded_at), ("test", recording.test)):
        if value:
            print(f"{label:9} {value}")
    print(f"\n{exchange.request.method} {exchange.request.uri}")
    _print_message(exchange.request.headers, _pretty(exchange.request.body))
    print(f"\n{exchange.response.status} {exchange.response.reason}".rstrip())
    if observation.entry.stream:
        _print_message(exchange.response.headers, _events(exchange))
        if observation.reply is not None:
            print("\nthe reply that these events add up to:")
            print(json.dumps(observation.reply, indent=2, ensure_ascii=False))
    else:
        _print_message(exchange.response.headers, _pretty(exchange.response.body))
    return 0


def _print_message(headers: tuple[tuple[str, str], ...], body: str) -> None:
    for name, value in headers:
        print(f"{name}: {value}")
    if body:
        print(f"\n{body}")


def _events(exchange: Exchange) -> str:
    """The events with the moment at which each came, where the recording knows it."""
    arrivals = []
    position = 0
    for milliseconds, size in exchange.recording.chunks:
        position += size
        arrivals.append((position, milliseconds))
    lines = []
    for index, event in enumerate(events(exchange.response.body)):
        moment = next((f"{milliseconds} ms" for end, milliseconds in arrivals if event.offset < end), "")
        name = "" if event.type == "message" else f"{event.type}  "
        lines.append(f"{index:4} {moment:>8}  {name}{event.data}")
    return "\n".join(lines)


def _pretty(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _stock_lines(stock: Inventory) -> Iterator[str]:
    yield f"{stock.project}  {len(stock.cassettes)} cassettes, {stock.exchanges} exchanges, {stock.approved} approved"
    for each in stock.cassettes:
        yield ""
        yield f"{each.name}  {each.exchanges} exchanges, {each.size:,} bytes"
        yield f"  recorded   {each.recorded or 'unknown'}   source {', '.join(each.sources) or 'unknown'}"
        yield f"  operations {', '.join(each.operations)}"
        if each.models:
            yield f"  models     {', '.join(each.models)}"
        for problem in each.problems:
            yield f"  problem    {problem}"
    for title, names, advice in (
        (
            "duplicate exchanges (recorded more than once, answered alike)",
            stock.duplicates,
            "record the cassette again",
        ),
        (
            "approved, but no recording answers to it any more",
            stock.orphans,
            "git rm the snapshot, then acetate accept --rebuild",
        ),
        ("staged, waiting for a decision", stock.staged, "acetate accept"),
        ("looks like a secret", stock.secrets, "acetate show CASSETTE#n; record it again"),
        ("not a cassette", stock.foreign, "acetate import FILE"),
    ):
        if names:
            yield ""
            yield f"{title}: {len(names)}"
            yield from (f"  {name}" for name in names)
            yield f"  next: {advice}"
