"""Promotion: a staged recording becomes the cassette, once no change in it is undecided or rejected; or it is dropped.

A staged recording is examined under the name of its cassette, as if it lay there already. Snapshots, contracts and
cassette change together; whoever is killed in between finds the recording staged still, without a change in it, and
the next `accept --staged` swaps it. What left the stage is kept under `.acetate/undo/`, so that an undo brings it back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from acetate import review
from acetate.cassette import rendered
from acetate.change import Change
from acetate.decision import Decided
from acetate.errors import UsageError
from acetate.examine import examine
from acetate.exchange import RedactedExchange
from acetate.files import locked
from acetate.project import Project
from acetate.redaction import redact
from acetate.secret import check_clean
from acetate.staging import Staged, StagedProject, all_staged, set_aside, staged_again, staged_path
from acetate.swap import Swap, keep_swap
from acetate.verdict import Context, Verdict

__all__ = ["Promotion", "accept", "examine_staged", "put_back", "reject", "staged_at", "undo"]


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a decision on staged recordings did. `swapped` and `dropped` name cassettes; `waiting` has, by cassette, how
    many changes must still be decided before it is swapped."""

    decided: list[Decided]
    swapped: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)


def examine_staged(project: Project, context: Context, names: Collection[str] | None = None) -> Verdict:
    """Examine the recordings that wait: all of them, or those of these cassettes. Raises UsageError where none does."""
    staged = StagedProject(project.config, project.environ)
    files = [each.file for each in all_staged(project.root) if names is None or each.name in names]
    if not files:
        raise UsageError("nothing is staged", next="pytest --record-mode=rewrite   (records again, and stages)")
    return examine(staged, files, context)


def staged_at(project: Project, path: str) -> list[Staged]:
    """What waits for a cassette or below a folder, named from the current folder, from the root, or as it lies under
    `.acetate/staged/`. Raises UsageError where nothing does."""
    root = project.root.resolve()
    stage = staged_path(root, "any").parent
    places = [(base / path).resolve() for base in (Path.cwd(), root)]
    inside = [here.relative_to(base) for here in places for base in (stage, root) if here.is_relative_to(base)]
    names = {each.as_posix().removesuffix(".yaml").removesuffix(".yml") for each in inside}
    every = all_staged(project.root)
    found = [each for each in every if any(name == "." or f"{each.name}/".startswith(f"{name}/") for name in names)]
    if not found:
        raise UsageError("nothing is staged there", where=path, next="acetate status   (lists what is staged)")
    return found


def accept(project: Project, changes: Sequence[Change], *, by: str, why: str, names: Iterable[str] = ()) -> Promotion:
    """Approve changes of staged recordings. While a recording holds others that nobody has approved, only the decisions
    are written; with the last of them snapshots, contracts and cassette change. `names` are cassettes whose recordings
    are meant, too, be there a change in them or not."""
    meant = sorted({where.cassette for each in changes for where in each.occurrences} | set(names))
    with ExitStack() as locks:
        for name in meant:
            locks.enter_context(locked(project.root, f"recording {name}"))
        known = {each.name: each for each in all_staged(project.root) if each.name in meant}
        if not known:
            return Promotion([])
        seen = examine_staged(project, Context(project.config.project, ""), known).changes
        chosen = {each.fingerprint for each in changes}
        waiting = {name: number for name in known if (number := _undecided(seen, name, chosen))}
        view = StagedProject(project.config, project.environ)
        recordings = {name: _content(view, one) for name, one in known.items() if name not in waiting}
        taken = [each for each in seen if each.fingerprint in chosen]
        batch = review.new_batch()
        decided = review.accept(view, taken, by=by, why=why, waiting=waiting, recordings=recordings, batch=batch)
        for name in recordings:
            set_aside(project.root, name, batch)
    return Promotion(decided, tuple(recordings), (), waiting)


def reject(project: Project, changes: Sequence[Change], *, by: str, why: str, names: Collection[str] = ()) -> Promotion:
    """Refuse changes: the recordings that hold them are dropped, the cassettes stay, and why is kept. The recordings of
    the cassettes `names` are dropped, too, be there a change in them or not."""
    view = StagedProject(project.config, project.environ)
    decided = review.reject(view, changes, by=by, why=why)
    batch = decided[0].batch if decided else review.new_batch()
    unwanted = {where.cassette for each in changes for where in each.occurrences} | set(names)
    dropped = [each.name for each in all_staged(project.root) if each.name in unwanted]
    if dropped and not decided:
        keep_swap(project.root, Swap(batch))
    for name in dropped:
        set_aside(project.root, name, batch)
    return Promotion(decided, (), tuple(dropped))


def undo(project: Project, decisions: Sequence[Decided], *, by: str, why: str) -> tuple[list[Decided], list[str]]:
    """Take decisions back. The recordings that they took off the stage wait there again, unless newer ones do: these
    cassettes are the second thing."""
    undone = review.undo(project, decisions, by=by, why=why)
    batches = {each.batch for each in decisions}
    return undone, [name for batch in sorted(batches, reverse=True) for name in staged_again(project.root, batch)]


def put_back(project: Project, swap: Swap) -> list[str]:
    """Take back what was done to recordings without a change; the cassettes whose recordings wait again."""
    review.put_back(project, swap)
    return staged_again(project.root, swap.batch)


def _undecided(changes: Iterable[Change], name: str, chosen: Collection[str]) -> int:
    """How many changes stand between a recording and its place."""
    open_ones = (each for each in changes if each.fingerprint not in chosen and each.decision != "approved")
    return sum(_occurs(each, {name}) for each in open_ones)


def _occurs(change: Change, names: Collection[str]) -> bool:
    return any(where.cassette in names for where in change.occurrences)


def _content(view: StagedProject, one: Staged) -> bytes:
    """The cassette as it will be, redacted by the rules of today."""
    exchanges: list[RedactedExchange] = []
    for exchange in view.exchanges(one.file):
        clean = redact(exchange, view.redaction)
        check_clean(clean, view.redaction)
        exchanges.append(clean)
    return rendered(exchanges).encode()
