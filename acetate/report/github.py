"""The report as GitHub workflow commands: one annotation per change, on the cassette that shows it."""

from __future__ import annotations

from acetate.change import Absent, Change
from acetate.kind import KINDS
from acetate.report.text import fault_rows, unheld
from acetate.report.wording import Group, Scope, cut, grouped, place, seen, side, summary
from acetate.verdict import Mock, Problem, Verdict, short_fingerprints

__all__ = ["MOST", "render"]

MOST = 50
"""How many annotations are written; GitHub shows fewer still."""

_LEVELS = {"breaking": "error", "rejected": "error", "review": "warning", "harmless": "notice"}
_EVERYTHING = Scope()
_OURS = {"title": "Acetate"}
_NAME = 200


def render(verdict: Verdict, *, scope: Scope = _EVERYTHING, prefix: str = "") -> str:
    """Problems first, then changes, worst first, then mocks and notes. What is approved is not annotated. GitHub counts
    paths from the root of the repository: `prefix` leads from there to the project."""
    short = short_fingerprints(verdict.changes)
    commands = [_problem(each, prefix) for each in verdict.problems]
    for group, changes in grouped(verdict):
        if group.name in _LEVELS:
            commands += [_change(each, group, f"{short[each.fingerprint]}{scope.looking}", prefix) for each in changes]
    commands += [_mock(each, prefix) for each in verdict.mocks if not each.is_like]
    commands += [_command("notice", _OURS, cut(each, _NAME)) for each in (*unheld(verdict.mocks), *verdict.notes)]
    lines = commands[:MOST]
    if len(commands) > MOST:
        lines.append(_command("notice", _OURS, f"and {len(commands) - MOST} more: acetate check"))
    return "\n".join([*lines, summary(verdict), f"{verdict.counts.examined} examined"]) + "\n"


def _change(change: Change, group: Group, words: str, prefix: str) -> str:
    properties = {"title": f"{words.partition(' ')[0]} {cut(change.kind)}"}
    if change.occurrences:
        properties = {"file": prefix + _file(change.occurrences[0].cassette)} | properties
    lines = [f"{cut(place(change), _NAME)}  {_difference(change)}".rstrip(), seen(change)]
    if change.reason:
        lines.append(f"{change.decision}: {cut(change.reason, _NAME)}")
    else:
        lines.append(f"acetate show {words}")
    return _command(_LEVELS[group.name], properties, "\n".join(line for line in lines if line))


def _difference(change: Change) -> str:
    if isinstance(change.before, Absent) and isinstance(change.after, Absent):
        return ""
    difference = f"{side(change, change.before)} -> {side(change, change.after)}"
    if change.kind in KINDS and KINDS[change.kind].sides == "paths":
        return difference
    return f"{cut(change.path, _NAME)}: {difference}"


def _file(cassette: str) -> str:
    name = cut(cassette, _NAME)
    return name if name.endswith((".json", ".yaml", ".yml")) else f"{name}.yaml"


def _problem(problem: Problem, prefix: str) -> str:
    text = f"{cut(problem.problem, _NAME)}\nnext: {cut(problem.next, _NAME)}"
    return _command("error", {"file": prefix + cut(problem.where, _NAME), "title": "Acetate could not look"}, text)


def _mock(mock: Mock, prefix: str) -> str:
    """On the test that believes in it."""
    is_broken = any(each.severity == "error" for each in mock.faults)
    title = f"This mock no longer looks like {cut(mock.provider)}"
    against = f"{cut(place(mock), _NAME)}  against {cut(mock.contract or '', _NAME)}"
    lines = [cut(mock.test, _NAME), against, *fault_rows(mock)]
    properties = {"file": prefix + cut(mock.test.partition("::")[0], _NAME), "title": title}
    return _command("error" if is_broken else "warning", properties, "\n".join(lines))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    """A workflow command; the runner undoes exactly these escapes."""
    written = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{name} {written}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
