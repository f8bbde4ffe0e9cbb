"""The report as the comment on a pull request. Whatever was recorded or typed by people stands in code spans: there it
is no markup, no HTML and mentions nobody."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from acetate.change import Absent, Change
from acetate.kind import KINDS
from acetate.report.wording import CUT, Group, Scope, counted, cut, grouped, mocks_title, place, side
from acetate.verdict import Context, Fault, Mock, Problem, Verdict, short_fingerprints

__all__ = ["MARKER", "render"]

MARKER = "<!-- acetate:comment -->"
"""The first line of the comment, by which it is found again."""

_EVERYTHING = Scope()
_LIMIT = 65_000
"""Bytes of a comment; GitHub takes 65,536 characters."""

_MOST_LISTED = 20
_SHOWN_FAULTS = 3
_SENTENCE = 200
"""How many columns are shown of a sentence of our own; a recorded value gets fewer."""

_LONGEST_URL = 2000
_HARMLESS = re.compile(r"[0-9A-Za-z ;:.-]{0,80}\Z")
_LABELS = {"breaking": "**Breaking**", "rejected": "**Rejected**", "review": "Review"}
_WAITING = {"breaking": "breaking", "review": "unclear", "harmless": "harmless"}
_HEAD = "| | Change | Edge | Seen | Since | Decision |\n|---|---|---|---|---|---|"


def render(verdict: Verdict, *, scope: Scope = _EVERYTHING, link: str | None = None) -> str:
    """`link` is the page on which the changes are reviewed."""
    unlike = [each for each in verdict.mocks if not each.is_like]
    if verdict.outcome == "passed" and not (verdict.changes or verdict.notes or unlike):
        return f"{MARKER}\nAcetate: no change, {verdict.counts.examined} examined.\n"
    short = short_fingerprints(verdict.changes)
    rows = [
        _row(each, group, short[each.fingerprint], verdict.context.project)
        for group, changes in grouped(verdict)
        for each in changes
    ]
    most = max(len(rows), _MOST_LISTED)
    while len((text := _comment(verdict, rows[:most], unlike, scope, link, most)).encode()) > _LIMIT:
        most = most * 9 // 10
    return text


def _comment(verdict: Verdict, rows: list[str], unlike: list[Mock], scope: Scope, link: str | None, most: int) -> str:
    """With at most so many lines in each of its parts."""
    undecided = sum(change.decision is None for change in verdict.changes)
    paragraphs = [f"{MARKER}\n### Acetate: {_title(verdict)}", _commits(verdict.context)]
    if verdict.problems:
        paragraphs.append(_listed(map(_problem, verdict.problems), most))
    if rows:
        paragraphs.append("\n".join([_HEAD, *rows]))
    if unlike:
        paragraphs += [f"**{mocks_title(verdict.mocks, _code)}**", _listed(map(_mock, unlike), most)]
    if verdict.notes:
        paragraphs.append(_listed((f"note: {_code(each, _SENTENCE)}" for each in verdict.notes), most))
    if undecided and link and (target := _target(link)):
        paragraphs.append(f"**[Review {counted(undecided, 'change')}]({target})**")
    elif undecided:
        words = f"FINGERPRINT{scope.deciding}"
        paragraphs.append(f'Decide: `acetate accept {words} --reason "..."` or `acetate reject {words}`')
    paragraphs.append(f"<sub>{_footer(verdict, len(rows))}</sub>")
    return "\n\n".join(each for each in paragraphs if each) + "\n"


def _title(verdict: Verdict) -> str:
    if verdict.problems:
        return f"{counted(len(verdict.problems), 'problem')} kept it from looking"
    if not verdict.counts.examined:
        return "nothing was examined"
    if not verdict.changes:
        return "no change"
    number = {group.name: len(changes) for group, changes in grouped(verdict)}
    rejected = f"{counted(number['rejected'], 'rejected change')} still there" if number["rejected"] else ""
    waiting = [(number[name], adjective) for name, adjective in _WAITING.items() if number[name]]
    if not waiting:
        return rejected or "every change is approved"
    *others, last = [f"{count} {adjective}" for count, adjective in waiting]
    listed = f"{', '.join(others)} and {last}" if others else last
    noun = "change" if waiting[-1][0] == 1 else "changes"
    verb = "waits" if sum(count for count, _ in waiting) == 1 else "wait"
    text = f"{listed} {noun} {verb} for a reviewer"
    return f"{rejected}; {text}" if rejected else text


def _commits(context: Context) -> str:
    head = " at ".join(_code(each[:40]) for each in (context.branch, context.commit and context.commit[:7]) if each)
    return f"{_code(context.base)} → {head}" if context.base and head else head


def _row(change: Change, group: Group, short: str, project: str) -> str:
    label = _LABELS.get(group.name, group.noun.capitalize())
    cells = [f"{label} `{short}`", _difference(change), _edge(change, project), _seen(change), _since(change)]
    return f"| {' | '.join(_cell(each) for each in [*cells, _decision(change)])} |"


def _difference(change: Change) -> str:
    before, after = _code(side(change, change.before)), _code(side(change, change.after))
    path, kind = _code(change.path), _code(change.kind)
    if change.kind in KINDS and KINDS[change.kind].sides == "paths":
        return f"{before} → {after}, {kind}"
    if isinstance(change.before, Absent) and isinstance(change.after, Absent):
        return kind
    if isinstance(change.before, Absent):
        return f"{path} {after} added, {kind}"
    if isinstance(change.after, Absent):
        return f"{path} {before} removed, {kind}"
    return f"{path}: {before} → {after}, {kind}"


def _edge(change: Change, project: str) -> str:
    reader = _code(project) if change.edge == "consume" else "its clients"
    operation = f"{_code(change.operation)} {change.status}{' stream' * change.stream}"
    return f"{_code(change.provider)} → {reader}, {operation}"


def _seen(change: Change) -> str:
    models = [number for _, number in change.evidence.models]
    hit = sum(not number.startswith("0 of ") for number in models)
    among = f", {hit} of {len(models)} models" if len(models) > 1 else ""
    return f"{_plain(change.evidence.now or '')}{among}"


def _since(change: Change) -> str:
    last, first = change.evidence.last_approved, change.evidence.first_recorded
    if last and first:
        return f"between {_plain(last[:10])} and {_plain(first[:10])}"
    return _plain((first or "")[:10])


def _decision(change: Change) -> str:
    reason = f": {_code(change.reason)}" if change.reason else ""
    return f"{change.decision}{reason}" if change.decision else "waiting"


def _problem(problem: Problem) -> str:
    where, what, remedy = (_code(each, _SENTENCE) for each in (problem.where, problem.problem, problem.next))
    return f"{where}: {what}. Next: {remedy}"


def _mock(mock: Mock) -> str:
    shown = [f"{_code(each.kind)} {_code(each.path)}{_sides(each)}" for each in mock.faults[:_SHOWN_FAULTS]]
    more = len(mock.faults) - _SHOWN_FAULTS
    listed = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return f"{_code(mock.test, _SENTENCE)}, {_code(place(mock))}: {listed}"


def _sides(fault: Fault) -> str:
    if isinstance(fault.before, Absent) and isinstance(fault.after, Absent):
        return ""
    return f" {_code(side(fault, fault.before))} → {_code(side(fault, fault.after))}"


def _listed(texts: Iterable[str], most: int) -> str:
    lines = [f"- {each}" for each in texts]
    shown = lines[: min(most, _MOST_LISTED)]
    return "\n".join([*shown, f"- and {len(lines) - len(shown)} more"] if len(lines) > len(shown) else shown)


def _footer(verdict: Verdict, shown: int) -> str:
    counts = verdict.counts
    parts = [f"{shown} of {counted(len(verdict.changes), 'change')} shown"] if verdict.changes else []
    parts += [
        f"{counts.examined} examined, {counts.replayed} replayed, {counts.live} live, {counts.missed} missed",
    ]
    if verdict.context.ci_url and (target := _target(verdict.context.ci_url)):
        parts.append(f"[job]({target})")
    return " · ".join(parts)


def _code(text: str, limit: int = CUT) -> str:
    """A code span that nothing inside can end: its fence is longer than any run of backticks in it."""
    shown = cut(text, limit)
    if not shown.strip():
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    # A space inside is dropped by the reader; without one a backtick at the end would join the fence.
    gap = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{gap}{shown}{gap}{fence}"


def _plain(text: str) -> str:
    """Counts and dates as they are, and anything else that stands in their place as code."""
    return text if _HARMLESS.match(text) else _code(text)


def _cell(text: str) -> str:
    """A pipe ends a cell even in a code span, and after a backslash no escape helps: there it is spelled out."""
    return text.replace("\\|", "\\\\u007c").replace("|", "\\|")


def _target(url: str) -> str | None:
    """The URL for a link, or None for what is not for a browser."""
    if len(url) > _LONGEST_URL or not url.startswith(("https://", "http://")):
        return None
    return quote(url, safe=":/?#&=%+~@!,;$", errors="replace")
