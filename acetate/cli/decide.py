"""Verbs that decide: accept, reject, undo."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from acetate import promotion
from acetate.amendment import examine_amendment
from acetate.change import Change
from acetate.cli.progress import counting
from acetate.context import context_of, git, in_ci
from acetate.decision import Decided
from acetate.errors import Refused, UsageError
from acetate.examine import examine
from acetate.kind import KINDS
from acetate.project import Project
from acetate.provide import with_provided
from acetate.report.text import aside
from acetate.report.wording import Scope, counted, place, printable
from acetate.review import accept as accept_changes
from acetate.review import confirm, rebuild
from acetate.review import reject as reject_changes
from acetate.staging import all_staged
from acetate.swap import last_swap
from acetate.verdict import Verdict

__all__ = ["accept", "decided_place", "named_one", "reject", "undo", "writable"]

T = TypeVar("T")


def accept(arguments: argparse.Namespace) -> int:
    """Approve changes, or derive all contracts again."""
    project = writable(arguments, "accept")
    if arguments.rebuild:
        if _selects(arguments) or arguments.against is not None:
            raise UsageError("`--rebuild` derives all contracts and takes no changes", next="acetate accept --rebuild")
        changed = rebuild(project)
        print("\n".join([f"derived again  {path}" for path in changed] or ["every contract is as its snapshots say"]))
        return 0
    # What a commit changed is in the approved files already: there is only a decision to write.
    decide = confirm if arguments.against is not None else accept_changes

    def promote(changes: Sequence[Change], by: str, why: str) -> promotion.Promotion:
        return promotion.accept(project, changes, by=by, why=why, names=_recordings(project, arguments))

    return _decide(project, arguments, decide, promote, "accepted")


def reject(arguments: argparse.Namespace) -> int:
    """Refuse changes."""
    project = writable(arguments, "reject")

    def promote(changes: Sequence[Change], by: str, why: str) -> promotion.Promotion:
        return promotion.reject(project, changes, by=by, why=why, names=_recordings(project, arguments))

    return _decide(project, arguments, reject_changes, promote, "rejected")


def undo(arguments: argparse.Namespace) -> int:
    """Take decisions back."""
    project = writable(arguments, "undo")
    standing = project.decisions.standing()
    swap = last_swap(project.root)
    if swap is not None and not arguments.what and (not standing or swap.batch > standing[-1].batch):
        _print_rows(["staged", name, "waits again"] for name in promotion.put_back(project, swap))
        print("\ntaken back: everything is as before; look again: acetate check --staged")
        return 0
    if not standing:
        raise UsageError("there is no decision to undo", next="acetate log   (lists all decisions)")
    if arguments.what:
        chosen = [named_one(each, standing, lambda each: each.fingerprint, "acetate log") for each in arguments.what]
    else:
        chosen = [each for each in standing if each.batch == standing[-1].batch]
    undone, staged = promotion.undo(project, chosen, by=_person(project), why=arguments.reason)
    _print_rows(["undone", each.fingerprint[:8], str(each.change["kind"]), decided_place(each)] for each in undone)
    _print_rows(["staged", name, "waits again"] for name in staged)
    print(f"\n{len(undone)} undone; look again: acetate check{' --staged' * bool(staged)}")
    return 0


def writable(arguments: argparse.Namespace, verb: str) -> Project:
    """The project, where something approved may be written: never in CI."""
    if in_ci(os.environ):
        raise Refused(
            f"`acetate {verb}` writes approved files, and CI never does (`CI` is set)",
            next=f"run `acetate {verb}` on your machine and commit what it writes",
        )
    return Project.open(arguments.root, os.environ)


def decided_place(decided: Decided) -> str:
    """`together:chat.completions 200 stream  $.id`, as a decision remembers it."""
    change = decided.change
    return f"{change['operation']} {change['status']}{' stream' if change['stream'] else ''}  {change['path']}"


def named_one(prefix: str, things: Sequence[T], name: Callable[[T], str], look: str) -> T:
    """The one thing whose name starts so. Raises UsageError where none or several do."""
    found = {name(each): each for each in things if prefix and name(each).startswith(prefix.lower())}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise UsageError(
            f"`{prefix}` is the start of {len(found)} fingerprints", next=f"write more of one: {', '.join(found)}"
        )
    raise UsageError(f"no fingerprint here starts with `{prefix}`", next=f"{look}   (lists them)")


def _decide(
    project: Project,
    arguments: argparse.Namespace,
    decide: Callable[..., list[Decided]],
    promote: Callable[[Sequence[Change], str, str], promotion.Promotion],
    done: str,
) -> int:
    _check_words(arguments)
    here = _verdict(project, arguments.against) if not arguments.staged else None
    staged = _staged_verdict(project) if arguments.staged or _names_one(project, arguments) else None
    verdicts = [each for each in (here, staged) if each is not None]
    chosen = _chosen(project, verdicts, arguments)
    names = {each.fingerprint for each in chosen}
    by, why = _person(project), arguments.reason
    decided: list[Decided] = []
    if here is not None and (changes := [each for each in here.changes if each.fingerprint in names]):
        decided += decide(project, changes, by=by, why=why)
    promoted = promotion.Promotion([])
    if staged is not None:
        promoted = promote([each for each in staged.changes if each.fingerprint in names], by, why)
        decided += promoted.decided
    _print_rows([done, each.fingerprint[:8], each.kind, f"{place(each)}  {each.path}"] for each in chosen)
    _print_rows(_promoted_rows(promoted))
    for line in _end(decided, promoted, verdicts, done):
        print(line)
    problems = [problem for each in verdicts for problem in each.problems]
    for line in aside(problems, _standing(verdicts, decided)):
        print(line)
    return 2 if problems else 0


def _standing(verdicts: Sequence[Verdict], decided: Sequence[Decided]) -> Iterable[str]:
    """The notes that still hold: not those on a file that has just been written anew."""
    written = {file.path for each in decided for file in each.files if file.before != file.after}
    notes = dict.fromkeys(note for each in verdicts for note in each.notes)
    return [note for note in notes if note.partition(" ")[0] not in written]


def _promoted_rows(promoted: promotion.Promotion) -> Iterable[list[str]]:
    yield from (["in place", name, ""] for name in promoted.swapped)
    yield from (["dropped", name, ""] for name in promoted.dropped)
    yield from (
        ["staged", name, f"{counted(number, 'change')} to decide: acetate check --staged"]
        for name, number in promoted.waiting.items()
    )


def _end(
    decided: Sequence[Decided],
    promoted: promotion.Promotion,
    verdicts: Sequence[Verdict],
    done: str,
) -> Iterable[str]:
    """How much was decided, and how that is taken back."""
    if decided:
        files = {file.path for each in decided for file in each.files if file.before != file.after}
        written = f", {counted(len(files), 'approved file')} written" if files else ""
        yield f"\n{len(decided)} {done}{written}; take it back: acetate undo"
    elif promoted.swapped or promoted.dropped:
        yield "\nno change to decide; take it back: acetate undo"
    else:
        waiting = any(each.decision is None for verdict in verdicts for each in verdict.changes)
        yield f"nothing to decide: no {'waiting change fits' if waiting else 'change is waiting'}"


def _recordings(project: Project, arguments: argparse.Namespace) -> list[str]:
    """The cassettes whose staged recordings are meant themselves, be there a change in them or not."""
    if not arguments.staged or arguments.kind or arguments.severity:
        return []
    if arguments.all:
        return [each.name for each in all_staged(project.root)]
    paths = [what for what in arguments.what if not _is_prefix(project, what)]
    return [each.name for path in paths for each in promotion.staged_at(project, path)]


def _check_words(arguments: argparse.Namespace) -> None:
    if not _selects(arguments):
        raise UsageError("which changes?", next="name a fingerprint or a path, or use --all, --kind or --severity")
    if arguments.all and arguments.what:
        raise UsageError("`--all` and names do not go together", next="leave one of them out")
    if arguments.staged and arguments.against is not None:
        raise UsageError("`--staged` and `--against` do not go together", next="leave one of them out")
    _check_kinds(arguments.kind)


def _selects(arguments: argparse.Namespace) -> bool:
    return bool(arguments.what or arguments.all or arguments.kind or arguments.severity)


def _check_kinds(kinds: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in KINDS:
            import difflib

            near = difflib.get_close_matches(kind, KINDS, n=1)
            raise UsageError(
                f"there is no kind `{kind}`",
                next=f"--kind {near[0]}" if near else "acetate explain   (lists all kinds)",
            )


def _verdict(project: Project, against: str | None) -> Verdict:
    context = context_of(project.config.project, project.root, os.environ, quick=True)
    if against is not None:
        return examine_amendment(project, against, context)
    return with_provided(examine(project, project.cassettes(), context, complete=True, counting=counting), project)


def _staged_verdict(project: Project) -> Verdict:
    """What the recordings that wait would change."""
    return promotion.examine_staged(project, context_of(project.config.project, project.root, os.environ, quick=True))


def _names_one(project: Project, arguments: argparse.Namespace) -> bool:
    """True if a fingerprint is named, which may be one of what waits."""
    named = any(_is_prefix(project, what) for what in arguments.what)
    return named and arguments.against is None and bool(all_staged(project.root))


def _chosen(project: Project, verdicts: Sequence[Verdict], arguments: argparse.Namespace) -> Sequence[Change]:
    """The changes that all words of the command fit; each narrows the choice. A fingerprint is found wherever it is;
    every other word speaks of the first verdict alone."""
    named: dict[str, Change] = {}
    for what in arguments.what:
        if _is_prefix(project, what):
            every = [change for verdict in reversed(verdicts) for change in verdict.changes]
            scope = Scope(arguments.against, arguments.staged)
            found = [named_one(what, every, lambda each: each.fingerprint, f"acetate check{scope.deciding}")]
        else:
            found = _at(project, what, verdicts[0].changes, staged=arguments.staged)
        named |= {each.fingerprint: each for each in found}
    chosen = named.values() if arguments.what else _waiting(verdicts[0].changes)
    return [
        each
        for each in chosen
        if (not arguments.kind or each.kind in arguments.kind)
        and (not arguments.severity or each.severity in arguments.severity)
    ]


def _at(project: Project, path: str, changes: Sequence[Change], *, staged: bool) -> list[Change]:
    """Those of a cassette or folder that wait."""
    files = promotion.staged_at(project, path) if staged else project.cassettes([path])
    names = {each.name for each in files}
    return [each for each in _waiting(changes) if any(where.cassette in names for where in each.occurrences)]


def _is_prefix(project: Project, what: str) -> bool:
    """True for hexadecimal digits, unless a file or folder is called so."""
    hexadecimal = all(character in "0123456789abcdef" for character in what.lower())
    return hexadecimal and not (what and any((base / what).exists() for base in (Path.cwd(), project.root)))


def _waiting(changes: Sequence[Change]) -> list[Change]:
    return [each for each in changes if each.decision is None]


def _person(project: Project) -> str:
    """Who decides, as git knows them."""
    name, email = git(project.root, "config", "user.name"), git(project.root, "config", "user.email")
    if name and email:
        return f"{name} <{email}>"
    try:
        return name or email or getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"user {os.getuid()}"


def _print_rows(rows: Iterable[list[str]]) -> None:
    """What was decided, in columns."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)] if cells else []
    for row in cells:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
