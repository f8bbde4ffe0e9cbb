"""Pruning: leftovers taken out of their files, not a line of what stays changed, and only what git can bring back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from acetate.cassette import read_exchanges, read_text
from acetate.context import git
from acetate.contract import pinned_in, read_contract
from acetate.errors import AcetateError, CassetteError, Refused
from acetate.files import WORKSPACE, locked, write_atomic
from acetate.leftovers import Leftover, item_spans
from acetate.library import Ref
from acetate.project import Project
from acetate.review import rebuild
from acetate.snapshot import Entry, read_snapshot, snapshot_bytes
from acetate.verdict import Problem

__all__ = ["LIST", "Plan", "planned", "prune"]

LIST = f"{WORKSPACE}/pruned"
"""Names the files that the last pruning changed, as `git checkout --pathspec-from-file` takes them."""
_AT_ONCE = 500  # paths of one git command

Files = dict[str, bytes | None]
"""What files will be, by their paths from the root: new bytes, or None for one that goes."""


@dataclass(slots=True)
class Plan:
    """What taking out `leftovers` does to cassettes and snapshots, and which contracts nothing speaks for afterwards.
    `problems` say why other leftovers stay; `freed` is in bytes."""

    leftovers: list[Leftover] = field(default_factory=list)
    files: Files = field(default_factory=dict)
    contracts: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    freed: int = 0


def planned(project: Project, leftovers: Sequence[Leftover]) -> Plan:
    """How these leftovers would be taken out, with what is approved of them; nothing is written."""
    plan = Plan()
    for cassette in dict.fromkeys(each.cassette for each in leftovers):
        these = [each for each in leftovers if each.cassette == cassette]
        try:
            plan.files |= _files(project, cassette, these)
        except CassetteError as error:
            plan.problems.append(Problem(error.where, error.problem, error.next))
        else:
            plan.leftovers += these
    plan.contracts = list(_contracts_left(project, plan.files))
    gone: Files = {**plan.files, **dict.fromkeys(plan.contracts)}
    plan.freed = sum(_size(project.library.tree.read(path)) - _size(after) for path, after in gone.items())
    return plan


def prune(project: Project, leftovers: Sequence[Leftover]) -> Plan:
    """Take them out, and derive the contracts again. Files that are not committed as they are stay untouched: the
    plan's problems name them. Raises Refused where there is no git."""
    with locked(project.root, "review"):
        loose = _not_committed(project, list(planned(project, leftovers).files))
        plan = planned(project, [each for each in leftovers if not loose & _touched(project, each)])
        plan.problems += [
            Problem(path, "git does not have it as it is, so nothing could bring it back", "commit it, then prune")
            for path in sorted(loose)
        ]
        if not plan.files:
            return plan
        # Should this be cut off in the middle, the next pruning finds the rest: entries whose exchange is gone.
        write_atomic(project.root / LIST, "".join(f":(literal){path}\n" for path in plan.files).encode())
        for path, content in {**plan.files, **dict.fromkeys(plan.contracts)}.items():
            if content is None:
                (project.root / path).unlink(missing_ok=True)
            else:
                write_atomic(project.root / path, content)
    rebuild(project)
    return plan


def _touched(project: Project, leftover: Leftover) -> set[str]:
    return {leftover.file, project.library.snapshot_file(leftover.cassette)}


def _files(project: Project, cassette: str, leftovers: Sequence[Leftover]) -> Files:
    """The cassette and its snapshot without these leftovers; only what changes."""
    snapshot = project.library.snapshot_file(cassette)
    files: Files = {}
    entries = project.library.entries(cassette)
    every = set(range(len(entries)))
    going = {each.entry for each in leftovers if each.entry is not None}
    recordings = [each for each in leftovers if each.file != snapshot]
    if recordings:
        file = recordings[0].file
        files[file] = _cut(project, file, {each.position for each in recordings})
        going |= every if files[file] is None else set()
    for each in leftovers:
        if each.file == snapshot:
            going |= every if each.position is None else {each.position}
    if going or any(each.file == snapshot for each in leftovers):
        left = [entry for position, entry in enumerate(entries) if position not in going]
        files[snapshot] = snapshot_bytes(left) if left else None
    return files


def _cut(project: Project, file: str, positions: set[int | None]) -> bytes | None:
    """The cassette without these exchanges (None stands for all of them); None if it holds no other. Raises
    CassetteError where its layout does not tell what to cut."""
    known = read_exchanges(read_text(project.root / file, file), file)
    if None in positions or positions.issuperset(range(len(known))):
        return None
    text = (project.root / file).read_bytes().decode()
    spans = item_spans(text, len(known))
    if spans is not None:
        kept = [text[start:end] for position, (start, end) in enumerate(spans) if position not in positions]
        left = "".join([text[: spans[0][0]], *kept, text[spans[-1][1] :]])
        wanted = [each for position, each in enumerate(known) if position not in positions]
        if _reads(left, file) == wanted:
            return left.encode()
    raise CassetteError(
        "it is laid out in a way that nothing can be cut out of", where=file, next="record the whole cassette again"
    )


def _reads(text: str, file: str) -> object:
    """The exchanges of a text that was cut; None if the cut has spoiled it (an anchor that went, and its alias)."""
    try:
        return read_exchanges(text.replace("\r\n", "\n").removeprefix("\ufeff"), file)
    except AcetateError:
        return None


def _contracts_left(project: Project, files: Files) -> Iterator[str]:
    """The derived contracts that nothing approved speaks for any more, and in which no person wrote."""
    library = project.library
    alive = {Ref.of(entry) for entry in _entries_after(project, files)} if files else set()
    for path in library.contract_files() if files else ():
        contract = read_contract(library.tree.read(path) or b"{}", path)
        is_derived = "operation" in contract.evidence and not pinned_in(contract.document)
        if is_derived and Ref.of_contract(contract) not in alive:
            yield path


def _entries_after(project: Project, files: Files) -> Iterator[Entry]:
    library = project.library
    for name in library.snapshot_names():
        path = library.snapshot_file(name)
        content = files[path] if path in files else library.tree.read(path)
        if content is not None:
            yield from read_snapshot(content, path)


def _size(content: bytes | None) -> int:
    return len(content or b"")


def _not_committed(project: Project, paths: Sequence[str]) -> set[str]:
    """Those that git could not bring back: never added, ignored, or changed since the last commit. Raises Refused
    where there is no git."""
    loose: set[str] = set()
    prefix = git(project.root, "rev-parse", "--show-prefix") or ""
    for start in range(0, len(paths), _AT_ONCE):
        # `--branch` makes it say something where all is clean: silence means that git failed.
        words = ("status", "--porcelain", "-z", "--branch", "--no-renames", "--ignored", "--untracked-files=all", "--")
        said = git(project.root, *words, *(f":(literal){path}" for path in paths[start : start + _AT_ONCE]))
        if said is None:
            raise Refused(
                "this is no git repository, and what is removed could not be brought back",
                where=str(project.root),
                next="git init, add and commit what is there, then acetate prune --yes",
            )
        # From git's own root; a whole folder that is ignored is one line, with a slash at its end.
        found = tuple(line[3:] for line in said.split("\0") if line and not line.startswith("## "))
        folders = tuple(each for each in found if each.endswith("/"))
        loose |= {path for path in paths if prefix + path in found or (prefix + path).startswith(folders)}
    return loose
