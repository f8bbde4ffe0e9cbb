"""Promotion: a staged recording becomes the cassette, once no change in it is undecided or rejected; or it is dropped.

A staged recording is examined under the name of its cassette, as if it lay there already. The approved files and the
cassette change together; whoever is killed in between finds the recording staged still, without a change in it, and
the next decision swaps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from acetate import review
from acetate.cassette import Cassette, rendered
from acetate.change import Change
from acetate.decision import Decided
from acetate.examine import examine
from acetate.exchange import RedactedExchange
from acetate.files import locked, write_atomic
from acetate.project import CassetteFile, Project
from acetate.redaction import redact
from acetate.secret import check_clean
from acetate.staging import Staged, all_staged, unstage
from acetate.verdict import Context, Verdict

__all__ = ["Promotion", "accept", "examine_staged", "reject"]


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a decision on staged recordings did. `swapped` and `dropped` name cassettes; `waiting` has, by cassette, how
    many changes must still be decided before it is swapped."""

    decided: list[Decided]
    swapped: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    waiting: tuple[tuple[str, int], ...] = ()


class _StagedProject(Project):
    """The project as it would be if what is staged were in place."""

    def cassettes(self, paths: Sequence[str] = ()) -> list[CassetteFile]:
        found = [each.file for each in all_staged(self.root)]
        if not paths:
            return found
        names = {file.name for file in super().cassettes(paths)}
        return [file for file in found if file.name in names or file.name in paths]

    def cassette_file(self, name: str) -> CassetteFile:
        found = next((each.file for each in all_staged(self.root) if each.name == name), None)
        return found or super().cassette_file(name)


def examine_staged(project: Project, context: Context) -> Verdict:
    """Examine all recordings that wait."""
    staged = _StagedProject(project.config, project.environ)
    return examine(staged, staged.cassettes(), context)


def accept(project: Project, changes: Sequence[Change], *, by: str, why: str) -> Promotion:
    """Approve changes of staged recordings. While a recording holds others that nobody has approved, only the decisions
    are written; with the last of them snapshots, contracts and cassette change."""
    staged = _StagedProject(project.config, project.environ)
    chosen = {each.fingerprint for each in changes}
    seen = examine_staged(project, Context(project.config.project, "")).changes
    known = {each.name for each in all_staged(project.root)}
    open_in = {name: _open(seen, name, chosen) for name in known}
    ready = {name for name in known if not open_in[name]}
    taken = [
        part for each in seen if each.fingerprint in chosen or each.decision == "approved" for part in _in(each, ready)
    ]
    noted = [part for each in changes for part in _in(each, known - ready)]
    decided = review.accept(staged, taken, by=by, why=why) if taken else []
    decided += review.confirm(staged, noted, by=by, why=why) if noted else []
    for each in all_staged(project.root):
        if each.name in ready:
            _swap(project, each)
    return Promotion(decided, tuple(sorted(ready)), (), tuple(sorted((n, len(c)) for n, c in open_in.items() if c)))


def reject(project: Project, changes: Sequence[Change], *, by: str, why: str) -> Promotion:
    """Refuse changes: the recordings that hold them are dropped, the cassettes stay, and why is kept."""
    staged = _StagedProject(project.config, project.environ)
    decided = review.reject(staged, changes, by=by, why=why)
    names = {where.cassette for each in changes for where in each.occurrences}
    dropped = [each.name for each in all_staged(project.root) if each.name in names]
    for name in dropped:
        unstage(project.root, name)
    return Promotion(decided, (), tuple(dropped))


def _open(changes: Iterable[Change], name: str, chosen: set[str]) -> list[Change]:
    """What stands between a recording and its place; what is harmless does not."""
    return [
        each
        for each in changes
        if each.fingerprint not in chosen
        and (each.decision == "rejected" or (each.decision is None and each.severity in ("error", "warn")))
        and any(where.cassette == name for where in each.occurrences)
    ]


def _in(change: Change, names: set[str]) -> Iterator[Change]:
    """The change as far as it occurs in these cassettes."""
    here = tuple(where for where in change.occurrences if where.cassette in names)
    if here:
        yield replace(change, occurrences=here)


def _swap(project: Project, staged: Staged) -> None:
    """Put the recording where it belongs, redacted by the rules of today."""
    exchanges: list[RedactedExchange] = []
    for exchange in project.exchanges(staged.file):
        clean = redact(exchange, project.redaction)
        check_clean(clean, project.redaction)
        exchanges.append(clean)
    path = project.root / f"{staged.name}.yaml"
    with locked(project.root, f"recording {staged.name}"):
        if staged.how == "replace":
            write_atomic(path, rendered(exchanges).encode())
        else:
            cassette = Cassette(path, project.root)
            for clean in exchanges:
                cassette.append(clean)
            cassette.save()
    unstage(project.root, staged.name)
