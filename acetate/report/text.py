"""The report for a terminal: what, where, since when, how many, who is hit, and what to type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from acetate.change import Absent, Change
from acetate.kind import KINDS
from acetate.report.wording import (
    Group,
    Scope,
    columns,
    counted,
    cut,
    grouped,
    mocks_title,
    named,
    place,
    printable,
    seen,
    side,
    summary,
)
from acetate.verdict import Fault, Mock, Problem, Verdict, short_fingerprints

__all__ = ["aligned", "aside", "block", "fault_rows", "mock_blocks", "note_lines", "problem_block", "render", "unheld"]

_PAINT = {"breaking": 31, "rejected": 31, "review": 33, "harmless": 32, "approved": 32, "problems": 31, "mocks": 33}
_SHOWN_MOCKS = 10
_SHOWN_FAULTS = 10
_SHOWN_WHERE = 2
_SHOWN_MODELS = 3
_NAME = 200
"""How many columns of a name are shown: enough for every honest path."""

_PROBLEM_LINES = 20
_NO_MODEL = "(no model)"
_COMMAND = re.compile(r"^ *:(?=:)|#(?=#(?:vso)?\[)", re.MULTILINE)
"""What a CI runner that reads along would take for a command to itself: `::error::`, `##[error]`."""

_EVERYTHING = Scope()

Command = tuple[str, str]
"""What to type, and what it does."""


def render(verdict: Verdict, *, scope: Scope = _EVERYTHING, color: bool = False, ascii_only: bool = False) -> str:
    """`color` adds SGR codes and nothing else; `ascii_only` escapes what the terminal cannot show."""
    short = short_fingerprints(verdict.changes)
    width = max((len(cut(change.kind)) for change in verdict.changes), default=0)
    paragraphs: list[list[str]] = [[_headline(verdict)]]
    for group, changes in grouped(verdict):
        if changes:
            paragraphs.append([f"{_painted(group.name, color)}  {group.meaning}"])
            blocks = (block(each, group, short[each.fingerprint], width, scope=scope) for each in changes)
            paragraphs += [[f"  {line}" for line in lines] for lines in blocks]
    if verdict.mocks:
        paragraphs += mock_blocks(verdict.mocks, _painted("mocks", color))
    if verdict.problems:
        paragraphs.append([f"{_painted('problems', color)}  what could not be looked at"])
        paragraphs += [[f"  {line}" for line in problem_block(each)] for each in verdict.problems]
    paragraphs.append([summary(verdict), *note_lines(verdict.notes)])
    commands = [f"  {line}" for line in aligned(_commands(verdict, short, scope), gap=2)]
    paragraphs += [lines for lines in (_advice(verdict), commands) if lines]
    paragraphs.append([f"{verdict.counts.examined} examined"])
    text = _COMMAND.sub(r"\g<0> ", "\n\n".join("\n".join(lines) for lines in paragraphs) + "\n")
    return text.encode("ascii", "backslashreplace").decode("ascii") if ascii_only else text


def block(change: Change, group: Group, short: str, width: int = 0, *, scope: Scope = _EVERYTHING) -> Iterator[str]:
    """One change, the names of kinds padded to `width`; what needs no decision is said in fewer lines."""
    brief = group.name in ("harmless", "approved")
    yield f"{short}  {cut(change.kind):{width}}  {change.edge:7}  {cut(place(change), _NAME)}"
    yield from _sides(change)
    # A brief block of an added or removed field has said how often already.
    if seen(change) and not (brief and isinstance(change.before, Absent) != isinstance(change.after, Absent)):
        yield f"seen      {seen(change)}"
    if not brief:
        if any(name != _NO_MODEL for name, _ in change.evidence.models):
            yield f"models    {_models(change)}"
        yield from _where(change, f"{short}{scope.looking}")
    if change.decision:
        yield f"decided   {change.decision}{f': {cut(change.reason, _NAME)}' if change.reason else ''}"


def _headline(verdict: Verdict) -> str:
    counts = verdict.counts
    looked = f"{counted(counts.cassettes, 'cassette')}, {counted(counts.exchanges, 'exchange')}"
    return f"{cut(verdict.context.project)}  {looked} against contracts/ and snapshots/"


def _sides(change: Change) -> Iterator[str]:
    before, after = side(change, change.before), side(change, change.after)
    if change.kind in KINDS and KINDS[change.kind].sides == "paths":
        yield f"{before} -> {after}"
        return
    if isinstance(change.before, Absent) and isinstance(change.after, Absent):
        if change.path != "$":
            yield cut(change.path, _NAME)
        return
    yield cut(change.path, _NAME)
    evidence = change.evidence
    if isinstance(change.before, Absent):
        after += f", present in {cut(evidence.now)}" if evidence.now else ""
    elif isinstance(change.after, Absent):
        before += f", present in {cut(evidence.approved)}" if evidence.approved else ""
        after += f" in {cut(evidence.now)}" if evidence.now else ""
    width = max(columns(before), columns(after))
    yield _dated("approved", before, width, "last recorded", evidence.last_approved)
    yield _dated("now", after, width, "first recorded", evidence.first_recorded)


def _dated(label: str, text: str, width: int, verb: str, date: str | None) -> str:
    gap = " " * (width - columns(text))
    return f"  {label:8}  {text}{f'{gap}  {verb} {printable(date)[:10]}' if date else ''}"


def _models(change: Change) -> str:
    """Who is hit: the models that show the change, and how many others do not."""
    hit = [(name, number) for name, number in change.evidence.models if not number.startswith("0 of ")]
    shown = ", ".join(f"{cut(name)} {cut(number)}" for name, number in hit[:_SHOWN_MODELS])
    more = f" and {len(hit) - _SHOWN_MODELS} more" if len(hit) > _SHOWN_MODELS else ""
    spared = len(change.evidence.models) - len(hit)
    return f"{shown}{more}" + (f"; {counted(spared, 'other')} unchanged" if spared else "")


def _where(change: Change, words: str) -> Iterator[str]:
    places = list(dict.fromkeys(f"{each.cassette}#{each.exchange}" for each in change.occurrences))
    lines = [cut(each, _NAME) for each in places[:_SHOWN_WHERE]]
    if len(places) > _SHOWN_WHERE:
        lines.append(f"and {len(places) - _SHOWN_WHERE} more: acetate show {words}")
    for label, line in zip(("where", "", ""), lines, strict=False):
        yield f"{label:8}  {line}"


def problem_block(problem: Problem) -> Iterator[str]:
    """One problem: where, what, and what to do next."""
    yield cut(problem.where, _NAME) or "(everywhere)"
    yield from (f"  {cut(line, _NAME)}" for line in problem.problem.splitlines()[:_PROBLEM_LINES])
    if problem.next:
        yield f"  next: {cut(problem.next, _NAME)}"


def aside(problems: Iterable[Problem], notes: Iterable[str] = ()) -> Iterator[str]:
    """What a command says beside what it did: what it could not look at, and what is worth knowing."""
    for each in problems:
        where, *lines = problem_block(each)
        yield f"not looked at  {where}"
        yield from lines
    yield from note_lines(notes)


def note_lines(notes: Iterable[str]) -> Iterator[str]:
    yield from (f"note: {cut(each, _NAME)}" for each in notes)


def mock_blocks(mocks: Sequence[Mock], heading: str = "MOCKS") -> Iterator[list[str]]:
    """Mocks beside what is approved: in one paragraph how many are unlike it, then these, by test."""
    yield [f"{heading}  {mocks_title(mocks)}", *(f"  {line}" for line in unheld(mocks))]
    unlike = [each for each in mocks if not each.is_like]
    for each in unlike[:_SHOWN_MOCKS]:
        against = f"{cut(place(each), _NAME)}    against {cut(each.contract or '', _NAME)}"
        yield [f"  {cut(each.test, _NAME)}", f"    {against}", *(f"    {line}" for line in fault_rows(each))]
    if len(unlike) > _SHOWN_MOCKS:
        yield [f"  and {len(unlike) - _SHOWN_MOCKS} more"]


def unheld(mocks: Iterable[Mock]) -> list[str]:
    """A line on what nothing is approved of, if there is such a thing."""
    names = dict.fromkeys(place(each) for each in mocks if each.contract is None)
    return [f"nothing is approved to hold these mocks against: {cut(', '.join(names), _NAME)}"] * bool(names)


def fault_rows(mock: Mock) -> Iterator[str]:
    """In columns, how a mock is not like the provider."""
    rows = [
        (each.severity, cut(each.kind), cut(each.path, _NAME), " -> ".join(_fault_sides(each)))
        for each in mock.faults[:_SHOWN_FAULTS]
    ]
    yield from aligned(rows)
    if len(mock.faults) > _SHOWN_FAULTS:
        yield f"and {len(mock.faults) - _SHOWN_FAULTS} more"


def _fault_sides(fault: Fault) -> Iterator[str]:
    if not (isinstance(fault.before, Absent) and isinstance(fault.after, Absent)):
        yield from (side(fault, fault.before), side(fault, fault.after))


def _advice(verdict: Verdict) -> list[str]:
    """A sentence where commands alone would not explain themselves."""
    if not verdict.counts.examined and not verdict.problems:
        return ["No recorded exchange was found, so there was nothing to examine."]
    if _is_first_run(verdict):
        return ["Nothing is approved yet. Look at what was recorded; accepting it makes the baseline."]
    return []


def _is_first_run(verdict: Verdict) -> bool:
    """True if nothing that was examined is approved, and there is nothing else to say of it."""
    kinds = {change.kind for change in verdict.changes if change.decision is None}
    new = sum(len(change.occurrences) for change in verdict.changes)
    return kinds == {"exchange-unapproved"} and new == verdict.counts.examined and not verdict.problems


def _commands(verdict: Verdict, short: dict[str, str], scope: Scope) -> list[Command]:
    if not verdict.counts.examined and not verdict.problems:
        if verdict.notes:  # they say why
            return []
        return [
            ("acetate init", "say where cassettes lie"),
            ("pytest --record-mode=once", "record the first ones"),
        ]
    first = {group.name: changes[0] for group, changes in grouped(verdict) if changes}
    number = {group.name: len(changes) for group, changes in grouped(verdict)}
    if _is_first_run(verdict):
        return [
            (f"acetate show {short[first['review'].fingerprint]}{scope.looking}", "look at the first"),
            (f"acetate accept{scope.every}{' --all' * (not scope.paths)}", "make the baseline"),
        ]
    commands: list[Command] = []
    if number["harmless"] == 1:
        words = f"{short[first['harmless'].fingerprint]}{scope.deciding}"
        commands.append((f"acetate accept {words}", "take the harmless one"))
    elif number["harmless"]:
        words = f"{scope.every} --severity info"
        commands.append((f"acetate accept{words}", f"take the {number['harmless']} harmless ones"))
    for name, noun in (("review", "one to review"), ("breaking", "breaking one")):
        if number[name]:
            which = "the" if number[name] == 1 else "the first"
            words = named(first[name], verdict.changes, short)
            more = ", with what else is in its exchange" * (" " in words)
            commands.append((f'acetate accept {words}{scope.deciding} --reason "..."', f"take {which} {noun}{more}"))
    undecided = first.get("breaking") or first.get("review")
    if undecided:
        words = f"{short[undecided.fingerprint]}{scope.deciding}"
        commands.append((f'acetate reject {words} --reason "..."', "keep the old recordings"))
    if number["rejected"]:
        commands.append((f"acetate undo {short[first['rejected'].fingerprint]}", "decide the rejected one again"))
    return commands


def aligned(rows: Sequence[Sequence[str]], gap: int = 3) -> Iterator[str]:
    """Rows in columns; the last one is as wide as it is."""
    widths = [max(map(columns, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for *cells, end in rows:
        padded = [cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=True)]
        yield (" " * gap).join([*padded, end]).rstrip()


def _painted(name: str, color: bool) -> str:
    return f"\x1b[1;{_PAINT[name]}m{name.upper()}\x1b[0m" if color else name.upper()
