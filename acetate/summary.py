"""Summary: what pytest says of a run at its end: what was missed, what has changed, what was recorded, and what to
type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from acetate.change import Absent, Change
from acetate.drift import Drift
from acetate.kind import KINDS
from acetate.leftovers import Kind, Leftover
from acetate.missed import Missed, again
from acetate.report.text import aligned, mock_blocks
from acetate.report.wording import counted, cut, grouped, named, place, side
from acetate.staging import Filed
from acetate.tally import Tally, unrecorded
from acetate.verdict import Mock, Verdict, short_fingerprints

__all__ = ["summary"]

_SHOWN = 10
_DRIFT = "request-drift"
_NAME = 200
_WORDS = {
    r"\d{4}-\d\d-\d\d": "dates",
    r"\d\d:\d\d": "times",
    r"[0-9a-f": "ids",
}


def summary(
    verdict: Verdict,
    tally: Tally,
    unused: Sequence[Leftover] = (),
    *,
    ci: bool,
    replay_only: bool,
    verbose: bool = False,
) -> list[str]:
    """The lines below the heading `acetate`."""
    blocks = [
        _settings(tally),
        *_missed(tally.missed),
        _refused(tally.refused),
        *_changed(verdict, ci=ci),
        _drifted(verdict, tally.drifts),
        _recorded(tally.filed),
        _mocked(tally.mocked),
        *_mocks(verdict.mocks, ci=ci),
        _undocumented(tally.undocumented),
        _unused(unused),
        _problems(verdict, tally),
        [f"note: {cut(each, 500)}" for each in verdict.notes],
        _passed(tally) if replay_only and verbose else [],
    ]
    last = f"{tally.replayed} replayed, {tally.live} live, {verdict.counts.missed} missed"
    if tally.missed and tally.refused:
        last += f" ({len(tally.missed)} without a recording, {len(set(tally.refused))} refused)"
    return [line for block in blocks if block for line in (*block, "")] + [last]


def _settings(tally: Tally) -> list[str]:
    if not tally.kept:
        return []
    lines = [f"this project's own settings of vcrpy are followed: {', '.join(tally.kept)}"]
    return lines + ["what its persister keeps elsewhere is not examined"] * ("persister" in tally.kept)


def _missed(every: Sequence[Missed]) -> Iterator[list[str]]:
    if every:
        verb = "has" if len(every) == 1 else "have"
        yield [f"MISSED  {counted(len(every), 'request')} {verb} no recording"]
    for each in every[:_SHOWN]:
        yield [f"  {line}" if line else "" for line in _missed_lines(each)]
    if len(every) > _SHOWN:
        yield [f"  and {len(every) - _SHOWN} more"]


def _missed_lines(each: Missed) -> Iterator[str]:
    yield cut(each.test, _NAME)
    yield f"  {cut(each.call, _NAME)}, the {_ordinal(each.number)} request of this test. It was stopped"
    yield '  before the network; the SDK may have reported "Connection error."'
    if each.nearest is None:
        yield f"  {cut(each.cassette or 'this test', _NAME)} holds no recording"
    elif not each.mismatches:
        yield f"  nearest: {cut(each.nearest, _NAME)}, the same request: all its answers have been played"
    else:
        yield f"  nearest: {cut(each.nearest, _NAME)}, {counted(len(each.mismatches), 'difference')}"
        rows = [("path", "recorded", "sent now")]
        rows += [(cut(one.path), cut(one.recorded), cut(one.sent)) for one in each.mismatches]
        yield from (f"    {line}" for line in aligned(rows))
    if each.waits:
        yield "  play staged     pytest --acetate-staged   (a recording of it waits)"
    yield f"  record again    {again(each.test, each.record)}"
    if each.mask is not None:
        first, *rest = each.mask.splitlines()
        yield f"  {_ignored(each.mask):14}  {first}"
        yield from (f"  {'':14}  {line}" for line in rest)
    elif each.nearest is not None and not each.mismatches:
        yield '  play it again   repeats = "last"   (in [tool.acetate])'


def _ignored(mask: str) -> str:
    return next((f"ignore {word}" for beginning, word in _WORDS.items() if beginning in mask), "ignore it")


def _refused(every: Iterable[tuple[str, str]]) -> list[str]:
    """What reached for the network without a cassette in between."""
    found = list(dict.fromkeys(every))
    if not found:
        return []
    verb = "was" if len(found) == 1 else "were"
    lines = [f"REFUSED  {counted(len(found), 'connection')} {verb} stopped: this run is replay-only", ""]
    lines += [
        f"  {cut(place, _NAME)}   {cut(test, _NAME) or '(outside of the tests)'}" for test, place in found[:_SHOWN]
    ]
    return lines + ([f"  and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])


def _changed(verdict: Verdict, *, ci: bool) -> Iterator[list[str]]:
    waiting = [
        (group.name, each)
        for group, every in grouped(verdict)
        if group.name != "approved"
        for each in every
        if each.kind != _DRIFT
    ]
    if not waiting:
        return
    short = short_fingerprints(each for _, each in waiting)
    yield [f"CHANGED  {counted(len(waiting), 'change')} that nobody has approved"]
    for name, each in waiting[:_SHOWN]:
        yield [f"  {line}" for line in _change_lines(name, each, short[each.fingerprint])]
    if len(waiting) > _SHOWN:
        yield [f"  and {len(waiting) - _SHOWN} more"]
    first = short[waiting[0][1].fingerprint]
    whole = named(waiting[0][1], [each for _, each in waiting], short)
    lines = [
        f"  look      acetate show {first}",
        f'  decide    acetate accept {whole} --reason "..."   or   acetate reject {first} --reason "..."',
    ]
    if not ci and any(name != "harmless" for name, _ in waiting):
        these = "This change does" if len(waiting) == 1 else f"These {len(waiting)} changes do"
        lines.append(
            f"  {these} not fail a run on this machine; with CI set they do.".replace(
                "they do", "it does", len(waiting) == 1
            )
        )
    yield lines


def _change_lines(name: str, each: Change, short: str) -> Iterator[str]:
    whose = (
        "what our API returns to its clients" if each.edge == "provide" else f"what {cut(each.provider)} returns to us"
    )
    yield f"{name.upper()}  {short}  {cut(each.kind):21}  {whose}"
    yield "    ".join(["  " + cut(place(each), _NAME), *_difference(each)])
    tests = list(dict.fromkeys(one.test for one in each.occurrences if one.test))
    noun = "response" if each.edge == "provide" else "exchange"
    seen = f"{cut(each.evidence.now)} {noun}s" if each.evidence.now else counted(len(each.occurrences), noun)
    yield f"  {seen}" + (f", in {counted(len(tests), 'test')}; first {cut(tests[0], _NAME)}" if tests else "")


def _difference(each: Change) -> Iterator[str]:
    if isinstance(each.before, Absent) and isinstance(each.after, Absent):
        if each.path != "$":
            yield cut(each.path, _NAME)
        return
    if each.kind not in KINDS or KINDS[each.kind].sides != "paths":  # these say the path themselves
        yield cut(each.path, _NAME)
    yield f"{side(each, each.before)} -> {side(each, each.after)}"


def _drifted(verdict: Verdict, every: Sequence[Drift]) -> list[str]:
    """Requests that were answered by a recording of something else. Nothing waits for a decision here."""
    changes = [each for each in verdict.changes if each.kind == _DRIFT]
    if not changes:
        return []
    places = counted(len(changes), "place")
    lines = [f"DRIFTED  requests are not what was recorded, in {places} where matching looks away"]
    for change in changes[:_SHOWN]:
        here = [each for each in every if each.path == change.path]
        tests = list(dict.fromkeys(one.test for one in change.occurrences if one.test))
        lines += [
            "",
            f"  {cut(place(change), _NAME)}    {cut(change.path, _NAME)}",
            f"    {counted(len(here), 'request')}, in {counted(len(tests), 'test')}; first {cut(tests[0], _NAME)}",
            f"    recorded   {cut(here[0].recorded)}",
            f"    sent now   {cut(here[0].sent)}",
        ]
    lines += [f"  and {len(changes) - _SHOWN} more"] * (len(changes) > _SHOWN)
    return lines


def _recorded(every: Sequence[Filed]) -> list[str]:
    if not every:
        return []
    written = [each for each in every if each.staged is None]
    waiting = [each for each in every if each.staged is not None]
    lines = []
    if written:
        lines.append(f"RECORDED  {counted(sum(each.exchanges for each in written), 'exchange')}")
        lines += [f"  {path}   {number}" for path, number in _by_path(written)]
        lines += _more(written)
    if waiting:
        lines += [""] * bool(lines)
        lines.append(f"STAGED  {counted(sum(each.exchanges for each in waiting), 'exchange')}, not in a cassette yet")
        reasons = {cut(each.path, _NAME): each.staged for each in waiting}
        lines += [f"  {path}   {number}: {reasons[path]}" for path, number in _by_path(waiting)]
        lines += _more(waiting)
        lines += [
            "  play them    pytest --acetate-staged",
            "  look         acetate check --staged",
            '  take them    acetate accept --staged --all --reason "..."',
        ]
    return lines


def _by_path(every: Sequence[Filed]) -> Iterator[tuple[str, str]]:
    numbers: dict[str, int] = {}
    for each in every:
        numbers[each.path] = numbers.get(each.path, 0) + each.exchanges
    for path, number in sorted(numbers.items())[:_SHOWN]:
        yield cut(path, _NAME), counted(number, "exchange")


def _more(every: Sequence[Filed]) -> list[str]:
    left = len({each.path for each in every}) - _SHOWN
    return [f"  and {left} more"] if left > 0 else []


def _mocked(every: Sequence[str]) -> list[str]:
    if not every:
        return []
    names = ", ".join(dict.fromkeys(every))
    return [
        f"MOCKED  {counted(len(every), 'exchange')} opened no socket and was not recorded; answered by {cut(names)}"
    ]


def _mocks(every: Sequence[Mock], *, ci: bool) -> Iterator[list[str]]:
    """Hand-written mocks beside what is approved, by test."""
    if every:
        yield from mock_blocks(every)
    if not ci and any(one.severity == "error" for each in every for one in each.faults):
        yield ["  Mocks do not fail a run on this machine; with CI set those with an error do."]


def _undocumented(every: Sequence[str]) -> list[str]:
    if not every:
        return []
    shown = ", ".join(cut(each) for each in every[:_SHOWN])
    return [f"UNDOCUMENTED  {counted(len(every), 'call')} of our API that its OpenAPI document does not have: {shown}"]


def _unused(every: Sequence[Leftover]) -> list[str]:
    if not every:
        return []
    by_file: dict[tuple[str, Kind], list[Leftover]] = {}
    for each in every:
        by_file.setdefault((each.file, each.kind), []).append(each)
    lines = [f"UNUSED  {counted(len({each.file for each in every}), 'file')} that this complete run did not need whole"]
    lines += [f"  {cut(file, _NAME)}   {_left(kind, found)}" for (file, kind), found in list(by_file.items())[:_SHOWN]]
    lines += [f"  and {len(by_file) - _SHOWN} more"] * (len(by_file) > _SHOWN)
    return [*lines, "  look closer    acetate prune   (removes nothing unless told to)"]


def _left(kind: Kind, found: Sequence[Leftover]) -> str:
    if kind == "unused":
        return f"{counted(len(found), 'exchange')} not played"
    if kind == "duplicate":
        return f"{counted(len(found), 'exchange')} said twice: the same stands before it"
    number = f"{len(found)} of its approvals: " if kind == "orphan-entry" else ""
    return f"{number}{cut(found[0].why, _NAME)}"


def _problems(verdict: Verdict, tally: Tally) -> list[str]:
    """All but the misses, which have been said."""
    missed = set(map(unrecorded, tally.missed))
    found = [each for each in dict.fromkeys([*verdict.problems, *tally.problems]) if each not in missed]
    lines = ["PROBLEMS"] * bool(found)
    for each in found:
        lines.append(f"  {cut(each.where, _NAME)}: {cut(each.problem, 500)}")
        lines += [f"    next: {cut(each.next, 500)}"] * bool(each.next)
    return lines


def _passed(tally: Tally) -> list[str]:
    if not tally.passed:
        return []
    shown = ", ".join(f"{cut(place)} ({count})" for place, count in tally.passed.most_common(_SHOWN))
    more = f" and {len(tally.passed) - _SHOWN} more" if len(tally.passed) > _SHOWN else ""
    return [f"connections inside of this machine and its networks: {shown}{more}"]


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
